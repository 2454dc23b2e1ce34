/* SPDX-License-Identifier: MIT */
/* scenario.c - reads scenario files. Each error names file, line, and what would be right. */
#include "scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_PATHS = (1u << ENGINE_PATHS) - 1 };

struct reader {
	struct scenario *out;
	unsigned line;
	char *at; /* the rest of the line */
	bool bad;
	struct program *open; /* what a line that begins with a blank adds to */
};

/* ---- Words --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static bool error(struct reader *r, const char *format, ...)
{
	va_list list;

	if (!r->bad) {
		fprintf(stderr, "roost-explore: %s:%u: ", r->out->file, r->line);
		va_start(list, format);
		vfprintf(stderr, format, list);
		va_end(list);
		fputc('\n', stderr);
	}
	r->bad = true;
	return false;
}

static void skip_blanks(struct reader *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

static bool at_end(struct reader *r)
{
	skip_blanks(r);
	return !*r->at || *r->at == '#';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* The next word, or "" if there is none. */
static const char *word(struct reader *r, char *buffer, size_t size)
{
	size_t n = 0;

	skip_blanks(r);
	while (is_word(*r->at) && n + 1 < size)
		buffer[n++] = *r->at++;
	buffer[n] = 0;
	return buffer;
}

/* The next word, which stays there. */
static const char *peek(struct reader *r, char *buffer, size_t size)
{
	char *at = r->at;

	word(r, buffer, size);
	r->at = at;
	return buffer;
}

static bool accept(struct reader *r, char c)
{
	skip_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

static bool expect(struct reader *r, char c)
{
	return accept(r, c) || error(r, "'%c' should stand before \"%.20s\"", c, r->at);
}

static unsigned long number(struct reader *r, const char *what, unsigned long most)
{
	char buffer[SCENARIO_NAME], *end;
	unsigned long value;

	word(r, buffer, sizeof(buffer));
	errno = 0;
	value = strtoul(buffer, &end, 0);
	if (!*buffer || *end || errno || value > most)
		error(r, "%s should be a number up to %lu, not \"%s\"", what, most, buffer);
	return value;
}

static int find(const char *const *names, unsigned nr, const char *name)
{
	for (unsigned i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

/* The index of a name in a table of names; new ones are added. */
static uint8_t intern(struct reader *r, char (*table)[SCENARIO_NAME], unsigned *nr, unsigned most,
		      const char *what)
{
	char name[SCENARIO_NAME];

	word(r, name, sizeof(name));
	if (!isalpha((unsigned char)name[0])) {
		error(r, "the name of a %s should stand before \"%.20s\"", what, r->at);
		return 0;
	}
	for (unsigned i = 0; i < *nr; i++)
		if (!strcmp(table[i], name))
			return (uint8_t)i;
	if (*nr == most) {
		error(r, "there can be %u %ss at most", most, what);
		return 0;
	}
	memcpy(table[*nr], name, SCENARIO_NAME);
	return (uint8_t)(*nr)++;
}

static uint8_t variable(struct reader *r)
{
	return intern(r, r->out->variables, &r->out->nr_variables, SCENARIO_VARIABLES, "variable");
}

static int lock(struct reader *r)
{
	return intern(r, r->out->locks, &r->out->nr_locks, SCENARIO_LOCKS, "lock");
}

static unsigned cpu(struct reader *r)
{
	char name[SCENARIO_NAME] = {0};

	word(r, name, sizeof(name));
	if (strncmp(name, "cpu", 3) != 0 || !isdigit((unsigned char)name[3]) || name[4]) {
		error(r, "a CPU (cpu0 .. cpu%d) should stand here, not \"%s\"", VM_CPUS - 1, name);
		return 0;
	}
	if ((unsigned)(name[3] - '0') >= r->out->config.nr_cpus)
		error(r, "the pool has %u CPUs, so there is no %s: see the line \"pool\"",
		      r->out->config.nr_cpus, name);
	return (unsigned)(name[3] - '0');
}

/* ---- Statements ---------------------------------------------------------------------------- */

static bool more_arguments(struct reader *r)
{
	return !at_end(r) && *r->at != ';';
}

static void one_more(struct reader *r, struct statement *s)
{
	if (s->nr_variables == SCENARIO_ARGUMENTS)
		error(r, "%d variables at most", SCENARIO_ARGUMENTS);
	else
		s->variables[s->nr_variables++] = variable(r);
}

static void variables(struct reader *r, struct statement *s)
{
	while (more_arguments(r) && !r->bad)
		one_more(r, s);
	if (!s->nr_variables)
		error(r, "a variable is missing");
}

static void alloc_flags(struct reader *r, struct statement *s)
{
	static const char *const names[] = {"wait", "reserve", "movable", "unmovable",
					    "reclaimable"};
	static const unsigned flags[] = {ROOST_WAIT, ROOST_RESERVE, ROOST_MOVABLE, ROOST_UNMOVABLE,
					 ROOST_RECLAIMABLE};
	char name[SCENARIO_NAME];

	while (more_arguments(r) && !r->bad) {
		int i = find(names, 5, word(r, name, sizeof(name)));

		if (i < 0)
			error(r,
			      "alloc knows wait, reserve, movable, unmovable, reclaimable, not "
			      "\"%s\"",
			      name);
		else
			s->flags |= flags[i];
	}
}

/* What stands behind "a = alloc" or "a b c = alloc-bulk". */
static void alloc(struct reader *r, struct statement *s)
{
	if (!s->nr_variables)
		error(r, "say who gets it: a = alloc ..., or a b = alloc-bulk ...");
	else if (s->verb == VERB_ALLOC && s->nr_variables > 1)
		error(r, "alloc gives one block; alloc-bulk gives several");
	s->number = (int)number(r, "an order", ROOST_MAX_ORDER + 1);
	alloc_flags(r, s);
}

static void assertion(struct reader *r, struct statement *s)
{
	static const char *const names[] = {"got", "none", "one-of", "any-of", "owner", "pressed"};
	char name[SCENARIO_NAME];
	int i = find(names, 6, word(r, name, sizeof(name)));

	if (i < 0) {
		error(r, "assert knows got, none, one-of, any-of, owner, pressed, not \"%s\"",
		      name);
		return;
	}
	s->assertion = (enum assertion)i;
	if (s->assertion == ASSERT_PRESSED)
		return;
	if (s->assertion != ASSERT_OWNER) {
		variables(r, s);
		return;
	}
	s->variables[s->nr_variables++] = variable(r);
	if (!strcmp(peek(r, name, sizeof(name)), "none")) {
		word(r, name, sizeof(name));
		s->number = -1;
	} else {
		s->number = (int)cpu(r);
	}
}

static void arguments(struct reader *r, struct statement *s)
{
	char name[SCENARIO_NAME];

	switch (s->verb) {
	case VERB_FREE:
	case VERB_FREE_NOLOCK:
	case VERB_ISOLATE:
	case VERB_UNISOLATE:
	case VERB_WAIT:
	case VERB_FREE_BATCH:
	case VERB_FREE_BATCH_NOLOCK:
		variables(r, s);
		break;
	case VERB_SPLIT: /* a into parts of ORDER: x y ... */
		s->variables[s->nr_variables++] = variable(r);
		s->number = (int)number(r, "an order", ROOST_MAX_ORDER);
		variables(r, s);
		break;
	case VERB_SLAB_FREE:
		s->variables[s->nr_variables++] = variable(r);
		s->lock = lock(r);
		break;
	case VERB_DRAIN:
		s->number = -1;
		if (strcmp(peek(r, name, sizeof(name)), "all") == 0)
			word(r, name, sizeof(name));
		else if (more_arguments(r))
			s->number = (int)cpu(r);
		break;
	case VERB_OFFLINE:
	case VERB_ONLINE:
		s->number = (int)cpu(r);
		break;
	case VERB_LOCK:
	case VERB_LOCK_IRQSAVE:
	case VERB_UNLOCK:
	case VERB_UNLOCK_IRQRESTORE:
		s->lock = lock(r);
		break;
	case VERB_FILL: /* all memory but so many frames */
		s->number = (int)number(r, "a number of frames", 100000);
		break;
	case VERB_ASSERT:
		assertion(r, s);
		break;
	default:
		break;
	}
}

static void statement(struct reader *r, struct program *program)
{
	static const char *const names[] = {"alloc",
					    "alloc-bulk",
					    "free",
					    "free-nolock",
					    "free-batch",
					    "free-batch-nolock",
					    "split",
					    "slab-free",
					    "drain",
					    "offline",
					    "online",
					    "isolate",
					    "unisolate",
					    "lock",
					    "lock-irqsave",
					    "unlock",
					    "unlock-irqrestore",
					    "irq-off",
					    "irq-on",
					    "wait",
					    "fill",
					    "assert"};
	struct statement s = {.line = r->line};
	char name[SCENARIO_NAME], *start;
	int verb;

	skip_blanks(r);
	start = r->at;
	if (start[strcspn(start, "=;#")] == '=') { /* a = ..., a b c = ... */
		while (!accept(r, '=') && !r->bad)
			one_more(r, &s);
	}
	verb = find(names, VERB_ASSERT + 1, word(r, name, sizeof(name)));
	s.verb = (enum verb)verb;
	if (verb < 0)
		error(r, "there is no operation \"%s\": see docs/lab.md", name);
	else if (verb == VERB_ALLOC || verb == VERB_ALLOC_BULK)
		alloc(r, &s);
	else if (s.nr_variables)
		error(r, "only alloc and alloc-bulk give a value, not \"%s\"", name);
	else
		arguments(r, &s);
	if (r->bad)
		return;
	snprintf(s.text, sizeof(s.text), "%.*s", (int)(r->at - start), start);
	program->statements =
		realloc(program->statements, (program->nr + 1) * sizeof(*program->statements));
	if (!program->statements)
		abort();
	program->statements[program->nr++] = s;
}

static void statements(struct reader *r, struct program *program)
{
	while (!at_end(r) && !r->bad) {
		statement(r, program);
		if (!r->bad && !at_end(r))
			expect(r, ';');
	}
}

/* ---- Lines --------------------------------------------------------------------------------- */

static void pool(struct reader *r)
{
	struct scenario *s = r->out;
	static struct roost_zone_config zone;
	char key[SCENARIO_NAME];
	unsigned long value;

	zone = (struct roost_zone_config){0};
	do {
		word(r, key, sizeof(key));
		value = number(r, key, 1000000);
		if (!strcmp(key, "cpus") && value >= 1 && value <= VM_CPUS)
			s->config.nr_cpus = (unsigned)value;
		else if (!strcmp(key, "pageblocks") && value >= 1 && value <= 64)
			s->pageblocks = (unsigned)value;
		else if (!strcmp(key, "high"))
			s->config.pcp_high = (uint32_t)value;
		else if (!strcmp(key, "batch"))
			s->config.pcp_batch = (uint32_t)value;
		else if (!strcmp(key, "check") && value <= ROOST_CHECK_PARANOID)
			s->config.check_level = (unsigned)value;
		else if (!strcmp(key, "max-order"))
			s->config.max_order = (unsigned)value;
		else if (!strcmp(key, "reserve"))
			zone.reserve = value;
		else if (!strcmp(key, "low"))
			zone.low = value;
		else
			error(r,
			      "the pool has cpus (1 to %d), pageblocks (1 to 64), high, batch, "
			      "check (0 to 3), max-order, reserve, low; not \"%s %lu\"",
			      VM_CPUS, key, value);
	} while (!r->bad && accept(r, ','));
	if (zone.reserve || zone.low) {
		struct roost_zone_config *copy = malloc(sizeof(*copy));

		if (!copy)
			abort();
		*copy = zone;
		s->config.zones = copy;
		s->config.nr_zones = 1;
	}
}

static enum failure_kind failure_of(struct reader *r, const char *name)
{
	for (int kind = FAIL_NONE; kind < FAIL_KINDS; kind++)
		if (!strcmp(failure_name((enum failure_kind)kind), name))
			return (enum failure_kind)kind;
	error(r,
	      "\"%s\" is no outcome: pass, deadlock, lost-wakeup, livelock, race, doubled, "
	      "invariant, lock, misuse, assert, bound, fatal",
	      name);
	return FAIL_NONE;
}

/* Bits of the paths of this program's engine that go by a name: of a path, an engine, or "all". */
static unsigned paths_called(struct reader *r, const char *name)
{
	bool known = !strcmp(name, "all");
	unsigned paths = known ? ALL_PATHS : 0;

	for (unsigned e = 0; e < nr_engines; e++) {
		int path = find(engines[e].paths, engine_nr_paths(&engines[e]), name);
		bool whole = !strcmp(engines[e].name, name);

		known |= path >= 0 || whole;
		if (engine == &engines[e] && (path >= 0 || whole))
			paths |= whole ? ALL_PATHS : 1u << path;
	}
	if (!known)
		error(r,
		      "\"%s\" is no engine and no free path of one; there are: all, pcpbuddy "
		      "(trylock, llist, blocking), roost",
		      name);
	return paths;
}

static void expectation(struct reader *r)
{
	struct expectation e = {.given = true};
	unsigned paths = 0;
	char name[SCENARIO_NAME];

	do
		paths |= paths_called(r, word(r, name, sizeof(name)));
	while (!r->bad && accept(r, ','));
	if (r->bad || !expect(r, ':'))
		return;
	e.kind = failure_of(r, word(r, name, sizeof(name)));
	while (!at_end(r) && !r->bad && *word(r, name, sizeof(name))) {
		if (e.locks[0])
			strncat(e.locks, " ", sizeof(e.locks) - strlen(e.locks) - 1);
		strncat(e.locks, name, sizeof(e.locks) - strlen(e.locks) - 1);
	}
	for (unsigned path = 0; path < ENGINE_PATHS; path++)
		if (paths >> path & 1)
			r->out->expect[path] = e;
}

static void misuse(struct reader *r)
{
	static const char *const names[SCENARIO_MISUSES] = {
		"double-free", "not-allocated", "wrong-order", "misaligned", "out-of-range",
		"hole",	       "bad-order",	"bad-flags",   "corrupt"};
	char name[SCENARIO_NAME];
	int kind = find(names, SCENARIO_MISUSES, word(r, name, sizeof(name)));

	if (kind < 0)
		error(r, "\"%s\" is no misuse: double-free, not-allocated, wrong-order, ...", name);
	else
		r->out->misuse[kind] = (unsigned)number(r, "how often", 100);
}

static void bound(struct reader *r)
{
	char name[SCENARIO_NAME];

	if (strcmp(word(r, name, sizeof(name)), "nolock") != 0)
		error(r, "\"bound nolock N\" is the only bound, not \"%s\"", name);
	r->out->bound = (unsigned)number(r, "a number of accesses", VM_OWN);
}

static struct program *add_program(struct program **list, unsigned *nr)
{
	*list = realloc(*list, (*nr + 1) * sizeof(**list));
	if (!*list)
		abort();
	(*list)[*nr] = (struct program){0};
	return &(*list)[(*nr)++];
}

static void context(struct reader *r, const char *kind)
{
	static const char *const levels[] = {"task", "softirq", "hardirq", "nmi", "stop"};
	struct scenario *s = r->out;
	int level = find(levels, 5, kind);
	struct program *p;

	if (!strcmp(kind, "setup"))
		p = add_program(&s->setup, &s->nr_setup);
	else if (!strcmp(kind, "finally"))
		p = add_program(&s->finally, &s->nr_finally);
	else
		p = add_program(&s->contexts, &s->nr_contexts);
	p->level = level < 0 ? LEVEL_TASK : (enum level)level;
	p->cpu = cpu(r);
	for (unsigned i = 0; i + 1 < s->nr_contexts && level == LEVEL_TASK; i++)
		if (s->contexts[i].level == LEVEL_TASK && s->contexts[i].cpu == p->cpu)
			error(r,
			      "CPU %u has a task already; begin the line with a blank to go on "
			      "with it",
			      p->cpu);
	if (s->nr_contexts > VM_CONTEXTS)
		error(r, "there can be %d tasks and handlers at most", VM_CONTEXTS);
	snprintf(p->name, sizeof(p->name), "%.9s cpu%u", kind, p->cpu);
	r->open = p;
	if (level == LEVEL_STOP || r->bad)
		return;
	if (expect(r, ':'))
		statements(r, p);
}

static void pressure(struct reader *r)
{
	struct program *p = &r->out->pressure;

	snprintf(p->name, sizeof(p->name), "pressure");
	r->open = p;
	statements(r, p);
	for (unsigned i = 0; i < p->nr && !r->bad; i++)
		if (p->statements[i].verb > VERB_FREE_BATCH_NOLOCK ||
		    p->statements[i].flags & ROOST_WAIT)
			error(r,
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

	if (at_end(r))
		return;
	if (goes_on && r->open) {
		statements(r, r->open);
		return;
	}
	word(r, name, sizeof(name));
	r->open = NULL;
	if (!strcmp(name, "pool"))
		pool(r);
	else if (!strcmp(name, "expect"))
		expectation(r);
	else if (!strcmp(name, "misuse"))
		misuse(r);
	else if (!strcmp(name, "bound"))
		bound(r);
	else if (!strcmp(name, "pressure"))
		pressure(r);
	else if (find(contexts, 7, name) >= 0)
		context(r, name);
	else
		error(r,
		      "a line begins with pool, expect, misuse, bound, setup, task, softirq, "
		      "hardirq, nmi, stop, pressure or finally, not with \"%s\"",
		      name);
	if (!r->bad && !at_end(r))
		error(r, "what is \"%.20s\" at the end of the line?", r->at);
}

static void name_scenario(struct scenario *s)
{
	const char *slash = strrchr(s->file, '/');
	char *dot;

	snprintf(s->name, sizeof(s->name), "%.60s", slash ? slash + 1 : s->file);
	dot = strrchr(s->name, '.');
	if (dot)
		*dot = 0;
}

bool scenario_read(const char *file, struct scenario *s)
{
	struct reader r = {.out = s};
	char *buffer = NULL;
	size_t size = 0;
	FILE *in;

	*s = (struct scenario){.config = ROOST_CONFIG_INIT, .pageblocks = 4};
	s->config.nr_cpus = 2;
	snprintf(s->file, sizeof(s->file), "%s", file);
	name_scenario(s);
	in = fopen(file, "r");
	if (!in) {
		fprintf(stderr, "roost-explore: %s: %s\n", file, strerror(errno));
		return false;
	}
	while (getline(&buffer, &size, in) >= 0 && !r.bad) {
		r.line++;
		r.at = buffer;
		buffer[strcspn(buffer, "\r\n")] = 0;
		if (r.line == 1 && buffer[0] == '#')
			snprintf(s->title, sizeof(s->title), "%.*s", (int)strcspn(buffer + 1, "\n"),
				 buffer + 1);
		line(&r);
	}
	free(buffer);
	fclose(in);
	r.line++;
	if (!r.bad && !s->nr_contexts)
		error(&r, "nobody does anything: a line \"task cpu0: ...\" is missing");
	return !r.bad;
}
