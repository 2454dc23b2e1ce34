/* SPDX-License-Identifier: MIT */
/* reader.c - see reader.h. */
#include "reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/common/say.h"

enum { READ_ERROR_MAX = 512 };

bool read_error(struct reader *r, const char *format, ...)
{
	char text[READ_ERROR_MAX];
	va_list list;

	if (!r->bad) {
		va_start(list, format);
		vsnprintf(text, sizeof(text), format, list);
		va_end(list);
		say_error("%s:%u: %s", r->out->file, r->line, text);
	}
	r->bad = true;
	return false;
}

void read_blanks(struct reader *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

bool read_end(struct reader *r)
{
	read_blanks(r);
	return !*r->at || *r->at == '#';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* The next word, or "" if there is none. */
const char *read_word(struct reader *r, char *buffer, size_t size)
{
	size_t n = 0;

	read_blanks(r);
	while (is_word(*r->at) && n + 1 < size)
		buffer[n++] = *r->at++;
	buffer[n] = 0;
	if (is_word(*r->at))
		read_error(r, "a word has %zu characters at most: \"%s\" is longer", size - 1,
			   buffer);
	return buffer;
}

/* The next word, which stays there. */
const char *read_peek(struct reader *r, char *buffer, size_t size)
{
	char *at = r->at;

	read_word(r, buffer, size);
	r->at = at;
	return buffer;
}

bool read_char(struct reader *r, char c)
{
	read_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

bool read_expected(struct reader *r, char c)
{
	return read_char(r, c) || read_error(r, "'%c' should stand before \"%.20s\"", c, r->at);
}

unsigned long read_number(struct reader *r, const char *what, unsigned long most)
{
	char buffer[SCENARIO_NAME], *end;
	unsigned long value;

	read_word(r, buffer, sizeof(buffer));
	errno = 0;
	value = strtoul(buffer, &end, 0);
	if (!*buffer || *end || errno || value > most)
		read_error(r, "%s should be a number up to %lu, not \"%s\"", what, most, buffer);
	return value;
}

int find_name(const char *const *names, unsigned nr, const char *name)
{
	for (unsigned i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

int find_cache(const struct scenario *s, const char *name)
{
	for (unsigned i = 0; i < s->nr_caches; i++)
		if (!strcmp(s->caches[i], name))
			return (int)i;
	return -1;
}

/* The index of a name in a table of names; new ones are added. */
static uint8_t intern(struct reader *r, char (*table)[SCENARIO_NAME], unsigned *nr, unsigned most,
		      const char *what)
{
	char name[SCENARIO_NAME];

	read_word(r, name, sizeof(name));
	if (!isalpha((unsigned char)name[0])) {
		read_error(r, "the name of a %s should stand before \"%.20s\"", what, r->at);
		return 0;
	}
	for (unsigned i = 0; i < *nr; i++)
		if (!strcmp(table[i], name))
			return (uint8_t)i;
	if (*nr == most) {
		read_error(r, "there can be %u %ss at most", most, what);
		return 0;
	}
	memcpy(table[*nr], name, SCENARIO_NAME);
	return (uint8_t)(*nr)++;
}

uint8_t read_variable(struct reader *r)
{
	return intern(r, r->out->variables, &r->out->nr_variables, SCENARIO_VARIABLES, "variable");
}

int read_lock(struct reader *r)
{
	return intern(r, r->out->locks, &r->out->nr_locks, SCENARIO_LOCKS, "lock");
}

unsigned read_cpu(struct reader *r)
{
	char name[SCENARIO_NAME] = {0};

	read_word(r, name, sizeof(name));
	if (strncmp(name, "cpu", 3) != 0 || !isdigit((unsigned char)name[3]) || name[4]) {
		read_error(r, "a CPU (cpu0 .. cpu%d) should stand here, not \"%s\"", VM_CPUS - 1,
			   name);
		return 0;
	}
	if ((unsigned)(name[3] - '0') >= r->out->config.nr_cpus)
		read_error(r, "the pool has %u CPUs, so there is no %s: see the line \"pool\"",
			   r->out->config.nr_cpus, name);
	return (unsigned)(name[3] - '0');
}
