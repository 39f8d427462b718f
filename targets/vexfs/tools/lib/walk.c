// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over block maps and directories of an image that may be damaged.
 */

#include <endian.h>
#include <errno.h>
#include <sys/stat.h>

#include "walk.h"

struct walk {
	struct device		*dev;
	const struct layout	*lo;
	walk_fn			visit;
	void			*arg;
	uint32_t		left;	/* no file owns more blocks than exist */
};

static int walk_tree(struct walk *w, uint32_t block, unsigned int level,
		     uint64_t lblk)
{
	uint64_t span = 1ull << (level * VEXFS_PTRS_BITS) >> VEXFS_PTRS_BITS;
	__le32 ptrs[VEXFS_PTRS_PER_BLOCK];
	unsigned int i;
	int err;

	if (!layout_is_data(w->lo, block))
		return 0;
	if (!w->left--)
		return -ELOOP;
	err = w->visit(w->arg, level, lblk, block);
	if (err || !level)
		return err;
	err = device_read(w->dev, block, ptrs);
	for (i = 0; i < VEXFS_PTRS_PER_BLOCK && !err; i++)
		if (ptrs[i])
			err = walk_tree(w, le32toh(ptrs[i]), level - 1,
					lblk + i * span);
	return err;
}

bool walk_has_map(const struct vexfs_inode *inode)
{
	uint16_t mode = le16toh(inode->i_mode);

	return S_ISREG(mode) || S_ISDIR(mode) ||
	       (S_ISLNK(mode) &&
		le64toh(inode->i_size) > VEXFS_FAST_SYMLINK_MAX);
}

int walk_blocks(struct device *dev, const struct layout *lo,
		const struct vexfs_inode *inode, walk_fn visit, void *arg)
{
	struct walk w = { dev, lo, visit, arg, lo->blocks };
	unsigned int i, level;
	uint64_t lblk = 0;
	int err = 0;

	if (!walk_has_map(inode))
		return 0;
	for (i = 0; i < VEXFS_N_BLOCKS && !err; i++) {
		level = i < VEXFS_NDIR_BLOCKS ? 0 : i - VEXFS_NDIR_BLOCKS + 1;
		if (inode->i_block[i])
			err = walk_tree(&w, le32toh(inode->i_block[i]), level,
					lblk);
		lblk += 1ull << (level * VEXFS_PTRS_BITS);
	}
	return err;
}

struct entry_walk {
	struct device	*dev;
	walk_entry_fn	visit;
	void		*arg;
};

static int visit_dir_block(void *arg, unsigned int level, uint64_t lblk,
			   uint32_t block)
{
	struct entry_walk *w = arg;
	uint8_t buf[VEXFS_BLOCK_SIZE];
	const struct vexfs_dir_entry *de;
	uint32_t pos, rec_len;
	int err;

	if (level)
		return 0;
	err = device_read(w->dev, block, buf);
	for (pos = 0; !err && pos + VEXFS_DIRENT_HEAD <= VEXFS_BLOCK_SIZE;
	     pos += rec_len) {
		de = (const void *)(buf + pos);
		rec_len = le16toh(de->d_rec_len);
		if (rec_len < VEXFS_DIRENT_HEAD || rec_len % 4 ||
		    pos + rec_len > VEXFS_BLOCK_SIZE ||
		    (de->d_ino &&
		     VEXFS_DIRENT_HEAD + de->d_name_len > (int)rec_len))
			break;
		err = w->visit(w->arg, lblk, block, pos, de);
	}
	return err;
}

int walk_entries(struct device *dev, const struct layout *lo,
		 const struct vexfs_inode *dir, walk_entry_fn visit, void *arg)
{
	struct entry_walk w = { dev, visit, arg };

	if (!S_ISDIR(le16toh(dir->i_mode)))
		return -ENOTDIR;
	return walk_blocks(dev, lo, dir, visit_dir_block, &w);
}

int walk_read_inode(struct device *dev, const struct layout *lo, uint32_t ino,
		    struct vexfs_inode *inode)
{
	struct vexfs_inode table[VEXFS_INODES_PER_BLOCK];
	uint32_t slot, block;
	int err;

	if (!ino || ino > lo->inodes)
		return -ENOENT;
	block = inode_block(lo, ino, &slot);
	err = device_read(dev, block, table);
	if (!err)
		*inode = table[slot];
	return err;
}
