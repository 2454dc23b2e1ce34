/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* <stdint.h> as the engines need it, of the kernel's types. */
#ifndef RST_LINUX_STDINT_H
#define RST_LINUX_STDINT_H

#include <linux/limits.h>
#include <linux/types.h>

#ifndef INT32_MAX
#define INT32_MAX S32_MAX
#endif
#ifndef UINT32_MAX
#define UINT32_MAX U32_MAX
#endif
#ifndef UINT64_MAX
#define UINT64_MAX U64_MAX
#endif

#endif
