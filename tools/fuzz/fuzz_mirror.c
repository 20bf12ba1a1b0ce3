// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of a mirror: bit 0 of the first byte chooses the metadata of an object or the
 * superblock, bit 1 that the sums in it are right; the others are the file. However
 * damaged metadata is, all but its object is there.
 */
#include <string.h>
#include <zlib.h>

#include "fuzz.h"
#include "mirror_files.h"

static void sum(uint8_t *file, size_t len)
{
	struct zcm_meta meta;

	if (len < sizeof(meta))
		return;
	memcpy(&meta, file, sizeof(meta));
	meta.body_crc = crc32(0, file + sizeof(meta), len - sizeof(meta));
	meta.crc = crc32(0, (void *)&meta, offsetof(struct zcm_meta, crc));
	memcpy(file, &meta, sizeof(meta));
}

static void sum_super(uint8_t *file, size_t len)
{
	struct zcm_super super;

	if (len < sizeof(super))
		return;
	memcpy(&super, file, sizeof(super));
	super.crc = crc32(0, (void *)&super, offsetof(struct zcm_super, crc));
	memcpy(file, &super, sizeof(super));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mirror_make();
	return 0;
}

/* Most inputs are refused the same way, which does not have to be seen each time. */
static int worth_it(int meta, size_t size)
{
	static unsigned int refused;

	return mirror_valid(meta ? FILE_META : FILE_SUPER) || !size || ++refused % 64 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[8192];
	int meta;

	if (!size || size > sizeof(file))
		return 0;
	meta = data[0] & 1;
	memcpy(file, data + 1, --size);
	if (data[0] & 2)
		(meta ? sum : sum_super)(file, size);
	mirror_restore();
	mirror_write(meta ? FILE_META : FILE_SUPER, file, size);
	if (!worth_it(meta, size))
		return 0;
	/* what is there is read from the files */
	mirror_remove(FILE_INDEX);
	mirror_use(meta);
	return 0;
}
