// SPDX-License-Identifier: GPL-2.0-only
/* What the figures were measured on: kernel, processor, settings. */
#include <dirent.h>
#include <inttypes.h>
#include <linux/zcache.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "send_bench.h"

static void member(FILE *to, const char *name, const char *value)
{
	fprintf(to, ",\"%s\":", name);
	json_string(to, value);
}

/* The first line of a file, or nothing. */
static const char *line_of(const char *path)
{
	static char line[4096];
	FILE *f = fopen(path, "r");

	line[0] = 0;
	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = 0;
	if (f)
		fclose(f);
	return line;
}

static void cpu_model(FILE *to)
{
	char line[1024] = "";
	FILE *f = fopen("/proc/cpuinfo", "r");
	const char *model = "";

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10))
			continue;
		line[strcspn(line, "\n")] = 0;
		model = strchr(line, ':') ? strchr(line, ':') + 2 : "";
		break;
	}
	if (f)
		fclose(f);
	member(to, "cpu", model);
	fprintf(to, ",\"cpus\":%ld", sysconf(_SC_NPROCESSORS_ONLN));
}

/* Those that are not "Not affected", as the kernel says them. */
static void mitigations(FILE *to)
{
	const char *folder = "/sys/devices/system/cpu/vulnerabilities";
	DIR *dir = opendir(folder);
	struct dirent *e;
	int nr = 0;

	fprintf(to, ",\"mitigations\":{");
	while (dir && (e = readdir(dir))) {
		char path[512];
		const char *what;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		what = line_of(path);
		if (!strcmp(what, "Not affected"))
			continue;
		fputs(nr++ ? "," : "", to);
		json_string(to, e->d_name);
		fputc(':', to);
		json_string(to, what);
	}
	if (dir)
		closedir(dir);
	fprintf(to, "}");
}

/* init_on_alloc decides whether memory is zeroed each time it is handed out. */
static void command_line(FILE *to)
{
	const char *line = line_of("/proc/cmdline");
	const char *init = strstr(line, "init_on_alloc=");
	char value[2] = { init ? init[strlen("init_on_alloc=")] : 0 };

	member(to, "init_on_alloc", init ? value : "the kernel's default");
	member(to, "cmdline", line);
}

static void zcache(FILE *to)
{
	struct zc_info info = { .size = sizeof(info) };

	member(to, "zcache_srcversion",
	       line_of("/sys/module/zcache/srcversion"));
	if (node < 0 || ioctl(node, ZC_IOC_INFO, &info))
		return;
	fprintf(to, ",\"zcache_abi\":%u,\"zcache_features\":%ju,\"zcache_splice_threshold\":%ju",
		info.abi, (uintmax_t)info.features,
		(uintmax_t)info.splice_threshold);
}

static const struct {
	const char *name, *path;
} settings[] = {
	{ "clocksource",
	  "/sys/devices/system/clocksource/clocksource0/current_clocksource" },
	{ "tcp_wmem", "/proc/sys/net/ipv4/tcp_wmem" },
	{ "tcp_rmem", "/proc/sys/net/ipv4/tcp_rmem" },
	{ "tcp_congestion_control",
	  "/proc/sys/net/ipv4/tcp_congestion_control" },
	{ "optmem_max", "/proc/sys/net/core/optmem_max" },
	{ "lo_mtu", "/sys/class/net/lo/mtu" },
	{ "transparent_hugepage", "/sys/kernel/mm/transparent_hugepage/enabled" },
};

void env_json(FILE *to)
{
	time_t now = time(NULL);
	struct statfs fs;
	struct utsname u;
	char date[32];
	size_t i;

	uname(&u);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	fprintf(to, "\"date\":\"%s\"", date);
	member(to, "kernel", u.release);
	member(to, "kernel_build", u.version);
	cpu_model(to);
	mitigations(to);
	command_line(to);
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		member(to, settings[i].name, line_of(settings[i].path));
	if (!statfs(opt.dir, &fs))
		fprintf(to, ",\"file_system\":\"0x%lx\"",
			(unsigned long)fs.f_type);
	fprintf(to, ",\"server_cpu\":%u,\"receiver_cpu\":%u", server_cpu(),
		peer_cpu());
	zcache(to);
}
