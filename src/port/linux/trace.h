/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The tracepoints, in the group "roost". Most are the engines' probes; docs/tracing.md says when
 * each fires. pfns are the engine's own: see chunks.c.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM roost

#if !defined(RST_LINUX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define RST_LINUX_TRACE_H

#include <linux/tracepoint.h>

#include "roost/roost.h"

/* Laid out as the kernel lays them out. */
/* clang-format off */
TRACE_EVENT(roost_alloc, TP_PROTO(u64 pfn, unsigned int order), TP_ARGS(pfn, order),
	TP_STRUCT__entry(__field(u64, pfn) __field(unsigned int, order)),
	TP_fast_assign(__entry->pfn = pfn; __entry->order = order;),
	TP_printk("pfn=0x%llx order=%u", __entry->pfn, __entry->order)
);

TRACE_EVENT(roost_alloc_failed, TP_PROTO(unsigned int order, unsigned int type, bool wait),
	TP_ARGS(order, type, wait),
	TP_STRUCT__entry(__field(unsigned int, order) __field(unsigned int, type)
		__field(bool, wait)),
	TP_fast_assign(__entry->order = order; __entry->type = type; __entry->wait = wait;),
	TP_printk("order=%u migratetype=%u wait=%d", __entry->order, __entry->type, __entry->wait)
);

TRACE_EVENT(roost_free, TP_PROTO(u64 pfn, unsigned int order), TP_ARGS(pfn, order),
	TP_STRUCT__entry(__field(u64, pfn) __field(unsigned int, order)),
	TP_fast_assign(__entry->pfn = pfn; __entry->order = order;),
	TP_printk("pfn=0x%llx order=%u", __entry->pfn, __entry->order)
);

TRACE_EVENT(roost_free_remote, TP_PROTO(unsigned int home, unsigned int order, u64 blocks),
	TP_ARGS(home, order, blocks),
	TP_STRUCT__entry(__field(unsigned int, home) __field(unsigned int, order)
		__field(u64, blocks)),
	TP_fast_assign(__entry->home = home; __entry->order = order; __entry->blocks = blocks;),
	TP_printk("home=%u order=%u blocks=%llu", __entry->home, __entry->order, __entry->blocks)
);

TRACE_EVENT(roost_free_fallback, TP_PROTO(unsigned int owner, unsigned int order),
	TP_ARGS(owner, order),
	TP_STRUCT__entry(__field(unsigned int, owner) __field(unsigned int, order)),
	TP_fast_assign(__entry->owner = owner; __entry->order = order;),
	TP_printk("owner=%u order=%u", __entry->owner, __entry->order)
);

TRACE_EVENT(roost_zone_lock, TP_PROTO(unsigned int zone, bool wait), TP_ARGS(zone, wait),
	TP_STRUCT__entry(__field(unsigned int, zone) __field(bool, wait)),
	TP_fast_assign(__entry->zone = zone; __entry->wait = wait;),
	TP_printk("zone=%u wait=%d", __entry->zone, __entry->wait)
);

DECLARE_EVENT_CLASS(roost_pageblock, TP_PROTO(unsigned int cpu, u64 pfn, unsigned int type),
	TP_ARGS(cpu, pfn, type),
	TP_STRUCT__entry(__field(unsigned int, cpu) __field(u64, pfn)
		__field(unsigned int, type)),
	TP_fast_assign(__entry->cpu = cpu; __entry->pfn = pfn; __entry->type = type;),
	TP_printk("cpu=%u pfn=0x%llx migratetype=%u", __entry->cpu, __entry->pfn, __entry->type)
);

DEFINE_EVENT(roost_pageblock, roost_claim, TP_PROTO(unsigned int cpu, u64 pfn, unsigned int type),
	TP_ARGS(cpu, pfn, type));

DEFINE_EVENT(roost_pageblock, roost_steal, TP_PROTO(unsigned int cpu, u64 pfn, unsigned int type),
	TP_ARGS(cpu, pfn, type));

TRACE_EVENT(roost_reap, TP_PROTO(unsigned int zone, unsigned int cpu, bool done),
	TP_ARGS(zone, cpu, done),
	TP_STRUCT__entry(__field(unsigned int, zone) __field(unsigned int, cpu)
		__field(bool, done)),
	TP_fast_assign(__entry->zone = zone; __entry->cpu = cpu; __entry->done = done;),
	TP_printk("zone=%u cpu=%u done=%d", __entry->zone, __entry->cpu, __entry->done)
);

TRACE_EVENT(roost_drain, TP_PROTO(unsigned int cpu, u64 frames), TP_ARGS(cpu, frames),
	TP_STRUCT__entry(__field(unsigned int, cpu) __field(u64, frames)),
	TP_fast_assign(__entry->cpu = cpu; __entry->frames = frames;),
	TP_printk("cpu=%u frames=%llu", __entry->cpu, __entry->frames)
);

TRACE_EVENT(roost_misuse, TP_PROTO(unsigned int kind, u64 pfn, int order, const char *call),
	TP_ARGS(kind, pfn, order, call),
	TP_STRUCT__entry(__field(unsigned int, kind) __field(u64, pfn) __field(int, order)
		__array(char, call, 32)),
	TP_fast_assign(__entry->kind = kind; __entry->pfn = pfn; __entry->order = order;
		strscpy(__entry->call, call, sizeof(__entry->call));),
	TP_printk("kind=%u pfn=0x%llx order=%d call=%s", __entry->kind, __entry->pfn,
		__entry->order, __entry->call)
);

TRACE_EVENT(roost_object_misuse, TP_PROTO(const char *call, const void *object, const char *what,
	const char *cache),
	TP_ARGS(call, object, what, cache),
	TP_STRUCT__entry(__array(char, call, 32) __field(const void *, object)
		__array(char, what, 64) __array(char, cache, 32)),
	TP_fast_assign(strscpy(__entry->call, call, sizeof(__entry->call));
		__entry->object = object; strscpy(__entry->what, what, sizeof(__entry->what));
		strscpy(__entry->cache, cache, sizeof(__entry->cache));),
	TP_printk("call=%s object=%px cache=\"%s\" what=\"%s\"", __entry->call, __entry->object,
		__entry->cache, __entry->what)
);

DECLARE_EVENT_CLASS(roost_slab, TP_PROTO(const char *cache, unsigned long slab, int n),
	TP_ARGS(cache, slab, n),
	TP_STRUCT__entry(__array(char, cache, 32) __field(unsigned long, slab) __field(int, n)),
	TP_fast_assign(strscpy(__entry->cache, cache, sizeof(__entry->cache));
		__entry->slab = slab; __entry->n = n;),
	TP_printk("cache=\"%s\" slab=0x%lx n=%d", __entry->cache, __entry->slab, __entry->n)
);

DEFINE_EVENT(roost_slab, roost_slab_new, TP_PROTO(const char *cache, unsigned long slab, int n),
	TP_ARGS(cache, slab, n));

DEFINE_EVENT(roost_slab, roost_slab_release,
	TP_PROTO(const char *cache, unsigned long slab, int n), TP_ARGS(cache, slab, n));

DEFINE_EVENT(roost_slab, roost_slab_steal, TP_PROTO(const char *cache, unsigned long slab, int n),
	TP_ARGS(cache, slab, n));

/* What the engine counts, when and where. The counter is the number of the line in debugfs's stats,
 * from 0. */
TRACE_EVENT(roost_count, TP_PROTO(unsigned int counter, u64 n), TP_ARGS(counter, n),
	TP_STRUCT__entry(__field(unsigned int, counter) __field(u64, n)),
	TP_fast_assign(__entry->counter = counter; __entry->n = n;),
	TP_printk("counter=%u n=%llu", __entry->counter, __entry->n)
);

/* Of the port: a chunk comes from the kernel, or goes back to it. */
DECLARE_EVENT_CLASS(roost_chunk, TP_PROTO(u64 pfn, unsigned long kernel_pfn),
	TP_ARGS(pfn, kernel_pfn),
	TP_STRUCT__entry(__field(u64, pfn) __field(unsigned long, kernel_pfn)),
	TP_fast_assign(__entry->pfn = pfn; __entry->kernel_pfn = kernel_pfn;),
	TP_printk("pfn=0x%llx kernel_pfn=0x%lx", __entry->pfn, __entry->kernel_pfn)
);

DEFINE_EVENT(roost_chunk, roost_grow, TP_PROTO(u64 pfn, unsigned long kernel_pfn),
	TP_ARGS(pfn, kernel_pfn));

DEFINE_EVENT(roost_chunk, roost_shrink, TP_PROTO(u64 pfn, unsigned long kernel_pfn),
	TP_ARGS(pfn, kernel_pfn));
/* clang-format on */

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
