/* SPDX-License-Identifier: MIT */
/* options.c - the command line of `roost scale`. */
#include <stdlib.h>
#include <string.h>

#include "scale.h"
#include "tool/common/args.h"
#include "tool/common/say.h"

enum { DEFAULT_OPS = 256, OPS_MOST = 1000000, LATENCY_MOST = 10000 };

enum {
	KEY_WORKLOAD = 256,
	KEY_CPUS,
	KEY_PEERS,
	KEY_OPS,
	KEY_SEED,
	KEY_LATENCY,
	KEY_CALIBRATE,
	KEY_LIST,
};

static const struct argp_option argp_options[] = {
	{0, 0, 0, 0, "What is counted:", ARGS_GROUP_FIRST},
	{"workload", KEY_WORKLOAD, "LIST", 0, "Workloads, with commas (default: all)", 0},
	{"cpus", KEY_CPUS, "LIST", 0,
	 "Numbers of virtual CPUs, 1 to 512 (default: 1,2,8,32,128,512)", 0},
	{"peers", KEY_PEERS, "LIST", 0, "Allocators, with commas (default: all)", 0},
	{"ops", KEY_OPS, "N", 0, "Count N allocations on each CPU, or a few more (default 256)", 0},
	{"seed", KEY_SEED, "N", 0, "Seed of the order of accesses (default 1)", 0},
	{"latency", KEY_LATENCY, "N", 0,
	 "A transfer takes as long as N other accesses (default 0: all take the same time)", 0},
	{"calibrate", KEY_CALIBRATE, 0, 0,
	 "Also measure on two processors: what a transfer takes, and pair, bulk, random, remote "
	 "and one-way with one thread and with two",
	 0},
	{0, 0, 0, 0, "The report:", ARGS_GROUP_REPORT},
	{"list", KEY_LIST, 0, 0, "List workloads and peers, and count nothing", 0},
	{0},
};

static const char doc[] =
	"Counts which lines of the cache allocators move between CPUs, on up to 512 virtual CPUs "
	"whose accesses a seed interleaves. The counts are modelled: no time is measured.\v"
	"An access is a transfer if its line is fetched from another CPU (fetched), or if others "
	"have to give up a line that the CPU has (upgraded). The table shows transfers for each "
	"operation, after a warm-up; --json has all counts. The same options yield the same "
	"counts.\n\n"
	"An adapter for --peer must be compiled with -fsanitize=thread, and linked without. The "
	"picture needs gnuplot.\n\n"
	"Exit status: 0 done, 2 the command line or a file is wrong.";

/* ---- Lists ------------------------------------------------------------------------------ */

static void add_work(void *context, char *item)
{
	struct options *o = context;
	const struct work *work = work_find(item);

	if (!work)
		die("--workload: there is no workload \"%s\"; `roost scale --list` names them",
		    item);
	for (unsigned i = 0; i < o->nr_works; i++)
		if (o->works[i] == work)
			die("--workload: %s is named twice", item);
	o->works[o->nr_works++] = work;
}

static void add_cpus(void *context, char *item)
{
	struct options *o = context;
	unsigned cpus = (unsigned)args_number("cpus", item, 1, LINES_CPUS);

	for (unsigned i = 0; i < o->nr_cpus; i++)
		if (o->cpus[i] == cpus)
			die("--cpus: %s is named twice", item);
	if (o->nr_cpus == SCALE_CPUS)
		die("--cpus: more than %d numbers", SCALE_CPUS);
	o->cpus[o->nr_cpus++] = cpus;
}

static void add_peer(void *context, char *item)
{
	peers_add(context, item);
}

/* ---- Parsing ---------------------------------------------------------------------------- */

/* What can be read only when all is known. */
struct late {
	struct options *options;
	const char *peers;
	const struct args_common *common;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct late *late = state->input;
	struct options *o = late->options;

	switch (key) {
	case KEY_WORKLOAD:
		args_each(text, add_work, o);
		return 0;
	case KEY_CPUS:
		args_each(text, add_cpus, o);
		return 0;
	case KEY_PEERS:
		late->peers = text;
		return 0;
	case KEY_OPS:
		o->ops = (unsigned)args_number("ops", text, 1, OPS_MOST);
		return 0;
	case KEY_SEED:
		o->seed = args_number("seed", text, 0, UINT32_MAX);
		return 0;
	case KEY_LATENCY:
		o->latency = (unsigned)args_number("latency", text, 0, LATENCY_MOST);
		return 0;
	case KEY_CALIBRATE:
		o->calibrate = true;
		return 0;
	case KEY_LIST:
		o->list = true;
		return 0;
	case ARGP_KEY_ARG:
		die("%s: `roost scale` takes no argument; see `roost scale --help`", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void fill_in(struct late *late)
{
	struct options *o = late->options;

	for (unsigned i = 0; !o->nr_works && i < nr_works; i++)
		o->works[i] = &works[i];
	o->nr_works = o->nr_works ? o->nr_works : nr_works;
	if (!o->nr_cpus)
		args_each("1,2,8,32,128,512", add_cpus, o);
	if (late->peers)
		args_each(late->peers, add_peer, o);
	for (unsigned i = 0; peer_names[i] && !late->peers; i++)
		peers_add(o, peer_names[i]);
	for (unsigned i = 0; i < late->common->nr_peers; i++)
		peers_add_file(o, late->common->peers[i]);
}

void scale_parse(struct options *options, int argc, char **argv)
{
	static const struct args_command command = {
		.name = "roost scale",
		.doc = doc,
		.options = argp_options,
		.parser = parse_option,
		.common = ARGS_HAS(PEER) | ARGS_HAS(JSON) | ARGS_HAS(OUTPUT) | ARGS_HAS(QUIET),
	};
	struct args_common common;
	struct late late = {.options = options, .common = &common};

	*options = (struct options){.seed = 1, .ops = DEFAULT_OPS};
	args_parse(&command, argc, argv, &late, &common);
	options->json = common.json;
	options->output = common.output;
	options->quiet = common.quiet;
	fill_in(&late);
}
