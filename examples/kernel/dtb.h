/* SPDX-License-Identifier: MIT */
/*
 * dtb.h - reads a flattened device tree (version 17 of the Devicetree Specification).
 *
 * dtb_open() walks all of it once and refuses what is malformed; every read is checked against the
 * size of the blob all the same. Nothing is copied or written.
 */
#ifndef KERNEL_DTB_H
#define KERNEL_DTB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtb {
	const uint8_t *blob;
	uint32_t size;
	uint32_t structure, structure_end; /* offsets into the blob */
	uint32_t strings, strings_end;
	uint32_t reservations;
};

/* A node, by where it begins; 0 is none. */
typedef uint32_t dtb_node;

/* Bytes [start, end). */
struct dtb_range {
	uint64_t start, end;
};

/* Opens the blob, of which limit bytes may be read. NULL, or what is wrong with it. */
const char *dtb_open(struct dtb *dtb, const void *blob, uint32_t limit);

dtb_node dtb_root(const struct dtb *dtb);
dtb_node dtb_child(const struct dtb *dtb, dtb_node node);   /* the first one */
dtb_node dtb_sibling(const struct dtb *dtb, dtb_node node); /* the next one */

/* The root's child of this name, or the first one that is compatible with this. */
dtb_node dtb_find(const struct dtb *dtb, const char *name);
dtb_node dtb_find_compatible(const struct dtb *dtb, const char *compatible);

/* The property's bytes, or NULL. */
const uint8_t *dtb_property(const struct dtb *dtb, dtb_node node, const char *name,
			    uint32_t *length);

/* Is one of the property's strings this one? */
bool dtb_property_is(const struct dtb *dtb, dtb_node node, const char *name, const char *text);

/* The property as a number of 32 or 64 bits; otherwise if it is not there or no such number. */
uint64_t dtb_number(const struct dtb *dtb, dtb_node node, const char *name, uint64_t otherwise);

/*
 * The addresses and sizes of the node's reg, in the cells that its parent says: at most max of them
 * (with no size they are empty). Returns how many there are, or -1 if reg makes no sense. A node
 * without reg has none.
 */
int dtb_ranges(const struct dtb *dtb, dtb_node parent, dtb_node node, struct dtb_range *ranges,
	       int max);

/* Entry i of the memory reservation block. False: there is none. */
bool dtb_reservation(const struct dtb *dtb, uint32_t i, struct dtb_range *range);

#endif
