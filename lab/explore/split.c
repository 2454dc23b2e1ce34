/* SPDX-License-Identifier: MIT */
/* split.c - see split.h. A part reports in a memory file, since a pipe could be full. */
#include "split.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ends.h"
#include "lock.h"
#include "memory.h"

enum { MOST_PARTS = 64, MOST_LEVELS = 32, SPLIT_AFTER = 1000 };

struct part {
	pid_t pid;
	int node, file;
	atomic_bool *unwanted; /* in memory that both see */
};

/* What a part writes, followed by backtrack points, ends and shared words. */
struct report {
	enum pass pass;
	bool pruned;
	struct result result;
	struct lock_rules rules;
	struct failure failure;
	struct schedule schedule; /* of a finding */
	unsigned nr_backtracks, nr_ends, nr_words;
};

static int processors[2] = {-1, -1};
static struct part parts[MOST_PARTS];
static unsigned nr_parts;
static uint64_t executions_then; /* when it was last split */
static enum pass parts_pass;
static struct schedule *find;

/* ---- This process as a part ---------------------------------------------------------------- */

static bool is_part;
static struct part self;
static unsigned ends_then;
static uint64_t steps_then, choices_then;
static atomic_bool *ancestors[MOST_LEVELS]; /* each one's "unwanted", its own last */
static unsigned nr_ancestors;

bool split_is_part(void)
{
	return is_part;
}

void split_forget(void)
{
	free(find);
	find = NULL;
	parts_pass = PASS_EXHAUSTED;
	executions_then = 0;
}

bool split_unwanted(void)
{
	for (unsigned i = 0; i < nr_ancestors; i++)
		if (atomic_load_explicit(ancestors[i], memory_order_relaxed))
			return true;
	return false;
}

/* ---- Processors ---------------------------------------------------------------------------- */

bool split_open(unsigned free_processors)
{
	if (pipe2(processors, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	while (free_processors--)
		split_put_processor();
	return true;
}

void split_put_processor(void)
{
	if (processors[1] >= 0 && write(processors[1], "", 1) != 1)
		abort(); /* a pipe holds more bytes than there can be processors */
}

static bool try_processor(void)
{
	char byte;

	return processors[0] >= 0 && read(processors[0], &byte, 1) == 1;
}

static void wait_for_processor(void)
{
	struct pollfd in = {.fd = processors[0], .events = POLLIN};

	while (!try_processor())
		poll(&in, 1, -1);
}

/* ---- Reports ------------------------------------------------------------------------------- */

static void put(const void *data, size_t size)
{
	for (const char *at = data; size;) {
		ssize_t n = write(self.file, at, size);

		if (n <= 0)
			_exit(2); /* the parent sees that the report is too short */
		at += n;
		size -= (size_t)n;
	}
}

static void get(int file, void *data, size_t size)
{
	for (char *at = data; size;) {
		ssize_t n = read(file, at, size);

		if (n <= 0) {
			fprintf(stderr, "roost: a part of a search ended\n");
			exit(2);
		}
		at += n;
		size -= (size_t)n;
	}
}

_Noreturn void split_report(enum pass pass, const struct search *search, struct result *result)
{
	static struct report r;
	static uint16_t backtracks[VM_STEPS];
	static struct place words[VM_SHARED];

	result->steps += vm.all_steps - steps_then;
	result->choices += vm.all_choices - choices_then;
	cover_take(result->cover);
	result->notes = notes;
	result->most_own = scenario_most_own();
	r = (struct report){.pass = pass, .pruned = search->pruned, .result = *result};
	lock_rules_take(&r.rules);
	if (pass == PASS_FOUND && find)
		r.schedule = *find;
	else if (pass == PASS_FOUND)
		schedule_take(&r.schedule);
	r.failure = vm.failure;
	r.nr_backtracks = (unsigned)self.node + 1;
	r.nr_ends = ends_count() - ends_then;
	r.nr_words = pass == PASS_GROWN ? memory_shared(words) : 0;
	search_backtracks(backtracks, r.nr_backtracks);
	put(&r, sizeof(r));
	put(backtracks, r.nr_backtracks * sizeof(backtracks[0]));
	put(ends_list() + ends_then, r.nr_ends * sizeof(uint64_t));
	put(words, r.nr_words * sizeof(words[0]));
	split_put_processor();
	_exit(0);
}

static void add_result(struct result *to, const struct result *part)
{
	to->executions += part->executions;
	to->redundant += part->redundant;
	to->cut += part->cut;
	to->steps += part->steps;
	to->choices += part->choices;
	to->states += part->states;
	to->parts += part->parts + 1;
	to->depth = part->depth > to->depth ? part->depth : to->depth;
	cover_add(part->cover);
	notes_add(&part->notes);
	scenario_add_own(part->most_own);
}

/* The first finding in the order of the search is the one that counts. */
static void add_pass(const struct report *r)
{
	if (r->pass <= parts_pass)
		return;
	parts_pass = r->pass;
	if (r->pass != PASS_FOUND)
		return;
	find = malloc(sizeof(*find));
	if (!find)
		abort();
	*find = r->schedule;
	vm.failure = r->failure;
}

/* wanted: what the part found out counts; else only what it cost. */
static void take_report(int file, int node, bool wanted, struct search *search,
			struct result *result)
{
	static struct report r;
	static uint16_t backtracks[VM_STEPS];
	static struct place words[VM_SHARED];
	uint64_t hash;

	lseek(file, 0, SEEK_SET);
	get(file, &r, sizeof(r));
	get(file, backtracks, r.nr_backtracks * sizeof(backtracks[0]));
	for (unsigned i = 0; i < r.nr_ends; i++) {
		get(file, &hash, sizeof(hash));
		ends_add(hash);
	}
	get(file, words, r.nr_words * sizeof(words[0]));
	add_result(result, &r.result);
	lock_rules_add(&r.rules);
	if (!wanted)
		return;
	search->pruned |= r.pruned;
	search_learn(node, backtracks);
	memory_share_more(words, r.nr_words);
	add_pass(&r);
}

/* ---- Parts --------------------------------------------------------------------------------- */

static void join(unsigned i, bool wanted, struct search *search, struct result *result)
{
	struct part part = parts[i];

	memmove(&parts[i], &parts[i + 1], (--nr_parts - i) * sizeof(parts[0]));
	while (waitpid(part.pid, NULL, 0) < 0 && errno == EINTR)
		;
	take_report(part.file, part.node, wanted, search, result);
	close(part.file);
	munmap(part.unwanted, sizeof(*part.unwanted));
}

static struct result *joined_result; /* for wait_for() */

/* search_next() is through with a node but for its parts. */
static void wait_for(struct search *search, int node)
{
	split_put_processor();
	for (unsigned i = 0; i < nr_parts;)
		if (parts[i].node == node)
			join(i, true, search, joined_result);
		else
			i++;
	wait_for_processor();
}

enum pass split_pass(void)
{
	return parts_pass;
}

struct schedule *split_find(void)
{
	return find;
}

enum pass split_join(enum pass own, struct search *search, struct result *result)
{
	bool wanted = own != PASS_FOUND && own != PASS_GROWN;
	enum pass pass;

	for (unsigned i = 0; i < nr_parts && !wanted; i++)
		atomic_store(parts[i].unwanted, true);
	if (nr_parts) {
		split_put_processor();
		while (nr_parts)
			join(0, wanted, search, result);
		wait_for_processor();
	}
	pass = parts_pass > own && wanted ? parts_pass : own;
	parts_pass = PASS_EXHAUSTED;
	executions_then = result->executions;
	return pass;
}

static void become_part(const struct part *part, struct search *search, struct result *result)
{
	is_part = true;
	self = *part;
	nr_parts = 0;
	executions_then = 0;
	ends_then = ends_count();
	steps_then = vm.all_steps;
	choices_then = vm.all_choices;
	ancestors[nr_ancestors++] = part->unwanted;
	*result = (struct result){0};
	search->states = 0;
	cover_forget();
	search_take(part->node);
}

void split_try(struct search *search, struct result *result)
{
	struct part part;

	search->wait_for = wait_for;
	joined_result = result;
	if (result->executions - executions_then < SPLIT_AFTER || nr_parts == MOST_PARTS ||
	    nr_ancestors == MOST_LEVELS)
		return;
	executions_then = result->executions;
	part.node = search_gift();
	if (part.node < 0 || !try_processor())
		return;
	part.file = memfd_create("roost-explore", MFD_CLOEXEC);
	part.unwanted = mmap(NULL, sizeof(*part.unwanted), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	part.pid = part.file < 0 || part.unwanted == MAP_FAILED ? -1 : fork();
	if (part.pid == 0) {
		become_part(&part, search, result);
		return;
	}
	if (part.pid < 0) { /* then not */
		split_put_processor();
		return;
	}
	search_give(part.node);
	parts[nr_parts++] = part;
}
