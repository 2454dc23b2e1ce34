/* SPDX-License-Identifier: MIT */
/* scale.h - what is counted, and what came of it; the command line and the reports. */
#ifndef SCALE_SCALE_H
#define SCALE_SCALE_H

#include "calibrate.h"
#include "lines.h"
#include "tool/common/adapter.h"

enum { SCALE_PEERS = 16, SCALE_CPUS = 16, SCALE_WORKS = 16, SCALE_FORMAT = 1 };

struct peer {
	char name[32];
	const struct bench_peer *peer; /* NULL: absent, and reason says why */
	char reason[ADAPTER_REASON_MAX];
};

struct options {
	const struct work *works[SCALE_WORKS];
	unsigned nr_works;
	struct peer peers[SCALE_PEERS];
	unsigned nr_peers;
	unsigned cpus[SCALE_CPUS], nr_cpus;
	uint64_t seed;
	unsigned ops, latency;
	bool calibrate, list, quiet;
	const char *json, *output;
};

struct scale {
	struct options options;
	struct result results[SCALE_WORKS][SCALE_PEERS][SCALE_CPUS];
	double transfer; /* ns; 0: not calibrated */
	struct calibration calibrations[SCALE_WORKS * SCALE_PEERS];
	unsigned nr_calibrations;
};

/* Ends the program if the command line is wrong. */
void scale_parse(struct options *options, int argc, char **argv);

/* peers.c: those that lie beside this program, instrumented; NULL ends. */
extern const char *const peer_names[];
/* Adds one of those, or anybody's. */
void peers_add(struct options *options, const char *name);
void peers_add_file(struct options *options, const char *path);
/* The same peer as `roost bench` has it, or NULL. */
const struct bench_peer *peers_plain(const char *name, char reason[ADAPTER_REASON_MAX]);

/* Counts of one kind for each operation. */
static inline double scale_each(const struct counts *counts, uint64_t count)
{
	return counts->ops ? (double)count / (double)counts->ops : 0;
}

extern const char *const kind_names[KINDS];

void scale_text(const struct scale *scale);
void scale_json(const struct scale *scale, const char *path);
bool scale_plot(const struct scale *scale, const char *path, char error[]);

#endif
