/* SPDX-License-Identifier: MIT */
/*
 * seq.h - sequences of the POSIX port: the kernel's restartable sequences (rseq).
 *
 * The kernel breaks a sequence off when its thread is preempted, moved, or interrupted by a signal,
 * and lets it go on at an abort handler: here, the sequence fails. glibc (2.35) registers the area
 * by which a thread and the kernel talk. Written is rseq_cs alone, read cpu_id alone. The kernel
 * never looks at what rseq_cs points to once the thread is elsewhere, but it has to be there: a
 * shared library with this in it must not be unloaded.
 *
 *	1: the sequence begins; what is compared was read before it
 *	2: it has ended: the store right before is the commit
 *	3: its descriptor
 *	4: where the kernel goes to when it breaks it off; the signature comes right before
 *
 * After P. Turner, A. Hunter, M. Desnoyers: Linux rseq(2).
 */
#ifndef RST_POSIX_SEQ_H
#define RST_POSIX_SEQ_H

#include <sys/rseq.h>

#define RST_SEQ_DESCRIPTOR                                                                         \
	".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"                                           \
	"3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"

bool rst_seq_ready(void);
bool rst_seq_fence(unsigned cpu);

#if defined(__x86_64__)

_Static_assert(offsetof(struct rseq, cpu_id) == 4 && offsetof(struct rseq, rseq_cs) == 8,
	       "as the ABI has it");

static inline uint32_t rst_seq_cpu_id(void)
{
	uint32_t cpu;

	__asm__ volatile("movl %%fs:4(%1), %0" : "=r"(cpu) : "r"(__rseq_offset));
	return cpu;
}

#define RST_SEQ_ABORT                                                                              \
	".pushsection __rseq_failure, \"ax\"\n\t"                                                  \
	".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"                                             \
	"4:\tjmp %l[failed]\n\t.popsection\n\t"
#define RST_SEQ_BEGIN                                                                              \
	"leaq 3b(%%rip), %%rax\n\tmovq %%rax, %%fs:8(%[area])\n"                                   \
	"1:\tcmpl %[cpu], %%fs:4(%[area])\n\tjne %l[failed]\n\t"

#define RST_SEQ_STOP  "cmpl $0, %[stop]\n\tjne %l[failed]\n\t"
#define RST_SEQ_GUARD "cmpw %w[expected], %[guard]\n\tjne %l[failed]\n\t"
#define RST_SEQ_COMMIT                                                                             \
	"cmpq %[old], %[word]\n\tjne %l[failed]\n\tmovq %[new], %[word]\n2:\n\t" RST_SEQ_ABORT

/* Stores are releases and loads acquires on x86-64. */
static inline bool rst_seq_cas(unsigned cpu, struct rst_seq s)
{
	__asm__ goto(RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_STOP RST_SEQ_COMMIT
		     :
		     : [area] "r"(__rseq_offset), [cpu] "r"(cpu),
		       [stop] "m"(*(volatile uint32_t *)s.stop),
		       [word] "m"(*(volatile uint64_t *)s.word), [old] "r"(s.old), [new] "r"(s.new)
		     : "rax", "memory", "cc"
		     : failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_cas_guarded(unsigned cpu, struct rst_seq s)
{
	__asm__ goto(RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_STOP RST_SEQ_GUARD RST_SEQ_COMMIT
		     :
		     : [area] "r"(__rseq_offset), [cpu] "r"(cpu),
		       [stop] "m"(*(volatile uint32_t *)s.stop),
		       [guard] "m"(*(volatile uint16_t *)s.guard), [expected] "r"(s.expected),
		       [word] "m"(*(volatile uint64_t *)s.word), [old] "r"(s.old), [new] "r"(s.new)
		     : "rax", "memory", "cc"
		     : failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_add(unsigned cpu, _Atomic uint64_t *word, uint64_t n)
{
	__asm__ goto(RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN "addq %[n], %[word]\n"
						      "2:\n\t" RST_SEQ_ABORT
		     :
		     : [area] "r"(__rseq_offset), [cpu] "r"(cpu),
		       [word] "m"(*(volatile uint64_t *)word), [n] "er"(n)
		     : "rax", "memory", "cc"
		     : failed);
	return true;
failed:
	return false;
}

#else /* aarch64 */

static inline struct rseq *rst_seq_area(void)
{
	return (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static inline uint32_t rst_seq_cpu_id(void)
{
	return *(const volatile uint32_t *)&rst_seq_area()->cpu_id;
}

#define RST_SEQ_ABORT                                                                              \
	".pushsection __rseq_failure, \"ax\"\n\t"                                                  \
	".inst 0xd428bc00\n"                                                                       \
	"4:\tb %l[failed]\n\t.popsection\n\t"
#define RST_SEQ_BEGIN                                                                              \
	"adrp x16, 3b\n\tadd x16, x16, :lo12:3b\n\tstr x16, %[cs]\n"                               \
	"1:\tldr w16, %[here]\n\tcmp w16, %w[cpu]\n\tb.ne %l[failed]\n\t"

/* Acquire: what who stopped the CPU did to the word comes before. */
#define RST_SEQ_STOP  "ldar w16, %[stop]\n\tcbnz w16, %l[failed]\n\t"
#define RST_SEQ_GUARD "ldrh w16, %[guard]\n\tcmp w16, %w[expected]\n\tb.ne %l[failed]\n\t"
#define RST_SEQ_COMMIT                                                                             \
	"ldr x16, %[word]\n\tcmp x16, %[old]\n\tb.ne %l[failed]\n\t"                               \
	"stlr %[new], %[word]\n2:\n\t" RST_SEQ_ABORT

static inline bool rst_seq_cas(unsigned cpu, struct rst_seq s)
{
	struct rseq *area = rst_seq_area();

	__asm__ goto(RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_STOP RST_SEQ_COMMIT
		     :
		     : [cs] "m"(area->rseq_cs), [here] "m"(area->cpu_id), [cpu] "r"(cpu),
		       [stop] "Q"(*(volatile uint32_t *)s.stop),
		       [word] "Q"(*(volatile uint64_t *)s.word), [old] "r"(s.old), [new] "r"(s.new)
		     : "x16", "memory", "cc"
		     : failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_cas_guarded(unsigned cpu, struct rst_seq s)
{
	struct rseq *area = rst_seq_area();

	__asm__ goto(
		RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_STOP RST_SEQ_GUARD RST_SEQ_COMMIT
		:
		: [cs] "m"(area->rseq_cs), [here] "m"(area->cpu_id), [cpu] "r"(cpu),
		  [stop] "Q"(*(volatile uint32_t *)s.stop),
		  [guard] "m"(*(volatile uint16_t *)s.guard), [expected] "r"((uint32_t)s.expected),
		  [word] "Q"(*(volatile uint64_t *)s.word), [old] "r"(s.old), [new] "r"(s.new)
		: "x16", "memory", "cc"
		: failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_add(unsigned cpu, _Atomic uint64_t *word, uint64_t n)
{
	struct rseq *area = rst_seq_area();

	__asm__ goto(RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN
		     "ldr x16, %[word]\n\tadd x16, x16, %[n]\n\tstlr x16, %[word]\n"
		     "2:\n\t" RST_SEQ_ABORT
		     :
		     : [cs] "m"(area->rseq_cs), [here] "m"(area->cpu_id), [cpu] "r"(cpu),
		       [word] "Q"(*(volatile uint64_t *)word), [n] "r"(n)
		     : "x16", "memory", "cc"
		     : failed);
	return true;
failed:
	return false;
}

#endif

static inline unsigned rst_seq_cpu(void)
{
	/* Threads that share a virtual CPU may run on several real ones. */
	if (rst_posix_cpu >= 0)
		return RST_NO_CPU;
	/* Negative if this thread's area is not registered: RST_NO_CPU or above all CPUs. */
	return rst_seq_cpu_id();
}

#endif
