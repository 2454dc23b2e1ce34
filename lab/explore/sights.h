/* SPDX-License-Identifier: MIT */
/* sights.h - the places that a finding is about (where.h), for people and for programs. */
#ifndef LAB_SIGHTS_H
#define LAB_SIGHTS_H

#include <jansson.h>
#include <stdio.h>

#include "scenario.h"

void sights_print(const struct scenario *scenario, const struct sights *sights, FILE *out);
/* An array: docs/json.md. */
json_t *sights_json(const struct scenario *scenario, const struct sights *sights);

#endif
