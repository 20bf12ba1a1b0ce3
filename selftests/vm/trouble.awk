# SPDX-License-Identifier: GPL-2.0-only
# Which lines of a kernel log are trouble.

function trouble_init() {
	# What the kernel prints first when something is wrong. Case matters.
	trouble_re = "(^|[^A-Z])BUG(:| at )|WARNING:|Oops|general protection" \
		"|Kernel panic|Unable to handle|KASAN:|UBSAN:|ODEBUG:" \
		"|possible .*(locking|deadlock|inversion)|inconsistent lock state" \
		"|Invalid wait context|suspicious RCU usage|blocked for more than" \
		"|detected stall|self-detected|soft lockup|hard LOCKUP" \
		"|sleeping function called|Objects remaining|refcount_t:" \
		"|leaked|corruption|Bad page"
	# An allocation that was made to fail complains like one that fell.
	injected_for = 100
	trouble_reset()
}

function trouble_reset() { excused_until = told_until = 0 }

# is_trouble(TEXT, N): TEXT is line N of the log, without its time.
function is_trouble(text, n) {
	if (text ~ /FAULT_INJECTION: forcing a failure/) {
		excused_until = n + injected_for
		return 0
	}
	if (text ~ trouble_re) {
		told_until = n + injected_for
		return 1
	}
	if (text ~ /page allocation failure/) {
		if (n <= excused_until) {
			excused_until = n + injected_for
			return 0
		}
		told_until = n + injected_for
		return 1
	}
	# A stack belongs to the line of trouble above it, if there is one.
	return text ~ /Call Trace:/ && n > excused_until && n > told_until
}
