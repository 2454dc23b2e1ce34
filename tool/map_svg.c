/* SPDX-License-Identifier: MIT */
/*
 * map_svg.c - maps as a picture: a column of maps. Each zone is a block of rows, each cell a
 * pageblock or several. A cell is filled from below with what is in use. Above that, pale, is what
 * is free in a pageblock that is not whole. So the colour shows the owner, the height how much is
 * in use, and white what is still free in one piece.
 *
 * The colours are those of Okabe and Ito, which colour-blind people can tell apart. Reserve and
 * isolated pageblocks are hatched as well.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

enum {
	GRID = 832, /* width of all cells */
	LEFT = 112,
	TOP = 20,
	WIDTH = LEFT + GRID + 24,
	CELLS = 64 * 96, /* of all maps together */
	NR_OWNER_COLOURS = 10,
};

struct paint {
	const char *used, *free;
};

/* The second five are darker. */
static const struct paint owner_paints[NR_OWNER_COLOURS] = {
	{"#e69f00", "#fae3b3"}, {"#56b4e9", "#d4ecf9"}, {"#009e73", "#b3e2d5"},
	{"#0072b2", "#b3d5e8"}, {"#d55e00", "#f3cfb3"}, {"#8f6300", "#ddd0b3"},
	{"#2b6f99", "#bfd4e0"}, {"#00543d", "#b3ccc5"}, {"#00395a", "#b3c4ce"},
	{"#7d3700", "#d8c3b3"},
};

static struct paint paint_of(enum map_kind kind)
{
	static const struct paint paints[] = {
		[MAP_HOLE] = {"none", "none"},
		[MAP_WHOLE] = {"#ffffff", "#ffffff"},
		[MAP_LARGE] = {"#333333", "#333333"},
		[MAP_RESERVE] = {"url(#reserve)", "url(#reserve-free)"},
		[MAP_ISOLATED] = {"url(#isolated)", "url(#isolated-free)"},
		[MAP_ZONES] = {"#8c8c8c", "#dedede"},
	};

	return kind < MAP_FIRST ? paints[kind]
				: owner_paints[(kind - MAP_FIRST) % NR_OWNER_COLOURS];
}

/* Where things are. */
struct page {
	FILE *out;
	const struct map_view *view;
	const struct map *map;
	struct map_cells cells;
	double y;
	double width, height; /* of a cell with the gap behind it */
};

/* A text whose names are printable (printable.h). */
static void write_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else
			putc(*text, out);
	}
}

static void write_text(struct page *p, double x, double y, const char *class, const char *text)
{
	fprintf(p->out, "<text x='%.1f' y='%.1f' class='%s'>", x, y, class);
	write_escaped(p->out, text);
	fputs("</text>\n", p->out);
}

static void write_box(FILE *out, double x, double y, double width, double height, const char *fill)
{
	if (height >= 0.05)
		fprintf(out, "<rect x='%.2f' y='%.2f' width='%.2f' height='%.2f' fill='%s'/>", x, y,
			width, height, fill);
}

/* ---- Cells --------------------------------------------------------------------------------- */

static const char *slabs_text(const struct map_share *share, char text[32])
{
	text[0] = '\0';
	if (share->slabs)
		snprintf(text, 32, ", %u of slabs", share->slabs);
	return text;
}

static void write_tip(struct page *p, const struct map_cell *cell, const struct map_share *shares,
		      unsigned nr)
{
	char name[32], slabs[32];

	fprintf(p->out, "<title>%#" PRIx64, cell->start << p->map->page_shift);
	for (unsigned i = 0; i < nr; i++)
		fprintf(p->out, "&#10;%s: %u pageblock%s, %u of %u frames in use%s",
			map_kind_name(shares[i].kind, p->view->by, name), shares[i].blocks,
			shares[i].blocks > 1 ? "s" : "", shares[i].used, shares[i].frames,
			slabs_text(&shares[i], slabs));
	if (cell->blocks == 1 && cell->first->largest >= 0)
		fprintf(p->out, "&#10;largest free run: order %d", cell->first->largest);
	fputs("</title>", p->out);
}

/* The number of the owner, where there is room for it. */
static void write_owner(struct page *p, const struct map_share *share, double x, double y)
{
	char text[16];

	if (p->cells.bin > 1 || p->width < 24 || share->kind < MAP_FIRST ||
	    p->view->by != MAP_BY_OWNER)
		return;
	snprintf(text, sizeof(text), "%u", (unsigned)(share->kind - MAP_FIRST));
	write_text(p, x + 3, y + 10, "owner", text);
}

static void write_cell(struct page *p, const struct map_cell *cell)
{
	double x = (double)LEFT + p->width * map_column(&p->cells, cell->start),
	       width = p->width - 1.5;
	double high = p->height - 1.5, frame = high / (p->cells.bin * (double)MAP_PAGEBLOCK);
	double bottom = p->y + high;
	struct map_share shares[MAP_SHARES];
	unsigned nr = map_shares(cell, p->view->by, shares);
	bool hole = true;

	fputs("<g class='cell'>", p->out);
	write_tip(p, cell, shares, nr);
	for (unsigned i = nr; i-- > 0;) {
		struct paint paint = paint_of(shares[i].kind);
		double used = shares[i].used * frame;
		double slabs = shares[i].slabs * frame;
		double free = (shares[i].frames - shares[i].used) * frame;

		if (shares[i].kind == MAP_HOLE)
			continue;
		hole = false;
		write_box(p->out, x, bottom - used, width, used, paint.used);
		if (shares[i].slabs)
			write_box(p->out, x, bottom - slabs, width, slabs, "url(#slabs)");
		write_box(p->out, x, bottom - used - free, width, free, paint.free);
		bottom -= used + free;
	}
	/* Holes in a cell are left at the top, in the page's colour. */
	fprintf(p->out, "<rect x='%.2f' y='%.2f' width='%.2f' height='%.2f' class='%s'/>", x, p->y,
		width, high, hole ? "void" : "edge");
	if (nr == 1)
		write_owner(p, &shares[0], x, p->y);
	fputs("</g>\n", p->out);
}

/* ---- Rows ---------------------------------------------------------------------------------- */

static void write_zone(struct page *p, unsigned zone)
{
	const struct map_zone *z = &p->map->zones[zone];
	char text[192], managed[32], free[32];

	snprintf(text, sizeof(text), "zone %s: %s, of which %s free", z->name,
		 map_size(z->managed << p->map->page_shift, managed),
		 map_size(z->free << p->map->page_shift, free));
	p->y += 24;
	write_text(p, LEFT, p->y - 7, "zone", text);
}

/* Begins a row, after another row or after a hole. */
static void start_row(struct page *p, const struct map_cell *cell, const struct map_cell *last)
{
	uint64_t per_row = (uint64_t)p->cells.bin * p->cells.columns;
	uint64_t row = map_row(&p->cells, cell->start), skipped, region = 512;
	char text[64], size[32];

	if (last && last->zone == cell->zone) {
		p->y += p->height;
		skipped = row - map_row(&p->cells, last->start) - 1;
		if (skipped) {
			snprintf(text, sizeof(text), "a hole of %s or more",
				 map_size((skipped * per_row * MAP_PAGEBLOCK) << p->map->page_shift,
					  size));
			write_text(p, LEFT, p->y + 10, "note", text);
			p->y += 18;
		} else if (per_row < region && row * per_row % region == 0) {
			p->y += 5; /* between one GiB and the next */
		}
	} else {
		if (last)
			p->y += p->height;
		write_zone(p, cell->zone);
	}
	snprintf(text, sizeof(text), "%#" PRIx64,
		 (row * per_row * MAP_PAGEBLOCK) << p->map->page_shift);
	write_text(p, LEFT - 8, p->y + p->height / 2 + 3, "address", text);
}

/* Draws the gap where a row has no pageblock between two cells. */
static void write_gap(struct page *p, const struct map_cell *last, const struct map_cell *cell)
{
	unsigned column = map_column(&p->cells, last->start) + 1;

	for (; column < map_column(&p->cells, cell->start); column++)
		fprintf(p->out,
			"<rect x='%.2f' y='%.2f' width='%.2f' height='%.2f' class='void'/>\n",
			(double)LEFT + p->width * column, p->y, p->width - 1.5, p->height - 1.5);
}

static void write_map(struct page *p)
{
	const struct map_cell *last = NULL;
	char text[128], size[32];

	p->y += 22;
	write_text(p, LEFT, p->y, "title", p->map->title);
	snprintf(text, sizeof(text), "%zu pageblocks; a cell is %u of them (%s)%s", p->map->nr,
		 p->cells.bin,
		 map_size((uint64_t)p->cells.bin * MAP_PAGEBLOCK << p->map->page_shift, size),
		 p->cells.bin > 1 ? ", each kind by its share" : "");
	p->y += 17;
	write_text(p, LEFT, p->y, "note", text);
	for (size_t i = 0; i < p->cells.nr; i++) {
		const struct map_cell *cell = &p->cells.cells[i];

		if (!last || last->zone != cell->zone ||
		    map_row(&p->cells, last->start) != map_row(&p->cells, cell->start))
			start_row(p, cell, last);
		else
			write_gap(p, last, cell);
		write_cell(p, cell);
		last = cell;
	}
	p->y += p->height + 8;
}

/* ---- Legend -------------------------------------------------------------------------------- */

static void write_entry(struct page *p, double *x, enum map_kind kind, const char *name)
{
	struct paint paint = paint_of(kind);
	double width = 36 + 6.3 * (double)strlen(name);
	bool plain = kind == MAP_HOLE || kind == MAP_WHOLE || kind == MAP_LARGE;

	if (*x + width > LEFT + GRID) {
		*x = LEFT;
		p->y += 20;
	}
	fputs("<g class='key'>", p->out);
	if (kind == MAP_HOLE) {
		fprintf(p->out, "<rect x='%.1f' y='%.1f' width='14' height='14' class='void'/>", *x,
			p->y);
	} else {
		write_box(p->out, *x, p->y, 14, 14, plain ? paint.used : paint.free);
		if (!plain)
			write_box(p->out, *x, p->y + 6, 14, 8, paint.used);
		fprintf(p->out, "<rect x='%.1f' y='%.1f' width='14' height='14' class='edge'/>", *x,
			p->y);
	}
	write_text(p, *x + 19, p->y + 11, "note", name);
	fputs("</g>\n", p->out);
	*x += width;
}

static bool has_slabs(const struct map_view *view)
{
	for (size_t i = 0; i < view->nr; i++)
		if (view->maps[i].slabs)
			return true;
	return false;
}

/* What is drawn over the owner's colour. */
static void write_slabs_entry(struct page *p, double x)
{
	if (x + 140 > LEFT + GRID) {
		x = LEFT;
		p->y += 20;
	}
	fputs("<g class='key'>", p->out);
	write_box(p->out, x, p->y, 14, 14, owner_paints[0].used);
	write_box(p->out, x, p->y, 14, 14, "url(#slabs)");
	write_text(p, x + 19, p->y + 11, "note", "slabs of object caches");
	fputs("</g>\n", p->out);
}

static void write_legend(struct page *p, unsigned cpus)
{
	unsigned nr = p->view->by == MAP_BY_TYPE ? 3 : cpus;
	double x = LEFT;
	char name[32];

	for (unsigned i = 0; i < nr && i < NR_OWNER_COLOURS; i++) {
		enum map_kind kind = MAP_FIRST + (enum map_kind)i;

		if (p->view->by == MAP_BY_OWNER && nr > NR_OWNER_COLOURS) {
			snprintf(name, sizeof(name), "CPU %u, %u, ...", i, i + NR_OWNER_COLOURS);
			write_entry(p, &x, kind, name);
		} else {
			write_entry(p, &x, kind, map_kind_name(kind, p->view->by, name));
		}
	}
	for (enum map_kind kind = MAP_HOLE; kind < MAP_FIRST; kind++) {
		/* Ordered from the kinds of which much is free to those of which nothing is. */
		static const enum map_kind order[] = {MAP_ZONES,   MAP_LARGE,	 MAP_WHOLE,
						      MAP_RESERVE, MAP_ISOLATED, MAP_HOLE};

		if (order[kind] != MAP_ZONES || p->view->by == MAP_BY_OWNER)
			write_entry(p, &x, order[kind],
				    map_kind_name(order[kind], p->view->by, name));
	}
	if (has_slabs(p->view))
		write_slabs_entry(p, x);
	p->y += 34;
	write_text(p, LEFT, p->y, "note",
		   "Filled from below: in use. Pale: free, in a pageblock that is not whole.");
	p->y += 10;
}

/* ---- The picture --------------------------------------------------------------------------- */

static void write_hatch(FILE *out, const char *id, const char *ground, const char *line)
{
	fprintf(out,
		"<pattern id='%s' width='5' height='5' patternUnits='userSpaceOnUse' "
		"patternTransform='rotate(45)'><rect width='5' height='5' fill='%s'/>"
		"<rect width='1.5' height='5' fill='%s'/></pattern>\n",
		id, ground, line);
}

static void write_head(FILE *out, double height, bool with_slabs)
{
	fprintf(out,
		"<?xml version='1.0' encoding='UTF-8'?>\n"
		"<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%.0f' "
		"viewBox='0 0 %d %.0f'>\n"
		"<style>text{font-family:'DejaVu Sans',Verdana,sans-serif;font-size:11px;"
		"fill:#222}"
		".title{font-size:15px;font-weight:bold}.zone{font-weight:bold}"
		".note{fill:#444}.address{font-family:'DejaVu Sans Mono',monospace;"
		"font-size:10px;text-anchor:end;fill:#444}"
		".owner{font-size:9px;paint-order:stroke;stroke:#fff;stroke-width:2px}"
		".edge{fill:none;stroke:#777;stroke-width:.6}"
		".void{fill:none;stroke:#bbb;stroke-width:.6;stroke-dasharray:2 2}</style>\n"
		"<defs>\n",
		WIDTH, height, WIDTH, height);
	write_hatch(out, "reserve", "#f0e442", "#7d7600");
	write_hatch(out, "reserve-free", "#fbf7c6", "#d8cc2f");
	write_hatch(out, "isolated", "#cc79a7", "#5f2447");
	write_hatch(out, "isolated-free", "#f3dfea", "#cc79a7");
	if (with_slabs)
		fputs("<pattern id='slabs' width='4' height='4' patternUnits='userSpaceOnUse'>"
		      "<rect width='4' height='1.5' fill='#222' fill-opacity='.45'/></pattern>\n",
		      out);
	fprintf(out, "</defs>\n<rect width='%d' height='%.0f' fill='#ffffff'/>\n", WIDTH, height);
}

/* Draws the whole column; returns where it ends. */
static double write_maps(FILE *out, const struct map_view *view)
{
	struct page p = {.out = out, .view = view, .y = TOP - 12};
	unsigned cpus = 0;

	for (size_t i = 0; i < view->nr; i++) {
		p.map = &view->maps[i];
		map_bin(&p.cells, p.map, CELLS / view->nr);
		p.width = (double)GRID / p.cells.columns;
		p.height = p.cells.columns == 16 ? 34 : p.cells.columns == 32 ? 22 : 13;
		write_map(&p);
		cpus = p.map->nr_cpus > cpus ? p.map->nr_cpus : cpus;
		free(p.cells.cells);
	}
	write_legend(&p, cpus);
	return p.y;
}

void map_write_svg(FILE *out, const void *context)
{
	FILE *nowhere = fopen("/dev/null", "w");
	double height = 0;

	if (nowhere) { /* the first time only to learn the height */
		height = write_maps(nowhere, context) + 12;
		fclose(nowhere);
	}
	write_head(out, height, has_slabs(context));
	write_maps(out, context);
	fputs("</svg>\n", out);
}
