/* SPDX-License-Identifier: MIT */
/* pool.c - memory of a program in blocks of one page and more, given back when it is free. */
#include <roost/pool.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	roost_pool_t *pool;

	config.limit = (size_t)1 << 30; /* address space; memory comes as it is written to */
	if (roost_pool_create(&pool, &config))
		return 1;

	char *block = roost_pool_alloc(pool, 100000, ROOST_WAIT);
	if (!block)
		return 1;
	memset(block, 1, 100000);
	printf("%zu bytes for 100000\n", roost_pool_usable_size(block));
	roost_pool_free(block); /* from any thread, any signal handler; the pool is found */
	printf("%zu bytes go back to the system\n", roost_pool_trim(pool));
	roost_pool_destroy(pool);
	return 0;
}
