/* SPDX-License-Identifier: MIT */
/* symbol.c - see symbol.h: reads the table of symbols in the program's own file (ELF, 64 bits). */
#include "symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file;
static size_t length;
static const Elf64_Sym *symbols;
static size_t nr_symbols;
static const char *names;
static uintptr_t base; /* what the addresses in the file are counted from */

static int take_base(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	*(uintptr_t *)context = info->dlpi_addr;
	return 1; /* the first one is the program */
}

static void map_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat info;
	void *map;

	if (fd < 0)
		return;
	if (fstat(fd, &info) == 0 && (size_t)info.st_size > sizeof(Elf64_Ehdr)) {
		length = (size_t)info.st_size;
		map = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
		file = map == MAP_FAILED ? NULL : map;
	}
	close(fd);
}

static bool inside(uint64_t offset, uint64_t size)
{
	return offset <= length && size <= length - offset;
}

static void find_table(void)
{
	const Elf64_Ehdr *head = (const void *)file;
	const Elf64_Shdr *sections;

	if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64 ||
	    !inside(head->e_shoff, (uint64_t)head->e_shnum * sizeof(*sections)))
		return;
	sections = (const void *)(file + head->e_shoff);
	for (unsigned i = 0; i < head->e_shnum; i++) {
		const Elf64_Shdr *s = &sections[i];

		if (s->sh_type != SHT_SYMTAB || s->sh_link >= head->e_shnum ||
		    !inside(s->sh_offset, s->sh_size) ||
		    !inside(sections[s->sh_link].sh_offset, sections[s->sh_link].sh_size))
			continue;
		symbols = (const void *)(file + s->sh_offset);
		nr_symbols = s->sh_size / sizeof(*symbols);
		names = file + sections[s->sh_link].sh_offset;
	}
}

bool symbols_known(void)
{
	static bool read;

	if (!read) {
		read = true;
		dl_iterate_phdr(take_base, &base);
		map_file();
		if (file)
			find_table();
	}
	return nr_symbols;
}

bool symbol_of(uintptr_t address, char *text, size_t size)
{
	if (!symbols_known())
		return false;
	for (size_t i = 0; i < nr_symbols; i++) {
		const Elf64_Sym *s = &symbols[i];

		if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || address - base < s->st_value ||
		    address - base - s->st_value >= s->st_size)
			continue;
		snprintf(text, size, "%.*s", (int)strcspn(names + s->st_name, "."),
			 names + s->st_name);
		return true;
	}
	return false;
}
