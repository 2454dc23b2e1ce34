/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the atomic operations in use, with the memory order in the name.
 *
 * rlx  relaxed: no order, only that the access is not torn
 * acq  acquire: what follows sees what came before the release that was read
 * rel  release: whatever acquires this sees what came before
 * sc   sequentially consistent: also keeps a store before a later load of something else
 */
#ifndef RST_ATOMIC_H
#define RST_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define rst_load_rlx(p)	       atomic_load_explicit((p), memory_order_relaxed)
#define rst_load_acq(p)	       atomic_load_explicit((p), memory_order_acquire)
#define rst_load_sc(p)	       atomic_load_explicit((p), memory_order_seq_cst)
#define rst_store_rlx(p, v)    atomic_store_explicit((p), (v), memory_order_relaxed)
#define rst_store_rel(p, v)    atomic_store_explicit((p), (v), memory_order_release)
#define rst_store_sc(p, v)     atomic_store_explicit((p), (v), memory_order_seq_cst)
#define rst_xchg_acq(p, v)     atomic_exchange_explicit((p), (v), memory_order_acquire)
#define rst_xchg_rel(p, v)     atomic_exchange_explicit((p), (v), memory_order_release)
#define rst_xchg_acq_rel(p, v) atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define rst_xchg_sc(p, v)      atomic_exchange_explicit((p), (v), memory_order_seq_cst)
#define rst_fence_sc()	       atomic_thread_fence(memory_order_seq_cst)

/* The new value. */
#define rst_take_rel(p, v) (atomic_fetch_sub_explicit((p), (v), memory_order_release) - (v))

/* Their results are not used: a compiler may turn an operation whose result is used into a
 * compare-and-exchange loop. */
#define rst_add_rlx(p, v) ((void)atomic_fetch_add_explicit((p), (v), memory_order_relaxed))
#define rst_add_rel(p, v) ((void)atomic_fetch_add_explicit((p), (v), memory_order_release))
#define rst_add_sc(p, v)  ((void)atomic_fetch_add_explicit((p), (v), memory_order_seq_cst))
#define rst_or_sc(p, v)	  ((void)atomic_fetch_or_explicit((p), (v), memory_order_seq_cst))
/* The old value. Compilers make a loop of the first, which no free may have: rst_set_put_new(). */
#define rst_fetch_or_sc(p, v)	atomic_fetch_or_explicit((p), (v), memory_order_seq_cst)
#define rst_fetch_add_rlx(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define rst_and_sc(p, v)	((void)atomic_fetch_and_explicit((p), (v), memory_order_seq_cst))

/* Compare-and-exchange; *expected gets what was found on failure. */
static inline bool rst_cas8_rlx(_Atomic uint8_t *p, uint8_t *expected, uint8_t desired)
{
	return atomic_compare_exchange_strong_explicit(p, expected, desired, memory_order_relaxed,
						       memory_order_relaxed);
}

static inline bool rst_cas16_sc(_Atomic uint16_t *p, uint16_t *expected, uint16_t desired)
{
	return atomic_compare_exchange_strong_explicit(p, expected, desired, memory_order_seq_cst,
						       memory_order_relaxed);
}

static inline bool rst_cas32_rlx(_Atomic uint32_t *p, uint32_t *expected, uint32_t desired)
{
	return atomic_compare_exchange_strong_explicit(p, expected, desired, memory_order_relaxed,
						       memory_order_relaxed);
}

static inline bool rst_cas32_acq(_Atomic uint32_t *p, uint32_t *expected, uint32_t desired)
{
	return atomic_compare_exchange_strong_explicit(p, expected, desired, memory_order_acquire,
						       memory_order_relaxed);
}

static inline bool rst_cas32_sc(_Atomic uint32_t *p, uint32_t *expected, uint32_t desired)
{
	return atomic_compare_exchange_strong_explicit(p, expected, desired, memory_order_seq_cst,
						       memory_order_relaxed);
}

static inline bool rst_cas64_acq(_Atomic uint64_t *p, uint64_t *expected, uint64_t desired)
{
	return atomic_compare_exchange_strong_explicit(p, expected, desired, memory_order_acquire,
						       memory_order_relaxed);
}

static inline bool rst_cas64_sc(_Atomic uint64_t *p, uint64_t *expected, uint64_t desired)
{
	return atomic_compare_exchange_strong_explicit(p, expected, desired, memory_order_seq_cst,
						       memory_order_relaxed);
}

#endif
