/* SPDX-License-Identifier: MIT */
/* options.c - see options.h. */
#include "options.h"

#include "console.h"

struct options options = {.patience = 60};

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

/* At most 6 digits. */
static bool read_number(const char *value, uint64_t *number)
{
	const char *end = end_of(value);

	if (value == end || end - value > 6)
		return false;
	for (*number = 0; value < end && *value >= '0' && *value <= '9'; value++)
		*number = *number * 10 + (uint64_t)(*value - '0');
	return value == end;
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

static bool read_word(const char *word)
{
	const char *value;

	if ((value = after(word, "seconds=")))
		return read_number(value, &options.seconds);
	if ((value = after(word, "patience=")))
		return read_number(value, &options.patience);
	return (value = after(word, "break=")) && read_fault(value);
}

void options_read(const struct dtb *dtb)
{
	dtb_node chosen = dtb_find(dtb, "chosen");
	uint32_t length;
	const char *word =
		chosen ? (const char *)dtb_property(dtb, chosen, "bootargs", &length) : NULL;

	if (!word || !length || word[length - 1])
		return;
	while (*word) {
		if (*word == ' ') {
			word++;
			continue;
		}
		if (!read_word(word))
			fail("command line: what is \"%s\"?", word);
		word = end_of(word);
	}
}
