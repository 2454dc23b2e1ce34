/* SPDX-License-Identifier: MIT */
/*
 * start.S - entry of the boot hart and of the others, traps. riscv64, S-mode under SBI.
 *
 * The boot hart, whichever it is, comes with a0 its number, a1 the address of the device tree, the
 * others by SBI HSM with a1 their struct cpu. Address translation stays off (satp 0).
 */
#include "../stack.h"

	.section .head, "ax"
	.globl start
start:
	csrw	sie, zero
	csrw	satp, zero
	la	t0, bss_start
	la	t1, image_end
1:	sd	zero, (t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b
	la	t0, boot_hart
	sd	a0, (t0)
	la	sp, boot_stack + STACK_SIZE
	la	t0, trap_entry
	csrw	stvec, t0
	mv	a0, a1
	call	kernel_main

	.globl	secondary_start
secondary_start:
	csrw	sie, zero
	csrw	satp, zero
	la	t0, trap_entry
	csrw	stvec, t0
	ld	sp, CPU_STACK(a1)
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
	.section .data
	.balign	8
	.globl	boot_hart
boot_hart:
	.quad	0
