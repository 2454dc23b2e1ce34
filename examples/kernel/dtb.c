/* SPDX-License-Identifier: MIT */
/* dtb.c - see dtb.h. All numbers in the blob are big-endian. */
#include "dtb.h"

enum { MAGIC = 0, TOTAL = 4, STRUCTURE = 8, STRINGS = 12, RESERVATIONS = 16, VERSION = 20 };
enum { COMPATIBLE_VERSION = 24, STRINGS_SIZE = 32, STRUCTURE_SIZE = 36, HEADER_SIZE = 40 };
enum { MAGIC_NUMBER = 0xd00dfeed, OUR_VERSION = 17, DEPTH = 16 };

enum kind { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOTHING = 4, END = 9 };

struct token {
	enum kind kind;
	uint32_t next;	     /* offset of the token that follows */
	const char *name;    /* of a node or a property */
	const uint8_t *data; /* of a property */
	uint32_t length;
};

static uint32_t big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t big64(const uint8_t *p)
{
	return (uint64_t)big32(p) << 32 | big32(p + 4);
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The length of the string at this offset, its 0 included; 0 if it does not end before end. */
static uint32_t string_at(const struct dtb *dtb, uint32_t at, uint32_t end)
{
	for (uint32_t i = at; i < end; i++)
		if (!dtb->blob[i])
			return i - at + 1;
	return 0;
}

/* The offset rounded up to a multiple of 4; the blob is smaller than 4 GiB by far. */
static uint32_t aligned(uint32_t at)
{
	return (at + 3) & ~3u;
}

static bool read_property(const struct dtb *dtb, uint32_t at, struct token *t)
{
	uint32_t name, end = dtb->structure_end;

	if (end - at < 8)
		return false;
	t->length = big32(dtb->blob + at);
	name = big32(dtb->blob + at + 4);
	at += 8;
	if (t->length > end - at || name >= dtb->strings_end - dtb->strings ||
	    !string_at(dtb, dtb->strings + name, dtb->strings_end))
		return false;
	t->name = (const char *)dtb->blob + dtb->strings + name;
	t->data = dtb->blob + at;
	t->next = aligned(at + t->length);
	return true;
}

/* Reads the token at this offset. False: there is no valid one. */
static bool read_token(const struct dtb *dtb, uint32_t at, struct token *t)
{
	uint32_t length;

	if (at > dtb->structure_end || dtb->structure_end - at < 4)
		return false;
	t->kind = big32(dtb->blob + at);
	at += 4;
	t->next = at;
	switch (t->kind) {
	case BEGIN_NODE:
		length = string_at(dtb, at, dtb->structure_end);
		t->name = (const char *)dtb->blob + at;
		t->next = aligned(at + length);
		return length != 0;
	case PROPERTY:
		return read_property(dtb, at, t);
	case END_NODE:
	case NOTHING:
	case END:
		return true;
	default:
		return false;
	}
}

/* A part of the blob lies inside of it, 4-aligned; nothing is added that could wrap. */
static bool part(const struct dtb *dtb, uint32_t start, uint32_t size)
{
	return start >= HEADER_SIZE && start <= dtb->size && size <= dtb->size - start;
}

/* One root node, all nodes closed, then the end. */
static bool well_formed(const struct dtb *dtb)
{
	struct token t = {.kind = NOTHING};
	uint32_t at = dtb->structure, depth = 0, roots = 0;

	for (; read_token(dtb, at, &t) && t.kind != END; at = t.next) {
		if (t.kind == BEGIN_NODE && (depth++ == DEPTH || (depth == 1 && roots++)))
			return false;
		if (t.kind == END_NODE && !depth--)
			return false;
		if (t.kind == PROPERTY && !depth)
			return false;
	}
	return at <= dtb->structure_end && t.kind == END && !depth && roots == 1;
}

const char *dtb_open(struct dtb *dtb, const void *blob, uint32_t limit)
{
	const uint8_t *b = blob;

	if (limit < HEADER_SIZE || big32(b + MAGIC) != MAGIC_NUMBER)
		return "no device tree";
	if (big32(b + VERSION) < OUR_VERSION || big32(b + COMPATIBLE_VERSION) > OUR_VERSION)
		return "device tree of an unknown version";
	*dtb = (struct dtb){.blob = b, .size = big32(b + TOTAL)};
	if (dtb->size < HEADER_SIZE || dtb->size > limit || limit > INT32_MAX)
		return "device tree of a senseless size";
	dtb->structure = big32(b + STRUCTURE);
	dtb->strings = big32(b + STRINGS);
	dtb->reservations = big32(b + RESERVATIONS);
	if (!part(dtb, dtb->structure, big32(b + STRUCTURE_SIZE)) ||
	    !part(dtb, dtb->strings, big32(b + STRINGS_SIZE)) || dtb->structure % 4)
		return "device tree with a part outside of it";
	dtb->structure_end = dtb->structure + big32(b + STRUCTURE_SIZE);
	dtb->strings_end = dtb->strings + big32(b + STRINGS_SIZE);
	return well_formed(dtb) ? NULL : "malformed device tree";
}

/* The first node from this offset on that is on this level; 0 if the level ends. */
static dtb_node node_from(const struct dtb *dtb, uint32_t at)
{
	struct token t;

	for (; read_token(dtb, at, &t); at = t.next) {
		if (t.kind == BEGIN_NODE)
			return at;
		if (t.kind == END_NODE || t.kind == END)
			return 0;
	}
	return 0;
}

dtb_node dtb_root(const struct dtb *dtb)
{
	return node_from(dtb, dtb->structure);
}

dtb_node dtb_child(const struct dtb *dtb, dtb_node node)
{
	struct token t;

	return read_token(dtb, node, &t) ? node_from(dtb, t.next) : 0;
}

dtb_node dtb_sibling(const struct dtb *dtb, dtb_node node)
{
	uint32_t depth = 0, at = node;
	struct token t;

	for (; read_token(dtb, at, &t) && t.kind != END; at = t.next) {
		depth += t.kind == BEGIN_NODE;
		if (t.kind == END_NODE && --depth == 0)
			return node_from(dtb, t.next);
	}
	return 0;
}

dtb_node dtb_find(const struct dtb *dtb, const char *name)
{
	dtb_node node = dtb_child(dtb, dtb_root(dtb));
	struct token t;

	while (node && read_token(dtb, node, &t) && !same(t.name, name))
		node = dtb_sibling(dtb, node);
	return node;
}

dtb_node dtb_find_compatible(const struct dtb *dtb, const char *compatible)
{
	dtb_node node = dtb_child(dtb, dtb_root(dtb));

	while (node && !dtb_property_is(dtb, node, "compatible", compatible))
		node = dtb_sibling(dtb, node);
	return node;
}

const uint8_t *dtb_property(const struct dtb *dtb, dtb_node node, const char *name,
			    uint32_t *length)
{
	struct token t;
	bool good = read_token(dtb, node, &t);

	while (good && read_token(dtb, t.next, &t) && (t.kind == PROPERTY || t.kind == NOTHING)) {
		if (t.kind == PROPERTY && same(t.name, name)) {
			*length = t.length;
			return t.data;
		}
	}
	return NULL;
}

bool dtb_property_is(const struct dtb *dtb, dtb_node node, const char *name, const char *text)
{
	uint32_t size, length, at, end;
	const uint8_t *data = dtb_property(dtb, node, name, &size);

	if (!data)
		return false;
	at = (uint32_t)(data - dtb->blob);
	end = at + size;
	for (; (length = string_at(dtb, at, end)); at += length)
		if (same((const char *)dtb->blob + at, text))
			return true;
	return false;
}

uint64_t dtb_number(const struct dtb *dtb, dtb_node node, const char *name, uint64_t otherwise)
{
	uint32_t length;
	const uint8_t *data = dtb_property(dtb, node, name, &length);

	if (data && length == 4)
		return big32(data);
	return data && length == 8 ? big64(data) : otherwise;
}

/* A number of 0 to 2 cells. */
static uint64_t cells(const uint8_t *data, uint32_t count)
{
	return count == 0 ? 0 : count == 1 ? big32(data) : big64(data);
}

int dtb_ranges(const struct dtb *dtb, dtb_node parent, dtb_node node, struct dtb_range *ranges,
	       int max)
{
	uint64_t address = dtb_number(dtb, parent, "#address-cells", 2);
	uint64_t size = dtb_number(dtb, parent, "#size-cells", 1);
	uint32_t length, step = 4 * (uint32_t)(address + size);
	const uint8_t *data = dtb_property(dtb, node, "reg", &length);
	int count = 0;

	if (!data)
		return 0;
	if (address < 1 || address > 2 || size > 2 || length % step)
		return -1;
	for (; length && count < max; length -= step, data += step, count++) {
		ranges[count].start = cells(data, (uint32_t)address);
		ranges[count].end = ranges[count].start + cells(data + 4 * address, (uint32_t)size);
		if (ranges[count].end < ranges[count].start)
			return -1;
	}
	return count;
}

bool dtb_reservation(const struct dtb *dtb, uint32_t i, struct dtb_range *range)
{
	uint32_t at = dtb->reservations;
	uint64_t size;

	if (i > dtb->size / 16 || !part(dtb, at, (i + 1) * 16))
		return false;
	range->start = big64(dtb->blob + at + i * 16);
	size = big64(dtb->blob + at + i * 16 + 8);
	range->end = range->start + size;
	return size && range->end > range->start;
}
