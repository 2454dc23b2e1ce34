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

bool rst_seq_ready(const void *memory, size_t size);
bool rst_seq_fence(unsigned cpu);

_Static_assert(offsetof(struct rseq, cpu_id) == 4 && offsetof(struct rseq, rseq_cs) == 8,
	       "as the ABI has it");

/* What differs: where the area is, and the instructions. %[area] is added to what RST_SEQ_AREA
 * says. %[scratch] is an output, not a clobber: gcc 12.2 may address a memory operand by a
 * register that an asm goto clobbers, if the address is there anyway. */
#if defined(__x86_64__)

/* Stores are releases and loads acquires. */
#define RST_SEQ_AREA   __rseq_offset /* from the thread pointer */
#define RST_SEQ_MEMORY "m"
#define RST_SEQ_HERE   "movl %%fs:4(%[area]), %[cpu]"
#define RST_SEQ_ABORT                                                                              \
	".pushsection __rseq_failure, \"ax\"\n\t"                                                  \
	".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"                                             \
	"4:\tjmp %l[failed]\n\t.popsection\n\t"
#define RST_SEQ_BEGIN                                                                              \
	"leaq 3b(%%rip), %[scratch]\n\tmovq %[scratch], %%fs:8(%[area])\n"                         \
	"1:\tcmpl %[cpu], %%fs:4(%[area])\n\tjne %l[failed]\n\t"
#define RST_SEQ_STOP  "cmpl $0, %[stop]\n\tjne %l[failed]\n\t"
#define RST_SEQ_GUARD "cmpw %w[expected], %[guard]\n\tjne %l[failed]\n\t"
#define RST_SEQ_COMMIT                                                                             \
	"cmpq %[old], %[word]\n\tjne %l[failed]\n\tmovq %[new], %[word]\n2:\n\t" RST_SEQ_ABORT
#define RST_SEQ_ADD   "addq %[n], %[word]\n2:\n\t" RST_SEQ_ABORT
#define RST_SEQ_PLACE "cmpq %[expected], %[guard]\n\tjne %l[failed]\n\t"
/* What came of it is in the flags. They are looked at when the sequence has ended. */
#define RST_SEQ_LOCK_CAS                                                                           \
	"movq %[old], %%rax\n\tlock cmpxchgq %[new], %[word]\n2:\n\tjne "                          \
	"%l[failed]\n\t" RST_SEQ_ABORT
#define RST_SEQ_LOCK_SCRATCH [scratch] "=&a"(scratch), [second] "=&r"(second)
#define RST_SEQ_SECOND(name) /* no register */
#define RST_SEQ_TAKE                                                                               \
	"movq %[word], %[scratch]\n\tbtrq %[bit], %[scratch]\n\tjnc %l[failed]\n\t"                \
	"movq %[scratch], %[word]\n2:\n\t" RST_SEQ_ABORT
#define RST_SEQ_PUT                                                                                \
	"leaq 3b(%%rip), %[now]\n\tmovq %[now], %%fs:8(%[area])\n"                                 \
	"1:\tmovl %[expected], %[half]\n\taddl %%fs:4(%[area]), %[half]\n\t"                       \
	"cmpl %[half], %[guard]\n\tjne %l[failed]\n\t"                                             \
	"movq %[word], %[now]\n\tbtsq %[bit], %[now]\n\tjc %l[failed]\n\t"                         \
	"movq %[now], %[word]\n2:\n\t" RST_SEQ_ABORT

#else /* aarch64 */

/* stop is read with acquire: what the CPU that stopped this one did to the word comes before. */
#define RST_SEQ_AREA   ((char *)__builtin_thread_pointer() + __rseq_offset)
#define RST_SEQ_MEMORY "Q"
#define RST_SEQ_HERE   "ldr %w[cpu], [%[area], 4]"
#define RST_SEQ_ABORT                                                                              \
	".pushsection __rseq_failure, \"ax\"\n\t"                                                  \
	".inst 0xd428bc00\n"                                                                       \
	"4:\tb %l[failed]\n\t.popsection\n\t"
#define RST_SEQ_BEGIN                                                                              \
	"adrp %[scratch], 3b\n\tadd %[scratch], %[scratch], :lo12:3b\n\tstr %[scratch], "          \
	"[%[area], 8]\n"                                                                           \
	"1:\tldr %w[scratch], [%[area], 4]\n\tcmp %w[scratch], %w[cpu]\n\tb.ne %l[failed]\n\t"
#define RST_SEQ_STOP "ldar %w[scratch], %[stop]\n\tcbnz %w[scratch], %l[failed]\n\t"
#define RST_SEQ_GUARD                                                                              \
	"ldrh %w[scratch], %[guard]\n\tcmp %w[scratch], %w[expected]\n\tb.ne %l[failed]\n\t"
#define RST_SEQ_COMMIT                                                                             \
	"ldr %[scratch], %[word]\n\tcmp %[scratch], %[old]\n\tb.ne %l[failed]\n\t"                 \
	"stlr %[new], %[word]\n2:\n\t" RST_SEQ_ABORT
#define RST_SEQ_ADD                                                                                \
	"ldr %[scratch], %[word]\n\tadd %[scratch], %[scratch], %[n]\n\tstlr %[scratch], "         \
	"%[word]\n2:\n\t" RST_SEQ_ABORT
#define RST_SEQ_PLACE                                                                              \
	"ldar %[scratch], %[guard]\n\tcmp %[scratch], %[expected]\n\tb.ne %l[failed]\n\t"
/* What comes in between clears the monitor, and the sequence is broken off as well. */
#define RST_SEQ_LOCK_CAS                                                                           \
	"ldaxr %[scratch], %[word]\n\tcmp %[scratch], %[old]\n\tb.ne %l[failed]\n\t"               \
	"stlxr %w[second], %[new], %[word]\n2:\n\tcbnz %w[second], %l[failed]\n\t" RST_SEQ_ABORT
#define RST_SEQ_LOCK_SCRATCH [scratch] "=&r"(scratch), [second] "=&r"(second)
#define RST_SEQ_SECOND(name) , [second] "=&r"(name)
#define RST_SEQ_TAKE                                                                               \
	"ldar %[scratch], %[word]\n\tlsr %[second], %[scratch], %[bit]\n\t"                        \
	"tbz %[second], 0, %l[failed]\n\tmov %[second], 1\n\tlsl %[second], %[second], "           \
	"%[bit]\n\tbic %[scratch], %[scratch], %[second]\n\tstlr %[scratch], "                     \
	"%[word]\n2:\n\t" RST_SEQ_ABORT
#define RST_SEQ_PUT                                                                                \
	"adrp %[now], 3b\n\tadd %[now], %[now], :lo12:3b\n\tstr %[now], [%[area], 8]\n"            \
	"1:\tldr %w[half], [%[area], 4]\n\tadd %w[half], %w[half], %w[expected]\n\t"               \
	"ldar %w[now], %[guard]\n\tcmp %w[now], %w[half]\n\tb.ne %l[failed]\n\t"                   \
	"ldr %[now], %[word]\n\tlsr %[second], %[now], %[bit]\n\t"                                 \
	"tbnz %[second], 0, %l[failed]\n\tmov %[second], 1\n\tlsl %[second], %[second], "          \
	"%[bit]\n\torr %[now], %[now], %[second]\n\tstlr %[now], %[word]\n2:\n\t" RST_SEQ_ABORT

#endif

/* What an instruction finds there. (The way by a number keeps -Wcast-qual quiet.) */
#define RST_SEQ_AT(type, word) (*(volatile type *)(uintptr_t)(word))

static inline uint32_t rst_seq_cpu_id(void)
{
	uint32_t cpu;

	__asm__ volatile(RST_SEQ_HERE : [cpu] "=r"(cpu) : [area] "r"(RST_SEQ_AREA));
	return cpu;
}

static inline bool rst_seq_cas(unsigned cpu, struct rst_seq s)
{
	uint64_t scratch;

	__asm__ volatile goto(RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_STOP RST_SEQ_COMMIT
			      : [scratch] "=&r"(scratch)
			      : [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu),
				[stop] RST_SEQ_MEMORY(RST_SEQ_AT(uint32_t, s.stop)),
				[word] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, s.word)),
				[old] "r"(s.old), [new] "r"(s.new)
			      : "memory", "cc"
			      : failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_cas_guarded(unsigned cpu, struct rst_seq s)
{
	uint64_t scratch;

	__asm__ volatile goto(
		RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_STOP RST_SEQ_GUARD RST_SEQ_COMMIT
		: [scratch] "=&r"(scratch)
		: [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu),
		  [stop] RST_SEQ_MEMORY(RST_SEQ_AT(uint32_t, s.stop)),
		  [guard] "m"(RST_SEQ_AT(uint16_t, s.guard)), [expected] "r"((uint32_t)s.expected),
		  [word] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, s.word)), [old] "r"(s.old),
		  [new] "r"(s.new)
		: "memory", "cc"
		: failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_cas_at(unsigned cpu, struct rst_seq_at s)
{
	uint64_t scratch;

	__asm__ volatile goto(
		RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_PLACE RST_SEQ_COMMIT
		: [scratch] "=&r"(scratch)
		: [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu),
		  [guard] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, s.guard)), [expected] "r"(s.expected),
		  [word] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, s.word)), [old] "r"(s.old),
		  [new] "r"(s.new)
		: "memory", "cc"
		: failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_take(unsigned cpu, struct rst_seq_bit s)
{
	uint64_t scratch, second __attribute__((unused));

	__asm__ volatile goto(
		RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_PLACE RST_SEQ_TAKE
		: [scratch] "=&r"(scratch)RST_SEQ_SECOND(second)
		: [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu),
		  [guard] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, s.guard)), [expected] "r"(s.expected),
		  [word] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, s.word)), [bit] "r"(s.bit)
		: "memory", "cc"
		: failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_put(struct rst_seq_bit s, uint32_t *half, uint64_t *now)
{
	uint64_t second __attribute__((unused));

	__asm__ volatile goto(
		RST_SEQ_DESCRIPTOR RST_SEQ_PUT
		: [half] "=&r"(*half), [now] "=&r"(*now)RST_SEQ_SECOND(second)
		: [area] "r"(RST_SEQ_AREA), [expected] "ri"((uint32_t)s.expected),
		  [guard] RST_SEQ_MEMORY(RST_SEQ_AT(uint32_t, s.guard)),
		  [word] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, s.word)), [bit] "r"(s.bit)
		: "memory", "cc"
		: failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_lock_cas(unsigned cpu, _Atomic uint64_t *word, uint64_t old,
				    uint64_t new)
{
	uint64_t scratch, second;

	__asm__ volatile goto(
		RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_LOCK_CAS:RST_SEQ_LOCK_SCRATCH
		: [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu),
		  [word] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, word)), [old] "r"(old), [new] "r"(new)
		: "memory", "cc"
		: failed);
	return true;
failed:
	return false;
}

static inline bool rst_seq_add(unsigned cpu, _Atomic uint64_t *word, uint64_t n)
{
	uint64_t scratch;

	__asm__ volatile goto(RST_SEQ_DESCRIPTOR RST_SEQ_BEGIN RST_SEQ_ADD
			      : [scratch] "=&r"(scratch)
			      : [area] "r"(RST_SEQ_AREA), [cpu] "r"(cpu),
				[word] RST_SEQ_MEMORY(RST_SEQ_AT(uint64_t, word)), [n] "r"(n)
			      : "memory", "cc"
			      : failed);
	return true;
failed:
	return false;
}

static inline unsigned rst_seq_here(void)
{
	/* Negative if this thread's area is not registered: RST_NO_CPU or above all CPUs. */
	return rst_seq_cpu_id();
}

static inline unsigned rst_seq_cpu(void)
{
	/* Threads that share a virtual CPU may run on several real ones. */
	if (rst_posix_cpu >= 0)
		return RST_NO_CPU;
	return rst_seq_here();
}

#endif
