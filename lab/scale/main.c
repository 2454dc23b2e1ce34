/* SPDX-License-Identifier: MIT */
/* main.c - the program roost-scale, which `roost scale` runs. */
#include <stdio.h>
#include <string.h>

#include "scale.h"
#include "tool/common/gnuplot.h"
#include "tool/common/json.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

static struct scale scale;

static void list_all(const struct options *o)
{
	puts("Workloads:");
	for (unsigned i = 0; i < nr_works; i++)
		printf("  %-16s %s\n", works[i].name, works[i].text);
	puts("Peers:");
	for (unsigned i = 0; i < o->nr_peers; i++) {
		const struct peer *p = &o->peers[i];
		const char *version = p->peer && p->peer->version ? p->peer->version : "";
		char text[128];

		printf("  %-16s %s%s\n", p->name, p->peer ? "" : "not counted: ",
		       p->peer ? printable(text, sizeof(text), 0, version, strlen(version))
			       : p->reason);
	}
}

static void count_all(void)
{
	const struct options *o = &scale.options;
	struct result *result = model_memory();
	unsigned done = 0, all = o->nr_works * o->nr_peers * o->nr_cpus;
	struct bar bar;

	bar_open(&bar, "counting", !o->quiet);
	for (unsigned w = 0; w < o->nr_works; w++)
		for (unsigned p = 0; p < o->nr_peers; p++)
			for (unsigned c = 0; c < o->nr_cpus; c++) {
				bar_show(&bar, done++, all);
				if (!o->peers[p].peer)
					continue;
				model_run(result, o->works[w], o->peers[p].peer, o->cpus[c], o->ops,
					  o->seed, o->latency);
				scale.results[w][p][c] = *result;
			}
	bar_close(&bar);
}

/* ---- Calibration ------------------------------------------------------------------------ */

/* What the model says of a number of CPUs, for an allocation and its free. */
struct modelled {
	double accesses, transfers, elapsed;
};

static bool model(struct calibration *c, const struct bench_peer *peer, unsigned cpus,
		  unsigned latency, struct modelled *m)
{
	static struct result *r;
	const struct options *o = &scale.options;
	double ops;

	if (!r)
		r = model_memory();
	model_run(r, c->work, peer, cpus, CALIBRATE_OPS, o->seed, latency);
	ops = (double)r->counts[KIND_ALLOC].ops;
	if (r->error[0] || ops <= 0) {
		snprintf(c->error, sizeof(c->error), "%s", r->error);
		return false;
	}
	*m = (struct modelled){0};
	for (enum kind kind = KIND_ALLOC; kind < KINDS; kind++) {
		m->accesses += (double)r->counts[kind].accesses / ops;
		m->transfers += (double)counts_transfers(&r->counts[kind]) / ops;
	}
	m->elapsed = r->elapsed * (c->work->half && cpus > 1 ? cpus / 2 : cpus) / ops;
	return true;
}

/* One CPU says how long an access takes, and so for how many of them a line is on its way. */
static void predict(struct calibration *c, const struct bench_peer *peer)
{
	struct modelled one, two;
	double access;

	if (!model(c, peer, 1, 0, &one))
		return;
	access = c->one / one.accesses;
	if (!model(c, peer, 2, (unsigned)(scale.transfer / access), &two))
		return;
	c->transfers = two.transfers;
	c->predicted = two.elapsed * access;
}

static void calibrate_one(const struct work *work, const struct peer *peer)
{
	struct calibration *c = &scale.calibrations[scale.nr_calibrations];
	char reason[ADAPTER_REASON_MAX];
	const struct bench_peer *plain = peers_plain(peer->name, reason);

	if (!plain || !peer->peer)
		return; /* an adapter that is instrumented, which takes its time */
	*c = (struct calibration){.work = work, .peer = peer->name};
	scale.nr_calibrations++;
	calibrate_measure(c, plain, scale.options.seed);
	if (!c->error[0])
		predict(c, peer->peer);
}

static void calibrate(void)
{
	static const char *const names[] = {"pair", "bulk", "random", "remote", "one-way"};
	const struct options *o = &scale.options;
	const unsigned nr = sizeof(names) / sizeof(names[0]);
	char error[WORK_ERROR_MAX] = "";
	uint64_t done = 0;
	struct bar bar;

	scale.transfer = calibrate_transfer(error);
	if (scale.transfer <= 0)
		die("--calibrate: %s", error[0] ? error : "no time could be measured");
	bar_open(&bar, "calibrating", !o->quiet);
	for (unsigned w = 0; w < nr; w++)
		for (unsigned p = 0; p < o->nr_peers; p++) {
			bar_show(&bar, done++, (uint64_t)nr * o->nr_peers);
			calibrate_one(work_find(names[w]), &o->peers[p]);
		}
	bar_close(&bar);
}

int main(int argc, char **argv)
{
	struct options *o = &scale.options;
	char error[ERROR_MAX];

	program_begin();
	scale_parse(o, argc, argv);
	if (o->list) {
		list_all(o);
		return EXIT_OK;
	}
	json_check(o->json);
	if (o->output && !gnuplot_check(o->output, error))
		die("%s", error);
	if (o->calibrate)
		calibrate();
	count_all();
	if (!o->json || strcmp(o->json, "-") != 0)
		scale_text(&scale);
	if (o->json)
		scale_json(&scale, o->json);
	if (o->output && !scale_plot(&scale, o->output, error))
		die("%s", error);
	check_stdout();
	return EXIT_OK;
}
