// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 1: the inode tables, inode by inode.
 */

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"

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

void clear_inode(struct inode_check *ic)
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

static void check_content(struct inode_check *ic)
{
	uint16_t mode = le16toh(ic->raw->i_mode);

	if (check_vec_desc(ic->c, ic->ino, ic->raw))
		ic->dirty = true;
	if (S_ISREG(mode) || S_ISDIR(mode))
		check_map(ic, S_ISDIR(mode));
	else if (!S_ISLNK(mode))
		check_special(ic);
	else
		check_symlink(ic);
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
	if (ic->ino != VEXFS_ROOT_INO && inode_hopeless(raw))
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
	check_inode_fields(&ic);
	ic.node->index = !!(le32toh(raw->i_flags) & VEXFS_INDEX_FL);
	c->indexes += ic.node->index;
	ic.owned = check_xattrs(c, ino, raw, &ic.dirty);
	check_content(&ic);
	if (ic.node->mode && !stopped(c))
		check_block_count(&ic);
	if (ic.dirty)
		put_inode(c, ino, raw);
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

/* Whether no slot of the table's block is in use, by itself or by the map. */
static bool table_unused(const struct vexfs_inode *table, const uint8_t *map,
			 uint32_t bit)
{
	uint32_t k;

	for (k = 0; k < VEXFS_INODES_PER_BLOCK; k++)
		if (table[k].i_links || bit_test(map, bit + k))
			return false;
	return true;
}

static void check_group(struct check *c, uint32_t group)
{
	struct vexfs_inode table[VEXFS_INODES_PER_BLOCK];
	const struct vexfs_inode *found;
	uint32_t at = group_inode_bitmap(&c->fs.lo, group);
	uint32_t first = group * c->fs.lo.inodes_per_group + 1;
	struct vexfs_bitmap map;
	uint32_t i, k, bit;
	bool good;

	get_block(c, at, &map);
	good = map.b_csum == bitmap_csum(&c->fs.lo, at, &map);
	for (i = 0; i < c->fs.lo.itable_blocks && !stopped(c); i++) {
		bit = i * VEXFS_INODES_PER_BLOCK;
		found = look_block(c, group_inode_table(&c->fs.lo, group) + i,
				   table);
		if (first + bit >= VEXFS_FIRST_INO &&
		    table_unused(found, map.b_bits, bit))
			continue;
		if (found != table)
			memcpy(table, found, sizeof(table));
		for (k = 0; k < VEXFS_INODES_PER_BLOCK && !stopped(c); k++)
			check_slot(c, first + bit + k, &table[k],
				   bit_test(map.b_bits, bit + k), good);
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
