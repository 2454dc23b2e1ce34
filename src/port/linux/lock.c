// SPDX-License-Identifier: MIT OR GPL-2.0
/* lock.c - the classes of the engines' locks. */
#include "rst_port.h"

#if ROOST_SMP
struct lock_class_key rst_linux_pcp_key, rst_linux_zone_key;
#endif
