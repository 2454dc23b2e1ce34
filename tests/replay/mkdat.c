/* SPDX-License-Identifier: MIT */
/*
 * mkdat.c - turns a trace as text into a trace.dat: mkdat < TEXT > DAT
 *
 * So the tests have a trace.dat without a kernel to record one. It is what trace-cmd 2 writes
 * (version 6): headings, the formats of the events as a 6.1 kernel describes them, and for each
 * CPU the pages of its ring buffer. The lines are read with the tool's own reader; that the result
 * is a trace.dat and means the same is for `trace-cmd report` to say.
 *
 * Lines that are no events are left out, but for lost events: they become the mark on a page that
 * events are missing before it. What comes after a line "# instance NAME" goes into the buffer of
 * an instance of that name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <roost/roost.h>

#include "trace_text.h"

enum {
	PAGE = 4096,
	PAGE_HEAD = 16,
	MAX_CPUS = 64,
	ID_ALLOC = 500, /* then ID_FREE, ID_BATCHED, ID_OTHER */
	MAX_DELTA = 1 << 27,
	MISSED = 1u << 31,
	MISSED_STORED = 1u << 30,
};

struct pages { /* of one CPU */
	unsigned char *data;
	size_t nr;     /* pages */
	size_t used;   /* bytes of the last one, without its head */
	uint64_t last; /* time of its last event */
	uint64_t lost; /* events lost since, UINT64_MAX: nobody knows how many */
};

enum { MAIN, INSTANCE, BUFFERS };

static struct pages buffers[BUFFERS][MAX_CPUS];
static struct pages *cpus = buffers[MAIN]; /* those that are being written */
static char instance[PAGE];		   /* its name, if there is one */

/* ---- The ring buffers ------------------------------------------------------------------- */

static unsigned char *last_page(const struct pages *p)
{
	return p->data + (p->nr - 1) * PAGE;
}

/* The length of a page's data is in its head; so do the marks of what is missing before it. */
static void store_commit(struct pages *p, uint32_t marks)
{
	uint64_t commit = p->used | marks;

	memcpy(last_page(p) + 8, &commit, sizeof(commit));
}

static void new_page(struct pages *p, uint64_t time)
{
	uint64_t commit = 0;

	p->data = realloc(p->data, (p->nr + 1) * PAGE);
	if (!p->data)
		abort();
	p->nr++;
	p->used = 0;
	p->last = time;
	memset(last_page(p), 0, PAGE);
	memcpy(last_page(p), &time, sizeof(time));
	memcpy(last_page(p) + 8, &commit, sizeof(commit));
}

/* A page whose only event comes after missing ones; their number stands behind the data. */
static void mark_lost(struct pages *p)
{
	uint64_t lost = p->lost;

	store_commit(p, lost == UINT64_MAX ? MISSED : MISSED | MISSED_STORED);
	if (lost != UINT64_MAX)
		memcpy(last_page(p) + PAGE_HEAD + p->used, &lost, sizeof(lost));
	p->lost = 0;
	p->used = PAGE; /* nothing more goes here */
}

static void append(unsigned cpu, uint64_t time, const void *event, size_t size)
{
	struct pages *p = &cpus[cpu];
	uint32_t head;

	if (!p->nr || p->lost || PAGE_HEAD + p->used + 4 + size > PAGE ||
	    time - p->last >= MAX_DELTA)
		new_page(p, time);
	head = (uint32_t)(size / 4) | (uint32_t)(time - p->last) << 5;
	memcpy(last_page(p) + PAGE_HEAD + p->used, &head, 4);
	memcpy(last_page(p) + PAGE_HEAD + p->used + 4, event, size);
	p->used += 4 + size;
	p->last = time;
	store_commit(p, 0);
	if (p->lost)
		mark_lost(p);
}

/* ---- The events ------------------------------------------------------------------------- */

struct record { /* a kernel's mm_page_alloc; the others are the beginning of it */
	uint16_t type;
	uint8_t flags, preempt;
	int32_t pid;
	uint64_t pfn;
	uint32_t order, pad;
	uint64_t gfp;
	int32_t migratetype, pad2;
};

static uint8_t common_flags(const struct trace_event *e)
{
	static const uint8_t flags[] = {0, 0x10, 0x08, 0x40};

	return flags[e->context];
}

static uint64_t gfp_number(unsigned flags)
{
	return (flags & ROOST_WAIT ? 0xcc0u : 0u) | (flags & ROOST_RESERVE ? 0xa20u : 0u);
}

static int32_t linux_migratetype(unsigned flags)
{
	static const int32_t types[] = {1, 0, 2};

	return types[flags & ROOST_MIGRATETYPE_MASK];
}

static void write_event(const struct trace_event *e)
{
	struct record r = {
		.type = (uint16_t)(ID_ALLOC + e->kind),
		.flags = common_flags(e),
		.pid = 1,
		.pfn = e->pfn,
		.order = e->order,
		.gfp = gfp_number(e->flags),
		.migratetype = linux_migratetype(e->flags),
	};

	append(e->cpu, e->time_ns, &r, e->kind == TRACE_ALLOC ? sizeof(r) : 24);
}

/* An event with nothing in it, at the time of the last one. */
static void write_other(uint64_t time)
{
	struct record r = {.type = ID_ALLOC + 3, .pid = 1};

	append(0, cpus[0].last > time ? cpus[0].last : time, &r, 8);
}

/* The traced kernel had no memory: pfn is -1. */
static void write_failed(uint64_t time)
{
	struct record r = {.type = ID_ALLOC, .pid = 1, .pfn = ~UINT64_C(0)};

	append(0, cpus[0].last > time ? cpus[0].last : time, &r, sizeof(r));
}

static void read_lines(void)
{
	static char line[PAGE];
	uint64_t time = 0;

	while (fgets(line, sizeof(line), stdin)) {
		struct text_line t;

		if (sscanf(line, "# instance %4095[^\n]", instance) == 1)
			cpus = buffers[INSTANCE];
		trace_text_parse(line, strcspn(line, "\n"), &t);
		if (t.class == TEXT_EVENT)
			time = t.event.time_ns;
		if (t.class == TEXT_EVENT && t.event.cpu < MAX_CPUS)
			write_event(&t.event);
		else if (t.class == TEXT_OTHER)
			write_other(time);
		else if (t.class == TEXT_FAILED)
			write_failed(time);
		else if (t.class == TEXT_LOST && t.lost)
			cpus[0].lost += t.lost;
		else if (t.class == TEXT_LOST && !cpus[0].lost)
			cpus[0].lost = UINT64_MAX;
	}
}

/* ---- The file --------------------------------------------------------------------------- */

static size_t written;

static void put(const void *data, size_t size)
{
	if (fwrite(data, 1, size, stdout) != size)
		abort();
	written += size;
}

static void put4(uint32_t value)
{
	put(&value, sizeof(value));
}

static void put8(uint64_t value)
{
	put(&value, sizeof(value));
}

static void put_sized(const char *text)
{
	put8(strlen(text));
	put(text, strlen(text));
}

#define FIELD(type, name, offset, size, sign)                                                      \
	"\tfield:" type " " name ";\toffset:" #offset ";\tsize:" #size ";\tsigned:" #sign ";\n"

#define COMMON                                                                                     \
	FIELD("unsigned short", "common_type", 0, 2, 0)                                            \
	FIELD("unsigned char", "common_flags", 2, 1, 0)                                            \
	FIELD("unsigned char", "common_preempt_count", 3, 1, 0)                                    \
	FIELD("int", "common_pid", 4, 4, 1) "\n"

#define PFN_ORDER                                                                                  \
	FIELD("unsigned long", "pfn", 8, 8, 0)                                                     \
	FIELD("unsigned int", "order", 16, 4, 0)

#define PAGE_ARGUMENT "(((struct page *)vmemmap_base) + (REC->pfn))"

static const char header_page[] =
	FIELD("u64", "timestamp", 0, 8, 0) FIELD("local_t", "commit", 8, 8, 1)
		FIELD("int", "overwrite", 8, 1, 1) FIELD("char", "data", 16, 4080, 1);

static const char header_event[] = "# compressed entry header\n"
				   "\ttype_len    :    5 bits\n"
				   "\ttime_delta  :   27 bits\n"
				   "\tarray       :   32 bits\n"
				   "\n"
				   "\tpadding     : type == 29\n"
				   "\ttime_extend : type == 30\n"
				   "\ttime_stamp : type == 31\n"
				   "\tdata max type_len  == 28\n";

static const char *const formats[] = {
	"name: mm_page_alloc\nID: 500\nformat:\n" COMMON PFN_ORDER FIELD("unsigned long",
									 "gfp_flags", 24, 8, 0)
		FIELD("int", "migratetype", 32, 4,
		      1) "\n"
			 "print fmt: \"page=%p pfn=0x%lx order=%d migratetype=%d gfp_flags=%s\", "
			 "REC->pfn != -1UL ? " PAGE_ARGUMENT
			 " : ((void *)0), REC->pfn != -1UL ? REC->pfn : 0, "
			 "REC->order, REC->migratetype, (REC->gfp_flags) ? "
			 "__print_flags(REC->gfp_flags, \"|\", "
			 "{( unsigned long)((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u) | (( "
			 "gfp_t)0x80u)), "
			 "\"GFP_KERNEL\"}, {( unsigned long)((( gfp_t)0x20u)|(( gfp_t)0x200u)|(( "
			 "gfp_t)0x800u)), "
			 "\"GFP_ATOMIC\"}, {( unsigned long)(( gfp_t)0x20u), \"__GFP_HIGH\"}) : "
			 "\"none\"\n",

	"name: mm_page_free\nID: 501\nformat:\n" COMMON PFN_ORDER "\n"
	"print fmt: \"page=%p pfn=0x%lx order=%d\", " PAGE_ARGUMENT ", REC->pfn, REC->order\n",

	"name: mm_page_free_batched\nID: 502\nformat:\n" COMMON FIELD(
		"unsigned long", "pfn", 8, 8,
		0) "\n"
		   "print fmt: \"page=%p pfn=0x%lx order=0\", " PAGE_ARGUMENT ", REC->pfn\n",

	"name: mm_page_other\nID: 503\nformat:\n" COMMON "\nprint fmt: \"nothing\"\n",
};

static void put_headings(unsigned nr_cpus)
{
	static const char magic[] = "\027\010\104tracing6", cmdlines[] = "1 init\n";

	put(magic, sizeof(magic)); /* with the zero that ends the version */
	put("\0\010", 2);	   /* little endian, long has 8 bytes */
	put4(PAGE);
	put("header_page", 12);
	put_sized(header_page);
	put("header_event", 13);
	put_sized(header_event);
	put4(0); /* events of ftrace itself */
	put4(1); /* systems */
	put("kmem", 5);
	put4(sizeof(formats) / sizeof(formats[0]));
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		put_sized(formats[i]);
	put4(0); /* kallsyms */
	put4(0); /* printk formats */
	put_sized(cmdlines);
	put4(nr_cpus);
}

enum { FLYRECORD = 10 /* the word before a table of pages */ };

/* Where pages begin whose table is at that place. */
static size_t start_of_pages(size_t table, unsigned nr_cpus)
{
	return (table + FLYRECORD + 16 * nr_cpus + PAGE - 1) / PAGE * PAGE;
}

static size_t size_of_pages(const struct pages *pages, unsigned nr_cpus)
{
	size_t size = 0;

	for (unsigned i = 0; i < nr_cpus; i++)
		size += pages[i].nr * PAGE;
	return size;
}

/* The buffer of an instance is an option: its number, its size, where the table of its pages is,
 * which comes after those of the main buffer, and its name. */
static void put_options(unsigned nr_cpus)
{
	const uint32_t size = 8 + (uint32_t)strlen(instance) + 1;
	const size_t end = *instance ? written + FLYRECORD + 2 + 4 + size + 2 : 0;

	put("options  ", FLYRECORD);
	if (*instance) {
		put("\3", 2);
		put4(size);
		put8(start_of_pages(end, nr_cpus) + size_of_pages(buffers[MAIN], nr_cpus));
		put(instance, size - 8);
	}
	put("\0", 2);
}

static void put_pages(const struct pages *pages, unsigned nr_cpus)
{
	static const char zeroes[PAGE];
	size_t start = start_of_pages(written, nr_cpus), at = start;

	put("flyrecord", FLYRECORD);
	for (unsigned i = 0; i < nr_cpus; i++) {
		put8(at);
		put8(pages[i].nr * PAGE);
		at += pages[i].nr * PAGE;
	}
	put(zeroes, start - written);
	for (unsigned i = 0; i < nr_cpus; i++)
		put(pages[i].data, pages[i].nr * PAGE);
}

int main(void)
{
	unsigned nr_cpus = 1;

	read_lines();
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (buffers[MAIN][i].nr || buffers[INSTANCE][i].nr)
			nr_cpus = i + 1;
	put_headings(nr_cpus);
	put_options(nr_cpus);
	put_pages(buffers[MAIN], nr_cpus);
	if (*instance)
		put_pages(buffers[INSTANCE], nr_cpus);
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		free(buffers[MAIN][i].data);
		free(buffers[INSTANCE][i].data);
	}
	return fflush(stdout) ? 1 : 0;
}
