/* SPDX-License-Identifier: MIT */
/* source.c - see source.h. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol.h"

static const char *missing;

const char *source_missing(void)
{
	return missing;
}

#if LAB_LIBDW

#include <dwarf.h>
#include <elfutils/libdwfl.h>

static Dwfl *session;

static bool open_session(void)
{
	static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
						 .find_debuginfo = dwfl_standard_find_debuginfo};
	static bool tried;

	if (tried)
		return session;
	tried = true;
	session = dwfl_begin(&callbacks);
	if (session && (dwfl_linux_proc_report(session, getpid()) != 0 ||
			dwfl_report_end(session, NULL, NULL) != 0)) {
		dwfl_end(session);
		session = NULL;
	}
	return session;
}

/* The compiler was given this very file by the same root. */
static const char *from_root(const char *file)
{
	static const char self[] = __FILE__, name[] = "lab/explore/source.c";
	size_t root = sizeof(self) > sizeof(name) ? sizeof(self) - sizeof(name) : 0;

	if (!file || !root || strcmp(self + root, name) != 0 || strncmp(file, self, root) != 0)
		return file;
	return file + root;
}

/* The place that the function of the scope was inlined at. */
static const char *call_place(Dwarf_Die *unit, Dwarf_Die *scope, unsigned *line)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file = 0, at = 0;
	Dwarf_Files *files;
	size_t nr;

	if (dwarf_formudata(dwarf_attr(scope, DW_AT_call_line, &attribute), &at) != 0 ||
	    dwarf_formudata(dwarf_attr(scope, DW_AT_call_file, &attribute), &file) != 0 ||
	    dwarf_getsrcfiles(unit, &files, &nr) != 0)
		return NULL;
	*line = (unsigned)at;
	return dwarf_filesrc(files, file, NULL, NULL);
}

/* From the innermost scope out to the function that is not inlined. */
static unsigned calls_of(Dwarf_Die *unit, Dwarf_Die *scopes, int nr_scopes,
			 struct source_call calls[SOURCE_INLINED], const char *file, unsigned line)
{
	unsigned nr = 0;

	for (int i = 0; i < nr_scopes && nr < SOURCE_INLINED; i++) {
		int tag = dwarf_tag(&scopes[i]);
		const char *function = dwarf_diename(&scopes[i]);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		calls[nr].file = from_root(file);
		calls[nr].line = line;
		snprintf(calls[nr].function, sizeof(calls[nr].function), "%s",
			 function ? function : "?");
		nr++;
		if (tag == DW_TAG_subprogram)
			break;
		file = call_place(unit, &scopes[i], &line);
	}
	return nr;
}

/* What the compiler left of the source that the address is from, or NULL. clang leaves no table of
 * addresses (.debug_aranges), so all sources have to be asked. */
static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);

	if (unit)
		return unit;
	while ((unit = dwfl_module_nextcu(module, unit, bias)))
		if (dwarf_haspc(unit, address - *bias) == 1)
			return unit;
	return NULL;
}

static unsigned look_up(uintptr_t address, struct source_call calls[SOURCE_INLINED])
{
	Dwfl_Module *module = open_session() ? dwfl_addrmodule(session, address) : NULL;
	Dwarf_Die *unit, *found = NULL, *scopes = NULL;
	Dwarf_Line *at;
	Dwarf_Addr bias;
	int line = 0;
	unsigned nr = 0;

	unit = module ? unit_of(module, address, &bias) : NULL;
	at = unit ? dwarf_getsrc_die(unit, address - bias) : NULL;
	if (!at || dwarf_lineno(at, &line) != 0)
		return 0;
	if (dwarf_getscopes(unit, address - bias, &found) > 0) {
		/* Those of the code, not those that the innermost was written in. */
		int nr_scopes = dwarf_getscopes_die(&found[0], &scopes);

		nr = calls_of(unit, scopes, nr_scopes, calls, dwarf_linesrc(at, NULL, NULL),
			      (unsigned)line);
	}
	free(found);
	free(scopes);
	return nr;
}

static const char *const no_lines = "the program has no debug information (-g)";

#else

static unsigned look_up(uintptr_t address, struct source_call calls[SOURCE_INLINED])
{
	(void)address;
	(void)calls;
	return 0;
}

static const char *const no_lines = "roost was built without libdw (Debian: libdw-dev)";

#endif

unsigned source_calls(uintptr_t return_address, struct source_call calls[SOURCE_INLINED])
{
	uintptr_t address = return_address - 1; /* in the call */
	unsigned nr = look_up(address, calls);

	if (nr)
		return nr;
	missing = no_lines;
	calls[0] = (struct source_call){.file = NULL};
	if (!symbol_of(address, calls[0].function, sizeof(calls[0].function)))
		snprintf(calls[0].function, sizeof(calls[0].function), "0x%lx",
			 (unsigned long)address);
	return 1;
}
