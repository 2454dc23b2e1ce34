/* SPDX-License-Identifier: MIT */
/* numa.c - NUMA nodes by libnuma, if the library was built with it; otherwise one node. */
#include "pool/pool.h"

#if defined(ROOST_NUMA) && ROOST_NUMA
#include <errno.h>
#include <numa.h>
#include <numaif.h>

unsigned rst_numa_nodes(void)
{
	int last = numa_available() < 0 ? 0 : numa_max_node();

	return last < 0 ? 1 : last >= ROOST_MAX_NODES ? ROOST_MAX_NODES : (unsigned)last + 1;
}

unsigned rst_numa_node_of_cpu(unsigned cpu)
{
	int node = numa_node_of_cpu((int)cpu);

	return node < 0 || node >= ROOST_MAX_NODES ? 0 : (unsigned)node;
}

void rst_numa_place(void *address, size_t bytes, unsigned node)
{
	/* Not numa_tonode_memory(), which calls malloc: this may be a handler. The policy is only a
	 * preference: when the node is full, the kernel uses others. */
	unsigned long nodes = 1ul << node;
	int saved = errno;

	mbind(address, bytes, MPOL_PREFERRED, &nodes, sizeof(nodes) * 8 + 1, 0);
	errno = saved;
}
#else
unsigned rst_numa_nodes(void)
{
	return 1;
}

unsigned rst_numa_node_of_cpu(unsigned cpu)
{
	(void)cpu;
	return 0;
}

void rst_numa_place(void *address, size_t bytes, unsigned node)
{
	(void)address;
	(void)bytes;
	(void)node;
}
#endif
