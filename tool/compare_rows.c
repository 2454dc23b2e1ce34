/* SPDX-License-Identifier: MIT */
/*
 * compare_rows.c - the figures of a comparison: where each comes from, how far it can be trusted,
 * and how it stands beside that of the baseline.
 *
 * In order, a replay is the same each time, so its counts are exact. What varies from run to run is
 * judged round by round: in each the baseline and the other ran one after the other, so that what
 * slows the machine for a while slows both.
 */
#include <math.h>
#include <stdlib.h>

#include "compare.h"

static double metadata_percent(const struct score *s)
{
	return 100 * score_value(s, NULL, "metadata") / score_value(s, NULL, "memory");
}

/* Those of the run with samples. */
static double wait_us(const struct score *s)
{
	const double operations = score_value(s, NULL, "operations");

	return operations > 0 ? 1e3 * score_value(s, "holds", "waits_ns") / operations : 0;
}

static double metadata_kib(const struct score *s)
{
	return score_value(s, NULL, "metadata") / 1024;
}

const struct row compare_rows[] = {
#define SPREAD(member, function) .of = (function), .spread = offsetof(struct score, member)
	{"rate", "million operations per second, median", 2, SPREAD(rate, spread_median),
	 .timed = true, .of_peers = true},
	{NULL, "  least", 2, SPREAD(rate, spread_min), .timed = true, .of_peers = true},
	{NULL, "  most", 2, SPREAD(rate, spread_max), .timed = true, .of_peers = true},
	{"zone_locks", "zone locks per million operations", 1, SPREAD(zone_lock, spread_median)},
	{NULL, "  most", 1, SPREAD(zone_lock, spread_max)},
	{"trylock_fails", "failed try-locks per million", 1, SPREAD(trylock, spread_median)},
	{NULL, "  most", 1, SPREAD(trylock, spread_max)},
	{"pcp_try_fails", "  of pcp locks", 1, SPREAD(pcp_trylock, spread_median), .if_any = true},
	{"zone_try_fails", "  of zone locks", 1, SPREAD(zone_trylock, spread_median),
	 .if_any = true},
	{"zone_waits", "waits for zone locks per million", 1, SPREAD(zone_waits, spread_median),
	 .if_any = true},
	{"zone_wait_us", "us waited for zone locks per million", 1, .figure = wait_us,
	 .timed = true, .if_any = true},
	{"zone_wait_longest_ns", "ns waited for a zone lock, longest", 0, .part = "holds",
	 .member = "waits_longest_ns", .timed = true, .if_any = true},
#define HOLD(unit, what) .part = "holds", .member = #unit "_" #what, .of_locks = true
	{"hold_frames_p50", "frames in a hold of the zone lock, p50", 0, HOLD(frames, p50)},
	{"hold_frames_p99", "  p99", 0, HOLD(frames, p99)},
	{"hold_frames_longest", "  longest", 0, HOLD(frames, longest)},
	{"hold_ns_p50", "ns of a hold of the zone lock, p50", 0, HOLD(ns, p50), .timed = true},
	{"hold_ns_p99", "  p99", 0, HOLD(ns, p99), .timed = true},
	{"hold_ns_longest", "  longest", 0, HOLD(ns, longest), .timed = true},
	{"hold_instructions_p50", "instructions in a hold, p50", 0, HOLD(instructions, p50),
	 .stepped = true},
	{"hold_instructions_p99", "  p99", 0, HOLD(instructions, p99), .stepped = true},
	{"hold_instructions_longest", "  longest", 0, HOLD(instructions, longest), .stepped = true},
#undef HOLD
#define IRQS(unit, what) .part = "interrupts_off", .member = #unit "_" #what
	{"irqs_off_ns_p50", "ns with interrupts off, p50", 0, IRQS(ns, p50), .timed = true},
	{"irqs_off_ns_p99", "  p99", 0, IRQS(ns, p99), .timed = true},
	{"irqs_off_ns_longest", "  longest", 0, IRQS(ns, longest), .timed = true},
	{"irqs_off_instructions_p50", "instructions with interrupts off, p50", 0,
	 IRQS(instructions, p50), .stepped = true},
	{"irqs_off_instructions_p99", "  p99", 0, IRQS(instructions, p99), .stepped = true},
	{"irqs_off_instructions_longest", "  longest", 0, IRQS(instructions, longest),
	 .stepped = true},
#undef IRQS
	{"pcp_high", "frames a CPU may keep in a zone", 0, .member = "pcp_high", .zero = "no limit",
	 .set_up = true},
	{"on_cpus_mean", "free frames on CPUs, mean", 0, .part = "series",
	 .member = "on_cpus_mean"},
	{"on_cpus_max", "  most", 0, .part = "series", .member = "on_cpus_max"},
	{"blocks_2m_mean", "free 2 MiB blocks in zones, mean", 1, .part = "series",
	 .member = "blocks_2m_mean"},
	{"blocks_2m_min", "  least", 0, .part = "series", .member = "blocks_2m_min"},
	{"blocks_2m_end", "  at the end", 0, .part = "series", .member = "blocks_2m_end"},
#define SERIES(name)	  .part = "series", .member = name
#define UNUSABLE(when, n) SERIES("unusable_" when), .item = (n) + 1
	{"unusable_order_3", "unusable index of order 3, mean", 3, UNUSABLE("mean", 3)},
	{"unusable_order_3_end", "  at the end", 3, UNUSABLE("end", 3)},
	{"unusable_order_9", "unusable index of order 9, mean", 3, UNUSABLE("mean", 9)},
	{"unusable_order_9_end", "  at the end", 3, UNUSABLE("end", 9)},
	{"mixed_mean", "mixed pageblocks, mean", 1, SERIES("mixed_mean"), .of_peers = true},
	{"mixed_max", "  most", 0, SERIES("mixed_max"), .of_peers = true},
	{"mixed_end", "  at the end", 0, SERIES("mixed_end"), .of_peers = true},
	{"empty_2m_mean", "2 MiB without any use, mean", 1, SERIES("empty_2m_mean"),
	 .of_peers = true},
	{"empty_2m_min", "  least", 0, SERIES("empty_2m_min"), .of_peers = true},
	{"empty_2m_end", "  at the end", 0, SERIES("empty_2m_end"), .of_peers = true},
	{"empty_1g_mean", "1 GiB without any use, mean", 2, SERIES("empty_1g_mean"),
	 .of_peers = true, .if_any = true},
	{"empty_1g_min", "  least", 0, SERIES("empty_1g_min"), .of_peers = true, .if_any = true},
	{"empty_1g_end", "  at the end", 0, SERIES("empty_1g_end"), .of_peers = true,
	 .if_any = true},
#undef UNUSABLE
#undef SERIES
	{"metadata_kib", "metadata, KiB", 0, .figure = metadata_kib, .set_up = true},
	{"metadata_percent", "  per cent of the memory", 3, .figure = metadata_percent,
	 .set_up = true},
	{"failed", "allocations failed, most", 0, SPREAD(failed, spread_max), .of_peers = true},
/* clang-format off */
#define FAILED(n)                                                                                  \
	{"failed_order_" #n, "  of order " #n, 0, .member = "failed_by_order", .item = (n) + 1,    \
	 .of_peers = true, .if_any = true}
	FAILED(0), FAILED(1), FAILED(2), FAILED(3), FAILED(4), FAILED(5), FAILED(6), FAILED(7),
	FAILED(8), FAILED(9), FAILED(10), FAILED(11), FAILED(12), FAILED(13), FAILED(14),
	FAILED(15), FAILED(16), FAILED(17), FAILED(18),
/* clang-format on */
#undef FAILED
	{"fail_while_free", "  while frames were free, most", 0,
	 SPREAD(fail_while_free, spread_max), .counter = COUNTER_fail_while_free + 1},
#undef SPREAD
};

const unsigned nr_compare_rows = sizeof(compare_rows) / sizeof(compare_rows[0]);

static const struct spread *spread_of(const struct row *row, const struct score *score)
{
	return row->of ? (const void *)((const char *)score + row->spread) : NULL;
}

/* False: the report does not have it. An older build's may not. */
static bool from_report(const struct row *row, const struct score *score, double *value)
{
	const json_t *report = row->stepped ? score->stepped : score->sampled;

	if (row->item)
		return report_item(report, row->part, row->member, row->item - 1, value);
	*value = report_value(report, row->part, row->member);
	return report_has(report, row->part, row->member);
}

bool row_value(const struct row *row, const struct contender *contender, const struct score *score,
	       double *value)
{
	if (row->counter && contender->engine && !contender->engine->counters[row->counter - 1])
		return false;
	if (row->of)
		*value = row->of(spread_of(row, score));
	else if (row->figure)
		*value = row->figure(score);
	else if (!from_report(row, score, value))
		return false;
	return !contender->peer || row->of_peers || *value != 0;
}

enum noise row_noise(const struct compare_options *o, const struct row *row,
		     const struct contender *contender, const struct score *score)
{
	const struct spread *spread = spread_of(row, score);

	if (row->set_up && !contender->peer)
		return NOISE_EXACT;
	if (spread && (row->timed || o->parallel || contender->peer ||
		       spread_min(spread) < spread_max(spread)))
		return NOISE_RUNS;
	return !spread && (row->timed || o->parallel || contender->peer) ? NOISE_ONCE : NOISE_EXACT;
}

bool row_shown(const struct compare *compare, unsigned trace, const struct row *row)
{
	const struct compare_options *o = compare->options;
	double value;

	if (row->stepped && !o->instructions)
		return false;
	for (unsigned i = 0; i < o->nr_contenders; i++)
		if (row_value(row, &o->contenders[i], compare_score(compare, trace, i), &value) &&
		    value != 0)
			return true;
	return !row->if_any;
}

const char *noise_name(enum noise noise)
{
	static const char *const names[] = {
		[NOISE_EXACT] = "exact", [NOISE_RUNS] = "spread", [NOISE_ONCE] = "once"};

	return names[noise];
}

/* ---- Beside the baseline ----------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * How many values may be left out at each end of n so that the rest holds the median of what they
 * were drawn from with a probability of 95 % at least; -1: even all of them hold it with less. Each
 * value lies on either side with probability 1/2, so this is a sum of binomial coefficients.
 */
static int left_out(unsigned n)
{
	double term = pow(0.5, n), sum = term;
	int k = -1;

	while (sum <= 0.025) {
		k++;
		term *= (double)(n - (unsigned)k) / (k + 1);
		sum += term;
	}
	return k;
}

/* The rounds' ratios, or with a baseline of 0 anywhere their differences. */
static void relate_rounds(const struct spread *a, const struct spread *b, struct relation *relation)
{
	const unsigned n = a->nr < b->nr ? a->nr : b->nr;
	double each[COMPARE_MAX_RUNS + 1];
	const int out = left_out(n);

	for (unsigned i = 0; i < n; i++)
		each[i] = relation->is_ratio ? a->rounds[i] / b->rounds[i]
					     : a->rounds[i] - b->rounds[i];
	qsort(each, n, sizeof(each[0]), by_value);
	relation->value = n % 2 ? each[n / 2] : (each[n / 2 - 1] + each[n / 2]) / 2;
	relation->low = each[out < 0 ? 0 : out];
	relation->high = each[out < 0 ? n - 1 : n - 1 - (unsigned)out];
	relation->few = out < 0;
}

static bool never_zero(const struct spread *spread)
{
	for (unsigned i = 0; i < spread->nr; i++)
		if (spread->rounds[i] == 0)
			return false;
	return true;
}

static enum verdict verdict_of(const struct relation *r)
{
	const double same = r->is_ratio ? 1 : 0;

	if (r->noise == NOISE_EXACT && r->value == same)
		return VERDICT_SAME;
	if (r->noise == NOISE_RUNS && r->few)
		return VERDICT_FEW_RUNS;
	if (r->noise == NOISE_RUNS && r->low <= same && r->high >= same)
		return VERDICT_WITHIN;
	if (r->noise == NOISE_ONCE)
		return VERDICT_ONE_RUN;
	return r->value < same ? VERDICT_LESS : VERDICT_MORE;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {[VERDICT_UNKNOWN] = "unknown",
					    [VERDICT_SAME] = "the same",
					    [VERDICT_WITHIN] = "within the spread",
					    [VERDICT_LESS] = "less",
					    [VERDICT_MORE] = "more",
					    [VERDICT_FEW_RUNS] = "too few runs",
					    [VERDICT_ONE_RUN] = "one run"};

	return names[verdict];
}

static enum noise noisier(enum noise a, enum noise b)
{
	return a > b ? a : b;
}

void row_relation(const struct compare *compare, unsigned trace, unsigned contender,
		  const struct row *row, struct relation *relation)
{
	const struct compare_options *o = compare->options;
	const struct contender *c = &o->contenders[contender], *base = &o->contenders[o->baseline];
	const struct score *mine = compare_score(compare, trace, contender),
			   *its = compare_score(compare, trace, (unsigned)o->baseline);
	double value, base_value;

	*relation = (struct relation){.verdict = VERDICT_UNKNOWN};
	if (!row_value(row, c, mine, &value) || !row_value(row, base, its, &base_value) ||
	    (row->zero && (value == 0 || base_value == 0)))
		return;
	relation->noise = noisier(row_noise(o, row, c, mine), row_noise(o, row, base, its));
	relation->is_ratio = base_value != 0;
	if (relation->noise == NOISE_RUNS && row->of) {
		relation->is_ratio = never_zero(spread_of(row, its));
		relate_rounds(spread_of(row, mine), spread_of(row, its), relation);
	} else {
		relation->value = relation->is_ratio ? value / base_value : value - base_value;
		relation->low = relation->high = relation->value;
	}
	relation->verdict = verdict_of(relation);
}
