/* SPDX-License-Identifier: MIT */
/* explore.c - the command line: which scenarios, which free paths, what comes out. */
#include "explore.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/common/args.h"
#include "tool/common/json.h"
#include "mutate.h"
#include "report.h"
#include "tool/common/say.h"
#include "search.h"
#include "worker.h"

enum { FILES = 256, JOBS = FILES * ENGINE_PATHS };

struct arguments {
	struct options options;
	const char *files[FILES], *replay;
	unsigned nr_files, workers;
	double total; /* seconds for everything, or 0 */
	int path;     /* of the engine, or -1: those of each scenario */
	bool selftest;
	const char *json; /* a file, as in struct args_common, or NULL */
	struct mutate mutate;
	bool executions_given;
};

static struct arguments arguments;
static struct scenario scenarios[FILES];
static struct job jobs[JOBS];
static struct result results[JOBS];
static char *reports[JOBS];
static unsigned nr_jobs;

/* ---- Arguments ----------------------------------------------------------------------------- */

enum {
	KEY_PCT = 256,
	KEY_SC,
	KEY_NO_REDUCTION,
	KEY_UNBOUNDED,
	KEY_REPLAY,
	KEY_SELFTEST,
	KEY_SAVE,
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "How far the search goes:", ARGS_GROUP_FIRST},
	{"seconds", 's', "N", 0, "Search each scenario and free path for N seconds (default 20)",
	 0},
	{"executions", 'n', "N", 0,
	 "Run at most N executions of each scenario and free path (default: any number)", 0},
	{"total", 't', "N", 0, "Search all of them together for N seconds, divided as needed", 0},
	{"bound", 'b', "N", 0, "Run only executions with at most N preemptions", 0},
	{"unbounded", KEY_UNBOUNDED, NULL, 0, "Run only the search without a bound", 0},
	{"no-reduction", KEY_NO_REDUCTION, NULL, 0, "Search without partial-order reduction", 0},
	{"sc", KEY_SC, NULL, 0, "Make memory sequentially consistent: no load reads a stale value",
	 0},
	{"pct", KEY_PCT, "N", 0, "Run only N random schedules", 0},
	{"seed", 'S', "N", 0,
	 "Seed of the random schedules (default 1); with --mutate: of the faults", 0},
	{"jobs", 'j', "N", 0, "Use N worker processes (default: one for each CPU)", 0},
	{0, 0, 0, 0, "Which scenario finds which fault:", ARGS_GROUP_HOW},
	{"mutate", KEY_MUTATE, "CHANGES", OPTION_ARG_OPTIONAL,
	 "Build the engine with each of the changes in the file CHANGES, and run the scenarios on "
	 "it (default: all of the tree)",
	 0},
	{"generate", KEY_GENERATE, "N", 0,
	 "With --mutate: N faults in place of a file, drawn by --seed", 0},
	{"tree", KEY_TREE, "DIR", 0,
	 "With --mutate: the sources (default: the checkout around the current folder)", 0},
	{"build-dir", KEY_BUILD, "DIR", 0,
	 "With --mutate: build the sources in DIR, which is kept (default: build-mutants/explore "
	 "in the tree)",
	 0},
	{"only", KEY_ONLY, "NAMES", 0,
	 "With --mutate: these changes of the file, with commas between", 0},
	{"first", KEY_FIRST, NULL, 0,
	 "With --mutate: no more scenarios after one has found the fault", 0},
	{0, 0, 0, 0, "The allocator:", ARGS_GROUP_ALLOCATOR},
	{0, 0, 0, 0, "The report:", ARGS_GROUP_REPORT},
	{"save", KEY_SAVE, "DIR", 0,
	 "Write the schedules of findings to DIR (default: .); with --mutate: the explorers with "
	 "the changes, too (default: nowhere)",
	 0},
	{"replay", KEY_REPLAY, "FILE", 0, "Repeat a saved schedule", 0},
	{"verbose", 'v', NULL, 0,
	 "Show each access in schedules; with --mutate: each scenario that finds a fault", 0},
	{"selftest", KEY_SELFTEST, NULL, 0, "Check the explorer with litmus tests", 0},
	{0}};

static uint64_t number(const char *option, const char *text)
{
	return args_number(option, text, 0, UINT32_MAX);
}

/* Options with a number; false if it is none of them. */
static bool parse_number(int key, const char *text, struct arguments *a)
{
	struct options *o = &a->options;

	switch (key) {
	case 's':
		o->seconds = (double)number("seconds", text);
		return true;
	case 't':
		a->total = (double)number("total", text);
		return true;
	case 'n':
		o->executions = number("executions", text);
		a->executions_given = true;
		return true;
	case 'b':
		o->bound = (unsigned)args_number("bound", text, 0, 127);
		return true;
	case KEY_PCT:
		o->pct = number("pct", text);
		return true;
	case 'S':
		o->seed = number("seed", text);
		return true;
	case 'j':
		a->workers = (unsigned)args_number("jobs", text, 1, UINT32_MAX);
		return true;
	default:
		return false;
	}
}

/* Options without an argument; false if it is none of them. */
static bool parse_switch(int key, struct arguments *a)
{
	switch (key) {
	case KEY_SC:
		return a->options.sc = true;
	case KEY_UNBOUNDED:
		return a->options.unbounded = true;
	case KEY_NO_REDUCTION:
		return a->options.no_reduction = true;
	case 'v':
		return a->options.verbose = true;
	case KEY_SELFTEST:
		return a->selftest = true;
	default:
		return false;
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *a = state->input;

	if (parse_number(key, text, a) || parse_switch(key, a) ||
	    mutate_parse(key, text, &a->mutate))
		return 0;
	switch (key) {
	case KEY_SAVE:
		a->options.save = text;
		return 0;
	case KEY_REPLAY:
		a->replay = text;
		return 0;
	case ARGP_KEY_ARG:
		if (a->nr_files == FILES)
			die("%s: more than %d scenarios", text, FILES);
		a->files[a->nr_files++] = text;
		return 0;
	case ARGP_KEY_END:
		mutate_check(&a->mutate);
		if (!a->nr_files && !a->replay && !a->selftest && !a->mutate.wanted)
			die("which scenario? Give a file, e.g. lab/scenarios/seed-single.scn; see "
			    "`roost explore --help`");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct args_command command = {
	.name = "roost explore",
	.args_doc = "SCENARIO...",
	.doc = "Explores every interleaving of the allocator's own code, with interrupts.\v"
	       "Without --free each scenario runs with the free paths that it names, and each "
	       "outcome is compared with what the scenario expects.\n\n"
	       "Exit status: 0 as expected, 1 a finding, 2 the command line or a file is wrong, "
	       "3 no finding, but vacuous: no execution reached what a line \"reach\" names. With "
	       "--mutate: 0 each fault is found, 1 some survive, 2 the command line, a change or "
	       "the tree is wrong.",
	.options = options,
	.parser = parse,
	.common = ARGS_HAS(ENGINE) | ARGS_HAS(FREE) | ARGS_HAS(JSON) | ARGS_HAS(QUIET),
};

/* The common options, as this engine has it. */
static void take_common(struct arguments *a, const struct args_common *c)
{
	if (c->engine && strcmp(c->engine, engine_program) != 0)
		die("--engine=%s: this program has the engine %s in it", c->engine, engine_program);
	if (c->free && (a->path = engine_path(c->free)) < 0)
		die("--free=%s: the engine %s has no such free path", c->free, engine->name);
	a->json = c->json;
	a->options.progress = !c->json && !c->quiet && isatty(STDERR_FILENO);
}

/* ---- Running ------------------------------------------------------------------------------- */

/* stdout is for programs. */
static bool silent(void)
{
	return arguments.json && !strcmp(arguments.json, "-");
}

static bool judged(void)
{
	return arguments.path < 0;
}

static bool good(unsigned job)
{
	return results[job].loaded &&
	       (judged() ? job_as_expected(&jobs[job], &results[job]) : !results[job].kind);
}

static void done(unsigned job)
{
	if (silent())
		return;
	if (reports[job] && reports[job][0] && (!judged() || !good(job)))
		printf("\n%s", reports[job]);
	if (results[job].loaded)
		report_result(&jobs[job], &results[job], judged());
	fflush(stdout);
}

static const char *passed_over[FILES]; /* files that expect nothing of this engine */
static unsigned nr_passed_over;

static bool read_scenarios(void)
{
	for (unsigned i = 0; i < arguments.nr_files; i++) {
		unsigned before = nr_jobs;

		if (!scenario_read(arguments.files[i], &scenarios[i]))
			return false;
		if (UNIPROCESSOR && scenarios[i].config.nr_cpus > 1) {
			say_error("%s: this is the uniprocessor build; it takes scenarios with "
				  "cpus 1",
				  arguments.files[i]);
			return false;
		}
		for (unsigned path = 0; path < engine_nr_paths(engine); path++)
			if (judged() ? scenarios[i].expect[path].given
				     : (int)path == arguments.path)
				jobs[nr_jobs++] =
					(struct job){.scenario = &scenarios[i], .path = path};
		if (nr_jobs == before)
			passed_over[nr_passed_over++] = scenarios[i].name;
	}
	if (!nr_jobs)
		say_error("no scenario says what it expects of the engine %s; add a line \"expect "
			  "%s: pass\" or choose a path with --free",
			  engine->name, engine->name);
	return nr_jobs;
}

/* Of passes whose scenario does not say what it must reach: what was done, if they are few; else
 * only what is suspicious. */
static void show_unwitnessed(void)
{
	enum { FEW = 4 };

	for (unsigned i = 0; i < nr_jobs; i++)
		if (results[i].loaded && !results[i].kind && !jobs[i].scenario->nr_witnesses &&
		    (nr_jobs <= FEW || results[i].warning[0]))
			report_done(&jobs[i], &results[i], nr_jobs <= FEW);
}

static void summary(void)
{
	static uint8_t cover[COVER_BITS / 8];
	unsigned bad = 0, exhausted = 0, refused = 0, vacuous = 0;
	unsigned own = 0;
	uint64_t executions = 0, choices = 0;

	for (unsigned i = 0; i < nr_jobs; i++) {
		bad += !good(i);
		refused += !results[i].loaded;
		vacuous += results[i].kind == FAIL_VACUOUS;
		exhausted += results[i].exhausted;
		executions += results[i].executions;
		choices += results[i].choices;
		own = results[i].most_own > own ? results[i].most_own : own;
		cover_merge(cover, results[i].cover);
	}
	printf("%u explored, %u %s, %u exhausted; %llu executions, %llu choice points; %u of %u "
	       "basic blocks of the engine\n",
	       nr_jobs, bad, judged() ? "not as expected" : "with a finding", exhausted,
	       (unsigned long long)executions, (unsigned long long)choices, cover_count(cover),
	       cover_total());
	printf("longest call that waits for nothing: %u accesses\n", own);
	if (vacuous)
		printf("%u vacuous: no execution reached what they are about\n", vacuous);
	if (refused)
		printf("%u of them not run: the pool is refused\n", refused);
	if (nr_passed_over)
		report_passed_over(passed_over, nr_passed_over);
	show_unwitnessed();
}

/* Index into jobs of those that run now, which are other[0 .. nr_other). */
static unsigned index_of[JOBS], nr_others;
static struct job others[JOBS];

static void keep_unfinished(unsigned job)
{
	if (results[job].loaded && !results[job].exhausted && !results[job].kind) {
		index_of[nr_others] = job;
		others[nr_others++] = jobs[job];
	} else {
		done(job);
	}
}

static struct result other_results[JOBS];
static char *other_reports[JOBS];

static void other_done(unsigned other)
{
	unsigned job = index_of[other];

	results[job] = other_results[other];
	reports[job] = other_reports[other];
	done(job);
}

/* All jobs in a total of time: a tenth of it to see which ones end soon, the rest for the others,
 * which begin again. */
static bool run_in_total(double total)
{
	double start = now_s();

	arguments.options.seconds = total / 10 * arguments.workers / nr_jobs;
	return workers_run(jobs, nr_jobs, arguments.workers, 0, &arguments.options, results,
			   reports, keep_unfinished) &&
	       workers_run(others, nr_others, arguments.workers, total - (now_s() - start),
			   &arguments.options, other_results, other_reports, other_done);
}

static bool run(void)
{
	if (arguments.total > 0)
		return run_in_total(arguments.total);
	return workers_run(jobs, nr_jobs, arguments.workers, 0, &arguments.options, results,
			   reports, done);
}

static int explore(void)
{
	int status = 0;

	arguments.options.judged = judged();
	if (!read_scenarios())
		return 2;
	if (!silent())
		report_head();
	if (!run()) {
		say_error("a worker process ended");
		return 2;
	}
	for (unsigned i = 0; i < nr_jobs; i++)
		if (!results[i].loaded)
			status = 2;
		else if (!good(i) && status != 2)
			status = results[i].kind == FAIL_VACUOUS && status != 1 ? 3 : 1;
	if (arguments.json)
		report_json(&(struct report){jobs, results, nr_jobs, passed_over, nr_passed_over},
			    arguments.json);
	if (!silent())
		summary();
	return status;
}

/* ---- Replay -------------------------------------------------------------------------------- */

/* The scenario of a schedule: the one that is given, else the one that it was saved for; if that is
 * not there any more, the file of that name beside the schedule. */
static const char *scenario_of(const struct schedule_head *head)
{
	static char beside[2 * PATH_MAX];
	const char *slash = strrchr(head->scenario, '/'), *end = strrchr(arguments.replay, '/');

	if (arguments.nr_files)
		return arguments.files[0];
	if (access(head->scenario, F_OK) == 0)
		return head->scenario;
	snprintf(beside, sizeof(beside), "%.*s%s", end ? (int)(end - arguments.replay) + 1 : 0,
		 arguments.replay, slash ? slash + 1 : head->scenario);
	if (access(beside, F_OK) == 0)
		return beside;
	die("%s: its scenario %s is not there, nor is it beside the schedule: name its file after "
	    "--replay FILE",
	    arguments.replay, head->scenario);
}

static int replay(void)
{
	static struct schedule schedule;
	static struct schedule_head head;
	struct job job = {.scenario = &scenarios[0]};
	static struct result r;
	bool failed;
	int path;

	if (!schedule_read(&schedule, &head, arguments.replay))
		return 2;
	if (strcmp(head.engine, engine_program) != 0) {
		say_error("%s is of the engine %s: add --engine=%s", arguments.replay, head.engine,
			  head.engine);
		return 2;
	}
	if (arguments.nr_files > 1)
		die("%s: --replay takes one scenario, and %s is given already", arguments.files[1],
		    arguments.files[0]);
	if (!scenario_read(scenario_of(&head), &scenarios[0]))
		return 2;
	path = engine_path(head.path);
	if (path < 0) {
		say_error("%s: the engine %s has no free path \"%s\"", arguments.replay,
			  engine->name, head.path);
		return 2;
	}
	job.path = (unsigned)path;
	if (!scenario_load(job.scenario, job.path, head.weak)) {
		if (vm.failure.kind)
			say_error("%s: setup: %s", job.scenario->file, vm.failure.text);
		return 2;
	}
	failed = schedule_show(&schedule, arguments.options.verbose) == RUN_FAILED;
	if (failed) {
		r.kind = vm.failure.kind;
		snprintf(r.key, sizeof(r.key), "%s", vm.failure.key);
		snprintf(r.text, sizeof(r.text), "%s", vm.failure.text);
		r.sights = vm.failure.sights;
	}
	r.loaded = true;
	if (arguments.json)
		report_json(&(struct report){&job, &r, 1, NULL, 0}, arguments.json);
	if (!silent() && failed)
		report_find(&job, &r, &schedule, stdout);
	else if (!silent())
		printf("no failure; the schedule was saved for: %s\n", head.key);
	return failed;
}

static _Noreturn void mutate(const struct args_common *c)
{
	const struct arguments *a = &arguments;

	if (a->replay || a->selftest || a->total > 0)
		die("--%s: not with --mutate", a->replay     ? "replay"
					       : a->selftest ? "selftest"
							     : "total");
	mutate_run(&a->mutate, &(struct mutate_search){.options = &a->options,
						       .executions_given = a->executions_given,
						       .workers = a->workers,
						       .path = c->free,
						       .json = a->json,
						       .quiet = c->quiet,
						       .files = a->files,
						       .nr_files = a->nr_files});
}

int explore_main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct args_common common;

	arguments =
		(struct arguments){.options = {.seconds = 20, .seed = 1, .bound = SEARCH_NO_BOUND},
				   .path = -1,
				   .workers = cpus > 0 ? (unsigned)cpus : 1};
	program_begin();
	args_parse(&command, argc, argv, &arguments, &common);
	take_common(&arguments, &common);
	json_check(arguments.json);
	if (arguments.mutate.wanted)
		mutate(&common);
	if (!arguments.options.save)
		arguments.options.save = ".";
	if (arguments.selftest)
		return selftest() ? 1 : 0;
	if (arguments.replay)
		return replay();
	return explore();
}
