// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl doctor: what the kernel and its limits mean for all stores. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/zcache.h>

#include "doctor.h"
#include "probe.h"
#include "system.h"
#include "text.h"

/* The setting in transparent_hugepage/enabled is about other memory. */
static void check_folios(void)
{
	struct zc_info info;
	char path[PATH_MAX];
	bool large;

	if (module_info(&info))
		large = info.features & ZC_FEAT_LARGE_FOLIOS;
	else
		large = !access(sys_path(path, "/sys/kernel/mm/transparent_hugepage"), F_OK);
	if (large) {
		found("objects may use folios of up to 2 MiB");
		check("large-folios", CHECK_OK);
	} else {
		found("this kernel has none, so each page of an object goes by itself");
		advise("a kernel with CONFIG_TRANSPARENT_HUGEPAGE is faster, whatever its setting");
		check("large-folios", CHECK_WARN);
	}
}

/* Not a fault: many do without TLS, or have it done elsewhere. */
static void check_tls(void)
{
	switch (kernel_tls()) {
	case TLS_READY:
		found("kernel TLS is there");
		break;
	case TLS_LOADABLE:
		found("kernel TLS is not loaded, and only root can load it");
		advise("'modprobe tls' if TLS is to be sent");
		break;
	case TLS_NONE:
		found("this kernel has no TLS");
		advise("a kernel with CONFIG_TLS if TLS is to be sent");
		break;
	}
	check("kernel-tls", CHECK_OK);
}

struct cgroup {
	char name[PATH_MAX];
	uint64_t max, used;
};

static bool own_cgroup(char *name, size_t size)
{
	char path[PATH_MAX], line[PATH_MAX];
	FILE *f = fopen(sys_path(path, "/proc/self/cgroup"), "re");
	bool told = false;

	while (f && !told && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		told = !strncmp(line, "0::/", 4);
		if (told)
			snprintf(name, size, "%s", line + 3);
	}
	if (f)
		fclose(f);
	return told;
}

static bool cgroup_number(const char *name, const char *file, uint64_t *n)
{
	char path[PATH_MAX], text[32];

	return read_line(sys_path(path, "/sys/fs/cgroup%s/%s", name, file), text,
			 sizeof(text)) && !parse_u64(text, UINT64_MAX, n);
}

/* Cached files that the kernel would let go: pages of objects are not among them. */
static uint64_t cgroup_cached(const char *name)
{
	char path[PATH_MAX], line[128];
	uint64_t sum = 0, n;
	FILE *f = fopen(sys_path(path, "/sys/fs/cgroup%s/memory.stat", name), "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "inactive_file %" SCNu64, &n) == 1 ||
		    sscanf(line, "active_file %" SCNu64, &n) == 1)
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

static bool cgroup_usage(struct cgroup *cg)
{
	uint64_t cached;

	if (!cgroup_number(cg->name, "memory.max", &cg->max) || !cg->max ||
	    !cgroup_number(cg->name, "memory.current", &cg->used))
		return false;
	cached = cgroup_cached(cg->name);
	cg->used -= cached < cg->used ? cached : cg->used;
	return true;
}

/* The fullest one with a limit, of this process's and all above it. */
static bool fullest_cgroup(struct cgroup *fullest)
{
	struct cgroup cg;
	bool any = false;
	char *slash;

	if (!own_cgroup(cg.name, sizeof(cg.name)))
		return false;
	while (cg.name[1]) {
		if (cgroup_usage(&cg) && (!any || (double)cg.used / cg.max >
						  (double)fullest->used / fullest->max)) {
			*fullest = cg;
			any = true;
		}
		slash = strrchr(cg.name, '/');
		slash[slash == cg.name] = '\0';
	}
	return any;
}

static void check_cgroup(void)
{
	char used[SIZE_TEXT], max[SIZE_TEXT];
	struct cgroup cg;

	if (!fullest_cgroup(&cg)) {
		found("no cgroup limits the memory of this process");
		check("cgroup", CHECK_OK);
		return;
	}
	found("%.200s has %s in use of at most %s", cg.name, format_size(cg.used, used),
	      format_size(cg.max, max));
	if (cg.used < cg.max / 10 * 9) {
		check("cgroup", CHECK_OK);
		return;
	}
	advise("objects are charged to the cgroup of who made the store: raise its memory.max, or make the store from another");
	check("cgroup", CHECK_WARN);
}

static void check_memory(uint64_t capacity)
{
	char path[PATH_MAX], line[128], stores[SIZE_TEXT], memory[SIZE_TEXT];
	uint64_t total;

	if (!capacity || !read_line(sys_path(path, "/proc/meminfo"), line, sizeof(line)) ||
	    sscanf(line, "MemTotal: %" SCNu64, &total) != 1)
		return;
	total *= 1024;
	found("the stores may use %s, the system has %s", format_size(capacity, stores),
	      format_size(total, memory));
	if (capacity <= total / 10 * 9) {
		check("memory", CHECK_OK);
		return;
	}
	advise("lower their capacities with 'zcachectl store set'");
	check("memory", CHECK_WARN);
}

void doctor_kernel(uint64_t capacity)
{
	check_folios();
	check_tls();
	check_cgroup();
	check_memory(capacity);
}
