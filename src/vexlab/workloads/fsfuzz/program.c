// SPDX-License-Identifier: Apache-2.0
/*
 * Programs as text, an operation a line: the thread that does it, its name, its arguments. Of an ioctl these are the
 * slot, its number, the structure's bytes without the zeros at its end, then what members point to and what changes:
 *
 *   0 open 2 0 66
 *   0 ioctl 2 3223909894 96:0100000004 g16=64:0000803f f8=4:ffffffff
 *
 * `g16=64:0000803f`: the 64-bit member at 16 points to 64 bytes that repeat these four (place g, c or u as in fuzz.h).
 * `f8=4:ffffffff`: the four bytes at 8 change to these and back while the call is made. `x` in front of the size: the
 * call is made as by a 32-bit program.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fsfuzz/fuzz.h"

const struct kind kinds[OPS] = {
	[OP_OPEN] = { "open", "spo", "", 24 },
	[OP_CLOSE] = { "close", "s", "", 6 },
	[OP_IOCTL] = { "ioctl", "s", "", 0 },
	[OP_READ] = { "read", "snn", "", 12 },
	[OP_WRITE] = { "write", "snnn", "", 18 },
	[OP_TRUNCATE] = { "truncate", "sn", "truncate_down", 8 },
	[OP_FSYNC] = { "fsync", "s", "fsync", 1 },
	[OP_UNLINK] = { "unlink", "p", "unlink", 10 },
	[OP_RENAME] = { "rename", "pp", "rename", 10 },
	[OP_EXCHANGE] = { "exchange", "pp", "rename_exchange", 4 },
	[OP_MKDIR] = { "mkdir", "p", "mkdir", 6 },
	[OP_RMDIR] = { "rmdir", "p", "rmdir", 4 },
	[OP_LINK] = { "link", "pp", "link", 6 },
	[OP_SYMLINK] = { "symlink", "pn", "symlink", 3 },
	[OP_SETXATTR] = { "setxattr", "pnn", "xattr", 8 },
	[OP_GETXATTR] = { "getxattr", "pn", "xattr", 4 },
	[OP_LISTXATTR] = { "listxattr", "pn", "xattr", 4 },
	[OP_REMOVEXATTR] = { "removexattr", "pn", "xattr", 3 },
	[OP_READDIR] = { "readdir", "p", "", 4 },
	[OP_STORE] = { "store", "snn", "mmap_write", 6 },
	[OP_ALLOCATE] = { "allocate", "snn", "fallocate", 3 },
	[OP_STAT] = { "stat", "p", "", 3 },
	[OP_CHMOD] = { "chmod", "pn", "chmod", 2 },
	[OP_SYNC] = { "sync", "", "", 1 },
	[OP_DROP] = { "drop", "s", "", 1 },
};

uint64_t number_at(const uint8_t *data, int size)
{
	uint64_t value = 0;

	memcpy(&value, data, size > 8 ? 8 : size);
	return value;
}

void number_put(uint8_t *data, int size, uint64_t value)
{
	memset(data, 0, size);
	memcpy(data, &value, size > 8 ? 8 : size);
}

struct text {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= text->left)
		len = text->left ? (int)text->left - 1 : 0;
	text->at += len;
	text->left -= len;
}

static void put_hex(struct text *text, const uint8_t *data, int len)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < len && text->left > 3; i++) {
		*text->at++ = digits[data[i] >> 4];
		*text->at++ = digits[data[i] & 15];
		text->left -= 2;
	}
	*text->at = '\0';
}

static void put_ioctl(struct text *text, const struct op *op)
{
	int len = op->size;
	uint8_t value[8];

	while (len && !op->data[len - 1])
		len--;
	put(text, " %" PRIu32 " %s%d:", op->number, op->compat ? "x" : "", op->size);
	put_hex(text, op->data, len);
	for (int i = 0; i < op->pointers; i++) {
		const struct pointer *pointer = &op->pointer[i];

		put(text, " %c%d=%" PRIu32 ":", pointer->place, pointer->offset, pointer->size);
		put_hex(text, pointer->content, pointer->length);
	}
	if (op->flip.size) {
		memcpy(value, &op->flip.value, 8);
		put(text, " f%d=%d:", op->flip.offset, op->flip.size);
		put_hex(text, value, op->flip.size);
	}
}

size_t program_print(const struct program *program, char *text, size_t room)
{
	struct text to = { text, room };

	for (int i = 0; i < program->ops; i++) {
		const struct op *op = &program->op[i];

		put(&to, "%d %s", op->thread, kinds[op->code].name);
		for (int arg = 0; kinds[op->code].args[arg]; arg++)
			put(&to, " %" PRId64, op->arg[arg]);
		if (op->code == OP_IOCTL)
			put_ioctl(&to, op);
		put(&to, "\n");
	}
	return to.at - text;
}

static _Noreturn void senseless(const char *line)
{
	fprintf(stderr, "fsfuzz: the program makes no sense: %.200s\n", line);
	exit(2);
}

/* Reads hexadecimal digits; returns how many bytes, or -1. */
static int take_hex(const char *text, uint8_t *data, int room)
{
	int len = strspn(text, "0123456789abcdef");

	if (len % 2 || len / 2 > room)
		return -1;
	for (int i = 0; i < len / 2; i++)
		if (sscanf(text + 2 * i, "%2hhx", &data[i]) != 1)
			return -1;
	return len / 2;
}

static bool take_pointer(struct op *op, const char *word)
{
	struct pointer *pointer = &op->pointer[op->pointers];
	int at = 0;

	if (op->pointers == MOST_POINTERS ||
	    sscanf(word, "%c%d=%" SCNu32 ":%n", &pointer->place, &pointer->offset, &pointer->size, &at) != 3 || !at)
		return false;
	pointer->length = take_hex(word + at, pointer->content, CONTENT_ROOM);
	op->pointers++;
	return pointer->length >= 0 && pointer->size <= BUFFER_MOST && strchr("gcu", pointer->place) &&
	       pointer->offset >= 0 && pointer->offset + 8 <= op->size;
}

static bool take_flip(struct op *op, const char *word)
{
	uint8_t value[8] = { 0 };
	int at = 0;

	if (sscanf(word, "f%d=%d:%n", &op->flip.offset, &op->flip.size, &at) != 2 || !at ||
	    take_hex(word + at, value, 8) < 0)
		return false;
	memcpy(&op->flip.value, value, 8);
	return op->flip.size > 0 && op->flip.size <= 8 && op->flip.offset >= 0 &&
	       op->flip.offset + op->flip.size <= op->size;
}

static bool take_ioctl(struct op *op, char **rest)
{
	char *word = strtok_r(NULL, " \n", rest);
	int at = 0;

	if (!word || sscanf(word, "%" SCNu32, &op->number) != 1)
		return false;
	word = strtok_r(NULL, " \n", rest);
	op->compat = word && *word == 'x';
	if (!word || sscanf(word + op->compat, "%d:%n", &op->size, &at) != 1 || !at || op->size < 0 ||
	    op->size > STRUCT_ROOM || take_hex(word + op->compat + at, op->data, op->size) < 0)
		return false;
	while ((word = strtok_r(NULL, " \n", rest)))
		if (!(*word == 'f' ? take_flip(op, word) : take_pointer(op, word)))
			return false;
	return true;
}

static bool take(struct op *op, char *line)
{
	char *rest, *word = strtok_r(line, " \n", &rest);

	memset(op, 0, sizeof(*op));
	op->thread = word ? atoi(word) : -1;
	word = strtok_r(NULL, " \n", &rest);
	while (word && op->code < OPS && strcmp(kinds[op->code].name, word))
		op->code++;
	if (!word || op->code == OPS || op->thread < 0 || op->thread >= MOST_THREADS)
		return false;
	for (int arg = 0; kinds[op->code].args[arg]; arg++) {
		word = strtok_r(NULL, " \n", &rest);
		if (!word || sscanf(word, "%" SCNd64, &op->arg[arg]) != 1)
			return false;
		if (kinds[op->code].args[arg] == 's' && (op->arg[arg] < 0 || op->arg[arg] >= SLOTS))
			return false;
		if (kinds[op->code].args[arg] == 'p' && (op->arg[arg] < 0 || op->arg[arg] >= PATHS))
			return false;
	}
	return op->code != OP_IOCTL || take_ioctl(op, &rest);
}

bool program_read(struct program *program, FILE *file)
{
	static char *line;
	static size_t room;
	char whole[200];

	program->ops = 0;
	while (getline(&line, &room, file) > 0) {
		if (!strcmp(line, "end\n"))
			return true;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		snprintf(whole, sizeof(whole), "%s", line);
		if (program->ops == MOST_OPS || !take(&program->op[program->ops], line))
			senseless(whole);
		program->ops++;
	}
	return program->ops;
}
