/* SPDX-License-Identifier: MIT */
/*
 * player.c - takes one step of a plan.
 *
 * Threads share only a block's state word. The step that makes the block writes it (release: pfn
 * and stamps are then valid), and the one step that ends the block reads it (acquire). On another
 * CPU that step may come first; it then sleeps on the word. It sleeps in thread context only,
 * before the thread enters the handler that takes the step.
 *
 * No deadlock: a step waits only for an earlier step of the trace. So the first step that has not
 * been taken can always be taken.
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "player.h"

enum { SPINS = 200 };

/* In parallel, an allocation may fail while other threads hold frames. It is a fault if at least
 * this part (1/8) is free. */
enum { AMPLE_SHIFT = 3 };

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
	syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static bool is_there(struct block *block)
{
	return atomic_load_explicit(&block->state, memory_order_acquire) >= BLOCK_LIVE;
}

static void publish(struct block *block, enum block_state state)
{
	uint32_t old = atomic_exchange_explicit(&block->state, state, memory_order_acq_rel);

	if (old == BLOCK_AWAITED)
		futex(&block->state, FUTEX_WAKE, 1);
}

void player_wait(struct player *player, const struct step *step)
{
	struct block *block = &player->plan->blocks[step->block];
	uint32_t pending = BLOCK_PENDING;

	if (step->kind == STEP_ALLOC)
		return;
	for (unsigned i = 0; i < SPINS; i++) {
		if (is_there(block))
			return;
		relax();
	}
	player->tally.waits++;
	atomic_compare_exchange_strong(&block->state, &pending, BLOCK_AWAITED);
	while (!is_there(block))
		futex(&block->state, FUTEX_WAIT, BLOCK_AWAITED);
}

/* Was there memory for this after all? At rest one block that is large enough proves it. */
static bool failed_wrongly(const struct player *player, unsigned order, unsigned flags)
{
	struct machine_sums sums;

	if (!player->parallel)
		return machine_fitting(player->machine, order, flags) > 0;
	machine_sum(player->machine, &sums);
	return (flags & ROOST_WAIT) &&
	       machine_fitting(player->machine, order, flags) > sums.managed >> AMPLE_SHIFT;
}

static void play_alloc(struct player *player, struct block *block, unsigned flags)
{
	struct tally *tally = &player->tally;

	block->pfn = machine_alloc(player->machine, block->order, flags, block->serial);
	if (block->pfn != ROOST_NONE) {
		tally->allocs++;
		publish(block, BLOCK_LIVE);
		return;
	}
	tally->failed_allocs++;
	tally->failed_by_order[block->order]++;
	tally->wrong_failures += failed_wrongly(player, block->order, flags);
	publish(block, BLOCK_FAILED);
}

static bool play_free(struct player *player, struct block *block, bool nolock)
{
	bool live = atomic_load_explicit(&block->state, memory_order_relaxed) == BLOCK_LIVE;

	if (live)
		machine_free(player->machine, block->pfn, block->order, block->serial, nolock);
	atomic_store_explicit(&block->state, BLOCK_FREED, memory_order_relaxed);
	return live;
}

/* A block that the allocator does not split stays whole. No step frees it, so it counts as lost. */
static void play_split(struct player *player, struct block *block, struct block *halves)
{
	bool live = atomic_load_explicit(&block->state, memory_order_relaxed) == BLOCK_LIVE;

	if (live)
		live = machine_split(player->machine, block->pfn, block->order);
	halves[0].pfn = block->pfn;
	halves[1].pfn = block->pfn + ((roost_pfn)1 << (block->order - 1));
	atomic_store_explicit(&block->state, BLOCK_FREED, memory_order_relaxed);
	player->tally.splits++;
	for (unsigned i = 0; i < 2; i++)
		publish(&halves[i], live ? BLOCK_LIVE : BLOCK_FAILED);
}

void player_step(struct player *player, const struct step *step)
{
	struct block *block = &player->plan->blocks[step->block];

	switch (step->kind) {
	case STEP_ALLOC:
		play_alloc(player, block, step->flags);
		break;
	case STEP_SPLIT:
		play_split(player, block, &player->plan->blocks[step->child]);
		break;
	case STEP_FREE:
		if (play_free(player, block, step->context == TRACE_NMI))
			player->tally.frees++;
		else
			player->tally.frees_of_failed++;
		break;
	case STEP_UNSEEN_FREE:
		play_free(player, block, step->context == TRACE_NMI);
		player->tally.unseen_frees++;
		break;
	}
}

uint64_t tally_operations(const struct tally *tally)
{
	return tally->allocs + tally->failed_allocs + tally->frees + tally->unseen_frees;
}

void tally_add(struct tally *sum, const struct tally *more)
{
	sum->allocs += more->allocs;
	sum->failed_allocs += more->failed_allocs;
	for (unsigned i = 0; i <= ROOST_MAX_ORDER; i++)
		sum->failed_by_order[i] += more->failed_by_order[i];
	sum->wrong_failures += more->wrong_failures;
	sum->frees += more->frees;
	sum->frees_of_failed += more->frees_of_failed;
	sum->unseen_frees += more->unseen_frees;
	sum->splits += more->splits;
	sum->in_handlers += more->in_handlers;
	sum->waits += more->waits;
}
