// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a mirror, as a disk that lies may give it back: changes of four bytes
 * each, after four with where.
 */
#include <string.h>

#include "fuzz.h"
#include "mirror_files.h"

#define CHANGE 8

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mirror_make();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mirror_restore();
	for (; size >= CHANGE; data += CHANGE, size -= CHANGE) {
		uint32_t where;

		memcpy(&where, data, sizeof(where));
		mirror_patch(FILE_INDEX, where, data + 4, CHANGE - 4);
	}
	mirror_use(0);
	return 0;
}
