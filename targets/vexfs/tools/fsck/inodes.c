// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 1: inodes, their fields and block maps.
 */

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"

#define NSEC_END	1000000000u
#define SECTORS		(VEXFS_BLOCK_SIZE / 512)
#define MAX_SIZE	(FS_MAX_BLOCKS * VEXFS_BLOCK_SIZE)

struct inode_check {
	struct check		*c;
	uint32_t		ino;
	struct vexfs_inode	*raw;
	struct node		*node;
	bool			dirty;
	uint64_t		owned;	/* blocks */
};

static bool type_valid(uint16_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) ||
	       S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) ||
	       S_ISSOCK(mode);
}

bool inode_alive(struct check *c, uint32_t ino, const struct vexfs_inode *raw)
{
	/* The checksum last: most slots of the table are free. */
	return raw->i_links && !raw->i_dtime &&
	       type_valid(le16toh(raw->i_mode)) &&
	       raw->i_csum == inode_csum(&c->fs.lo, ino, raw);
}

/* Of an inode with a wrong checksum: is there any use in it? */
static bool hopeless(const struct vexfs_inode *raw)
{
	const __le32 *nsec = &raw->i_atime_nsec;
	unsigned int wrong = 0, i;

	wrong += !!raw->i_reserved0;
	wrong += !!raw->i_reserved1;
	wrong += !all_zero(raw->i_reserved2, sizeof(raw->i_reserved2));
	wrong += le32toh(raw->i_links) > VEXFS_LINK_MAX;
	wrong += le64toh(raw->i_size) > MAX_SIZE;
	wrong += le32toh(raw->i_flags) & ~VEXFS_FLAGS_KNOWN ? 1 : 0;
	for (i = 0; i < 4; i++)
		wrong += le32toh(nsec[i]) >= NSEC_END;
	return wrong >= 3;
}

static void fix_field(struct inode_check *ic, void *field, size_t size,
		      bool wrong, const char *name)
{
	if (!wrong)
		return;
	if (!problem(ic->c, P_INODE_FIELD, "Inode %u: %s", ic->ino, name))
		return;
	memset(field, 0, size);
	ic->dirty = true;
}

#define FIX(ic, field, wrong, text) \
	fix_field(ic, &(ic)->raw->field, sizeof((ic)->raw->field), wrong, text)

static void check_fields(struct inode_check *ic)
{
	struct vexfs_inode *raw = ic->raw;
	uint16_t mode = le16toh(raw->i_mode);
	uint32_t unknown = le32toh(raw->i_flags) & ~VEXFS_FLAGS_KNOWN;

	FIX(ic, i_reserved0, raw->i_reserved0, "reserved bytes are not zero");
	FIX(ic, i_reserved1, raw->i_reserved1, "reserved bytes are not zero");
	FIX(ic, i_reserved2,
	    !all_zero(raw->i_reserved2, sizeof(raw->i_reserved2)),
	    "reserved bytes are not zero");
	FIX(ic, i_atime_nsec, le32toh(raw->i_atime_nsec) >= NSEC_END,
	    "the access time has more than a second of nanoseconds");
	FIX(ic, i_mtime_nsec, le32toh(raw->i_mtime_nsec) >= NSEC_END,
	    "the modification time has more than a second of nanoseconds");
	FIX(ic, i_ctime_nsec, le32toh(raw->i_ctime_nsec) >= NSEC_END,
	    "the change time has more than a second of nanoseconds");
	FIX(ic, i_btime_nsec, le32toh(raw->i_btime_nsec) >= NSEC_END,
	    "the birth time has more than a second of nanoseconds");
	FIX(ic, i_dtime, raw->i_dtime && raw->i_links,
	    "in use, but has a time of deletion");
	FIX(ic, i_parent, raw->i_parent && !S_ISDIR(mode),
	    "no directory, but names a parent");
	if (unknown && problem(ic->c, P_INODE_FIELD,
			       "Inode %u: unknown flags (%#x)", ic->ino,
			       unknown)) {
		raw->i_flags &= ~htole32(unknown);
		ic->dirty = true;
	}
	if (raw->i_orphan_next &&
	    problem(ic->c, P_ORPHAN_LIST, "Inode %u: a remnant of the orphan "
		    "list (next: %u)", ic->ino, le32toh(raw->i_orphan_next))) {
		raw->i_orphan_next = 0;
		ic->dirty = true;
	}
}

/* Fifos, sockets and device nodes own no data. */
static void check_special(struct inode_check *ic)
{
	FIX(ic, i_block,
	    !all_zero(ic->raw->i_block, sizeof(ic->raw->i_block)),
	    "has block pointers, but no data");
}

static void clear_inode(struct inode_check *ic)
{
	struct check *c = ic->c;

	if (ic->node->mode) {
		/* What it has claimed is free again in the next round. */
		c->again = true;
		bit_clear(c->fs.inodes_used, ic->ino - 1);
		if (S_ISDIR(ic->node->mode))
			c->fs.used_dirs[inode_group(&c->fs.lo, ic->ino)]--;
	}
	memset(ic->node, 0, sizeof(*ic->node));
	erase_inode(c, ic->ino);
	ic->dirty = false;
}

static bool set_size(struct inode_check *ic, enum problem_id id, uint64_t size)
{
	uint64_t old = le64toh(ic->raw->i_size);

	if (old == size)
		return false;
	if (!problem(ic->c, id, "Inode %u: its size is %llu, should be %llu",
		     ic->ino, (unsigned long long)old,
		     (unsigned long long)size))
		return false;
	ic->raw->i_size = htole64(size);
	ic->dirty = true;
	return true;
}

/* A target of len bytes, padded with zero to size? */
static bool target_valid(const char *target, size_t size, uint64_t len)
{
	return len && len <= size && !memchr(target, 0, len) &&
	       all_zero(target + len, size - len);
}

/*
 * A target and the length that fits: the stored one if possible, else what
 * stands before the first NUL. 0: there is no target.
 */
static uint64_t tidy_target(char *target, size_t size, uint64_t len)
{
	if (target_valid(target, size, len))
		return len;
	len = strnlen(target, size);
	memset(target + len, 0, size - len);
	return len;
}

static void check_fast_symlink(struct inode_check *ic)
{
	char target[VEXFS_FAST_SYMLINK_MAX];
	uint64_t len;

	memcpy(target, ic->raw->i_block, sizeof(target));
	len = tidy_target(target, sizeof(target), le64toh(ic->raw->i_size));
	if (len == le64toh(ic->raw->i_size))
		return;
	if (!problem(ic->c, P_SYMLINK, "Inode %u: a symlink's target of %llu "
		     "bytes is not what stands in it", ic->ino,
		     (unsigned long long)le64toh(ic->raw->i_size)))
		return;
	if (!len) {
		clear_inode(ic);
		return;
	}
	memcpy(ic->raw->i_block, target, sizeof(target));
	ic->raw->i_size = htole64(len);
	ic->dirty = true;
}

static void check_slow_symlink(struct inode_check *ic)
{
	uint32_t at = le32toh(ic->raw->i_block[0]);
	char target[VEXFS_BLOCK_SIZE];
	struct check *c = ic->c;
	uint64_t len = 0;

	if (layout_is_data(&c->fs.lo, at) && claim_block(c, at, true)) {
		ic->owned++;
		get_block(c, at, target);
		len = tidy_target(target, sizeof(target),
				  le64toh(ic->raw->i_size));
	}
	if (len == le64toh(ic->raw->i_size) && len <= VEXFS_SYMLINK_MAX) {
		fix_field(ic, &ic->raw->i_block[1],
			  sizeof(ic->raw->i_block) - sizeof(__le32),
			  !all_zero(&ic->raw->i_block[1],
				    sizeof(ic->raw->i_block) - sizeof(__le32)),
			  "a symlink with more than one block");
		return;
	}
	if (!problem(c, P_SYMLINK, "Inode %u: a symlink's target of %llu bytes "
		     "is not what stands in block %u", ic->ino,
		     (unsigned long long)le64toh(ic->raw->i_size), at))
		return;
	if (!len || len > VEXFS_SYMLINK_MAX) {
		clear_inode(ic);
		return;
	}
	if (len <= VEXFS_FAST_SYMLINK_MAX) {
		memcpy(ic->raw->i_block, target, sizeof(ic->raw->i_block));
		ic->owned--;
		c->again = true;
	} else {
		put_block(c, at, target);
	}
	ic->raw->i_size = htole64(len);
	ic->dirty = true;
}

/* Where the target stands, if the size may be wrong: i_blocks knows as well. */
static bool symlink_is_slow(const struct inode_check *ic)
{
	uint64_t size = le64toh(ic->raw->i_size);
	uint64_t data = le64toh(ic->raw->i_blocks) -
			(ic->raw->i_xattr_block ? SECTORS : 0);
	bool one_block = data == SECTORS &&
		layout_is_data(&ic->c->fs.lo, le32toh(ic->raw->i_block[0])) &&
		all_zero(&ic->raw->i_block[1],
			 sizeof(ic->raw->i_block) - sizeof(__le32));

	if (size > VEXFS_FAST_SYMLINK_MAX)
		return one_block || data;
	return one_block;
}

static void add_patches(struct inode_check *ic, uint64_t end)
{
	struct patch *patch;
	uint64_t lblk;

	for (lblk = 0; lblk < end && !stopped(ic->c); lblk++) {
		if (get_map(ic->c, ic->raw, lblk))
			continue;
		patch = list_add(ic->c, &ic->c->patches, sizeof(*patch));
		if (patch)
			*patch = (struct patch){ .ino = ic->ino, .lblk = lblk };
	}
}

/* Fills holes where there are few, cuts the file at the first otherwise. */
static void mend_holes(struct inode_check *ic, const struct file_map *map,
		       uint64_t end, uint32_t unit)
{
	uint64_t first = map->has_hole ? map->first_hole : map->mapped;

	if (end - map->mapped <= map->mapped + 16) {
		add_patches(ic, end);
		return;
	}
	cut_map(ic->c, ic->raw, first, NULL, NULL);
	ic->raw->i_size = htole64(first * VEXFS_BLOCK_SIZE / unit * unit);
	ic->dirty = true;
	ic->c->again = true;
}

static void check_dir_map(struct inode_check *ic, struct file_map *map)
{
	set_size(ic, P_DIR_SIZE, map->next * VEXFS_BLOCK_SIZE);
	if (map->next > map->mapped &&
	    problem(ic->c, P_DIR_HOLE, "Directory %u has %llu holes", ic->ino,
		    (unsigned long long)(map->next - map->mapped)))
		mend_holes(ic, map, map->next, VEXFS_BLOCK_SIZE);
}

static void check_collection_map(struct inode_check *ic, struct file_map *map)
{
	struct collection *item;

	if (map->end > map->mapped &&
	    problem(ic->c, P_VEC_HOLE, "Collection %u has %llu holes", ic->ino,
		    (unsigned long long)(map->end - map->mapped)))
		mend_holes(ic, map, map->end, le32toh(ic->raw->i_vec.v_stride));
	item = list_add(ic->c, &ic->c->collections, sizeof(*item));
	if (item)
		*item = (struct collection){
			ic->ino, map->mapped * VEXFS_BLOCK_SIZE
		};
}

static void check_map(struct inode_check *ic, bool is_dir)
{
	struct file_map map = {
		.c = ic->c, .ino = ic->ino, .raw = ic->raw, .is_dir = is_dir,
	};
	bool too_large = le64toh(ic->raw->i_size) > MAX_SIZE;
	bool vector = !is_dir && le32toh(ic->raw->i_flags) & VEXFS_VECTOR_FL;

	map.end = too_large ? (is_dir ? 0 : FS_MAX_BLOCKS) :
		  DIV_ROUND_UP(le64toh(ic->raw->i_size), VEXFS_BLOCK_SIZE);
	walk_map(&map);
	ic->owned += map.owned;
	ic->dirty |= map.changed;
	if (stopped(ic->c))
		return;
	if (is_dir) {
		check_dir_map(ic, &map);
		return;
	}
	if (too_large)
		set_size(ic, P_INODE_SIZE, map.next * VEXFS_BLOCK_SIZE);
	if (vector && !too_large)
		check_collection_map(ic, &map);
}

static void check_content(struct inode_check *ic)
{
	uint16_t mode = le16toh(ic->raw->i_mode);

	if (check_vec_desc(ic->c, ic->ino, ic->raw))
		ic->dirty = true;
	if (S_ISREG(mode) || S_ISDIR(mode))
		check_map(ic, S_ISDIR(mode));
	else if (!S_ISLNK(mode))
		check_special(ic);
	else if (symlink_is_slow(ic))
		check_slow_symlink(ic);
	else
		check_fast_symlink(ic);
}

static void check_block_count(struct inode_check *ic)
{
	uint64_t should = ic->owned * SECTORS;

	if (le64toh(ic->raw->i_blocks) == should ||
	    !problem(ic->c, P_INODE_BLOCKS,
		     "Inode %u: %llu sectors by i_blocks, %llu in fact",
		     ic->ino, (unsigned long long)le64toh(ic->raw->i_blocks),
		     (unsigned long long)should))
		return;
	ic->raw->i_blocks = htole64(should);
	ic->dirty = true;
}

static bool refuse_inode(struct inode_check *ic, const char *why)
{
	if (problem(ic->c, P_INODE_BAD, "Inode %u is in use, but is none (%s)",
		    ic->ino, why))
		clear_inode(ic);
	return false;
}

static bool accept_inode(struct inode_check *ic)
{
	struct vexfs_inode *raw = ic->raw;
	bool good_csum = raw->i_csum == inode_csum(&ic->c->fs.lo, ic->ino, raw);

	if (!type_valid(le16toh(raw->i_mode)))
		return refuse_inode(ic, "no type");
	if (good_csum)
		return true;
	if (ic->ino != VEXFS_ROOT_INO && hopeless(raw))
		return refuse_inode(ic, "wrong checksum and impossible values");
	if (problem(ic->c, P_INODE_CSUM, "Inode %u: its checksum is wrong",
		    ic->ino))
		ic->dirty = true;
	return true;
}

void check_inode(struct check *c, uint32_t ino, struct vexfs_inode *raw)
{
	struct inode_check ic = {
		.c = c, .ino = ino, .raw = raw, .node = get_node(c, ino),
	};

	if (stopped(c) || !accept_inode(&ic))
		return;
	bit_set(c->fs.inodes_used, ino - 1);
	ic.node->mode = le16toh(raw->i_mode);
	ic.node->maybe = 0;
	ic.node->links = le32toh(raw->i_links);
	if (S_ISDIR(ic.node->mode)) {
		ic.node->dotdot = le32toh(raw->i_parent);
		c->fs.used_dirs[inode_group(&c->fs.lo, ino)]++;
		c->dirs++;
	} else {
		c->files++;
	}
	check_fields(&ic);
	ic.owned = check_xattrs(c, ino, raw, &ic.dirty);
	check_content(&ic);
	if (ic.node->mode && !stopped(c))
		check_block_count(&ic);
	if (ic.dirty)
		put_inode(c, ino, raw);
}

static void check_anchor(struct check *c, struct vexfs_inode *raw)
{
	const char *why = NULL;

	if (raw->i_csum != inode_csum(&c->fs.lo, VEXFS_ORPHAN_INO, raw))
		why = "its checksum is wrong";
	else if (!S_ISREG(le16toh(raw->i_mode)) || le32toh(raw->i_links) != 1)
		why = "type or links are wrong";
	else if (raw->i_size || raw->i_blocks || raw->i_flags ||
		 raw->i_xattr_block || raw->i_dtime || raw->i_parent ||
		 raw->i_reserved0 || raw->i_reserved1 ||
		 !all_zero(raw->i_block, sizeof(raw->i_block)) ||
		 !all_zero(&raw->i_vec, sizeof(raw->i_vec)) ||
		 !all_zero(raw->i_reserved2, sizeof(raw->i_reserved2)))
		why = "it is not empty";
	if (why && problem(c, P_RESERVED_INODE,
			   "The head of the orphan list: %s", why)) {
		fs_init_inode(&c->fs, VEXFS_ORPHAN_INO, S_IFREG, raw);
		put_inode(c, VEXFS_ORPHAN_INO, raw);
	} else if (raw->i_orphan_next &&
		   problem(c, P_ORPHAN_LIST,
			   "The orphan list is damaged (first: %u)",
			   le32toh(raw->i_orphan_next))) {
		raw->i_orphan_next = 0;
		put_inode(c, VEXFS_ORPHAN_INO, raw);
	}
}

static void check_root(struct check *c, struct vexfs_inode *raw)
{
	struct node *node;

	if (!S_ISDIR(le16toh(raw->i_mode)) &&
	    problem(c, P_ROOT, "The root is no directory")) {
		fs_init_inode(&c->fs, VEXFS_ROOT_INO, S_IFDIR | 0755, raw);
		raw->i_parent = htole32(VEXFS_ROOT_INO);
		put_inode(c, VEXFS_ROOT_INO, raw);
	}
	if (stopped(c) || !S_ISDIR(le16toh(raw->i_mode)))
		return;
	check_inode(c, VEXFS_ROOT_INO, raw);
	node = get_node(c, VEXFS_ROOT_INO);
	node->parent = VEXFS_ROOT_INO;
	node->connected = 1;
}

static void check_reserved(struct check *c, uint32_t ino,
			   struct vexfs_inode *raw)
{
	if (ino == VEXFS_ORPHAN_INO)
		check_anchor(c, raw);
	else if (ino == VEXFS_ROOT_INO)
		check_root(c, raw);
	else if (!all_zero(raw, sizeof(*raw)) &&
		 problem(c, P_RESERVED_INODE, "Reserved inode %u is not empty",
			 ino))
		erase_inode(c, ino);
}

static void check_slot(struct check *c, uint32_t ino, struct vexfs_inode *raw,
		       bool marked, bool map_good)
{
	bool alive;

	if (ino < VEXFS_FIRST_INO) {
		check_reserved(c, ino, raw);
		return;
	}
	if (marked && map_good) {
		check_inode(c, ino, raw);
		return;
	}
	alive = inode_alive(c, ino, raw);
	if (alive && !map_good)
		check_inode(c, ino, raw);
	else if (alive)
		get_node(c, ino)->maybe = 1;
}

static void check_group(struct check *c, uint32_t group)
{
	struct vexfs_inode table[VEXFS_INODES_PER_BLOCK];
	uint32_t at = group_inode_bitmap(&c->fs.lo, group);
	uint32_t ino = group * c->fs.lo.inodes_per_group + 1;
	struct vexfs_bitmap map;
	uint32_t i, k;
	bool good;

	get_block(c, at, &map);
	good = map.b_csum == bitmap_csum(&c->fs.lo, at, &map);
	for (i = 0; i < c->fs.lo.itable_blocks && !stopped(c); i++) {
		get_block(c, group_inode_table(&c->fs.lo, group) + i, table);
		for (k = 0; k < VEXFS_INODES_PER_BLOCK && !stopped(c); k++) {
			check_slot(c, ino, &table[k], bit_test(map.b_bits,
				   i * VEXFS_INODES_PER_BLOCK + k), good);
			ino++;
		}
	}
}

static int compare_dir_blocks(const void *a, const void *b)
{
	const struct dir_block *da = a, *db = b;

	if (da->ino != db->ino)
		return da->ino < db->ino ? -1 : 1;
	return da->lblk < db->lblk ? -1 : da->lblk > db->lblk;
}

void check_inodes(struct check *c)
{
	uint32_t group;

	for (group = 0; group < c->fs.lo.groups && !stopped(c); group++)
		check_group(c, group);
	apply_patches(c);
	if (c->dir_blocks.count)
		qsort(c->dir_blocks.items, c->dir_blocks.count,
		      sizeof(struct dir_block), compare_dir_blocks);
}
