/* SPDX-License-Identifier: MIT */
/* text.c - names and sentences. */
#include "core/text.h"

const char *roost_strerror(int error)
{
	switch (error < 0 ? -error : error) {
	case 0:
		return "success";
	case ROOST_ENOENT:
		return "some of the frames are not present; roost_add_range() adds them";
	case ROOST_EEXIST:
		return "some of the frames are present already";
	case ROOST_EAGAIN:
		return "another context holds what is needed; try again";
	case ROOST_EBUSY:
		return "a frame is in use";
	case ROOST_EINVAL:
		return "an argument is wrong (for a configuration see roost_config_error())";
	case ROOST_ENOSPC:
		return "the metadata area is too small; ask roost_metadata_size()";
	case ROOST_E2BIG:
		return "the memory map is larger than can be managed (2^32 - 1024 frames)";
	case ROOST_EUCLEAN:
		return "an invariant of the metadata is violated";
	default:
		return "unknown error";
	}
}

unsigned roost_version(void)
{
	return ROOST_VERSION;
}

const char *roost_misuse_name(enum roost_misuse_kind kind)
{
	switch (kind) {
	case ROOST_MISUSE_DOUBLE_FREE:
		return "double free: the block is free already";
	case ROOST_MISUSE_NOT_ALLOCATED:
		return "not allocated: no block that was handed out starts here";
	case ROOST_MISUSE_WRONG_ORDER:
		return "wrong order: the block was handed out with another order";
	case ROOST_MISUSE_MISALIGNED:
		return "misaligned: pfn is no multiple of 2^order";
	case ROOST_MISUSE_OUT_OF_RANGE:
		return "out of range: below or above all memory";
	case ROOST_MISUSE_HOLE:
		return "hole: the frame is in a hole or a reserved range, or not present";
	case ROOST_MISUSE_BAD_ORDER:
		return "bad order: above the largest configured order";
	case ROOST_MISUSE_BAD_FLAGS:
		return "bad flags: unknown flags, or a zone, node or CPU that does not exist";
	case ROOST_MISUSE_CORRUPT:
		return "corrupt: the metadata contradict themselves";
	}
	return "unknown misuse";
}

void rst_text_start(struct rst_text *text, char *buffer, size_t size)
{
	text->at = buffer;
	text->end = buffer + size - 1;
	*text->at = 0;
}

void rst_text_put(struct rst_text *text, const char *string)
{
	while (*string && text->at < text->end)
		*text->at++ = *string++;
	*text->at = 0;
}

static void pad(struct rst_text *text, const char *string, unsigned width)
{
	unsigned length = 0;

	while (string[length])
		length++;
	for (; length < width; length++)
		rst_text_put(text, " ");
}

void rst_text_left(struct rst_text *text, const char *string, unsigned width)
{
	rst_text_put(text, string);
	pad(text, string, width);
}

void rst_text_right(struct rst_text *text, const char *string, unsigned width)
{
	pad(text, string, width);
	rst_text_put(text, string);
}

static void number(struct rst_text *text, uint64_t value, unsigned base, unsigned width)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	*at = 0;
	do {
		*--at = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	rst_text_right(text, at, width);
}

void rst_text_dec(struct rst_text *text, uint64_t value, unsigned width)
{
	number(text, value, 10, width);
}

void rst_text_hex(struct rst_text *text, uint64_t value)
{
	rst_text_put(text, "0x");
	number(text, value, 16, 0);
}

void rst_text_misuse(struct rst_text *text, const struct roost_misuse *misuse)
{
	rst_text_put(text, "roost: ");
	rst_text_put(text, misuse->call);
	if (misuse->pfn != ROOST_NONE) {
		rst_text_put(text, ": pfn ");
		rst_text_hex(text, misuse->pfn);
	}
	if (misuse->order_given >= 0) {
		rst_text_put(text, ": order ");
		rst_text_dec(text, (uint64_t)misuse->order_given, 0);
	}
	rst_text_put(text, ": ");
	rst_text_put(text, roost_misuse_name(misuse->kind));
	if (misuse->order_found >= 0) {
		rst_text_put(text, " (found order ");
		rst_text_dec(text, (uint64_t)misuse->order_found, 0);
		rst_text_put(text, " at pfn ");
		rst_text_hex(text, misuse->head_found);
		rst_text_put(text, ")");
	}
}
