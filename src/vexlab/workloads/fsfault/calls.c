// SPDX-License-Identifier: Apache-2.0
/*
 * ioctls described by a file, a line each:
 *
 *	NAME FILE NUMBER ARGUMENT [OFFSET:BYTES]…
 *
 * NUMBER is decimal; ARGUMENT and BYTES are hexadecimal, and the address of BYTES goes into ARGUMENT at OFFSET, as 64
 * bits. FILE is made anew for each attempt; then the earlier lines of the same FILE are done whose name begins with
 * `+`: they prepare.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fsfault/fsfault.h"

#define CALLS 64
#define BUFFERS 8

struct call {
	char name[48], file[64];
	unsigned long number;
	unsigned char *argument;
	size_t size;
	unsigned char *buffer[BUFFERS];
	size_t at[BUFFERS], count;
};

static struct call calls[CALLS];
static struct operation table[CALLS];
static size_t call_count, table_count;
static size_t index_of[CALLS]; /* of the operation's call */
static size_t now;	       /* the operation that runs */
static int fd = -1;

static unsigned char *bytes(const char *text, size_t *size)
{
	size_t len = strlen(text) / 2;
	unsigned char *made = malloc(len + 1);

	for (size_t i = 0; made && i < len; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1) {
			free(made);
			return NULL;
		}
		made[i] = byte;
	}
	*size = len;
	return made;
}

static bool parse_buffer(struct call *call, char *word)
{
	char *colon = strchr(word, ':');
	size_t size;

	if (!colon || call->count == BUFFERS)
		return false;
	call->at[call->count] = strtoul(word, NULL, 10);
	call->buffer[call->count] = bytes(colon + 1, &size);
	return call->buffer[call->count++] != NULL;
}

static bool parse(struct call *call, char *line)
{
	char *save, *word = strtok_r(line, " \n", &save);

	if (!word)
		return false;
	snprintf(call->name, sizeof(call->name), "%s", word);
	word = strtok_r(NULL, " \n", &save);
	snprintf(call->file, sizeof(call->file), "%s", word ? word : "");
	word = strtok_r(NULL, " \n", &save);
	call->number = word ? strtoul(word, NULL, 10) : 0;
	word = strtok_r(NULL, " \n", &save);
	call->argument = word ? bytes(word, &call->size) : NULL;
	while (call->argument && (word = strtok_r(NULL, " \n", &save)))
		if (!parse_buffer(call, word))
			return false;
	for (size_t i = 0; i < call->count; i++) {
		uint64_t address = (uintptr_t)call->buffer[i];

		if (call->at[i] + sizeof(address) > call->size)
			return false;
		memcpy(call->argument + call->at[i], &address, sizeof(address));
	}
	return call->argument != NULL;
}

static int do_call(const struct call *call)
{
	unsigned char argument[512]; /* what the kernel writes there is not handed to the next attempt */

	if (call->size > sizeof(argument))
		return E2BIG;
	memcpy(argument, call->argument, call->size);
	return ioctl(fd, call->number, argument) < 0 ? errno : 0;
}

static void undo(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
	unlink(calls[index_of[now]].file);
}

static bool setup(void)
{
	const struct call *call = &calls[index_of[now]];

	undo();
	fd = open(call->file, O_CREAT | O_RDWR, 0644);
	if (fd < 0)
		return false;
	for (const struct call *before = calls; before < call; before++)
		if (before->name[0] == '+' && !strcmp(before->file, call->file) && do_call(before))
			return false;
	return true;
}

static int run(void)
{
	return do_call(&calls[index_of[now]]);
}

bool calls_read(const char *file)
{
	char *line = NULL;
	size_t room = 0;
	FILE *lines = fopen(file, "r");

	if (!lines)
		return false;
	while (call_count < CALLS && getline(&line, &room, lines) > 0) {
		struct call *call = &calls[call_count];

		if (!parse(call, line)) {
			errno = EINVAL;
			fclose(lines);
			return false;
		}
		if (call->name[0] != '+') {
			index_of[table_count] = call_count;
			table[table_count++] = (struct operation){ call->name, setup, run, undo, NULL };
		}
		call_count++;
	}
	free(line);
	fclose(lines);
	return true;
}

size_t calls_count(void)
{
	return table_count;
}

const struct operation *call_at(size_t which)
{
	now = which;
	return &table[which];
}
