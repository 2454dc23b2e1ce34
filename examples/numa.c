/* SPDX-License-Identifier: MIT */
/* numa.c - two nodes with a zone each, four CPUs; which zone serves which CPU, and what happens
 * when one's own node is full. */
#include <roost/posix.h>
#include <roost/roost.h>
#include <stdlib.h>
#include <string.h>

enum { EACH = 8192 }; /* frames of a node */

static int node_of(roost_pfn pfn)
{
	return pfn == ROOST_NONE ? -1 : pfn >= EACH;
}

int main(void)
{
	struct roost_range map[] = {{.end = EACH, .zone = 0},
				    {.start = EACH, .end = 2 * EACH, .zone = 1}};
	struct roost_zone_config zones[] = {{.name = "node0"}, {.name = "node1", .node = 1}};
	const uint8_t cpu_node[] = {0, 0, 1, 1};
	const uint8_t order[] = {0, 1, /* a CPU on node 0: zone 0, then zone 1 */
				 1, 0};
	struct roost_config config = ROOST_CONFIG_INIT;
	unsigned here = 0, there = 0;
	roost_t *frames;

	config.ranges = map;
	config.nr_ranges = 2;
	config.zones = zones;
	config.nr_zones = 2;
	config.zone_order = order;
	config.nr_cpus = 4;
	config.cpu_node = cpu_node;
	size_t size = roost_metadata_size(&config);
	void *metadata = aligned_alloc(64, size);
	if (!metadata || roost_init(&frames, &config, memset(metadata, 0, size), size))
		return 1;

	/* A kernel's port knows the CPU; this thread says which one it plays. */
	roost_posix_set_cpu(0);
	if (node_of(roost_alloc(frames, 0, ROOST_WAIT)) != 0)
		return 1;
	roost_posix_set_cpu(3);
	if (node_of(roost_alloc(frames, 0, ROOST_WAIT)) != 1 ||
	    node_of(roost_alloc(frames, 0, ROOST_WAIT | ROOST_NODE(0))) != 0)
		return 1;

	/* All of node 1 and no more; then the other node's, unless that is not wanted. */
	while (roost_alloc(frames, 0, ROOST_WAIT | ROOST_THISNODE) != ROOST_NONE)
		here++;
	for (roost_pfn pfn; (pfn = roost_alloc(frames, 0, ROOST_WAIT)) != ROOST_NONE; there++)
		if (node_of(pfn) != 0)
			return 1;
	int err = roost_validate(frames, NULL);
	free(metadata);
	return err || here != EACH - 1 || there != EACH - 2;
}
