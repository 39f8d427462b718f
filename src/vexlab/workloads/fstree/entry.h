/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_ENTRY_H
#define VEXLAB_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "lib/json.h"

#define XATTRS 16

/* One name of a tree, with all that must be found again. */
struct entry {
	char *path;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	nlink_t nlink;
	off_t size;
	struct timespec mtime;
	dev_t rdev;
	ino_t ino;
	uint64_t hash;
	char *target;
	char *wrong;		/* what could not be read, and why */
	int xattrs;
	char *xattr[XATTRS];
	uint64_t value[XATTRS];
	/* Only of entries that `fill` made: who its bytes belong to, and where they lie, as text. */
	uint64_t seed;
	unsigned int id;
	char *extents;
	char *data;		/* where SEEK_DATA finds data, as text, if asked for */
	const char *group;	/* the first path of the same inode */
	unsigned int untold;	/* what the filesystem does not keep, so that nothing is expected of it: */
#define UNTOLD_MODE 1
#define UNTOLD_OWNER 2
#define UNTOLD_MTIME 4
#define UNTOLD_NLINK 8
};

struct tree {
	struct entry *entry;
	size_t count;
	size_t room;
};

struct entry *tree_add(struct tree *tree);
/* Sorts by path and finds the groups. */
void tree_finish(struct tree *tree);
void entry_print(struct json *json, const struct entry *entry);

/* Reads all that is below the directory, with or without where data lies. */
bool tree_scan(struct tree *tree, const char *dir, bool holes);

/* Makes a tree from a seed; what must be found afterwards. False with a word on stderr. */
bool fill(struct tree *tree, uint64_t seed, size_t count, const char *dir);

/* The model that `fill` keeps: inodes, and entries that are names of them. */
#define EXTENTS 16

struct node {
	struct entry entry;
	struct {
		off_t offset, len;
		unsigned int generation;
	} extent[EXTENTS];
	int extents;
	unsigned int generation;
	bool gone;
};

struct name {
	char *path;		/* NULL: removed */
	struct node *node;
	int children;
	int depth;
	struct name *parent;
};

extern struct model {
	struct name *names;
	size_t count;
	uint64_t seed;
	uint64_t state;		/* of the choices */
	long long top;		/* entries of the uppermost directory */
	long long bytes;	/* written so far */
} model;

/* What may be done, and how much of it. */
extern struct allowed {
	bool mkdir, symlink, fifo, device, link, tmpfile, truncate_up, truncate_down, gaps, rename, rename_over, unlink;
	bool xattr, dir_links, symlink_modes;
	unsigned int owner;	/* no owner or group is as high */
	long long size;		/* of a file, in bytes */
	long long entries;	/* of a directory */
	long long links, name, path, depth, target, value;
	long long grain;	/* of times, in nanoseconds */
	long long names, bytes;	/* of the whole tree */
	unsigned int untold;
	char prefix[24];	/* of every name, where all trees share one directory */
} allowed;

void find_allowed(const char *dir);
/* What the filesystem does not keep, whatever is made. */
unsigned int untold_keys(void);

/* A number of 0..limit-1. */
uint64_t below(uint64_t limit);
/* Whether one more may be made in it; NULL is the uppermost directory. */
bool has_room(const struct name *dir);
void count_child(struct name *parent, int change);
struct name *some_dir(void);
struct name *some_file(void);
char *new_path(struct name *parent);
struct name *add_name(char *path, struct node *node, struct name *parent);
struct node *new_node(mode_t mode);
void forget_name(struct name *name);
void to_manifest(struct tree *tree);

/* These do it and tell the model; false with a word on stderr. */
bool write_range(struct node *node, const char *path, off_t offset, off_t len);
bool resize(struct node *node, const char *path, off_t size);
bool change_one(void);
bool broken(const char *what, const char *path);

/*
 * Compares with a manifest; prints a line for each problem and one at the end. Where `prefix` is not NULL, names that do
 * not begin with it are others' business.
 */
int verify(const char *manifest, const char *dir, const char *prefix);

/*
 * Bytes that name their place: each cell of 64 bytes tells the run, the file, the generation of the write and the
 * offset it was written for, so that bytes found in a wrong place say where they come from.
 */
#define CELL 64

struct cell {
	uint64_t magic;
	uint64_t seed;
	uint32_t id;
	uint32_t generation;
	uint64_t offset;
	uint64_t rest[4];
};

#define CELL_MAGIC 0x7447614c78655601ULL

void tag(char *data, off_t offset, size_t len, uint64_t seed, unsigned int id, unsigned int generation);
/* Renders a range of a file from its extents ("offset+length@generation ..."). */
void render(char *data, off_t offset, size_t len, uint64_t seed, unsigned int id, const char *extents);
/* What the bytes around a wrong one say of themselves. */
void explain(const char *data, size_t len, size_t wrong, off_t offset, uint64_t seed, unsigned int id, char *text,
	     size_t room);

#endif
