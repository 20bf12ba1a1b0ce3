# SPDX-License-Identifier: GPL-2.0-only
# The benches that need no module: host/rN_*.c is a program, one per published claim; the
# other files are the frame.

HOST_PROGS := $(patsubst host/%.c,$(O)/host/%,$(wildcard host/r[0-9]*_*.c))
HOST_OBJS := $(patsubst %.c,$(O)/obj/%.o,$(wildcard host/*.c))
HOST_FRAME := $(filter-out $(O)/obj/host/r%,$(HOST_OBJS))
LIBZCACHE := $(O)/tools/libzcache.a
LIB_LIBS := -lz $(shell pkg-config --libs liburing 2>/dev/null)

.PHONY: host
host: $(HOST_PROGS)

$(HOST_OBJS): override CPPFLAGS += -I$(TOP)/tools/lib
.SECONDARY: $(HOST_OBJS)

# Made by its own rules, which know what it is made of.
$(LIBZCACHE): FORCE
	@$(MAKE) -s -C $(TOP)/tools O=$(O)/tools $@
.PHONY: FORCE
FORCE:

$(O)/host/%: $(O)/obj/host/%.o $(HOST_FRAME) $(LIBZCACHE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIB_LIBS)

-include $(HOST_OBJS:.o=.d)
