/* SPDX-License-Identifier: MIT */
/*
 * vm.h - the virtual machine: CPUs, the contexts that run on them, and the words they share.
 *
 * A context is the task of a CPU or one of its handlers. It runs until it is about to do something
 * that others may notice, says what (struct op), and waits to be chosen. So a search sees
 * of each context what it would do next. One choice is one step.
 *
 *	softirq < hardirq < NMI < stop     a handler starts at any choice point of its CPU at which
 *	                                   its level is enabled, runs on top of what it interrupts,
 *	                                   and returns before that goes on. "stop" never returns.
 *
 * With vm.preempts a CPU may have several tasks. Where preemption is enabled (interrupts are on, no
 * lock of the scenario is held, and no handler runs), any other task of the CPU may go on instead;
 * and a task that has a context LEVEL_MIGRATE may be moved to another CPU, once.
 *
 * What is a choice point? An access to an atomic word that at least two contexts use, one of them
 * writing; a fence; turning interrupts off; a lock of the scenario; parking; going on after a spin
 * or a sleep. A word that only one context uses cannot tell anyone anything. Which words are
 * shared is found out on the way: when a new one shows up, the search starts over (vm.grown). So
 * in the end no execution was seen in which an unlisted word was shared, and leaving those out was
 * right. Accesses that are not atomic are checked for races instead (race.c).
 */
#ifndef LAB_VM_H
#define LAB_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fiber.h"
#include "where.h"

enum {
	VM_CPUS = 4,
	VM_CONTEXTS = 16,   /* as many as the bits of their sets */
	VM_ARENA = 1 << 20, /* bytes; all memory that is restored for each execution */
	VM_GRAIN = 4,	    /* bytes; what races are found in, and what can be ignored */
	VM_WORDS = 16384,   /* atomic words in use */
	VM_SHARED = 2048,   /* of those, shared ones */
	VM_NO_WORD = VM_WORDS,
	VM_AFTER = 64,
	VM_STEPS = 6000,  /* more steps than this are a livelock */
	VM_OWN = 200000,  /* accesses of one context, likewise */
	VM_SLEEPS = 4,	  /* how often one context goes on after sleeping; then the rest is cut */
	VM_WATCHED = 512, /* words that a spinner or sleeper has read */
	VM_LOCKS = 16,
	VM_HELD = 8,
};

/* LEVEL_MIGRATE is no code: it moves a task. */
enum level { LEVEL_TASK, LEVEL_SOFTIRQ, LEVEL_HARDIRQ, LEVEL_NMI, LEVEL_STOP, LEVEL_MIGRATE };

enum op_kind {
	OP_NONE,
	OP_BEGIN, /* of a handler */
	OP_LOAD,
	OP_STORE,
	OP_RMW,
	OP_FENCE,
	OP_IRQ_OFF, /* the last moment at which it can be interrupted, or preempted */
	OP_CPU,	    /* asks on which CPU it is: the last moment at which it can be moved */
	OP_LOCK,    /* a lock of the scenario; blocks */
	OP_UNLOCK,
	OP_PARK,   /* asks whether to park */
	OP_PARKED, /* blocks until it is woken */
	OP_UNPARK,
	OP_SPIN,  /* blocks until something that it read has been written by another context */
	OP_SLEEP, /* the same; the task sleeps */
};

/* What a context is about to do, and what it did. */
struct op {
	uint8_t kind;
	bool write;
	bool global;   /* takes part in the order of sequentially consistent operations */
	uint16_t word; /* index into vm.words, or VM_NO_WORD */
};

typedef uint16_t vm_clock[VM_CONTEXTS];

/* A write of an atomic word, in modification order. */
struct store {
	uint64_t value;
	int step; /* -1: before the execution */
	uint8_t context;
	const struct view *released; /* what an acquiring reader learns, or NULL */
};

/* An atomic word. What is above the line stays from one execution to the next. */
struct word {
	char *address;
	uint8_t size; /* bytes */
	bool shared;
	uint16_t id;   /* of a shared word: index into views */
	uint16_t lock; /* index into vm.locks, or VM_LOCKS */
	void (*written)(const void *address, uint64_t value); /* hears of stores, or NULL */
	struct store *stores;
	unsigned room;
	/* ---- */
	uint32_t generation;	 /* the execution that the rest belongs to */
	uint16_t users, writers; /* bits of contexts */
	unsigned nr_stores;
};

enum lock_kind {
	LOCK_TRIED,    /* never waited for, so it may be held with interrupts on */
	LOCK_WAITED,   /* held only with interrupts off */
	LOCK_SCENARIO, /* the caller's: held and waited for as the scenario says */
};

/* Locks of one class obey the same rules. The holder of one takes only others of higher ranks. */
struct lock_class {
	const char *name;
	enum lock_kind kind;
	unsigned rank; /* from 1; those of the scenario come before all others */
};

struct lock {
	char name[24];
	void *address;
	const struct lock_class *class;
	uint8_t first; /* of its class: what lockdep's rule goes by (lock.c) */
	int holder;    /* context, or -1 */
};

/* A word that a spinner has read, and the stores up to the one that it read first. */
struct watch {
	uint16_t word;
	unsigned nr_stores;
};

struct context {
	struct fiber fiber;
	uint8_t id, cpu, level;
	uint8_t home; /* the CPU that it begins on */
	/* LEVEL_MIGRATE: moves that task to that CPU; idle is what its own runs then. */
	uint8_t to;
	struct context *moves, *idle;
	bool started, done, blocked_forever;
	struct context *below; /* what a running handler interrupted, or NULL */
	struct op pending;
	const char *name;
	/* Scenario. */
	void *program;
	uint32_t call_ops; /* accesses in the API call that it is in */
	bool call_waits;   /* that call may wait for a lock */
	bool hooked;	   /* that call has called the pressure hook, which it is in */
	bool own_news;	   /* the hook has: what it wrote may be what the call waits for */
	bool no_sequences; /* it has none (core/port.h) */
	/* Counts. */
	uint32_t ops; /* accesses of its own so far: the time in a saved schedule */
	unsigned spins, sleeps;
	unsigned preempt_off; /* locks of the scenario that it holds or waits for */
	int moved_by;	      /* the step that moved it, or -1 */
	bool arrived;	      /* it has run since */
	int woken_by;	      /* the step that unparked it, or -1 */
	bool irq_before;      /* interrupts of its CPU when it began */
	/* Locks that it holds, in order. */
	uint8_t held[VM_HELD];
	unsigned nr_held;
	int missed; /* the lock that it looked at last and did not get, or -1 */
	struct watch watched[VM_WATCHED];
	unsigned nr_watched;
	/* Where it is, and where it acquired what it holds. pc: of its last access, while another
	 * context runs (access_pc). */
	struct where where, held_at[VM_HELD];
	uintptr_t pc;
	vm_clock clock; /* what happened before, for races (race.c) */
};

struct cpu {
	struct context *top;
	bool irq_on, stopped;
	int last_step;
	unsigned breaks; /* how often what a sequence on it was doing was broken off */
	vm_clock irq_published, irq_returned; /* see race.c */
};

/* One step of an execution, for the search. */
struct step {
	struct op op;
	uint8_t context, cpu, level;
	bool switchable;   /* another task of the CPU could have been chosen */
	int before_on_cpu; /* the step before on the same CPU, or -1 */
	int begin;	   /* the step that began the handler that it is in, or -1 */
	uint16_t enabled;  /* before the step: bits of contexts */
	uint16_t older;	   /* how much older than the newest store the load read */
	uint32_t number;   /* of the access among its context's */
	uint32_t ops;	   /* accesses that the context has behind it afterwards */
	vm_clock clock;	   /* steps that it depends on: for context c the first clock[c] */
};

enum outcome {
	RUN_DONE,    /* all contexts are through */
	RUN_FAILED,  /* vm.failure says how */
	RUN_ABORTED, /* the strategy had seen enough */
	RUN_CUT,     /* sleepers woke each other too often: left out */
};

enum failure_kind {
	FAIL_NONE,
	FAIL_DEADLOCK,
	FAIL_LOST_WAKEUP,
	FAIL_LIVELOCK,
	FAIL_RACE,
	FAIL_DOUBLED, /* an allocation returned a frame that somebody holds */
	FAIL_INVARIANT,
	FAIL_LOCK, /* ranks, recursion, lockdep's rule */
	FAIL_MISUSE,
	FAIL_ASSERT,
	FAIL_BOUND, /* more own steps than stated */
	FAIL_FATAL,
	FAIL_VACUOUS, /* of a job: no execution reached what it must (witness.h) */
	FAIL_KINDS,
};

/* Room for a line of each context, and for the names of all locks in a cycle. */
enum { FAILURE_TEXT = VM_CONTEXTS * 160, FAILURE_KEY = VM_LOCKS * 24 + 32 };

struct failure {
	enum failure_kind kind;
	char text[FAILURE_TEXT];
	/* What must be the same for a shorter schedule to be "the same failure". */
	char key[FAILURE_KEY];
	struct sights sights;
};

/*
 * What decides. pick() returns a context of the enabled ones, or -1 to end the execution;
 * pick_store() which of n visible stores a load reads, 0 being the newest; stepped() hears of each
 * step when it is done.
 */
struct strategy {
	int (*pick)(void *self, uint16_t enabled);
	unsigned (*pick_store)(void *self, unsigned n);
	void (*stepped)(void *self, int step);
	bool every_access; /* private words are choice points too: replay */
};

/* What runs on the machine, which knows nothing else of it. */
struct vm_guest {
	void (*run)(struct context *context); /* a context's program, on its stack */
	void (*finished)(void);		      /* judges an execution that came to its end */
	/* What lies at an address of the arena, as text; false: nothing that has a name. */
	bool (*name)(const void *address, char *text, size_t size);
};

struct vm {
	char *arena, *snapshot;
	bool ignored[VM_ARENA / VM_GRAIN];
	size_t used;
	struct context contexts[VM_CONTEXTS];
	unsigned nr_contexts, nr_cpus;
	struct cpu cpus[VM_CPUS];
	struct word *words; /* VM_WORDS */
	unsigned nr_words, nr_shared;
	int after[VM_AFTER]; /* steps that woke the context of the last step */
	unsigned nr_after;
	struct lock locks[VM_LOCKS];
	unsigned nr_locks;
	struct context *current; /* NULL: nobody, all hooks do just what they say */
	struct fiber scheduler;
	const struct vm_guest *guest;
	const struct strategy *strategy;
	void *strategy_self;
	uint32_t generation;
	bool preempts;	 /* tasks of a CPU preempt each other */
	bool rt;	 /* locks of the scenario sleep, handlers but NMIs are tasks */
	bool tries_wait; /* the free path waits for locks that may only be tried */
	bool weak;	 /* loads may be stale */
	bool grown;	 /* words became shared: the search must start over */
	bool share_all;	 /* treat every word as shared: replay */
	bool cut;
	bool verbose, tracing;
	struct step steps[VM_STEPS];
	int nr_steps;
	struct failure failure;
	uint32_t first_ops[VM_CONTEXTS]; /* accesses before the first step */
	uint64_t all_steps, all_choices;
	uint16_t load_choice; /* what the last step's load read, 0: the newest */
};

extern struct vm vm;

/* ---- vm.c: set up and run ------------------------------------------------------------------ */

void vm_init(void);
/* Forgets contexts, locks, words and memory. */
void vm_reset(void);
/* Zeroed memory in the arena; what is in it when vm_freeze() is called is restored for each run. */
void *vm_alloc(size_t size, size_t alignment);
struct context *vm_add(unsigned cpu, enum level level, const char *name, void *program);
/* The task may be moved to that CPU; idle is a task without anything to do on its own. */
void vm_add_migration(struct context *task, unsigned to, struct context *idle, const char *name);
/* The task that the CPU runs, whatever handlers are on top of it. */
const struct context *vm_task_of(unsigned cpu);
/* Registers a word of the arena (of 4 bytes) that is a lock. */
unsigned vm_add_lock(const struct lock_class *class, void *address, const char *name);
/* Statistics: accesses to [start, start + size), whole grains, are nobody's business. */
void vm_ignore(void *start, size_t size);
/* Of all memory that changed since it was frozen, but for what is ignored. */
uint64_t vm_hash(void);
void vm_freeze(void);

/* One execution of vm.guest. */
enum outcome vm_run(const struct strategy *strategy, void *self);

/* The context's next choice point: returns when it is chosen. */
void vm_point(struct op op);
void vm_forget_failure(void);
/* Ends the execution with a failure; returns only if no context is running. */
void vm_fail(enum failure_kind kind, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *failure_name(enum failure_kind kind);
/* Where the context is now. */
struct where vm_where(const struct context *context);
/* What the failure that follows is about, in this order. Of one without any it is where the context
 * is that fails, and where it acquired what it holds. */
void vm_sight(enum sight_kind kind, const struct context *context, const char *what,
	      const struct where *where);
void sights_add(struct sights *sights, enum sight_kind kind, const char *context, const char *what,
		const struct where *where);

bool vm_enabled(const struct context *context);
static inline bool vm_in_arena(const void *address)
{
	return (uintptr_t)address - (uintptr_t)vm.arena < VM_ARENA;
}
static inline bool vm_ignored(const void *address) /* of the arena */
{
	return vm.ignored[((uintptr_t)address - (uintptr_t)vm.arena) / VM_GRAIN];
}

/* What the contexts' stacks and the tables say about which waits for which: deadlock.c. */
void deadlock_describe(void);

#endif
