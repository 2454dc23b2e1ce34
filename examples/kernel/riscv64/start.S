/* SPDX-License-Identifier: MIT */
/*
 * start.S - entry of the boot hart and of the others, traps. riscv64, S-mode under SBI.
 *
 * The boot hart, whichever it is, comes first, with a0 its number and a1 the address of the device
 * tree. The others come by SBI HSM, also with their number in a0. They enter here as well, and find
 * their struct cpu by that number: OpenSBI 1.1 (QEMU 7.2 has it) tells a hart that it may start before
 * it writes down where and with which a1. A hart that does not sleep at that moment enters at the
 * address that the firmware knew before, which is that of the image. Address translation stays off
 * (satp 0).
 */
#include "../stack.h"

	.section .head, "ax"
	.globl start
start:
	csrw	sie, zero
	csrw	satp, zero
	la	t0, trap_entry
	csrw	stvec, t0
	la	t0, booted
	li	t1, 1
	amoswap.d t1, t1, (t0)
	bnez	t1, another
	la	t0, bss_start
	la	t1, image_end
1:	sd	zero, (t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b
	la	t0, boot_hart
	sd	a0, (t0)
	la	sp, boot_stack + STACK_SIZE
	mv	a0, a1
	call	kernel_main

another:
	la	a1, cpus
	li	t1, CPU_SIZE
1:	ld	t0, CPU_HARDWARE_ID(a1)
	beq	t0, a0, 2f
	add	a1, a1, t1
	j	1b
2:	ld	sp, CPU_STACK(a1)
	mv	a0, a1
	call	kernel_secondary

	.text
/* What a C function may change, and where to go back to. Bit 63 of scause is that of interrupts. */
	.balign	4
trap_entry:
	addi	sp, sp, -160
	sd	t0, 0(sp)
	csrr	t0, scause
	bgez	t0, fault_entry
	sd	ra, 8(sp)
	sd	t1, 16(sp)
	sd	t2, 24(sp)
	sd	a0, 32(sp)
	sd	a1, 40(sp)
	sd	a2, 48(sp)
	sd	a3, 56(sp)
	sd	a4, 64(sp)
	sd	a5, 72(sp)
	sd	a6, 80(sp)
	sd	a7, 88(sp)
	sd	t3, 96(sp)
	sd	t4, 104(sp)
	sd	t5, 112(sp)
	sd	t6, 120(sp)
	csrr	t1, sepc
	csrr	t2, sstatus
	sd	t1, 128(sp)
	sd	t2, 136(sp)
	mv	a0, t0
	call	irq_take
	ld	t1, 128(sp)
	ld	t2, 136(sp)
	csrw	sepc, t1
	csrw	sstatus, t2
	ld	t6, 120(sp)
	ld	t5, 112(sp)
	ld	t4, 104(sp)
	ld	t3, 96(sp)
	ld	a7, 88(sp)
	ld	a6, 80(sp)
	ld	a5, 72(sp)
	ld	a4, 64(sp)
	ld	a3, 56(sp)
	ld	a2, 48(sp)
	ld	a1, 40(sp)
	ld	a0, 32(sp)
	ld	t2, 24(sp)
	ld	t1, 16(sp)
	ld	ra, 8(sp)
	ld	t0, 0(sp)
	addi	sp, sp, 160
	sret

/* Nothing goes on after a fault; it has a stack of its own. */
fault_entry:
	la	sp, fault_stack + STACK_SIZE
	csrr	a0, scause
	csrr	a1, sepc
	csrr	a2, stval
	call	irq_fault

	.bss
	.balign	16
boot_stack:
	.space	STACK_SIZE
fault_stack:
	.space	STACK_SIZE
	.section .data			/* not cleared: the others look at it */
	.balign	8
booted:
	.quad	0
	.globl	boot_hart
boot_hart:
	.quad	0
