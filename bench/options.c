/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line of `roost bench`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/common/args.h"
#include "bench.h"
#include "tool/common/say.h"

#define SEE_HELP "see `roost bench --help`"

enum { DEFAULT_ROUNDS = 9, DEFAULT_TRIES = 5, DEFAULT_TIMEOUT = 20, THREADS_MOST = 64 };

#define SIZE_MIN       (UINT64_C(16) << 20)
#define SIZE_MAX_SHIFT 43 /* 8 TiB: the textbook buddy has numbers of 32 bits */

enum {
	KEY_WORKLOAD = 256,
	KEY_SIZE,
	KEY_THREADS,
	KEY_PEERS,
	KEY_ROUNDS,
	KEY_TRIES,
	KEY_TIMEOUT,
	KEY_QUICK,
	KEY_COMPARE,
	KEY_LIST,
};

static const struct argp_option bench_argp_options[] = {
	{0, 0, 0, 0, "What is measured:", ARGS_GROUP_FIRST},
	{"workload", KEY_WORKLOAD, "LIST", 0, "Workloads, with commas (default: all)", 0},
	{"size", KEY_SIZE, "LIST", 0,
	 "Sizes of the pool, with K, M, G or T (default: 1G,64G, and 1T for nearfull and init); "
	 "objects have sizes of their own",
	 0},
	{"threads", KEY_THREADS, "LIST", 0,
	 "Numbers of threads for repeat, bulk, batch and rand (default: 1,2)", 0},
	{"peers", KEY_PEERS, "LIST", 0, "Allocators, with commas (default: all)", 0},
	{0, 0, 0, 0, "How it is measured:", ARGS_GROUP_HOW},
	{"rounds", KEY_ROUNDS, "N", 0,
	 "Take N samples of each (default 9, with --quick 1; with fewer than 7 the figures say "
	 "little)",
	 0},
	{"tries", KEY_TRIES, "N", 0, "Take a disturbed sample up to N times (default 5)", 0},
	{"timeout", KEY_TIMEOUT, "SECONDS", 0, "Time that one sample may take (default 20)", 0},
	{"quick", KEY_QUICK, 0, 0,
	 "Only see whether everything works: short, small (64M,1G); the figures are worth nothing",
	 0},
	{0, 0, 0, 0, "The report:", ARGS_GROUP_REPORT},
	{"compare", KEY_COMPARE, "OLD.json", 0,
	 "Report what has become faster or slower since OLD.json", 0},
	{"list", KEY_LIST, 0, 0, "List workloads, figures and peers, and measure nothing", 0},
	{0},
};

static const char bench_doc[] =
	"Measures roost beside other allocators: frames, and objects of a size. With REPORT.json, "
	"which an earlier run wrote, it "
	"measures nothing, and makes the table, the plot and the comparison from that report.\v"
	"Each sample is taken in a process of its own, by pinned threads, after a warm-up. The "
	"peers take turns. A sample in which a thread was off its CPU is repeated. The table shows "
	"medians, minima and the spread between the quartiles.\n\n"
	"The report of --json contains everything, each sample included. The picture needs "
	"gnuplot.\n\n"
	"A difference from an older report counts if the medians are more than 20 % apart and the "
	"ranges between the quartiles do not overlap.\n\n"
	"Exit status: 0 done, 1 something is slower than in OLD.json, 2 the command line or a file "
	"is wrong.";

/* ---- Lists ------------------------------------------------------------------------------ */

static void add_workload(void *context, char *item)
{
	struct bench_options *o = context;
	const struct workload *workload = workload_find(item);

	if (!workload)
		die("--workload: there is no workload \"%s\"; `roost bench --list` names them",
		    item);
	for (unsigned i = 0; i < o->nr_workloads; i++)
		if (o->workloads[i] == workload)
			die("--workload: %s is named twice", item);
	for (; workload < workloads + nr_workloads && !strcmp(workload->name, item); workload++)
		o->workloads[o->nr_workloads++] = workload;
}

static uint64_t parse_size(const char *text)
{
	uint64_t value;

	if (!args_parse_size(text, SIZE_MIN, UINT64_C(1) << SIZE_MAX_SHIFT, &value) ||
	    value % (UINT64_C(2) << 20))
		die("--size=%s: give sizes from 16M to 8T, multiples of 2M, such as 1G,64G", text);
	return value;
}

static void add_size(void *context, char *item)
{
	struct bench_options *o = context;
	uint64_t size = parse_size(item);

	for (unsigned i = 0; i < o->nr_sizes; i++)
		if (o->sizes[i] == size)
			die("--size: %s is named twice", item);
	if (o->nr_sizes == BENCH_LIST)
		die("--size: more than %d sizes", BENCH_LIST);
	o->sizes[o->nr_sizes++] = size;
}

static void add_threads(void *context, char *item)
{
	struct bench_options *o = context;
	unsigned threads = (unsigned)args_number("threads", item, 1, THREADS_MOST);

	for (unsigned i = 0; i < o->nr_threads; i++)
		if (o->threads[i] == threads)
			die("--threads: %s is named twice", item);
	if (o->nr_threads == BENCH_LIST)
		die("--threads: more than %d numbers", BENCH_LIST);
	o->threads[o->nr_threads++] = threads;
}

static void add_peer(void *context, char *item)
{
	struct bench_options *o = context;

	peers_add_named(&o->peers, item);
}

/* ---- Parsing ---------------------------------------------------------------------------- */

/* What can be read only when all is known: which peers come first. */
struct late {
	struct bench_options *options;
	const char *peers;
	const struct args_common *common;
};

static error_t parse_report_option(int key, char *text, struct bench_options *o)
{
	switch (key) {
	case KEY_COMPARE:
		o->compare = text;
		return 0;
	case KEY_LIST:
		o->list = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->report)
			die("%s: one report at a time, and %s was named already; " SEE_HELP, text,
			    o->report);
		o->report = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct late *late = state->input;
	struct bench_options *o = late->options;

	switch (key) {
	case KEY_WORKLOAD:
		args_each(text, add_workload, o);
		return 0;
	case KEY_SIZE:
		args_each(text, add_size, o);
		return 0;
	case KEY_THREADS:
		args_each(text, add_threads, o);
		return 0;
	case KEY_PEERS:
		late->peers = text;
		return 0;
	case KEY_ROUNDS:
		o->rounds = (unsigned)args_number("rounds", text, 1, BENCH_MAX_ROUNDS);
		return 0;
	case KEY_TRIES:
		o->tries = (unsigned)args_number("tries", text, 1, BENCH_MAX_ROUNDS);
		return 0;
	case KEY_TIMEOUT:
		o->timeout = (unsigned)args_number("timeout", text, 1, 3600);
		return 0;
	case KEY_QUICK:
		o->quick = true;
		return 0;
	default:
		return parse_report_option(key, text, o);
	}
}

static void fill_in(struct late *late)
{
	struct bench_options *o = late->options;

	o->sizes_given = o->nr_sizes > 0;
	if (!o->sizes_given)
		args_each(o->quick ? "64M,1G" : "1G,64G", add_size, o);
	if (!o->nr_threads)
		args_each("1,2", add_threads, o);
	if (!o->nr_workloads)
		for (unsigned i = 0; i < nr_workloads; i++)
			o->workloads[o->nr_workloads++] = &workloads[i];
	o->rounds_given = o->rounds > 0;
	if (!o->rounds_given)
		o->rounds = o->quick ? 1 : DEFAULT_ROUNDS;
	if (!o->tries)
		o->tries = o->quick ? 1 : DEFAULT_TRIES;
	if (o->report)
		return; /* nobody is measured */
	if (late->peers)
		args_each(late->peers, add_peer, o);
	for (unsigned i = 0; peer_names[i] && !late->peers; i++)
		peers_add_named(&o->peers, peer_names[i]);
	for (unsigned i = 0; i < late->common->nr_peers; i++)
		peers_add_file(&o->peers, late->common->peers[i]);
}

void bench_parse(struct bench_options *options, int argc, char **argv)
{
	static const struct args_command command = {
		.name = "roost bench",
		.args_doc = "[REPORT.json]",
		.doc = bench_doc,
		.options = bench_argp_options,
		.parser = parse_option,
		.common = ARGS_HAS(PEER) | ARGS_HAS(JSON) | ARGS_HAS(OUTPUT) | ARGS_HAS(QUIET),
	};
	static char name[] = "roost bench";
	struct args_common common;
	struct late late = {.options = options, .common = &common};

	*options = (struct bench_options){.timeout = DEFAULT_TIMEOUT};
	args_parse(&command, argc, argv, &late, &common);
	argv[0] = name; /* as the report has the command */
	options->json = common.json;
	options->output = common.output;
	options->quiet = common.quiet;
	fill_in(&late);
}
