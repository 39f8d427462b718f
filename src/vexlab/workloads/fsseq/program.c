// SPDX-License-Identifier: Apache-2.0
/* Programs as text. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "fsseq/program.h"

const struct op_kind op_kinds[OPS] = {
	[OP_OPEN] = { "open", "spwo" },		/* slot, path, flags of rwbcxtand, mode */
	[OP_CLOSE] = { "close", "s" },
	[OP_WRITE] = { "write", "snnn" },	/* slot, offset, length, seed */
	[OP_APPEND] = { "append", "snn" },	/* slot, length, seed: at the slot's position */
	[OP_READ] = { "read", "snn" },
	[OP_TRUNCATE] = { "truncate", "pn" },
	[OP_FTRUNCATE] = { "ftruncate", "sn" },
	[OP_RENAME] = { "rename", "ppw" },	/* plain, noreplace, exchange */
	[OP_LINK] = { "link", "pp" },
	[OP_SYMLINK] = { "symlink", "xp" },
	[OP_UNLINK] = { "unlink", "p" },
	[OP_MKDIR] = { "mkdir", "po" },
	[OP_RMDIR] = { "rmdir", "p" },
	[OP_CHMOD] = { "chmod", "po" },
	[OP_CHOWN] = { "chown", "pnn" },
	[OP_SETXATTR] = { "setxattr", "pxnnw" }, /* path, name, length, seed, any, create or replace */
	[OP_GETXATTR] = { "getxattr", "px" },
	[OP_REMOVEXATTR] = { "removexattr", "px" },
	[OP_LISTXATTR] = { "listxattr", "p" },
	[OP_UTIMENS] = { "utimens", "pnn" },	/* path, seconds, nanoseconds: of both times */
	[OP_FSYNC] = { "fsync", "s" },
	[OP_ALLOCATE] = { "allocate", "swnn" },	/* slot, plain, keep, punch or zero, offset, length */
	[OP_STORE] = { "store", "snnn" },	/* as write, through a shared mapping */
	[OP_READDIR] = { "readdir", "p" },
	[OP_STAT] = { "stat", "p" },
	[OP_READLINK] = { "readlink", "p" },
	[OP_STATFS] = { "statfs", "" },
};

struct op *program_add(struct program *program, enum opcode code)
{
	struct op *op;

	if (program->count == program->room) {
		program->room = program->room * 2 + 256;
		program->op = realloc(program->op, program->room * sizeof(*program->op));
		if (!program->op)
			abort();
	}
	op = &program->op[program->count++];
	memset(op, 0, sizeof(*op));
	op->code = code;
	return op;
}

static bool unescape(const char *from, char *to, size_t room)
{
	if (!strcmp(from, "-"))
		from = "";
	while (*from && room > 1) {
		unsigned int byte = (unsigned char)*from;
		int used = 1;

		if (*from == '%' && sscanf(from, "%%%2x", &byte) == 1)
			used = 3;
		*to++ = byte;
		from += used;
		room--;
	}
	*to = '\0';
	return !*from;
}

static bool parse_argument(struct op *op, char kind, const char *text, int *texts, int *numbers)
{
	char *end;

	if (kind == 'w') {
		snprintf(op->word, sizeof(op->word), "%s", text);
		return strlen(text) < sizeof(op->word);
	}
	if (kind == 'p' || kind == 'x')
		return unescape(text, op->text[(*texts)++], TEXT_ROOM);
	op->number[*numbers] = strtoll(text, &end, kind == 'o' ? 8 : 10);
	if (kind == 's' && (op->number[*numbers] < 0 || op->number[*numbers] >= SLOTS))
		return false;
	(*numbers)++;
	return !*end;
}

static bool parse(struct program *program, char *line)
{
	char *rest = NULL, *word = strtok_r(line, " \n", &rest);
	int texts = 0, numbers = 0;
	struct op *op;
	int code;

	if (!word || *word == '#')
		return true;
	for (code = 0; code < OPS && strcmp(op_kinds[code].name, word); code++)
		;
	if (code == OPS)
		return false;
	op = program_add(program, code);
	for (const char *kind = op_kinds[code].args; *kind; kind++) {
		word = strtok_r(NULL, " \n", &rest);
		if (!word || !parse_argument(op, *kind, word, &texts, &numbers))
			return false;
	}
	return !strtok_r(NULL, " \n", &rest);
}

bool program_read(struct program *program, FILE *file)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	bool good = true;

	while (good && getline(&line, &room, file) > 0) {
		number++;
		if (!strcmp(line, "end\n"))
			break;
		good = parse(program, line);
	}
	if (!good)
		fprintf(stderr, "fsseq: line %zu of the program is no operation\n", number);
	free(line);
	return good;
}

static size_t escape(const char *from, char *to, size_t room)
{
	size_t len = 0;

	if (!*from)
		return snprintf(to, room, "-");
	for (; *from && len + 4 < room; from++)
		if (isalnum((unsigned char)*from) || (strchr("._/-", *from) && (*from != '-' || from[1] || len)))
			to[len++] = *from;
		else
			len += snprintf(to + len, room - len, "%%%02x", (unsigned char)*from);
	to[len] = '\0';
	return len;
}

void op_print(const struct op *op, char *text, size_t room)
{
	size_t len = snprintf(text, room, "%s", op_kinds[op->code].name);
	int texts = 0, numbers = 0;

	for (const char *kind = op_kinds[op->code].args; *kind && len + 8 < room; kind++) {
		text[len++] = ' ';
		if (*kind == 'w')
			len += snprintf(text + len, room - len, "%s", op->word);
		else if (*kind == 'p' || *kind == 'x')
			len += escape(op->text[texts++], text + len, room - len);
		else
			len += snprintf(text + len, room - len, *kind == 'o' ? "%llo" : "%lld", op->number[numbers++]);
	}
}
