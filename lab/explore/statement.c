/* SPDX-License-Identifier: MIT */
/* statement.c - reads operations: docs/lab.md has the list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"

static bool more_arguments(struct reader *r)
{
	return !read_end(r) && *r->at != ';';
}

static void one_more(struct reader *r, struct statement *s)
{
	if (s->nr_variables == SCENARIO_ARGUMENTS)
		read_error(r, "%d variables at most", SCENARIO_ARGUMENTS);
	else
		s->variables[s->nr_variables++] = read_variable(r);
}

static void variables(struct reader *r, struct statement *s)
{
	while (more_arguments(r) && !r->bad)
		one_more(r, s);
	if (!s->nr_variables)
		read_error(r, "a variable is missing");
}

/* Those from the first on get a value each, or are compared: none can be there twice. */
static void all_different(struct reader *r, const struct statement *s, unsigned first)
{
	for (unsigned i = first; i < s->nr_variables && !r->bad; i++)
		for (unsigned j = first; j < i; j++)
			if (s->variables[i] == s->variables[j])
				read_error(r, "%s is there twice",
					   r->out->variables[s->variables[i]]);
}

static bool gives_object(enum verb verb)
{
	return verb == VERB_OALLOC || verb == VERB_OALLOC_BULK;
}

static void alloc_flags(struct reader *r, struct statement *s)
{
	static const char *const names[] = {"wait",    "reserve",   "atomic",
					    "movable", "unmovable", "reclaimable"};
	static const unsigned flags[] = {ROOST_WAIT,	ROOST_RESERVE,	 ROOST_ATOMIC,
					 ROOST_MOVABLE, ROOST_UNMOVABLE, ROOST_RECLAIMABLE};
	char name[SCENARIO_NAME];

	while (more_arguments(r) && !r->bad) {
		int i = find_name(names, gives_object(s->verb) ? 2 : 6,
				  read_word(r, name, sizeof(name)));

		if (i < 0 && gives_object(s->verb))
			read_error(r, "oalloc knows wait and reserve, not \"%s\"", name);
		else if (i < 0)
			read_error(r,
				   "alloc knows wait, reserve, atomic, movable, unmovable, "
				   "reclaimable, not \"%s\"",
				   name);
		else
			s->flags |= flags[i];
	}
}

/* The block of an order at a frame, counted from the pool's first one. */
static void frame_and_order(struct reader *r, struct statement *s)
{
	s->frame = (unsigned)read_number(r, "a frame", 100000);
	s->number = (int)read_number(r, "an order", ROOST_MAX_ORDER);
	if (!r->bad && s->frame & ((1u << s->number) - 1))
		read_error(r, "no block of order %d begins at frame %u", s->number, s->frame);
}

static bool gives_value(enum verb verb)
{
	return verb == VERB_ALLOC || verb == VERB_ALLOC_N || verb == VERB_ALLOC_BULK ||
	       verb == VERB_TAKE || verb == VERB_ADD || verb == VERB_REMOVE || gives_object(verb);
}

static int cache(struct reader *r)
{
	char name[SCENARIO_NAME];
	int i = find_cache(r->out, read_word(r, name, sizeof(name)));

	if (i < 0)
		read_error(r, "no cache is called \"%s\": a line \"cache %s 8\" before makes one",
			   name, *name ? name : "o");
	return i;
}

/* What stands behind "a = alloc", "a b c = alloc-bulk", "a = take", "a = add" or "a = remove". */
static void alloc(struct reader *r, struct statement *s)
{
	if (!s->nr_variables)
		read_error(r, "say which variable gets it: a = alloc ..., a b = alloc-bulk ..., "
			      "a = take ..., a = add ..., or a = remove ...; of objects a = "
			      "oalloc ..., a b c = oalloc-bulk ...");
	else if (s->verb != VERB_ALLOC_BULK && s->verb != VERB_OALLOC_BULK && s->nr_variables > 1)
		read_error(
			r,
			"alloc, alloc-n, take, add and remove give one block, oalloc one object; "
			"alloc-bulk and oalloc-bulk give several");
	all_different(r, s, 0);
	if (gives_object(s->verb)) {
		s->number = cache(r);
		alloc_flags(r, s);
		return;
	}
	if (s->verb == VERB_TAKE || s->verb == VERB_ADD || s->verb == VERB_REMOVE) {
		frame_and_order(r, s);
		return;
	}
	s->number = s->verb == VERB_ALLOC_N ? (int)read_number(r, "a number of frames", 1024)
					    : (int)read_number(r, "an order", ROOST_MAX_ORDER + 1);
	alloc_flags(r, s);
}

static void assertion(struct reader *r, struct statement *s)
{
	static const char *const names[] = {"got", "none", "one-of", "any-of", "owner", "pressed"};
	char name[SCENARIO_NAME];
	int i = find_name(names, 6, read_word(r, name, sizeof(name)));

	if (i < 0) {
		read_error(r, "assert knows got, none, one-of, any-of, owner, pressed, not \"%s\"",
			   name);
		return;
	}
	s->assertion = (enum assertion)i;
	if (s->assertion == ASSERT_PRESSED)
		return;
	if (s->assertion != ASSERT_OWNER) {
		variables(r, s);
		all_different(r, s, 0);
		return;
	}
	s->variables[s->nr_variables++] = read_variable(r);
	if (!strcmp(read_peek(r, name, sizeof(name)), "none")) {
		read_word(r, name, sizeof(name));
		s->number = -1;
	} else {
		s->number = (int)read_cpu(r);
	}
}

static void arguments(struct reader *r, struct statement *s)
{
	char name[SCENARIO_NAME];

	switch (s->verb) {
	case VERB_FREE:
	case VERB_FREE_NOLOCK:
	case VERB_FREE_BATCH:
	case VERB_FREE_BATCH_NOLOCK:
	case VERB_OFREE:
	case VERB_OFREE_BULK:
		variables(r, s);
		break;
	case VERB_SHRINK:
		s->number = cache(r);
		break;
	case VERB_ISOLATE:
	case VERB_UNISOLATE:
	case VERB_WAIT:
		s->variables[s->nr_variables++] = read_variable(r);
		break;
	case VERB_SPLIT: /* a into parts of ORDER: x y ... */
		s->variables[s->nr_variables++] = read_variable(r);
		s->number = (int)read_number(r, "an order", ROOST_MAX_ORDER);
		if (!more_arguments(r))
			read_error(r, "the names of the parts are missing");
		variables(r, s);
		all_different(r, s, 1);
		break;
	case VERB_SLAB_FREE:
		s->variables[s->nr_variables++] = read_variable(r);
		s->lock = read_lock(r);
		break;
	case VERB_DRAIN:
		s->number = -1;
		if (strcmp(read_peek(r, name, sizeof(name)), "all") == 0)
			read_word(r, name, sizeof(name));
		else if (more_arguments(r))
			s->number = (int)read_cpu(r);
		break;
	case VERB_OFFLINE:
	case VERB_ONLINE:
		s->number = (int)read_cpu(r);
		break;
	case VERB_LOCK:
	case VERB_LOCK_IRQSAVE:
	case VERB_UNLOCK:
	case VERB_UNLOCK_IRQRESTORE:
		s->lock = read_lock(r);
		break;
	case VERB_FILL: /* all memory but this many frames */
		s->number = (int)read_number(r, "a number of frames", 100000);
		break;
	case VERB_ASSERT:
		assertion(r, s);
		break;
	default:
		break;
	}
}

static const char *const verbs[] = {
	[VERB_ALLOC] = "alloc",
	[VERB_ALLOC_N] = "alloc-n",
	[VERB_ALLOC_BULK] = "alloc-bulk",
	[VERB_TAKE] = "take",
	[VERB_FREE] = "free",
	[VERB_FREE_NOLOCK] = "free-nolock",
	[VERB_FREE_BATCH] = "free-batch",
	[VERB_FREE_BATCH_NOLOCK] = "free-batch-nolock",
	[VERB_SPLIT] = "split",
	[VERB_SLAB_FREE] = "slab-free",
	[VERB_DRAIN] = "drain",
	[VERB_OFFLINE] = "offline",
	[VERB_ONLINE] = "online",
	[VERB_ISOLATE] = "isolate",
	[VERB_UNISOLATE] = "unisolate",
	[VERB_ADD] = "add",
	[VERB_REMOVE] = "remove",
	[VERB_OALLOC] = "oalloc",
	[VERB_OALLOC_BULK] = "oalloc-bulk",
	[VERB_OFREE] = "ofree",
	[VERB_OFREE_BULK] = "ofree-bulk",
	[VERB_SHRINK] = "shrink",
	[VERB_NO_SEQUENCES] = "no-sequences",
	[VERB_LOCK] = "lock",
	[VERB_LOCK_IRQSAVE] = "lock-irqsave",
	[VERB_UNLOCK] = "unlock",
	[VERB_UNLOCK_IRQRESTORE] = "unlock-irqrestore",
	[VERB_IRQ_OFF] = "irq-off",
	[VERB_IRQ_ON] = "irq-on",
	[VERB_WAIT] = "wait",
	[VERB_FILL] = "fill",
	[VERB_ASSERT] = "assert",
};

static void statement(struct reader *r, struct program *program)
{
	struct statement s = {.line = r->line};
	char name[SCENARIO_NAME], *start;
	int verb;

	read_blanks(r);
	start = r->at;
	if (start[strcspn(start, "=;#")] == '=') { /* a = ..., a b c = ... */
		while (!read_char(r, '=') && !r->bad)
			one_more(r, &s);
	}
	verb = find_name(verbs, VERB_ASSERT + 1, read_word(r, name, sizeof(name)));
	s.verb = (enum verb)verb;
	if (verb < 0)
		read_error(r, "there is no operation \"%s\": see docs/lab.md", name);
	else if (gives_value(s.verb))
		alloc(r, &s);
	else if (s.nr_variables)
		read_error(r,
			   "only alloc, alloc-n, alloc-bulk, take, add, remove, oalloc and "
			   "oalloc-bulk give a value, not \"%s\"",
			   name);
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

void read_statements(struct reader *r, struct program *program)
{
	while (!read_end(r) && !r->bad) {
		statement(r, program);
		if (!r->bad && !read_end(r))
			read_expected(r, ';');
	}
}

/* ---- All statements together --------------------------------------------------------------- */

struct orders {
	bool set[SCENARIO_VARIABLES]; /* is it ever? */
	int most[SCENARIO_VARIABLES]; /* the order of the largest block that it can be */
	/* Bits: it can be an object of this cache, or a block (the last bit). */
	unsigned kinds[SCENARIO_VARIABLES];
};

/* In the order in which they run, as far as there is one. */
static const struct program *program_of(const struct scenario *s, unsigned i)
{
	if (i < s->nr_setup)
		return &s->setup[i];
	i -= s->nr_setup;
	if (i < s->nr_contexts)
		return &s->contexts[i];
	i -= s->nr_contexts;
	if (i < s->nr_finally)
		return &s->finally[i];
	return i == s->nr_finally ? &s->pressure : NULL;
}

/* Bits of the kinds that a statement gives, or may be used with. */
static unsigned kinds_given(const struct statement *s)
{
	return s->verb == VERB_WAIT ? 0
				    : 1u << (gives_object(s->verb) ? s->number : SCENARIO_CACHES);
}

static unsigned kinds_wanted(const struct statement *s)
{
	const unsigned blocks = 1u << SCENARIO_CACHES;

	if (s->verb == VERB_WAIT || (s->verb == VERB_ASSERT && s->assertion != ASSERT_OWNER))
		return blocks | (blocks - 1);
	if (gives_object(s->verb))
		return 1u << s->number;
	return s->verb == VERB_OFREE || s->verb == VERB_OFREE_BULK ? blocks - 1 : blocks;
}

static void note(struct orders *o, const struct statement *s, unsigned first)
{
	for (unsigned i = first; i < s->nr_variables; i++) {
		unsigned variable = s->variables[i];

		if (!o->set[variable] || s->number > o->most[variable])
			o->most[variable] = s->number;
		o->set[variable] = true;
		o->kinds[variable] |= kinds_given(s);
	}
}

static void note_orders(struct orders *o, const struct program *p)
{
	for (unsigned i = 0; i < p->nr; i++) {
		const struct statement *s = &p->statements[i];

		/* Nobody need set what is waited for: a livelock may be wanted. */
		if (gives_value(s->verb) || s->verb == VERB_WAIT)
			note(o, s, 0);
		else if (s->verb == VERB_SPLIT)
			note(o, s, 1);
	}
}

/* A name for a part that there is not would be of a frame that is somebody else's. */
static void check_split(struct reader *r, const struct orders *o, const struct statement *s)
{
	const char *name = r->out->variables[s->variables[0]];
	int most = o->most[s->variables[0]];
	unsigned names = s->nr_variables - 1u;

	if (most < s->number)
		read_error(
			r,
			"split: %s is a block of order %d at most, so it has no part of order %d",
			name, most, s->number);
	else if (most - s->number < 8 && names > 1u << (most - s->number))
		read_error(
			r,
			"split: %u names for parts of order %d, but %s is a block of order %d at "
			"most and has %u of them",
			names, s->number, name, most, 1u << (most - s->number));
}

/* What runs before and after the exploration runs on no virtual CPU: nobody is there to be waited
 * for. And only then is all memory at rest. */
static void check_place(struct reader *r, const struct program *p, const struct statement *s)
{
	if (s->verb == VERB_FILL && p->place != PLACE_SETUP)
		read_error(r, "fill is for setup only");
	else if (p->place != PLACE_EXPLORED && (s->verb == VERB_SLAB_FREE || s->verb == VERB_WAIT ||
						(s->verb >= VERB_LOCK && s->verb <= VERB_IRQ_ON)))
		read_error(r, "%s is for tasks and handlers only", verbs[s->verb]);
}

static void check_variables(struct reader *r, const struct orders *o, const struct statement *s)
{
	unsigned wanted = kinds_wanted(s), kinds = 0;

	for (unsigned i = 0; i < s->nr_variables && !r->bad; i++) {
		unsigned variable = s->variables[i];

		kinds |= o->kinds[variable];
		if (!o->set[variable])
			read_error(r, "nothing gives %s a value", r->out->variables[variable]);
		else if (o->kinds[variable] & ~wanted)
			read_error(r, "%s: %s can be %s", verbs[s->verb],
				   r->out->variables[variable],
				   o->kinds[variable] >> SCENARIO_CACHES
					   ? "a block of frames"
					   : "an object, of this or another cache");
	}
	if (s->verb == VERB_OFREE_BULK && kinds & (kinds - 1))
		read_error(r, "ofree-bulk frees objects of one cache");
}

bool check_statements(struct reader *r)
{
	const struct program *p;
	struct orders o = {0};

	for (unsigned i = 0; (p = program_of(r->out, i)); i++)
		note_orders(&o, p);
	for (unsigned i = 0; (p = program_of(r->out, i)); i++)
		for (unsigned j = 0; j < p->nr && !r->bad; j++) {
			const struct statement *s = &p->statements[j];

			r->line = s->line;
			check_place(r, p, s);
			check_variables(r, &o, s);
			if (s->verb == VERB_SPLIT && !r->bad)
				check_split(r, &o, s);
		}
	return !r->bad;
}
