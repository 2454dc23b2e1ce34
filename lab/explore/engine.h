/* SPDX-License-Identifier: MIT */
/*
 * engine.h - all that the explorer knows of the engine that it runs. engine_NAME.c defines it, the
 * one file that sees the engine's headers; engines.c lists the names of all engines, since any
 * scenario may name any of them.
 */
#ifndef LAB_ENGINE_H
#define LAB_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include <roost/roost.h>

enum { ENGINE_PATHS = 4 };

/* The free paths that an engine can be configured for; one that has no choice is its only path. */
struct engine {
	const char *name;
	const char *paths[ENGINE_PATHS]; /* the rest NULL */
	/* What a scenario may ask for (witness.h) beside the counters that each engine has. */
	const char *locks[ENGINE_PATHS];  /* classes */
	const char *events[ENGINE_PATHS]; /* what note_event() is for, by number */
	bool pcpbuddy_counters;
};

extern const struct engine engines[];
extern const unsigned nr_engines;

/* The one that this program was built with, and the program's name for it: uniprocessor builds
 * are called NAME-up. */
extern const struct engine *const engine;
extern const char *const engine_program;

unsigned engine_nr_paths(const struct engine *e);
/* The index of a path of this program's engine, or -1. */
int engine_path(const char *name);

/* The number of a counter of any engine, or -1; those of roost_stats() come first. Its name. */
int engine_counter(const char *name);
const char *engine_counter_name(unsigned counter);
/* How many of them an engine has. */
unsigned engine_nr_counters(const struct engine *e);

/* ---- engine_NAME.c ------------------------------------------------------------------------- */

/* Sets what a free path (index into paths) means. own: what a scenario says of pcpbuddy, which the
 * configuration may point to. */
void engine_configure(struct roost_config *config, struct roost_pcpbuddy_config *own,
		      unsigned path);
/* Registers locks (vm_add_lock()) and counters (vm_ignore()) with the virtual machine. prefix: of
 * the names of what is in it, "" of the scenario's own pool, which comes first. */
void engine_register(roost_t *roost, const char *prefix);
/* Names what lies at an address of the arena; false if it is not the engine's. */
bool engine_address(const void *address, char *text, size_t size);

#endif
