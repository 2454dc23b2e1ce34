/* SPDX-License-Identifier: MIT */
/* report.c - see report.h. */
#include "report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "tool/common/json.h"
#include "tool/common/printable_json.h"
#include "sights.h"
#include "source.h"
#include "symbol.h"
#include "tool/common/say.h"

enum { NAME_COLUMNS = 60, NAME_ROOM = 4 * (NAME_MAX + 1) };

static const char *name_of(const struct job *job, char text[NAME_ROOM], unsigned columns)
{
	return printable(text, NAME_ROOM, columns, job->scenario->name,
			 strlen(job->scenario->name));
}

void report_words(const struct job *job, const struct result *r, FILE *out)
{
	char text[NAME_ROOM];

	fprintf(out, "%s: free path %s: %s\n%s\n", name_of(job, text, 0), engine->paths[job->path],
		r->key, r->text);
	sights_print(job->scenario, &r->sights, out);
}

void report_vacuous(const struct job *job, const struct result *r, FILE *out)
{
	char text[NAME_ROOM];

	fprintf(out, "%s: free path %s: vacuous: no execution%s reached: %s\n",
		name_of(job, text, 0), engine->paths[job->path], r->exhausted ? "" : " so far",
		r->text);
}

/* Items of a list, in lines that are not too long. */
struct list {
	unsigned nr, column;
};

enum { LIST_FROM = 26, LIST_TO = 100 };

static void list_item(struct list *list, const char *item)
{
	unsigned length = (unsigned)strlen(item);

	if (list->nr++ && list->column + length + 1 > LIST_TO) {
		printf("\n%*s", LIST_FROM, "");
		list->column = LIST_FROM;
	}
	list->column += (unsigned)printf(" %s", item);
}

static void list_end(const struct list *list)
{
	printf(list->nr ? "\n" : " nothing\n");
}

static void show_context(const struct notes *n, unsigned id, const char *name)
{
	struct list counters = {0, LIST_FROM}, functions = {0, LIST_FROM};
	char text[64];

	printf("  %-12s %-11s", name, "functions:");
	for (unsigned i = 0; i < NOTED_FUNCTIONS; i++)
		if (n->entered[i] >> id & 1 && symbol_of(n->functions[i], text, sizeof(text)))
			list_item(&functions, text);
	list_end(&functions);
	printf("  %-12s %-11s", "", "counters:");
	for (unsigned i = 0; i < engine_nr_counters(engine); i++)
		if (n->counted[id] >> i & 1)
			list_item(&counters, engine_counter_name(i));
	list_end(&counters);
}

void report_done(const struct job *job, const struct result *r, bool all)
{
	const struct scenario *s = job->scenario;
	char text[NAME_ROOM];

	printf("%s %s%s%s\n", name_of(job, text, NAME_COLUMNS), engine->paths[job->path],
	       r->warning[0] ? ": warning: " : ":", r->warning);
	for (unsigned i = 0; i < s->nr_contexts && all; i++)
		if (s->contexts[i].level != LEVEL_STOP)
			show_context(&r->notes, i, s->contexts[i].name);
}

void report_find(const struct job *job, const struct result *r, const struct schedule *schedule,
		 FILE *out)
{
	char text[NAME_ROOM], *saved = printable_copy(r->saved, strlen(r->saved));

	fprintf(out, "%s: free path %s: %s\n", name_of(job, text, 0), engine->paths[job->path],
		r->key);
	if (job->scenario->title[0])
		fprintf(out, "%s\n",
			job->scenario->title[0] == ' ' ? job->scenario->title + 1
						       : job->scenario->title);
	fputc('\n', out);
	log_print(out);
	fprintf(out, "\n%s\n", r->text);
	sights_print(job->scenario, &r->sights, out);
	fprintf(out, "(%u turns%s%s", schedule->nr_turns,
		schedule->nr_reads ? ", with stale loads" : "",
		r->saved[0] ? "; saved, replay with --replay " : ")\n");
	if (r->saved[0])
		fprintf(out, "%s)\n", saved);
	free(saved);
	fputc('\n', out);
}

void report_progress(const struct job *job, const struct result *r, double seconds)
{
	char text[NAME_ROOM];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s %s: %llu executions, %.0f s, %s",
			name_of(job, text, NAME_COLUMNS), engine->paths[job->path],
			(unsigned long long)r->executions, seconds, r->reached);
}

/* 1234567 as 1.23M. */
static const char *amount(uint64_t n, char *buffer, size_t size)
{
	if (n < 10000)
		snprintf(buffer, size, "%llu", (unsigned long long)n);
	else if (n < 1000000)
		snprintf(buffer, size, "%.0fk", (double)n / 1e3);
	else
		snprintf(buffer, size, "%.1fM", (double)n / 1e6);
	return buffer;
}

void report_head(void)
{
	printf("%-20s %-8s %-26s %6s %6s %6s %6s %5s %7s  %s\n", "scenario", "path", "outcome",
	       "exec", "states", "depth", "blocks", "ends", "seconds", "how far");
}

void report_result(const struct job *job, const struct result *r, bool judged)
{
	const char *outcome = r->kind ? r->key : r->exhausted ? "pass" : "pass so far";
	char executions[16], states[16], text[NAME_ROOM];
	const char *name = name_of(job, text, NAME_COLUMNS);
	unsigned columns = printable_columns(name);

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	printf("%s%*s %-8s %-26s %6s %6s %6u %6u %5u %7.1f  %s%s\n", name,
	       columns < 20 ? (int)(20 - columns) : 0, "", engine->paths[job->path], outcome,
	       amount(r->executions, executions, sizeof(executions)),
	       amount(r->states, states, sizeof(states)), r->depth, cover_count(r->cover), r->ends,
	       r->seconds, r->reached,
	       judged && !job_as_expected(job, r) ? "   NOT AS EXPECTED" : "");
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		die("out of memory");
}

static void put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		die("out of memory");
}

static json_t *contexts_of(const struct job *job, const struct result *r)
{
	json_t *contexts = json_array();

	for (unsigned i = 0; i < job->scenario->nr_contexts; i++) {
		json_t *counters = json_array(), *functions = json_array();
		char text[64];

		for (unsigned k = 0; k < engine_nr_counters(engine); k++)
			if (r->notes.counted[i] >> k & 1)
				append(counters, json_string(engine_counter_name(k)));
		for (unsigned k = 0; k < NOTED_FUNCTIONS; k++)
			if (r->notes.entered[k] >> i & 1 &&
			    symbol_of(r->notes.functions[k], text, sizeof(text)))
				append(functions, json_string(text));
		append(contexts,
		       json_pack("{s:s, s:o, s:o}", "name", job->scenario->contexts[i].name,
				 "counters", counters, "functions", functions));
	}
	return contexts;
}

static const char *outcome_of(const struct result *r)
{
	return !r->loaded ? "refused" : r->kind ? r->key : "pass";
}

static json_t *json_of(const struct job *job, const struct result *r)
{
	json_t *places = sights_json(job->scenario, &r->sights);

	return json_pack(
		"{s:o, s:s, s:s?, s:s, s:s, s:b, s:b, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:s, s:o, s:o, s:s?}",
		/* what came out */
		"scenario", json_printable(job->scenario->name), "engine", engine_program, /**/
		"free", engine_nr_paths(engine) > 1 ? engine->paths[job->path] : NULL,	   /**/
		"outcome", outcome_of(r), "text", r->text,				   /**/
		"expected", (int)job_as_expected(job, r),				   /**/
		"exhausted", (int)r->exhausted, "reached", r->reached,			   /**/
		"lockdep", r->lockdep, "schedule", json_printable(r->saved),
		/* and how much was done for it */
		"executions", (json_int_t)r->executions, "ends", (json_int_t)r->ends, /**/
		"redundant", (json_int_t)r->redundant, "cut", (json_int_t)r->cut,     /**/
		"steps", (json_int_t)r->steps, "choices", (json_int_t)r->choices,     /**/
		"states", (json_int_t)r->states,				      /**/
		"depth", (json_int_t)r->depth, "shared_words", (json_int_t)r->shared, /**/
		"restarts", (json_int_t)r->restarts, "parts", (json_int_t)r->parts,   /**/
		"most_own_accesses", (json_int_t)r->most_own,			      /**/
		"blocks", (json_int_t)cover_count(r->cover), "seconds", r->seconds,   /**/
		"warning", r->warning, "contexts", contexts_of(job, r),		      /**/
		"places", places, "no_lines", source_missing());
}

void report_passed_over(const char *const *names, unsigned nr)
{
	enum { MOST = 8 };
	char text[NAME_ROOM];

	printf("%u passed over, which expect%s nothing of the engine %s:", nr, nr == 1 ? "s" : "",
	       engine->name);
	for (unsigned i = 0; i < nr && i < MOST; i++)
		printf("%s %s", i ? "," : "",
		       printable(text, sizeof(text), NAME_COLUMNS, names[i], strlen(names[i])));
	if (nr > MOST)
		printf(", and %u more", nr - MOST);
	printf("\n");
}

void report_json(const struct report *r, const char *path)
{
	json_t *root = json_begin("explore", 1), *list = json_array(), *names = json_array();

	for (unsigned i = 0; i < r->nr; i++)
		append(list, json_of(&r->jobs[i], &r->results[i]));
	for (unsigned i = 0; i < r->nr_passed_over; i++)
		append(names, json_printable(r->passed_over[i]));
	put(root, "results", list);
	put(root, "passed_over", names);
	json_write(root, path, JSON_INDENT(1));
	json_decref(root);
}
