/* SPDX-License-Identifier: MIT */
/* scenario.c - reads scenario files, line by line. */
#include "scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/common/printable.h"
#include "reader.h"
#include "tool/common/say.h"

enum { ALL_PATHS = (1u << ENGINE_PATHS) - 1 };

static void pool(struct reader *r)
{
	struct scenario *s = r->out;
	static struct roost_zone_config zone;
	char key[SCENARIO_NAME];
	unsigned long value;

	if (s->has_pool)
		read_error(r, "there is a line \"pool\" already");
	s->has_pool = true;
	if (s->nr_setup || s->nr_contexts || s->nr_finally)
		read_error(r, "the pool stands before those who use its CPUs");
	zone = (struct roost_zone_config){0};
	do {
		read_word(r, key, sizeof(key));
		value = read_number(r, key, 1000000);
		if (!strcmp(key, "cpus") && value >= 1 && value <= VM_CPUS)
			s->config.nr_cpus = (unsigned)value;
		else if (!strcmp(key, "pageblocks") && value >= 1 && value <= 64)
			s->pageblocks = (unsigned)value;
		else if (!strcmp(key, "absent") && value <= 64)
			s->absent = (unsigned)value;
		else if (!strcmp(key, "high"))
			s->pcpbuddy.high = (uint32_t)value;
		else if (!strcmp(key, "batch"))
			s->pcpbuddy.batch = (uint32_t)value;
		else if (!strcmp(key, "check") && value <= ROOST_CHECK_PARANOID)
			s->config.check_level = (unsigned)value;
		else if (!strcmp(key, "max-order"))
			s->config.max_order = (unsigned)value;
		else if (!strcmp(key, "pockets") && value <= 1)
			s->config.pockets = value ? ROOST_POCKETS_AUTO : ROOST_POCKETS_OFF;
		else if (!strcmp(key, "slabs") && value >= 1 && value <= 2048)
			s->slabs = (unsigned)value;
		else if (!strcmp(key, "reserve"))
			zone.reserve = value;
		else if (!strcmp(key, "low"))
			zone.low = value;
		else
			read_error(
				r,
				"the pool has cpus (1 to %d), pageblocks (1 to 64), high, batch, "
				"check (0 to 3), max-order, reserve, low, pockets (0 or 1), slabs "
				"(1 to 2048), absent (pageblocks, the last of them); not "
				"\"%s %lu\"",
				VM_CPUS, key, value);
	} while (!r->bad && read_char(r, ','));
	if (zone.reserve || zone.low) {
		struct roost_zone_config *copy = malloc(sizeof(*copy));

		if (!copy)
			abort();
		*copy = zone;
		s->config.zones = copy;
		s->config.nr_zones = 1;
	}
}

/* Slabs of one frame, so the number of objects is a power of two. */
static void cache(struct reader *r)
{
	struct scenario *s = r->out;
	char name[SCENARIO_NAME];
	unsigned long objects;

	read_word(r, name, sizeof(name));
	objects = read_number(r, "objects of a slab", 512);
	if (!isalpha((unsigned char)name[0]))
		read_error(r, "a cache has a name: cache o 8");
	else if (objects < 8 || objects & (objects - 1))
		read_error(r, "a slab has 8, 16, 32, 64, 128, 256 or 512 objects, not %lu",
			   objects);
	else if (find_cache(s, name) >= 0)
		read_error(r, "there is a cache %s already", name);
	else if (s->nr_caches == SCENARIO_CACHES)
		read_error(r, "there can be %d caches at most", SCENARIO_CACHES);
	if (r->bad)
		return;
	memcpy(s->caches[s->nr_caches], name, sizeof(name));
	s->objects[s->nr_caches++] = (unsigned)objects;
}

static enum failure_kind failure_of(struct reader *r, const char *name)
{
	for (int kind = FAIL_NONE; kind < FAIL_KINDS; kind++)
		if (!strcmp(failure_name((enum failure_kind)kind), name))
			return (enum failure_kind)kind;
	read_error(r,
		   "\"%s\" is no outcome: pass, deadlock, lost-wakeup, livelock, race, doubled, "
		   "invariant, lock, misuse, assert, bound, fatal, vacuous",
		   name);
	return FAIL_NONE;
}

/* Bits of the paths of this program's engine that go by a name: of a path, an engine, or "all". */
static unsigned paths_called(struct reader *r, const char *name)
{
	bool known = !strcmp(name, "all");
	unsigned paths = known ? ALL_PATHS : 0;

	if (!strcmp(name, "roost")) /* what the engine sets was called first */
		name = "sets";

	for (unsigned e = 0; e < nr_engines; e++) {
		int path = find_name(engines[e].paths, engine_nr_paths(&engines[e]), name);
		bool whole = !strcmp(engines[e].name, name);

		known |= path >= 0 || whole;
		if (engine == &engines[e] && (path >= 0 || whole))
			paths |= whole ? ALL_PATHS : 1u << path;
	}
	if (!known)
		read_error(r,
			   "\"%s\" is no engine and no free path of one; there are: all, pcpbuddy "
			   "(trylock, llist, blocking), sets",
			   name);
	return paths;
}

/* "trylock, llist:" */
static unsigned paths_before_colon(struct reader *r)
{
	char name[SCENARIO_NAME];
	unsigned paths = 0;

	do
		paths |= paths_called(r, read_word(r, name, sizeof(name)));
	while (!r->bad && read_char(r, ','));
	if (!r->bad)
		read_expected(r, ':');
	return paths;
}

static void expectation(struct reader *r)
{
	struct expectation e = {.given = true};
	char name[SCENARIO_NAME];
	unsigned paths = paths_before_colon(r);

	if (r->bad)
		return;
	e.kind = failure_of(r, read_word(r, name, sizeof(name)));
	while (!read_end(r) && !r->bad && *read_word(r, name, sizeof(name))) {
		if (e.locks[0])
			strncat(e.locks, " ", sizeof(e.locks) - strlen(e.locks) - 1);
		strncat(e.locks, name, sizeof(e.locks) - strlen(e.locks) - 1);
	}
	for (unsigned path = 0; path < ENGINE_PATHS; path++)
		if (paths >> path & 1)
			r->out->expect[path] = e;
}

enum { REACH_WORDS = 3 }; /* "zone lock busy" */

/* Does an engine have a lock, or a class of locks, of this name? */
static bool engine_has_lock(const struct engine *e, const char *name)
{
	for (unsigned i = 0; i < ENGINE_PATHS && e->locks[i]; i++) {
		size_t length = strlen(e->locks[i]);

		if (!strncmp(name, e->locks[i], length) &&
		    !name[length + strspn(name + length, "0123456789.")])
			return true;
	}
	return false;
}

static bool is_engine_lock(const char *name)
{
	for (unsigned e = 0; e < nr_engines; e++)
		if (engine_has_lock(&engines[e], name))
			return true;
	return false;
}

/* Once all locks of the scenario are known. */
static void check_witnesses(struct reader *r)
{
	for (unsigned i = 0; i < r->out->nr_witnesses; i++) {
		const struct witness *w = &r->out->witnesses[i];
		bool known = w->kind != WITNESS_LOCK || is_engine_lock(w->name);

		for (unsigned k = 0; k < r->out->nr_locks && !known; k++)
			known = !strcmp(r->out->locks[k], w->name);
		r->line = w->line;
		if (!known)
			read_error(r, "no lock is called %s", w->name);
	}
}

/* What only another engine has is no witness for this one. On a uniprocessor the engine's locks are
 * volatile words, of which the machine does not know the values. */
static void reach_lock(struct reader *r, struct witness *w, const char *name, const char *event)
{
	static const char *const events[LOCK_EVENTS] = {"busy", "taken", "waited", "interrupted",
							"preempted"};
	int i = find_name(events, LOCK_EVENTS, event);

	if (i < 0) {
		read_error(r, "a lock is busy, taken, waited, interrupted or preempted, not \"%s\"",
			   event);
		return;
	}
	w->kind = WITNESS_LOCK;
	w->event = (enum lock_event)i;
	snprintf(w->name, sizeof(w->name), "%s", name);
	if (is_engine_lock(name) && (UNIPROCESSOR || !engine_has_lock(engine, name)))
		w->paths = 0;
}

static bool reach_event(struct witness *w, const char *text)
{
	static const char *const machine[] = {"preempted", "migrated"};
	int what = find_name(machine, 2, text);

	if (what >= 0) {
		w->kind = WITNESS_MACHINE;
		w->number = (unsigned)what;
		return true;
	}
	for (unsigned e = 0; e < nr_engines; e++) {
		unsigned nr = 0;
		int i;

		while (nr < ENGINE_PATHS && engines[e].events[nr])
			nr++;
		i = find_name(engines[e].events, nr, text);

		if (i < 0)
			continue;
		w->kind = WITNESS_EVENT;
		w->number = (unsigned)i;
		if (engine != &engines[e])
			w->paths = 0;
		return true;
	}
	return false;
}

static void reach_counter(struct reader *r, struct witness *w, const char *text)
{
	int counter = engine_counter(text);

	if (counter < 0) {
		read_error(r,
			   "\"%s\" is nothing that can be reached: name a counter of "
			   "roost_stats() or roost_pcpbuddy_stats(), as free_fallback; a function, "
			   "as rst_zone_put(); \"NAME lock busy\" (taken, waited, interrupted, "
			   "preempted); \"over high\"; \"preempted\" or \"migrated\"",
			   text);
		return;
	}
	w->kind = WITNESS_COUNTER;
	w->number = (unsigned)counter;
	if (w->number >= engine_nr_counters(engine))
		w->paths = 0;
}

static void reach_level(struct reader *r, struct witness *w)
{
	static const char *const levels[] = {"task", "softirq", "hardirq", "nmi", "handler"};
	char name[SCENARIO_NAME];
	int level = find_name(levels, 5, read_word(r, name, sizeof(name)));

	if (level < 0)
		read_error(r, "\"in\" task, softirq, hardirq, nmi or handler, not \"%s\"", name);
	else
		w->levels = level == 4 ? WITNESS_ALL_LEVELS & ~(1u << LEVEL_TASK) : 1u << level;
}

static void reach(struct reader *r)
{
	struct scenario *s = r->out;
	struct witness w = {.line = r->line, .levels = WITNESS_ALL_LEVELS, .paths = ALL_PATHS};
	char words[REACH_WORDS][SCENARIO_NAME] = {0}, what[REACH_WORDS * SCENARIO_NAME] = "",
	     *start;
	char name[SCENARIO_NAME];
	unsigned n = 0;

	if (r->at[strcspn(r->at, ":#")] == ':')
		w.paths = paths_before_colon(r);
	read_blanks(r);
	start = r->at;
	for (; n < REACH_WORDS && !r->bad && *read_peek(r, name, sizeof(name)); n++) {
		if (!strcmp(name, "in"))
			break;
		read_word(r, words[n], SCENARIO_NAME);
		if (n)
			strcat(what, " ");
		strcat(what, words[n]); /* as long as all words together at most */
	}
	if (n == 1 && read_char(r, '(')) {
		w.kind = WITNESS_FUNCTION;
		snprintf(w.name, sizeof(w.name), "%s", words[0]);
		read_expected(r, ')');
	} else if (n == REACH_WORDS && !strcmp(words[1], "lock")) {
		reach_lock(r, &w, words[0], words[2]);
	} else if (!reach_event(&w, what)) {
		reach_counter(r, &w, what);
	}
	if (!r->bad && !strcmp(read_peek(r, name, sizeof(name)), "in")) {
		read_word(r, name, sizeof(name));
		reach_level(r, &w);
	}
	snprintf(w.text, sizeof(w.text), "%.*s", (int)(r->at - start), start);
	if (s->nr_witnesses == SCENARIO_WITNESSES)
		read_error(r, "there can be %d lines \"reach\" at most", SCENARIO_WITNESSES);
	else if (!r->bad)
		s->witnesses[s->nr_witnesses++] = w;
}

static void misuse(struct reader *r)
{
	static const char *const names[SCENARIO_MISUSES] = {
		"double-free", "not-allocated", "wrong-order", "misaligned", "out-of-range",
		"hole",	       "bad-order",	"bad-flags",   "corrupt",    "object"};
	char name[SCENARIO_NAME];
	int kind = find_name(names, SCENARIO_MISUSES, read_word(r, name, sizeof(name)));

	if (kind < 0)
		read_error(r,
			   "\"%s\" is no misuse: double-free, not-allocated, wrong-order, "
			   "misaligned, out-of-range, hole, bad-order, bad-flags, corrupt, object",
			   name);
	else if (r->out->misuse[kind])
		read_error(r, "%s is there already", name);
	else
		r->out->misuse[kind] = (unsigned)read_number(r, "how often", 100);
}

static void bound(struct reader *r)
{
	char name[SCENARIO_NAME];

	if (strcmp(read_word(r, name, sizeof(name)), "nolock") != 0)
		read_error(r, "\"bound nolock N\" is the only bound, not \"%s\"", name);
	r->out->bound = (unsigned)read_number(r, "a number of accesses", VM_OWN);
}

static struct program *add_program(struct program **list, unsigned *nr)
{
	*list = realloc(*list, (*nr + 1) * sizeof(**list));
	if (!*list)
		abort();
	(*list)[*nr] = (struct program){0};
	return &(*list)[(*nr)++];
}

/* Before the first task, since it says how many there may be. */
static void machine(struct reader *r)
{
	static const char *const modes[] = {"preempt", "migrate", "rt"};
	struct scenario *s = r->out;
	unsigned seen = 0;

	if (s->machine)
		read_error(r, "there is a line \"machine\" already");
	else if (s->nr_contexts)
		read_error(r, "\"machine\" comes before the first task or handler");
	do {
		char name[SCENARIO_NAME];
		int mode = find_name(modes, 3, read_word(r, name, sizeof(name)));

		if (mode < 0)
			read_error(r, "\"%s\" is no mode of the machine: preempt, migrate, rt",
				   name);
		else if (seen >> mode & 1)
			read_error(r, "%s is there twice", name);
		else
			seen |= 1u << mode;
	} while (!r->bad && read_char(r, ','));
	if (!r->bad && seen & 4 && !(seen & 1))
		read_error(r, "rt needs preempt: a task that waits for a lock sleeps, and others "
			      "run");
	if (!r->bad && seen == 2)
		read_error(r, "migrate needs preempt: a task that comes to a CPU preempts what "
			      "runs there");
	s->machine = r->line;
	s->migrates = seen & 2;
	s->rt = seen & 4;
}

/* What of its tasks and CPUs makes no sense, now that all are known. */
static void check_machine(struct reader *r)
{
	const struct scenario *s = r->out;
	unsigned tasks = 0;

	for (unsigned i = 0; i < s->nr_contexts; i++)
		tasks += s->contexts[i].level == LEVEL_TASK;
	r->line = s->machine;
	if (UNIPROCESSOR)
		read_error(r, "the engines of uniprocessor builds are for systems without "
			      "preemption");
	else if (s->migrates && s->config.nr_cpus < 2)
		read_error(r, "migrate needs a second CPU");
	else if (s->nr_contexts + s->config.nr_cpus + (s->migrates ? tasks : 0) > VM_CONTEXTS)
		read_error(r, "%u tasks and handlers are too many for this machine on %u CPUs",
			   s->nr_contexts, s->config.nr_cpus);
}

/* Tasks of one CPU have numbers from the second one on. */
static void name_context(struct reader *r, struct program *p, const char *kind)
{
	const struct scenario *s = r->out;
	unsigned tasks = 1;

	for (unsigned i = 0; i + 1 < s->nr_contexts && p->level == LEVEL_TASK; i++)
		tasks += s->contexts[i].level == LEVEL_TASK && s->contexts[i].cpu == p->cpu;
	if (tasks == 1)
		snprintf(p->name, sizeof(p->name), "%.9s cpu%u", kind, p->cpu);
	else
		snprintf(p->name, sizeof(p->name), "%.9s cpu%u/%u", kind, p->cpu, tasks);
	if (tasks > 1 && !s->machine)
		read_error(r,
			   "CPU %u has a task already; begin the line with a blank to go on with "
			   "it, or write \"machine preempt\" before it",
			   p->cpu);
}

static void context(struct reader *r, const char *kind)
{
	static const char *const levels[] = {"task", "softirq", "hardirq", "nmi", "stop"};
	struct scenario *s = r->out;
	int level = find_name(levels, 5, kind);
	struct program *p;

	if (!strcmp(kind, "setup"))
		p = add_program(&s->setup, &s->nr_setup);
	else if (!strcmp(kind, "finally"))
		p = add_program(&s->finally, &s->nr_finally);
	else
		p = add_program(&s->contexts, &s->nr_contexts);
	p->place = !strcmp(kind, "setup")     ? PLACE_SETUP
		   : !strcmp(kind, "finally") ? PLACE_FINALLY
					      : PLACE_EXPLORED;
	p->level = level < 0 ? LEVEL_TASK : (enum level)level;
	p->cpu = read_cpu(r);
	if (level >= 0)
		name_context(r, p, kind);
	else
		snprintf(p->name, sizeof(p->name), "%.9s cpu%u", kind, p->cpu);
	if (level == LEVEL_STOP && s->machine)
		read_error(r, "a machine that preempts has no CPUs that stop");
	if (s->nr_contexts > SCENARIO_CONTEXTS)
		read_error(r, "there can be %d tasks and handlers at most", SCENARIO_CONTEXTS);
	if (level == LEVEL_STOP || r->bad)
		return;
	r->open = p;
	if (read_expected(r, ':'))
		read_statements(r, p);
}

static void pressure(struct reader *r)
{
	struct program *p = &r->out->pressure;

	snprintf(p->name, sizeof(p->name), "pressure");
	r->open = p;
	read_statements(r, p);
	for (unsigned i = 0; i < p->nr && !r->bad; i++)
		if (p->statements[i].verb > VERB_FREE_BATCH_NOLOCK ||
		    p->statements[i].flags & ROOST_WAIT)
			read_error(r,
				   "the pressure hook may free, and allocate without wait, but not "
				   "\"%s\"",
				   p->statements[i].text);
}

static void line(struct reader *r)
{
	static const char *const contexts[] = {"task", "softirq", "hardirq", "nmi",
					       "stop", "setup",	  "finally"};
	bool goes_on = isspace((unsigned char)*r->at);
	char name[SCENARIO_NAME];

	if (read_end(r))
		return;
	if (goes_on && r->open) {
		read_statements(r, r->open);
		return;
	}
	read_word(r, name, sizeof(name));
	r->open = NULL;
	if (!strcmp(name, "pool"))
		pool(r);
	else if (!strcmp(name, "cache"))
		cache(r);
	else if (!strcmp(name, "machine"))
		machine(r);
	else if (!strcmp(name, "expect"))
		expectation(r);
	else if (!strcmp(name, "misuse"))
		misuse(r);
	else if (!strcmp(name, "bound"))
		bound(r);
	else if (!strcmp(name, "reach"))
		reach(r);
	else if (!strcmp(name, "pressure"))
		pressure(r);
	else if (find_name(contexts, 7, name) >= 0)
		context(r, name);
	else
		read_error(r,
			   "a line begins with pool, cache, machine, expect, misuse, reach, bound, "
			   "setup, task, "
			   "softirq, "
			   "hardirq, nmi, stop, pressure or finally, not with \"%s\"",
			   name);
	if (!r->bad && !read_end(r))
		read_error(r, "what is \"%.20s\" at the end of the line?", r->at);
}

static void name_scenario(struct scenario *s)
{
	const char *slash = strrchr(s->file, '/');
	char *dot;

	snprintf(s->name, sizeof(s->name), "%.*s", NAME_MAX, slash ? slash + 1 : s->file);
	dot = strrchr(s->name, '.');
	if (dot && dot > s->name)
		*dot = 0;
}

static void take_line(struct reader *r, char *text, size_t length)
{
	struct scenario *s = r->out;

	r->line++;
	r->at = text;
	if (strlen(text) < length)
		read_error(r, "a zero byte in the line: this is no scenario");
	while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		text[--length] = 0;
	if (r->line == 1 && text[0] == '#')
		printable(s->title, sizeof(s->title), 0, text + 1, length - 1);
	if (!r->bad)
		line(r);
}

bool scenario_read(const char *file, struct scenario *s)
{
	struct reader r = {.out = s};
	char *buffer = NULL;
	size_t size = 0;
	ssize_t length;
	FILE *in;

	*s = (struct scenario){.config = ROOST_CONFIG_INIT, .pageblocks = 4, .slabs = 2};
	s->config.pockets = ROOST_POCKETS_OFF; /* but for scenarios about them: fewer steps */
	s->config.nr_cpus = 2;
	/* However small the pool, a CPU may claim a pageblock: that is what the engine is about. */
	s->pcpbuddy.high = 1u << ROOST_PAGEBLOCK_ORDER;
	in = fopen(file, "re");
	if (!in) {
		say_error("%s: cannot read: %s", file, strerror(errno));
		return false;
	}
	snprintf(s->file, sizeof(s->file), "%s", file);
	name_scenario(s);
	while (!r.bad && (length = getline(&buffer, &size, in)) >= 0)
		take_line(&r, buffer, (size_t)length);
	if (ferror(in)) {
		say_error("%s: cannot read: %s", file, strerror(errno));
		r.bad = true;
	}
	free(buffer);
	fclose(in);
	r.line++;
	if (!r.bad && s->absent > s->pageblocks)
		read_error(&r, "%u pageblocks are absent, but there are only %u", s->absent,
			   s->pageblocks);
	if (!r.bad && !s->nr_contexts)
		read_error(&r, "nobody does anything: a line \"task cpu0: ...\" is missing");
	if (!r.bad && s->machine)
		check_machine(&r);
	if (!r.bad)
		check_witnesses(&r);
	return !r.bad && check_statements(&r);
}
