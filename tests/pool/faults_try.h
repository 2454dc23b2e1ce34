/* SPDX-License-Identifier: MIT */
/*
 * faults_try.h - what the parts of pool_faults share: faults.c plans and judges, faults_modes.c
 * lets a call go wrong, faults_life.c is the life of a pool, faults_use.c its calls.
 */
#ifndef TESTS_POOL_FAULTS_TRY_H
#define TESTS_POOL_FAULTS_TRY_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

#include <roost/pool.h>

#include "faults.h"
#include "sanitized.h"

#define MIB ((size_t)1 << 20)

enum { PAGE = 4096, BLOCKS = 4096, SECONDS = 30, KEPT_ERRNO = 4711 };

enum mode {
	FAILS,	      /* with an error */
	IS_LATE,      /* another thread does all kinds of things meanwhile */
	IS_CANCELLED, /* the thread is, and the call a cancellation point */
	FORKS,	      /* as in a handler: both go on from there */
	FORKS_RAW,    /* the same by _Fork() */
	OTHER_FORKS,  /* another thread does; the child has that thread alone */
	OTHER_FORKS_RAW,
	MODES
};

struct shape {
	const char *name;
	size_t limit, block; /* bytes; of which size all of it is taken */
	bool thread, nodes, huge, objects;
	unsigned modes; /* bit i: mode i; the others are as with a plain one */
};

extern const struct shape shapes[];

extern struct plan {
	const struct shape *shape;
	enum mode mode;
	enum faults_call call;
	unsigned number; /* of the call; 0: none */
	int error;
} plan;

/* Seen by the process that started this one. */
extern struct shared {
	unsigned calls[FAULTS_NR]; /* that were made */
	char doing[64], wrong[200];
} * shared;

enum { GOOD, NOT_REACHED, WRONG };

/* ---- The process that is tried ------------------------------------------------------------- */

extern _Atomic bool armed, hit;
extern bool runner_stands; /* in the call: what it has is as it says */
extern _Atomic unsigned counts[FAULTS_NR];
extern _Thread_local bool is_runner, is_helper;
extern bool in_child, in_raw_child;
extern pid_t child;

extern roost_pool_t *pool; /* NULL while it is made or unmade */
extern char *blocks[BLOCKS];
extern unsigned nr_blocks;
extern size_t in_flight;	  /* bytes that the call may be taking or giving */
extern sem_t asked, met, through; /* the helper was; the caller may go on; the helper is */

_Noreturn __attribute__((format(printf, 1, 2))) void wrong(const char *format, ...);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			wrong("line %d: %s%s", __LINE__, #condition, in_child ? " (child)" : "");  \
	} while (0)

/* ---- faults_use.c -------------------------------------------------------------------------- */

/* What an API call is between: the thread could be cancelled in it, and errno is kept, or becomes
 * may_be. bytes: how much it may be taking or giving. */
void faults_begin(const char *what, size_t bytes);
void faults_end(int may_be);
void fill(char *block);
void check(char *block);
char *get(size_t size, unsigned flags);
void take(size_t size, unsigned flags);
void take_bulk(size_t size, unsigned n);
void put(unsigned i);
void put_all(void);
void resize(size_t bytes);
void trim(void);
void drain(void);
struct roost_pool_config config_of(const struct shape *shape);
bool make(void);
void unmake(void);
bool is_answered(void);
bool serve(void);
void end_serving(void);

/* ---- faults_objects.c ---------------------------------------------------------------------- */

void use_objects(void);
void use_objects_at_once(void);
void end_objects(void);

/* ---- faults_life.c ------------------------------------------------------------------------- */

void all_is_there(void);
void *live_elsewhere(void *arg);
void others_live(void);
void live(void);

/* ---- faults_modes.c ------------------------------------------------------------------------ */

void *help(void *arg);

#endif
