// SPDX-License-Identifier: GPL-2.0-only
/* Traces of requests from files of several formats. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ghost.h>

#include "ctl.h"
#include "sim.h"
#include "text.h"

#define FIELDS_MAX 32

static const char *const formats[] = {
	[SIM_AUTO] = "auto",
	[SIM_ORACLE_GENERAL] = "oraclegeneral",
	[SIM_CSV] = "csv",
	[SIM_TR] = "tr",
	[SIM_IDS] = "ids",
};

const char *sim_format_name(enum sim_format format)
{
	return formats[format];
}

enum sim_format sim_format_find(const char *name)
{
	enum sim_format f;

	for (f = SIM_IDS; f != SIM_AUTO; f--)
		if (!strcmp(formats[f], name))
			break;
	return f;
}

struct seen {
	uint64_t id, size;
};

/* A file that is being read. */
struct reader {
	const char *file;
	FILE *f;
	pid_t child;		/* that unpacks it, or 0 */
	uint64_t line;
	struct sim_trace *trace;
	uint64_t room;		/* of trace->requests */
	bool by_size;
	struct seen *objects;
	uint32_t *slots;	/* numbers of objects, plus 1 */
	uint32_t nr_slots;	/* a power of 2 */
	int id, bytes;		/* columns, counted from 0 */
};

static int no_memory(void)
{
	return fail(CTL_REFUSED, "cannot read the trace: %s", error_name(-ENOMEM));
}

static uint32_t slot_of(const struct reader *r, uint64_t id, uint64_t size)
{
	uint32_t at = zp_hash(id ^ (r->by_size ? zp_hash(size) : 0)) & (r->nr_slots - 1);
	const struct seen *o;

	for (; r->slots[at]; at = (at + 1) & (r->nr_slots - 1)) {
		o = &r->objects[r->slots[at] - 1];
		if (o->id == id && (!r->by_size || o->size == size))
			break;
	}
	return at;
}

/* Half of the slots stay free. */
static bool grow_objects(struct reader *r)
{
	uint32_t i, nr = r->nr_slots ? 2 * r->nr_slots : 1024;
	uint32_t *slots = calloc(nr ?: 1, sizeof(*slots));
	struct seen *objects = realloc(r->objects, nr / 2 * sizeof(*objects));

	if (objects)
		r->objects = objects;
	if (!nr || !slots || !objects) {
		free(slots);
		return false;
	}
	free(r->slots);
	r->slots = slots;
	r->nr_slots = nr;
	for (i = 0; i < r->trace->objects; i++)
		slots[slot_of(r, objects[i].id, objects[i].size)] = i + 1;
	return true;
}

static bool grow_requests(struct reader *r)
{
	uint64_t room = r->room ? 2 * r->room : 4096;
	struct sim_request *requests = realloc(r->trace->requests, room * sizeof(*requests));

	if (!requests)
		return false;
	r->trace->requests = requests;
	r->room = room;
	return true;
}

static int add(struct reader *r, uint64_t id, uint64_t size)
{
	struct sim_trace *t = r->trace;
	struct seen *o;
	uint32_t slot;

	if ((t->objects >= r->nr_slots / 2 && !grow_objects(r)) ||
	    (t->nr == r->room && !grow_requests(r)))
		return no_memory();
	slot = slot_of(r, id, size);
	if (!r->slots[slot]) {
		o = &r->objects[t->objects++];
		*o = (struct seen){ .id = id };
		r->slots[slot] = t->objects;
	}
	o = &r->objects[r->slots[slot] - 1];
	t->footprint += size - o->size;
	o->size = size;
	t->bytes += size;
	t->requests[t->nr++] = (struct sim_request){
		.size = size,
		.object = r->slots[slot] - 1,
	};
	return CTL_OK;
}

/* libCacheSim's; the next access it knows of is not needed. */
static int read_oracle_general(struct reader *r)
{
	struct {
		uint32_t seconds;
		uint64_t id;
		uint32_t size;
		int64_t next;
	} __attribute__((packed)) record;
	size_t n;
	int code = CTL_OK;

	while (!code && (n = fread(&record, 1, sizeof(record), r->f)) == sizeof(record))
		code = add(r, le64toh(record.id), le32toh(record.size));
	if (!code && n)
		code = fail(CTL_USAGE, "%s: the last of %" PRIu64 " records is cut short: this is no oracleGeneral trace",
			    r->file, r->trace->nr + 1);
	return code;
}

static int split(char *line, const char *between, char **field)
{
	char *save = NULL, *word;
	int n = 0;

	/* blanks may be several, commas may not */
	if (*between == ',')
		while (n < FIELDS_MAX && (field[n] = strsep(&line, between)))
			n++;
	else
		for (word = strtok_r(line, between, &save); word && n < FIELDS_MAX;
		     word = strtok_r(NULL, between, &save))
			field[n++] = word;
	return n;
}

/* Ids are numbers, or any text by its FNV-1a hash. */
static uint64_t id_of(const char *text)
{
	uint64_t id;

	if (!parse_u64(text, UINT64_MAX, &id))
		return id;
	for (id = 0xcbf29ce484222325; *text; text++)
		id = (id ^ (unsigned char)*text) * 0x100000001b3;
	return id;
}

static int find_field(char **field, int n, const char *const *names)
{
	int i;

	for (; *names; names++)
		for (i = 0; i < n; i++)
			if (!strcasecmp(field[i], *names))
				return i;
	return -1;
}

/* A column by number, or by its name in the header. */
static int pick(const char *want, char **field, int n)
{
	const char *const names[] = { want, NULL };
	uint64_t number;

	if (parse_u64(want, FIELDS_MAX, &number))
		return find_field(field, n, names);
	return (int)number - 1;
}

/* Sets the columns by the first line; *header says that it is no request. */
static int choose_columns(struct reader *r, const char *columns, char **field, int n, bool *header)
{
	static const char *const id_names[] = {
		"id", "obj_id", "object_id", "object", "key", "lbn", "url", NULL
	};
	static const char *const size_names[] = {
		"size", "obj_size", "object_size", "bytes", NULL
	};
	char id[64], size[64];
	uint64_t number;

	if (columns) {
		if (sscanf(columns, "%63[^,],%63[^,]", id, size) != 2)
			return fail(CTL_USAGE, "columns '%s' are not two names or numbers with a comma between",
				    columns);
		r->id = pick(id, field, n);
		r->bytes = pick(size, field, n);
		if (r->id < 0 || r->bytes < 0)
			return fail(CTL_USAGE, "%s: there are no columns '%s' in its first line",
				    r->file, columns);
	} else {
		r->id = find_field(field, n, id_names);
		r->bytes = find_field(field, n, size_names);
		if (r->id < 0 || r->bytes < 0) {
			r->id = 1;
			r->bytes = 2;
		}
	}
	*header = r->bytes < n && parse_u64(field[r->bytes], UINT64_MAX, &number);
	return CTL_OK;
}

static enum sim_format guess(const char *line)
{
	if (strchr(line, ','))
		return SIM_CSV;
	return strpbrk(line, " \t") ? SIM_TR : SIM_IDS;
}

static int add_line(struct reader *r, char **field, int n)
{
	uint64_t size = 1;

	if (r->id >= n || r->bytes >= n ||
	    (r->bytes >= 0 && parse_u64(field[r->bytes], UINT64_MAX, &size)))
		return fail(CTL_USAGE, "%s, line %" PRIu64 ": this is no request of a %s trace",
			    r->file, r->line, formats[r->trace->format]);
	return add(r, id_of(field[r->id]), size);
}

/* The first line that is none of a comment tells what the others are. */
static int begin_text(struct reader *r, const char *columns, const char *line)
{
	struct sim_trace *t = r->trace;
	char copy[1024], *field[FIELDS_MAX];
	bool header = false;
	int code;

	if (t->format == SIM_AUTO)
		t->format = guess(line);
	r->id = t->format == SIM_IDS ? 0 : 1;
	r->bytes = t->format == SIM_IDS ? -1 : 2;
	if (t->format != SIM_CSV)
		return columns ? fail(CTL_USAGE, "columns are for csv traces, this is %s",
				      formats[t->format]) : -1;
	snprintf(copy, sizeof(copy), "%s", line);
	code = choose_columns(r, columns, field, split(copy, ",", field), &header);
	return code ? code : header ? CTL_OK : -1;
}

static int read_text(struct reader *r, const char *columns, enum sim_object object)
{
	char *line = NULL, *field[FIELDS_MAX];
	struct sim_trace *t = r->trace;
	bool begun = false;
	int code = CTL_OK;
	size_t room = 0;

	while (!code && getline(&line, &room, r->f) >= 0) {
		r->line++;
		line[strcspn(line, "\r\n")] = '\0';
		if (!*line || *line == '#' || *line == '*')
			continue;
		if (!begun) {
			begun = true;
			code = begin_text(r, columns, line);
			r->by_size = object == SIM_BY_ID_SIZE ||
				     (object == SIM_BY_FORMAT && t->format == SIM_TR);
			if (code >= 0)
				continue;
		}
		code = add_line(r, field, split(line, t->format == SIM_CSV ? "," : " \t", field));
	}
	free(line);
	return code;
}

/* Reads what a program makes of the file. */
static FILE *unpack(const char *program, int fd, pid_t *child)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		close(fd);
		return NULL;
	}
	*child = fork();
	if (!*child) {
		dup2(fd, STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		execlp(program, program, "-dc", NULL);
		_exit(127);
	}
	close(fd);
	close(ends[1]);
	if (*child > 0)
		return fdopen(ends[0], "r");
	close(ends[0]);
	*child = 0;
	return NULL;
}

static int open_file(struct reader *r)
{
	static const char *const programs[][2] = {
		{ ".gz", "gzip" }, { ".xz", "xz" }, { ".zst", "zstd" },
	};
	const char *end = strrchr(r->file, '.');
	int fd = open(r->file, O_RDONLY | O_CLOEXEC);
	size_t i;

	if (fd < 0)
		return fail(CTL_USAGE, "cannot read %s: %s", r->file, error_name(-errno));
	for (i = 0; end && i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(end, programs[i][0]))
			break;
	if (end && i < sizeof(programs) / sizeof(programs[0]))
		r->f = unpack(programs[i][1], fd, &r->child);
	else
		r->f = fdopen(fd, "r");
	return r->f ? CTL_OK : fail(CTL_REFUSED, "cannot read %s: %s", r->file, error_name(-errno));
}

static int close_file(struct reader *r, int code)
{
	int status = 0;

	if (!code && ferror(r->f))
		code = fail(CTL_REFUSED, "cannot read %s: %s", r->file, error_name(-errno));
	fclose(r->f);
	if (!r->child)
		return code;
	waitpid(r->child, &status, 0);
	if (!code && status)
		code = fail(CTL_REFUSED, "cannot unpack %s", r->file);
	return code;
}

int sim_trace_read(const char *file, enum sim_format format, const char *columns,
		   enum sim_object object, struct sim_trace *t)
{
	struct reader r = { .file = file, .trace = t };
	int code;

	*t = (struct sim_trace){ .format = format };
	r.by_size = object == SIM_BY_ID_SIZE;
	code = open_file(&r);
	if (code)
		return code;
	if (format == SIM_AUTO && strcasestr(file, "oracleGeneral"))
		t->format = SIM_ORACLE_GENERAL;
	if (t->format == SIM_ORACLE_GENERAL)
		code = read_oracle_general(&r);
	else
		code = read_text(&r, columns, object);
	code = close_file(&r, code);
	if (!code && !t->bytes)
		code = fail(CTL_USAGE, "%s: there are no requests of any bytes", file);
	free(r.objects);
	free(r.slots);
	if (code)
		sim_trace_free(t);
	return code;
}

void sim_trace_free(struct sim_trace *t)
{
	free(t->requests);
	t->requests = NULL;
}
