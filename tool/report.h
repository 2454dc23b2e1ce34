/* SPDX-License-Identifier: MIT */
/*
 * report.h - what came of a replay, for people and for programs.
 */
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include "replay.h"

/* On stdout, and where --json says. */
void report_text(const struct replay *replay);
void report_json(const struct replay *replay);

/* Broken lines and losses of the trace itself, on stderr. */
void report_trace_notes(const struct trace *trace, const char *path);

/* What of the trace could not be as it was traced, on stderr. */
void report_plan_notes(const struct plan *plan, const struct options *options);

/* ---- Shared by the two ------------------------------------------------------------------ */

enum { REPORT_FINDING_MAX = 256 };

typedef void report_finding_fn(void *context, const char *finding);

/* Each reason why the replay is not verified, in English. */
void report_findings(const struct replay *replay, report_finding_fn *found, void *context);

/* a per million of b, a per b; 0 if there is no b. */
double per_million(uint64_t a, uint64_t b);
double ratio(double a, double b);

#endif
