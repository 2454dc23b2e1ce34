/* SPDX-License-Identifier: MIT */
/*
 * kernel_dtb.c - the device tree reader of examples/kernel: what it reads, and that no blob,
 * however broken, leads it out of the blob. Each is read from the end of a page behind which
 * nothing is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "dtb.h"

/* ---- Blobs ------------------------------------------------------------------------------- */

/* The structure comes last, so that nothing is behind it either. */
enum { ROOM = 4096, RESERVATIONS = 40, STRINGS = 72, STRUCTURE = 256 };

static struct {
	uint8_t bytes[ROOM];
	uint32_t at, strings;
} made;

static void put32(uint32_t at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		made.bytes[at + i] = (uint8_t)(value >> (24 - 8 * i));
}

static void cell(uint32_t value)
{
	put32(made.at, value);
	made.at += 4;
}

static void bytes(const void *data, size_t size)
{
	memcpy(made.bytes + made.at, data, size);
	made.at += (uint32_t)(size + 3) & ~3u;
}

static void node(const char *name)
{
	cell(1);
	bytes(name, strlen(name) + 1);
}

static void property(const char *name, const void *data, size_t size)
{
	cell(3);
	cell((uint32_t)size);
	cell(made.strings - STRINGS);
	strcpy((char *)made.bytes + made.strings, name);
	made.strings += (uint32_t)strlen(name) + 1;
	bytes(data, size);
}

static void text(const char *name, const char *value)
{
	property(name, value, strlen(value) + 1);
}

static void numbers(const char *name, const uint32_t *values, unsigned count)
{
	uint8_t data[64];

	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < 4; k++)
			data[4 * i + k] = (uint8_t)(values[i] >> (24 - 8 * k));
	property(name, data, 4u * count);
}

#define NUMBERS(name, ...)                                                                         \
	numbers(name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void finish(void)
{
	const uint32_t header[] = {
		0xd00dfeed,
		made.at + 4,
		STRUCTURE,
		STRINGS,
		RESERVATIONS,
		17,
		16,
		0,
		made.strings - STRINGS,
		made.at + 4 - STRUCTURE,
	};

	cell(9);
	for (unsigned i = 0; i < sizeof(header) / 4; i++)
		put32(4 * i, header[i]);
}

static void begin(void)
{
	memset(&made, 0, sizeof(made));
	made.at = STRUCTURE;
	made.strings = STRINGS;
	put32(RESERVATIONS + 4, 0x1000); /* [0x1000, 0x1800) */
	put32(RESERVATIONS + 12, 0x800); /* and the entry of zeros that ends it */
}

static void end(void)
{
	cell(2);
}

/* A machine as QEMU describes it, with two memories and nodes in nodes. */
static void make(void)
{
	begin();
	node("");
	NUMBERS("#address-cells", 2);
	NUMBERS("#size-cells", 2);
	node("memory@40000000");
	text("device_type", "memory");
	NUMBERS("reg", 0, 0x40000000, 0, 0x1000, 1, 0, 0, 0x2000);
	NUMBERS("numa-node-id", 3);
	end();
	node("cpus");
	NUMBERS("#address-cells", 1);
	NUMBERS("#size-cells", 0);
	node("cpu@5");
	text("device_type", "cpu");
	NUMBERS("reg", 5);
	end();
	end();
	node("psci");
	property("compatible", "arm,psci-1.0\0arm,psci-0.2", 26);
	end();
	end();
	finish();
}

/* The blob behind which nothing is. */
static uint8_t *at_the_end(uint32_t size)
{
	static uint8_t *pages;

	if (!pages) {
		pages = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		assert_ptr_not_equal(pages, MAP_FAILED);
		assert_int_equal(mprotect(pages + ROOM, ROOM, PROT_NONE), 0);
	}
	memcpy(pages + ROOM - size, made.bytes, size);
	return pages + ROOM - size;
}

/* Everything that a kernel asks of it, of every node. Returns how many nodes there were. */
static unsigned visit(const struct dtb *dtb, dtb_node parent, dtb_node node, unsigned depth)
{
	struct dtb_range ranges[4];
	unsigned nodes = 0;

	for (; node && depth < 20; node = dtb_sibling(dtb, node)) {
		dtb_ranges(dtb, parent, node, ranges, 4);
		dtb_number(dtb, node, "numa-node-id", 0);
		dtb_property_is(dtb, node, "compatible", "arm,psci-0.2");
		nodes += 1 + visit(dtb, node, dtb_child(dtb, node), depth + 1);
	}
	return nodes;
}

static unsigned read_all(const struct dtb *dtb)
{
	struct dtb_range range;

	dtb_find(dtb, "chosen");
	dtb_find_compatible(dtb, "nobody");
	for (uint32_t i = 0; i < 1000 && dtb_reservation(dtb, i, &range); i++)
		;
	return visit(dtb, 0, dtb_root(dtb), 0);
}

/* ---- Tests ------------------------------------------------------------------------------- */

static void reads_what_is_there(void **state)
{
	struct dtb dtb;
	struct dtb_range ranges[4];
	dtb_node memory, cpus;

	(void)state;
	make();
	assert_null(dtb_open(&dtb, at_the_end(made.at), made.at));
	assert_int_equal(read_all(&dtb), 5);
	memory = dtb_child(&dtb, dtb_root(&dtb));
	assert_true(dtb_property_is(&dtb, memory, "device_type", "memory"));
	assert_int_equal(dtb_number(&dtb, memory, "numa-node-id", 0), 3);
	assert_int_equal(dtb_number(&dtb, memory, "nothing", 7), 7);
	assert_int_equal(dtb_ranges(&dtb, dtb_root(&dtb), memory, ranges, 4), 2);
	assert_int_equal(ranges[0].start, 0x40000000);
	assert_int_equal(ranges[0].end, 0x40001000);
	assert_int_equal(ranges[1].start, 0x100000000);
	assert_int_equal(ranges[1].end, 0x100002000);
	cpus = dtb_find(&dtb, "cpus");
	assert_int_equal(dtb_ranges(&dtb, cpus, dtb_child(&dtb, cpus), ranges, 4), 1);
	assert_int_equal(ranges[0].start, 5);
	assert_int_equal(dtb_sibling(&dtb, dtb_child(&dtb, cpus)), 0);
	assert_int_not_equal(dtb_find_compatible(&dtb, "arm,psci-0.2"), 0);
	assert_int_equal(dtb_find_compatible(&dtb, "arm,psci"), 0);
	assert_true(dtb_reservation(&dtb, 0, &ranges[0]));
	assert_int_equal(ranges[0].start, 0x1000);
	assert_int_equal(ranges[0].end, 0x1800);
	assert_false(dtb_reservation(&dtb, 1, &ranges[0]));
}

static void refuses_what_ends_too_soon(void **state)
{
	struct dtb dtb;

	(void)state;
	make();
	for (uint32_t size = 0; size < made.at; size++)
		assert_non_null(dtb_open(&dtb, at_the_end(size), size));
	/* Also when the header says that it is all, and that the structure ends there. */
	for (uint32_t size = STRUCTURE; size < made.at; size++) {
		put32(4, size);
		assert_non_null(dtb_open(&dtb, at_the_end(size), size));
		put32(36, size - STRUCTURE);
		assert_non_null(dtb_open(&dtb, at_the_end(size), size));
		put32(36, made.at - STRUCTURE);
	}
}

static void stays_inside_whatever_is_broken(void **state)
{
	const uint8_t values[] = {0, 1, 2, 3, 4, 9, 0x7f, 0x80, 0xff};
	struct dtb dtb;
	unsigned accepted = 0, refused = 0;

	(void)state;
	make();
	for (uint32_t at = 0; at < made.at; at++) {
		uint8_t was = made.bytes[at];

		for (unsigned i = 0; i < sizeof(values); i++) {
			made.bytes[at] = values[i];
			if (dtb_open(&dtb, at_the_end(made.at), made.at)) {
				refused++;
			} else {
				accepted++;
				read_all(&dtb);
			}
		}
		made.bytes[at] = was;
	}
	assert_true(accepted > 100 && refused > 100);
}

static void refuses_lengths_that_wrap(void **state)
{
	struct dtb dtb;
	uint32_t length;

	(void)state;
	begin();
	node("");
	length = made.at + 4;
	text("loop", "abc");
	end();
	finish();
	put32(length, -12u); /* the property again */
	assert_non_null(dtb_open(&dtb, at_the_end(made.at), made.at));
}

static void refuses_reg_of_odd_size(void **state)
{
	struct dtb dtb;
	struct dtb_range range;

	(void)state;
	begin();
	node("");
	NUMBERS("reg", 1, 2, 3, 4);
	end();
	finish();
	assert_null(dtb_open(&dtb, at_the_end(made.at), made.at));
	assert_int_equal(dtb_ranges(&dtb, 0, dtb_root(&dtb), &range, 1), -1); /* 3 cells each */
}

static void refuses_nodes_without_end(void **state)
{
	struct dtb dtb;

	(void)state;
	begin();
	for (unsigned i = 0; i < 40; i++)
		node("n");
	for (unsigned i = 0; i < 40; i++)
		end();
	finish();
	assert_non_null(dtb_open(&dtb, at_the_end(made.at), made.at));
	begin();
	node("");
	finish();
	assert_non_null(dtb_open(&dtb, at_the_end(made.at), made.at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_there),
		cmocka_unit_test(refuses_what_ends_too_soon),
		cmocka_unit_test(stays_inside_whatever_is_broken),
		cmocka_unit_test(refuses_lengths_that_wrap),
		cmocka_unit_test(refuses_reg_of_odd_size),
		cmocka_unit_test(refuses_nodes_without_end),
	};

	return cmocka_run_group_tests_name("kernel_dtb", tests, NULL, NULL);
}
