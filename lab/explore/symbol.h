/* SPDX-License-Identifier: MIT */
/* symbol.h - the name of the function of this program that an address lies in. */
#ifndef LAB_SYMBOL_H
#define LAB_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: it is stripped. */
bool symbols_known(void);
/* Without what the compiler appends to the name of a part or copy; false: the program has no symbol
 * for it, since it is stripped. */
bool symbol_of(uintptr_t address, char *text, size_t size);

#endif
