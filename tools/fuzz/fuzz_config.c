// SPDX-License-Identifier: GPL-2.0-only
/* zcached.conf: any bytes are a configuration, or are refused with a sentence. */
#include <string.h>

#include "address.h"
#include "config.h"
#include "fuzz.h"

/* What a configuration that was not refused promises to the daemon. */
static void check(const struct config *c)
{
	struct address address;
	size_t i, j, n;

	must(!address_parse(c->listen, &address));
	must(c->socket_mode <= 0777);
	must(c->interval >= 10 && c->interval <= 60000);
	must(c->choice.ops != NULL);
	for (i = 0; i < c->nr_stores; i++) {
		const char *name = c->stores[i].name;
		const struct limit *l = config_limits(c, name, &n);

		must(*name && !strchr(name, '/') && *name != '.');
		must(config_choice(c, name, "").ops != NULL);
		config_threshold(c, name);
		for (j = 0; j < n; j++)
			must(l[j].tag && (!l[j].quota || l[j].floor <= l[j].quota));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONFIG_ERROR_ROOM];
	struct config c;

	if (config_load(fuzz_file(data, size), &c, error)) {
		must(error[0] && strlen(error) < sizeof(error));
		return 0;
	}
	check(&c);
	config_free(&c);
	return 0;
}
