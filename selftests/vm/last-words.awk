# SPDX-License-Identifier: GPL-2.0-only
# The lines of a kernel log that say why a guest ended. With trouble.awk.
BEGIN { trouble_init() }
/zcache-vm: failed/ || is_trouble($0, NR)
