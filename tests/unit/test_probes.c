/* SPDX-License-Identifier: MIT */
/*
 * test_probes.c - each probe of docs/tracing.md fires as often as that says, whichever call it is
 * that allocates, frees or fails. As a tracer does, the test writes a breakpoint over the nop of
 * each probe of its own program, and counts them in the handler of SIGTRAP.
 */
#define _GNU_SOURCE /* REG_RIP */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include "harness.h"

#if defined(__x86_64__)

enum { SITES = 1024, M = ROOST_MOVABLE, NOP = 0x90, BREAKPOINT = 0xcc };

static struct site {
	uintptr_t address;
	const char *name; /* in the mapped file */
	unsigned hits;
} sites[SITES];
static unsigned nr_sites;
static volatile sig_atomic_t strange; /* a trap elsewhere */

/* ---- Where the probes are ------------------------------------------------------------------ */

/* A note is its header, the owner's name and this: where the probe is, where the linker has put the
 * section .stapsdt.base, a semaphore; provider, name and arguments as strings. */
struct place {
	uint64_t address, base, semaphore;
	char provider[];
};

static void add_note(const Elf64_Nhdr *note, uint64_t moved_to)
{
	const char *owner = (const char *)(note + 1);
	const struct place *place = (const void *)(owner + (note->n_namesz + 3) / 4 * 4);

	if (note->n_type != 3 || strcmp(owner, "stapsdt") != 0 ||
	    strcmp(place->provider, "roost") != 0)
		return;
	assert_true(nr_sites < SITES);
	sites[nr_sites++] = (struct site){
		.address = (uintptr_t)(place->address + moved_to - place->base),
		.name = place->provider + sizeof("roost"),
	};
}

static void add_notes(const char *file, uintptr_t bias)
{
	const Elf64_Ehdr *elf = (const void *)file;
	const Elf64_Shdr *sections = (const void *)(file + elf->e_shoff);
	const char *names = file + sections[elf->e_shstrndx].sh_offset;
	uint64_t base = 0;

	for (unsigned i = 0; i < elf->e_shnum; i++)
		if (!strcmp(names + sections[i].sh_name, ".stapsdt.base"))
			base = sections[i].sh_addr;
	for (unsigned i = 0; i < elf->e_shnum; i++) {
		const char *at = file + sections[i].sh_offset, *end = at + sections[i].sh_size;

		if (strcmp(names + sections[i].sh_name, ".note.stapsdt") != 0)
			continue;
		while (at < end) {
			const Elf64_Nhdr *note = (const void *)at;

			add_note(note, base + bias);
			at += sizeof(*note) + (note->n_namesz + 3) / 4 * 4 +
			      (note->n_descsz + 3) / 4 * 4;
		}
	}
}

static int find_bias(struct dl_phdr_info *info, size_t size, void *bias)
{
	(void)size;
	*(uintptr_t *)bias = info->dlpi_addr;
	return 1; /* the first is the program */
}

static void find_sites(void)
{
	uintptr_t bias = 0;
	struct stat size;
	void *file;
	int fd;

	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && !fstat(fd, &size));
	file = mmap(NULL, (size_t)size.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(file != MAP_FAILED);
	close(fd);
	dl_iterate_phdr(find_bias, &bias);
	add_notes(file, bias);
}

/* ---- Counting ------------------------------------------------------------------------------ */

static void on_trap(int number, siginfo_t *info, void *context)
{
	const ucontext_t *at = context;

	(void)number;
	(void)info;
	for (unsigned i = 0; i < nr_sites; i++)
		if (sites[i].address == (uintptr_t)at->uc_mcontext.gregs[REG_RIP] - 1) {
			sites[i].hits++; /* and goes on behind what was a nop */
			return;
		}
	strange = 1;
}

/* The engine blocks signals; a trap that is blocked would end the program. */
int __real_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t traps;
	int err = __real_pthread_sigmask(how, set, old);

	sigemptyset(&traps);
	sigaddset(&traps, SIGTRAP);
	return err ? err : __real_pthread_sigmask(SIG_UNBLOCK, &traps, NULL);
}

static void put_breakpoints(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	for (unsigned i = 0; i < nr_sites; i++) {
		unsigned char *nop = (void *)sites[i].address;
		void *start = (void *)(sites[i].address & ~(page - 1));

		assert_int_equal(mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
		assert_int_equal(*nop, NOP);
		*nop = BREAKPOINT;
		assert_int_equal(mprotect(start, page, PROT_READ | PROT_EXEC), 0);
	}
}

/* How often the probe has fired since it was last asked. */
static unsigned fired(const char *name)
{
	unsigned n = 0;

	assert_false(strange);
	for (unsigned i = 0; i < nr_sites; i++)
		if (!strcmp(sites[i].name, name)) {
			n += sites[i].hits;
			sites[i].hits = 0;
		}
	return n;
}

static void forget(void)
{
	for (unsigned i = 0; i < nr_sites; i++)
		sites[i].hits = 0;
}

/* Since then these blocks were handed out and came back, and nothing else. */
static void expect_blocks(unsigned allocated, unsigned freed)
{
	assert_int_equal(fired("alloc"), allocated);
	assert_int_equal(fired("free"), freed);
	assert_int_equal(fired("misuse"), 0);
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void open_rig(struct rig *rig, void *const *state)
{
	rig_open_simple(rig, state, 0, 16 * BLOCK, 2);
	rig_cpu(rig, 0);
	forget();
}

static void each_way_to_free_a_block(void **state)
{
	struct roost_block blocks[3] = {{.order = 0}, {.order = 3}, {.order = 9}};
	struct rig rig;
	roost_pfn pfn;

	open_rig(&rig, state);
	for (unsigned order = 0; order <= 10; order++) {
		pfn = rig_get(&rig, order, M);
		expect_blocks(1, 0);
		rig_free(&rig, pfn);
		expect_blocks(0, 1);
		rig_free_nolock(&rig, rig_get(&rig, order, M | ROOST_WAIT));
		expect_blocks(1, 1);
	}
	for (unsigned nolock = 0; nolock < 2; nolock++) {
		for (unsigned i = 0; i < LENGTH(blocks); i++)
			blocks[i].pfn = rig_get(&rig, blocks[i].order, M);
		expect_blocks(LENGTH(blocks), 0);
		rig_free_bulk(&rig, blocks, LENGTH(blocks), nolock);
		expect_blocks(0, LENGTH(blocks));
	}
	pfn = rig_get(&rig, 4, M);
	rig_free_part(&rig, pfn, 2);
	expect_blocks(1, 1);
	rig_free_all(&rig);
	expect_blocks(0, 2); /* the other quarter of its half, and the other half */
	rig_home(&rig);
	rig_close(&rig);
}

static void each_way_to_allocate_a_block(void **state)
{
	uint64_t rest[ROOST_PAGEBLOCK_WORDS];
	roost_pfn pfns[7];
	struct rig rig;
	size_t n;

	open_rig(&rig, state);
	assert_int_equal(roost_alloc_bulk(rig.roost, 1, M, pfns, 7), 7);
	expect_blocks(7, 0);
	for (unsigned i = 0; i < 7; i++)
		roost_free(rig.roost, pfns[i], 1);
	expect_blocks(0, 7);
	/* 4 frames and 1; 512 and 128. */
	pfns[0] = roost_alloc_n(rig.roost, 5, M);
	assert_true(pfns[0] != ROOST_NONE);
	expect_blocks(2, 0);
	roost_free_n(rig.roost, pfns[0], 5);
	expect_blocks(0, 2);
	pfns[0] = roost_alloc_n(rig.roost, 5 * BLOCK / 4, M);
	assert_true(pfns[0] != ROOST_NONE);
	expect_blocks(2, 0);
	roost_free_n(rig.roost, pfns[0], 5 * BLOCK / 4);
	expect_blocks(0, 2);
	assert_int_equal(roost_take_range(rig.roost, 8 * BLOCK, BLOCK + 4), 0);
	expect_blocks(2, 0);
	roost_free(rig.roost, 8 * BLOCK, 9);
	roost_free(rig.roost, 9 * BLOCK, 2);
	expect_blocks(0, 2);
	pfns[0] = roost_alloc(rig.roost, 0, M);
	expect_blocks(1, 0);
	n = roost_take_rest(rig.roost, pfns[0], rest);
	expect_blocks(library_is_pcpbuddy ? 0 : (unsigned)n, 0); /* see docs/tracing.md */
	for (unsigned i = 0; i < BLOCK; i++)
		if (rest[i / 64] >> i % 64 & 1)
			roost_free(rig.roost, pfns[0] / BLOCK * BLOCK + i, 0);
	roost_free(rig.roost, pfns[0], 0);
	expect_blocks(0, (unsigned)n + 1);
	rig_home(&rig);
	rig_close(&rig);
}

static void each_failure(void **state)
{
	roost_pfn pfns[2];
	struct rig rig;

	open_rig(&rig, state);
	rig_take_all(&rig, 9, M);
	forget();
	assert_int_equal(roost_alloc(rig.roost, 0, M), ROOST_NONE);
	assert_int_equal(fired("alloc_failed"), 1);
	assert_int_equal(roost_alloc(rig.roost, 0, M | ROOST_WAIT), ROOST_NONE);
	assert_int_equal(fired("alloc_failed"), 1);
	assert_int_equal(roost_alloc(rig.roost, 0, M | ROOST_ONCE), ROOST_NONE);
	assert_int_equal(fired("alloc_failed"), 1);
	assert_int_equal(roost_alloc_n(rig.roost, 5, M), ROOST_NONE);
	assert_int_equal(fired("alloc_failed"), 1);
	assert_int_equal(roost_alloc_bulk(rig.roost, 0, M, pfns, 2), 0);
	assert_int_equal(fired("alloc_failed"), 1);
	assert_int_equal(roost_alloc_bulk(rig.roost, 0, M | ROOST_ONCE, pfns, 2), 0);
	assert_int_equal(fired("alloc_failed"), 1);
	expect_blocks(0, 0);
	rig_home(&rig);
	rig_close(&rig);
}

static void what_becomes_of_pageblocks(void **state)
{
	struct roost_block blocks[2] = {{.order = 0}, {.order = 0}};
	struct rig rig;
	unsigned stolen;
	roost_pfn pfn;

	NEED_SMP();
	open_rig(&rig, state);
	pfn = rig_get(&rig, 0, M);
	assert_int_equal(fired("claim"), 1);
	for (unsigned i = 0; i < 2; i++)
		blocks[i].pfn = rig_get(&rig, 0, M);
	forget();
	rig_cpu(&rig, 1);
	rig_free(&rig, pfn);
	assert_int_equal(fired("free_remote"), 1);
	rig_free_bulk(&rig, blocks, 2, false);
	assert_in_range(fired("free_remote"), 1, 2);
	rig_cpu(&rig, 0);
	roost_drain(rig.roost, 0);
	assert_int_equal(fired("drain"), 1);
	/* pcpbuddy turns a whole pageblock, sets one of which some is in use. */
	forget();
	rig_get(&rig, 0, ROOST_UNMOVABLE);
	rig_get(&rig, 0, M);
	rig_take_all(&rig, 9, M);
	roost_drain(rig.roost, -1);
	rig_get(&rig, 0, ROOST_RECLAIMABLE);
	stolen = (unsigned)rig_stats(&rig).blocks_stolen;
	assert_true(stolen > 0);
	assert_int_equal(fired("steal"), stolen);
	rig_free_all(&rig);
	rig_close(&rig);
}

static void each_misuse(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	open_rig(&rig, state);
	pfn = rig_get(&rig, 0, M);
	rig_free(&rig, pfn);
	forget();
	roost_free(rig.roost, pfn, 0);
	assert_int_equal(fired("misuse"), 1);
	assert_int_equal(fired("free"), 0);
	assert_int_equal(rig.nr_misuse, 1);
	rig.nr_misuse = 0;
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(each_way_to_free_a_block, variants_paths),
		SUITE_TEST(each_way_to_allocate_a_block, variants_paths),
		SUITE_TEST(each_failure, variants_one),
		SUITE_TEST(what_becomes_of_pageblocks, variants_owners),
		SUITE_TEST(each_misuse, variants_one),
	};

	find_sites();
	if (!nr_sites) {
		puts("skipped: there are no probes in this build");
		return 77;
	}
	put_breakpoints();
	return SUITE_RUN("probes", tests, argc, argv);
}

#else

int main(void)
{
	puts("skipped: knows the nop of x86-64 alone");
	return 77;
}

#endif
