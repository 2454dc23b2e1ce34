/* SPDX-License-Identifier: MIT */
/* job.c - see job.h. */
#include "job.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ends.h"
#include "lock.h"
#include "memory.h"
#include "pct.h"
#include "report.h"
#include "tool/common/say.h"
#include "schedule.h"
#include "search.h"
#include "split.h"
#include "witness.h"

enum { WARM_UP = 200, MOST_RESTARTS = 1000 };

struct work {
	const struct job *job;
	const struct options *options;
	struct result *result;
	double start, end;
	uint64_t since_look;
	bool late;
};

double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- Executions ---------------------------------------------------------------------------- */

static bool over_budget(struct work *w)
{
	const struct options *o = w->options;

	if (o->executions && w->result->executions >= o->executions)
		return true;
	if (++w->since_look % 16 == 0)
		w->late = now_s() > w->end || split_unwanted();
	if (o->progress && !split_is_part() && w->since_look % 4096 == 0)
		report_progress(w->job, w->result, now_s() - w->start);
	return w->late;
}

static enum outcome execute(struct work *w, const struct strategy *strategy, void *self)
{
	struct result *r = w->result;
	enum outcome outcome = vm_run(strategy, self);

	r->executions++;
	r->redundant += outcome == RUN_ABORTED;
	r->cut += outcome == RUN_CUT;
	if ((unsigned)vm.nr_steps > r->depth)
		r->depth = (unsigned)vm.nr_steps;
	return outcome;
}

/* All executions of a search, less those that parts of it are split off for. */
static enum pass search_here(struct work *w, struct search *search)
{
	bool may_split = !w->options->executions;

	do {
		enum outcome outcome = execute(w, &search_strategy, search);

		if (vm.grown)
			return PASS_GROWN;
		if (outcome == RUN_FAILED)
			return PASS_FOUND;
		if (over_budget(w))
			return PASS_BUDGET;
		if (!search_next(search) || split_pass() != PASS_EXHAUSTED)
			return split_pass();
		if (may_split)
			split_try(search, w->result);
	} while (true);
}

/* All executions of a search. Starts over when a word turns out to be shared. */
static enum pass search_pass(struct work *w, struct search *search)
{
	enum pass pass;

	do {
		search_start(search);
		pass = search_here(w, search);
		pass = split_join(pass, search, w->result);
		w->result->states += search->states;
		search->states = 0;
		if (split_is_part())
			split_report(pass, search, w->result);
		if (pass == PASS_GROWN) {
			w->result->restarts++;
			memory_share();
			ends_forget(); /* they count for what the search that is complete saw */
		}
	} while (pass == PASS_GROWN);
	return pass;
}

static enum pass random_pass(struct work *w, uint64_t count)
{
	struct pct pct = {0};

	for (uint64_t i = 0; i < count; i++) {
		enum outcome outcome;

		pct_start(&pct, w->options->seed + i);
		outcome = execute(w, &pct_strategy, &pct);
		if (vm.grown) {
			memory_share();
			i--;
			continue;
		}
		if (outcome == RUN_FAILED)
			return PASS_FOUND;
		if (over_budget(w))
			return PASS_BUDGET;
	}
	return PASS_EXHAUSTED;
}

/* ---- Passes -------------------------------------------------------------------------------- */

static void reached(struct work *w, const char *format, unsigned n)
{
	snprintf(w->result->reached, sizeof(w->result->reached), format, n);
}

static enum pass bounded(struct work *w, unsigned most)
{
	for (unsigned bound = 0; bound <= most; bound++) {
		struct search search = {.bound = bound, .stale = SEARCH_NO_BOUND};
		enum pass pass = search_pass(w, &search);

		if (pass != PASS_EXHAUSTED)
			return pass;
		reached(w, "preemptions <= %u", bound);
		if (!search.pruned) {
			w->result->exhausted = true;
			return pass;
		}
	}
	return PASS_EXHAUSTED;
}

static enum pass reduced(struct work *w)
{
	static const unsigned stale[] = {0, 1, 2, 4, SEARCH_NO_BOUND};

	for (unsigned i = 0; i < sizeof(stale) / sizeof(stale[0]); i++) {
		struct search search = {.reduce = !w->options->no_reduction,
					.bound = SEARCH_NO_BOUND,
					.stale = stale[i]};
		enum pass pass = search_pass(w, &search);

		if (pass != PASS_EXHAUSTED)
			return pass;
		reached(w, "stale loads <= %u", stale[i]);
		if (!search.pruned) {
			reached(w, w->options->sc ? "all (SC)" : "all", 0);
			w->result->exhausted = true;
			return pass;
		}
	}
	return PASS_EXHAUSTED;
}

static enum pass all_passes(struct work *w)
{
	const struct options *o = w->options;
	double end = w->end;
	enum pass pass;

	reached(w, "random", 0);
	if (o->pct)
		return random_pass(w, o->pct);
	if (o->unbounded)
		return reduced(w);
	if (o->bound != SEARCH_NO_BOUND)
		return bounded(w, o->bound);
	pass = random_pass(w, WARM_UP);
	if (pass != PASS_EXHAUSTED)
		return pass;
	/* The bounded search finds shallow bugs soon; most of the time is for the reduced one. */
	w->end = w->start + (end - w->start) / 5;
	pass = bounded(w, 1);
	w->end = end;
	w->late = false;
	if (pass == PASS_FOUND || w->result->exhausted)
		return pass;
	return reduced(w);
}

/* ---- Finds --------------------------------------------------------------------------------- */

static void save(struct work *w, const struct schedule *schedule)
{
	struct result *r = w->result;
	struct schedule_head head = {.weak = vm.weak};
	int length;

	if (!w->options->save || (w->options->judged && job_as_expected(w->job, r)))
		return;
	if (!realpath(w->job->scenario->file, head.scenario))
		snprintf(head.scenario, sizeof(head.scenario), "%s", w->job->scenario->file);
	snprintf(head.path, sizeof(head.path), "%s", engine->paths[w->job->path]);
	snprintf(head.engine, sizeof(head.engine), "%s", engine_program);
	snprintf(head.key, sizeof(head.key), "%s", r->key);
	/* With the name of the engine's path it may be longer than a file's may be: it is cut. */
	length = snprintf(r->saved, sizeof(r->saved), "%s/%.*s-%s.sched", w->options->save,
			  NAME_MAX - 32, w->job->scenario->name, head.path);
	if (length >= (int)sizeof(r->saved)) {
		say_error("--save=%s: too long", w->options->save);
		r->saved[0] = 0;
	} else if (!schedule_write(schedule, &head, r->saved)) {
		r->saved[0] = 0;
	}
}

static void found(struct work *w, FILE *out)
{
	struct schedule *schedule = malloc(sizeof(*schedule));
	struct result *r = w->result;

	r->kind = vm.failure.kind;
	snprintf(r->key, sizeof(r->key), "%s", vm.failure.key);
	snprintf(r->text, sizeof(r->text), "%s", vm.failure.text);
	if (!schedule)
		return;
	if (split_find())
		*schedule = *split_find();
	else
		schedule_take(schedule);
	schedule_shrink(schedule, r->key);
	if (schedule_show(schedule, w->options->verbose) == RUN_FAILED &&
	    !strcmp(vm.failure.key, r->key)) {
		snprintf(r->text, sizeof(r->text), "%s", vm.failure.text);
		r->sights = vm.failure.sights;
		save(w, schedule);
		report_find(w->job, r, schedule, out);
	} else {
		report_words(w->job, r, out);
		fprintf(out, "(the schedule could not be repeated)\n");
	}
	free(schedule);
}

/* The same of what comes before all executions. */
static void setup_failed(struct work *w, FILE *out)
{
	struct result *r = w->result;

	r->loaded = r->setup_failed = true;
	r->kind = vm.failure.kind;
	snprintf(r->key, sizeof(r->key), "setup: %s", failure_name(r->kind));
	snprintf(r->text, sizeof(r->text), "%s", vm.failure.text);
	reached(w, "setup", 0);
	report_words(w->job, r, out);
}

/* ---- A job --------------------------------------------------------------------------------- */

void job_run(const struct job *job, const struct options *options, struct result *r, FILE *out)
{
	struct work w = {.job = job, .options = options, .result = r};
	uint64_t steps = vm.all_steps, choices = vm.all_choices;

	*r = (struct result){0};
	w.start = now_s();
	w.end = w.start + options->seconds;
	cover_forget();
	ends_forget();
	notes_forget();
	split_forget();
	r->loaded = scenario_load(job->scenario, job->path, !options->sc);
	if (!r->loaded && vm.failure.kind)
		setup_failed(&w, out);
	if (!r->loaded || r->setup_failed)
		return;
	if (all_passes(&w) == PASS_FOUND)
		found(&w, out);
	r->ends = ends_count();
	r->shared = vm.nr_shared;
	r->steps += vm.all_steps - steps;
	r->choices += vm.all_choices - choices;
	r->most_own = scenario_most_own();
	r->seconds = now_s() - w.start;
	cover_take(r->cover);
	if (lock_inversion())
		snprintf(r->lockdep, sizeof(r->lockdep), "%s", lock_inversion());
	if (!r->kind && r->lockdep[0]) {
		r->kind = FAIL_LOCK;
		snprintf(r->key, sizeof(r->key), "lock inversion");
		snprintf(r->text, sizeof(r->text), "%s", r->lockdep);
		r->sights = *lock_inversion_sights();
		report_words(job, r, out);
	}
	r->notes = notes;
	witness_warning(job->scenario, r->warning, sizeof(r->warning));
	if (!r->kind && witness_missing(job->scenario, job->path, r->text, sizeof(r->text))) {
		r->kind = FAIL_VACUOUS;
		snprintf(r->key, sizeof(r->key), "%s", failure_name(r->kind));
		report_vacuous(job, r, out);
	}
}

/* Is each word of wanted a word of text? */
static bool has_words(const char *text, const char *wanted)
{
	char copy[FAILURE_KEY], *word, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", wanted);
	while ((word = strsep(&rest, " ")))
		if (*word && !strstr(text, word))
			return false;
	return true;
}

bool job_as_expected(const struct job *job, const struct result *r)
{
	const struct expectation *e = &job->scenario->expect[job->path];

	if (!r->loaded || r->setup_failed || !e->given || r->kind != e->kind)
		return false;
	if (r->kind == FAIL_DEADLOCK && e->locks[0]) /* exactly this cycle */
		return !strcmp(r->key + strlen("deadlock "), e->locks);
	return has_words(r->key, e->locks);
}
