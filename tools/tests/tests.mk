# SPDX-License-Identifier: GPL-2.0-only
# Unit tests: every tests/test_*.c is a program that prints TAP. They run without
# the module and without rights; the fake_*.c stand in for the kernel's side.

# Those that want the module itself lie next to the programs they test.
all: $(patsubst tests/%,$(O)/%,$(wildcard tests/t_*.sh))
$(O)/t_%.sh: tests/t_%.sh
	@mkdir -p $(@D)
	install -m 755 $< $@

TEST_PROGS := $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/test_*.c))
FAKE := $(patsubst %,$(O)/obj/tests/fake_%.o,kmod life reserve send)
FAKE_PROGS := $(O)/tests/zcachectl-fake $(O)/tests/zcache-serve-fake $(O)/tests/zcached-fake
WRAP := -Wl,--wrap=open -Wl,--wrap=access -Wl,--wrap=ioctl
WRAP_CTL := -Wl,--wrap=nlc_open -Wl,--wrap=nlc_close -Wl,--wrap=nlc_call \
	-Wl,--wrap=nlc_join -Wl,--wrap=recv -Wl,--wrap=sys_path \
	-Wl,--wrap=clock_gettime -Wl,--wrap=chmod -Wl,--wrap=fchownat
WRAP_DAEMON := $(patsubst %,-Wl$(comma)--wrap=%,nlc_open nlc_close nlc_call nlc_ask nlc_piece nlc_join recv \
	capng_have_capability capng_apply)
TEST_OBJS := $(patsubst %.c,$(O)/obj/%.o,$(wildcard tests/*.c))
TEST_HELPERS := $(filter-out $(O)/obj/tests/test_%.o $(O)/obj/tests/fake_nl.o \
	$(O)/obj/tests/fake_policy.o $(O)/obj/tests/fake_daemon.o \
	$(O)/obj/tests/fake_system.o,$(TEST_OBJS))

$(TEST_OBJS): override CPPFLAGS += -Iserve -Izcachectl -Izcached $(NL_CFLAGS)
.SECONDARY: $(TEST_OBJS)

$(O)/tests/test_%: $(O)/obj/tests/test_%.o $(TEST_HELPERS) $(O)/libcommon.a $(O)/libzcache.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(TEST_LIBS)

$(O)/tests/test_http: $(O)/obj/serve/http.o $(O)/obj/serve/mime.o
$(O)/tests/test_out: $(O)/obj/zcachectl/out.o
$(O)/tests/test_nl: TEST_LIBS := -Wl,--wrap=genl_ctrl_resolve -Wl,--wrap=genl_ctrl_resolve_grp $(NL_LIBS)
$(O)/tests/test_out: TEST_LIBS := $(NL_LIBS)
$(filter $(O)/tests/test_ctl%,$(TEST_PROGS)): TEST_LIBS := $(NL_LIBS)

$(O)/tests/test_daemon_store $(O)/tests/test_daemon_evict: \
	$(O)/obj/tests/fake_policy.o $(O)/obj/zcached/store.o \
	$(O)/obj/zcached/tracked.o $(O)/obj/zcached/kernel.o $(O)/libpolicy.a
$(O)/tests/test_daemon_store $(O)/tests/test_daemon_evict: TEST_LIBS := -Wl,--wrap=nlc_call $(NL_LIBS) -lm

$(O)/tests/test_daemon_limits: $(O)/obj/tests/fake_policy.o $(O)/obj/zcached/limit.o
$(O)/tests/test_daemon_limits: TEST_LIBS := -Wl,--wrap=nlc_call $(NL_LIBS)

$(O)/tests/test_daemon_threshold: $(O)/obj/tests/fake_policy.o $(O)/obj/zcached/threshold.o
$(O)/tests/test_daemon_threshold: TEST_LIBS := -Wl,--wrap=nlc_call $(NL_LIBS)

$(O)/tests/test_daemon_tags: $(O)/obj/zcached/tags.o
$(O)/tests/test_daemon_tags: TEST_LIBS := $(patsubst %,-Wl$(comma)--wrap=%,nlc_open nlc_close \
	nlc_ask nlc_piece clock_gettime) $(NL_LIBS)

$(O)/tests/test_daemon_metrics: $(patsubst %,$(O)/obj/zcached/%.o,metrics status accept \
	address store tracked kernel) $(O)/libpolicy.a
$(O)/tests/test_daemon: $(O)/libpolicy.a
$(O)/tests/test_daemon: TEST_LIBS := $(NL_LIBS) -lm
$(O)/tests/test_daemon_metrics: TEST_LIBS := $(NL_LIBS) -lm

$(addprefix $(O)/tests/,test_policy test_policy_model test_policy_learn test_policy_admission): $(O)/libpolicy.a
$(O)/tests/test_policy_learn: TEST_LIBS := $(O)/libpolicy.a -lm
$(O)/tests/test_policy: TEST_LIBS := $(O)/libpolicy.a -lm -Wl,--wrap=malloc -Wl,--wrap=calloc \
	-Wl,--wrap=realloc -Wl,--wrap=free
$(O)/tests/test_policy_model $(O)/tests/test_policy_admission: $(O)/obj/zcachectl/sim_run.o
$(O)/tests/test_policy_model $(O)/tests/test_policy_admission: TEST_LIBS := $(O)/libpolicy.a -lm

$(O)/tests/zcachectl-fake: $(CTL_OBJS) $(O)/libcommon.a $(FAKE) $(O)/obj/tests/fake_nl.o \
		$(O)/obj/tests/fake_system.o $(O)/libpolicy.a $(O)/libzcache.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP) $(WRAP_CTL) -o $@ $^ $(NL_LIBS) -lm

$(O)/tests/zcache-serve-fake: $(SERVE_OBJS) $(O)/libcommon.a $(FAKE) $(O)/libzcache.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP) -o $@ $^ -lhttp_parser

$(O)/tests/zcached-fake: $(DAEMON_OBJS) $(O)/obj/tests/fake_policy.o \
		$(O)/obj/tests/fake_daemon.o $(O)/libcommon.a $(O)/libpolicy.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP_DAEMON) -o $@ $^ $(NL_LIBS) $(DAEMON_LIBS) -lm

MAN_PAGES := $(O)/man/zcachectl.8 man/zcache-serve.8 man/zcached.8 man/zcached.conf.5 man/libzcache.3 man/zcache.4

check: all $(TEST_PROGS) $(FAKE_PROGS)
	@BIN=$(O) UAPI=$(TOP)/uapi CC='$(CC)' tests/run.sh $(TEST_PROGS) \
		"tests/test_man.sh $(MAN_PAGES)" "tests/test_api.sh lib $(TOP)/uapi" \
		"tests/test_schema.py schema" "tests/test_completion.sh completion/zcachectl" \
		"tests/test_metrics.py $(O)/tests/test_daemon_metrics" tests/test_prometheus.py tests/test_page.py tests/test_access.py \
		"tests/test_unit.sh zcached/zcached.conf" tests/test_traces.py tests/test_top_tmux.sh
