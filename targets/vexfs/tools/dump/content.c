// SPDX-License-Identifier: GPL-2.0
/*
 * The fields of one inode and of what it leads to: directory entries, pointer
 * blocks, symlinks, extended attributes, records.
 */

#include <endian.h>
#include <sys/stat.h>

#include "dump.h"
#include "vector.h"
#include "walk.h"

static int list_entry(void *arg, uint64_t lblk, uint32_t block,
		      uint32_t offset, const struct vexfs_dir_entry *de)
{
	struct listing *l = arg;
	struct place p = make_place(S_ENTRY, (uint64_t)block *
				    VEXFS_BLOCK_SIZE + offset, (void *)de,
				    l->ino, "directory[%u].block[%llu].at[%u]",
				    l->ino, (unsigned long long)lblk, offset);
	int err = list_fixed(l, &p);

	if (err || !de->d_ino)
		return err;
	return list_variable(l, &p, "d_name", VEXFS_DIRENT_HEAD,
			     de->d_name_len, TEXT);
}

static int list_pointers(struct listing *l, unsigned int level, uint32_t block)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p;
	uint32_t i;
	int err;

	err = device_read(&l->im->dev, block, buf);
	for (i = 0; i < VEXFS_PTRS_PER_BLOCK && !err; i++) {
		if (all_zero(buf + 4 * i, 4))
			continue;
		p = make_place(S_POINTER, (uint64_t)block * VEXFS_BLOCK_SIZE +
			       4 * i, buf + 4 * i, block,
			       "inode[%u].level%u.block[%u].at[%u]", l->ino,
			       level, block, i);
		err = list_fixed(l, &p);
	}
	return err;
}

static int list_symlink(struct listing *l, uint32_t block)
{
	uint64_t size = le64toh(l->inode->i_size);
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p = make_place(S_SYMLINK,
				    (uint64_t)block * VEXFS_BLOCK_SIZE, buf,
				    l->ino, "symlink[%u]", l->ino);
	int err = device_read(&l->im->dev, block, buf);

	if (err || size > VEXFS_BLOCK_SIZE)
		return err;
	return list_variable(l, &p, "target", 0, size, TEXT);
}

static int list_file_block(void *arg, unsigned int level, uint64_t lblk,
			   uint32_t block)
{
	struct listing *l = arg;

	if (level)
		return list_pointers(l, level, block);
	if (S_ISLNK(le16toh(l->inode->i_mode)) && !lblk)
		return list_symlink(l, block);
	return 0;
}

static int list_xattr_entries(struct listing *l, uint32_t block,
			      const uint8_t *buf)
{
	const struct vexfs_xattr_header *head = (const void *)buf;
	const struct vexfs_xattr_entry *e;
	uint32_t pos = sizeof(*head), len;
	struct place p;
	int err = 0;

	for (; pos < le32toh(head->x_used) && !err; pos += len) {
		e = (const void *)(buf + pos);
		if (pos + sizeof(*e) > VEXFS_BLOCK_SIZE)
			break;
		len = VEXFS_XATTR_LEN(e->e_name_len, le16toh(e->e_value_len));
		if (pos + len > VEXFS_BLOCK_SIZE)
			break;
		p = make_place(S_XATTR_ENTRY, (uint64_t)block *
			       VEXFS_BLOCK_SIZE + pos, (void *)e, l->ino,
			       "xattrs[%u].at[%u]", l->ino, pos);
		err = list_fixed(l, &p);
		if (!err)
			err = list_variable(l, &p, "e_name", VEXFS_XATTR_HEAD,
					    e->e_name_len, TEXT);
		if (!err)
			err = list_variable(l, &p, "e_value", VEXFS_XATTR_HEAD +
					    e->e_name_len,
					    le16toh(e->e_value_len), BYTES);
	}
	return err;
}

static int list_xattrs(struct listing *l)
{
	uint32_t block = le32toh(l->inode->i_xattr_block);
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p = make_place(S_XATTR,
				    (uint64_t)block * VEXFS_BLOCK_SIZE, buf,
				    l->ino, "xattrs[%u]", l->ino);
	int err;

	if (!layout_is_data(&l->im->lo, block))
		return 0;
	err = device_read(&l->im->dev, block, buf);
	if (!err)
		err = list_fixed(l, &p);
	return err ? err : list_xattr_entries(l, block, buf);
}

static int list_record_field(struct listing *l, const struct place *p,
			     const struct vexfs_vec_desc *desc)
{
	uint32_t dim = le32toh(desc->v_dim);
	uint32_t meta = le32toh(desc->v_meta_size);
	int err = list_fixed(l, p);

	if (!err)
		err = list_variable(l, p, "r_vector", VEXFS_VEC_HEAD, 4 * dim,
				    BYTES);
	return err ? err : list_variable(l, p, "metadata",
					 le32toh(desc->v_stride) - meta, meta,
					 BYTES);
}

/* Records that lie in one block; one across a border is in two places. */
static int list_record_block(void *arg, unsigned int level, uint64_t lblk,
			     uint32_t block)
{
	struct listing *l = arg;
	const struct vexfs_vec_desc *desc = &l->inode->i_vec;
	uint64_t size = le64toh(l->inode->i_size), slot;
	uint64_t start = lblk * VEXFS_BLOCK_SIZE;
	uint32_t stride = le32toh(desc->v_stride), at;
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p;
	int err;

	if (level)
		return 0;
	err = device_read(&l->im->dev, block, buf);
	for (slot = DIV_ROUND_UP(start, stride); !err; slot++) {
		at = slot * stride - start;
		if (slot * stride - start >= VEXFS_BLOCK_SIZE ||
		    (slot + 1) * stride > size)
			break;
		p = make_place(S_RECORD, (uint64_t)block * VEXFS_BLOCK_SIZE +
			       at, buf + at, l->ino,
			       "collection[%u].record[%llu]", l->ino,
			       (unsigned long long)slot);
		p.slot = slot;
		p.stride = stride;
		if (at + stride <= VEXFS_BLOCK_SIZE)
			err = list_record_field(l, &p, desc);
	}
	return err;
}

/* One block of an index: its words, and the checksum behind them. */
static int list_index_block(void *arg, unsigned int level, uint64_t lblk,
			    uint32_t block)
{
	uint32_t i = lblk ? 0 : VEXFS_IVF_HEAD_WORDS, ino;
	struct listing *l = arg;
	uint64_t start = (uint64_t)block * VEXFS_BLOCK_SIZE;
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p;
	int err;

	if (level)
		return 0;
	ino = l->ino;
	err = device_read(&l->im->dev, block, buf);
	p = make_place(S_INDEX, start, buf, ino, "index[%u]", ino);
	if (!err && !lblk)
		err = list_fixed(l, &p);
	for (; i < VEXFS_IVF_BLOCK_WORDS && !err; i++) {
		p = make_place(S_INDEX_WORD, start + 4 * i, buf + 4 * i, ino,
			       "index[%u].block[%llu].at[%u]", ino,
			       (unsigned long long)lblk, i);
		p.slot = lblk;
		err = list_fixed(l, &p);
	}
	p = make_place(S_INDEX_CSUM, start + 4 * VEXFS_IVF_BLOCK_WORDS,
		       buf + 4 * VEXFS_IVF_BLOCK_WORDS, ino,
		       "index[%u].block[%llu]", ino, (unsigned long long)lblk);
	p.slot = lblk;
	return err ? err : list_fixed(l, &p);
}

int list_inode(struct listing *l, uint32_t ino, const struct vexfs_inode *inode,
	       uint64_t offset)
{
	struct place p = make_place(S_INODE, offset, (void *)inode, ino,
				    "inode[%u]", ino);
	struct device *dev = &l->im->dev;
	int err = list_fixed(l, &p);

	l->ino = ino;
	l->inode = inode;
	if (!err)
		err = list_xattrs(l);
	if (!err)
		err = walk_blocks(dev, &l->im->lo, inode, list_file_block, l);
	if (!err && S_ISDIR(le16toh(inode->i_mode)))
		err = walk_entries(dev, &l->im->lo, inode, list_entry, l);
	if (!err && le32toh(inode->i_flags) & VEXFS_VECTOR_FL &&
	    !vec_desc_check(&inode->i_vec))
		err = walk_blocks(dev, &l->im->lo, inode, list_record_block, l);
	if (!err && le32toh(inode->i_flags) & VEXFS_INDEX_FL)
		err = walk_blocks(dev, &l->im->lo, inode, list_index_block, l);
	return err;
}
