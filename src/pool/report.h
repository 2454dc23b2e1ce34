/* SPDX-License-Identifier: MIT */
/*
 * report.h - the answers of serve.c. The text grows by mremap(2), since malloc may itself use a
 * pool.
 */
#ifndef RST_REPORT_H
#define RST_REPORT_H

#include "pool/pool.h"

struct rst_report {
	char *text;
	size_t length, room;
};

/* All pools. The registry's lock is held. */
void rst_report_pools(struct rst_report *report, bool with_pageblocks);
void rst_report_error(struct rst_report *report, const char *text);
void rst_report_free(struct rst_report *report);

/* serve.c: when the first pool has been made. */
void rst_serve_from_environment(void);

#endif
