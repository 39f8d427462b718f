// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 1: the size of a file or directory by its blocks, and the holes in it.
 */

#include <endian.h>

#include "fsck.h"

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

void check_map(struct inode_check *ic, bool is_dir)
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
