/* SPDX-License-Identifier: MIT */
/*
 * classes.h - 44 sizes of objects: steps of 16 bytes to 256, 8 a doubling to 1 KiB, 4 to 8 KiB; and
 * how large a slab of each is.
 *
 * A slab is a power of two of pages: the largest of at most 64 KiB and 512 objects that has at
 * least 8 objects and at whose end at most 1/32 is lost; where there is none, the smallest above
 * 64 KiB.
 */
#ifndef OBJECTS_CLASSES_H
#define OBJECTS_CLASSES_H

#include <stddef.h>

enum {
	PAGE_SHIFT = 12,
	CLASSES = 44,
	LARGEST = 8192,
	SLAB_OBJECTS = 512, /* at most */
	SLAB_LEAST = 8,
};

static inline unsigned class_size(unsigned c)
{
	if (c < 16)
		return 16 * (c + 1);
	if (c < 32)
		return (256 << (c - 16) / 8) + (32 << (c - 16) / 8) * ((c - 16) % 8 + 1);
	return (1024 << (c - 32) / 4) + (256 << (c - 32) / 4) * ((c - 32) % 4 + 1);
}

static inline int slab_fits(unsigned size, size_t bytes)
{
	return bytes / size >= SLAB_LEAST && bytes % size <= bytes / 32;
}

static inline size_t slab_bytes(unsigned size)
{
	size_t bytes = 65536;

	while (bytes / size > SLAB_OBJECTS)
		bytes /= 2;
	while (bytes > 1 << PAGE_SHIFT && !slab_fits(size, bytes))
		bytes /= 2;
	if (slab_fits(size, bytes))
		return bytes;
	for (bytes = 131072; !slab_fits(size, bytes);)
		bytes *= 2;
	return bytes;
}

#endif
