/* SPDX-License-Identifier: MIT */
/*
 * start.S - entry of the boot CPU and of the others, the MMU, exceptions. aarch64.
 *
 * The image begins with the header that boot loaders of arm64 Linux know, and so does QEMU: it is
 * entered with the MMU off, interrupts off, x0 the address of the device tree.
 *
 * Atomic instructions want cacheable memory, so each CPU turns on the MMU before it touches any: one
 * table maps each GiB at its own address, the first as devices, RAM as normal memory, inner shareable,
 * write-back. Until then nothing is read but instructions.
 */
#include "../stack.h"

	.section .head, "ax"
	.globl start
start:
	b	boot
	.long	0
	.quad	0			/* from a multiple of 2 MiB */
	.quad	image_size
	.quad	2			/* little-endian, 4 KiB pages */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.text
boot:
	mov	x19, x0
	bl	mmu_on
	adrp	x1, bss_start		/* no linker pads it by more than 16 */
	add	x1, x1, :lo12:bss_start
	adrp	x2, image_end
1:	stp	xzr, xzr, [x1], #16
	cmp	x1, x2
	b.lo	1b
	adrp	x1, boot_stack + STACK_SIZE
	add	sp, x1, :lo12:boot_stack + STACK_SIZE
	bl	vectors_on
	mov	x0, x19
	bl	kernel_main

	.globl	secondary_start
secondary_start:			/* x0: struct cpu */
	mov	x19, x0
	bl	mmu_on
	bl	vectors_on
	ldr	x1, [x19, #CPU_STACK]
	mov	sp, x1
	mov	x0, x19
	bl	kernel_secondary

vectors_on:
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	isb
	ret

/* MAIR: 0 device (nGnRnE), 1 normal, write-back. TCR: 39 bits of address, 4 KiB, walks cacheable and
 * inner shareable, no upper half, 40 bits of physical address. SCTLR: the bits that are always 1,
 * I, C, M. */
mmu_on:
	ldr	x1, =0xff00
	msr	mair_el1, x1
	ldr	x1, =(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32)
	msr	tcr_el1, x1
	adrp	x1, mmu_table
	msr	ttbr0_el1, x1
	dsb	ish
	tlbi	vmalle1
	dsb	nsh
	isb
	ldr	x1, =0x30d01805
	msr	sctlr_el1, x1
	isb
	ret
	.ltorg

/* 16 entries of 128 bytes. Used is "current EL, SP_ELx": synchronous, IRQ, FIQ, SError. */
	.balign	2048
vectors:
	.rept	5
	b	fault_entry
	.balign	128
	.endr
	b	irq_entry		/* entry 5 */
	.balign	128
	.rept	10
	b	fault_entry
	.balign	128
	.endr

/* What a C function may change, and where to go back to. */
irq_entry:
	sub	sp, sp, #192
	stp	x0, x1, [sp]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x29, [sp, #144]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x30, x1, [sp, #160]
	str	x2, [sp, #176]
	bl	irq_take
	ldr	x2, [sp, #176]
	ldp	x30, x1, [sp, #160]
	msr	spsr_el1, x2
	msr	elr_el1, x1
	ldp	x18, x29, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp]
	add	sp, sp, #192
	eret

/* Nothing goes on after a fault; it has a stack of its own, since it may be the stack that is bad. */
fault_entry:
	adrp	x1, fault_stack + STACK_SIZE
	add	sp, x1, :lo12:fault_stack + STACK_SIZE
	mrs	x0, esr_el1
	mrs	x1, elr_el1
	mrs	x2, far_el1
	b	irq_fault

	.data
	.balign	4096
	.globl	mmu_table
mmu_table:				/* one entry for each GiB; mmu.c adds those of other RAM */
	.quad	0x0060000000000401	/* devices: not executable */
	.quad	0x0000000040000705	/* the GiB with the image */
	.fill	510, 8, 0

	.bss
	.balign	16
boot_stack:
	.space	STACK_SIZE
fault_stack:
	.space	STACK_SIZE
