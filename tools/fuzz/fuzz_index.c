// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a mirror, as a disk that lies may give it back: changes of four bytes
 * each, after four with where. What it begins with is named below, as where is another
 * place with each change of the format; run.sh has it written to its folder FUZZ_SEEDS.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "mirror_files.h"

#define CHANGE 8
#define CHANGES 4

#define HEAD(member, to) { offsetof(struct zcm_head, member), to }
#define FILL(member, to) { offsetof(struct zcm_head, fill[0].member), to }
#define ENTRY(i, member, to) \
	{ ZCM_HEAD_LEN + (i) * sizeof(struct zcm_entry) + offsetof(struct zcm_entry, member), to }

static const struct seed {
	const char *name;
	unsigned int nr;
	uint32_t change[CHANGES][2];
} seeds[] = {
	{ "cycle", 2, { ENTRY(340, bucket, 1), ENTRY(1, next, 1) } },
	{ "dirty", 1, { HEAD(dirty, 1) } },
	{ "fill", 4, { HEAD(nr_fills, 1), FILL(id, 1), FILL(dev, 5), FILL(data_len, 4096) } },
	{ "free", 1, { HEAD(free, 0) } },
	{ "generation", 1, { ENTRY(1, generation, 2) } },
	{ "heap", 3, { HEAD(expiring, 1), ENTRY(1, heap, 1), ENTRY(1, heap_at, 1) } },
	{ "length", 1, { ENTRY(1, data_len, INT32_MAX) } },
	{ "links", 3, { ENTRY(1, next, 2), ENTRY(2, newer, 0), ENTRY(1, older, 0) } },
	{ "queue", 3, { HEAD(newest, 1), HEAD(oldest, 1), HEAD(hand, 2) } },
	{ "slots", 1, { HEAD(slots, 2048) } },
	{ "used", 2, { HEAD(used, 0), HEAD(objects, 1) } },
};

static void write_seeds(const char *folder)
{
	char path[4096];
	size_t i;

	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", folder, seeds[i].name);
		f = fopen(path, "w");
		must(f && fwrite(seeds[i].change, CHANGE, seeds[i].nr, f) == seeds[i].nr &&
		     !fclose(f));
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mirror_make();
	if (getenv("FUZZ_SEEDS"))
		write_seeds(getenv("FUZZ_SEEDS"));
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
