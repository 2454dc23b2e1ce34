/* SPDX-License-Identifier: MIT */
/*
 * compare_contenders.c - what is compared: engines of this build and of others, and adapters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/common/adapter.h"
#include "tool/common/printable.h"
#include "compare.h"
#include "tool/common/say.h"

#define SEE_HELP "see `roost compare --help`"

/* The name before a "=" that the user gives to something: letters, digits, '.', '_' and '-'. */
static bool is_name(const char *text, size_t length)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	return length > 0 && length <= COMPARE_NAME && strspn(text, allowed) >= length;
}

static struct contender *add(struct compare_options *o, const char *option)
{
	if (o->nr_contenders == COMPARE_CONTENDERS)
		die("--%s: more than %d to compare", option, COMPARE_CONTENDERS);
	return &o->contenders[o->nr_contenders++];
}

static bool is_there(const struct compare_options *o, const char *name)
{
	for (unsigned i = 0; i + 1 < o->nr_contenders; i++)
		if (!strcmp(o->contenders[i].name, name))
			return true;
	return false;
}

/* ---- Other builds ----------------------------------------------------------------------- */

void compare_add_build(struct compare_options *o, const char *text)
{
	const char *equals = strchr(text, '=');
	const size_t length = equals ? (size_t)(equals - text) : 0;
	struct build *build = &o->builds[o->nr_builds];
	struct stat status;

	if (!equals || !is_name(text, length))
		die("--build=%s: give NAME=DIRECTORY; a name has up to %d letters, digits, '.', "
		    "'_' "
		    "and '-'",
		    text, COMPARE_NAME);
	if (o->nr_builds == COMPARE_BUILDS)
		die("--build: more than %d", COMPARE_BUILDS);
	if (stat(equals + 1, &status) != 0 || !S_ISDIR(status.st_mode))
		die("--build=%s: %s is no directory", text, equals + 1);
	snprintf(build->name, sizeof(build->name), "%.*s", (int)length, text);
	build->directory = equals + 1;
	for (unsigned i = 0; i < o->nr_builds; i++)
		if (!strcmp(o->builds[i].name, build->name))
			die("--build: there are two of the name %s", build->name);
	o->nr_builds++;
}

void build_program(char path[PROGRAM_MAX], const struct build *build, const char *command,
		   const char *engine)
{
	const char *slash = strchr(build->directory, '/') ? "" : "./";

	if (snprintf(path, PROGRAM_MAX, "%s%s/roost-%s-%s", slash, build->directory, command,
		     engine) >= PROGRAM_MAX)
		die("--build=%s=%s: the name is too long", build->name, build->directory);
}

static void check_build(const struct build *build, const char *engine)
{
	static const char *const commands[] = {"replay", "timing"};
	char path[PROGRAM_MAX];

	for (unsigned i = 0; i < 2; i++) {
		build_program(path, build, commands[i], engine);
		if (access(path, X_OK) != 0)
			die("--build=%s=%s: there is no program %s; name a build directory, or "
			    "where an installed roost has its programs",
			    build->name, build->directory, path);
	}
}

static const struct build *find_build(const struct compare_options *o, const char *name)
{
	for (unsigned i = 0; i < o->nr_builds; i++)
		if (!strcmp(o->builds[i].name, name))
			return &o->builds[i];
	die("--engines: there is no build \"%s\"; give --build=%s=DIRECTORY", name, name);
}

/* ---- Engines ---------------------------------------------------------------------------- */

/* What all free paths of an engine that is named have in common. */
struct variant {
	const struct build *build;
	const struct engine *engine;
	uint32_t high, batch; /* 0: as --high and --batch say, or the engine */
};

static void write_mark(struct contender *c, const char *name, uint32_t value)
{
	const size_t length = strlen(c->name);

	if (value)
		snprintf(c->name + length, sizeof(c->name) - length, "+%s=%u", name, value);
}

static void add_contender(struct compare_options *o, const struct variant *v, unsigned path)
{
	struct contender *c = add(o, "engines");

	if (v->build)
		check_build(v->build, v->engine->name);
	c->build = v->build;
	c->engine = v->engine;
	c->path = path;
	c->high = v->high;
	c->batch = v->batch;
	snprintf(c->name, sizeof(c->name), "%s%s%s%s%s", v->build ? v->build->name : "",
		 v->build ? ":" : "", v->engine->name, engine_nr_paths(v->engine) > 1 ? "/" : "",
		 engine_nr_paths(v->engine) > 1 ? v->engine->paths[path] : "");
	write_mark(c, "high", v->high);
	write_mark(c, "batch", v->batch);
	if (is_there(o, c->name))
		die("--engines: %s is named twice", c->name);
}

static void add_engine(struct compare_options *o, const struct variant *v)
{
	for (unsigned path = 0; path < engine_nr_paths(v->engine); path++)
		if (path != ROOST_FREE_BLOCKING)
			add_contender(o, v, path);
}

/* "high=64", "batch=16+high=64". */
static void read_marks(struct variant *v, char *marks)
{
	for (char *mark = marks, *next; mark; mark = next) {
		char *value = strchr(mark, '=');

		next = strchr(mark, '+');
		if (next)
			*next++ = '\0';
		if (value)
			*value++ = '\0';
		if (!value || (strcmp(mark, "high") != 0 && strcmp(mark, "batch") != 0))
			die("--engines: %s+%s: after + give high=N or batch=N", v->engine->name,
			    mark);
		if (!v->engine->has_pcps)
			die("--engines: %s+%s=%s: the engine %s has no such mark", v->engine->name,
			    mark, value, v->engine->name);
		*(*mark == 'h' ? &v->high : &v->batch) =
			(uint32_t)args_number(mark, value, 1, UINT32_MAX);
	}
}

/* ENGINE or ENGINE/PATH, maybe after BUILD:, maybe before +MARK=N. */
static void add_named(void *context, char *name)
{
	struct compare_options *o = context;
	char *marks = strchr(name, '+'), *colon, *path;
	struct variant v = {0};
	char paths[ENGINE_PATHS_MAX];
	int number = 0;

	if (marks)
		*marks++ = '\0';
	colon = strchr(name, ':');
	if (colon) {
		*colon = '\0';
		v.build = find_build(o, name);
		name = colon + 1;
	}
	path = strchr(name, '/');
	if (path)
		*path++ = '\0';
	v.engine = engine_find(name);
	if (!v.engine)
		die("--engines: there is no engine \"%s\"; " SEE_HELP, name);
	read_marks(&v, marks);
	if (path)
		number = engine_path(v.engine, path);
	engine_list_paths(v.engine, paths);
	if (number < 0)
		die("--engines: %s/%s: the engine has the free path %s", name, path, paths);
	if (number == ROOST_FREE_BLOCKING)
		die("--engines: %s/%s deadlocks, so there is nothing to compare", name, path);
	if (path)
		add_contender(o, &v, (unsigned)number);
	else
		add_engine(o, &v);
}

static void add_again(struct compare_options *o, const struct build *build,
		      const struct contender *c)
{
	const struct variant v = {build, c->engine, c->high, c->batch};

	add_contender(o, &v, c->path);
}

/* Builds of which --engines names nothing have all of roost's engines that take part already. */
static void add_builds(struct compare_options *o)
{
	const unsigned nr = o->nr_contenders;

	for (unsigned b = 0; b < o->nr_builds; b++) {
		bool named = false;

		for (unsigned i = 0; i < nr; i++)
			named |= o->contenders[i].build == &o->builds[b];
		for (unsigned i = 0; i < nr && !named; i++)
			if (!o->contenders[i].build && !o->contenders[i].engine->reference)
				add_again(o, &o->builds[b], &o->contenders[i]);
	}
}

void compare_add_engines(struct compare_options *o)
{
	for (unsigned i = 0; i < o->nr_lists; i++)
		args_each(o->lists[i], add_named, o);
	for (unsigned i = 0; i < nr_engines && !o->nr_lists; i++)
		if (!engines[i].reference)
			add_engine(o, &(struct variant){.engine = &engines[i]});
	add_builds(o);
}

/* ---- Adapters --------------------------------------------------------------------------- */

/* PATH.so, or NAME=PATH.so if there is no file of all that name. */
void compare_add_peer(struct compare_options *o, const char *text)
{
	const char *equals = strchr(text, '='), *path = text;
	const struct bench_peer *peer;
	struct contender *c;

	if (equals && is_name(text, (size_t)(equals - text)) && access(text, F_OK) != 0)
		path = equals + 1;
	peer = adapter_for_replay(path);
	c = add(o, "peer");
	c->peer = path;
	if (path == text)
		printable(c->name, sizeof(c->name), 0, peer->name, strlen(peer->name));
	else
		snprintf(c->name, sizeof(c->name), "%.*s", (int)(equals - text), text);
	if (is_there(o, c->name))
		die("--peer=%s: there are two of the name %s; give one another, with "
		    "--peer=NAME=PATH.so",
		    text, c->name);
}
