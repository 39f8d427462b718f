// SPDX-License-Identifier: Apache-2.0
/*
 * The interface, as the host has read it from the target's header: a line of words for each thing.
 *
 *   C NAME NUMBER SIZE                     an ioctl; its members follow
 *   M OFFSET SIZE NAME const VALUE
 *   M OFFSET SIZE NAME zero | any | out
 *   M OFFSET SIZE NAME number LOW HIGH
 *   M OFFSET SIZE NAME flags MASK
 *   M OFFSET SIZE NAME pointer ELEMENT f|b|i COUNT COUNT    offsets of the members that say how many, -1 for none
 *   V VALUE                                a constant of the interface
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fsfuzz/fuzz.h"

struct table table;

static int name_number(const char *name)
{
	for (int i = 0; i < table.names; i++)
		if (!strcmp(table.name[i], name))
			return i;
	if (table.names == MOST_NAMES)
		return 0;
	snprintf(table.name[table.names], sizeof(table.name[0]), "%s", name);
	return table.names++;
}

static bool read_role(struct member *member, const char *role, const char *rest)
{
	static const char *const plain[] = { [ROLE_ZERO] = "zero", [ROLE_ANY] = "any", [ROLE_OUT] = "out" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (plain[i] && !strcmp(plain[i], role)) {
			member->role = i;
			return true;
		}
	if (!strcmp(role, "const")) {
		member->role = ROLE_CONST;
		return sscanf(rest, "%" SCNu64, &member->low) == 1;
	}
	if (!strcmp(role, "number")) {
		member->role = ROLE_NUMBER;
		return sscanf(rest, "%" SCNu64 " %" SCNu64, &member->low, &member->high) == 2;
	}
	if (!strcmp(role, "flags")) {
		member->role = ROLE_FLAGS;
		return sscanf(rest, "%" SCNu64, &member->low) == 1;
	}
	member->role = ROLE_POINTER;
	return !strcmp(role, "pointer") && sscanf(rest, "%d %c %d %d", &member->element, &member->kind,
						  &member->count[0], &member->count[1]) == 4;
}

static bool read_member(const char *text)
{
	struct call *call = table.calls ? &table.call[table.calls - 1] : NULL;
	struct member *member;
	char name[40], role[16];
	int at = 0;

	if (!call || call->members == MOST_MEMBERS)
		return false;
	member = &call->member[call->members];
	member->count[0] = member->count[1] = -1;
	if (sscanf(text, "%d %d %39s %15s %n", &member->offset, &member->size, name, role, &at) < 4 ||
	    !read_role(member, role, text + at))
		return false;
	if (member->offset < 0 || member->size < 1 || member->offset + member->size > call->size)
		return false;
	member->name = name_number(name);
	call->members++;
	return true;
}

static bool read_line(const char *line)
{
	struct call *call = &table.call[table.calls];

	switch (line[0]) {
	case 'C':
		if (table.calls == MOST_CALLS ||
		    sscanf(line + 1, "%47s %" SCNu32 " %d", call->name, &call->number, &call->size) != 3 ||
		    call->size < 0 || call->size > STRUCT_ROOM)
			return false;
		table.calls++;
		return true;
	case 'M':
		return read_member(line + 1);
	case 'V':
		if (table.values == MOST_VALUES)
			return true;
		return sscanf(line + 1, "%" SCNu64, &table.value[table.values++]) == 1;
	default:
		return false;
	}
}

bool table_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool good = file;

	while (good && getline(&line, &room, file) > 0) {
		good = read_line(line);
		if (!good)
			fprintf(stderr, "fsfuzz: the table makes no sense: %.100s\n", line);
	}
	free(line);
	if (file)
		fclose(file);
	return good;
}

const struct call *table_find(uint32_t number)
{
	for (int i = 0; i < table.calls; i++)
		if (table.call[i].number == number)
			return &table.call[i];
	return NULL;
}
