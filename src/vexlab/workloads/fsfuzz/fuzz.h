/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FUZZ_H
#define VEXLAB_FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MOST_CALLS 64
#define MOST_MEMBERS 40
#define MOST_VALUES 128
#define MOST_NAMES 128
#define MOST_OPS 20
#define MOST_POINTERS 5
#define MOST_THREADS 4
#define STRUCT_ROOM 512
#define CONTENT_ROOM 64
#define SLOTS 6
#define PATHS 9
#define ARGS 4
#define BUFFER_MOST (1 << 14)	/* more would be filled and looked at for longer than the call takes */

/* What a member of an ioctl's structure is for, as far as the header tells. */
enum role {
	ROLE_CONST,	/* one value, or EINVAL: a version */
	ROLE_ZERO,	/* reserved */
	ROLE_NUMBER,
	ROLE_FLAGS,
	ROLE_POINTER,	/* to elements, whose number other members say */
	ROLE_ANY,	/* as wide as a pointer: one, or a number */
	ROLE_OUT,	/* the kernel's answer */
};

struct member {
	int offset, size;
	int name;		/* members of one name share values */
	enum role role;
	uint64_t low, high;	/* of a number, both 0 where unknown; the value, the mask */
	int element;		/* bytes */
	char kind;		/* of a pointer's elements: f binary32, b bytes, i integers */
	int count[2];		/* offsets of the members whose product is the count, -1 for none */
};

struct call {
	char name[48];
	uint32_t number;
	int size;
	int members;
	struct member member[MOST_MEMBERS];
};

struct table {
	int calls, values, names;
	struct call call[MOST_CALLS];
	uint64_t value[MOST_VALUES];	/* the interface's own constants */
	char name[MOST_NAMES][40];
};

extern struct table table;
bool table_read(const char *path);
const struct call *table_find(uint32_t number);

enum code {
	OP_OPEN, OP_CLOSE, OP_IOCTL, OP_READ, OP_WRITE, OP_TRUNCATE, OP_FSYNC, OP_UNLINK, OP_RENAME, OP_EXCHANGE,
	OP_MKDIR, OP_RMDIR, OP_LINK, OP_SYMLINK, OP_SETXATTR, OP_GETXATTR, OP_LISTXATTR, OP_REMOVEXATTR, OP_READDIR,
	OP_STORE, OP_ALLOCATE, OP_STAT, OP_CHMOD, OP_SYNC, OP_DROP, OPS,
};

/* The letters of its arguments: s slot, p path, o flags of open, n number. Without `needs` it is not made. */
struct kind {
	const char *name, *args, *needs;
	int weight;
};

extern const struct kind kinds[OPS];

/* Memory that a member points to. Its place: g ends at a page nobody may touch, c bytes behind it are looked at, u odd. */
struct pointer {
	int offset;
	char place;
	uint32_t size;
	int length;		/* of the content, which is repeated */
	uint8_t content[CONTENT_ROOM];
};

/* A member that another thread changes while the call is made, to this value and back. */
struct flip {
	int offset, size;	/* size 0: none */
	uint64_t value;
};

struct op {
	enum code code;
	int thread;
	int64_t arg[ARGS];
	uint32_t number;	/* of an ioctl */
	int size;		/* of its structure */
	bool compat;		/* made as a 32-bit program makes it */
	uint8_t data[STRUCT_ROOM];
	int pointers;
	struct pointer pointer[MOST_POINTERS];
	struct flip flip;
};

struct program {
	int ops;
	struct op op[MOST_OPS];
};

/* program.c: one operation a line. */
size_t program_print(const struct program *program, char *text, size_t room);
/* Reads up to `end` or the end of the file; false where there is no more. Ends the program where it makes no sense. */
bool program_read(struct program *program, FILE *file);
uint64_t number_at(const uint8_t *data, int size);
void number_put(uint8_t *data, int size, uint64_t value);

/* generate.c */
struct choice {
	uint64_t *state;
	bool calls;		/* file calls as well, by several threads */
	bool blind;		/* the layout of the structures is not used */
	int threads;
};

void generate(struct program *program, const struct choice *choice);
void mutate(struct program *program, const struct program *other, const struct choice *choice);
/* draw.c: the arguments of one operation. */
void draw_ioctl(struct op *op, const struct program *before, const struct choice *choice);
void draw_again(struct op *op, const struct program *before, const struct choice *choice);
uint64_t draw_number(const struct choice *choice, const struct member *member);

/* execute.c */
struct outcome {
	int error;		/* errno, 0 for success */
	int done;		/* calls that worked on this slot before, as bits */
};

bool execute_start(const char *point, int threads);
void execute(const struct program *program, struct outcome *outcomes);
void clean_up(void);
long do_file(const struct op *op);
int slot_fd(int slot);

/* wrong.c: what the kernel must never do; the first of a program stays. */
extern char wrong[256];
__attribute__((format(printf, 1, 2))) void say_wrong(const char *format, ...);

/* buffers.c: each thread has its own. */
bool buffers_start(int threads);
void *buffer_place(int thread, int number, const struct pointer *pointer);
void buffer_check(int thread, int number, const struct op *op, const char *call);
/* The bytes that the structure says a pointer leads to; 0 where that is more than we have. */
uint64_t pointer_claims(const struct op *op, const struct call *call, const struct member *member);
void leak_check(const void *now, const void *before, size_t size, const char *what);
uint8_t *structure_of(int thread);
void *buffer_of(int thread, int number, size_t size);

/* corpus.c: programs that did what none before them did. */
void corpus_take(const struct program *program, const struct outcome *outcomes, bool fresh_cover);
bool corpus_pick(struct program *program, uint64_t *state);
int corpus_size(void);
int signatures(void);
void corpus_save(const char *path);

/* walk.c: each bit of the numbers and flags of calls that work, one at a time; false where there is nothing to walk. */
void walk_take(const struct program *program, const struct outcome *outcomes, uint64_t *state);
bool walk_next(struct program *program, uint64_t *state);

/* cover.c: what ran in the kernel, where it tells (KCOV, Documentation/dev-tools/kcov.rst). */
bool cover_start(void);
void cover_begin(void);
bool cover_end(void);
int cover_count(void);

/* trace.c: the programs that ran last, in memory that the host reads from outside whatever becomes of the guest. */
bool trace_start(const char *magic);
void trace_put(const struct program *program);
/* The programs as far as they are known, the last one last, with a line `end` between them; malloc'ed. */
char *trace_text(void);

/* complaint.c */
bool complaint_start(void);
bool complaint_heard(void);

/* Shared with the process that watches us. */
struct shared {
	_Atomic uint64_t programs, calls, succeeded, wrongs;
	_Atomic int signatures, corpus, cover;
	_Atomic bool has_cover;
	char wrong[256];
	char program[1 << 16];
};

extern struct shared *shared;

#endif
