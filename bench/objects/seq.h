/* SPDX-License-Identifier: MIT */
/*
 * seq.h - restartable sequences on slabs and magazines, x86-64 only: prototypes of what the port
 * would have to offer. As those of src/port/posix/seq.h, whose macros they use.
 */
#ifndef OBJECTS_SEQ_H
#define OBJECTS_SEQ_H

#include "core/port.h"

#if !RST_SEQ || !defined(__x86_64__)
#error "these prototypes want restartable sequences of x86-64"
#endif

enum seq_end { SEQ_DONE, SEQ_FAILED, SEQ_REFUSED };

/*
 * The scratch register is an output and not a clobber: gcc 12.2 addresses a memory operand of an
 * asm goto by a register that it clobbers, if the address lies there anyway. And volatile is
 * said, for an asm goto with outputs is not so by itself.
 */
#define SEQ_BEGIN                                                                                  \
	"leaq 3b(%%rip), %[scratch]\n\tmovq %[scratch], %%fs:8(%[area])\n"                         \
	"1:\tcmpl %[cpu], %%fs:4(%[area])\n\tjne %l[failed]\n\t"

static inline unsigned here(void)
{
	return rst_seq_cpu_id();
}

/*
 * On the CPU whose number *home is: sets bits of a word of which none may be set. The CPU's
 * number and the guard are one comparison. Done: on that CPU. Refused: one was set.
 */
static inline enum seq_end seq_or(const _Atomic uint32_t *home, _Atomic uint64_t *word,
				  uint64_t bits, unsigned *cpu)
{
	uint32_t scratch;

	__asm__ volatile goto(RST_SEQ_DESCRIPTOR
			      "leaq 3b(%%rip), %q[scratch]\n\tmovq %q[scratch], %%fs:8(%[area])\n"
			      "1:\tmovl %%fs:4(%[area]), %[scratch]\n\t"
			      "cmpl %[scratch], %[home]\n\tjne %l[failed]\n\t"
			      "testq %[bits], %[word]\n\tjne %l[refused]\n\t"
			      "orq %[bits], %[word]\n2:\n\t" RST_SEQ_ABORT
			      : [scratch] "=&r"(scratch)
			      : [area] "r"(RST_SEQ_AREA), [home] "m"(RST_SEQ_AT(uint32_t, home)),
				[word] "m"(RST_SEQ_AT(uint64_t, word)), [bits] "r"(bits)
			      : "memory", "cc"
			      : failed, refused);
	*cpu = scratch;
	return SEQ_DONE;
failed:
	return SEQ_FAILED;
refused:
	return SEQ_REFUSED;
}

/* On that CPU, if *place is still what it was: clears a bit that must be set. */
static inline bool seq_take(unsigned cpu, const _Atomic uint64_t *place, uint64_t expected,
			    _Atomic uint64_t *word, uint64_t bit)
{
	uint64_t scratch;

	__asm__ volatile goto(RST_SEQ_DESCRIPTOR SEQ_BEGIN
			      "cmpq %[expected], %[place]\n\tjne %l[failed]\n\t"
			      "testq %[bit], %[word]\n\tje %l[failed]\n\t"
			      "xorq %[bit], %[word]\n2:\n\t" RST_SEQ_ABORT
			      : [scratch] "=&r"(scratch)
			      : [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu),
				[place] "m"(RST_SEQ_AT(uint64_t, place)), [expected] "r"(expected),
				[word] "m"(RST_SEQ_AT(uint64_t, word)), [bit] "r"(bit)
			      : "memory", "cc"
			      : failed);
	return true;
failed:
	return false;
}

/* On the CPU home[0], if home[1] is still this generation: clears a bit that must be set. */
static inline bool seq_take_hinted(const _Atomic uint32_t *home, uint32_t generation,
				   _Atomic uint64_t *word, uint64_t bit)
{
	uint32_t scratch;

	__asm__ volatile goto(
		RST_SEQ_DESCRIPTOR
		"leaq 3b(%%rip), %q[scratch]\n\tmovq %q[scratch], %%fs:8(%[area])\n"
		"1:\tmovl %%fs:4(%[area]), %[scratch]\n\t"
		"cmpl %[scratch], %[home]\n\tjne %l[failed]\n\t"
		"cmpl %[generation], %[second]\n\tjne %l[failed]\n\t"
		"testq %[bit], %[word]\n\tje %l[failed]\n\t"
		"xorq %[bit], %[word]\n2:\n\t" RST_SEQ_ABORT
		: [scratch] "=&r"(scratch)
		: [area] "r"(RST_SEQ_AREA), [home] "m"(RST_SEQ_AT(uint32_t, home)),
		  [second] "m"(RST_SEQ_AT(uint32_t, home + 1)), [generation] "r"(generation),
		  [word] "m"(RST_SEQ_AT(uint64_t, word)), [bit] "r"(bit)
		: "memory", "cc"
		: failed);
	return true;
failed:
	return false;
}

/* A magazine: how many pointers, and these. */
struct magazine {
	uint64_t n;
	void *object[63];
};

enum { MAGAZINE = 63 };

/* The pointer put last, or NULL: there is none, or the sequence was broken off. */
static inline void *seq_pop(unsigned cpu, struct magazine *magazine)
{
	void *object;

	__asm__ volatile(RST_SEQ_DESCRIPTOR
			 "xorl %k[object], %k[object]\n\t"
			 "leaq 3b(%%rip), %%rax\n\tmovq %%rax, %%fs:8(%[area])\n"
			 "1:\tcmpl %[cpu], %%fs:4(%[area])\n\tjne 5f\n\t"
			 "movq (%[magazine]), %%rax\n\ttestq %%rax, %%rax\n\tje 5f\n\t"
			 "movq (%[magazine],%%rax,8), %[object]\n\t"
			 "decq (%[magazine])\n2:\n\t"
			 ".pushsection __rseq_failure, \"ax\"\n\t"
			 ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"
			 "4:\txorl %k[object], %k[object]\n\tjmp 5f\n\t.popsection\n5:"
			 : [object] "=&r"(object)
			 : [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu), [magazine] "r"(magazine)
			 : "rax", "memory", "cc");
	return object;
}

/* False: it is full, or the sequence was broken off. */
static inline bool seq_push(unsigned cpu, struct magazine *magazine, void *object)
{
	uint64_t scratch;

	__asm__ volatile goto(RST_SEQ_DESCRIPTOR SEQ_BEGIN
			      "movq (%[magazine]), %[scratch]\n\tcmpq $63, %[scratch]\n\t"
			      "jae %l[failed]\n\t"
			      "movq %[object], 8(%[magazine],%[scratch],8)\n\t"
			      "incq (%[magazine])\n2:\n\t" RST_SEQ_ABORT
			      : [scratch] "=&r"(scratch)
			      : [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu), [magazine] "r"(magazine),
				[object] "r"(object)
			      : "memory", "cc"
			      : failed);
	return true;
failed:
	return false;
}

#endif
