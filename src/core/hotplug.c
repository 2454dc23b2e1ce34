/* SPDX-License-Identifier: MIT */
/* hotplug.c - see hotplug.h. */
#include "core/base.h"

/* struct roost begins with its base. */
static struct rst_base *writable_base(roost_t *roost)
{
	return (struct rst_base *)(void *)roost;
}

/* ---- The word ------------------------------------------------------------------------------ */

static bool enter_change(struct rst_base *base)
{
	uint32_t idle = RST_HOTPLUG_IDLE;

	rst_lock_note(+1);
	/* Acquire: what the last holder wrote to the zone's description and to this one. */
	if (rst_cas32_acq(&base->hotplug.state, &idle, RST_HOTPLUG_BUSY))
		return true;
	rst_lock_note(-1);
	return false;
}

static void leave_change(struct rst_base *base)
{
	rst_store_rel(&base->hotplug.state, RST_HOTPLUG_IDLE);
	rst_lock_note(-1);
}

/* ---- What a caller names ------------------------------------------------------------------- */

static bool are_holes(const roost_t *roost, rst_frame_id f, rst_frame_id end)
{
	while (f < end && rst_engine_is_hole(roost, f))
		f++;
	return f >= end;
}

/* Is there nothing else of the zone in the pageblocks in which the range begins and ends? */
static bool has_pageblocks(const roost_t *roost, const struct rst_hotplug_range *range)
{
	const struct rst_span *span = range->span;
	rst_frame_id first = range->first * RST_PAGEBLOCK, start = rst_frame_of(span, range->start);
	rst_frame_id last = rst_frame_of(span, range->end - 1);
	rst_frame_id end = range->last * RST_PAGEBLOCK + (RST_PAGEBLOCK - 1);

	if (first < rst_frame_of(span, span->start))
		first = rst_frame_of(span, span->start);
	if (end > rst_frame_of(span, span->end - 1))
		end = rst_frame_of(span, span->end - 1);
	return are_holes(roost, first, start) && are_holes(roost, last + 1, end + 1);
}

static bool read_range(const roost_t *roost, const struct rst_base *base, roost_pfn pfn, uint64_t n,
		       struct rst_hotplug_range *range)
{
	const struct rst_span *span = rst_span_of_frames(&base->map, pfn, n);

	if (!span)
		return false;
	*range = (struct rst_hotplug_range){
		.span = span,
		.start = pfn,
		.end = pfn + n,
		.first = rst_frame_of(span, pfn) / RST_PAGEBLOCK,
		.last = rst_frame_of(span, pfn + n - 1) / RST_PAGEBLOCK,
	};
	range->reserve = range->last + 1;
	return has_pageblocks(roost, range);
}

/* Is any pageblock of the range present, or absent? */
static bool is_any(const struct rst_base *base, const struct rst_hotplug_range *range, bool present)
{
	for (uint32_t b = range->first; b <= range->last; b++)
		if (rst_is_present(base, b) == present)
			return true;
	return false;
}

/* Is any pageblock a pool's that it has not brought in yet? */
static bool is_unbrought(const struct rst_base *base, const struct rst_hotplug_range *range)
{
	for (uint32_t b = range->first; base->brings && b <= range->last; b++)
		if (!rst_was_brought(base, b))
			return true;
	return false;
}

/* Holes of absent memory are where its ranges begin and end. */
static bool has_hole(const roost_t *roost, const struct rst_base *base,
		     const struct rst_hotplug_range *range)
{
	rst_frame_id start = rst_frame_of(range->span, range->start);
	rst_frame_id last = rst_frame_of(range->span, range->end - 1);

	for (uint32_t b = range->first; b <= range->last; b++) {
		rst_frame_id low = b * RST_PAGEBLOCK, high = low + (RST_PAGEBLOCK - 1);

		if (!(base->odd[b / 64] & rst_hotplug_bit(b)))
			continue; /* its records stay untouched */
		if (rst_engine_is_hole(roost, low < start ? start : low) ||
		    rst_engine_is_hole(roost, high > last ? last : high))
			return true;
	}
	return false;
}

/* ---- The change ---------------------------------------------------------------------------- */

/* The bits of pageblocks [first, last] in a word. */
static uint64_t bits_of_word(uint32_t first, uint32_t last, uint32_t word)
{
	uint64_t bits = ~(uint64_t)0;

	if (word == first / 64)
		bits &= ~(uint64_t)0 << first % 64;
	if (word == last / 64)
		bits &= ~(uint64_t)0 >> (63 - last % 64);
	return bits;
}

void rst_hotplug_set(_Atomic uint64_t *set, uint32_t first, uint32_t last, bool on)
{
	for (uint32_t i = first / 64; i <= last / 64; i++)
		if (on)
			rst_or_sc(&set[i], bits_of_word(first, last, i));
		else
			rst_and_sc(&set[i], ~bits_of_word(first, last, i));
}

static void carry_out(struct rst_base *base, uint32_t what)
{
	const struct rst_hotplug *h = &base->hotplug;

	h->desc->reserve = h->reserve;
	rst_zone_set_marks(h->desc);
	rst_hotplug_set(base->present, h->first, h->last, what == RST_HOTPLUG_ADD);
}

void rst_hotplug_commit(struct rst_base *base, struct rst_zone_desc *desc,
			const struct rst_hotplug_range *range, uint32_t what)
{
	struct rst_hotplug *h = &base->hotplug;

	h->first = range->first;
	h->last = range->last;
	h->desc = desc;
	h->reserve = desc->reserve;
	if (range->reserve <= range->last) {
		roost_pfn first = rst_pfn_of(range->span, range->reserve * RST_PAGEBLOCK);

		h->reserve += range->end - (first > range->start ? first : range->start);
	}
	/* Release: a sum that has it sees what came before; see rst_zone_gone() of the engine. */
	rst_add_rel(what == RST_HOTPLUG_ADD ? &desc->added : &desc->removed,
		    range->end - range->start);
	/* Release: a recovery that sees the state sees what is to be done. */
	rst_store_rel(&h->state, what);
	carry_out(base, what);
}

void rst_hotplug_recover(struct rst_base *base)
{
	uint32_t what = rst_load_acq(&base->hotplug.state);

	if (what == RST_HOTPLUG_ADD || what == RST_HOTPLUG_REMOVE)
		carry_out(base, what);
	rst_store_rel(&base->hotplug.state, RST_HOTPLUG_IDLE);
}

/* ---- Interface ----------------------------------------------------------------------------- */

/* As much of the end of what is added as the reserve lacks. */
static void choose_reserve(const struct rst_zone_desc *desc, struct rst_hotplug_range *range)
{
	roost_pfn end = range->end;
	uint64_t held = desc->reserve;

	while (held < desc->min && range->reserve > range->first) {
		roost_pfn start = rst_pfn_of(range->span, --range->reserve * RST_PAGEBLOCK);

		if (start < range->start)
			start = range->start;
		held += end - start;
		end = start;
	}
}

int roost_add_range(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	struct rst_base *base = writable_base(roost);
	struct rst_hotplug_range range;
	int err = 0;

	if (!read_range(roost, base, pfn, n, &range))
		return -ROOST_EINVAL;
	if (!enter_change(base))
		return -ROOST_EAGAIN;
	if (is_any(base, &range, true))
		err = -ROOST_EEXIST;
	else if (has_hole(roost, base, &range) || is_unbrought(base, &range))
		err = -ROOST_EINVAL;
	if (!err) {
		choose_reserve(rst_engine_zone(roost, range.span->zone), &range);
		err = rst_engine_add(roost, &range);
	}
	leave_change(base);
	if (!err)
		rst_engine_pressure(roost, range.span->zone);
	return err;
}

int roost_remove_range(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	struct rst_base *base = writable_base(roost);
	struct rst_hotplug_range range;
	int err;

	if (!read_range(roost, base, pfn, n, &range))
		return -ROOST_EINVAL;
	if (!enter_change(base))
		return -ROOST_EAGAIN;
	err = is_any(base, &range, false) ? -ROOST_ENOENT : rst_engine_remove(roost, &range);
	leave_change(base);
	if (!err)
		rst_engine_pressure(roost, range.span->zone);
	return err;
}
