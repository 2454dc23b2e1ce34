/* SPDX-License-Identifier: MIT */
/* raw.h - what an access does to the memory itself. A machine is one thread. */
#ifndef LAB_RAW_H
#define LAB_RAW_H

#include "access.h"

static inline uint64_t raw_load(const volatile void *address, unsigned size)
{
	switch (size) {
	case 1:
		return *(const volatile uint8_t *)address;
	case 2:
		return *(const volatile uint16_t *)address;
	case 4:
		return *(const volatile uint32_t *)address;
	default:
		return *(const volatile uint64_t *)address;
	}
}

static inline void raw_store(volatile void *address, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)address = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)address = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)address = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)address = value;
	}
}

static inline uint64_t raw_apply(enum rmw kind, uint64_t old, uint64_t value)
{
	switch (kind) {
	case RMW_ADD:
		return old + value;
	case RMW_SUB:
		return old - value;
	case RMW_AND:
		return old & value;
	case RMW_OR:
		return old | value;
	case RMW_XOR:
		return old ^ value;
	case RMW_NAND:
		return ~(old & value);
	default:
		return value;
	}
}

#endif
