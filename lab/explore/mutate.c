/* SPDX-License-Identifier: MIT */
/* mutate.c - see mutate.h. */
#include "mutate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "search.h"
#include "tool/common/args.h"
#include "tool/common/program.h"
#include "tool/common/say.h"

enum { MOST_WORDS = 512 };

bool mutate_parse(int key, const char *text, struct mutate *m)
{
	switch (key) {
	case KEY_MUTATE:
		m->wanted = true;
		m->changes = text;
		return true;
	case KEY_GENERATE:
		m->option = "generate";
		m->generate = args_number("generate", text, 1, 1000000);
		return true;
	case KEY_TREE:
		m->option = "tree";
		m->tree = text;
		return true;
	case KEY_BUILD:
		m->option = "build-dir";
		m->build = text;
		return true;
	case KEY_ONLY:
		m->option = "only";
		m->only = text;
		return true;
	case KEY_FIRST:
		m->option = "first";
		m->first = true;
		return true;
	default:
		return false;
	}
}

void mutate_check(const struct mutate *m)
{
	if (!m->wanted && m->option)
		die("--%s is for --mutate; see `roost explore --help`", m->option);
	if (m->wanted && !m->changes && !m->generate)
		die("--mutate: which changes? Name a file of them, by --mutate=FILE, or have some "
		    "made, by --generate=N");
	if (m->changes && m->generate)
		die("--generate=%" PRIu64 ": --mutate=%s names the changes already", m->generate,
		    m->changes);
	if (m->only && m->generate)
		die("--only=%s: it is for a file of changes, not for --generate", m->only);
}

/* The command line of the other program. */
struct words {
	char *word[MOST_WORDS];
	unsigned nr;
};

static void add(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct words *w, const char *format, ...)
{
	va_list arguments;

	if (w->nr == MOST_WORDS - 1)
		die("more than %d words for --mutate", MOST_WORDS - 1);
	va_start(arguments, format);
	if (vasprintf(&w->word[w->nr++], format, arguments) < 0)
		die("out of memory");
	va_end(arguments);
}

static void add_text(struct words *w, const char *option, const char *text)
{
	if (text)
		add(w, "--%s=%s", option, text);
}

/* How the explorer searches each scenario. */
static void add_search(struct words *w, const struct mutate_search *search)
{
	const struct options *o = search->options;

	add(w, "--explorer=--seconds=%.0f", o->seconds);
	add(w, "--explorer=--executions=%" PRIu64,
	    search->executions_given ? o->executions : MUTATE_EXECUTIONS);
	if (o->bound != SEARCH_NO_BOUND)
		add(w, "--explorer=--bound=%u", o->bound);
	if (o->pct)
		add(w, "--explorer=--pct=%" PRIu64, o->pct);
	if (o->unbounded)
		add(w, "--explorer=--unbounded");
	if (o->no_reduction)
		add(w, "--explorer=--no-reduction");
	if (o->sc)
		add(w, "--explorer=--sc");
}

void mutate_run(const struct mutate *m, const struct mutate_search *search)
{
	char path[PROGRAM_MAX];
	struct words w = {.nr = 0};

	if (!program_find(path, "mutate", NULL))
		die("--mutate: %s is missing", path);
	add(&w, "roost-mutate");
	add(&w, "--engine=%s", engine_program);
	add_text(&w, "changes", m->changes);
	add_text(&w, "tree", m->tree);
	add_text(&w, "build", m->build);
	add_text(&w, "only", m->only);
	add_text(&w, "save", search->options->save);
	add_text(&w, "free", search->path);
	add_text(&w, "json", search->json);
	if (m->generate)
		add(&w, "--generate=%" PRIu64, m->generate);
	add(&w, "--sample-seed=%" PRIu64, search->options->seed);
	add(&w, "--jobs=%u", search->workers);
	add(&w, "--seconds=%.0f", search->options->seconds);
	if (m->first)
		add(&w, "--first");
	if (search->quiet)
		add(&w, "--quiet");
	if (search->options->verbose)
		add(&w, "--verbose");
	add_search(&w, search);
	add(&w, "--");
	for (unsigned i = 0; i < search->nr_files; i++)
		add(&w, "%s", search->files[i]);
	execv(path, w.word);
	die("%s: cannot run: %s; it needs /usr/bin/python3", path, strerror(errno));
}
