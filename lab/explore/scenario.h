/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - a scenario: a small pool, what each CPU does, and what should come of it.
 *
 *	pool    cpus 2, pageblocks 4, high 512     also: batch, check, reserve, low,
 *	                                           max-order, pockets 1,
 *	                                           absent: of the pageblocks, the last
 *	                                           slabs 2: of all object caches, at most
 *	cache   o 8                                objects, 8 of them a slab (objects.h)
 *	machine preempt, migrate                   tasks of a CPU take turns; each may move on; rt
 *	expect  blocking: deadlock pcp0 xa_lock    of an engine's free path, an engine, or all
 *	misuse  double-free 1                      what the misuse hook must have heard
 *	reach   free_fallback                      a counter that some execution must raise;
 *	reach   zone lock busy in nmi              also taken, waited, interrupted
 *	bound   nolock 400                         most accesses of a call that waits for nothing
 *	setup   cpu0: a = alloc 0 wait             before the exploration, on that CPU
 *	task    cpu0: OP; OP; ...                  one for each CPU; with preempt, any number
 *	hardirq cpu0: OP; OP; ...                  any number; also softirq, nmi
 *	stop    cpu1                               forever, in no lock that is waited for
 *	pressure OP; ...                           in the pressure hook, on whatever CPU calls it
 *	finally cpu0: OP; ...                      afterwards, if no CPU stopped
 *
 * A line that begins with a blank goes on with the one before. docs/lab.md has the list of OPs.
 */
#ifndef LAB_SCENARIO_H
#define LAB_SCENARIO_H

#include <limits.h>

#include <roost/pcpbuddy.h>
#include <roost/roost.h>

#include "engine.h"
#include "notes.h"
#include "vm.h"

#if defined(ROOST_SMP) && !ROOST_SMP
enum { UNIPROCESSOR = 1 };
#else
enum { UNIPROCESSOR = 0 };
#endif

enum {
	SCENARIO_VARIABLES = 16,
	SCENARIO_LOCKS = 4,
	SCENARIO_WITNESSES = 16,
	SCENARIO_CONTEXTS = VM_CONTEXTS - VM_CPUS, /* the rest: tasks of CPUs that have none */
	SCENARIO_NAME = 24,
	SCENARIO_ARGUMENTS = 8,
	SCENARIO_OBJECT_MISUSE = ROOST_MISUSE_CORRUPT + 1, /* any, of objects */
	SCENARIO_MISUSES,
	SCENARIO_CACHES = 2,
};

enum verb {
	VERB_ALLOC,
	VERB_ALLOC_N,
	VERB_ALLOC_BULK,
	VERB_TAKE,
	VERB_FREE,
	VERB_FREE_NOLOCK,
	VERB_FREE_BATCH,
	VERB_FREE_BATCH_NOLOCK,
	VERB_SPLIT,
	VERB_SLAB_FREE,
	VERB_DRAIN,
	VERB_OFFLINE,
	VERB_ONLINE,
	VERB_ISOLATE,
	VERB_UNISOLATE,
	VERB_ADD,
	VERB_REMOVE,
	VERB_OALLOC,
	VERB_OALLOC_BULK,
	VERB_OFREE,
	VERB_OFREE_BULK,
	VERB_SHRINK,
	VERB_NO_SEQUENCES,
	VERB_LOCK,
	VERB_LOCK_IRQSAVE,
	VERB_UNLOCK,
	VERB_UNLOCK_IRQRESTORE,
	VERB_IRQ_OFF,
	VERB_IRQ_ON,
	VERB_WAIT,
	VERB_FILL,
	VERB_ASSERT,
};

enum assertion {
	ASSERT_GOT,
	ASSERT_NONE,
	ASSERT_ONE_OF,
	ASSERT_ANY_OF,
	ASSERT_OWNER,
	ASSERT_PRESSED
};

struct statement {
	enum verb verb;
	enum assertion assertion;
	int lock;
	int number;	/* order, frames, CPU, cache, ... */
	unsigned frame; /* of a take, add, remove */
	unsigned flags;
	unsigned nr_variables;
	uint8_t variables[SCENARIO_ARGUMENTS];
	unsigned line;
	char text[256];
};

enum program_place { PLACE_EXPLORED, PLACE_SETUP, PLACE_FINALLY };

struct program {
	enum program_place place;
	enum level level;
	unsigned cpu;
	char name[SCENARIO_NAME];
	struct statement *statements;
	unsigned nr;
};

struct expectation {
	bool given;
	enum failure_kind kind;
	char locks[FAILURE_KEY]; /* that must be in the cycle */
};

enum witness_kind {
	WITNESS_COUNTER,
	WITNESS_EVENT,
	WITNESS_LOCK,
	WITNESS_FUNCTION,
	WITNESS_MACHINE, /* a task is preempted, or migrated */
};

enum { WITNESS_ALL_LEVELS = (1u << LEVEL_STOP) - 1 };

/* What some execution must do (witness.h). */
struct witness {
	enum witness_kind kind;
	unsigned number;	  /* a counter, or an event of the engine */
	char name[SCENARIO_NAME]; /* of a function, a lock, or a class of locks */
	enum lock_event event;
	unsigned levels, paths; /* bits */
	unsigned line;
	char text[80];
};

struct scenario {
	char file[PATH_MAX], name[NAME_MAX + 1]; /* of any bytes */
	char title[160];			 /* printable */
	bool has_pool;
	struct roost_config config;
	struct roost_pcpbuddy_config pcpbuddy; /* other engines pass over it */
	unsigned pageblocks, absent;
	unsigned machine; /* the line of "machine", or 0 */
	bool migrates, rt;
	struct expectation expect[ENGINE_PATHS]; /* by path of this program's engine */
	unsigned misuse[SCENARIO_MISUSES];
	struct witness witnesses[SCENARIO_WITNESSES];
	unsigned nr_witnesses;
	unsigned bound; /* own accesses of a call that waits for nothing; 0: none stated */
	char variables[SCENARIO_VARIABLES][SCENARIO_NAME];
	char locks[SCENARIO_LOCKS][SCENARIO_NAME];
	unsigned nr_variables, nr_locks;
	char caches[SCENARIO_CACHES][SCENARIO_NAME];
	unsigned objects[SCENARIO_CACHES]; /* of a slab */
	unsigned nr_caches, slabs;
	struct program pressure;		    /* what the pressure hook does */
	struct program *setup, *contexts, *finally; /* lists in order */
	unsigned nr_setup, nr_contexts, nr_finally;
};

/* Reads a file; reports an error on stderr and returns false. */
bool scenario_read(const char *file, struct scenario *scenario);

/* ---- world.c ------------------------------------------------------------------------------ */

/* Sets the virtual machine up for the scenario with a free path. False: its setup failed, as
 * vm.failure says; or, if that is none, its pool is refused, which was said. */
bool scenario_load(const struct scenario *scenario, unsigned path, bool weak);
/* Most own accesses of a call that waits for nothing, since scenario_load(). */
unsigned scenario_most_own(void);
void scenario_add_own(unsigned most_own); /* of another process */

#endif
