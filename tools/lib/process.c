// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* Which process this is. */
#include <pthread.h>
#include <unistd.h>

#include "process.h"

/* A process id has no more bits (PID_MAX_LIMIT). */
#define PID_BITS	22

static uint32_t forks;

static void forked(void)
{
	forks++;
}

__attribute__((constructor)) static void watch(void)
{
	pthread_atfork(NULL, NULL, forked);
}

uint32_t zc_process(void)
{
	return forks << PID_BITS | (uint32_t)getpid();
}
