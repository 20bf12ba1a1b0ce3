/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's harness, and what a test program adds to it; one per program. */
#ifndef ZC_HARNESS_H
#define ZC_HARNESS_H

#include <kselftest_harness.h>

#include "zc_test.h"

/* An emulated kernel with every check on is up to 20 times slower. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	240

#define EXPECT_OK(call)			EXPECT_EQ(0, call)
#define ASSERT_OK(call)			ASSERT_EQ(0, call)
#define EXPECT_ERR(error, call)		EXPECT_EQ(-(error), call)
#define ASSERT_ERR(error, call)		ASSERT_EQ(-(error), call)
#define ASSERT_FD(fd)			ASSERT_LE(0, fd)

/* Each fixture's setup and teardown begin and end with these. */
#define ZCT_START(fixture) \
	do { \
		snprintf(self->mark, sizeof(self->mark), "%s.%s", #fixture, _metadata->name); \
		zct_mark("start", self->mark); \
	} while (0)
#define ZCT_END()	zct_mark("end", self->mark)

/* The main function, of a program some of whose variants are for fast kernels. */
#define ZCT_MAIN_SLOW_WITHOUT(variants...) \
	int main(int argc, char **argv) \
	{ \
		char *few[] = { argv[0], variants, NULL }; \
		if (argc > 1 || !zct_slow()) \
			return test_harness_run(argc, argv); \
		return test_harness_run(ARRAY_SIZE(few) - 1, few); \
	}

/* A fixture that is a store and nothing else. */
#define ZCT_STORE_FIXTURE(fixture, config...) \
	FIXTURE(fixture) { \
		struct zct_store s; \
		char mark[96]; \
	}; \
	FIXTURE_SETUP(fixture) \
	{ \
		static const struct zc_nl_cfg cfg = { config }; \
		ZCT_START(fixture); \
		ASSERT_OK(zct_store_new(&self->s, &cfg)); \
	} \
	FIXTURE_TEARDOWN(fixture) \
	{ \
		EXPECT_OK(zct_store_end(&self->s)); \
		ZCT_END(); \
	}

#endif /* ZC_HARNESS_H */
