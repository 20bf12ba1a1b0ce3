// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The handler of SIGBUS, and the mappings that it knows.
 *
 * A handler may take no lock and get no memory: who holds the lock may be the thread that
 * it interrupts. So entries lie in blocks that are never freed and only ever appended, and
 * each has a sequence number, odd while its owner writes it.
 */
#ifndef ZC_NO_MMAP
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "map_fault.h"

#define BLOCK 64

struct zcf_range {
	_Atomic(uint32_t) sequence;
	_Atomic(uintptr_t) start, end;
	atomic_bool failed;
	atomic_bool used;
};

struct block {
	struct zcf_range range[BLOCK];
	_Atomic(struct block *) next;
};

static struct block blocks;
/* Written before the handler is installed, and never again. */
static struct sigaction former;
static uintptr_t page_size;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/*
 * The entry of an address, and where its memory ends. One that is being written, or was
 * meanwhile, is not that of a fault: its owner does not read memory that it is unmapping.
 */
static struct zcf_range *find(uintptr_t at, uintptr_t *end)
{
	struct block *b;
	int i;

	for (b = &blocks; b; b = atomic_load(&b->next)) {
		for (i = 0; i < BLOCK; i++) {
			struct zcf_range *r = &b->range[i];
			uint32_t sequence = atomic_load(&r->sequence);
			uintptr_t start = atomic_load(&r->start);

			*end = atomic_load(&r->end);
			if (at >= start && at < *end && !(sequence & 1) &&
			    atomic_load(&r->sequence) == sequence)
				return r;
		}
	}
	return NULL;
}

static bool zeros(uintptr_t from, uintptr_t to)
{
	return mmap((void *)from, to - from, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0) != MAP_FAILED;
}

/* Async-signal-safe: atomics that are free of locks, and mmap(2), which is a system call. */
static bool patch(uintptr_t at)
{
	uintptr_t end;
	struct zcf_range *r = find(at, &end);

	if (!r)
		return false;
	atomic_store(&r->failed, true);
	at &= ~(page_size - 1);
	/*
	 * A page alone, since others may still be good. Where that cannot be (too many
	 * mappings by now, pages of another size), all that follow.
	 */
	return zeros(at, at + page_size) || zeros(at, (end + page_size - 1) & ~(page_size - 1));
}

/* What would have been, had this library no handler. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	bool fault = info->si_code == BUS_ADRALN || info->si_code == BUS_ADRERR ||
		info->si_code == BUS_OBJERR || info->si_code == BUS_MCEERR_AR;
	sigset_t mask;

	if ((former.sa_flags & SA_SIGINFO) ||
	    (former.sa_handler != SIG_DFL && former.sa_handler != SIG_IGN)) {
		pthread_sigmask(SIG_BLOCK, &former.sa_mask, &mask);
		if (former.sa_flags & SA_SIGINFO)
			former.sa_sigaction(sig, info, context);
		else
			former.sa_handler(sig);
		pthread_sigmask(SIG_SETMASK, &mask, NULL);
		return;
	}
	/* A fault that is ignored would be there again at once: the kernel ends it as well. */
	if (former.sa_handler == SIG_IGN && !fault)
		return;
	signal(sig, SIG_DFL);
	/* Returning repeats a fault, which ends the process; another signal is sent again. */
	if (!fault)
		raise(sig);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	/* Only faults: what somebody sent has no address, or any. */
	if ((info->si_code != BUS_ADRERR && info->si_code != BUS_MCEERR_AR) ||
	    !patch((uintptr_t)info->si_addr))
		pass_on(sig, info, context);
	errno = saved;
}

static void install(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };

	page_size = sysconf(_SC_PAGESIZE);
	action.sa_sigaction = on_sigbus;
	sigemptyset(&action.sa_mask);
	/* Known before the handler can run in another thread. */
	sigaction(SIGBUS, NULL, &former);
	sigaction(SIGBUS, &action, NULL);
}

int zcf_add(struct zcf_range **range)
{
	struct block *b = &blocks, *next;
	int i;

	pthread_once(&once, install);
	for (;; b = next) {
		for (i = 0; i < BLOCK; i++) {
			bool used = false;

			if (!atomic_compare_exchange_strong(&b->range[i].used, &used, true))
				continue;
			atomic_store(&b->range[i].failed, false);
			*range = &b->range[i];
			return 0;
		}
		next = atomic_load(&b->next);
		if (!next) {
			struct block *mine = calloc(1, sizeof(*mine));

			if (!mine)
				return -ENOMEM;
			/* Another thread may have been faster; then next is its block. */
			if (atomic_compare_exchange_strong(&b->next, &next, mine))
				next = mine;
			else
				free(mine);
		}
	}
}

void zcf_set(struct zcf_range *range, void *start, size_t len)
{
	atomic_fetch_add(&range->sequence, 1);
	atomic_store(&range->start, (uintptr_t)start);
	atomic_store(&range->end, (uintptr_t)start + len);
	atomic_fetch_add(&range->sequence, 1);
}

bool zcf_failed(const struct zcf_range *range)
{
	/* Reads of the mapping that stand before this are not to be done after it. */
	atomic_signal_fence(memory_order_seq_cst);
	return atomic_load(&range->failed);
}

void zcf_del(struct zcf_range *range)
{
	if (!range)
		return;
	zcf_set(range, NULL, 0);
	atomic_store(&range->used, false);
}
#else
/* No file without a declaration, as ISO C wants it. */
typedef int zcf_no_mmap;
#endif
