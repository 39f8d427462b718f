/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fsck.vexfs: what its files share.
 *
 * A round goes through the passes below. A repair that changes what an earlier
 * pass has seen sets again, and another round starts from the beginning; after
 * repairs the last round is one that finds nothing. What is used is worked out
 * from the inodes alone and compared with the bitmaps at the end.
 */
#ifndef VEXFS_FSCK_H
#define VEXFS_FSCK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs.h"

/* Exit status, as fsck(8). */
#define FSCK_OK			0
#define FSCK_CORRECTED		1
#define FSCK_UNCORRECTED	4
#define FSCK_ERROR		8
#define FSCK_USAGE		16
#define FSCK_CANCELED		32

#define FSCK_MAX_ROUNDS		16

#define SECTORS		(VEXFS_BLOCK_SIZE / 512)		/* of a block */
#define MAX_SIZE	(FS_MAX_BLOCKS * VEXFS_BLOCK_SIZE)	/* of a file */

enum mode {
	MODE_ASK,
	MODE_NO,
	MODE_YES,
	MODE_PREEN,	/* repair what is harmless, stop at the rest */
};

enum problem_id {
	P_SB_BAD,
	P_SB_CSUM,
	P_SB_RESERVED,
	P_SB_STATE,
	P_SB_FEATURES,
	P_SB_ERROR,
	P_SB_COPY,
	P_JOURNAL_SUPER,
	P_JOURNAL_BLOCK,
	P_JOURNAL_ERRNO,
	P_DESC,
	P_GDT_TAIL,
	P_ORPHAN_LIST,
	P_RESERVED_INODE,
	P_ROOT,
	P_INODE_BAD,
	P_INODE_CSUM,
	P_INODE_FIELD,
	P_INODE_LINKS,
	P_INODE_SIZE,
	P_INODE_BLOCKS,
	P_BLOCK_BAD,
	P_BLOCK_PAST_END,
	P_BLOCK_SHARED,
	P_SYMLINK,
	P_XATTR,
	P_XATTR_CSUM,
	P_DIR_SIZE,
	P_DIR_HOLE,
	P_DIR_BLOCK,
	P_DIR_NAME,
	P_DIR_HASH,
	P_DIR_TYPE,
	P_DIR_DANGLING,
	P_DIR_DUPLICATE,
	P_DIR_LINKED_TWICE,
	P_DIR_PARENT,
	P_DIR_LOOP,
	P_UNREACHABLE,
	P_UNLINKED,
	P_VEC_DESC,
	P_VEC_FLAG,
	P_VEC_HOLE,
	P_VEC_RECORD,
	P_VEC_INDEX,
	P_VEC_INDEX_INODE,
	P_VEC_INDEX_LOST,
	P_BLOCK_BITMAP,
	P_BLOCK_BITMAP_CSUM,
	P_INODE_BITMAP,
	P_INODE_BITMAP_CSUM,
	P_COUNT_BLOCKS,
	P_COUNT_INODES,
	P_COUNT_DIRS,
};

/* What is known of an inode. */
struct node {
	uint16_t	mode;		/* 0: not used */
	uint8_t		maybe;		/* looks used, its bit says free */
	uint8_t		connected;	/* reached from the root */
	uint8_t		index;		/* of a collection, which is its name */
	uint32_t	links;		/* as stored */
	uint32_t	refs;		/* entries that name it */
	uint32_t	subdirs;
	uint32_t	parent;		/* directory whose entry names it */
	uint32_t	dotdot;		/* i_parent */
	uint32_t	visit;		/* the last walk that came by */
};

struct dir_block {
	uint32_t	ino;
	uint32_t	block;
	uint64_t	lblk;
};

/* A block to be added to a file when it is known which ones are free. */
struct patch {
	uint32_t	ino;
	uint32_t	source;		/* block to copy, 0: an empty one */
	uint64_t	lblk;
};

struct collection {
	uint32_t	ino;
	uint64_t	bytes;		/* that it has blocks for */
};

/* An entry for a directory that says its parent is another one. */
struct late_link {
	uint32_t	dir;
	uint32_t	block;
	uint32_t	offset;
	uint32_t	target;
};

struct list {
	void	*items;
	size_t	count, room;
};

struct check {
	struct device		*dev;
	struct fs		fs;
	enum mode		mode;
	bool			force;
	bool			verbose;
	bool			json;
	bool			tty;

	/* The superblock on disk, all of its block, and what must become of it. */
	uint8_t			sb_block[VEXFS_BLOCK_SIZE];
	bool			sb_dirty;

	uint32_t		found;		/* in this round */
	uint32_t		fixed;		/* in this round */
	uint32_t		left;		/* in this round */
	uint32_t		fixed_ever;
	uint32_t		round;
	bool			again;
	bool			stop;
	bool			failed;		/* I/O error, no memory */
	bool			preen_stop;

	struct node		**nodes;	/* per group */
	uint8_t			*meta_blocks;	/* claimed as metadata */
	uint8_t			*keep_meta;	/* from the round before */
	struct list		dir_blocks;
	struct list		patches;
	struct list		late_links;
	struct list		collections;
	uint32_t		lost_found;
	uint32_t		files;
	uint32_t		dirs;
	uint32_t		indexes;
	uint32_t		visits;
};

extern volatile sig_atomic_t fsck_signal;

/* problem.c: says what is wrong; true if it is to be repaired. */
__attribute__((format(printf, 3, 4)))
bool problem(struct check *c, enum problem_id id, const char *fmt, ...);
/* A fact that is no problem. */
__attribute__((format(printf, 2, 3)))
void note(struct check *c, const char *fmt, ...);
/* Sets stop and failed. */
void failure(struct check *c, const char *what, uint64_t block, int err);
static inline bool stopped(struct check *c)
{
	if (fsck_signal)
		c->stop = true;
	return c->stop;
}
const char *problem_name(enum problem_id id);

/* io.c: on failure the buffer is zero and the check stops. */
void get_block(struct check *c, uint32_t block, void *buf);
/* Where the block stands until the next one is read: buf, or read ahead. */
const void *look_block(struct check *c, uint32_t block, void *buf);
void put_block(struct check *c, uint32_t block, const void *buf);
void get_inode(struct check *c, uint32_t ino, struct vexfs_inode *inode);
void put_inode(struct check *c, uint32_t ino, struct vexfs_inode *inode);
/* Zeroes its slot. */
void erase_inode(struct check *c, uint32_t ino);
uint32_t get_map(struct check *c, const struct vexfs_inode *inode,
		 uint64_t lblk);
/* NULL if there is no memory; the check stops then. */
void *list_add(struct check *c, struct list *list, size_t size);
void list_free(struct list *list);
struct node *get_node(struct check *c, uint32_t ino);

/* super.c: false if no superblock can be found or it cannot be handled. */
bool check_super(struct check *c);
void check_super_copies(struct check *c);
void write_super(struct check *c);

/* journal.c */
void check_journal(struct check *c);
bool journal_empty(struct check *c);

/* orphans.c */
void work_off_orphans(struct check *c);

/* inodes.c: pass 1 */
void check_inodes(struct check *c);
void check_inode(struct check *c, uint32_t ino, struct vexfs_inode *raw);
bool inode_alive(struct check *c, uint32_t ino, const struct vexfs_inode *raw);

struct inode_check {
	struct check		*c;
	uint32_t		ino;
	struct vexfs_inode	*raw;
	struct node		*node;
	bool			dirty;
	uint64_t		owned;	/* blocks */
};
void clear_inode(struct inode_check *ic);

/* inode_fields.c */
void check_inode_fields(struct inode_check *ic);
/* Fifos, sockets and device nodes own no data. */
void check_special(struct inode_check *ic);
/* Zeroes the field if it is wrong and to be repaired. */
void fix_field(struct inode_check *ic, void *field, size_t size, bool wrong,
	       const char *name);
/* Of an inode with a wrong checksum: is there any use in it? */
bool inode_hopeless(const struct vexfs_inode *raw);

/* symlinks.c */
void check_symlink(struct inode_check *ic);

/* sizes.c */
void check_map(struct inode_check *ic, bool is_dir);

/* reserved.c */
void check_reserved(struct check *c, uint32_t ino, struct vexfs_inode *raw);

/* map.c */
struct file_map {
	struct check		*c;
	uint32_t		ino;
	struct vexfs_inode	*raw;
	bool			is_dir;
	bool			changed;	/* i_block has */
	uint64_t		end;		/* blocks by i_size */
	uint64_t		mapped;		/* data blocks */
	uint64_t		owned;		/* and pointer blocks */
	uint64_t		next;		/* file block behind the last */
	uint64_t		first_hole;
	bool			has_hole;
	uint32_t		bad[3];		/* how many, by kind */
	bool			fix[3];
};
void walk_map(struct file_map *map);
/* A new owner; false if there is one already. */
bool claim_block(struct check *c, uint32_t block, bool meta);
void apply_patches(struct check *c);

typedef void (*release_fn)(void *arg, uint32_t block);
/* Takes every block from file block keep on out of the map. */
void cut_map(struct check *c, struct vexfs_inode *raw, uint64_t keep,
	     release_fn release, void *arg);

/* xattrs.c: blocks owned */
uint32_t check_xattrs(struct check *c, uint32_t ino, struct vexfs_inode *raw,
		      bool *dirty);

/* names.c */
struct names {
	uint32_t	*slot;		/* place in text + 1, 0: empty */
	size_t		room, count;
	uint8_t		*text;		/* length byte, name, ... */
	size_t		text_room, text_used;
};
/* 1: new, 0: was there before, -ENOMEM. */
int names_add(struct names *n, uint32_t hash, const char *name, uint8_t len);
void names_forget(struct names *n);
void names_free(struct names *n);

/* dirs.c: pass 2 */
void check_dirs(struct check *c);

struct dir_check {
	struct check	*c;
	uint32_t	ino;
	uint32_t	block;
	uint64_t	lblk;
	uint8_t		buf[VEXFS_BLOCK_SIZE];
	bool		dirty;
	struct names	names;		/* that have occurred */
};

/* dir_block.c */
struct vexfs_dir_entry *entry_at(uint8_t *buf, uint32_t pos);
bool looks_like_dir(struct check *c, uint32_t block);
/* Takes the entry at pos out; its space goes to the one before it. */
void drop_entry(uint8_t *buf, uint32_t pos);
/* The same on disk. */
bool remove_entry(struct check *c, uint32_t block, uint32_t offset);
/* Makes the lengths of the block's entries right, in memory in any case. */
void check_dir_form(struct dir_check *dc);

/* tree.c: passes 3 and 4 */
void check_tree(struct check *c);
void check_links(struct check *c);

/* vectors.c */
void check_collections(struct check *c);
bool check_vec_desc(struct check *c, uint32_t ino, struct vexfs_inode *raw);
/* Bytes of a file, holes read as zeros. */
void read_file(struct check *c, const struct vexfs_inode *raw, uint64_t pos,
	       uint8_t *buf, size_t len);

/* indexes.c */
bool check_index_desc(struct check *c, uint32_t ino, struct vexfs_inode *raw);
/* Counts a reference to each index that a collection may have. */
void claim_indexes(struct check *c);
void check_index(struct check *c, uint32_t owner);

/* groups.c */
void check_groups(struct check *c);

#endif
