/* SPDX-License-Identifier: MIT */
/*
 * pool.c - an input is a pool's configuration, then calls: blocks of any size, alone and in
 * batches, sizes, trims, and pointers that are no blocks. Each block is written to and must be as
 * it was when it is freed.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <roost/pool.h>

#define MIB ((size_t)1 << 20)

enum { BLOCKS = 256, CALLS = 300, BATCH = 16, PAGE = 4096 };

struct held {
	char *at;
	size_t size;
	uint64_t stamp;
};

static struct {
	roost_pool_t *pool;
	size_t limit, used;
	struct held blocks[BLOCKS];
	unsigned nr;
	uint64_t stamps;
	unsigned misuses;
	const void *misused;
	const char *call;
} f;

static void on_misuse(void *context, const char *call, const void *block, const char *what)
{
	(void)context;
	FUZZ_CHECK(what && *what, "a misuse without a word");
	f.misuses++;
	f.misused = block;
	f.call = call;
}

#define LOG(...)                                                                                   \
	do {                                                                                       \
		if (fuzz_log())                                                                    \
			fprintf(stderr, __VA_ARGS__);                                              \
	} while (0)

/* ---- Blocks -------------------------------------------------------------------------------- */

/* The first and the last word, and one in the middle. */
static void stamp(const struct held *h)
{
	memcpy(h->at, &h->stamp, sizeof(h->stamp));
	memcpy(h->at + h->size / 2, &h->stamp, sizeof(h->stamp));
	memcpy(h->at + h->size - sizeof(h->stamp), &h->stamp, sizeof(h->stamp));
}

static void check_stamp(const struct held *h)
{
	FUZZ_CHECK(!memcmp(h->at, &h->stamp, sizeof(h->stamp)) &&
			   !memcmp(h->at + h->size / 2, &h->stamp, sizeof(h->stamp)) &&
			   !memcmp(h->at + h->size - sizeof(h->stamp), &h->stamp, sizeof(h->stamp)),
		   "a block of %zu bytes is not as it was", h->size);
}

/* To pages, and these to n x 2^j with n from 4 to 8. */
static size_t rounded(size_t size)
{
	size_t pages = size ? (size - 1) / PAGE + 1 : 1, step = 1;

	while (8 * step < pages)
		step *= 2;
	return (pages + step - 1) / step * step * PAGE;
}

static void take(char *at, size_t size)
{
	struct held *h = &f.blocks[f.nr];

	*h = (struct held){at, rounded(size), ++f.stamps};
	/* To the largest power of two that divides the size. */
	FUZZ_CHECK((uintptr_t)at % (h->size & -h->size) == 0, "%zu bytes are not aligned", h->size);
	FUZZ_CHECK(roost_pool_of(at) == f.pool, "a block of another pool");
	FUZZ_CHECK(roost_pool_usable_size(at) == h->size, "usable: %zu bytes, not %zu",
		   roost_pool_usable_size(at), h->size);
	for (unsigned i = 0; i < f.nr; i++)
		FUZZ_CHECK(at >= f.blocks[i].at + f.blocks[i].size ||
				   f.blocks[i].at >= at + h->size,
			   "handed out twice: %zu bytes", h->size);
	stamp(h);
	f.used += h->size;
	f.nr++;
}

static struct held drop(unsigned i)
{
	struct held h = f.blocks[i];

	check_stamp(&h);
	f.blocks[i] = f.blocks[--f.nr];
	f.used -= h.size;
	return h;
}

/* ---- Calls --------------------------------------------------------------------------------- */

static size_t some_size(struct fuzz_bytes *b)
{
	switch (fuzz_below(b, 8)) {
	case 0:
		return fuzz_any(b);
	case 1:
		return (size_t)fuzz_number(b, 3);
	case 2:
		return (size_t)PAGE << fuzz_below(b, 12);
	case 3:
		return ((size_t)PAGE << fuzz_below(b, 12)) + 1;
	default:
		return (size_t)fuzz_below(b, 5 * PAGE);
	}
}

static unsigned some_flags(struct fuzz_bytes *b)
{
	return fuzz_below(b, 3) | (fuzz_below(b, 2) ? ROOST_WAIT : 0) |
	       (fuzz_below(b, 4) == 3 ? ROOST_RESERVE : 0);
}

static void do_alloc(struct fuzz_bytes *b)
{
	size_t size = some_size(b);
	unsigned flags = some_flags(b);
	char *at;

	if (f.nr == BLOCKS)
		return;
	LOG("alloc %zu flags %#x\n", size, flags);
	errno = 0;
	at = roost_pool_alloc(f.pool, size, flags);
	if (at)
		take(at, size);
	else
		FUZZ_CHECK(errno == ENOMEM, "no memory, and errno is %d", errno);
}

static void do_bulk(struct fuzz_bytes *b)
{
	size_t size = some_size(b), wanted = 1 + fuzz_below(b, BATCH), got;
	unsigned flags = some_flags(b);
	void *blocks[BATCH];

	if (f.nr + wanted > BLOCKS)
		return;
	LOG("bulk alloc of %zu: %zu flags %#x\n", wanted, size, flags);
	got = roost_pool_alloc_bulk(f.pool, size, flags, blocks, wanted);
	FUZZ_CHECK(got <= wanted, "%zu blocks, not %zu", got, wanted);
	for (size_t i = 0; i < got; i++)
		take(blocks[i], size);
}

static void do_free(struct fuzz_bytes *b)
{
	struct held h;

	if (!f.nr)
		return;
	h = drop(fuzz_below(b, f.nr));
	LOG("free %p, %zu\n", (void *)h.at, h.size);
	roost_pool_free(h.at);
	FUZZ_CHECK(!roost_pool_usable_size(h.at), "usable though it is free");
}

static void do_free_bulk(struct fuzz_bytes *b)
{
	void *blocks[BATCH];
	unsigned n = 1 + fuzz_below(b, BATCH), i = 0;

	for (; i < n && f.nr; i++)
		blocks[i] = drop(fuzz_below(b, f.nr)).at;
	LOG("bulk free of %u\n", i);
	roost_pool_free_bulk(blocks, i);
}

static void do_resize(struct fuzz_bytes *b)
{
	size_t size = fuzz_below(b, 4) == 3 ? fuzz_any(b) : fuzz_below(b, 40) * MIB;
	struct roost_pool_info info;
	int err = roost_pool_resize(f.pool, size);

	LOG("resize to %zu: %d\n", size, err);
	roost_pool_info(f.pool, &info);
	FUZZ_CHECK(err == 0 || err == -EINVAL || err == -ENOMEM || err == -EAGAIN,
		   "resize: error %d", err);
	if (!err)
		FUZZ_CHECK(info.size >= size && info.size <= f.limit, "resize to %zu: %zu", size,
			   info.size);
}

static void do_trim(void)
{
	LOG("trim\n");
	roost_pool_trim(f.pool);
	FUZZ_CHECK(roost_pool_resident(f.pool) <= f.limit, "more resident than there is");
}

/* Does a block of ours begin there? */
static bool is_ours(const char *at)
{
	for (unsigned i = 0; i < f.nr; i++)
		if (f.blocks[i].at == at)
			return true;
	return false;
}

/* A pointer into the pool at which no block begins: it is reported and changes nothing. */
static void do_misuse(struct fuzz_bytes *b)
{
	char *at = roost_pool_address(f.pool, fuzz_below(b, (unsigned)(f.limit / PAGE)));
	void *batch[3] = {NULL, NULL, NULL};
	bool bulk = fuzz_below(b, 2);

	if (f.nr && fuzz_below(b, 2))
		at = f.blocks[fuzz_below(b, f.nr)].at + PAGE;
	if (fuzz_below(b, 4) == 3)
		at += 1 + fuzz_below(b, PAGE - 1);
	if (is_ours(at) || roost_pool_of(at) != f.pool)
		return;
	LOG("wrong free of %p, page %zu\n", (void *)at,
	    (size_t)(at - (char *)roost_pool_address(f.pool, 0)) / PAGE);
	FUZZ_CHECK(!roost_pool_usable_size(at), "usable though no block begins there");
	f.misuses = 0;
	batch[fuzz_below(b, 3)] = at;
	if (bulk)
		roost_pool_free_bulk(batch, 3);
	else
		roost_pool_free(at);
	FUZZ_CHECK(f.misuses == 1, "%u misuses were reported, not 1", f.misuses);
	FUZZ_CHECK(f.misused == at, "a misuse of another pointer was reported");
	f.misuses = 0;
}

static void do_wrong_alloc(struct fuzz_bytes *b)
{
	unsigned flags = fuzz_below(b, 2) ? 3 : 1u << (25 + fuzz_below(b, 8) % 7);

	LOG("wrong alloc flags %#x\n", flags);
	FUZZ_CHECK(!roost_pool_alloc(f.pool, PAGE, flags), "flags %#x are good", flags);
	FUZZ_CHECK(f.misuses == 1 && !strcmp(f.call, "roost_pool_alloc"),
		   "%u misuses were reported, not 1", f.misuses);
	f.misuses = 0;
}

static void look(void)
{
	struct roost_pool_info info;
	struct roost_violation v;

	roost_pool_info(f.pool, &info);
	FUZZ_CHECK(info.used == f.used, "%zu bytes are in use, not %zu", info.used, f.used);
	FUZZ_CHECK(info.size <= f.limit && info.used <= info.size, "size %zu of %zu, used %zu",
		   info.size, f.limit, info.used);
	if (roost_validate(roost_pool_frames(f.pool), &v))
		fuzz_fail("violated: %s (pfn %llu)", v.invariant, (unsigned long long)v.pfn);
	for (unsigned i = 0; i < f.nr; i++)
		check_stamp(&f.blocks[i]);
	FUZZ_CHECK(!f.misuses, "good calls were reported as misuse");
}

static void one_call(struct fuzz_bytes *b)
{
	switch (fuzz_below(b, 16)) {
	case 0:
		do_resize(b);
		break;
	case 1:
		do_trim();
		break;
	case 2:
		do_misuse(b);
		break;
	case 3:
		fuzz_below(b, 4) ? look() : do_wrong_alloc(b);
		break;
	case 4:
		do_bulk(b);
		break;
	case 5:
		do_free_bulk(b);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		do_free(b);
		break;
	default:
		do_alloc(b);
	}
}

static struct roost_pool_config read_config(struct fuzz_bytes *b)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	static char name[64];

	config.check_level = 1 + fuzz_below(b, 3);
	config.limit = fuzz_below(b, 8) == 7 ? fuzz_any(b) : (1 + fuzz_below(b, 32)) * MIB;
	config.initial = fuzz_below(b, 2) ? fuzz_below(b, 33) * MIB : 0;
	config.step = fuzz_below(b, 2) ? fuzz_below(b, 9) * MIB : 0;
	config.reserve = fuzz_below(b, 4) == 3 ? fuzz_below(b, 64) * PAGE : 0;
	config.pages = (enum roost_pool_pages)fuzz_below(b, 3);
	config.decay_ms = fuzz_below(b, 2) ? 1 : 0;
	if (fuzz_below(b, 4) == 3) {
		fuzz_text(b, name, sizeof(name));
		config.name = name;
	}
	config.misuse = on_misuse;
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};
	struct roost_pool_config config = read_config(&bytes);
	const char *error = roost_pool_config_error(&config);
	struct roost_pool_info info;
	int err;

	memset(&f, 0, sizeof(f));
	if (error)
		fuzz_check_line("roost_pool_config_error()", error);
	if (!error && config.limit > 64 * MIB)
		return 0;
	err = roost_pool_create(&f.pool, &config);
	FUZZ_CHECK(error ? err == -EINVAL : !err, "create: %d, and the configuration is %s", err,
		   error ? error : "good");
	if (error)
		return 0;
	roost_pool_info(f.pool, &info);
	f.limit = info.limit;
	for (unsigned i = 0; i < CALLS && fuzz_more(&bytes); i++)
		one_call(&bytes);
	look();
	while (f.nr)
		roost_pool_free(drop(f.nr - 1).at);
	look();
	roost_pool_destroy(f.pool);
	return 0;
}
