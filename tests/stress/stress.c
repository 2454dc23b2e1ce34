/* SPDX-License-Identifier: MIT */
/*
 * stress.c - the stress test: options, beginning, end; see stress.h.
 *
 * Exit status: 0 all is well, 1 a fault was found, 2 usage, 3 nobody made progress any more.
 */
#define _GNU_SOURCE
#include "stress.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpus.h"
#include "library.h"
#include "plain.h"

struct stress stress;

/* ---- Options ----------------------------------------------------------------------------- */

static const char *const paths[] = {
	[ROOST_FREE_TRYLOCK] = "trylock",
	[ROOST_FREE_LLIST] = "llist",
	[ROOST_FREE_BLOCKING] = "blocking",
};

static _Noreturn void usage(const char *program, int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s [OPTION]...\n"
		"  --free=PATH      trylock, llist, or in lab builds blocking (trylock)\n"
		"  --check=LEVEL    check level, 0 to 3 (1)\n"
		"  --seconds=S      how long to run (5)\n"
		"  --cpus=N         virtual CPUs (%u)\n"
		"  --threads=N      threads, at most %u (%u)\n"
		"  --hz=N           signals to each thread in a second, 0 for none (4000)\n"
		"  --frames=N       size of the memory (16384)\n"
		"  --seed=N         of the random numbers (from the clock)\n"
		"  --watchdog=S     stopped dead is after S seconds without progress (10)\n"
		"  --expect-all     a rung of a ladder that was not used is an error\n"
		"  --quiet          no counters\n",
		program, library_is_up ? 1 : 4, STRESS_THREADS, library_is_up ? 1 : 6);
	exit(status);
}

static enum roost_free_path path_named(const char *name, const char *program)
{
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!strcmp(paths[i], name))
			return (enum roost_free_path)i;
	usage(program, 2);
}

static void defaults(struct options *o)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	*o = (struct options){
		.cpus = library_is_up ? 1 : 4,
		.threads = library_is_up ? 1 : 6,
		.hz = 4000,
		.seconds = 5,
		.watchdog = 10,
		.seed = (uint64_t)t.tv_nsec,
		.frames = 16384,
		.check = ROOST_CHECK_EXACT,
	};
}

static void set_option(struct options *o, int option, const char *program)
{
	unsigned long number = optarg ? strtoul(optarg, NULL, 0) : 0;

	switch (option) {
	case 'f':
		o->path = path_named(optarg, program);
		break;
	case 'k':
		o->check = (unsigned)number;
		break;
	case 's':
		o->seconds = strtod(optarg, NULL);
		break;
	case 'c':
		o->cpus = (unsigned)number;
		break;
	case 't':
		o->threads = (unsigned)number;
		break;
	case 'z':
		o->hz = (unsigned)number;
		break;
	case 'n':
		o->frames = number;
		break;
	case 'r':
		o->seed = number;
		break;
	case 'w':
		o->watchdog = strtod(optarg, NULL);
		break;
	case 'e':
		o->expect_all = true;
		break;
	case 'q':
		o->quiet = true;
		break;
	default:
		usage(program, option == 'h' ? 0 : 2);
	}
}

static void read_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{"free", required_argument, NULL, 'f'},
		{"check", required_argument, NULL, 'k'},
		{"seconds", required_argument, NULL, 's'},
		{"cpus", required_argument, NULL, 'c'},
		{"threads", required_argument, NULL, 't'},
		{"hz", required_argument, NULL, 'z'},
		{"frames", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 'r'},
		{"watchdog", required_argument, NULL, 'w'},
		{"expect-all", no_argument, NULL, 'e'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	defaults(o);
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		set_option(o, option, argv[0]);
	if (optind != argc || !o->threads || o->threads > STRESS_THREADS || o->hz > 100000 ||
	    o->seconds <= 0 || o->watchdog <= 0 || !o->frames)
		usage(argv[0], 2);
}

/* ---- The allocator ----------------------------------------------------------------------- */

static void on_misuse(void *context, const struct roost_misuse *misuse)
{
	(void)context;
	frames_say(roost_misuse_name(misuse->kind));
	frames_say("\n");
	frames_fault("misuse reported where there is none: pfn, order", misuse->pfn,
		     (uint64_t)misuse->order_given);
}

static void open_allocator(const struct options *o)
{
	const struct roost_range range = {0x100000, 0x100000 + o->frames, 0, 0};
	const struct roost_zone_config zone = {.name = "Stress", .reserve = o->frames / 64};
	const struct roost_pcpbuddy_config pcpbuddy = {.free_path = o->path};
	struct roost_config config = plain_config(&range, &zone, o->cpus);

	config.pcpbuddy = library_is_pcpbuddy ? &pcpbuddy : NULL;
	config.check_level = o->check;
	config.misuse = on_misuse;
	if (roost_config_error(&config)) {
		fprintf(stderr, "stress: %s\n", roost_config_error(&config));
		exit(2);
	}
	stress.roost = plain_make(&config, NULL);
	if (!frames_open(&stress.frames, range.start, o->frames))
		frames_fault("no memory: frames", o->frames, 0);
}

/* Everything comes home: all CPUs on-line, all frames free, all of them in the zone. */
static void check_home(void)
{
	struct roost_violation v;
	struct roost_zone_info info;

	roost_drain(stress.roost, -1);
	if (stress.frames.taken)
		frames_fault("frames are still held", stress.frames.taken, 0);
	if (roost_validate(stress.roost, &v)) {
		fprintf(stderr,
			"violated: %s, pfn %" PRIu64 ", %" PRIu64 " instead of %" PRIu64 "\n",
			v.invariant, v.pfn, v.found, v.expected);
		exit(1);
	}
	if (roost_zone_info(stress.roost, 0, &info) || info.free != info.managed ||
	    info.managed != stress.frames.count || info.free_pcp || info.free_llist)
		frames_fault("not all frames came home: free, managed", info.free, info.managed);
}

/* ---- Threads ----------------------------------------------------------------------------- */

static void *work(void *context)
{
	struct worker *worker = context;
	struct context *c = &worker->contexts[0];

	worker->cpu = worker->index % stress.options.cpus;
	cpus_go(worker->cpu);
	stress_timers_start(worker);
	while (!stress.stop) {
		stress_thread_step(c);
		atomic_fetch_add_explicit(&worker->beats, 1, memory_order_relaxed);
	}
	stress_timers_stop(worker);
	for (unsigned d = 0; d < STRESS_DEPTH; d++)
		stress_context_close(&worker->contexts[d]);
	c->doing = DOING_ENDED;
	stress.ended++;
	return NULL;
}

static void start(struct worker *worker, unsigned index)
{
	worker->index = index;
	for (unsigned d = 0; d < STRESS_DEPTH; d++)
		stress_context_open(&worker->contexts[d], worker, d);
	if (pthread_create(&worker->thread, NULL, work, worker))
		frames_fault("no thread", index, 0);
}

int main(int argc, char **argv)
{
	struct options *o = &stress.options;
	sigset_t old;
	bool good;

	read_options(o, argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("free path %s, check level %u, %u threads on %u CPUs, %u signals/s each, %" PRIu64
	       " frames, %g s, seed %" PRIu64 "\n",
	       paths[o->path], o->check, o->threads, o->cpus, o->hz, o->frames, o->seconds,
	       o->seed);
	open_allocator(o);
	stress_signals_open();
	ticks_block(&old);
	for (unsigned i = 0; i < o->threads; i++)
		start(&stress.workers[i], i);
	stress_watch();
	for (unsigned i = 0; i < o->threads; i++)
		pthread_join(stress.workers[i].thread, NULL);
	stress_empty_exchange();
	stress_plug_all();
	check_home();
	good = stress_report();
	printf("%s: everything came home\n", good ? "PASSED" : "FAILED, rungs not used");
	return good ? 0 : 1;
}
