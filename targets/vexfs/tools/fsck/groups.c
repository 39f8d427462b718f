// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 5: bitmaps, free counters and descriptors against what is really used.
 */

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "fsck.h"

struct difference {
	uint32_t	missing;	/* used, but marked free */
	uint32_t	surplus;	/* not used, but marked so */
	uint32_t	first;		/* bit */
};

static bool differ(const struct vexfs_bitmap *is,
		   const struct vexfs_bitmap *should, struct difference *d)
{
	uint32_t i;

	memset(d, 0, sizeof(*d));
	if (!memcmp(is->b_bits, should->b_bits, sizeof(is->b_bits)))
		return false;
	for (i = 0; i < VEXFS_BITMAP_BYTES * 8; i++) {
		if (bit_test(is->b_bits, i) == bit_test(should->b_bits, i))
			continue;
		if (!d->missing && !d->surplus)
			d->first = i;
		if (bit_test(should->b_bits, i))
			d->missing++;
		else
			d->surplus++;
	}
	return true;
}

static void check_bitmap(struct check *c, uint32_t group, uint32_t at,
			 const struct vexfs_bitmap *should, bool inodes)
{
	const char *what = inodes ? "inode" : "block";
	struct vexfs_bitmap is;
	struct difference d;
	bool bad_csum, different, fix = false;

	get_block(c, at, &is);
	if (stopped(c))
		return;
	bad_csum = is.b_csum != bitmap_csum(&c->fs.lo, at, &is);
	different = differ(&is, should, &d);
	if (bad_csum)
		fix = problem(c, inodes ? P_INODE_BITMAP_CSUM :
			      P_BLOCK_BITMAP_CSUM, "The checksum of group %u's "
			      "%s bitmap is wrong", group, what);
	if (different)
		fix = problem(c, inodes ? P_INODE_BITMAP : P_BLOCK_BITMAP,
			      "Group %u's %s bitmap: %u in use are marked "
			      "free, %u unused are marked used (first: bit %u)",
			      group, what, d.missing, d.surplus, d.first);
	if (fix)
		put_block(c, at, should);
}

static void check_count(struct check *c, enum problem_id id, uint32_t group,
			const char *what, __le32 *is, __le32 should, bool *fix)
{
	if (*is != should &&
	    problem(c, id, "Group %u: %u %s by its descriptor, %u in fact",
		    group, le32toh(*is), what, le32toh(should))) {
		*is = should;
		*fix = true;
	}
}

/* true: the descriptor was changed. */
static bool check_desc(struct check *c, uint32_t group,
		       struct vexfs_group_desc *is)
{
	struct vexfs_group_desc should;
	const char *why = NULL;
	bool fix = false;

	fs_desc(&c->fs, group, &should);
	if (is->bg_csum != desc_csum(&c->fs.lo, group, is))
		why = "its checksum is wrong";
	else if (is->bg_block_bitmap != should.bg_block_bitmap ||
		 is->bg_inode_bitmap != should.bg_inode_bitmap ||
		 is->bg_inode_table != should.bg_inode_table)
		why = "its block numbers are wrong";
	else if (is->bg_flags || !all_zero(is->bg_reserved,
					   sizeof(is->bg_reserved)))
		why = "reserved bytes are not zero";
	if (why) {
		if (!problem(c, P_DESC, "Group %u's descriptor: %s", group,
			     why))
			return false;
		*is = should;
		return true;
	}
	check_count(c, P_COUNT_BLOCKS, group, "free blocks",
		    &is->bg_free_blocks, should.bg_free_blocks, &fix);
	check_count(c, P_COUNT_INODES, group, "free inodes",
		    &is->bg_free_inodes, should.bg_free_inodes, &fix);
	check_count(c, P_COUNT_DIRS, group, "directories",
		    &is->bg_used_dirs, should.bg_used_dirs, &fix);
	is->bg_csum = desc_csum(&c->fs.lo, group, is);
	return fix;
}

static void check_gdt_block(struct check *c, uint32_t first)
{
	struct vexfs_group_desc descs[VEXFS_DESC_PER_BLOCK];
	uint32_t block = VEXFS_GDT_START + first / VEXFS_DESC_PER_BLOCK;
	uint32_t n = c->fs.lo.groups - first, i;
	bool dirty = false;

	if (n > VEXFS_DESC_PER_BLOCK)
		n = VEXFS_DESC_PER_BLOCK;
	get_block(c, block, descs);
	for (i = 0; i < n && !stopped(c); i++)
		dirty |= check_desc(c, first + i, &descs[i]);
	if (!all_zero(&descs[n], (VEXFS_DESC_PER_BLOCK - n) * sizeof(*descs)) &&
	    problem(c, P_GDT_TAIL,
		    "The descriptor table is not zero behind its end")) {
		memset(&descs[n], 0, (VEXFS_DESC_PER_BLOCK - n) *
		       sizeof(*descs));
		dirty = true;
	}
	if (dirty)
		put_block(c, block, descs);
}

void check_groups(struct check *c)
{
	struct vexfs_bitmap map;
	uint32_t group;

	for (group = 0; group < c->fs.lo.groups && !stopped(c); group++) {
		fs_block_bitmap(&c->fs, group, &map);
		check_bitmap(c, group, group_block_bitmap(&c->fs.lo, group),
			     &map, false);
		fs_inode_bitmap(&c->fs, group, &map);
		check_bitmap(c, group, group_inode_bitmap(&c->fs.lo, group),
			     &map, true);
	}
	for (group = 0; group < c->fs.lo.groups && !stopped(c);
	     group += VEXFS_DESC_PER_BLOCK)
		check_gdt_block(c, group);
}
