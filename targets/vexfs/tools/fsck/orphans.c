// SPDX-License-Identifier: GPL-2.0
/*
 * The orphan list (docs/format.md, section 9), worked off as the kernel does
 * at mount. A list that is not plainly right is left to the passes.
 */

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"

/* Bitmaps and descriptor of the group that is being changed. */
struct group_edit {
	struct check		*c;
	uint32_t		group;
	bool			loaded;
	struct vexfs_bitmap	blocks;
	uint32_t		freed;
};

static bool desc_change(struct check *c, uint32_t group, uint32_t blocks,
			uint32_t inodes, uint32_t dirs)
{
	struct vexfs_group_desc descs[VEXFS_DESC_PER_BLOCK], *desc;
	uint32_t block = VEXFS_GDT_START + group / VEXFS_DESC_PER_BLOCK;

	get_block(c, block, descs);
	desc = &descs[group % VEXFS_DESC_PER_BLOCK];
	if (desc->bg_csum != desc_csum(&c->fs.lo, group, desc))
		return false;	/* the last pass writes it anew */
	desc->bg_free_blocks = htole32(le32toh(desc->bg_free_blocks) + blocks);
	desc->bg_free_inodes = htole32(le32toh(desc->bg_free_inodes) + inodes);
	desc->bg_used_dirs = htole32(le32toh(desc->bg_used_dirs) - dirs);
	desc->bg_csum = desc_csum(&c->fs.lo, group, desc);
	put_block(c, block, descs);
	return true;
}

static void edit_end(struct group_edit *edit)
{
	struct check *c = edit->c;
	uint32_t at = group_block_bitmap(&c->fs.lo, edit->group);

	if (!edit->loaded || !edit->freed)
		return;
	edit->blocks.b_csum = bitmap_csum(&c->fs.lo, at, &edit->blocks);
	put_block(c, at, &edit->blocks);
	desc_change(c, edit->group, edit->freed, 0, 0);
	edit->freed = 0;
}

static void free_block(void *arg, uint32_t block)
{
	struct group_edit *edit = arg;
	struct check *c = edit->c;
	uint32_t group = group_of(block), at;

	if (!edit->loaded || group != edit->group) {
		edit_end(edit);
		edit->group = group;
		at = group_block_bitmap(&c->fs.lo, group);
		get_block(c, at, &edit->blocks);
		edit->loaded = edit->blocks.b_csum ==
			       bitmap_csum(&c->fs.lo, at, &edit->blocks);
	}
	block -= group_first(group);
	if (edit->loaded && bit_test(edit->blocks.b_bits, block)) {
		bit_clear(edit->blocks.b_bits, block);
		edit->freed++;
	}
}

static void zero_tail(struct check *c, const struct vexfs_inode *raw)
{
	uint64_t size = le64toh(raw->i_size);
	uint32_t used = size % VEXFS_BLOCK_SIZE, block;
	uint8_t buf[VEXFS_BLOCK_SIZE];

	if (!used)
		return;
	block = get_map(c, raw, size / VEXFS_BLOCK_SIZE);
	if (!block)
		return;
	get_block(c, block, buf);
	if (all_zero(buf + used, sizeof(buf) - used))
		return;
	memset(buf + used, 0, sizeof(buf) - used);
	put_block(c, block, buf);
}

static bool has_map(const struct vexfs_inode *raw)
{
	uint16_t mode = le16toh(raw->i_mode);

	return S_ISREG(mode) || S_ISDIR(mode) ||
	       (S_ISLNK(mode) && le64toh(raw->i_size) > VEXFS_FAST_SYMLINK_MAX);
}

static void delete_inode(struct check *c, uint32_t ino, struct vexfs_inode *raw)
{
	struct group_edit edit = { .c = c };
	uint32_t group = inode_group(&c->fs.lo, ino);
	uint32_t at = group_inode_bitmap(&c->fs.lo, group);
	struct vexfs_bitmap map;
	bool dir = S_ISDIR(le16toh(raw->i_mode));

	if (has_map(raw))
		cut_map(c, raw, 0, free_block, &edit);
	if (layout_is_data(&c->fs.lo, le32toh(raw->i_xattr_block)))
		free_block(&edit, le32toh(raw->i_xattr_block));
	edit_end(&edit);
	get_block(c, at, &map);
	bit_clear(map.b_bits, (ino - 1) % c->fs.lo.inodes_per_group);
	map.b_csum = bitmap_csum(&c->fs.lo, at, &map);
	put_block(c, at, &map);
	desc_change(c, group, 0, 1, dir);
	raw->i_size = 0;
	raw->i_blocks = 0;
	raw->i_xattr_block = 0;
	raw->i_orphan_next = 0;
	raw->i_dtime = htole64(c->fs.now);
	memset(raw->i_block, 0, sizeof(raw->i_block));
	put_inode(c, ino, raw);
}

/* A collection takes its index along. */
static void delete_index(struct check *c, uint32_t owner,
			 struct vexfs_inode *raw)
{
	uint32_t ino = le32toh(raw->i_vec.v_index_ino);
	struct vexfs_inode index;

	if (!(le32toh(raw->i_flags) & VEXFS_VECTOR_FL) ||
	    ino < VEXFS_FIRST_INO || ino > c->fs.lo.inodes)
		return;
	get_inode(c, ino, &index);
	if (!inode_alive(c, ino, &index) ||
	    !(le32toh(index.i_flags) & VEXFS_INDEX_FL) ||
	    le32toh(index.i_parent) != owner)
		return;
	index.i_links = 0;
	delete_inode(c, ino, &index);
}

static void finish_truncation(struct check *c, uint32_t ino,
			      struct vexfs_inode *raw)
{
	struct group_edit edit = { .c = c };

	cut_map(c, raw, DIV_ROUND_UP(le64toh(raw->i_size), VEXFS_BLOCK_SIZE),
		free_block, &edit);
	edit_end(&edit);
	zero_tail(c, raw);
	raw->i_orphan_next = 0;
	put_inode(c, ino, raw);
}

/* Can this inode be on the list? Its successor goes to next. */
static bool orphan_valid(struct check *c, uint32_t ino, uint32_t *next)
{
	struct vexfs_bitmap map;
	struct vexfs_inode raw;
	uint32_t group, at;

	if (ino < VEXFS_FIRST_INO || ino > c->fs.lo.inodes)
		return false;
	get_inode(c, ino, &raw);
	group = inode_group(&c->fs.lo, ino);
	at = group_inode_bitmap(&c->fs.lo, group);
	get_block(c, at, &map);
	*next = le32toh(raw.i_orphan_next);
	return raw.i_csum == inode_csum(&c->fs.lo, ino, &raw) &&
	       raw.i_mode && !raw.i_dtime &&
	       (!raw.i_links || S_ISREG(le16toh(raw.i_mode))) &&
	       map.b_csum == bitmap_csum(&c->fs.lo, at, &map) &&
	       bit_test(map.b_bits, (ino - 1) % c->fs.lo.inodes_per_group);
}

static bool list_valid(struct check *c, uint32_t first)
{
	uint32_t ino, next = 0, count = 0;

	for (ino = first; ino; ino = next)
		/* More steps than inodes: it runs in a circle. */
		if (!orphan_valid(c, ino, &next) || stopped(c) ||
		    count++ == c->fs.lo.inodes)
			return false;
	return true;
}

void work_off_orphans(struct check *c)
{
	uint32_t ino, next, deleted = 0, truncated = 0;
	struct vexfs_inode anchor, raw;

	get_inode(c, VEXFS_ORPHAN_INO, &anchor);
	ino = le32toh(anchor.i_orphan_next);
	if (!ino || anchor.i_csum != inode_csum(&c->fs.lo, VEXFS_ORPHAN_INO,
						&anchor) ||
	    !list_valid(c, ino))
		return;
	if (c->mode == MODE_NO && device_set_overlay(c->dev)) {
		failure(c, "find memory for", 0, -ENOMEM);
		return;
	}
	for (; ino && !stopped(c); ino = next) {
		get_inode(c, ino, &raw);
		next = le32toh(raw.i_orphan_next);
		if (!raw.i_links) {
			delete_index(c, ino, &raw);
			delete_inode(c, ino, &raw);
			deleted++;
		} else {
			finish_truncation(c, ino, &raw);
			truncated++;
		}
		/* Interrupted here, the rest of the list is still a list. */
		anchor.i_orphan_next = htole32(next);
		put_inode(c, VEXFS_ORPHAN_INO, &anchor);
	}
	note(c, "Orphans%s: %u deleted, %u truncations finished.",
	     c->mode == MODE_NO ? " (not written)" : "", deleted, truncated);
}
