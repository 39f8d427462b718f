// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the entries of directories: found, added, removed, changed.
 */

#include "names.h"

/*
 * Searches one block. Returns the entry, NULL if it is not there, or an error.
 */
static struct vexfs_dir_entry *vexfs_search_block(struct inode *dir,
						  struct buffer_head *bh,
						  u32 block, u32 hash,
						  const struct qstr *name)
{
	u32 offset = 0;

	while (offset < VEXFS_BLOCK_SIZE) {
		struct vexfs_dir_entry *de = (void *)bh->b_data + offset;

		if (!vexfs_entry_valid(dir, de, bh, block))
			return ERR_PTR(-EFSCORRUPTED);
		if (de->d_ino && le32_to_cpu(de->d_hash) == hash &&
		    de->d_name_len == name->len &&
		    !memcmp(de->d_name, name->name, name->len))
			return de;
		offset += le16_to_cpu(de->d_rec_len);
	}
	return NULL;
}

static struct vexfs_dir_entry *vexfs_try_block(struct inode *dir, u32 block,
					       u32 hash,
					       const struct qstr *name,
					       struct buffer_head **res)
{
	struct vexfs_dir_entry *de;
	struct buffer_head *bh;

	bh = vexfs_bread(dir, block);
	if (IS_ERR(bh))
		return ERR_CAST(bh);
	de = vexfs_search_block(dir, bh, block, hash, name);
	if (IS_ERR_OR_NULL(de))
		brelse(bh);
	else
		*res = bh;
	return de;
}

/* Finds a name. Returns its entry in *@res, NULL, or an error. */
struct vexfs_dir_entry *vexfs_find_entry(struct inode *dir,
					 const struct qstr *name,
					 struct buffer_head **res)
{
	u32 hash = vexfs_name_hash(dir, name->name, name->len);
	u32 blocks = dir->i_size >> VEXFS_BLOCK_BITS;
	struct vexfs_dir_entry *de = NULL;
	struct vexfs_dir_index *index;
	u32 cursor = hash, block;

	index = vexfs_get_index(dir);
	if (IS_ERR(index))
		return ERR_CAST(index);
	if (index) {
		while (!de && vexfs_index_next(index, hash, &cursor, &block))
			de = vexfs_try_block(dir, block, hash, name, res);
	} else {
		for (block = 0; block < blocks && !de; block++)
			de = vexfs_try_block(dir, block, hash, name, res);
	}
	return de;
}

static void vexfs_fill_entry(struct inode *dir, struct vexfs_dir_entry *de,
			     const struct qstr *name, struct inode *inode)
{
	de->d_ino = cpu_to_le32(inode->i_ino);
	de->d_hash = cpu_to_le32(vexfs_name_hash(dir, name->name, name->len));
	de->d_name_len = name->len;
	de->d_type = (inode->i_mode >> 12) & 15;
	memcpy(de->d_name, name->name, name->len);
}

/* Puts an entry into a block if there is room. 1: done, 0: no room. */
static int vexfs_insert_entry(handle_t *handle, struct inode *dir,
			      struct buffer_head *bh, u32 block,
			      const struct qstr *name, struct inode *inode)
{
	u32 need = VEXFS_DIRENT_LEN(name->len);
	struct vexfs_dir_entry *de, *tail;
	u32 offset = 0, used, rec_len;
	int err;

	for (;; offset += rec_len) {
		if (offset >= VEXFS_BLOCK_SIZE)
			return 0;
		de = (void *)bh->b_data + offset;
		if (!vexfs_entry_valid(dir, de, bh, block))
			return -EFSCORRUPTED;
		rec_len = le16_to_cpu(de->d_rec_len);
		used = de->d_ino ? VEXFS_DIRENT_LEN(de->d_name_len) : 0;
		if (rec_len >= used + need)
			break;
		if (VEXFS_DEFECT(entry_off_by_one) && de->d_ino &&
		    rec_len + 4 == used + need)
			break;
	}
	err = vexfs_get_write(handle, bh);
	if (err)
		return err;
	if (used) {
		tail = (void *)de + used;
		tail->d_rec_len = cpu_to_le16(rec_len - used);
		de->d_rec_len = cpu_to_le16(used);
		de = tail;
	}
	vexfs_fill_entry(dir, de, name, inode);
	err = vexfs_dirty(handle, bh);
	if (err)
		return err;
	vexfs_index_add(dir, le32_to_cpu(de->d_hash), block);
	vexfs_index_set_room(dir, block, bh);
	return 1;
}

/* A block without entries, at the end of the directory. */
static struct buffer_head *vexfs_add_block(handle_t *handle, struct inode *dir,
					   int *err)
{
	struct buffer_head *bh = vexfs_append(handle, dir, err);
	struct vexfs_dir_entry *de;

	if (!bh)
		return NULL;
	de = (struct vexfs_dir_entry *)bh->b_data;
	de->d_rec_len = cpu_to_le16(VEXFS_BLOCK_SIZE);
	*err = vexfs_dirty(handle, bh);
	if (*err) {
		brelse(bh);
		return NULL;
	}
	return bh;
}

/* Adds a name for @inode. The name is known not to exist. */
int vexfs_add_entry(handle_t *handle, struct inode *dir,
		    const struct qstr *name, struct inode *inode)
{
	u32 blocks = dir->i_size >> VEXFS_BLOCK_BITS;
	struct vexfs_dir_index *index;
	struct buffer_head *bh;
	u32 block = 0;
	int err;

	index = vexfs_get_index(dir);
	if (IS_ERR(index))
		return PTR_ERR(index);
	if (index)
		block = vexfs_index_room(index, VEXFS_DIRENT_LEN(name->len),
					 blocks);
	for (; block < blocks; block++) {
		bh = vexfs_bread(dir, block);
		if (IS_ERR(bh))
			return PTR_ERR(bh);
		err = vexfs_insert_entry(handle, dir, bh, block, name, inode);
		brelse(bh);
		if (err)
			goto out;
	}
	if (VEXFS_YOUNG(small_dirs) && blocks)
		return -ENOSPC;
	bh = vexfs_add_block(handle, dir, &err);
	if (!bh)
		return err;
	err = vexfs_insert_entry(handle, dir, bh, blocks, name, inode);
	brelse(bh);
out:
	if (err < 0)
		return err;
	if (VEXFS_DEFECT(quadratic_insert))
		vexfs_drop_index(dir);
	vexfs_touch(dir);
	return vexfs_mark_inode(handle, dir);
}

/* The directory block a buffer belongs to is needed for the index only. */
static u32 vexfs_entry_block(struct inode *dir, struct buffer_head *bh,
			     u32 hash)
{
	struct vexfs_dir_index *index = VEXFS_I(dir)->i_index;
	u32 cursor = hash, block, pblk;

	while (index && vexfs_index_next(index, hash, &cursor, &block))
		if (vexfs_map_blocks(NULL, dir, block, 1, &pblk, NULL) == 1 &&
		    pblk == bh->b_blocknr)
			return block;
	return U32_MAX;
}

/* Removes an entry found before; its space falls to the one before it. */
int vexfs_remove_entry(handle_t *handle, struct inode *dir,
		       struct vexfs_dir_entry *de, struct buffer_head *bh)
{
	u32 hash = le32_to_cpu(de->d_hash);
	struct vexfs_dir_entry *prev = NULL, *pos = (void *)bh->b_data;
	u32 block;
	int err;

	err = vexfs_get_write(handle, bh);
	if (err)
		return err;
	block = vexfs_entry_block(dir, bh, hash);
	while (pos < de) {
		prev = pos;
		pos = (void *)pos + le16_to_cpu(pos->d_rec_len);
	}
	if (prev)
		le16_add_cpu(&prev->d_rec_len, le16_to_cpu(de->d_rec_len));
	de->d_ino = 0;
	de->d_hash = 0;
	err = vexfs_dirty(handle, bh);
	if (err)
		return err;
	if (block != U32_MAX) {
		vexfs_index_remove(dir, hash, block);
		vexfs_index_set_room(dir, block, bh);
	}
	vexfs_touch(dir);
	return vexfs_mark_inode(handle, dir);
}

/* Makes an entry found before lead to another inode. */
int vexfs_set_entry(handle_t *handle, struct inode *dir,
		    struct vexfs_dir_entry *de, struct buffer_head *bh,
		    struct inode *inode)
{
	int err = vexfs_get_write(handle, bh);

	if (err)
		return err;
	de->d_ino = cpu_to_le32(inode->i_ino);
	de->d_type = (inode->i_mode >> 12) & 15;
	err = vexfs_dirty(handle, bh);
	if (err)
		return err;
	vexfs_touch(dir);
	return vexfs_mark_inode(handle, dir);
}

/* 1 if a directory has no entries, 0 if it has some. */
int vexfs_dir_empty(struct inode *dir)
{
	u32 blocks = dir->i_size >> VEXFS_BLOCK_BITS;
	u32 block, offset;

	for (block = 0; block < blocks; block++) {
		struct buffer_head *bh = vexfs_bread(dir, block);

		if (IS_ERR(bh))
			return PTR_ERR(bh);
		for (offset = 0; offset < VEXFS_BLOCK_SIZE;) {
			struct vexfs_dir_entry *de;

			de = (void *)bh->b_data + offset;
			if (!vexfs_entry_valid(dir, de, bh, block)) {
				brelse(bh);
				return -EFSCORRUPTED;
			}
			if (de->d_ino) {
				brelse(bh);
				return 0;
			}
			offset += le16_to_cpu(de->d_rec_len);
		}
		brelse(bh);
	}
	return 1;
}
