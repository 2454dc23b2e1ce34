/* SPDX-License-Identifier: MIT */
/* text.h - text into a buffer without libc. Each function returns the new end. */
#ifndef RST_TEXT_H
#define RST_TEXT_H

#include "roost/roost.h"

struct rst_text {
	char *at;  /* where the next character goes */
	char *end; /* last byte of the buffer, kept for the terminating 0 */
};

/* What does not fit is cut off. The text stays 0-terminated. */
void rst_text_start(struct rst_text *text, char *buffer, size_t size);
void rst_text_put(struct rst_text *text, const char *string);
void rst_text_left(struct rst_text *text, const char *string, unsigned width);
void rst_text_right(struct rst_text *text, const char *string, unsigned width);
void rst_text_dec(struct rst_text *text, uint64_t value, unsigned width);
void rst_text_hex(struct rst_text *text, uint64_t value);

/* One line that names a misuse. */
void rst_text_misuse(struct rst_text *text, const struct roost_misuse *misuse);

#endif
