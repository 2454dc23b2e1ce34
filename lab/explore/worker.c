/* SPDX-License-Identifier: MIT */
/* worker.c - see worker.h. Workers receive job numbers, and send back a result and a text. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "split.h"

enum { MOST_WORKERS = 16 };

/* What a worker receives. */
struct order {
	unsigned job;
	double seconds;
};

struct worker {
	pid_t pid;
	int to, from;
	int job; /* that it works on, or -1 */
};

/* All of it, in one direction. */
static bool move_all(int fd, void *data, size_t size, bool out)
{
	char *at = data;

	while (size) {
		ssize_t n = out ? write(fd, at, size) : read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static bool write_all(int fd, void *data, size_t size)
{
	return move_all(fd, data, size, true);
}

static bool read_all(int fd, void *data, size_t size)
{
	return move_all(fd, data, size, false);
}

static _Noreturn void work(int in, int out, const struct job *jobs, const struct options *options)
{
	static struct result result;
	struct options mine = *options;
	struct order order;

	while (read_all(in, &order, sizeof(order))) {
		char *text = NULL;
		size_t size = 0;
		FILE *report = open_memstream(&text, &size);

		if (!report)
			break;
		mine.seconds = order.seconds;
		job_run(&jobs[order.job], &mine, &result, report);
		fclose(report);
		result.report_size = size;
		if (!write_all(out, &result, sizeof(result)) || !write_all(out, text, size))
			break;
		free(text);
	}
	split_put_processor(); /* for those who still have something to do */
	_exit(0);
}

/* There is nothing left to do for it: it gives its processor away and ends. */
static void send_home(struct worker *w)
{
	if (w->to >= 0)
		close(w->to);
	w->to = -1;
}

static bool start(struct worker *w, struct worker *all, unsigned before, const struct job *jobs,
		  const struct options *options)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		return false;
	fflush(stdout);
	w->pid = fork();
	if (w->pid == 0) {
		for (unsigned i = 0; i < before; i++) {
			send_home(&all[i]);
			close(all[i].from);
		}
		close(to[1]);
		close(from[0]);
		work(to[0], from[1], jobs, options);
	}
	close(to[0]);
	close(from[1]);
	w->to = to[1];
	w->from = from[0];
	w->job = -1;
	return w->pid > 0;
}

static bool receive(struct worker *w, struct result *result, char **report)
{
	if (!read_all(w->from, result, sizeof(*result)))
		return false;
	*report = calloc(1, result->report_size + 1);
	return *report && read_all(w->from, *report, result->report_size);
}

/* What each of the jobs that are left may take of the time that is left. */
static double share(double seconds, unsigned workers, unsigned jobs)
{
	double each = jobs <= workers ? seconds : seconds * workers / jobs;

	return each > 1 ? each : 1;
}

bool workers_run(const struct job *jobs, unsigned nr, unsigned workers, double total,
		 const struct options *options, struct result *results, char **reports,
		 void (*done)(unsigned job))
{
	struct worker w[MOST_WORKERS] = {{0}};
	struct pollfd fds[MOST_WORKERS];
	bool *ready = calloc(nr, sizeof(*ready)), ok = ready;
	double end = now_s() + total;
	unsigned next = 0, told = 0;

	if (workers > MOST_WORKERS)
		workers = MOST_WORKERS;
	ok = ok && split_open(workers > nr ? workers - nr : 0);
	if (workers > nr)
		workers = nr;
	for (unsigned i = 0; i < workers && ok; i++)
		ok = start(&w[i], w, i, jobs, options);
	while (ok && told < nr) {
		for (unsigned i = 0; i < workers && ok; i++)
			if (w[i].job < 0 && next < nr) {
				struct order order = {next, options->seconds};

				if (total > 0)
					order.seconds = share(end - now_s(), workers, nr - next);
				ok = write_all(w[i].to, &order, sizeof(order));
				w[i].job = (int)next++;
			} else if (w[i].job < 0) {
				send_home(&w[i]);
			}
		for (unsigned i = 0; i < workers; i++)
			fds[i] = (struct pollfd){.fd = w[i].job < 0 ? -1 : w[i].from,
						 .events = POLLIN};
		if (poll(fds, workers, -1) < 0 && errno != EINTR)
			ok = false;
		for (unsigned i = 0; i < workers && ok; i++)
			if (fds[i].revents && w[i].job >= 0) {
				ok = receive(&w[i], &results[w[i].job], &reports[w[i].job]);
				ready[w[i].job] = true;
				w[i].job = -1;
			}
		for (; told < nr && ready[told]; told++)
			done(told);
	}
	for (unsigned i = 0; i < workers; i++) {
		send_home(&w[i]);
		close(w[i].from);
	}
	for (unsigned i = 0; i < workers; i++)
		if (w[i].pid > 0)
			waitpid(w[i].pid, NULL, 0);
	free(ready);
	return ok;
}
