/* SPDX-License-Identifier: MIT */
/*
 * record.c - `roost record`: reads the kernel's text of the page events twenty times a second and
 * writes it, compressed if the name of the file says so, until a command has ended, a time is over
 * or a signal comes.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record.h"
#include "tool/common/args.h"
#include "tool/common/output.h"
#include "tool/common/say.h"
#include "tracing.h"

#define SEE_HELP       "see `roost record --help`"
#define DEFAULT_FILE   "roost.trace.zst"
#define DEFAULT_BUFFER (UINT64_C(8) << 20)
#define BUFFER_MIN     (UINT64_C(64) << 10)
#define BUFFER_MAX     (UINT64_C(4) << 30)

enum { KEY_DURATION = 256, KEY_BUFFER };
enum { CHILD_UNKNOWN = -1, PATIENCE_MS = 2000, PERIOD_MS = 50 };
enum { PERIOD_NS = PERIOD_MS * 1000 * 1000, CHUNK = 1 << 16, MOST = 4 << 20, SECONDS_MAX = 86400 };

extern char **environ;

struct record {
	const char *path;
	char **command; /* and its arguments, or NULL */
	unsigned seconds;
	uint64_t buffer;
	bool quiet;

	struct tracing tracing;
	struct output output;
	struct archive *archive;
	uint64_t events;
	uint64_t noted[TRACING_CPUS]; /* lost events that the kernel's text speaks of */
	pid_t child;		      /* 0: there is none, or it has ended */
	int child_status;	      /* as waitpid() has it, or CHILD_UNKNOWN */
	sigset_t signals;	      /* blocked, and waited for */
	sigset_t not_by_terminal;     /* of those: ignored at the start */
	sigset_t ignored;	      /* by this program alone: the command gets the defaults */
	bool over;		      /* nothing more is recorded */
	bool told;		      /* because of a signal */
	double start;
};

/* ---- The command line ------------------------------------------------------------------- */

static const struct argp_option record_options[] = {
	{0, 0, 0, 0, "What is recorded:", ARGS_GROUP_FIRST},
	{"duration", KEY_DURATION, "SECONDS", 0,
	 "Record for SECONDS (default: until COMMAND has ended, or until Ctrl-C)", 0},
	{"buffer", KEY_BUFFER, "SIZE", 0,
	 "Buffer of each CPU, with K, M or G (default 8M); give more if events are lost", 0},
	{0, 0, 0, 0, "The report:", ARGS_GROUP_REPORT},
	{0},
};

static const char record_doc[] =
	"Records the page allocations and frees of this machine, of all processes and of the "
	"kernel, into a trace for `roost replay`, `compare` and `map`.\v"
	"The trace is the kernel's text, compressed if FILE ends in .zst, .gz or .xz; the default "
	"FILE is " DEFAULT_FILE ". With COMMAND, `roost record` runs it and records until it has "
	"ended.\n\n"
	"Recording needs root and a kernel with tracefs. It uses a trace instance of its own and "
	"removes it, so other tracing is not disturbed.\n\n"
	"Exit status: 0 recorded, 1 events were lost or COMMAND failed, 2 nothing could be "
	"recorded.";

static uint64_t buffer_size(const char *text)
{
	uint64_t value;

	if (!args_parse_size(text, BUFFER_MIN, BUFFER_MAX, &value))
		die("--buffer=%s: give a size from 64K to 4G, such as 32M", text);
	return value;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct record *r = state->input;

	switch (key) {
	case KEY_DURATION:
		r->seconds = (unsigned)args_number("duration", text, 1, SECONDS_MAX);
		return 0;
	case KEY_BUFFER:
		r->buffer = buffer_size(text);
		return 0;
	case ARGP_KEY_ARG: /* the rest is the command's, options of it too */
		r->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void read_options(struct record *r, int argc, char **argv)
{
	static const struct args_command command = {
		.name = "roost record",
		.args_doc = "[COMMAND [ARGUMENT...]]",
		.doc = record_doc,
		.options = record_options,
		.parser = parse,
		.common = ARGS_HAS(OUTPUT) | ARGS_HAS(QUIET),
		.in_order = true,
		.writes_trace = true,
	};
	struct args_common common;

	args_parse(&command, argc, argv, r, &common);
	r->path = common.output ? common.output : DEFAULT_FILE;
	r->quiet = common.quiet;
	if (r->command && r->seconds)
		die("--duration=%u: %s says how long; leave one of the two out", r->seconds,
		    r->command[0]);
}

/* ---- Signals ---------------------------------------------------------------------------- */

static bool is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Called before the output is opened. A pipe without a reader, or a file that is too large, becomes
 * an error of write(). And a caller may have left SIGCHLD ignored: then no exit status would
 * come. */
static void signals_prepare(struct record *r)
{
	static const int errors[] = {SIGPIPE, SIGXFSZ};

	sigemptyset(&r->ignored);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!is_ignored(errors[i])) {
			sigaddset(&r->ignored, errors[i]);
			signal(errors[i], SIG_IGN);
		}
	signal(SIGCHLD, SIG_DFL);
}

/*
 * From here on the program waits for each signal that would end it. A signal that is ignored stays
 * ignored, as SIGHUP under nohup. But a shell ignores SIGINT and SIGQUIT in what it runs in the
 * background: that is meant for signals of the terminal, not of kill().
 */
static void signals_block(struct record *r, sigset_t *old)
{
	static const int others[] = {SIGSEGV, SIGBUS,  SIGFPE,	SIGILL,	 SIGTRAP,
				     SIGABRT, SIGSYS,  SIGPIPE, SIGXFSZ, SIGTSTP,
				     SIGTTIN, SIGTTOU, SIGCONT, SIGURG,	 SIGWINCH};

	sigfillset(&r->signals);
	sigemptyset(&r->not_by_terminal);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		sigdelset(&r->signals, others[i]);
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		if (is_ignored(signal))
			signal == SIGINT || signal == SIGQUIT
				? sigaddset(&r->not_by_terminal, signal)
				: sigdelset(&r->signals, signal);
	sigprocmask(SIG_BLOCK, &r->signals, old);
}

/* Handles a signal. A signal that ends the tool goes on to the command. If the terminal sent it and
 * both are in one process group, the command has it already. */
static void take(struct record *r, const siginfo_t *info)
{
	bool by_kernel = info->si_code > 0;

	if (info->si_signo == SIGCHLD ||
	    (by_kernel && sigismember(&r->not_by_terminal, info->si_signo)))
		return;
	r->told = r->over = true;
	if (r->child && (!by_kernel || getpgid(r->child) != getpgrp()))
		kill(r->child, info->si_signo);
}

/* Has the command ended? */
static bool has_ended(struct record *r)
{
	pid_t pid = r->child ? waitpid(r->child, &r->child_status, WNOHANG) : 0;

	if (pid < 0)
		r->child_status = CHILD_UNKNOWN;
	if (pid)
		r->child = 0;
	return r->command && !r->child;
}

/* Waits for the command, and passes signals on to it meanwhile. */
static void wait_for_command(struct record *r)
{
	siginfo_t info;

	while (r->child && !has_ended(r))
		if (sigwaitinfo(&r->signals, &info) > 0)
			take(r, &info);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* After the start: stops the trace if it is time to. */
static void end_in_time(struct record *r)
{
	if (r->start > 0)
		r->over |= has_ended(r) || (r->seconds && now() - r->start >= r->seconds);
	if (r->over)
		tracing_stop(&r->tracing);
}

/* ---- The file --------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *end)
{
	size_t length = strlen(path), n = strlen(end);

	return length > n && !strcmp(path + length - n, end);
}

/*
 * Waits until a pipe takes more. A signal that comes meanwhile ends the recording. The rest is
 * still written. But if nothing reads the pipe, this gives up, at the next signal or after a while.
 */
static bool wait_for_room(struct record *r)
{
	struct pollfd fds[] = {
		{.fd = r->output.fd, .events = POLLOUT},
		{.fd = signalfd(-1, &r->signals, SFD_CLOEXEC), .events = POLLIN},
	};
	const struct timespec at_once = {0};
	bool good = true;
	siginfo_t info;
	int n;

	while (good && (n = poll(fds, 2, r->told ? PATIENCE_MS : PERIOD_MS)) >= 0 &&
	       !fds[0].revents) {
		const bool was_told = r->told;
		int signal = n > 0 ? sigtimedwait(&r->signals, &info, &at_once) : 0;

		if (signal > 0)
			take(r, &info);
		end_in_time(r);
		good = !was_told || signal == SIGCHLD;
	}
	close(fds[1].fd);
	return good;
}

/* A pipe that poll() finds writable takes PIPE_BUF bytes, and a file all of them. */
static la_ssize_t write_some(struct archive *a, void *context, const void *data, size_t length)
{
	struct record *r = context;
	ssize_t n;

	if (!r->output.temporary) {
		if (!wait_for_room(r)) {
			archive_set_error(a, ETIMEDOUT, "nobody reads it");
			return -1;
		}
		length = length < PIPE_BUF ? length : PIPE_BUF;
	}
	n = write(r->output.fd, data, length);
	if (n < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	return n;
}

/* After output_begin(). */
static bool archive_begin(struct record *r)
{
	struct archive_entry *entry = archive_entry_new();
	struct archive *a = r->archive = archive_write_new();
	int filter = ends_in(r->path, ".zst")  ? ARCHIVE_FILTER_ZSTD
		     : ends_in(r->path, ".gz") ? ARCHIVE_FILTER_GZIP
		     : ends_in(r->path, ".xz") ? ARCHIVE_FILTER_XZ
					       : ARCHIVE_FILTER_NONE;
	bool good;

	if (!a || !entry)
		die("out of memory");
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_pathname(entry, "trace");
	archive_write_set_bytes_in_last_block(a, 1); /* no padding */
	good = archive_write_set_format_raw(a) == ARCHIVE_OK &&
	       archive_write_add_filter(a, filter) == ARCHIVE_OK &&
	       archive_write_open(a, r, NULL, write_some, NULL) == ARCHIVE_OK &&
	       archive_write_header(a, entry) == ARCHIVE_OK;
	archive_entry_free(entry);
	return good;
}

static _Noreturn void cannot_write(struct record *r)
{
	die("--output=%.300s: cannot write: %s", r->path, archive_error_string(r->archive));
}

static void write_text(struct record *r, const char *text, size_t length)
{
	if (archive_write_data(r->archive, text, length) != (la_ssize_t)length)
		cannot_write(r);
}

static void write_head(struct record *r)
{
	char text[512];
	struct utsname machine;
	int n;

	uname(&machine);
	n = snprintf(text, sizeof(text),
		     "# recorded by roost record on Linux %s, %s, %ld CPUs, clock " TRACING_CLOCK
		     ", %" PRIu64 " KiB for each\n",
		     machine.release, machine.machine, sysconf(_SC_NPROCESSORS_ONLN),
		     r->buffer >> 10);
	write_text(r, text, (size_t)n);
}

static void finish_file(struct record *r)
{
	char error[ERROR_MAX];

	if (archive_write_close(r->archive) != ARCHIVE_OK)
		cannot_write(r);
	archive_write_free(r->archive);
	if (!output_end(&r->output, true, error))
		die("%s", error);
}

/* ---- Recording -------------------------------------------------------------------------- */

static struct record *current; /* what atexit() cleans up after */

/* After an error nothing is left: no instance, no half of a file, and no running command. */
static void clean_up(void)
{
	struct record *r = current;
	char ignored[ERROR_MAX];

	current = NULL;
	if (!r)
		return;
	tracing_close(&r->tracing);
	if (r->output.path)
		output_end(&r->output, false, ignored);
	if (r->child)
		kill(r->child, SIGTERM);
	wait_for_command(r);
}

/* "CPU:1 [LOST 23 EVENTS]" comes between events. */
static void take_line(struct record *r, char *line, char *end)
{
	unsigned long long lost;
	unsigned cpu;
	int found;

	if (strncmp(line, "CPU:", 4) != 0 || !memmem(line, (size_t)(end - line), " [LOST ", 7)) {
		r->events++;
		return;
	}
	*end = '\0';
	found = sscanf(line, "CPU:%u [LOST %llu EVENTS]", &cpu, &lost);
	*end = '\n';
	if (found == 2 && cpu < TRACING_CPUS)
		r->noted[cpu] += lost;
}

/* The kernel's text does not speak of all: nothing of those that an interrupt kept from being
 * written. A replay has to know. Returns how many were lost. */
static uint64_t note_lost(struct record *r)
{
	static uint64_t by_cpu[TRACING_CPUS];
	const uint64_t lost = tracing_lost(&r->tracing, by_cpu);
	char line[64];

	for (unsigned cpu = 0; cpu < TRACING_CPUS; cpu++)
		if (by_cpu[cpu] > r->noted[cpu])
			write_text(r, line,
				   (size_t)snprintf(line, sizeof(line),
						    "CPU:%u [LOST %" PRIu64 " EVENTS]\n", cpu,
						    by_cpu[cpu] - r->noted[cpu]));
	return lost;
}

/* Reads what there is, but at most MOST bytes, since a signal may have come. True: there is
 * more. */
static bool drain(struct record *r)
{
	static char text[CHUNK + 1];
	size_t all = 0;
	long n;

	while (all < MOST && (n = tracing_read(&r->tracing, text, CHUNK)) > 0) {
		char *line = text, *end;

		for (; (end = memchr(line, '\n', (size_t)(text + n - line))); line = end + 1)
			take_line(r, line, end);
		write_text(r, text, (size_t)n);
		all += (size_t)n;
	}
	if (all < MOST && n < 0)
		die("cannot read the events: %s", strerror(errno));
	return all >= MOST;
}

static void show(const struct record *r)
{
	static int shown = -1;
	int seconds = (int)(now() - r->start);

	if (r->quiet || !isatty(STDERR_FILENO) || seconds == shown)
		return;
	shown = seconds;
	fprintf(stderr, "\rrecording: %d s, %" PRIu64 " events%s", seconds, r->events,
		r->command || r->seconds ? "" : "; Ctrl-C ends it");
	fflush(stderr);
}

static void start_command(struct record *r, const sigset_t *mask)
{
	posix_spawnattr_t attributes;
	int failed;

	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, mask);
	posix_spawnattr_setsigdefault(&attributes, &r->ignored);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	failed = posix_spawnp(&r->child, r->command[0], NULL, &attributes, r->command, environ);
	posix_spawnattr_destroy(&attributes);
	if (!failed)
		return;
	r->child = 0;
	die("%s: cannot run: %s", r->command[0], strerror(failed));
}

/* Until it is time to end. */
static void record(struct record *r)
{
	const struct timespec period = {.tv_nsec = PERIOD_NS}, at_once = {0};
	bool more = false;
	siginfo_t info;

	r->start = now();
	while (!r->over || more) {
		if (sigtimedwait(&r->signals, &info, more ? &at_once : &period) > 0)
			take(r, &info);
		end_in_time(r);
		more = drain(r);
		show(r);
	}
	if (!r->quiet && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static int report(const struct record *r, uint64_t lost, double seconds)
{
	bool unknown = r->child_status == CHILD_UNKNOWN;
	bool failed = r->command &&
		      (unknown || !WIFEXITED(r->child_status) || WEXITSTATUS(r->child_status) != 0);

	if (!r->quiet) /* stdout is the command's */
		say_error("%s: %" PRIu64 " events in %.1f s; try: roost replay %s", r->path,
			  r->events, seconds, r->path);
	if (lost)
		say_error("%s: %" PRIu64 " events were lost; give more room: --buffer=%" PRIu64 "M",
			  r->path, lost, (r->buffer >> 20 ? r->buffer >> 20 : 1) * 4);
	if (unknown)
		say_error("%s: its exit status is not known", r->command[0]);
	else if (failed && WIFSIGNALED(r->child_status))
		say_error("%s: ended by signal %d (%s)", r->command[0], WTERMSIG(r->child_status),
			  strsignal(WTERMSIG(r->child_status)));
	else if (failed)
		say_error("%s: its exit status is %d", r->command[0], WEXITSTATUS(r->child_status));
	check_stdout();
	return lost || failed ? EXIT_UNVERIFIED : EXIT_OK;
}

int record_main(int argc, char **argv)
{
	static struct record r = {.buffer = DEFAULT_BUFFER, .tracing = {.pipe = -1}};
	char error[ERROR_MAX];
	double seconds;
	uint64_t lost;
	sigset_t old;
	bool waits;

	read_options(&r, argc, argv);
	if (!output_check(args_name(ARGS_OUTPUT), r.path, error))
		die("%s", error);
	signals_prepare(&r);
	/* Opening a pipe waits for its reader. Signals still end the program here. */
	waits = output_may_wait(r.path);
	if (waits && !output_begin_private(&r.output, args_name(ARGS_OUTPUT), r.path, error))
		die("%s", error);
	signals_block(&r, &old);
	current = &r;
	atexit(clean_up);
	if (!waits && !output_begin_private(&r.output, args_name(ARGS_OUTPUT), r.path, error))
		die("%s", error);
	if (!tracing_open(&r.tracing, r.buffer, error))
		die("%s", error);
	if (!archive_begin(&r))
		cannot_write(&r);
	write_head(&r);
	if (r.command)
		start_command(&r, &old);
	record(&r);
	seconds = now() - r.start;
	lost = note_lost(&r);
	tracing_close(&r.tracing);
	finish_file(&r);
	wait_for_command(&r);
	return report(&r, lost, seconds);
}
