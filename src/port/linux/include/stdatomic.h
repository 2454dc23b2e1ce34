/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What core/atomic.h uses of C11's <stdatomic.h>. The compiler's own header has names that the
 * kernel's headers give to functions (atomic_fetch_add()).
 */
#ifndef RST_LINUX_STDATOMIC_H
#define RST_LINUX_STDATOMIC_H

enum {
	memory_order_relaxed = __ATOMIC_RELAXED,
	memory_order_acquire = __ATOMIC_ACQUIRE,
	memory_order_release = __ATOMIC_RELEASE,
	memory_order_acq_rel = __ATOMIC_ACQ_REL,
	memory_order_seq_cst = __ATOMIC_SEQ_CST,
};

#ifdef __clang__
#define atomic_load_explicit(p, order)	       __c11_atomic_load(p, order)
#define atomic_store_explicit(p, v, order)     __c11_atomic_store(p, v, order)
#define atomic_exchange_explicit(p, v, order)  __c11_atomic_exchange(p, v, order)
#define atomic_fetch_add_explicit(p, v, order) __c11_atomic_fetch_add(p, v, order)
#define atomic_fetch_sub_explicit(p, v, order) __c11_atomic_fetch_sub(p, v, order)
#define atomic_fetch_or_explicit(p, v, order)  __c11_atomic_fetch_or(p, v, order)
#define atomic_fetch_and_explicit(p, v, order) __c11_atomic_fetch_and(p, v, order)
#define atomic_compare_exchange_strong_explicit(p, expected, v, success, failure)                  \
	__c11_atomic_compare_exchange_strong(p, expected, v, success, failure)
#define atomic_thread_fence(order) __c11_atomic_thread_fence(order)
#define atomic_signal_fence(order) __c11_atomic_signal_fence(order)
#else
#define atomic_load_explicit(p, order)	       __atomic_load_n(p, order)
#define atomic_store_explicit(p, v, order)     __atomic_store_n(p, v, order)
#define atomic_exchange_explicit(p, v, order)  __atomic_exchange_n(p, v, order)
#define atomic_fetch_add_explicit(p, v, order) __atomic_fetch_add(p, v, order)
#define atomic_fetch_sub_explicit(p, v, order) __atomic_fetch_sub(p, v, order)
#define atomic_fetch_or_explicit(p, v, order)  __atomic_fetch_or(p, v, order)
#define atomic_fetch_and_explicit(p, v, order) __atomic_fetch_and(p, v, order)
#define atomic_compare_exchange_strong_explicit(p, expected, v, success, failure)                  \
	__atomic_compare_exchange_n(p, expected, v, false, success, failure)
#define atomic_thread_fence(order) __atomic_thread_fence(order)
#define atomic_signal_fence(order) __atomic_signal_fence(order)
#endif

#endif
