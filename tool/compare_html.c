/* SPDX-License-Identifier: MIT */
/*
 * compare_html.c - the comparison as one page that needs nothing else, so that it can be attached
 * to a mail: tables, plots, the command, the machine, and the raw data as a link that contains
 * them. There are no scripts in it. What comes from outside (names of files, of adapters) is
 * printable (printable.h) and escaped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"
#include "tool/common/gnuplot.h"
#include "tool/common/host.h"
#include "tool/common/json.h"
#include "tool/common/output.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

enum { PLOT_WIDTH = 600, PLOT_HEIGHT = 360 };

/* Light and dark: gnuplot's pictures are black on nothing, and are inverted as a whole; turning the
 * hues by half a circle brings the colours back. */
static const char style[] =
	":root{color-scheme:light dark;--text:#1c2126;--soft:#59636e;--page:#fff;--panel:#f4f5f7;"
	"--line:#d5d9de;--link:#0b5fb0;--bad:#b3261e}\n"
	"@media(prefers-color-scheme:dark){:root{--text:#dfe3e8;--soft:#9aa4af;--page:#14181c;"
	"--panel:#1e242a;--line:#38414b;--link:#7ab8ff;--bad:#ff8a80}"
	"figure svg{filter:invert(1) hue-rotate(180deg)}}\n"
	"*{box-sizing:border-box}\n"
	"html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\n"
	"body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:var(--text);"
	"background:var(--page)}\n"
	"main{max-width:80rem;margin:0 auto;padding:1rem 1rem 4rem;overflow-wrap:anywhere}\n"
	"h1{font-size:1.6rem;margin:.5rem 0}\n"
	"h2{font-size:1.25rem;margin:2.2rem 0 .5rem;border-bottom:1px solid var(--line)}\n"
	"h3{font-size:1.05rem;margin:1.6rem 0 .5rem}\n"
	"p{margin:.4rem 0;max-width:60rem}\n"
	"a:any-link{color:var(--link)}\n"
	".soft,small{color:var(--soft)}\n"
	".bad{color:var(--bad);font-weight:700}\n"
	"pre{background:var(--panel);border:1px solid var(--line);border-radius:5px;"
	"padding:.6rem .8rem;white-space:pre-wrap;font:.875rem/1.45 ui-monospace,monospace}\n"
	".table{overflow-x:auto;border:1px solid var(--line);border-radius:5px}\n"
	"table{border-collapse:collapse;font-size:.9rem;line-height:1.35;min-width:100%;"
	"overflow-wrap:normal}\n"
	"th,td{padding:.3rem .6rem;border-top:1px solid var(--line);text-align:right;"
	"vertical-align:top;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
	"thead th{border-top:0;background:var(--panel)}\n"
	"th:first-child{text-align:left;font-weight:400;position:sticky;left:0;"
	"background:var(--panel);white-space:normal;min-width:9rem;max-width:18rem}\n"
	"tr.sub th:first-child{padding-left:1.6rem;color:var(--soft)}\n"
	"td small{display:block}\n"
	"td small.differs{color:var(--text);font-weight:600}\n"
	".noise{text-align:left;color:var(--soft)}\n"
	".plots{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),"
	"1fr))}\n"
	"figure{margin:0;border:1px solid var(--line);border-radius:5px;padding:.5rem}\n"
	"figcaption{text-align:center;font-size:.9rem}\n"
	"figure svg{display:block;width:100%;height:auto}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.5rem 0}\n"
	"dt{color:var(--soft)}dd{margin:0}\n"
	"@media(max-width:40rem){main{padding:.6rem .7rem 3rem}"
	"th:first-child{min-width:7rem;max-width:10rem}}\n"
	"@media print{.table{overflow:visible}figure{break-inside:avoid}}\n";

/* ---- Texts ------------------------------------------------------------------------------ */

/* A printable text, between tags or in quotes. */
static void write_escaped(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			putc(*text, out);
		}
}

/* One of any bytes. */
static void write_name(FILE *out, const char *name)
{
	char *text = printable_copy(name, strlen(name));

	write_escaped(out, text);
	free(text);
}

static void write_element(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	write_escaped(out, text);
	fputs(after, out);
}

static FILE *open_text(char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);

	if (!out)
		die("out of memory");
	return out;
}

static void close_text(FILE *out)
{
	if (fclose(out) != 0)
		die("out of memory");
}

/* Each line of the text is a paragraph. */
static void write_paragraphs(FILE *out, char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		write_element(out, "<p>", line, "</p>\n");
	free(text);
}

static void write_base64(FILE *out, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	size_t left = strlen(text);

	while (left) {
		const size_t n = left < 3 ? left : 3;
		unsigned bits = 0;

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < n ? (unsigned char)text[i] : 0);
		for (size_t i = 0; i < 4; i++)
			putc(i <= n ? digits[bits >> (18 - 6 * i) & 63] : '=', out);
		text += n;
		left -= n;
	}
}

/* ---- Of a trace ------------------------------------------------------------------------- */

static void write_beside(FILE *out, const struct compare *compare, unsigned trace,
			 unsigned contender, const struct row *row)
{
	const struct compare_options *o = compare->options;
	struct relation relation;
	char text[ROW_CELL];
	bool differs;

	if (o->baseline < 0 || contender == (unsigned)o->baseline || !row->key)
		return;
	row_relation(compare, trace, contender, row, &relation);
	if (relation.verdict == VERDICT_UNKNOWN)
		return;
	differs = relation.verdict == VERDICT_LESS || relation.verdict == VERDICT_MORE;
	write_element(out, differs ? "<small class=\"differs\">" : "<small>",
		      relation_cell(text, &relation), "</small>");
}

static void write_row(FILE *out, const struct compare *compare, unsigned trace,
		      const struct row *row)
{
	const bool sub = row->text[0] == ' ';
	char text[ROW_CELL];

	write_element(out, sub ? "<tr class=\"sub\"><th scope=\"row\">" : "<tr><th scope=\"row\">",
		      row->text + (sub ? 2 : 0), "</th>");
	write_element(out, "<td class=\"noise\">", noise_name(row_worst_noise(compare, trace, row)),
		      "</td>");
	for (unsigned i = 0; i < compare->options->nr_contenders; i++) {
		write_element(out, "<td>", row_cell(text, compare, trace, i, row), "");
		write_beside(out, compare, trace, i, row);
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

static void write_table(FILE *out, const struct compare *compare, unsigned trace)
{
	const struct compare_options *o = compare->options;

	fputs("<div class=\"table\" tabindex=\"0\"><table>\n<thead><tr><th "
	      "scope=\"col\">figure</th>"
	      "<th scope=\"col\" class=\"noise\">noise</th>",
	      out);
	for (unsigned i = 0; i < o->nr_contenders; i++) {
		write_element(out, "<th scope=\"col\">", o->contenders[i].name, "");
		fputs(i == (unsigned)o->baseline ? "<br><small>baseline</small></th>" : "</th>",
		      out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (unsigned i = 0; i < nr_compare_rows; i++)
		if (row_shown(compare, trace, &compare_rows[i]))
			write_row(out, compare, trace, &compare_rows[i]);
	fputs("<tr><th scope=\"row\">verified</th><td class=\"noise\"></td>", out);
	for (unsigned i = 0; i < o->nr_contenders; i++)
		fputs(compare_score(compare, trace, i)->verified ? "<td>yes</td>"
								 : "<td class=\"bad\">NO</td>",
		      out);
	fputs("</tr>\n</tbody>\n</table></div>\n", out);
}

struct plot {
	const struct compare *compare;
	unsigned trace, panel;
};

static void write_plot(FILE *script, const void *context)
{
	const struct plot *plot = context;

	compare_panel(script, plot->compare, plot->trace, plot->panel);
}

static void write_plots(FILE *out, const struct compare *compare, unsigned trace)
{
	fputs("<h3>Over the time of the trace</h3>\n<div class=\"plots\">\n", out);
	for (unsigned i = 0; i < nr_compare_panels; i++) {
		const struct plot plot = {compare, trace, i};
		char prefix[32], error[ERROR_MAX], *svg;

		snprintf(prefix, sizeof(prefix), "t%up%u-", trace, i);
		svg = gnuplot_element(PLOT_WIDTH, PLOT_HEIGHT, prefix, write_plot, &plot, error);
		if (!svg)
			die("%s", error);
		write_element(out, "<figure><figcaption>", compare_panel_title(i),
			      "</figcaption>\n");
		fprintf(out, "%s</figure>\n", svg);
		free(svg);
	}
	fputs("</div>\n", out);
}

static void write_trace(FILE *out, const struct compare *compare, unsigned trace)
{
	char *setup;
	size_t size;
	FILE *text = open_text(&setup, &size);

	fprintf(out, "<h2 id=\"trace-%u\">", trace + 1);
	write_name(out, compare->options->traces[trace]);
	fputs("</h2>\n", out);
	compare_write_setup(text, compare, trace);
	close_text(text);
	write_paragraphs(out, setup);
	write_table(out, compare, trace);
	write_plots(out, compare, trace);
}

/* ---- Of all ----------------------------------------------------------------------------- */

static void write_head(FILE *out, const struct compare_options *o)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n"
	      "<title>roost compare:",
	      out);
	for (unsigned i = 0; i < o->nr_contenders; i++)
		write_element(out, i ? ", " : " ", o->contenders[i].name, "");
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
}

static void write_about(FILE *out, const struct compare *compare)
{
	const struct compare_options *o = compare->options;
	char *begin;
	size_t size;
	FILE *text = open_text(&begin, &size);

	fputs("<h1>roost compare</h1>\n", out);
	compare_write_begin(text, o);
	close_text(text);
	write_paragraphs(out, begin);
	fputs(compare_verified(compare)
		      ? "<p>All replays were verified: no frame was lost or handed out twice.</p>\n"
		      : "<p class=\"bad\">Not all replays were verified; see the last row of each "
			"table.</p>\n",
	      out);
	for (unsigned i = 0; i < o->nr_traces && o->nr_traces > 1; i++) {
		fprintf(out, "<p><a href=\"#trace-%u\">", i + 1);
		write_name(out, o->traces[i]);
		fputs("</a></p>\n", out);
	}
}

static void write_fact(FILE *out, const char *name, const json_t *value)
{
	write_element(out, "<dt>", name, "</dt><dd>");
	if (json_is_integer(value))
		fprintf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_string(value))
		write_name(out, json_string_value(value));
	else
		fputs("unknown", out);
	fputs("</dd>\n", out);
}

static void write_facts(FILE *out)
{
	json_t *host = json_must(host_describe());
	const time_t now = time(NULL);
	struct tm utc;
	char date[32] = "";
	const char *name;
	json_t *value;

	if (gmtime_r(&now, &utc))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &utc);
	fputs("<h2>The machine</h2>\n<dl>\n", out);
	write_element(out, "<dt>date</dt><dd>", date, "</dd>\n");
	json_object_foreach(host, name, value) write_fact(out, name, value);
	write_element(out, "<dt>roost</dt><dd>", ROOST_VERSION_STRING, ": ");
	write_element(out, "", roost_build_config(), "</dd>\n</dl>\n");
	json_decref(host);
}

static void write_raw(FILE *out, const struct compare *compare)
{
	json_t *report = compare_object(compare);
	char *text = json_dumps(report, JSON_COMPACT | JSON_REAL_PRECISION(9));

	if (!text)
		die("out of memory");
	fputs("<h2>Raw data</h2>\n<p><a download=\"compare.json\" "
	      "href=\"data:application/json;base64,",
	      out);
	write_base64(out, text);
	fprintf(out,
		"\">compare.json</a> (%zu KiB, contained in this page): the figures of each run, "
		"and all samples; docs/json.md describes it.</p>\n",
		strlen(text) >> 10);
	free(text);
	json_decref(report);
}

static void write_page(FILE *out, const struct compare *compare)
{
	const struct compare_options *o = compare->options;
	char *end;
	size_t size;
	FILE *text = open_text(&end, &size);

	write_head(out, o);
	write_about(out, compare);
	for (unsigned trace = 0; trace < o->nr_traces; trace++)
		write_trace(out, compare, trace);
	fputs("<h2>How to read it</h2>\n", out);
	compare_write_end(text, o);
	close_text(text);
	write_paragraphs(out, end);
	fputs("<h2>The command</h2>\n<pre>", out);
	write_name(out, o->command);
	fputs("</pre>\n", out);
	write_facts(out);
	write_raw(out, compare);
	fputs("</main>\n</body>\n</html>\n", out);
}

static bool write_all(int fd, const char *text, size_t length)
{
	while (length) {
		const ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		length -= (size_t)n;
	}
	return true;
}

void compare_html(const struct compare *compare)
{
	const char *path = compare->options->html;
	struct output output;
	char error[ERROR_MAX];
	char *page;
	size_t size;
	bool good;
	FILE *out = open_text(&page, &size);

	write_page(out, compare);
	close_text(out);
	if (!output_begin(&output, "html", path, error))
		die("%s", error);
	good = write_all(output.fd, page, size);
	if (!good)
		snprintf(error, sizeof(error), "--html=%.300s: cannot write: %s", path,
			 strerror(errno));
	if (!output_end(&output, good, error))
		die("%s", error);
	free(page);
}
