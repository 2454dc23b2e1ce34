/* SPDX-License-Identifier: MIT */
/*
 * count.pml - somebody adds up the counters of all CPUs while they allocate and free.
 *
 * Stands for: count(), put() of free.c; rst_from_zone(), alloc_fast(): the count of an allocation
 * behind the take; rst_zone_free_frames() of inspect.c.
 * Says: the sum is never lower than the number of frames in the sets at some instant during the
 * call, so a sum of 0 is the proof with which an allocation of order 0 that may wait fails.
 * Two CPUs, each of which allocates or frees 3 times; each may free what the other had.
 * Leaves out: orders above 0; isolated pageblocks, whose frames usable() counts between the two.
 *
 * check: right BUG_FREE_COUNTED_AFTER_PUT BUG_ALLOCATION_COUNTED_BEFORE_TAKE BUG_FREES_ADDED_FIRST
 */
#define FRAMES 2
#define WHEN(c, s) if :: c -> s :: else fi

byte in_set = FRAMES, held, allocated[2], freed[2];
byte least = FRAMES;	/* ghost: the fewest in the set since the sum began */

proctype cpu(bit id)
{
	byte turns;

	do
	:: turns < 3 ->
#ifdef BUG_ALLOCATION_COUNTED_BEFORE_TAKE
		allocated[id]++;
		if
		:: atomic { in_set -> in_set--; held++; WHEN(in_set < least, least = in_set) }
		:: else -> allocated[id]--
		fi;
#else
		if
		:: atomic { in_set -> in_set--; held++; WHEN(in_set < least, least = in_set) };
			allocated[id]++
		:: else
		fi;
#endif
		turns++
	:: turns < 3 ->
		if
		:: atomic { held -> held-- };
#ifdef BUG_FREE_COUNTED_AFTER_PUT
			in_set++;
			freed[id]++
#else
			freed[id]++;
			in_set++
#endif
		:: else
		fi;
		turns++
	:: turns == 3 -> break
	od
}

proctype sums()
{
	byte had, back;

	atomic { least = in_set };
#ifdef BUG_FREES_ADDED_FIRST
	back = freed[0]; back = back + freed[1];
	had = allocated[0]; had = had + allocated[1];
#else
	had = allocated[0]; had = had + allocated[1];
	back = freed[0]; back = back + freed[1];
#endif
	assert(FRAMES - had + back >= least)
}

init { atomic { run cpu(0); run cpu(1); run sums() } }
