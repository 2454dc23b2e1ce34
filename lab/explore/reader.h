/* SPDX-License-Identifier: MIT */
/*
 * reader.h - the words of a scenario file. Each error names file, line, and what would be right;
 * the first one counts, and what is read after it means nothing.
 */
#ifndef LAB_READER_H
#define LAB_READER_H

#include "scenario.h"

struct reader {
	struct scenario *out;
	unsigned line;
	char *at; /* the rest of the line */
	bool bad;
	struct program *open; /* what a line that begins with a blank adds to */
};

/* Returns false. */
bool read_error(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void read_blanks(struct reader *r);
/* Is the rest of the line blank or a comment? */
bool read_end(struct reader *r);
/* The next word, or "" if there is none; read_peek() leaves it there. */
const char *read_word(struct reader *r, char *buffer, size_t size);
const char *read_peek(struct reader *r, char *buffer, size_t size);
bool read_char(struct reader *r, char c);
/* The same, but it must stand there. */
bool read_expected(struct reader *r, char c);
unsigned long read_number(struct reader *r, const char *what, unsigned long most);
uint8_t read_variable(struct reader *r);
int read_lock(struct reader *r);
unsigned read_cpu(struct reader *r);

/* The index of a cache, or -1. */
int find_cache(const struct scenario *scenario, const char *name);

/* The index of a name in a table, or -1. */
int find_name(const char *const *names, unsigned nr, const char *name);

/* statement.c: what of the statements of a whole file makes no sense. False: it was said. */
bool check_statements(struct reader *r);

/* statement.c: the operations of a program, up to the end of the line. */
void read_statements(struct reader *r, struct program *program);

#endif
