/* SPDX-License-Identifier: MIT */
/* work.c - see work.h. */
#include "work.h"

#include "arch.h"
#include "console.h"
#include "cpu.h"
#include "memory.h"

enum { MAIL_AT_ONCE = 4, TIMER_BLOCKS = 6, BATCH = 16, SPLIT_ORDER = 3 };

void context_open(struct context *c, uint64_t seed)
{
	c->random = (seed + 1) * 0x9e3779b97f4a7c15;
}

/* A number below n. After G. Marsaglia: Xorshift RNGs (2003). */
static unsigned below(struct context *c, unsigned n)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return (unsigned)(c->random >> 32) % n;
}

/* ---- Blocks ------------------------------------------------------------------------------ */

/* The block at pfn is this context's from now on. */
static block take(struct context *c, uint64_t pfn, unsigned order)
{
	block b = block_of(pfn, order, arch_self()->number, ++c->serial);

	block_stamp(b);
	c->counts.allocations++;
	return b;
}

static block allocate(struct context *c, unsigned order, unsigned flags)
{
	roost_pfn pfn;

	c->inside = true;
	pfn = roost_alloc(memory, order, flags);
	c->inside = false;
	if (pfn != ROOST_NONE)
		return take(c, pfn, order);
	c->counts.failed++;
	return 0;
}

static void count_free(struct context *c, block b)
{
	if (block_cpu(b) == arch_self()->number)
		c->counts.local++;
	else
		c->counts.remote++;
}

static void release(struct context *c, block b)
{
	uint64_t start, ticks;

	block_unstamp(b);
	count_free(c, b);
	start = arch_clock();
	c->inside = true;
	roost_free(memory, block_pfn(b), block_order(b));
	c->inside = false;
	ticks = arch_clock() - start;
	if (ticks > c->counts.longest)
		c->counts.longest = ticks;
}

/* Another CPU that takes mail; NULL: none found. On a uniprocessor, this one. */
static struct cpu *somebody(struct context *c)
{
	struct cpu *cpu = &cpus[below(c, nr_cpus)];

	if ((cpu == arch_self() && nr_cpus > 1) ||
	    !atomic_load_explicit(&cpu->online, memory_order_relaxed))
		return NULL;
	return cpu;
}

/* To another CPU if that has room; false: it is still ours. */
static bool send(struct context *c, block b)
{
	struct cpu *to = somebody(c);

	if (!to || !mailbox_put(&to->mailbox, b, below(c, MAILBOX_SLOTS)))
		return false;
	c->counts.sent++;
	if (below(c, MAIL_AT_ONCE) == 0)
		arch_ipi(to);
	return true;
}

/* Frees it here, or lets another CPU do it. */
static void dispose(struct context *c, block b)
{
	if (below(c, 2) || !send(c, b))
		release(c, b);
}

static void read_mail(struct context *c, struct cpu *cpu)
{
	block b = mailbox_take(&cpu->mailbox, below(c, MAILBOX_SLOTS));

	if (b)
		release(c, b);
}

/* ---- What threads do --------------------------------------------------------------------- */

static unsigned some_order(struct context *c)
{
	unsigned r = below(c, 256);

	if (r < 192)
		return 0;
	if (r < 240)
		return 1 + below(c, 3);
	return r < 252 ? 4 + below(c, 3) : 9;
}

static unsigned some_flags(struct context *c)
{
	return below(c, ROOST_MIGRATETYPE_MASK);
}

static void some_slot(struct context *c)
{
	block *slot = &c->held[below(c, HELD)];

	if (*slot)
		dispose(c, *slot);
	*slot = *slot ? 0
		      : allocate(c, some_order(c),
				 some_flags(c) | (below(c, 4) ? 0u : (unsigned)ROOST_WAIT));
}

/* Several of a kind in one call each way. */
static void batch(struct context *c)
{
	roost_pfn pfns[BATCH];
	struct roost_block blocks[BATCH];
	unsigned order = below(c, 2);
	size_t got;

	c->inside = true;
	got = roost_alloc_bulk(memory, order, some_flags(c), pfns, BATCH);
	c->inside = false;
	for (size_t i = 0; i < got; i++) {
		block b = take(c, pfns[i], order);

		blocks[i] = (struct roost_block){pfns[i], order};
		block_unstamp(b);
		count_free(c, b);
	}
	c->inside = true;
	roost_free_bulk(memory, blocks, got);
	c->inside = false;
}

/* A block in parts, each of which goes its own way. */
static void split(struct context *c)
{
	block whole = allocate(c, SPLIT_ORDER, some_flags(c));
	uint64_t pfn = block_pfn(whole);

	if (!whole)
		return;
	block_unstamp(whole);
	c->counts.allocations--; /* its parts are counted */
	if (roost_split(memory, pfn, SPLIT_ORDER, 0))
		fail("a block is not split: frame 0x%lx", pfn);
	for (unsigned i = 0; i < 1u << SPLIT_ORDER; i++)
		dispose(c, take(c, pfn + i, 0));
}

void work_thread(struct cpu *cpu)
{
	struct context *c = &cpu->contexts[CONTEXT_THREAD];
	unsigned r = below(c, 256);

	if (r < 4) {
		batch(c);
	} else if (r < 8) {
		split(c);
	} else if (r < 16) {
		arch_irq_off();
		some_slot(c);
		arch_irq_on();
	} else if (r < 112) {
		read_mail(c, cpu);
	} else {
		some_slot(c);
	}
	if (below(c, 4096) == 0)
		roost_drain(memory, (int)cpu->number);
	c->counts.calls++;
}

/* ---- What handlers do -------------------------------------------------------------------- */

static void enter(struct cpu *cpu, unsigned context)
{
	struct context *c = &cpu->contexts[context];

	c->active = true;
	c->counts.calls++;
	for (unsigned i = 0; i < context; i++) {
		c->counts.on_top += cpu->contexts[i].inside;
		c->counts.nested += cpu->contexts[i].active;
	}
}

static void small_slot(struct context *c)
{
	block *slot = &c->held[below(c, HELD)];

	if (*slot)
		dispose(c, *slot);
	*slot = *slot ? 0 : allocate(c, below(c, 4), some_flags(c));
}

/* IPIs come through. */
void work_timer(struct cpu *cpu)
{
	struct context *c = &cpu->contexts[CONTEXT_TIMER];

	enter(cpu, CONTEXT_TIMER);
	arch_irq_on();
	for (unsigned i = 0; i < TIMER_BLOCKS; i++)
		small_slot(c);
	arch_irq_off();
	c->active = false;
}

void work_ipi(struct cpu *cpu)
{
	struct context *c = &cpu->contexts[CONTEXT_IPI];

	enter(cpu, CONTEXT_IPI);
	for (unsigned i = 0; i < MAIL_AT_ONCE; i++)
		read_mail(c, cpu);
	small_slot(c);
	c->active = false;
}

/* ---- Comings and goings ------------------------------------------------------------------ */

void work_leave(struct cpu *cpu)
{
	struct context *c = &cpu->contexts[CONTEXT_THREAD];

	for (unsigned i = 0; i < HELD; i += 2)
		if (c->held[i] && send(c, c->held[i]))
			c->held[i] = 0;
}

void work_end(struct cpu *cpu)
{
	struct context *mine = &arch_self()->contexts[CONTEXT_THREAD];

	for (unsigned i = 0; i < MAILBOX_SLOTS; i++) {
		block b = mailbox_take(&cpu->mailbox, i);

		if (b)
			release(mine, b);
	}
	for (unsigned k = 0; k < CONTEXTS; k++)
		for (unsigned i = 0; i < HELD; i++)
			if (cpu->contexts[k].held[i])
				release(mine, cpu->contexts[k].held[i]);
}

struct counts work_counts(unsigned context)
{
	struct counts sum = {0};

	for (unsigned i = 0; i < nr_cpus; i++) {
		const struct counts *c = &cpus[i].contexts[context].counts;

		sum.calls += c->calls;
		sum.allocations += c->allocations;
		sum.failed += c->failed;
		sum.local += c->local;
		sum.remote += c->remote;
		sum.sent += c->sent;
		sum.on_top += c->on_top;
		sum.nested += c->nested;
		if (c->longest > sum.longest)
			sum.longest = c->longest;
	}
	return sum;
}
