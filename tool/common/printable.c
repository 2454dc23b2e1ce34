/* SPDX-License-Identifier: MIT */
/* printable.c - see printable.h. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "printable.h"
#include "say.h"

enum { ESCAPE = 4 /* \xNN */, DOTS = 3, NOT_SHOWN = ESCAPE * 4 };

/* How one character of the name is shown. */
struct piece {
	char text[NOT_SHOWN + 1];
	unsigned taken; /* bytes of the name */
	unsigned size, columns;
};

/* The length in bytes of the UTF-8 character at s; 0 if there is none. */
static unsigned decode(const unsigned char *s, size_t left, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned n = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n == 0 || n > left || s[0] >= 0xf8)
		return 0;
	*code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3fu);
	}
	return *code < least[n] || *code > 0x10ffff || *code >> 11 == 0x1b ? 0 : n;
}

/* Control characters, direction marks, characters without width, and code points that are no
 * characters. */
static bool is_shown(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	      {0x61c, 0x61c},	{0x200b, 0x200f},
		{0x2028, 0x202e}, {0x2060, 0x206f},   {0xfdd0, 0xfdef}, {0xfeff, 0xfeff},
		{0xfff9, 0xfffb}, {0xe0000, 0xe007f},
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return false;
	return (code & 0xfffe) != 0xfffe;
}

static unsigned width_of(uint32_t code)
{
	int width = wcwidth((wchar_t)code);

	return width < 0 ? 1 : (unsigned)width; /* -1: this locale does not know it */
}

static void take_piece(struct piece *p, const char *name, size_t left, bool again)
{
	const unsigned char *s = (const unsigned char *)name;
	uint32_t code = 0;
	unsigned n = decode(s, left, &code);
	bool escape = !again && left > 1 && s[0] == '\\' && s[1] == 'x';
	bool shown = n && is_shown(code) && !escape;

	p->taken = n ? n : 1;
	if (shown) {
		memcpy(p->text, name, n);
		p->size = n;
		p->columns = width_of(code);
		return;
	}
	for (unsigned i = 0; i < p->taken; i++)
		snprintf(p->text + (size_t)i * ESCAPE, ESCAPE + 1, "\\x%02x", s[i]);
	p->size = p->columns = p->taken * ESCAPE;
}

static char *print(char *out, size_t room, unsigned columns, const char *name, size_t length,
		   bool again)
{
	size_t used = 0, cut = 0; /* where the dots go if the rest is too long */
	unsigned width = 0, most = columns ? columns : ~0u;

	for (size_t i = 0; i < length;) {
		struct piece p;

		take_piece(&p, name + i, length - i, again);
		if (used + p.size >= room || width + p.columns > most) {
			memcpy(out + cut, "...", DOTS);
			used = cut + DOTS;
			break;
		}
		memcpy(out + used, p.text, p.size);
		used += p.size;
		width += p.columns;
		i += p.taken;
		if (used + DOTS < room && width + DOTS <= most)
			cut = used;
	}
	out[used] = '\0';
	return out;
}

char *printable(char *out, size_t room, unsigned columns, const char *name, size_t length)
{
	return print(out, room, columns, name, length, false);
}

char *printable_copy(const char *name, size_t length)
{
	size_t room = length * ESCAPE + ESCAPE;

	return print(grow(NULL, room, 1), room, 0, name, length, false);
}

char *printable_again(char *out, size_t room, unsigned columns, const char *text)
{
	return print(out, room, columns, text, strlen(text), true);
}

char *printable_again_copy(const char *text)
{
	size_t length = strlen(text), room = length * ESCAPE + ESCAPE;

	return print(grow(NULL, room, 1), room, 0, text, length, true);
}

unsigned printable_columns(const char *text)
{
	size_t length = strlen(text);
	unsigned columns = 0;

	for (size_t i = 0; i < length;) {
		struct piece p;

		take_piece(&p, text + i, length - i, true);
		columns += p.columns;
		i += p.taken;
	}
	return columns;
}
