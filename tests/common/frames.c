/* SPDX-License-Identifier: MIT */
/* frames.c - real memory behind the frames; see frames.h. */
#define _GNU_SOURCE
#include "frames.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct stamp {
	uint64_t pfn;
	uint64_t holder;
};

bool frames_open(struct frames *frames, roost_pfn first, uint64_t count)
{
	memset(frames, 0, sizeof(*frames));
	frames->first = first;
	frames->count = count;
	frames->holder = calloc(count, sizeof(*frames->holder));
	frames->memory = mmap(NULL, count * FRAMES_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return frames->holder && frames->memory != MAP_FAILED;
}

void frames_close(struct frames *frames)
{
	munmap(frames->memory, frames->count * FRAMES_SIZE);
	free(frames->holder);
}

void frames_say(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
}

void frames_say_number(uint64_t number)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = 0;
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	frames_say(at);
}

_Noreturn void frames_fault(const char *what, uint64_t a, uint64_t b)
{
	frames_say("FAULT: ");
	frames_say(what);
	frames_say(" (");
	frames_say_number(a);
	frames_say(", ");
	frames_say_number(b);
	frames_say(")\n");
	_exit(1);
}

static struct stamp *stamp_at(const struct frames *frames, uint64_t i, bool last)
{
	char *frame = frames->memory + i * FRAMES_SIZE;

	return (struct stamp *)(void *)(last ? frame + FRAMES_SIZE - sizeof(struct stamp) : frame);
}

static void check_stamp(const struct frames *frames, uint64_t i, bool last, uint32_t holder)
{
	const struct stamp *stamp = stamp_at(frames, i, last);

	if (stamp->pfn != frames->first + i || stamp->holder != holder)
		frames_fault("stamp overwritten: frame, holder", frames->first + i, holder);
}

static uint64_t index_of(const struct frames *frames, roost_pfn pfn, unsigned order)
{
	uint64_t size = UINT64_C(1) << order;

	if (pfn < frames->first || pfn - frames->first >= frames->count ||
	    frames->count - (pfn - frames->first) < size)
		frames_fault("block outside of the memory: pfn, order", pfn, order);
	if (pfn & (size - 1))
		frames_fault("block not aligned: pfn, order", pfn, order);
	return pfn - frames->first;
}

void frames_take(struct frames *frames, roost_pfn pfn, unsigned order, uint32_t holder)
{
	uint64_t first = index_of(frames, pfn, order), size = UINT64_C(1) << order;

	for (uint64_t i = first; i < first + size; i++) {
		uint32_t other =
			atomic_exchange_explicit(&frames->holder[i], holder, memory_order_relaxed);

		if (other)
			frames_fault("frame handed out twice: pfn, first holder", frames->first + i,
				     other);
		for (int last = 0; last < 2; last++)
			*stamp_at(frames, i, last) = (struct stamp){frames->first + i, holder};
	}
	atomic_fetch_add_explicit(&frames->taken, size, memory_order_relaxed);
}

void frames_give(struct frames *frames, roost_pfn pfn, unsigned order)
{
	uint64_t first = index_of(frames, pfn, order), size = UINT64_C(1) << order;
	uint32_t holder = atomic_load_explicit(&frames->holder[first], memory_order_relaxed);

	for (uint64_t i = first; i < first + size; i++) {
		check_stamp(frames, i, false, holder);
		check_stamp(frames, i, true, holder);
		if (atomic_exchange_explicit(&frames->holder[i], 0, memory_order_relaxed) !=
			    holder ||
		    !holder)
			frames_fault("frame given back by two: pfn, holder", frames->first + i,
				     holder);
	}
	atomic_fetch_sub_explicit(&frames->taken, size, memory_order_relaxed);
}
