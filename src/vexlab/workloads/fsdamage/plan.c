// SPDX-License-Identifier: Apache-2.0
/*
 * The plan on standard input, a word and its numbers on each line:
 *
 *   D NUMBER NAME                       a damage begins
 *   W OFFSET HEX                        bytes to write
 *   X OFFSET HEX                        bits to turn over
 *   C OFFSET FROM LENGTH                bytes to copy from elsewhere in the image
 *   S OFFSET le|be INIT (FROM LENGTH)+  a crc32c to make right again
 *   N OFFSET                            the block of 4096 bytes there is no file's
 *   U                                   the command of --use is to be run
 *   L                                   it is a length that is wrong
 *   G                                   it is complete
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsdamage/damage.h"

static _Noreturn void senseless(const char *line)
{
	fprintf(stderr, "fsdamage: the plan makes no sense: %.100s\n", line);
	exit(2);
}

static void forget(struct damage *damage)
{
	for (int i = 0; i < damage->patches; i++)
		free(damage->patch[i].data);
	memset(damage, 0, sizeof(*damage));
}

static bool read_patch(struct damage *damage, char kind, const char *text)
{
	struct patch *patch = &damage->patch[damage->patches];
	int at = 0;

	if (damage->patches == MOST_PARTS || sscanf(text, "%" SCNu64 " %n", &patch->offset, &at) != 1)
		return false;
	patch->kind = kind;
	text += at;
	if (kind == 'C') {
		if (sscanf(text, "%" SCNu64 " %zu", &patch->from, &patch->len) != 2 || patch->len > 1 << 20)
			return false;
		patch->data = malloc(patch->len + 1);
		damage->patches++;
		return true;
	}
	patch->len = strspn(text, "0123456789abcdef") / 2;
	patch->data = malloc(patch->len + 1);
	for (size_t i = 0; i < patch->len; i++)
		if (sscanf(text + 2 * i, "%2hhx", &patch->data[i]) != 1)
			return false;
	damage->patches++;
	return patch->len;
}

static bool read_seal(struct damage *damage, const char *text)
{
	struct seal *seal = &damage->seal[damage->seals];
	char order[4];
	int got;

	if (damage->seals == MOST_PARTS)
		return false;
	got = sscanf(text, "%" SCNu64 " %3s %" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &seal->offset,
		     order, &seal->init, &seal->range[0].offset, &seal->range[0].length, &seal->range[1].offset,
		     &seal->range[1].length);
	if (got != 5 && got != 7)
		return false;
	seal->ranges = (got - 3) / 2;
	seal->big_endian = order[0] == 'b';
	damage->seals++;
	return true;
}

bool plan_next(struct damage *damage)
{
	static char *line;
	static size_t room;
	bool good = true;

	forget(damage);
	while (getline(&line, &room, stdin) > 0) {
		if (line[0] == 'D')
			good = sscanf(line + 1, "%d %159s", &damage->number, damage->name) == 2;
		else if (line[0] == 'W' || line[0] == 'X' || line[0] == 'C')
			good = read_patch(damage, line[0], line + 1);
		else if (line[0] == 'S')
			good = read_seal(damage, line + 1);
		else if (line[0] == 'N')
			good = sscanf(line + 1, "%" SCNu64, &damage->hidden) == 1;
		else if (line[0] == 'U')
			damage->use = true;
		else if (line[0] == 'L')
			damage->length = true;
		else if (line[0] == 'G')
			return true;
		else
			good = false;
		if (!good)
			senseless(line);
	}
	return false;
}
