/* SPDX-License-Identifier: MIT */
/* options.c - see options.h. */
#include "options.h"

#include "console.h"

struct options options;

static const char *const faults[FAULTS] = {
	[FAULT_NONE] = "none",	   [FAULT_MAP] = "map",	  [FAULT_STAMP] = "stamp",
	[FAULT_DOUBLE] = "double", [FAULT_LEAK] = "leak", [FAULT_ACCESS] = "access",
	[FAULT_STOP] = "stop",
};

/* What follows prefix in text, or NULL. */
static const char *after(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return NULL;
	return text;
}

static const char *end_of(const char *word)
{
	while (*word && *word != ' ')
		word++;
	return word;
}

static bool read_seconds(const char *value)
{
	const char *end = end_of(value);

	for (options.seconds = 0; value < end && *value >= '0' && *value <= '9'; value++)
		options.seconds = options.seconds * 10 + (uint64_t)(*value - '0');
	return value == end && options.seconds < 1000000;
}

static bool read_fault(const char *value)
{
	for (unsigned i = 0; i < FAULTS; i++) {
		const char *rest = after(value, faults[i]);

		if (rest && rest == end_of(value)) {
			options.fault = (enum fault)i;
			return true;
		}
	}
	return false;
}

void options_read(const struct dtb *dtb)
{
	dtb_node chosen = dtb_find(dtb, "chosen");
	uint32_t length;
	const char *word =
		chosen ? (const char *)dtb_property(dtb, chosen, "bootargs", &length) : NULL;
	const char *value;

	if (!word || !length || word[length - 1])
		return;
	for (; *word; word = end_of(word)) {
		if (*word == ' ')
			word++;
		else if (!(((value = after(word, "seconds=")) && read_seconds(value)) ||
			   ((value = after(word, "break=")) && read_fault(value))))
			fail("command line: what is \"%s\"?", word);
	}
}
