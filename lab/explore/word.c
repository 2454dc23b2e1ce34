/* SPDX-License-Identifier: MIT */
/* word.c - the table of atomic words, and which of them are shared: see vm.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "memory.h"

static uint16_t *index_of; /* per byte of the arena: index into vm.words + 1 */

void memory_forget(void)
{
	if (!index_of)
		index_of = calloc(VM_ARENA, sizeof(*index_of));
	if (!vm.words)
		vm.words = calloc(VM_WORDS, sizeof(*vm.words));
	if (!index_of || !vm.words) {
		perror("roost: memory");
		exit(2);
	}
	memset(index_of, 0, VM_ARENA * sizeof(*index_of));
	vm.nr_words = vm.nr_shared = 0;
}

static _Noreturn void overlap(const void *address, unsigned size)
{
	char name[64];

	log_address(address, name, sizeof(name));
	fprintf(stderr,
		"roost: atomic accesses of different sizes overlap at %s (%u bytes); only "
		"accesses of one size to a word can be ordered\n",
		name, size);
	exit(2);
}

static struct word *new_word(size_t at, unsigned size)
{
	struct word *word = &vm.words[vm.nr_words];

	if (vm.nr_words == VM_WORDS) {
		fprintf(stderr, "roost: more than %d atomic words\n", VM_WORDS);
		exit(2);
	}
	for (size_t i = at < 8 ? 0 : at - 8; i < at + size; i++)
		if (index_of[i] && (i >= at || i + vm.words[index_of[i] - 1].size > at))
			overlap(vm.arena + at, size);
	*word = (struct word){.address = vm.arena + at,
			      .size = (uint8_t)size,
			      .stores = word->stores,
			      .room = word->room,
			      .lock = VM_LOCKS};
	index_of[at] = (uint16_t)++vm.nr_words;
	return word;
}

struct word *memory_word(const void *address, unsigned size)
{
	size_t at = (size_t)((const char *)address - vm.arena);
	struct word *word;

	if (!index_of[at])
		return new_word(at, size);
	word = &vm.words[index_of[at] - 1];
	if (word->size != size)
		overlap(address, size);
	return word;
}

void memory_share_word(struct word *word)
{
	if (vm.nr_shared == VM_SHARED) {
		fprintf(stderr, "roost: more than %d shared words\n", VM_SHARED);
		exit(2);
	}
	word->shared = true;
	word->id = (uint16_t)vm.nr_shared++;
}

static bool to_share(const struct word *word)
{
	return !word->shared && word->writers && word->users & (word->users - 1);
}

void memory_share(void)
{
	for (unsigned i = 0; i < vm.nr_words; i++)
		if (to_share(&vm.words[i]))
			memory_share_word(&vm.words[i]);
	vm.grown = false;
}

unsigned memory_shared(struct place *places)
{
	unsigned n = 0;

	for (unsigned i = 0; i < vm.nr_words && n < VM_SHARED; i++)
		if (vm.words[i].shared || to_share(&vm.words[i]))
			places[n++] = (struct place){
				.at = (uint32_t)(vm.words[i].address - vm.arena),
				.size = vm.words[i].size,
			};
	return n;
}

void memory_share_more(const struct place *places, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		struct word *word = memory_word(vm.arena + places[i].at, places[i].size);

		if (!word->shared)
			memory_share_word(word);
	}
}
