/* SPDX-License-Identifier: MIT */
/* schedule.c - see schedule.h. */
#include "schedule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "tool/common/output.h"
#include "tool/common/say.h"

/* ---- Taking -------------------------------------------------------------------------------- */

static void add_turn(struct schedule *s, unsigned context, uint32_t until)
{
	struct turn *last = s->nr_turns ? &s->turns[s->nr_turns - 1] : NULL;

	if (last && last->context == context)
		last->until = until;
	else if (s->nr_turns < SCHEDULE_TURNS)
		s->turns[s->nr_turns++] = (struct turn){(uint8_t)context, until};
}

void schedule_take(struct schedule *s)
{
	s->nr_turns = s->nr_reads = 0;
	for (unsigned i = 0; i < vm.nr_contexts; i++)
		if (vm.contexts[i].level == LEVEL_TASK && vm.first_ops[i] && vm.contexts[i].ops)
			add_turn(s, i, vm.first_ops[i]);
	for (int i = 0; i < vm.nr_steps; i++) {
		const struct step *step = &vm.steps[i];

		add_turn(s, step->context, step->ops);
		if (step->older && s->nr_reads < SCHEDULE_READS)
			s->reads[s->nr_reads++] =
				(struct old_read){step->context, step->older, step->number};
	}
}

/* ---- Following ----------------------------------------------------------------------------- */

static bool turn_over(const struct turn *turn, uint16_t enabled)
{
	const struct context *c = &vm.contexts[turn->context];

	if (!(enabled >> turn->context & 1))
		return true;
	return c->started && turn->until != UINT32_MAX && c->ops > turn->until;
}

/* After the schedule: goes on with the running context, else one that has started, else a
 * handler. */
static int pick_default(uint16_t enabled)
{
	int best = -1, best_rank = 0;

	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		const struct context *c = &vm.contexts[i];
		int rank = c->level >= LEVEL_STOP ? 1 : !c->started ? 2 : 3;

		if (vm.nr_steps && vm.cpus[vm.steps[vm.nr_steps - 1].cpu].top == c)
			rank = 4;
		if (enabled >> i & 1 && rank > best_rank) {
			best = (int)i;
			best_rank = rank;
		}
	}
	return best;
}

static int pick(void *self, uint16_t enabled)
{
	struct schedule *s = self;

	while (s->at < s->nr_turns && turn_over(&s->turns[s->at], enabled))
		s->at++;
	return s->at < s->nr_turns ? s->turns[s->at].context : pick_default(enabled);
}

static unsigned pick_store(void *self, unsigned n)
{
	const struct schedule *s = self;

	for (unsigned i = 0; i < s->nr_reads; i++)
		if (s->reads[i].context == vm.current->id &&
		    s->reads[i].number == vm.current->ops && s->reads[i].older < n)
			return s->reads[i].older;
	return 0;
}

const struct strategy schedule_strategy = {
	.pick = pick, .pick_store = pick_store, .every_access = true};

enum outcome schedule_run(struct schedule *s)
{
	vm.share_all = true;
	s->at = 0;
	return vm_run(&schedule_strategy, s);
}

enum outcome schedule_show(struct schedule *s, bool verbose)
{
	enum outcome outcome = schedule_run(s);

	if (outcome != RUN_FAILED)
		return outcome;
	race_watch(vm.failure.kind == FAIL_RACE);
	vm.tracing = true;
	vm.verbose = verbose;
	outcome = schedule_run(s);
	vm.tracing = vm.verbose = false;
	race_watch(false);
	return outcome;
}

/* ---- On paper ------------------------------------------------------------------------------ */

static bool write_lines(const struct schedule *s, const struct schedule_head *head, FILE *out)
{
	fprintf(out, "# roost-explore schedule: replay with --replay FILE\n");
	fprintf(out, "scenario %s\nengine %s\nfree %s\nmemory %s\nfailure %s\n", head->scenario,
		head->engine, head->path, head->weak ? "weak" : "sc", head->key);
	for (unsigned i = 0; i < s->nr_turns; i++) {
		const struct turn *turn = &s->turns[i];

		if (turn->until == UINT32_MAX)
			fprintf(out, "run %u end", turn->context);
		else
			fprintf(out, "run %u %u", turn->context, turn->until);
		fprintf(out, "\t# %s\n", vm.contexts[turn->context].name);
	}
	for (unsigned i = 0; i < s->nr_reads; i++)
		fprintf(out, "read %u %u %u\n", s->reads[i].context, s->reads[i].number,
			s->reads[i].older);
	return !(ferror(out) | fclose(out));
}

bool schedule_write(const struct schedule *s, const struct schedule_head *head, const char *file)
{
	char error[ERROR_MAX];
	struct output output;
	FILE *out;
	bool good;

	if (strchr(head->scenario, '\n')) {
		say_error(
			"%s: the schedule of a finding cannot be saved: its lines cannot hold this "
			"name",
			head->scenario);
		return false;
	}
	good = output_begin(&output, "save", file, error);
	if (good) {
		out = fdopen(dup(output.fd), "w");
		good = out && write_lines(s, head, out);
		if (!good)
			snprintf(error, sizeof(error), "--save=%.300s: cannot write: %s", file,
				 strerror(errno));
		good = output_end(&output, good, error);
	}
	if (!good)
		say_error("%s", error);
	return good;
}

/* What follows a word on its line, of any bytes; false: the line begins with another one. */
static bool rest_of(const char *line, const char *word, char *text, size_t size)
{
	size_t n = strlen(word);

	if (strncmp(line, word, n) != 0)
		return false;
	snprintf(text, size, "%.*s", (int)strcspn(line + n, "\n"), line + n);
	return true;
}

static bool read_line(struct schedule *s, struct schedule_head *head, const char *line)
{
	unsigned context, number, older;
	char word[16];

	if (line[0] == '#' || line[0] == '\n')
		return true;
	if (rest_of(line, "scenario ", head->scenario, sizeof(head->scenario)) ||
	    rest_of(line, "failure ", head->key, sizeof(head->key)) ||
	    sscanf(line, "engine %31s", head->engine) == 1 ||
	    sscanf(line, "free %15s", head->path) == 1)
		return true;
	if (sscanf(line, "memory %15s", word) == 1) {
		head->weak = !strcmp(word, "weak");
		return head->weak || !strcmp(word, "sc");
	}
	if (sscanf(line, "read %u %u %u", &context, &number, &older) == 3 &&
	    context < VM_CONTEXTS && s->nr_reads < SCHEDULE_READS) {
		s->reads[s->nr_reads++] =
			(struct old_read){(uint8_t)context, (uint16_t)older, number};
		return true;
	}
	if (sscanf(line, "run %u %15s", &context, word) != 2 || context >= VM_CONTEXTS ||
	    s->nr_turns == SCHEDULE_TURNS)
		return false;
	if (!strcmp(word, "end"))
		number = UINT32_MAX;
	else if (sscanf(word, "%u", &number) != 1)
		return false;
	s->turns[s->nr_turns++] = (struct turn){(uint8_t)context, number};
	return true;
}

static bool read_lines(struct schedule *s, struct schedule_head *head, const char *file, FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	unsigned n = 0;
	bool good = true;

	while (good && getline(&line, &room, in) >= 0) {
		n++;
		good = read_line(s, head, line);
	}
	free(line);
	if (!good)
		say_error("%s:%u: this is no line of a saved schedule", file, n);
	else if (ferror(in))
		say_error("%s: cannot read: %s", file, strerror(errno));
	return good && !ferror(in);
}

bool schedule_read(struct schedule *s, struct schedule_head *head, const char *file)
{
	FILE *in = fopen(file, "re");
	bool good;

	memset(head, 0, sizeof(*head));
	s->nr_turns = s->nr_reads = 0;
	if (!in) {
		say_error("%s: cannot read: %s", file, strerror(errno));
		return false;
	}
	good = read_lines(s, head, file, in);
	fclose(in);
	if (good && (!head->scenario[0] || !head->path[0])) {
		say_error("%s: names no scenario: not a saved schedule", file);
		return false;
	}
	return good;
}
