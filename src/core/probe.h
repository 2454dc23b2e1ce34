/* SPDX-License-Identifier: MIT */
/*
 * probe.h - static probes (USDT) for bpftrace, perf, systemtap: docs/tracing.md names each of them.
 *
 * A probe is one nop and a note in the object file that says where it is and where its arguments
 * are. On the hot paths its arguments are values that exist anyway. Builds without ROOST_USDT
 * (freestanding ones, for example) have no code for it. A port with another kind of probe (Linux
 * has tracepoints) defines RST_PORT_PROBES as 1, and the macros.
 *
 * There is no probe inside sequences (pocket.h): a tracer would trap in the middle of them.
 */
#ifndef RST_PROBE_H
#define RST_PROBE_H

#include "core/port.h"

#ifndef ROOST_USDT
#define ROOST_USDT 0
#endif

#ifndef RST_PORT_PROBES
#define RST_PORT_PROBES 0
#endif

#if RST_PORT_PROBES
/* rst_port.h has them. */
#elif ROOST_USDT
#include <sys/sdt.h>
#define RST_PROBE1(name, a)	     STAP_PROBE1(roost, name, a)
#define RST_PROBE2(name, a, b)	     STAP_PROBE2(roost, name, a, b)
#define RST_PROBE3(name, a, b, c)    STAP_PROBE3(roost, name, a, b, c)
#define RST_PROBE4(name, a, b, c, d) STAP_PROBE4(roost, name, a, b, c, d)
#else
/* The arguments are still looked at by the compiler, and then forgotten. */
#define RST_PROBE1(name, a)	     ((void)(0 && (a)))
#define RST_PROBE2(name, a, b)	     ((void)(0 && (a) && (b)))
#define RST_PROBE3(name, a, b, c)    ((void)(0 && (a) && (b) && (c)))
#define RST_PROBE4(name, a, b, c, d) ((void)(0 && (a) && (b) && (c) && (d)))
#endif

/* n events of the counter at this offset in struct rst_counters, or in the engine's structure that
 * begins like it. Only ports have this probe: it fires wherever something is counted. */
#ifndef RST_PROBE_COUNT
#define RST_PROBE_COUNT(offset, n) ((void)0)
#endif

/* The caller begins to wait for a zone's lock; it has just acquired it; it moves n frames under it,
 * either way; it is about to drop it. Only a port of the lab has these. */
#ifndef RST_HOLD_BEGIN
#define RST_HOLD_WAITS()  ((void)0)
#define RST_HOLD_BEGIN()  ((void)0)
#define RST_HOLD_MOVED(n) ((void)0)
#define RST_HOLD_END()	  ((void)0)
#endif

#endif
