/* SPDX-License-Identifier: MIT */
/*
 * engine.h - what the explorer must know of an engine's insides: the one file that is compiled with
 * its headers is engine_NAME.c.
 */
#ifndef LAB_ENGINE_H
#define LAB_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include <roost/roost.h>

/* Registers locks and counters with the virtual machine. */
void engine_register(roost_t *roost);
/* Names what lies at an address of the arena; false if it is not the engine's. */
bool engine_name(const void *address, char *text, size_t size);

#endif
