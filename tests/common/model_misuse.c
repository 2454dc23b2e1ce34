/* SPDX-License-Identifier: MIT */
/* model_misuse.c - the model's events that are misuse: it is reported and changes nothing. */
#include "model.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "model_parts.h"

/* The report about a block fits what is known of it. */
static void check_told(const struct model *m, const struct roost_misuse *told, roost_pfn pfn,
		       unsigned order)
{
	const struct shadow *s = &m->rig.shadow;
	unsigned state = shadow_state(s, pfn);
	bool aligned = order <= max_order(m) && !(pfn & ((UINT64_C(1) << order) - 1));

	assert_int_equal(told->pfn, pfn);
	assert_int_equal(told->order_given, order > INT_MAX ? INT_MAX : (int)order);
	if (order > max_order(m))
		assert_int_equal(told->kind, ROOST_MISUSE_BAD_ORDER);
	else if (state == SHADOW_RESERVED)
		assert_true(told->kind == ROOST_MISUSE_HOLE ||
			    told->kind == ROOST_MISUSE_OUT_OF_RANGE ||
			    (!aligned && told->kind == ROOST_MISUSE_MISALIGNED));
	else if (!aligned)
		assert_int_equal(told->kind, ROOST_MISUSE_MISALIGNED);
	else if (state == SHADOW_FREE)
		assert_true(told->kind == ROOST_MISUSE_DOUBLE_FREE ||
			    told->kind == ROOST_MISUSE_NOT_ALLOCATED);
	else
		assert_int_equal(told->kind, state == SHADOW_INSIDE ? ROOST_MISUSE_NOT_ALLOCATED
								    : ROOST_MISUSE_WRONG_ORDER);
	if (state == SHADOW_ODD && told->head_found != ROOST_NONE) {
		assert_int_equal(told->head_found, pfn);
		assert_int_equal(told->order_found, -1);
		assert_int_equal(told->frames_found, shadow_frames(s, pfn));
	} else if (state >= SHADOW_HEAD && told->head_found != ROOST_NONE) {
		assert_int_equal(told->head_found, pfn);
		assert_int_equal(told->order_found, shadow_order(s, pfn));
	}
}

static void one_misuse(struct model *m, const char *call)
{
	if (m->rig.nr_misuse != 1)
		fail_msg("%u misuses were reported, not 1", m->rig.nr_misuse);
	assert_string_equal(m->rig.misuse[0].call, call);
	m->rig.nr_misuse = 0;
}

static roost_pfn foreign_frame(struct model *m)
{
	const roost_pfn end = m->base + MODEL_FRAMES;

	switch (below(m, 6)) {
	case 0:
		return ROOST_NONE;
	case 1:
		return end + below(m, 256);
	case 2:
		return m->base - 1 - below(m, 256);
	case 3:
		return UINT64_C(1) << below(m, 64);
	case 4:
		return end + (UINT64_C(1) << below(m, 64));
	default:
		return m->base + (UINT64_C(1) << 32) * (1 + below(m, 256)) + below(m, MODEL_FRAMES);
	}
}

/* A pfn and an order of which no block is handed out. */
static struct roost_block no_block(struct model *m)
{
	static const unsigned orders[] = {1, 31, 32, 63, 64, 255, 256, INT_MAX, UINT_MAX};
	struct roost_block b = {.order = below(m, 3) ? 0 : model_some_order(m)};
	unsigned how = below(m, 8);

	b.pfn = m->base + below(m, MODEL_FRAMES);
	if (how == 0)
		b.pfn = foreign_frame(m);
	else if (how == 1)
		b.order = orders[below(m, LENGTH(orders))];
	if (how == 1 && b.order <= max_order(m))
		b.order += max_order(m);
	if (how == 2 && m->nr_blocks) /* near one */
		b.pfn = m->blocks[below(m, (unsigned)m->nr_blocks)];
	if (shadow_order(&m->rig.shadow, b.pfn) == (int)b.order)
		b.order++;
	return b;
}

static void wrong_free(struct model *m)
{
	static const char *const calls[] = {"roost_free", "roost_free_nolock", "roost_free_bulk",
					    "roost_free_bulk_nolock"};
	struct roost_block b = no_block(m);
	unsigned way = below(m, 4);

	TELL(m, "wrong %s of pfn %" PRIu64 " order %u", calls[way], b.pfn, b.order);
	if (way == 0)
		roost_free(m->rig.roost, b.pfn, b.order);
	else if (way == 1)
		roost_free_nolock(m->rig.roost, b.pfn, b.order);
	else if (way == 2)
		roost_free_bulk(m->rig.roost, &b, 1);
	else
		roost_free_bulk_nolock(m->rig.roost, &b, 1);
	one_misuse(m, calls[way]);
	check_told(m, &m->rig.misuse[0], b.pfn, b.order);
}

static void wrong_split(struct model *m)
{
	struct roost_block b = no_block(m);
	unsigned to = below(m, b.order < 20 ? b.order + 1 : 20);

	TELL(m, "wrong split of pfn %" PRIu64 " from %u to %u", b.pfn, b.order, to);
	assert_int_equal(roost_split(m->rig.roost, b.pfn, b.order, to), -ROOST_EINVAL);
	one_misuse(m, "roost_split");
	check_told(m, &m->rig.misuse[0], b.pfn, b.order);
}

/* A free of a part of no block; a merge of frames that are not all allocated. */
static void wrong_part(struct model *m)
{
	struct roost_block b = no_block(m);
	bool part = below(m, 2),
	     aligned = b.order <= max_order(m) && !(b.pfn & ((UINT64_C(1) << b.order) - 1));

	if (part && shadow_state(&m->rig.shadow, b.pfn) > SHADOW_FREE && aligned)
		return; /* it may be one */
	if (!part && aligned && shadow_is_made_of_blocks(&m->rig.shadow, b.pfn, b.order))
		return;
	TELL(m, "wrong %s of pfn %" PRIu64 " order %u", part ? "part" : "merge", b.pfn, b.order);
	if (part)
		roost_free_part(m->rig.roost, b.pfn, b.order);
	else
		assert_int_equal(roost_merge(m->rig.roost, b.pfn, b.order), -ROOST_EINVAL);
	assert_int_equal(m->rig.misuse[0].pfn, b.pfn);
	one_misuse(m, part ? "roost_free_part" : "roost_merge");
}

/* The good ones are freed all the same. */
static void bad_one_in_a_batch(struct model *m)
{
	struct roost_block blocks[MODEL_BATCH + 1], bad = no_block(m);
	size_t count = model_pick_some(m, blocks), at = below(m, (unsigned)count + 1);
	bool nolock = below(m, 2);

	/* What it would be misuse of is as it was when the call is made, not after a part of it. */
	for (size_t i = 0; i < count; i++)
		if (blocks[i].pfn <= bad.pfn &&
		    bad.pfn - blocks[i].pfn < UINT64_C(1) << blocks[i].order)
			bad.pfn = ROOST_NONE;
	memmove(blocks + at + 1, blocks + at, (count - at) * sizeof(*blocks));
	blocks[at] = bad;
	TELL(m, "bulk free of %zu%s, one of them wrong: pfn %" PRIu64 " order %u", count + 1,
	     nolock ? " nolock" : "", bad.pfn, bad.order);
	for (size_t i = 0; i <= count; i++)
		if (i != at)
			assert_null(shadow_put(&m->rig.shadow, blocks[i].pfn));
	if (nolock)
		roost_free_bulk_nolock(m->rig.roost, blocks, count + 1);
	else
		roost_free_bulk(m->rig.roost, blocks, count + 1);
	one_misuse(m, nolock ? "roost_free_bulk_nolock" : "roost_free_bulk");
	assert_int_equal(m->rig.misuse[0].pfn, bad.pfn);
}

/* Of a number of frames of which no block is handed out there. */
static void wrong_n(struct model *m)
{
	roost_pfn pfn = no_block(m).pfn;
	uint64_t n = 1 + below(m, 80);
	bool split = below(m, 2);

	if (below(m, 4) == 0)
		n = below(m, 2) ? 0 : UINT64_MAX >> below(m, 40);
	if (n && n < MODEL_FRAMES && rig_size(n) == shadow_frames(&m->rig.shadow, pfn))
		return;
	TELL(m, "wrong %s of pfn %" PRIu64 ", %" PRIu64 " frames", split ? "split" : "free", pfn,
	     n);
	if (split)
		assert_int_equal(roost_split_n(m->rig.roost, pfn, n), -ROOST_EINVAL);
	else
		roost_free_n(m->rig.roost, pfn, n);
	assert_int_equal(m->rig.misuse[0].pfn, pfn);
	assert_int_equal(m->rig.misuse[0].frames_given, n);
	one_misuse(m, split ? "roost_split_n" : "roost_free_n");
}

static unsigned bad_flags(struct model *m)
{
	unsigned nr_zones = roost_nr_zones(m->rig.roost);

	switch (below(m, 4)) {
	case 0:
		return 3;
	case 1:
		return below(m, 2) ? 1u << 24 : ROOST_WAIT | ROOST_ONCE;
	case 2:
		return 1u << (24 + below(m, 8));
	default:
		return ROOST_ZONE(nr_zones + below(m, 255 - nr_zones));
	}
}

static void wrong_alloc(struct model *m)
{
	bool bulk = below(m, 2), by_flags = below(m, 2);
	unsigned flags = by_flags ? bad_flags(m) : below(m, 3), order = model_some_order(m);
	roost_pfn pfns[2];

	if (!by_flags)
		order += max_order(m) + 1;
	if (below(m, 2))
		flags |= ROOST_WAIT;
	TELL(m, "wrong%s alloc order %u flags %#x", bulk ? " bulk" : "", order, flags);
	if (bulk)
		assert_int_equal(roost_alloc_bulk(m->rig.roost, order, flags, pfns, 2), 0);
	else
		assert_int_equal(roost_alloc(m->rig.roost, order, flags), ROOST_NONE);
	one_misuse(m, bulk ? "roost_alloc_bulk" : "roost_alloc");
	assert_int_equal(m->rig.misuse[0].kind,
			 by_flags ? ROOST_MISUSE_BAD_FLAGS : ROOST_MISUSE_BAD_ORDER);
}

/* Calls that return an error and are no misuse. */
static void refused(struct model *m)
{
	unsigned block = below(m, MODEL_BLOCKS), cpu = roost_nr_cpus(m->rig.roost);
	unsigned far = cpu + below(m, 256);
	roost_pfn foreign = foreign_frame(m);
	uint64_t frames[ROOST_PAGEBLOCK_WORDS];

	TELL(m, "what is refused: CPU %u, pfn %" PRIu64 ", block %u", far, foreign, block);
	assert_int_equal(roost_cpu_offline(m->rig.roost, far), -ROOST_EINVAL);
	assert_int_equal(roost_cpu_online(m->rig.roost, far), -ROOST_EINVAL);
	if (foreign - m->base >= MODEL_FRAMES) {
		assert_int_equal(roost_isolate(m->rig.roost, foreign, true), -ROOST_EINVAL);
		assert_int_equal(roost_isolate(m->rig.roost, foreign, false), -ROOST_EINVAL);
		assert_int_equal(roost_order(m->rig.roost, foreign), -1);
		assert_int_equal(roost_alloc_rest(m->rig.roost, foreign, frames), 0);
		assert_int_equal(roost_take_range(m->rig.roost, foreign, 1 + below(m, 9)),
				 -ROOST_EINVAL);
	}
	if (model_can_isolate(m, block))
		assert_int_equal(
			roost_isolate(m->rig.roost, model_middle(m, block), m->apart[block]),
			-ROOST_EINVAL);
	rig_expect_none(&m->rig);
}

void model_misuse(struct model *m)
{
	unsigned what = below(m, 8);

	if (what == 0)
		refused(m);
	else if (what == 1)
		wrong_alloc(m);
	else if (m->rig.config.check_level == ROOST_CHECK_NONE)
		return;
	else if (what == 2)
		below(m, 3) == 0 ? wrong_n(m) : below(m, 2) ? wrong_split(m) : wrong_part(m);
	else if (what == 3)
		bad_one_in_a_batch(m);
	else
		wrong_free(m);
}
