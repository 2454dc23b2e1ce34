/* SPDX-License-Identifier: MIT */
/*
 * asserts.c - each assertion of the engine sets (core/assert.h) speaks up: the state is set to
 * what a broken engine would have made of it, or a function is called as none may, in a process of
 * its own that must end with that assertion's text.
 */
#include "sets/hidden.h"
#include "sets/pocket.h"

#include "harness.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"
#include "hints.h"

enum { M = ROOST_MOVABLE, FOREIGN = 2 };

static struct rig *rig;

static roost_t *r(void)
{
	return rig->roost;
}

static struct rst_zone *zone(void)
{
	return &r()->zones[0];
}

static struct rst_call call(void)
{
	return (struct rst_call){.r = r(), .here = {0, RST_NO_CPU}, .hints = RST_ALL_HINTS};
}

/* ---- What a broken engine does ------------------------------------------------------------- */

/* Puts a frame that was put already. */
static void put(void)
{
	roost_pfn pfn = rig_get(rig, 0, M);

	r()->blocks[0].word[0] |= UINT64_C(1) << pfn;
	roost_free(r(), pfn, 0);
}

/* Forgets that a pageblock was taken out of its region. */
static void take(void)
{
	rig_get(rig, 0, M);
	r()->regions[0].word[0] |= 1;
	rig_get(rig, 0, M);
}

/* Notes it in the wrong zone. */
static void note(void)
{
	rig_get(rig, 0, M);
	rst_settle(r(), &r()->zones[1], 0);
}

/* Puts some of a pageblock that somebody has in hand. */
static void put_before_whole(volatile void *word)
{
	if (word == &r()->place[1])
		r()->blocks[1].word[3] = 1;
}

static void settle(void)
{
	rst_open_whole(r(), zone(), 1);
	counted.meddle = put_before_whole;
	rst_settle(r(), zone(), 1);
}

/* Counts its section as ended before it has begun. */
static void demote(void)
{
	struct rst_call q = call();

	zone()->ended++;
	rst_demote(&q, zone(), hint_bin(M, 0), 0);
}

static void demote_region(void)
{
	struct rst_call q = call();

	zone()->ended++;
	rst_demote_region(&q, zone(), (struct rst_hint_bin){0, 0}, 0);
}

static void gather(void)
{
	struct rst_call q = call();

	rst_open_whole(r(), zone(), 1);
	zone()->ended++;
	rst_gather(&q, zone());
}

/* Leaves something in the set of a pageblock that it makes whole. */
static void claim(void)
{
	r()->blocks[0].word[5] = 1;
	rig_get(rig, 0, M);
}

static void open(void)
{
	r()->blocks[1].word[5] = 1;
	rst_open_whole(r(), zone(), 1);
}

static void take_range(void)
{
	r()->blocks[1].word[5] = 1;
	assert_int_equal(roost_take_range(r(), BLOCK, 1), 0);
}

/* Mixes up whose list it is. */
static void other_home(volatile void *word)
{
	(void)word;
	zone()->pcps[0].home = RST_MAX_HOMES;
}

static void adopt(void)
{
	rst_open_whole(r(), zone(), 1);
	counted.meddle = other_home;
	rig_get(rig, 0, M);
}

/* Notes another zone's pageblock, with one frame free, among its own. */
static void own(void)
{
	r()->regions[r()->zones[1].first_region].word[0] = 0;
	r()->blocks[FOREIGN].word[0] = 1;
	hint_note(zone(), M, rst_lowest_bin(0), FOREIGN);
	rig_get(rig, 0, M | ROOST_ZONE(0));
}

static void leave(void)
{
	zone()->pcps[0].current[M] = FOREIGN;
	roost_drain(r(), 0);
}

static void move(void)
{
	r()->place[1] = ROOST_LIST_RESERVE;
	rst_move(r(), zone(), 1, ROOST_LIST_RESERVE, M);
}

/* Opens a pocket that another empties. */
static void open_pocket(void)
{
	zone()->pockets[0].stop = RST_POCKET_OPEN;
}

/* Forgets that a pageblock taints its region. */
static void taint(void)
{
	roost_pfn pfn = rig_get(rig, 0, ROOST_UNMOVABLE);

	r()->taints[0] = 0;
	assert_int_equal(roost_isolate(r(), pfn, true), 0);
}

static void reap(void)
{
	roost_free(r(), rig_get(rig, 0, M), 0);
	counted.on_fence = open_pocket;
	rst_pocket_reap(r(), zone(), 0, RST_POCKET_OPEN);
}

static const struct {
	const char *text;
	void (*broken)(void);
} cases[] = {
	{"put: what is put was not free (or a caller freed it twice, unchecked)", put},
	{"take: what is handed out is in no set any more", take},
	{"note: a pageblock is noted in its own zone", note},
	{"settle: nothing is left in the set of what becomes whole", settle},
	{"demote: frames count as hidden while a hint is cleared", demote},
	{"demote: frames count as hidden while a region's hint is cleared", demote_region},
	{"gather: frames count as hidden while a hint is cleared", gather},
	{"claim: nothing is in the set of a whole pageblock", claim},
	{"open: nothing is in the set of a whole pageblock", open},
	{"range: nothing is in the set of a whole pageblock", take_range},
	{"adopt: nobody's current pageblock, and for a list of the CPU's own", adopt},
	{"own: a CPU owns a pageblock of that zone", own},
	{"leave: a CPU's pageblock is of that zone", leave},
	{"taint: what no longer taints a region was counted", taint},
	{"move: no pageblock leaves the reserve, and each has a list", move},
	{"reap: a pocket is stopped before it is emptied", reap},
};

/* ---- Tests --------------------------------------------------------------------------------- */

/* Two zones that lie between each other: pageblock FOREIGN is within zone 0, and zone 1's. */
static void open_rig(struct rig *to, void *const *state, bool pockets)
{
	static const struct roost_zone_config zones[] = {{.name = "A"}, {.name = "B"}};
	static const struct roost_range ranges[] = {
		{0, 2 * BLOCK, 0, 0}, {2 * BLOCK, 4 * BLOCK, 1, 0}, {4 * BLOCK, 6 * BLOCK, 0, 0}};
	struct roost_config config = rig_config(state);
	uint8_t order[] = {0, 1};

	counted = (struct counted){.pockets = pockets};
	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.zones = zones;
	config.nr_zones = LENGTH(zones);
	config.zone_order = order;
	config.nr_cpus = 1;
	rig_open(to, &config);
	rig->config.ranges = NULL;
	rig->config.zone_order = NULL;
	rig_cpu(to, 0);
}

/* What a process that does this says before it aborts. */
static void last_words(void (*broken)(void), char *text, size_t size)
{
	ssize_t n, length = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		dup2(ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		broken();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], text + length, size - 1 - (size_t)length)) > 0)
		length += n;
	text[length] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status))
		fail_msg("it went on: %s", text);
}

static void each_speaks_up(void **state)
{
	for (unsigned i = 0; i < LENGTH(cases); i++) {
		char text[1024], wanted[160];
		struct rig one;

		rig = &one;
		open_rig(rig, state, cases[i].broken == reap);
		last_words(cases[i].broken, text, sizeof(text));
		snprintf(wanted, sizeof(wanted), "assertion: %s\n", cases[i].text);
		assert_string_equal(text, wanted);
		counted = (struct counted){.pockets = false};
		rig_close(rig);
	}
}

/* No broken engine: a double free that the check level does not look for. The text must not send
 * its reader to the engine alone. */
static void free_twice(void)
{
	roost_pfn pfn = rig_get(rig, 10, M);

	roost_free(r(), pfn, 10);
	roost_free(r(), pfn, 10);
}

static void names_the_caller(void **state)
{
	char text[1024];
	struct rig one;

	rig = &one;
	open_rig(rig, state, false);
	r()->base.check_level = ROOST_CHECK_NONE;
	last_words(free_twice, text, sizeof(text));
	assert_non_null(strstr(text, "a caller freed it twice"));
	rig_close(rig);
}

static bool is_known(const char *text, size_t length)
{
	for (unsigned i = 0; i < LENGTH(cases); i++)
		if (strlen(cases[i].text) == length && !memcmp(cases[i].text, text, length))
			return true;
	return false;
}

/* How many assertions a source file has, each of which must be above. */
static unsigned look_for_more(const char *file)
{
	FILE *in = fopen(file, "r");
	char line[256];
	unsigned n = 0;

	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		const char *at = strstr(line, "RST_ASSERT"), *text = at ? strchr(at, '"') : NULL;

		if (!text)
			continue;
		if (!is_known(text + 1, strcspn(text + 1, "\"")))
			fail_msg("%s: no test for: %s", file, line);
		n++;
	}
	fclose(in);
	return n;
}

static void all_are_known(void **state)
{
	static const char *const sources[] = {SOURCES "/sets/*.[ch]", SOURCES "/core/[b-z]*.[ch]"};
	unsigned n = 0;
	glob_t files;

	(void)state;
	for (unsigned i = 0; i < LENGTH(sources); i++) {
		assert_int_equal(glob(sources[i], 0, NULL, &files), 0);
		for (size_t k = 0; k < files.gl_pathc; k++)
			n += look_for_more(files.gl_pathv[k]);
		globfree(&files);
	}
	assert_int_equal(n, LENGTH(cases));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(each_speaks_up, variants_one),
		SUITE_TEST(names_the_caller, variants_one),
		SUITE_TEST(all_are_known, variants_one),
	};

	return SUITE_RUN("sets_asserts", tests, argc, argv);
}
