/* SPDX-License-Identifier: MIT */
/* search.c - see search.h. */
#include "search.h"

#include <string.h>

#include "memory.h"

/* A place in the execution at which somebody was chosen. */
struct node {
	uint8_t chosen;
	uint16_t store, stores;			  /* which of how many its load reads */
	uint16_t enabled, backtrack, done, sleep; /* bits of contexts */
	uint16_t given;				  /* likewise: being tried by other processes */
	uint8_t preemptions, interrupts, stale;	  /* before this step */
};

/* The contexts that touched a word last, as steps or -1. */
struct trail {
	uint32_t generation;
	int write, acquire;
	int read[VM_CONTEXTS];
};

static struct node nodes[VM_STEPS];
static int depth;			  /* of the next step */
static int fixed;			  /* nodes[0 .. fixed) are given */
static int root;			  /* of this process's part of the tree; -1: all of it */
static struct trail trails[VM_WORDS + 1]; /* the last is that of all that is seq_cst */
static uint16_t own[VM_STEPS];		  /* how many steps its context had made before */
static vm_clock clocks[VM_STEPS];	  /* of the steps of the execution before */
static int last_of[VM_CONTEXTS];

#define BIT(c) ((uint16_t)(1u << (c)))

/* ---- Dependence ---------------------------------------------------------------------------- */

/* Would the context's next step depend on the step that was taken? */
static bool depends(const struct context *c, const struct step *step)
{
	const struct op *next = &c->pending;

	if (c->cpu == step->cpu || vm.contexts[step->context].moves == c)
		return true;
	if (!c->started)
		return false;
	if (next->kind == OP_SPIN || next->kind == OP_SLEEP || next->kind == OP_PARKED)
		return step->op.write;
	if (next->global && step->op.global &&
	    (next->kind == OP_FENCE || step->op.kind == OP_FENCE))
		return true;
	return next->word != VM_NO_WORD && next->word == step->op.word &&
	       (next->write || step->op.write);
}

static struct trail *trail_of(uint16_t word)
{
	struct trail *trail = &trails[word];

	if (trail->generation != vm.generation) {
		trail->generation = vm.generation;
		trail->write = trail->acquire = -1;
		memset(trail->read, -1, sizeof(trail->read));
	}
	return trail;
}

static bool before(int first, const struct step *step)
{
	return step->clock[vm.steps[first].context] > own[first];
}

/* ---- Backtrack points ---------------------------------------------------------------------- */

/* The first steps, per context, of what comes after step e and does not depend on it, with n. */
static uint16_t first_steps(int e, int n, int *first)
{
	uint16_t seen = BIT(vm.steps[e].context), in = 0;

	for (int i = e + 1; i <= n; i++) {
		unsigned c = vm.steps[i].context;

		if (seen & BIT(c))
			continue;
		seen |= BIT(c);
		if (i == n || !before(e, &vm.steps[i])) {
			in |= BIT(c);
			first[c] = i;
		}
	}
	return in;
}

/* Of those, the ones that can come first. */
static uint16_t initials(int e, int n)
{
	int first[VM_CONTEXTS];
	uint16_t in = first_steps(e, n, first), out = 0;

	for (unsigned c = 0; c < vm.nr_contexts; c++) {
		bool can = in & BIT(c);

		for (unsigned d = 0; d < vm.nr_contexts && can; d++)
			if (d != c && in & BIT(d) && before(first[d], &vm.steps[first[c]]))
				can = false;
		if (can)
			out |= BIT(c);
	}
	return out;
}

/* Steps e and n race: somewhere, what does not depend on e must come before it. */
static void reverse(int e, int n)
{
	struct node *node = &nodes[e];
	uint16_t can = initials(e, n);

	if (can & (node->backtrack | node->sleep))
		return;
	can &= node->enabled;
	node->backtrack |= can ? (uint16_t)(can & -can) : node->enabled;
}

/* A handler began at step n: it might have earlier. */
static void begin_earlier(int n)
{
	uint16_t handler = BIT(vm.steps[n].context);

	for (int e = vm.steps[n].before_on_cpu; e >= 0; e = vm.steps[e].before_on_cpu)
		if (nodes[e].enabled & handler) {
			if (!(handler & nodes[e].sleep))
				nodes[e].backtrack |= handler;
			return;
		}
}

/* ---- What a step came after ---------------------------------------------------------------- */

enum { CONFLICTS = 2 * VM_CONTEXTS + 4 };

struct conflicts {
	int steps[CONFLICTS];
	unsigned nr;
};

/* Keeps them sorted, the latest first. */
static void add_conflict(struct conflicts *list, int step)
{
	unsigned i = list->nr;

	if (step < 0)
		return;
	for (; i > 0 && list->steps[i - 1] < step; i--)
		list->steps[i] = list->steps[i - 1];
	list->steps[i] = step;
	list->nr++;
}

static void add_trail(struct conflicts *list, const struct trail *trail, bool write)
{
	add_conflict(list, trail->write);
	for (unsigned c = 0; write && c < vm.nr_contexts; c++)
		add_conflict(list, trail->read[c]);
}

static void leave_trail(struct trail *trail, int n, bool write)
{
	if (write) {
		trail->write = n;
		memset(trail->read, -1, sizeof(trail->read));
	} else {
		trail->read[vm.steps[n].context] = n;
	}
}

/* If another task of the CPU went before: the latest step before which this one could have come, or
 * -1. The steps in between are of a section in which that task is not preempted. */
static int switch_point(int n)
{
	int e = vm.steps[n].before_on_cpu;

	if (!vm.preempts || e < 0 || vm.steps[n].level != LEVEL_TASK ||
	    vm.steps[e].level != LEVEL_TASK)
		return -1;
	if (vm.steps[n].op.kind == OP_LOCK) { /* not while the other one has the lock */
		const struct trail *trail = trail_of(vm.steps[n].op.word);

		if (trail->acquire >= 0 && trail->acquire <= e && trail->write >= e &&
		    vm.steps[trail->acquire].cpu == vm.steps[n].cpu)
			e = trail->acquire;
	}
	while (e >= 0 && vm.steps[e].context != vm.steps[n].context && !vm.steps[e].switchable)
		e = vm.steps[e].before_on_cpu;
	return e >= 0 && vm.steps[e].context != vm.steps[n].context ? e : -1;
}

/* Where a task was moved, if this is its first step since: it might have been one before. */
static int arrival(int n)
{
	unsigned c = vm.steps[n].context;
	int e = vm.contexts[c].moved_by;

	return last_of[c] < e ? e : -1;
}

/* Joins the clocks of what the step depends on; races with new steps are turned round. What was
 * done on the same CPU is for order_cpu(), and no order against a switch before it. */
static void order_after(int n, struct conflicts *list)
{
	struct step *step = &vm.steps[n];
	int point = switch_point(n);

	add_conflict(list, point);
	add_conflict(list, arrival(n));
	for (unsigned i = 0; i < list->nr; i++) {
		int e = list->steps[i];
		bool here = vm.steps[e].cpu == step->cpu;

		if (before(e, step) || (vm.preempts && here && e != point))
			continue;
		if (!here || e == point)
			reverse(e, n);
		clock_join(step->clock, vm.steps[e].clock);
	}
}

static bool uses_word(const struct step *step)
{
	return step->op.word != VM_NO_WORD && step->op.kind != OP_PARKED;
}

static void order_word(int n)
{
	struct step *step = &vm.steps[n];
	struct conflicts list = {.nr = 0};
	struct trail *trail;

	if (uses_word(step)) {
		trail = trail_of(step->op.word);
		/* Not enabled until the unlock, but it might have come before the lock. */
		if (step->op.kind == OP_LOCK)
			add_conflict(&list, trail->acquire);
		else if (step->op.kind != OP_UNLOCK)
			add_trail(&list, trail, step->op.write);
	}
	if (step->op.global)
		add_trail(&list, trail_of(VM_WORDS), step->op.kind == OP_FENCE);
	order_after(n, &list);
	if (step->op.kind == OP_LOCK && trail_of(step->op.word)->write >= 0)
		clock_join(step->clock, vm.steps[trail_of(step->op.word)->write].clock);
}

static void leave_trails(int n)
{
	const struct step *step = &vm.steps[n];

	if (uses_word(step) && step->op.kind == OP_LOCK)
		trail_of(step->op.word)->acquire = n;
	else if (uses_word(step))
		leave_trail(trail_of(step->op.word), n, step->op.write);
	if (step->op.global)
		leave_trail(trail_of(VM_WORDS), n, step->op.kind == OP_FENCE);
}

static void order_cpu(int n)
{
	struct step *step = &vm.steps[n];
	int e = step->before_on_cpu;

	if (e < 0)
		return;
	clock_join(step->clock, vm.steps[e].clock);
	if (step->op.kind == OP_BEGIN)
		begin_earlier(n);
	else if (vm.steps[e].context != step->context && vm.steps[e].begin >= 0)
		reverse(vm.steps[e].begin, n);
}

static void stepped(void *self, int n)
{
	const struct search *search = self;
	struct step *step = &vm.steps[n];
	int last = last_of[step->context];

	if (!search->reduce)
		return;
	if (n < fixed - 1) { /* as in the execution before */
		last_of[step->context] = n;
		memcpy(step->clock, clocks[n], sizeof(step->clock));
		leave_trails(n);
		return;
	}
	own[n] = 0;
	if (last >= 0) {
		own[n] = (uint16_t)(own[last] + 1);
		clock_join(step->clock, vm.steps[last].clock);
	}
	for (unsigned i = 0; i < vm.nr_after; i++)
		if (vm.after[i] >= 0)
			clock_join(step->clock, vm.steps[vm.after[i]].clock);
	order_word(n);
	leave_trails(n);
	order_cpu(n);
	last_of[step->context] = n;
	step->clock[step->context] = (uint16_t)(own[n] + 1);
	memcpy(clocks[n], step->clock, sizeof(step->clock));
}

/* ---- Choosing ------------------------------------------------------------------------------ */

/* The context that goes on without a switch, or -1: the context on top of the CPU of the last
 * step. */
static int running(uint16_t enabled)
{
	const struct context *top;

	if (!depth)
		return -1;
	top = vm.cpus[vm.steps[depth - 1].cpu].top;
	return enabled & BIT(top->id) ? top->id : -1;
}

/* Goes on, else takes a context that has started, else a handler, at last a stop. */
static int first_choice(uint16_t among, uint16_t enabled)
{
	int best = -1, best_rank = 0;
	int now = running(enabled);

	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		const struct context *c = &vm.contexts[i];
		int rank = (int)i == now ? 4 : c->started ? 3 : c->level < LEVEL_STOP ? 2 : 1;

		if (among & BIT(i) && rank > best_rank) {
			best = (int)i;
			best_rank = rank;
		}
	}
	return best;
}

static unsigned switches(unsigned c, int now)
{
	return now >= 0 && (int)c != now &&
	       (vm.contexts[c].cpu != vm.contexts[now].cpu || vm.contexts[c].started);
}

static unsigned interrupts(unsigned c)
{
	const struct context *context = &vm.contexts[c];

	return !context->started && !vm.cpus[context->cpu].top->done;
}

static uint16_t within_bound(struct search *search, const struct node *node)
{
	int now = running(node->enabled);
	uint16_t out = 0;

	for (unsigned c = 0; c < vm.nr_contexts; c++) {
		if (!(node->enabled & BIT(c)))
			continue;
		if (node->preemptions + switches(c, now) > search->bound ||
		    node->interrupts + interrupts(c) > search->bound + 1)
			search->pruned = true;
		else
			out |= BIT(c);
	}
	return out;
}

static void count(struct node *node, const struct node *parent)
{
	node->preemptions = node->interrupts = node->stale = 0;
	if (!parent)
		return;
	node->preemptions = parent->preemptions;
	node->interrupts = parent->interrupts;
	node->stale = (uint8_t)(parent->stale + (parent->store != 0));
}

static uint16_t still_asleep(const struct node *parent)
{
	uint16_t sleep = parent->sleep | parent->done, out = 0;

	for (unsigned c = 0; c < vm.nr_contexts; c++)
		if (sleep & BIT(c) && !depends(&vm.contexts[c], &vm.steps[depth - 1]))
			out |= BIT(c);
	return out;
}

/* What the bound counts, for the choice that was made; told to the node behind. */
static void charge(struct node *node, uint16_t enabled)
{
	int now = running(enabled);

	node->preemptions = (uint8_t)(node->preemptions + switches(node->chosen, now));
	node->interrupts = (uint8_t)(node->interrupts + interrupts(node->chosen));
}

static int pick(void *self, uint16_t enabled)
{
	struct search *search = self;
	struct node *node = &nodes[depth], *parent = depth ? node - 1 : NULL;
	int choice;

	if (depth == 0)
		memset(last_of, -1, sizeof(last_of));
	if (depth >= VM_STEPS - 1)
		return first_choice(enabled, enabled); /* vm_run() ends this */
	if (depth < fixed) {
		count(node, parent);
		charge(node, enabled);
		depth++;
		return node->chosen;
	}
	*node = (struct node){.enabled = enabled};
	search->states++;
	count(node, parent);
	if (search->reduce && parent)
		node->sleep = still_asleep(parent);
	choice = first_choice(enabled & (uint16_t)~node->sleep, enabled);
	if (choice < 0)
		return -1;
	node->chosen = (uint8_t)choice;
	if (search->bound != SEARCH_NO_BOUND)
		node->backtrack = within_bound(search, node);
	else
		node->backtrack = search->reduce ? BIT(choice) : enabled;
	charge(node, enabled);
	depth++;
	return choice;
}

static unsigned pick_store(void *self, unsigned n)
{
	struct search *search = self;
	struct node *node = &nodes[depth - 1];
	unsigned most = search->bound < search->stale ? search->bound : search->stale;

	if (depth <= fixed && node->stores)
		return node->store;
	if (node->stale >= most) {
		search->pruned = true;
		n = 1;
	}
	node->store = 0;
	node->stores = (uint16_t)n;
	return 0;
}

const struct strategy search_strategy = {
	.pick = pick, .pick_store = pick_store, .stepped = stepped};

/* ---- To the next execution ----------------------------------------------------------------- */

void search_start(struct search *search)
{
	search->pruned = false;
	depth = fixed = 0;
	root = -1;
}

static uint16_t left_of(const struct node *node)
{
	return (uint16_t)(node->backtrack & ~(node->done | node->sleep | node->given));
}

/* To the next choice of a node; false when there is none. */
static bool next_choice(struct search *search, int at)
{
	struct node *node = &nodes[at];

	if (node->store + 1 < node->stores) {
		node->store++;
		return true;
	}
	if (at == root) /* its other choices are the parent's */
		return false;
	node->done |= BIT(node->chosen);
	if (!left_of(node) && node->given) {
		search->wait_for(search, at);
		node->done |= node->given;
		node->given = 0;
	}
	if (!left_of(node))
		return false;
	/* Those that were given away come first, so they are asleep now. */
	node->done |= node->given;
	node->chosen = (uint8_t)__builtin_ctz(left_of(node));
	node->store = node->stores = 0;
	return true;
}

bool search_next(struct search *search)
{
	while (depth > 0 && depth > root && !next_choice(search, depth - 1))
		depth--;
	fixed = depth;
	depth = 0;
	return fixed > 0 && fixed > root;
}

/* ---- Given away ---------------------------------------------------------------------------- */

static uint16_t gift(const struct node *node)
{
	uint16_t left = left_of(node) & (uint16_t)~BIT(node->chosen);

	return left & (uint16_t)-left;
}

int search_gift(void)
{
	for (int i = root + 1; i < fixed; i++)
		if (gift(&nodes[i]))
			return i;
	return -1;
}

void search_give(int node)
{
	nodes[node].given |= gift(&nodes[node]);
}

void search_take(int node)
{
	struct node *n = &nodes[node];
	uint16_t choice = gift(n);

	n->done |= n->given | BIT(n->chosen);
	n->given = 0;
	n->chosen = (uint8_t)__builtin_ctz(choice);
	n->store = n->stores = 0;
	root = node;
	fixed = node + 1;
	depth = 0;
}

void search_backtracks(uint16_t *backtracks, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		backtracks[i] = nodes[i].backtrack;
}

void search_learn(int node, const uint16_t *backtracks)
{
	for (int i = 0; i <= node; i++)
		nodes[i].backtrack |= backtracks[i];
}
