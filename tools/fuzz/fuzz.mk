# SPDX-License-Identifier: GPL-2.0-only
# Fuzzers: fuzz/fuzz_NAME.c is one, with libFuzzer, and fuzz/corpus/NAME what it begins
# with (seeds.sh). They are built by clang, with what they test, in a folder of their own.

SECONDS ?= 60
FUZZERS := $(patsubst fuzz/fuzz_%.c,%,$(wildcard fuzz/fuzz_*.c))
FUZZ_PROGS := $(FUZZERS:%=$(O)/fuzz_%)
FUZZ_OBJS := $(FUZZERS:%=$(O)/obj/fuzz/fuzz_%.o) $(O)/obj/fuzz/common.o \
	$(O)/obj/fuzz/mirror_files.o

.PHONY: fuzz fuzzers
fuzz:
	@$(MAKE) -s O=$(O)/fuzz CC=clang CFLAGS='-O1 -g' FUZZ=1 \
		SAN=fuzzer-no-link$(comma)address$(comma)undefined fuzzers
	@fuzz/run.sh $(O)/fuzz $(SECONDS) $(FUZZERS)

fuzzers: $(FUZZ_PROGS)

wrap = $(patsubst %,-Wl$(comma)--wrap=%,$1)

$(FUZZ_OBJS): override CPPFLAGS += -Iserve -Izcachectl -Izcached $(NL_CFLAGS)
# without that of large buffers, in which nothing is kept
$(if $(FUZZ),$(filter-out %/bench_ways.o,$(CTL_OBJS))): override CPPFLAGS += -include fuzz/ctl_state.h

$(FUZZ_PROGS): $(O)/fuzz_%: $(O)/obj/fuzz/fuzz_%.o $(O)/obj/fuzz/common.o
	$(CC) $(LDFLAGS) -fsanitize=fuzzer $(FUZZ_WRAP) -o $@ $(filter %.o %.a,$^) $(FUZZ_LIBS)

$(O)/fuzz_config: $(patsubst %,$(O)/obj/zcached/%.o,config address) \
	$(O)/obj/common/text.o $(O)/libpolicy.a
$(O)/fuzz_config: FUZZ_LIBS = $(call once,CONFUSE_LIBS,--libs libconfuse) -lm

$(O)/fuzz_ctl: $(CTL_OBJS) $(O)/libcommon.a $(O)/libpolicy.a $(O)/libzcache.a
$(O)/fuzz_ctl: FUZZ_WRAP = $(call wrap,open access fopen opendir zc_open nlc_open getpwnam getgrnam \
	out_finish)
$(O)/fuzz_ctl: FUZZ_LIBS = $(LIB_LIBS) $(NL_LIBS) -lm

$(O)/fuzz_serve: $(filter-out %/main.o,$(SERVE_OBJS)) $(O)/libcommon.a $(O)/libzcache.a
$(O)/fuzz_serve: FUZZ_WRAP = $(call wrap,exit)
$(O)/fuzz_serve: FUZZ_LIBS = $(LIB_LIBS) -lhttp_parser

$(O)/fuzz_http: $(patsubst %,$(O)/obj/%.o,serve/request serve/http zcached/accept common/text)
$(O)/fuzz_http: FUZZ_LIBS = -lhttp_parser

$(O)/fuzz_trace: $(O)/obj/zcachectl/sim_trace.o $(O)/libcommon.a $(O)/libpolicy.a
$(O)/fuzz_trace: FUZZ_LIBS = -lm

$(O)/fuzz_netlink: $(patsubst %,$(O)/obj/%.o,common/nl zcached/kernel zcached/tracked \
	zcached/tags zcachectl/args zcachectl/mirror zcachectl/out zcachectl/stop) \
	$(O)/libcommon.a $(O)/libpolicy.a $(O)/libzcache.a
$(O)/fuzz_netlink: FUZZ_WRAP = $(call wrap,nlc_open nlc_close recv genl_ctrl_resolve)
$(O)/fuzz_netlink: FUZZ_LIBS = $(LIB_LIBS) $(NL_LIBS) -lm

$(O)/fuzz_mirror $(O)/fuzz_index: $(O)/obj/fuzz/mirror_files.o $(O)/libzcache.a
$(O)/fuzz_mirror $(O)/fuzz_index: FUZZ_LIBS = $(LIB_LIBS)

$(O)/fuzz_served: $(O)/obj/zcached/mirror_answer.o $(O)/obj/fuzz/mirror_files.o $(O)/libzcache.a
$(O)/fuzz_served: FUZZ_WRAP = $(call wrap,connect sendmsg recvmsg)
$(O)/fuzz_served: FUZZ_LIBS = $(LIB_LIBS)
