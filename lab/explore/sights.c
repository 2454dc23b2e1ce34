/* SPDX-License-Identifier: MIT */
/* sights.c - see sights.h. */
#include "sights.h"

#include <string.h>

#include "source.h"
#include "tool/common/json.h"
#include "tool/common/printable.h"
#include "tool/common/printable_json.h"
#include "tool/common/say.h"

/* One call, or a statement of the scenario, which is the outermost one. */
struct call {
	bool statement;
	const char *name;
	const char *file; /* of any bytes, or NULL */
	unsigned line;
};

/* Each call of a place, the innermost first. */
static void for_each_call(const struct scenario *s, const struct where *w,
			  void (*each)(void *context, const struct call *call), void *context)
{
	unsigned kept = w->depth < WHERE_DEPTH ? w->depth : WHERE_DEPTH;
	const char *slash = strrchr(s->file, '/');

	for (unsigned i = kept; i--;) {
		struct source_call calls[SOURCE_INLINED];
		struct call call = {.file = slash ? slash + 1 : s->file};
		unsigned nr;

		if (where_is_statement(w, i)) {
			const struct statement *st = (const void *)w->frames[i];

			call.statement = true;
			call.line = st->line;
			call.name = st->text;
			each(context, &call);
			continue;
		}
		if (i && where_is_statement(w, i - 1))
			continue; /* the explorer calls what the statement says */
		nr = source_calls(w->frames[i], calls);
		for (unsigned k = 0; k < nr; k++) {
			call.name = calls[k].function;
			call.file = calls[k].file;
			call.line = calls[k].line;
			each(context, &call);
		}
	}
}

static const struct sight_words {
	const char *name; /* for programs */
	const char *words;
	bool has_what;
} kinds[SIGHT_KINDS] = {
	[SIGHT_FAILS] = {"fails", "was here", false},
	[SIGHT_WAITS] = {"waits", "waits for", true},
	[SIGHT_ACQUIRED] = {"acquired", "acquired", true},
	[SIGHT_INTERRUPTIBLE] = {"interruptible", "has interrupts on with", true},
	[SIGHT_INTERRUPTED] = {"interrupted", "is interrupted by", true},
	[SIGHT_PREEMPTED] = {"preempted", "is kept off its CPU by", true},
	[SIGHT_STUCK] = {"stuck", "cannot go on", false},
	[SIGHT_READS] = {"reads", "reads", true},
	[SIGHT_WRITES] = {"writes", "writes", true},
};

/* ---- For people ---------------------------------------------------------------------------- */

static void print_call(void *context, const struct call *call)
{
	enum { NAME = 40, ROOM = 4 * (NAME_MAX + 1) };
	FILE *out = context;
	char file[ROOM], name[256 + sizeof("()")];

	snprintf(name, sizeof(name), "%.256s%s", call->name,
		 call->statement || !strncmp(call->name, "0x", 2) ? "" : "()");
	if (call->file)
		fprintf(out, "    %-*s %s:%u\n", NAME, name,
			printable(file, sizeof(file), 0, call->file, strlen(call->file)),
			call->line);
	else
		fprintf(out, "    %s\n", name);
}

void sights_print(const struct scenario *s, const struct sights *sights, FILE *out)
{
	for (unsigned i = 0; i < sights->nr; i++) {
		const struct sight *sight = &sights->list[i];

		if (!sight->where.depth)
			continue;
		fprintf(out, "\n%s %s%s%s:\n", sight->context, kinds[sight->kind].words,
			kinds[sight->kind].has_what ? " " : "", sight->what);
		for_each_call(s, &sight->where, print_call, out);
		if (sight->where.depth > WHERE_DEPTH)
			fprintf(out, "    (%u calls in between are left out)\n",
				sight->where.depth - WHERE_DEPTH);
	}
	if (sights->left_out)
		fprintf(out, "\n(%u more places are left out)\n", sights->left_out);
	if (source_missing())
		fprintf(out, "\n(no files and lines: %s)\n", source_missing());
	if (sights->nr)
		fputc('\n', out);
}

/* ---- For programs -------------------------------------------------------------------------- */

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		die("out of memory");
}

static void append_call(void *context, const struct call *call)
{
	append(context, json_pack("{s:s, s:b, s:o, s:o}", "name", call->name, "statement",
				  (int)call->statement, "file",
				  call->file ? json_printable(call->file) : json_null(), "line",
				  call->file ? json_integer(call->line) : json_null()));
}

json_t *sights_json(const struct scenario *s, const struct sights *sights)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < sights->nr; i++) {
		const struct sight *sight = &sights->list[i];
		json_t *calls = json_array();

		for_each_call(s, &sight->where, append_call, calls);
		append(list,
		       json_pack("{s:s, s:s, s:s?, s:o}", "context", sight->context, "does",
				 kinds[sight->kind].name, "what",
				 kinds[sight->kind].has_what ? sight->what : NULL, "calls", calls));
	}
	return list;
}
