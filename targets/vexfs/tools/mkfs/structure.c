// SPDX-License-Identifier: GPL-2.0
/*
 * The structures of an empty filesystem.
 */

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "jbd2.h"
#include "mkfs.h"

static int write_journal(struct fs *fs)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	int err;

	/*
	 * Blocks of an older journal could be taken for a continuation of the
	 * new one if the uuid is the same.
	 */
	err = device_zero(fs->dev, fs->lo.journal_start,
			  fs->lo.journal_blocks);
	if (err)
		return err;
	jbd2_make_super(&fs->lo, fs->sb.s_uuid, 1, buf);
	return device_write(fs->dev, fs->lo.journal_start, buf);
}

int mkfs_begin(struct fs *fs)
{
	struct vexfs_inode inode;
	uint32_t group;
	int err;

	/* An interrupted mkfs leaves no superblock, old or new. */
	err = device_zero(fs->dev, VEXFS_SUPER_BLOCK, 1 + fs->lo.gdt_blocks);
	for (group = 0; group < fs->lo.groups && !err; group++)
		err = device_zero(fs->dev, group_inode_table(&fs->lo, group),
				  fs->lo.itable_blocks);
	if (!err)
		err = write_journal(fs);
	if (err)
		return err;
	fs_init_inode(fs, VEXFS_ORPHAN_INO, S_IFREG, &inode);
	err = fs_write_inode(fs, VEXFS_ORPHAN_INO, &inode);
	if (err)
		return err;
	fs_init_inode(fs, VEXFS_ROOT_INO, S_IFDIR | 0755, &inode);
	inode.i_parent = htole32(VEXFS_ROOT_INO);
	fs->used_dirs[0]++;
	return fs_write_inode(fs, VEXFS_ROOT_INO, &inode);
}

int mkfs_finish(struct fs *fs)
{
	uint8_t buf[VEXFS_BLOCK_SIZE] = { 0 };
	uint32_t group;
	int err;

	err = fs_write_groups(fs);
	fs->sb.s_csum = super_csum(&fs->sb);
	memcpy(buf, &fs->sb, sizeof(fs->sb));
	for (group = fs->lo.groups - 1; group && !err; group--)
		err = device_write(fs->dev, group_first(group), buf);
	if (!err)
		err = device_sync(fs->dev);
	if (!err)
		err = device_write(fs->dev, VEXFS_SUPER_BLOCK, buf);
	return err ? err : device_sync(fs->dev);
}
