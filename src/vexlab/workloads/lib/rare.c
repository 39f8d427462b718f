// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rare.h"

#define MOST 1024

struct line {
	char operation[32];
	char kind[16];
	int digits;
};

static struct line lines[MOST];
static int count = -1;

static void load(void)
{
	const char *path = getenv(RARE_VARIABLE);
	FILE *file = fopen(path ? path : RARE_FILE, "re");
	char text[128];

	count = 0;
	if (!file)
		return;
	while (count < MOST && fgets(text, sizeof(text), file)) {
		struct line *line = &lines[count];

		if (sscanf(text, "%31s %15s %d", line->operation, line->kind, &line->digits) == 3)
			count++;
	}
	fclose(file);
}

bool rare_known(void)
{
	if (count < 0)
		load();
	return count > 0;
}

static bool fits(const struct line *line, const char *operation, const char *kind, int most)
{
	return line->digits >= 0 && line->digits <= most && !strcmp(line->operation, operation) &&
	       !strcmp(line->kind, kind);
}

int rare_digits(const char *operation, const char *kind, int most, uint64_t pick)
{
	unsigned int found = 0;

	if (!rare_known())
		return -1;
	for (int i = 0; i < count; i++)
		found += fits(&lines[i], operation, kind, most);
	if (!found)
		return -1;
	pick %= found;
	for (int i = 0; i < count; i++)
		if (fits(&lines[i], operation, kind, most) && !pick--)
			return lines[i].digits;
	return -1;
}
