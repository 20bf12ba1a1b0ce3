/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls that fail, are short, or are the last thing a process does. shim.c is
 * either linked into a test with -Wl,--wrap (see SHIM_WRAP in tests.mk), or preloaded
 * into any program as $(O)/tests/shim.so.
 *
 * A plan is a list of rules CALL:WHICH:WHAT with commas between:
 *
 *	CALL	one of SHIM_CALLS
 *	WHICH	the calls of that name to meet, counted from 1: "3", "2-5", "2+", or
 *		"*" for all
 *	WHAT	the name of an error (SHIM_ERRORS) or its number: the call fails so,
 *		and is not made; "short=N": it is made for N bytes at most;
 *		"after=ERROR": it is made, and fails nevertheless; "kill": the process
 *		gets SIGKILL instead; "killed": the call is made, and then that
 *
 * The first rule that meets a call decides. For preloading the plan is in $ZC_SHIM;
 * with $ZC_SHIM_PATH only calls on files whose path holds that text are counted and met.
 */
#ifndef SHIM_H
#define SHIM_H

#define SHIM_CALLS(X) \
	X(read) X(write) X(readv) X(writev) X(pread) X(pwrite) X(send) X(sendmsg) X(sendfile) \
	X(splice) X(copy_file_range) X(mmap) X(fsync) X(fdatasync) X(ftruncate) X(rename) \
	X(renameat) X(link) X(linkat) X(unlink) X(unlinkat) X(mkdir) X(poll)

/* The plan from here on, and all counts begin anew; NULL for none. -1: bad plan. */
int shim_plan(const char *plan);

/* How often a call was made since the last plan, -1 if there is none of that name. */
int shim_calls(const char *name);

#endif /* SHIM_H */
