// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: a cache of immutable objects that are sent to sockets in one call.
 *
 * This file is the module's life alone; see kmod/DESIGN.md for the rest.
 */

#include <linux/module.h>

#include "netlink.h"
#include "object.h"
#include "store.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init zc_init(void)
{
	int err;

	err = zc_object_init();
	if (err)
		return err;
	err = zc_store_init();
	if (err)
		goto err_object;
	err = zc_netlink_init();
	if (err)
		goto err_store;
	return 0;

err_store:
	zc_store_exit();
err_object:
	zc_object_exit();
	return err;
}

static void __exit zc_exit(void)
{
	/* Waits for handlers under way; after it nobody makes a store. */
	zc_netlink_exit();
	zc_store_exit();
	zc_object_exit();
}

module_init(zc_init);
module_exit(zc_exit);

MODULE_DESCRIPTION("Cache of immutable objects, sent to sockets in one call");
MODULE_AUTHOR("The zcache developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_ALIAS("net-pf-16-proto-16-family-zcache");
