/* SPDX-License-Identifier: MIT */
/*
 * top.c - `roost top`: asks a process for the state of its pools and shows it, once, or repeatedly
 * on a terminal with ncurses.
 */
#include <curses.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <roost/serve.h>

#include "tool/common/args.h"
#include "tool/common/json.h"
#include "tool/common/live.h"
#include "tool/common/say.h"
#include "top.h"

enum { OPTION_PID = 256, OPTION_ONCE, OPTION_INTERVAL, OPTION_SORT, OPTION_PER_CPU };

struct top_options {
	const char *path;
	char default_path[64];
	pid_t pid;
	double interval; /* seconds */
	bool once;
	const char *json; /* a file, as in struct args_common, or NULL */
	struct top_view view;
};

static const struct argp_option options[] = {
	{"pid", OPTION_PID, "N", 0, "Ask process N, which serves at " ROOST_SERVE_DEFAULT, 0},
	{"interval", OPTION_INTERVAL, "SECONDS", 0,
	 "Time between two samples (default 1). With --once, 0 means a single sample: its counts "
	 "are since the start of the pools",
	 0},
	{"sort", OPTION_SORT, "BY", 0, "Sort the pools by used (default), name, or allocations", 0},
	{"per-cpu", OPTION_PER_CPU, 0, 0, "Show a line for each CPU as well", 0},
	{"once", OPTION_ONCE, 0, 0,
	 "Print the table once and exit (the default if stdout is not a terminal)", 0},
	{0},
};

static const char doc[] =
	"Watches the pools of a process that serves its statistics at SOCKET: it calls "
	"roost_pool_serve(), or has ROOST_SERVE=SOCKET in its environment.\v"
	"Keys: q quits, s changes the order, c shows the CPUs, o hides the object caches, p or "
	"space "
	"pauses and resumes.\n\n"
	"--json prints the answer of the process.\n\n"
	"Exit status: 0 done, 2 no process answers.";

static enum top_sort read_sort(const char *text)
{
	for (unsigned i = 0; i < TOP_NR_SORTS; i++)
		if (!strcmp(text, top_sort_names[i]))
			return (enum top_sort)i;
	die("--sort=%s: sorts by used, name or allocations", text);
}

static double read_interval(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !isfinite(seconds) || seconds < 0 || seconds > 3600)
		die("--interval=%s: give seconds from 0 to 3600", text);
	return seconds;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct top_options *o = state->input;

	switch (key) {
	case OPTION_PID:
		o->pid = (pid_t)args_number("pid", text, 1, INT32_MAX);
		return 0;
	case OPTION_INTERVAL:
		o->interval = read_interval(text);
		return 0;
	case OPTION_SORT:
		o->view.sort = read_sort(text);
		return 0;
	case OPTION_PER_CPU:
		o->view.cpus = true;
		return 0;
	case OPTION_ONCE:
		o->once = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->path)
			die("%s: one socket at a time, and %s is given already", text, o->path);
		o->path = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static json_t *ask(const struct top_options *o)
{
	char error[ERROR_MAX];
	json_t *root = live_ask(o->path, "stats", o->pid, error);

	if (!root)
		die("%s", error);
	return root;
}

static void show_once(const struct top_options *o)
{
	json_t *before = o->interval > 0 ? ask(o) : NULL, *now;
	struct timespec pause = {.tv_sec = (time_t)o->interval,
				 .tv_nsec = (long)(fmod(o->interval, 1) * 1e9)};

	if (before)
		nanosleep(&pause, NULL);
	now = ask(o);
	top_write(stdout, now, before, &o->view);
	json_decref(before);
	json_decref(now);
}

/* ---- On a terminal ------------------------------------------------------------------------- */

static void draw(const json_t *now, const json_t *before, const struct top_view *view, bool paused)
{
	char *text = NULL, *line, *rest;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	int y = 0;

	if (!out)
		return;
	top_write(out, now, before, view);
	fprintf(out, "q end  s sort (%s)  c CPUs  o object caches  p pause%s\n",
		top_sort_names[view->sort], paused ? " (paused)" : "");
	fclose(out);
	erase();
	for (rest = text; (line = strsep(&rest, "\n")) && y < LINES; y++)
		mvaddnstr(y, 0, line, COLS);
	refresh();
	free(text);
}

/* Handles the keys until it is time for the next sample; false: quit. */
static bool handle_keys(struct top_options *o, const json_t *now, const json_t *before)
{
	bool paused = false;
	int key;

	timeout((int)(o->interval * 1000) + 1);
	while ((key = getch()) != ERR || paused) {
		if (key == 'q')
			return false;
		if (key == 's')
			o->view.sort = (o->view.sort + 1) % TOP_NR_SORTS;
		if (key == 'c')
			o->view.cpus = !o->view.cpus;
		if (key == 'o')
			o->view.no_caches = !o->view.no_caches;
		if (key == 'p' || key == ' ')
			paused = !paused;
		draw(now, before, &o->view, paused);
	}
	return true;
}

static void watch(struct top_options *o)
{
	char error[ERROR_MAX];
	json_t *before = NULL, *now = ask(o);
	bool go_on = true;

	if (!newterm(NULL, stdout, stdin))
		die("cannot draw on a terminal of the kind TERM=%s; use --once",
		    getenv("TERM") ? getenv("TERM") : "");
	cbreak();
	noecho();
	curs_set(0);
	while (go_on && now) {
		draw(now, before, &o->view, false);
		go_on = handle_keys(o, now, before);
		json_decref(before);
		before = now;
		now = go_on ? live_ask(o->path, "stats", o->pid, error) : NULL;
	}
	endwin();
	json_decref(before);
	if (go_on)
		die("%s", error);
}

int top_main(int argc, char **argv)
{
	static const struct args_command command = {
		.name = "roost top",
		.args_doc = "SOCKET",
		.doc = doc,
		.options = options,
		.parser = parse,
		.common = ARGS_HAS(JSON),
	};
	struct top_options o = {.interval = 1};
	struct args_common common;
	json_t *root;

	args_parse(&command, argc, argv, &o, &common);
	o.json = common.json;
	json_check(o.json);
	if (o.pid && o.path)
		die("--pid: %s is given already; give one of the two", o.path);
	if (o.pid) {
		snprintf(o.default_path, sizeof(o.default_path), "/tmp/roost-%d.sock", (int)o.pid);
		o.path = o.default_path;
	}
	if (!o.path)
		die("which process? Give its socket: roost top SOCKET; see `roost top --help`");
	if (o.json) {
		root = ask(&o);
		json_write(root, o.json, JSON_INDENT(1));
		json_decref(root);
	} else if (o.once || !isatty(STDOUT_FILENO)) {
		show_once(&o);
	} else {
		watch(&o);
	}
	check_stdout();
	return EXIT_OK;
}
