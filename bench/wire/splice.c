// SPDX-License-Identifier: GPL-2.0
/* The module's own way of passing pages, built a second time for zc_wire. */
#include "../../kmod/compat/splice.c"
