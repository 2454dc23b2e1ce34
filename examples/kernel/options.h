/* SPDX-License-Identifier: MIT */
/* options.h - the kernel's command line, /chosen/bootargs: words NAME or NAME=VALUE. */
#ifndef KERNEL_OPTIONS_H
#define KERNEL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dtb.h"

/* Faults on purpose, to show that each is found. */
enum fault {
	FAULT_NONE,
	FAULT_MAP,    /* map: memory is handed out twice */
	FAULT_STAMP,  /* stamp: writes to a frame that it does not hold */
	FAULT_DOUBLE, /* double: frees a block twice */
	FAULT_LEAK,   /* leak: keeps a block */
	FAULT_ACCESS, /* access: writes to where nothing is */
	FAULT_STOP,   /* stop: a CPU makes no steps any more */
	FAULTS
};

struct options {
	uint64_t seconds;  /* works at least this long: seconds=N */
	uint64_t patience; /* and it fails if it takes N more: patience=N */
	enum fault fault;  /* break=NAME */
};

extern struct options options;

/* Fails at a word that it does not know. */
void options_read(const struct dtb *dtb);

#endif
