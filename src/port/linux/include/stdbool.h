/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#ifndef RST_LINUX_STDBOOL_H
#define RST_LINUX_STDBOOL_H
#include <linux/stddef.h>
#include <linux/types.h>
#endif
