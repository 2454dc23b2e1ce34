/* SPDX-License-Identifier: MIT */
/* nodes.h - what the pool calls of libnuma, for tests that stand in for it. */
#ifndef TESTS_POOL_NODES_H
#define TESTS_POOL_NODES_H

int numa_available(void);
int numa_max_node(void);
int numa_node_of_cpu(int cpu);
long mbind(void *address, unsigned long bytes, int mode, const unsigned long *nodes,
	   unsigned long most, unsigned flags);

#endif
