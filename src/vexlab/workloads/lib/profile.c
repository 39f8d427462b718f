// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile.h"

#define MOST 128

struct line {
	char name[64];
	char state[16];
	char limit[32];
	char err[32];
};

static struct line lines[MOST];
static int count = -1;

/* mmap_write broken - - */
static void load(void)
{
	const char *path = getenv(PROFILE_VARIABLE);
	FILE *file = fopen(path ? path : PROFILE_FILE, "re");
	char text[256];

	count = 0;
	if (!file)
		return;
	while (count < MOST && fgets(text, sizeof(text), file)) {
		struct line *line = &lines[count];

		if (sscanf(text, "%63s %15s %31s %31s", line->name, line->state, line->limit, line->err) == 4)
			count++;
	}
	fclose(file);
}

static const struct line *find(const char *name)
{
	if (count < 0)
		load();
	for (int i = 0; i < count; i++)
		if (!strcmp(lines[i].name, name))
			return &lines[i];
	return NULL;
}

static enum profile_state state_of(const struct line *line)
{
	static const char *const names[] = { "unknown", "works", "refused", "broken", "deadly" };

	for (int i = 0; i <= DEADLY; i++)
		if (!strcmp(line->state, names[i]))
			return i;
	return UNKNOWN;
}

enum profile_state profile_state(const char *name)
{
	const struct line *line = find(name);

	return line ? state_of(line) : UNKNOWN;
}

bool profile_works(const char *name)
{
	return profile_state(name) < REFUSED_CLEANLY;
}

long long profile_limit(const char *name, long long otherwise)
{
	const struct line *line = find(name);
	long long limit;
	char *end;

	if (!line)
		return otherwise;
	limit = strtoll(line->limit, &end, 10);
	return end == line->limit || *end ? otherwise : limit;
}

long long profile_half(const char *name, long long otherwise)
{
	long long limit = profile_limit(name, -1);

	return limit < 0 || limit / 2 > otherwise ? otherwise : limit / 2;
}

long long profile_within(const char *name, long long wanted)
{
	bool reached = strcmp(profile_errno(name), "-") && profile_limit(name, wanted) < wanted;

	return reached ? profile_half(name, wanted) : wanted;
}

const char *profile_errno(const char *name)
{
	const struct line *line = find(name);

	return line ? line->err : "-";
}

bool profile_any(enum profile_state state)
{
	find("");
	for (int i = 0; i < count; i++)
		if (state_of(&lines[i]) == state)
			return true;
	return false;
}
