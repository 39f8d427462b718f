// SPDX-License-Identifier: GPL-2.0
/*
 * Views of what there is once or for each group: superblock, group
 * descriptors, journal.
 */

#include <endian.h>
#include <stdio.h>

#include "dump.h"
#include "jbd2.h"

int show_super(struct view *v)
{
	view_begin(v);
	show_struct(v, S_SUPER, &v->im->sb);
	show_check(v, "checksum_valid",
		   v->im->sb.s_csum == super_csum(&v->im->sb));
	return view_end(v, 0);
}

static int show_group(struct view *v, uint32_t group)
{
	uint32_t block = VEXFS_GDT_START + group / VEXFS_DESC_PER_BLOCK;
	struct vexfs_group_desc descs[VEXFS_DESC_PER_BLOCK], *desc;
	bool good;
	int err;

	err = device_read(&v->im->dev, block, descs);
	if (err)
		return err;
	desc = &descs[group % VEXFS_DESC_PER_BLOCK];
	good = desc->bg_csum == desc_csum(&v->im->lo, group, desc);
	if (v->json) {
		json_begin_object(&v->js, NULL);
		json_unsigned(&v->js, "group", group);
		json_unsigned(&v->js, "first_block", group_first(group));
		json_unsigned(&v->js, "blocks",
			      group_blocks(&v->im->lo, group));
		json_unsigned(&v->js, "first_data_block",
			      group_data(&v->im->lo, group));
		show_struct(v, S_DESC, desc);
		json_bool(&v->js, "checksum_valid", good);
		json_end_object(&v->js);
		return 0;
	}
	printf("group %u: blocks %u..%u, data from %u, bitmaps %u %u, inodes "
	       "%u, free %u blocks %u inodes, %u directories%s\n", group,
	       group_first(group),
	       group_first(group) + group_blocks(&v->im->lo, group) - 1,
	       group_data(&v->im->lo, group), le32toh(desc->bg_block_bitmap),
	       le32toh(desc->bg_inode_bitmap), le32toh(desc->bg_inode_table),
	       le32toh(desc->bg_free_blocks), le32toh(desc->bg_free_inodes),
	       le32toh(desc->bg_used_dirs), good ? "" : ", CHECKSUM WRONG");
	return 0;
}

int show_groups(struct view *v)
{
	uint32_t group;
	int err = 0;

	view_begin(v);
	if (v->json)
		json_begin_array(&v->js, "groups");
	for (group = 0; group < v->im->lo.groups && !err; group++)
		err = show_group(v, group);
	if (v->json)
		json_end_array(&v->js);
	return view_end(v, err);
}

int show_journal(struct view *v)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	char why[160];
	bool good;
	int err;

	err = device_read(&v->im->dev, v->im->lo.journal_start, block);
	if (err)
		return err;
	good = jbd2_super_valid(&v->im->lo, v->im->sb.s_uuid, (void *)block,
				why, sizeof(why));
	view_begin(v);
	show_struct(v, S_JOURNAL, block);
	show_check(v, "valid", good);
	if (!good && v->json)
		json_string(&v->js, "why", why);
	else if (!good)
		printf("%-20s %s\n", "why", why);
	return view_end(v, 0);
}
