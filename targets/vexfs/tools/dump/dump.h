/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_DUMP_H
#define VEXFS_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "json.h"
#include "layout.h"

struct image {
	struct device			dev;
	struct vexfs_super_block	sb;
	struct layout			lo;
};

/* Fields of the format's structures, in their order on disk. */
enum encoding { LE, BE, BYTES, TEXT };

struct field {
	const char	*name;
	uint16_t	offset;
	uint16_t	size;
	enum encoding	encoding;
};

enum structure {
	S_SUPER,
	S_DESC,
	S_BITMAP,
	S_INODE,
	S_JOURNAL,
	S_POINTER,		/* one in a pointer block */
	S_ENTRY,		/* of a directory */
	S_SYMLINK,
	S_XATTR,		/* block header */
	S_XATTR_ENTRY,
	S_RECORD,
	S_INDEX,		/* header */
	S_INDEX_WORD,
	S_INDEX_CSUM,
	S_COUNT,
};

extern const struct field *const structure_fields[S_COUNT];

/* Number of a field up to eight bytes. */
uint64_t field_number(const struct field *f, const uint8_t *data);

/* One structure of the image. */
struct place {
	enum structure	structure;
	char		name[96];	/* "inode[12]" */
	uint64_t	offset;		/* in the image */
	const uint8_t	*data;
	uint32_t	id;		/* group, inode or block */
	uint64_t	slot;		/* of a record; file block of an index */
	uint32_t	stride;		/* of a record */
};

struct range {
	uint64_t	offset;		/* in the image */
	uint64_t	length;
};

/*
 * A checksum: crc32c from init over the ranges in turn, the bytes of the
 * checksum itself taken for zero.
 */
struct sum {
	uint64_t	offset;		/* where it stands */
	enum encoding	encoding;
	uint32_t	init;
	struct range	ranges[2];
};

bool place_sum(const struct image *im, const struct place *p, struct sum *sum);
bool place_fixed(const struct place *p);
const char *field_means(const struct place *p, const struct field *f);
/* The members of a field's JSON that help to damage it. */
void print_lore(struct json *js, const struct image *im, const struct place *p,
		const struct field *f);

typedef int (*place_fn)(void *arg, const struct place *place,
			const struct field *field);
/* Every field of everything in use. */
int each_field(struct image *im, place_fn visit, void *arg);

/* How far it is, and its parts: each visits the fields of a structure. */
struct listing {
	struct image	*im;
	place_fn	visit;
	void		*arg;
	uint32_t	ino;		/* whose content is being walked */
	const struct vexfs_inode *inode;
};

__attribute__((format(printf, 5, 6)))
struct place make_place(enum structure structure, uint64_t offset, void *data,
			uint32_t id, const char *fmt, ...);
/* All fields of fixed size; those of variable size are given by the caller. */
int list_fixed(struct listing *l, const struct place *p);
int list_variable(struct listing *l, const struct place *p, const char *name,
		  uint32_t offset, uint32_t size, enum encoding encoding);
/* An inode and what it leads to. offset: of the inode, in the image. */
int list_inode(struct listing *l, uint32_t ino, const struct vexfs_inode *inode,
	       uint64_t offset);

/* Prints fields as JSON lines. */
int show_fields(struct image *im);
/* Changes one field, "name=value"; seal: makes its checksum right again. */
int set_field(struct image *im, const char *assignment, bool seal);

/* A view: what is shown, and how. */
struct view {
	struct image	*im;
	struct json	js;
	bool		json;
	uint32_t	ino;
	struct vexfs_inode inode;
};

/* What they have in common. view_end() hands err on. */
void print_text(const uint8_t *data, size_t len);
void show_struct(struct view *v, enum structure structure, const void *data);
void show_check(struct view *v, const char *what, bool good);
void view_begin(struct view *v);
int view_end(struct view *v, int err);

/* what: an inode number or a path. */
int find_inode(struct image *im, const char *what, uint32_t *ino);
int show_super(struct view *v);
int show_groups(struct view *v);
int show_journal(struct view *v);
int show_inode(struct view *v);
int show_directory(struct view *v);
int show_map(struct view *v);
int show_xattrs(struct view *v);
int show_collection(struct view *v);

#endif
