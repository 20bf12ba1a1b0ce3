// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* Aligned buffers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "zcache_io.h"

#define HUGE (2U << 20)

int zc_aligned_alloc(struct zc_aligned *buf, size_t size, size_t alignment)
{
	void *data;

	if (!alignment)
		alignment = 4096;
	if (!buf || !size || alignment < 8 || (alignment & (alignment - 1)) ||
	    size > SIZE_MAX / 2 || alignment > SIZE_MAX / 4)
		return -EINVAL;
	size = (size + alignment - 1) & ~(alignment - 1);
	if (posix_memalign(&data, alignment, size))
		return -ENOMEM;
	/* A hint: a kernel without huge pages has none to give. */
	if (size >= HUGE && alignment >= HUGE)
		madvise(data, size, MADV_HUGEPAGE);
	memset(data, 0, size);
	*buf = (struct zc_aligned){ .data = data, .size = size, .alignment = alignment };
	return 0;
}

void zc_aligned_free(struct zc_aligned *buf)
{
	if (!buf)
		return;
	free(buf->data);
	*buf = (struct zc_aligned){ 0 };
}
