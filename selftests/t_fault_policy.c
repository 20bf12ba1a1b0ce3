// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of the owner of a store's policy when each allocation in them fails
 * once, as in t_fault.c. No record may get lost by that.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "zc_fault.h"
#include "zc_harness.h"
#include "zc_policy.h"

#define OBJECTS	20

FIXTURE(fault_policy) {
	struct zct_fault f;
	char mark[96];
};

static const char data[100] = "slot";
static struct zct_view view;
static struct zct_drained drained;

FIXTURE_SETUP(fault_policy)
{
	ZCT_START(fault_policy);
	SET_UP_FAULTS(sizeof(data));
}

FIXTURE_TEARDOWN(fault_policy)
{
	EXPECT_OK(zct_store_end(&self->f.s));
	ZCT_END();
}

static int own(struct zct_fault *self)
{
	return zct_policy_own(&self->s, "fault");
}

/* Whether the answer came or not. */
static int disown(struct zct_fault *self)
{
	int err = zct_policy_del(self->s.name);

	return err == -EPERM ? 0 : err;
}

static int put_all(struct zct_fault *self)
{
	return own(self) ?: zct_put_many(self->s.fd, "", OBJECTS, 100);
}

static int drop_all(struct zct_fault *self)
{
	struct zc_purge p = { 0 };

	return zct_purge(self->s.fd, &p) ?: disown(self);
}

static int drain(struct zct_fault *self)
{
	return zct_policy_drain(self->s.name, &drained);
}

static int drained_all(struct zct_fault *self)
{
	(void)self;
	return drained.nr == OBJECTS ? 0 : -EIO;
}

static int prepare_evict(struct zct_fault *self)
{
	memset(&view, 0, sizeof(view));
	return put_all(self) ?: zct_view_drain(&view, self->s.name);
}

static int evict(struct zct_fault *self)
{
	struct zc_policy_victim v[OBJECTS];
	struct zct_evicted e;

	zct_view_victims(&view, v, OBJECTS);
	return zct_policy_evict(self->s.name, v, sizeof(v), ZCT_NO_TARGET, &e);
}

static int evicted_all(struct zct_fault *self)
{
	return zct_objects(&self->s) ? -EIO : 0;
}

TEST_F(fault_policy, owner)
{
	EXPECT_WALK(4, "become the owner", NULL, own, NULL, disown, true);
	EXPECT_WALK(3, "drain", put_all, drain, drained_all, drop_all, true);
	EXPECT_WALK(3, "evict", prepare_evict, evict, evicted_all, drop_all, true);
}

/* A slot is had or not, with the object. */
static int put(struct zct_fault *self)
{
	return zct_put_data(self->s.fd, "key", data, sizeof(data), NULL);
}

static int undo(struct zct_fault *self)
{
	char got[sizeof(data)];

	if (zct_get_data(self->s.fd, "key", got, sizeof(got), 0) != sizeof(data))
		return -EIO;
	return memcmp(got, data, sizeof(data)) ? -EIO : 0;
}

static int drop(struct zct_fault *self)
{
	int err = zct_delete_key(self->s.fd, "key");

	return err == -ENOENT ? 0 : err;
}

TEST_F(fault_policy, slot)
{
	EXPECT_WALK(3, "put", NULL, put, undo, drop, false, true);
	EXPECT_EQ(0, zct_used(&self->f.s));
}

TEST_HARNESS_MAIN
