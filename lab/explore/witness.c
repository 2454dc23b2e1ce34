/* SPDX-License-Identifier: MIT */
/* witness.c - see witness.h. */
#include "witness.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "symbol.h"

void witness_counted(const struct roost_stats *before, const struct roost_stats *after)
{
	const uint64_t *old = (const uint64_t *)(const void *)before;
	const uint64_t *new = (const uint64_t *)(const void *)after;

	for (unsigned i = 0; i < ROOST_NR_COUNTERS; i++)
		if (new[i] != old[i])
			notes.counted_at_all |= UINT64_C(1) << i;
}

/* ---- Is it there? -------------------------------------------------------------------------- */

/* A class of locks goes by its name, too. */
static bool is_called(const struct lock *lock, const char *name)
{
	return !strcmp(lock->name, name) ||
	       (lock->class->kind != LOCK_SCENARIO && !strcmp(lock->class->name, name));
}

static bool lock_met(const struct witness *w)
{
	for (unsigned i = 0; i < vm.nr_locks; i++)
		if (is_called(&vm.locks[i], w->name) && notes.locks[i][w->event] & w->levels)
			return true;
	return false;
}

/* Of a stripped program nobody knows: it counts as met, and witness_warning() says so. */
static bool function_met(const struct witness *w)
{
	unsigned contexts = 0;
	char name[SCENARIO_NAME];

	for (unsigned i = 0; i < vm.nr_contexts; i++)
		if (w->levels >> vm.contexts[i].level & 1)
			contexts |= 1u << i;
	for (unsigned i = 0; i < NOTED_FUNCTIONS; i++)
		if (notes.entered[i] & contexts &&
		    symbol_of(notes.functions[i], name, sizeof(name)) && !strcmp(name, w->name))
			return true;
	return !symbols_known();
}

static bool met(const struct witness *w)
{
	uint64_t counted = 0;
	unsigned events = 0;

	if (w->kind == WITNESS_LOCK)
		return lock_met(w);
	if (w->kind == WITNESS_FUNCTION)
		return function_met(w);
	if (w->kind == WITNESS_MACHINE)
		return w->number ? notes.migrated : notes.preempted;
	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		if (!(w->levels >> vm.contexts[i].level & 1))
			continue;
		counted |= notes.counted[i];
		events |= notes.events[i];
	}
	if (w->levels == WITNESS_ALL_LEVELS)
		counted |= notes.counted_at_all;
	return w->kind == WITNESS_EVENT ? events >> w->number & 1 : counted >> w->number & 1;
}

__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format,
						      ...)
{
	size_t length = strlen(text);
	va_list list;

	if (length)
		length += (size_t)snprintf(text + length, size - length, "; ");
	va_start(list, format);
	if (length < size)
		vsnprintf(text + length, size - length, format, list);
	va_end(list);
}

bool witness_missing(const struct scenario *s, unsigned path, char *text, size_t size)
{
	text[0] = 0;
	for (unsigned i = 0; i < s->nr_witnesses; i++) {
		const struct witness *w = &s->witnesses[i];

		if (w->paths >> path & 1 && !met(w))
			add(text, size, "%s (line %u)", w->text, w->line);
	}
	return text[0];
}

/* How many contexts use a lock of the scenario, the pressure hook not counted. */
static unsigned users(const struct scenario *s, unsigned lock)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->nr_contexts; i++) {
		const struct program *p = &s->contexts[i];
		bool uses = false;

		for (unsigned k = 0; k < p->nr; k++) {
			enum verb verb = p->statements[k].verb;

			uses |= (verb == VERB_LOCK || verb == VERB_LOCK_IRQSAVE ||
				 verb == VERB_SLAB_FREE) &&
				p->statements[k].lock == (int)lock;
		}
		n += uses;
	}
	return n;
}

static unsigned lock_number(const char *name)
{
	unsigned i = 0;

	while (i < vm.nr_locks &&
	       (vm.locks[i].class->kind != LOCK_SCENARIO || strcmp(vm.locks[i].name, name) != 0))
		i++;
	return i;
}

/* Is there anything on its CPU that the handler could interrupt? */
static bool has_work_below(const struct context *handler)
{
	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		const struct context *c = &vm.contexts[i];

		if (c->home == handler->home && c->level < handler->level &&
		    ((const struct program *)c->program)->nr)
			return true;
	}
	return false;
}

bool witness_warning(const struct scenario *s, char *text, size_t size)
{
	text[0] = 0;
	for (unsigned i = 0; i < s->nr_locks; i++) {
		unsigned lock = lock_number(s->locks[i]);

		if (lock < vm.nr_locks && users(s, i) > 1 && !notes.locks[lock][LOCK_IS_WAITED_FOR])
			add(text, size, "nobody ever waited for %s", s->locks[i]);
	}
	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		const struct context *c = &vm.contexts[i];

		if (c->level > LEVEL_TASK && c->level < LEVEL_STOP &&
		    !(notes.interrupting >> i & 1) && has_work_below(c))
			add(text, size, "%s never interrupted anything", c->name);
	}
	for (unsigned i = 0; i < s->nr_witnesses; i++)
		if (s->witnesses[i].kind == WITNESS_FUNCTION && !symbols_known()) {
			add(text, size, "the program is stripped, so it does not know functions");
			break;
		}
	return text[0];
}
