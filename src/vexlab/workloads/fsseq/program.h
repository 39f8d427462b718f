/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_PROGRAM_H
#define VEXLAB_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A program is text, one operation a line: a name and its arguments, with spaces between. Bytes of paths other than
 * letters, digits and "._-/" are written %xx; "-" stands for the empty path, the tree's root is ".". A line "end" ends
 * a program where another one follows.
 */
enum opcode {
	OP_OPEN, OP_CLOSE, OP_WRITE, OP_APPEND, OP_READ, OP_TRUNCATE, OP_FTRUNCATE, OP_RENAME, OP_LINK, OP_SYMLINK,
	OP_UNLINK, OP_MKDIR, OP_RMDIR, OP_CHMOD, OP_CHOWN, OP_SETXATTR, OP_GETXATTR, OP_REMOVEXATTR, OP_LISTXATTR,
	OP_UTIMENS, OP_FSYNC, OP_ALLOCATE, OP_STORE, OP_READDIR, OP_STAT, OP_READLINK, OP_STATFS, OPS
};

#define TEXTS 2
#define NUMBERS 4
#define TEXT_ROOM 600
#define WORD_ROOM 12

struct op {
	enum opcode code;
	char text[TEXTS][TEXT_ROOM];	/* paths, symbolic links' targets, attributes' names */
	char word[WORD_ROOM];		/* flags */
	long long number[NUMBERS];
};

struct program {
	struct op *op;
	size_t count;
	size_t room;
};

/*
 * Arguments: p path (a text), x text, s slot, n number, o octal number, w word. Numbers and texts are stored in the
 * order in which they stand.
 */
struct op_kind {
	const char *name;
	const char *args;
};

extern const struct op_kind op_kinds[OPS];

#define SLOTS 6

struct op *program_add(struct program *program, enum opcode code);
bool program_read(struct program *program, FILE *file);
void op_print(const struct op *op, char *text, size_t room);

/* Capabilities that a filesystem may lack; programs are made without what one of the two lacks. */
enum { WITHOUT_EXCHANGE = 1, WITHOUT_NOREPLACE = 2, WITHOUT_ALLOCATE = 4, WITHOUT_PUNCH = 8, WITHOUT_ZERO = 16,
       WITHOUT_XATTR = 32, WITHOUT_KEEP = 64 };
unsigned int lacks(int dirfd);
unsigned int lacks_of_names(const char *names);
void lacks_print(unsigned int lacking, char *text, size_t room);

void generate(struct program *program, uint64_t seed, size_t count, unsigned int lacking);

#endif
