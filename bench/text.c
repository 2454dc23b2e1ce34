/* SPDX-License-Identifier: MIT */
/*
 * text.c - a report for people: a table for each workload, in it each row with a line for each
 * peer.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { WIDTH_NAME = 24, WIDTH_FIGURE = 11, DECIMALS_BELOW = 1000 };

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "unknown";
}

static void print_figure(double value)
{
	int decimals = value < 1 ? 4 : value < (double)DECIMALS_BELOW ? 2 : 0;

	printf(" %*.*f", WIDTH_FIGURE, decimals, value);
}

static void print_spread(const struct summary *s)
{
	if (s->median > 0)
		printf(" %*.1f %%", WIDTH_FIGURE - 2, 100 * (s->q3 - s->q1) / s->median);
	else
		printf(" %*s", WIDTH_FIGURE, "-");
}

static bool meets(double value, const json_t *target)
{
	const json_t *most = json_object_get(target, "at_most");
	const json_t *least = json_object_get(target, "at_least");

	return (!most || value <= json_number_value(most)) &&
	       (!least || value >= json_number_value(least));
}

/* The target is the engine sets's; beside the others it says nothing. */
static void print_target(const char *peer, double median, const json_t *target)
{
	const json_t *most = json_object_get(target, "at_most");

	if (!target || strcmp(peer, "sets") != 0)
		return;
	printf("   %s %g: %s", most ? "at most" : "at least",
	       json_number_value(most ? most : json_object_get(target, "at_least")),
	       meets(median, target) ? "met" : "MISSED");
}

static void print_peer(const json_t *what, const json_t *peer, size_t figure)
{
	const json_t *target =
		json_object_get(json_array_get(json_object_get(what, "figures"), figure), "target");
	const json_t *roost = find_named(json_object_get(what, "peers"), "sets");
	const char *name = string(peer, "name");
	struct summary s, ours;

	printf("  %-*s", WIDTH_NAME - 2, name);
	if (!summary_make(&s, peer, figure)) {
		puts(" not measured: this machine cannot tell");
		return;
	}
	print_figure(s.median);
	print_figure(s.min);
	print_spread(&s);
	if (roost && !json_object_get(roost, "not_measured") &&
	    summary_make(&ours, roost, figure) && ours.median > 0)
		printf(" %*.2f", WIDTH_FIGURE, s.median / ours.median);
	else
		printf(" %*s", WIDTH_FIGURE, "-");
	fputs(s.disturbed ? " ~" : "", stdout);
	print_target(name, s.median, target);
	putchar('\n');
}

static const char *reason_of(const json_t *peers, size_t i)
{
	return json_string_value(json_object_get(json_array_get(peers, i), "not_measured"));
}

static bool same_reason(const json_t *peers, size_t a, size_t b)
{
	return reason_of(peers, a) && !strcmp(reason_of(peers, a), reason_of(peers, b));
}

static bool is_said(const json_t *peers, size_t i)
{
	for (size_t earlier = 0; earlier < i; earlier++)
		if (same_reason(peers, earlier, i))
			return true;
	return false;
}

/* Those without figures, a line for each reason. */
static void print_unmeasured(const json_t *peers)
{
	const size_t nr = json_array_size(peers);

	for (size_t i = 0; i < nr; i++) {
		if (!reason_of(peers, i) || is_said(peers, i))
			continue;
		printf("  not measured: ");
		for (size_t later = i; later < nr; later++)
			if (same_reason(peers, later, i))
				printf("%s%s", later > i ? ", " : "",
				       string(json_array_get(peers, later), "name"));
		printf(": %s\n", reason_of(peers, i));
	}
}

static void print_row(const json_t *what, size_t figure)
{
	const json_t *f = json_array_get(json_object_get(what, "figures"), figure), *peer;
	char row[ROW_NAME_MAX];
	size_t i;

	row_name(row, what, f);
	printf("%s, %s%s\n", row, string(f, "unit"),
	       json_is_true(json_object_get(f, "more_is_better")) ? ", more is better" : "");
	json_array_foreach(json_object_get(what, "peers"), i, peer)
	{
		if (!json_object_get(peer, "not_measured"))
			print_peer(what, peer, figure);
	}
	print_unmeasured(json_object_get(what, "peers"));
}

static void print_notes(const json_t *what)
{
	const json_t *peer;
	const char *said = "";
	size_t i;

	json_array_foreach(json_object_get(what, "peers"), i, peer)
	{
		const char *note = json_string_value(json_object_get(peer, "note"));

		if (note && strcmp(note, said) != 0)
			printf("Note: %s\n", said = note);
	}
}

/* ---- Series: a line for each peer, a column for each figure ------------------------------- */

static void print_series_head(const json_t *what)
{
	const json_t *figure;
	size_t i;

	printf("\n%s: %s\n  %-*s", string(what, "workload"), string(what, "text"), WIDTH_NAME - 2,
	       string(what, "series"));
	json_array_foreach(json_object_get(what, "figures"), i, figure)
		printf(" %*s", WIDTH_FIGURE, string(figure, "name"));
	putchar('\n');
}

static void print_series(const json_t *what)
{
	const size_t figures = json_array_size(json_object_get(what, "figures"));
	const json_t *peer;
	struct summary s;
	size_t i;

	printf("%s\n", string(what, "name"));
	json_array_foreach(json_object_get(what, "peers"), i, peer)
	{
		if (json_object_get(peer, "not_measured"))
			continue;
		printf("  %-*s", WIDTH_NAME - 2, string(peer, "name"));
		for (size_t f = 0; f < figures; f++)
			if (summary_make(&s, peer, f))
				printf(" %*.1f", WIDTH_FIGURE, s.median);
			else
				printf(" %*s", WIDTH_FIGURE, "-");
		putchar('\n');
	}
	print_unmeasured(json_object_get(what, "peers"));
}

/* Two workloads may have one name: their texts differ. */
static bool begins_table(const json_t *what, const json_t *before)
{
	return !before || !json_object_get(what, "series") != !json_object_get(before, "series") ||
	       strcmp(string(what, "workload"), string(before, "workload")) != 0 ||
	       strcmp(string(what, "text"), string(before, "text")) != 0;
}

/* ---- The whole ---------------------------------------------------------------------------- */

static void print_case(const json_t *what, const json_t *before)
{
	if (json_object_get(what, "series")) {
		if (begins_table(what, before))
			print_series_head(what);
		print_series(what);
		return;
	}
	if (begins_table(what, before))
		printf("\n%s: %s\n%-*s %*s %*s %*s %*s\n", string(what, "workload"),
		       string(what, "text"), WIDTH_NAME, "", WIDTH_FIGURE, "median", WIDTH_FIGURE,
		       "least", WIDTH_FIGURE, "spread", WIDTH_FIGURE, "of sets");
	for (size_t i = 0; i < json_array_size(json_object_get(what, "figures")); i++)
		print_row(what, i);
	print_notes(what);
}

static void print_head(const json_t *report)
{
	const json_t *machine = json_object_get(report, "machine"), *peer;
	const json_t *versions = json_object_get(report, "versions");
	const json_t *settings = json_object_get(report, "settings");
	const long long rounds = json_integer_value(json_object_get(settings, "rounds"));
	size_t i;

	printf("roost bench: %lld round%s%s\n", rounds, rounds == 1 ? "" : "s",
	       json_is_true(json_object_get(report, "quick"))
		       ? ", quick: these figures are worth nothing"
	       : rounds < BENCH_FIRM_ROUNDS ? ", fewer than 7: these figures are indicative only"
					    : "");
	printf("%s, %lld cores, Linux %s, governor %s\n", string(machine, "cpu"),
	       (long long)json_integer_value(json_object_get(machine, "cores")),
	       string(machine, "kernel"), string(machine, "governor"));
	printf("roost %s, %s %s, glibc %s\n", string(versions, "roost"),
	       string(versions, "compiler"), string(versions, "flags"), string(versions, "glibc"));
	json_array_foreach(json_object_get(report, "peers"), i, peer)
	{
		if (json_object_get(peer, "not_measured"))
			printf("%s: not measured: %s\n", string(peer, "name"),
			       string(peer, "not_measured"));
		else
			printf("%s %s\n", string(peer, "name"), string(peer, "version"));
	}
}

void bench_text(const json_t *report)
{
	const json_t *what, *before = NULL;
	size_t i;

	print_head(report);
	json_array_foreach(json_object_get(report, "cases"), i, what)
	{
		print_case(what, before);
		before = what;
	}
	puts("\nspread: between the quartiles, of the median; of sets: times the engine sets' "
	     "median;\n"
	     "~: most samples were disturbed, so these are counted as well");
	fflush(stdout);
}
