// SPDX-License-Identifier: GPL-2.0-only
/* Miss ratio curves as an SVG file: of objects left, of bytes right. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "sim.h"
#include "text.h"

#define PANEL 420	/* width of a curve's field */
#define HEIGHT 320
#define LEFT 60
#define TOP 40
#define GAP 70
#define LEGEND 110

/* Distinct also to those who see fewer colours (Okabe and Ito), then dashed. */
static const char *const colours[] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
};

#define COLOURS (sizeof(colours) / sizeof(colours[0]))

/**
 * struct axes - of one panel
 * @f: the file
 * @x0: the left end
 * @small: logarithm of the smallest capacity
 * @large: of the largest
 */
struct axes {
	FILE *f;
	int x0;
	double small;
	double large;
};

static double x_of(const struct axes *a, uint64_t capacity)
{
	if (a->large <= a->small)
		return a->x0 + PANEL / 2;
	return a->x0 + PANEL * (log(capacity) - a->small) / (a->large - a->small);
}

static double y_of(double ratio)
{
	return TOP + HEIGHT * (1 - ratio);
}

static void text(const struct axes *a, double x, double y, const char *anchor, const char *s)
{
	fprintf(a->f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, s);
}

static void draw_axes(const struct axes *a, const char *title, const struct sim_run *runs,
		      size_t nr)
{
	char size[SIZE_TEXT];
	size_t i;
	int tenth;

	text(a, a->x0 + PANEL / 2, TOP - 15, "middle", title);
	for (tenth = 0; tenth <= 10; tenth += 2) {
		double y = y_of(tenth / 10.0);

		snprintf(size, sizeof(size), "%.1f", tenth / 10.0);
		fprintf(a->f, "<path d=\"M%d %.1fh%d\" stroke=\"#ddd\"/>\n", a->x0, y, PANEL);
		text(a, a->x0 - 8, y + 4, "end", size);
	}
	for (i = 0; i < nr && runs[i].ops == runs[0].ops; i++) {
		double x = x_of(a, runs[i].options.capacity);

		fprintf(a->f, "<path d=\"M%.1f %dv5\" stroke=\"#000\"/>\n", x, TOP + HEIGHT);
		fprintf(a->f, "<text transform=\"translate(%.1f %d) rotate(-45)\" text-anchor=\"end\">%s</text>\n",
			x, TOP + HEIGHT + 16, format_size(runs[i].options.capacity, size));
	}
}

static void draw_curve(const struct axes *a, const struct sim_trace *t, const struct sim_run *runs,
		       size_t nr, size_t n, bool bytes)
{
	size_t i;

	fputs("<polyline points=\"", a->f);
	for (i = 0; i < nr; i++)
		fprintf(a->f, "%s%.1f,%.1f", i ? " " : "", x_of(a, runs[i].options.capacity),
			y_of(bytes ? (double)runs[i].missed_bytes / t->bytes :
			     (double)runs[i].misses / t->nr));
	fprintf(a->f, "\" fill=\"none\" stroke-width=\"2\" stroke=\"%s\"%s/>\n",
		colours[n % COLOURS], n < COLOURS ? "" : " stroke-dasharray=\"6 3\"");
}

static void draw_legend(const struct axes *a, const char *name, size_t n)
{
	double y = TOP + 10 + 20.0 * n;

	fprintf(a->f, "<path d=\"M%d %.1fh24\" stroke-width=\"2\" stroke=\"%s\"%s/>\n", a->x0, y,
		colours[n % COLOURS], n < COLOURS ? "" : " stroke-dasharray=\"6 3\"");
	text(a, a->x0 + 30, y + 4, "start", name);
}

static void draw(struct axes *a, const struct sim_trace *t, const struct sim_run *runs, size_t nr)
{
	size_t from, to, n;
	int panel;

	for (panel = 0; panel < 2; panel++) {
		a->x0 = LEFT + panel * (PANEL + GAP);
		draw_axes(a, panel ? "Byte miss ratio" : "Object miss ratio", runs, nr);
		for (from = 0, n = 0; from < nr; from = to, n++) {
			for (to = from; to < nr && runs[to].ops == runs[from].ops; to++)
				;
			draw_curve(a, t, runs + from, to - from, n, panel);
		}
	}
	a->x0 += PANEL + 20;
	for (from = 0, n = 0; from < nr; from++)
		if (!from || runs[from].ops != runs[from - 1].ops)
			draw_legend(a, runs[from].ops->name, n++);
}

int sim_plot(const char *file, const struct sim_trace *t, const struct sim_run *runs, size_t nr)
{
	struct axes a = { .small = INFINITY };
	size_t i;
	int err;

	a.f = fopen(file, "we");
	if (!a.f)
		return -errno;
	for (i = 0; i < nr; i++) {
		a.small = fmin(a.small, log(runs[i].options.capacity));
		a.large = fmax(a.large, log(runs[i].options.capacity));
	}
	fprintf(a.f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		LEFT + 2 * PANEL + GAP + LEGEND + 20, TOP + HEIGHT + 90);
	draw(&a, t, runs, nr);
	fputs("</svg>\n", a.f);
	err = ferror(a.f) ? -EIO : 0;
	if (fclose(a.f) && !err)
		err = -errno;
	return err;
}
