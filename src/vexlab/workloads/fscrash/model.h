/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FSCRASH_MODEL_H
#define VEXLAB_FSCRASH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A program of operations, made of a seed alone, and what a crash in the midst of it may leave. Four actors work in
 * folders of their own (a0..a3), one operation at a time. What stands in an actor's folder after a crash must be what
 * stood there after one of the operations between the last that was made durable and the last that was begun.
 */
#define ACTORS 4
#define PATH_ROOM 40
#define MOST_ENTRIES 28
#define MOST_SIZE (192 << 10)

enum verb {
	V_CREATE, V_WRITE, V_STORE, V_CUT, V_FSYNC, V_FDATASYNC, V_DSYNC, V_MSYNC, V_RENAME, V_EXCHANGE, V_LINK,
	V_UNLINK, V_HOLD, V_DROP, V_MKDIR, V_RMDIR, V_SYMLINK, V_CHMOD, V_XATTR, V_DIRSYNC, V_SYNCFS, V_TMPFILE,
	V_LINKFD, V_HOOK,
};

struct op {
	enum verb verb;
	int actor;
	int file;
	char a[PATH_ROOM];
	char b[PATH_ROOM];
	uint32_t off;
	uint32_t len;
};

enum kind { K_FILE, K_DIR, K_SYMLINK };

/* A name below an actor's folder. `file` numbers the file, or the symlink, of which its target is made. */
struct entry {
	char path[PATH_ROOM];
	enum kind kind;
	int file;
	int mode;
	int xattr;
};

/* An actor's folder after the operation `op`, sorted by path. */
struct world {
	int op;
	int count;
	struct entry entry[MOST_ENTRIES];
};

/* A change of a file's bytes by the operation `op`: `cut` sets the size to `off`. */
struct event {
	int op;
	bool cut;
	uint32_t off;
	uint32_t len;
	uint32_t size;
};

/* Operations, in order, that have made something durable: all that was done up to the operation `upto`. */
struct point {
	int op;
	int upto;
};

struct points {
	struct point *point;
	int count;
};

struct file {
	int actor;
	int links;
	int touched; /* the last operation on its names or attributes, or -1 */
	bool open;
	uint32_t size;
	struct event *event;
	int events;
	struct points durable;
};

struct actor {
	struct world *world;
	int worlds;
	int named; /* the last operation on any name */
	struct points durable;
};

/* What the target refuses, as it says itself, and what its profile says that does not work. */
enum lack {
	L_XATTR = 1, L_TMPFILE = 2, L_EXCHANGE = 4, L_NAMES = 8,
	L_LINK = 1 << 4, L_SYMLINK = 1 << 5, L_RENAME = 1 << 6, L_OVER = 1 << 7, L_MOVE = 1 << 8, L_STORE = 1 << 9,
	L_SHORTEN = 1 << 10, L_EXTEND = 1 << 11, L_MODE = 1 << 12, L_FSYNC = 1 << 13, L_FDATASYNC = 1 << 14,
	L_SYNCFS = 1 << 15, L_GAPS = 1 << 16, L_UNLINK_OPEN = 1 << 17, L_RMDIR = 1 << 18, L_ORDER = 1 << 19,
};

struct model {
	struct op *op;
	int ops;
	struct file *file;
	int files;
	struct actor actor[ACTORS];
	unsigned int lacks;
	uint32_t most; /* bytes of a file */
	uint64_t random;
	char profile;
};

/* Fills `model` with at least `count` operations; `profile` is 'd' data, 'n' names, 'h' hooks. */
void model_make(struct model *model, uint64_t seed, int count, char profile, unsigned int lacks);
/* Whether `names`, separated by commas, are known; their sum is in *lacks. */
bool model_lacks(const char *names, unsigned int *lacks);

/* Those that the profile says do not work. */
unsigned int profile_lacks(void);

const struct world *world_at(const struct actor *actor, int op);
struct entry *world_find(struct world *world, const char *path);
/* Up to which operation all is durable when `op` has returned, or -1. */
int points_last(const struct points *points, int op);
/* The names of files with this number in `world`. */
int world_links(const struct world *world, int file);

/* Applies the operation to the model: what it changes, and what it makes durable. */
void model_apply(struct model *model, const struct op *op);
int model_new_file(struct model *model, int actor);

/* Whether it changes names: all of it or nothing is to be seen after a crash. */
bool op_names(const struct op *op);
/* One line about an operation, in a buffer of the caller. */
const char *op_text(const struct op *op, char *text, size_t room);
void symlink_target(int file, char *target, size_t room);
/* The value of the attribute user.fscrash in its version; the length is returned. */
size_t xattr_value(int version, char *value, size_t room);

/* A file's bytes are cells that say whose they are: a foreign one gives itself away. */
struct cell {
	uint32_t magic;
	uint32_t file;
	uint32_t version;
	uint32_t number;
};

#define CELL ((uint32_t)sizeof(struct cell))
#define CELL_MAGIC 0x4c4c4543u
#define STALE_MAGIC 0x454c5453u

#endif
