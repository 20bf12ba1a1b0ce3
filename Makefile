# SPDX-License-Identifier: GPL-2.0-only
# Calls kbuild, the tools' build and the virtual machine; see "make help".

KDIR ?= /lib/modules/$(shell uname -r)/build
O ?= $(CURDIR)/build
VM := selftests/vm

# A command line for the guest is not make's to expand.
override CMD := $(value CMD)
export KERNEL TEST CMD NO_INSTALL ACCEL

.PHONY: all module tools vm demo check regen regen-check bench bench-host bench-gate clean help

all: module tools

module:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

tools:
	$(MAKE) -C tools O=$(O)/tools

vm demo check regen regen-check bench bench-host bench-gate:
	@$(VM)/run.sh $@

clean:
	$(if $(wildcard $(KDIR)),-$(MAKE) -C $(KDIR) M=$(CURDIR) clean)
	rm -rf $(O)

help:
	@cat $(VM)/help
