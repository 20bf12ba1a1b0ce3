/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before each source of zcachectl: its main() has another name, and what it
 * keeps in variables is together, so that it can be made as at the start of a program.
 */
#define main zcachectl_main
#pragma clang section bss = "ctl_bss" data = "ctl_data"
