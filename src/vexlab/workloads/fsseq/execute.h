/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_EXECUTE_H
#define VEXLAB_EXECUTE_H

#include <sys/stat.h>

#include "fsseq/program.h"

/* A tree in which operations are done, and its open files. */
struct place {
	int dirfd;
	int slot[SLOTS];
	bool dir_links;		/* whether link counts of directories are told */
	bool flat;		/* it is the root of a filesystem that has no other directories */
};

/* What the filesystem keeps, by its profile; what it does not is compared with nothing. */
bool keeps_modes(void);
bool keeps_owners(void);

/* What an operation answered: an error, or a number and a digest of what it gave. */
struct answer {
	int err;
	long long value;
	uint64_t digest;
};

/* Times from EXPLICIT_FROM to EXPLICIT_TO were set by utimens, all others are told as "now". */
#define EXPLICIT_FROM 1000000000LL
#define EXPLICIT_TO 1100000000LL

bool tells_mtime(const struct stat *st);
bool place_open(struct place *place, const char *path, bool dir_links);
void place_close(struct place *place);
struct answer execute(struct place *place, const struct op *op);
void answer_print(const struct answer *answer, char *text, size_t room);
bool same_answer(const struct answer *a, const struct answer *b);

/* The bytes that write, append and store write: the line "%08x\n" of the seed over and over, as yes(1) gives them. */
void fill_bytes(char *data, size_t len, unsigned int seed);

/* The tree as lines of text in a buffer that grows. */
struct text {
	char *bytes;
	size_t len, room;
};

void tree_lines(struct place *place, struct text *text);

#endif
