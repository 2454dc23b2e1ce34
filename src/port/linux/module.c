// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * module.c - roost.ko: the engine as a module of Linux, for other modules (roost/linux.h).
 *
 * CPUs. One that goes off-line is marked dead when it is gone, so that its pages go to the zone;
 * before one comes, it is made known. What another CPU frees meanwhile goes where the engine says.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mmzone.h>

#include "linux.h"
#include "roost/pcpbuddy.h"

static unsigned int limit_mb;
module_param(limit_mb, uint, 0444);
MODULE_PARM_DESC(
	limit_mb,
	"MiB that may be taken from the kernel, shared by the nodes (0: a quarter of all)");

/* 10: a block of order 9 that is freed would be kept on a pcp by pcpbuddy; what is to be claimed
 * as a pageblock has to come by the zone. */
static unsigned int chunk_order = ROOST_DEFAULT_MAX_ORDER;
module_param(chunk_order, uint, 0444);
MODULE_PARM_DESC(chunk_order,
		 "pages of a chunk, as a power of two: 9 or 10; also the largest order");

static unsigned int initial = 2;
module_param(initial, uint, 0444);
MODULE_PARM_DESC(initial, "chunks to begin with");

static unsigned int check_level = ROOST_CHECK_STATE;
module_param(check_level, uint, 0444);
MODULE_PARM_DESC(check_level, "how much is checked, 0 to 3: see roost.h");

static char *free_path = "trylock";
module_param(free_path, charp, 0444);
MODULE_PARM_DESC(free_path, "of the engine pcpbuddy: trylock, llist"
#if ROOST_LAB
			    ", blocking"
#endif
);

static const char *const free_paths[] = {
	[ROOST_FREE_TRYLOCK] = "trylock",
	[ROOST_FREE_LLIST] = "llist",
	[ROOST_FREE_BLOCKING] = "blocking",
};

/* If there are more than the engine can tell apart, some share. */
static unsigned int nr_cpus(void)
{
	return min_t(unsigned int, nr_cpu_ids, ROOST_MAX_CPUS);
}

/* ---- Hooks --------------------------------------------------------------------------------- */

static void on_misuse(void *context, const struct roost_misuse *misuse)
{
	rst_misuse("%s: pfn 0x%llx, order %d: %s; found: order %d from 0x%llx", misuse->call,
		   misuse->pfn, misuse->order_given, roost_misuse_name(misuse->kind),
		   misuse->order_found, misuse->head_found);
}

static void on_pressure(void *context, unsigned int zone, u64 free_frames)
{
	rst_balance_want_more();
}

/* ---- CPUs ---------------------------------------------------------------------------------- */

static int cpu_comes(unsigned int cpu)
{
	return roost_cpu_online(rst_chunks.roost, cpu % nr_cpus());
}

static int cpu_is_gone(unsigned int cpu)
{
	return cpu < ROOST_MAX_CPUS ? roost_cpu_offline(rst_chunks.roost, cpu) : 0;
}

static int hotplug_state;

static int watch_cpus(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus(); cpu++)
		cpu_is_gone(cpu);
	hotplug_state = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "roost:prepare", cpu_comes,
					  cpu_is_gone); /* calls it for those that are there */
	return hotplug_state < 0 ? hotplug_state : 0;
}

/* ---- Start and end ------------------------------------------------------------------------- */

static unsigned long slots(void)
{
	unsigned long pages =
		limit_mb ? (unsigned long)limit_mb << (20 - PAGE_SHIFT) : totalram_pages() / 4;

	return pages >> chunk_order;
}

static bool are_parameters_good(void)
{
	unsigned long least = 4ul * (unsigned long)num_node_state(N_NORMAL_MEMORY);

	if (match_string(free_paths, ARRAY_SIZE(free_paths), free_path) < 0) {
		pr_err("roost: free_path=%s: there is no such path; see modinfo\n", free_path);
		return false;
	}
	if (chunk_order < ROOST_PAGEBLOCK_ORDER || chunk_order > 10) {
		pr_err("roost: chunk_order=%u: must be 9 or 10\n", chunk_order);
		return false;
	}
	if (slots() > U32_MAX >> chunk_order) {
		pr_err("roost: limit_mb=%u: must be below %u\n", limit_mb,
		       1u << (32 + PAGE_SHIFT - 20));
		return false;
	}
	if (slots() < least) {
		pr_err("roost: limit_mb=%u: must be at least %lu here, or 0\n", limit_mb,
		       least << chunk_order >> (20 - PAGE_SHIFT));
		return false;
	}
	return true;
}

static int __init roost_start(void)
{
	struct roost_config config = ROOST_CONFIG_INIT;
	struct roost_pcpbuddy_config own = {0};
	int err;

	if (!are_parameters_good())
		return -EINVAL;
	config.nr_cpus = ROOST_SMP ? nr_cpus() : 1;
	config.check_level = check_level;
	own.free_path =
		(enum roost_free_path)match_string(free_paths, ARRAY_SIZE(free_paths), free_path);
	if (ROOST_PCPBUDDY)
		config.pcpbuddy = &own;
	config.misuse = on_misuse;
	config.pressure = on_pressure;
	err = rst_chunks_init(&config, chunk_order, slots());
	if (err)
		return err;
	err = watch_cpus();
	if (err)
		goto no_cpus;
	err = rst_balance_start(initial);
	if (err)
		goto no_balance;
	rst_report_init();
	pr_info("roost: %s, %lu chunks of %lu KiB at most\n", roost_build_config(),
		rst_chunks.all_slots, PAGE_SIZE / 1024 << chunk_order);
	return 0;

no_balance:
	cpuhp_remove_state_nocalls(hotplug_state);
no_cpus:
	rst_misuse_stop();
	rst_chunks_exit();
	return err;
}
module_init(roost_start);

static void __exit roost_end(void)
{
	rst_report_exit();
	rst_balance_stop();
	rst_caches_exit(); /* no shrinker looks at them any more */
	cpuhp_remove_state_nocalls(hotplug_state);
	rst_misuse_stop();
	rst_chunks_exit();
}
module_exit(roost_end);

/* The engine, for modules with memory of their own or further questions. */
EXPORT_SYMBOL_GPL(roost_strerror);
EXPORT_SYMBOL_GPL(roost_version);
EXPORT_SYMBOL_GPL(roost_build_config);
EXPORT_SYMBOL_GPL(roost_misuse_name);
EXPORT_SYMBOL_GPL(roost_config_error);
EXPORT_SYMBOL_GPL(roost_metadata_size);
EXPORT_SYMBOL_GPL(roost_init);
EXPORT_SYMBOL_GPL(roost_alloc);
EXPORT_SYMBOL_GPL(roost_alloc_bulk);
EXPORT_SYMBOL_GPL(roost_alloc_n);
EXPORT_SYMBOL_GPL(roost_alloc_rest);
EXPORT_SYMBOL_GPL(roost_take_range);
EXPORT_SYMBOL_GPL(roost_add_range);
EXPORT_SYMBOL_GPL(roost_remove_range);
EXPORT_SYMBOL_GPL(roost_take_rest);
EXPORT_SYMBOL_GPL(roost_order);
EXPORT_SYMBOL_GPL(roost_frames);
EXPORT_SYMBOL_GPL(roost_free_order);
EXPORT_SYMBOL_GPL(roost_may_alloc);
EXPORT_SYMBOL_GPL(roost_free);
EXPORT_SYMBOL_GPL(roost_free_nolock);
EXPORT_SYMBOL_GPL(roost_free_n);
EXPORT_SYMBOL_GPL(roost_free_bulk);
EXPORT_SYMBOL_GPL(roost_free_bulk_nolock);
EXPORT_SYMBOL_GPL(roost_split);
EXPORT_SYMBOL_GPL(roost_split_n);
EXPORT_SYMBOL_GPL(roost_free_part);
EXPORT_SYMBOL_GPL(roost_merge);
EXPORT_SYMBOL_GPL(roost_cpu_offline);
EXPORT_SYMBOL_GPL(roost_cpu_online);
EXPORT_SYMBOL_GPL(roost_drain);
EXPORT_SYMBOL_GPL(roost_isolate);
EXPORT_SYMBOL_GPL(roost_alloc_range);
EXPORT_SYMBOL_GPL(roost_compact);
EXPORT_SYMBOL_GPL(roost_compact_end);
EXPORT_SYMBOL_GPL(roost_validate);
EXPORT_SYMBOL_GPL(roost_stats);
EXPORT_SYMBOL_GPL(roost_zone_info);
EXPORT_SYMBOL_GPL(roost_free_frames);
EXPORT_SYMBOL_GPL(roost_pcp_info);
EXPORT_SYMBOL_GPL(roost_frame_info);
EXPORT_SYMBOL_GPL(roost_pageblock_info);
EXPORT_SYMBOL_GPL(roost_recover);
EXPORT_SYMBOL_GPL(roost_dump);
EXPORT_SYMBOL_GPL(roost_nr_zones);
EXPORT_SYMBOL_GPL(roost_nr_cpus);
EXPORT_SYMBOL_GPL(roost_max_order);
#if ROOST_PCPBUDDY
EXPORT_SYMBOL_GPL(roost_pcpbuddy_stats);
EXPORT_SYMBOL_GPL(roost_pcpbuddy_pcp_info);
#endif

MODULE_DESCRIPTION("A page allocator whose free never waits");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION(ROOST_VERSION_STRING);
