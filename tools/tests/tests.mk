# SPDX-License-Identifier: GPL-2.0-only
# Unit tests: every tests/test_*.c is a program that prints TAP. They run without
# the module and without rights; the fake_*.c stand in for the kernel's side.

# Those of the library, which need nothing that it does not need itself.
# LIB_WITHOUT are left out where a way to build cannot change what they find.
LIB_TESTS := $(filter-out $(LIB_WITHOUT),$(basename $(notdir \
	$(foreach t,lib mirror xfer io model,$(wildcard tests/test_$t*.c)))))

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
	$(O)/obj/tests/fake_system.o $(O)/obj/tests/shim.o,$(TEST_OBJS))

LIB_TEST_PROGS := $(LIB_TESTS:%=$(O)/tests/%)
LIB_TEST_OBJS := $(LIB_TESTS:%=$(O)/obj/tests/%.o) $(TEST_HELPERS) $(O)/obj/tests/shim.o

$(filter-out $(LIB_TEST_OBJS),$(TEST_OBJS)): override CPPFLAGS += \
	-Iserve -Izcachectl -Izcached $(NL_CFLAGS)
.SECONDARY: $(TEST_OBJS)

$(LIB_TEST_PROGS): $(O)/tests/test_%: $(O)/obj/tests/test_%.o $(TEST_HELPERS) \
		$(O)/obj/common/text.o $(O)/libzcache.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP) -o $@ $^ $(TEST_LIBS) $(LIB_LIBS)

$(O)/tests/test_%: $(O)/obj/tests/test_%.o $(TEST_HELPERS) $(O)/libcommon.a $(O)/libzcache.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(TEST_LIBS) $(LIB_LIBS)

# Tests with calls that fail: SHIMMED are linked with the shim.
SHIMMED := test_shim test_xfer test_xfer_file
SHIM_CALLS := $(shell sed -n 's/X(\([a-z_]*\))/\1/gp' tests/shim.h | tr -d '\\')
$(SHIMMED:%=$(O)/tests/%): $(O)/obj/tests/shim.o
$(SHIMMED:%=$(O)/tests/%): WRAP += $(SHIM_CALLS:%=-Wl,--wrap=%)
all: $(O)/tests/shim.so
$(O)/tests/shim.so: tests/shim.c tests/shim.h $(O)/.flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -fsanitize=% -MMD -MP,$(CFLAGS)) -DSHIM_PRELOAD -fPIC -shared -o $@ $< -ldl

$(O)/tests/test_http: $(O)/obj/serve/http.o $(O)/obj/serve/mime.o
$(O)/tests/test_out: $(O)/obj/zcachectl/out.o
$(O)/tests/test_nl: TEST_LIBS = -Wl,--wrap=genl_ctrl_resolve -Wl,--wrap=genl_ctrl_resolve_grp $(NL_LIBS)
$(O)/tests/test_out: TEST_LIBS = $(NL_LIBS)
$(filter $(O)/tests/test_ctl%,$(TEST_PROGS)): TEST_LIBS = $(NL_LIBS)

$(O)/tests/test_daemon_store $(O)/tests/test_daemon_evict: \
	$(O)/obj/tests/fake_policy.o $(O)/obj/zcached/store.o \
	$(O)/obj/zcached/tracked.o $(O)/obj/zcached/kernel.o $(O)/libpolicy.a
$(O)/tests/test_daemon_store $(O)/tests/test_daemon_evict: TEST_LIBS = -Wl,--wrap=nlc_call $(NL_LIBS) -lm

$(O)/tests/test_daemon_mirror: $(patsubst %,$(O)/obj/zcached/%.o,store tracked mirror_steer) \
	$(patsubst %,$(O)/obj/zcachectl/%.o,sim_run sim_trace) $(O)/libpolicy.a
$(O)/tests/test_daemon_mirror: TEST_LIBS = $(NL_LIBS) -lm

$(O)/tests/test_daemon_limits: $(O)/obj/tests/fake_policy.o $(O)/obj/zcached/limit.o
$(O)/tests/test_daemon_limits: TEST_LIBS = -Wl,--wrap=nlc_call $(NL_LIBS)

$(O)/tests/test_daemon_threshold: $(O)/obj/tests/fake_policy.o $(O)/obj/zcached/threshold.o
$(O)/tests/test_daemon_threshold: TEST_LIBS = -Wl,--wrap=nlc_call $(NL_LIBS)

$(O)/tests/test_daemon_tags: $(O)/obj/zcached/tags.o
$(O)/tests/test_daemon_tags: TEST_LIBS = $(patsubst %,-Wl$(comma)--wrap=%,nlc_open nlc_close \
	nlc_ask nlc_piece clock_gettime) $(NL_LIBS)

$(O)/tests/test_daemon_metrics: $(patsubst %,$(O)/obj/zcached/%.o,metrics status accept \
	address store tracked kernel) $(O)/libpolicy.a
$(O)/tests/test_daemon: $(O)/libpolicy.a
$(O)/tests/test_daemon: TEST_LIBS = $(NL_LIBS) -lm
$(O)/tests/test_daemon_metrics: TEST_LIBS = $(NL_LIBS) -lm

$(addprefix $(O)/tests/,test_policy test_policy_model test_policy_learn test_policy_admission): $(O)/libpolicy.a
$(O)/tests/test_policy_learn: TEST_LIBS := $(O)/libpolicy.a -lm
$(O)/tests/test_policy: TEST_LIBS := $(O)/libpolicy.a -lm -Wl,--wrap=malloc -Wl,--wrap=calloc \
	-Wl,--wrap=realloc -Wl,--wrap=free
$(O)/tests/test_policy_model $(O)/tests/test_policy_admission: $(O)/obj/zcachectl/sim_run.o
$(O)/tests/test_policy_model $(O)/tests/test_policy_admission: TEST_LIBS := $(O)/libpolicy.a -lm

# The model is shared with the guest's test; it calls the library that stands before it.
MODEL_OBJS := $(patsubst $(TOP)/selftests/%.c,$(O)/obj/%.o,$(wildcard $(TOP)/selftests/model/*.c))
$(O)/obj/model/%.o: $(TOP)/selftests/model/%.c $(O)/.flags $(UAPI)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(O)/obj/tests/test_model.o: override CPPFLAGS += -I$(TOP)/selftests/model
$(O)/tests/test_model: $(MODEL_OBJS)
$(O)/tests/test_model: TEST_LIBS := $(O)/libzcache.a

# The owner of a mirror, without its loop.
$(O)/tests/test_lib_served $(O)/tests/test_lib_served_bad: $(O)/obj/zcached/mirror_answer.o

# Who is killed at each of the calls that change files; write is the test's own as well.
$(O)/tests/test_mirror_kill: TEST_LIBS := $(patsubst %,-Wl$(comma)--wrap=%,renameat linkat unlinkat \
	flock futimens writev write fallocate fsync openat)
# Allocations that fail.
$(O)/tests/test_io_alloc: TEST_LIBS := $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc \
	posix_memalign free)
# A kernel whose io_uring fails.
$(O)/tests/test_io_broken: TEST_LIBS := $(patsubst %,-Wl$(comma)--wrap=%,io_uring_submit \
	io_uring_submit_and_wait nanosleep zc_pool_free)
# Calls that do less than they are asked for.
$(O)/tests/test_io_short: TEST_LIBS := $(patsubst %,-Wl$(comma)--wrap=%,pread pwrite preadv pwritev)

# What another process does meanwhile is done in these.
$(O)/tests/test_mirror_anew: TEST_LIBS := -Wl,--wrap=pthread_mutex_unlock
$(O)/tests/test_mirror_index: TEST_LIBS := -Wl,--wrap=flock
$(O)/tests/test_mirror_turns: TEST_LIBS := $(patsubst %,-Wl$(comma)--wrap=%,openat unlinkat flock fsync \
	pthread_mutex_lock pthread_mutex_unlock)
# Calls that fail once.
$(O)/tests/test_mirror_passing: TEST_LIBS := $(patsubst %,-Wl$(comma)--wrap=%,pread openat fstatat \
	flock)
$(O)/tests/test_mirror_wait: TEST_LIBS := $(patsubst %,-Wl$(comma)--wrap=%,flock poll inotify_init1)

$(O)/tests/zcachectl-fake: $(CTL_OBJS) $(O)/libcommon.a $(FAKE) $(O)/obj/tests/fake_nl.o \
		$(O)/obj/tests/fake_system.o $(O)/libpolicy.a $(O)/libzcache.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP) $(WRAP_CTL) -o $@ $^ $(LIB_LIBS) $(NL_LIBS) -lm

$(O)/tests/zcache-serve-fake: $(SERVE_OBJS) $(O)/libcommon.a $(FAKE) $(O)/libzcache.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP) -o $@ $^ $(LIB_LIBS) -lhttp_parser

$(O)/tests/zcached-fake: $(DAEMON_OBJS) $(O)/obj/tests/fake_policy.o \
		$(O)/obj/tests/fake_daemon.o $(O)/libcommon.a $(O)/libpolicy.a $(O)/libzcache.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(WRAP_DAEMON) -o $@ $^ $(LIB_LIBS) $(NL_LIBS) $(DAEMON_LIBS) -lm

MAN_PAGES := $(O)/man/zcachectl.8 man/zcache-serve.8 man/zcached.8 man/zcached.conf.5 man/libzcache.3 man/zcache.4

# What is promised to who builds on the library; the same for whatever it is built
# with, so a cross build may leave it out.
LIB_SCRIPTS ?= "tests/test_api.sh lib $(TOP)/uapi" "tests/test_install.sh $(O)/root"

.PHONY: root
root:
	@rm -rf $(O)/root
	@$(MAKE) -s install-lib O=$(O) DESTDIR=$(O)/root PREFIX=/opt/zcache LIBDIR=/opt/zcache/lib

check-lib: lib root $(LIB_TEST_PROGS)
	@BIN=$(O) CC='$(CC)' SANFLAGS='$(SANFLAGS)' RUN='$(RUN)' tests/run.sh $(LIB_TEST_PROGS) $(LIB_SCRIPTS)

check: all root $(TEST_PROGS) $(FAKE_PROGS)
	@BIN=$(O) UAPI=$(TOP)/uapi CC='$(CC)' SANFLAGS='$(SANFLAGS)' tests/run.sh $(TEST_PROGS) \
		"tests/test_man.sh $(MAN_PAGES)" $(LIB_SCRIPTS) \
		"tests/test_schema.py schema" "tests/test_completion.sh completion/zcachectl" \
		"tests/test_metrics.py $(O)/tests/test_daemon_metrics" tests/test_prometheus.py tests/test_page.py tests/test_access.py \
		"tests/test_unit.sh zcached/zcached.conf" tests/test_traces.py tests/test_top_tmux.sh
