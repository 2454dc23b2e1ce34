/* SPDX-License-Identifier: MIT */
/* guest.c - a hypervisor's map of a guest's memory: holes, huge blocks, and a balloon that takes
 * 2 MiB at a time away from the guest. No frame is ever mapped or touched here. */
#include <roost/roost.h>
#include <stdlib.h>
#include <string.h>

#define PFN(address) ((roost_pfn)(address) >> 12)

int main(void)
{
	/* 6 GiB: what a PC has below 640 KiB, up to the devices at 3 GiB, and the rest from 4 GiB
	 * on. The firmware's tables are there, but not to be handed out. */
	struct roost_range map[] = {
		{.start = 0, .end = PFN(0xa0000)},
		{.start = PFN(0x100000), .end = PFN(0xc0000000)},
		{.start = PFN(0x100000000), .end = PFN(0x1c0000000)},
		{.start = PFN(0xbff00000), .end = PFN(0xc0000000), .flags = ROOST_RANGE_RESERVED},
	};
	struct roost_config config = ROOST_CONFIG_INIT;
	struct roost_frame_info info;
	roost_t *guest;

	config.ranges = map;
	config.nr_ranges = sizeof(map) / sizeof(map[0]);
	config.max_order = 18; /* 1 GiB */
	size_t size = roost_metadata_size(&config);
	void *metadata = aligned_alloc(64, size);
	if (!metadata || roost_init(&guest, &config, memset(metadata, 0, size), size))
		return 1;

	/* Huge blocks for the second-level page table. */
	roost_pfn huge = roost_alloc(guest, 18, ROOST_MOVABLE | ROOST_WAIT);
	roost_pfn large = roost_alloc(guest, 9, ROOST_MOVABLE | ROOST_WAIT);
	if (huge == ROOST_NONE || huge % (1 << 18) || large == ROOST_NONE || large % (1 << 9))
		return 1;

	/* The balloon asks for any 2 MiB that are free: they are the host's now. */
	roost_pfn balloon = roost_alloc(guest, 9, ROOST_UNMOVABLE);
	if (balloon == ROOST_NONE)
		return 1;

	/* Or the host wants these very 2 MiB (a failing memory module): set them apart, and wait
	 * until what is in use of them has been freed. */
	if (roost_isolate(guest, large, true))
		return 1;
	roost_free(guest, large, 9);
	roost_drain(guest, -1);
	roost_frame_info(guest, large, &info);
	if (info.state != ROOST_FRAME_FREE_ZONE || info.order != 9)
		return 1;
	for (int i = 0; i < 1000; i++) /* and nobody is given them */
		if (roost_alloc(guest, 9, ROOST_MOVABLE) == large)
			return 1;
	int err = roost_isolate(guest, large, false); /* deflated */

	roost_free(guest, balloon, 9);
	roost_free(guest, huge, 18);
	err |= roost_validate(guest, NULL);
	free(metadata);
	return err ? 1 : 0;
}
