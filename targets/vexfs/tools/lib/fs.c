// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation, inodes and block maps of a filesystem being written.
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crc32c.h"
#include "fs.h"

int fs_start(struct fs *fs, struct device *dev)
{
	const struct layout *lo = &fs->lo;
	uint32_t group, block, end, ino;

	fs->dev = dev;
	fs->next_block = group_data(lo, 0);
	fs->next_inode = VEXFS_FIRST_INO;
	fs->blocks_used = calloc(1, lo->blocks / 8 + 1);
	fs->inodes_used = calloc(1, lo->inodes / 8 + 1);
	fs->used_dirs = calloc(lo->groups, sizeof(*fs->used_dirs));
	if (!fs->blocks_used || !fs->inodes_used || !fs->used_dirs) {
		fs_end(fs);
		return -ENOMEM;
	}
	for (group = 0; group < lo->groups; group++) {
		block = group_first(group); /* of a whole byte */
		end = group_data(lo, group);
		memset(fs->blocks_used + block / 8, 0xff, (end - block) / 8);
		for (block = end - end % 8; block < end; block++)
			bit_set(fs->blocks_used, block);
	}
	for (ino = 1; ino < VEXFS_FIRST_INO; ino++)
		bit_set(fs->inodes_used, ino - 1);
	return 0;
}

void fs_end(struct fs *fs)
{
	free(fs->blocks_used);
	free(fs->inodes_used);
	free(fs->used_dirs);
	fs->blocks_used = NULL;
	fs->inodes_used = NULL;
	fs->used_dirs = NULL;
}

/* First clear bit in start..end-1, end if none. */
static uint32_t find_clear(const uint8_t *map, uint32_t start, uint32_t end)
{
	while (start < end) {
		if (start % 8 == 0 && map[start / 8] == 0xff) {
			start = end - start > 8 ? start + 8 : end;
			continue;
		}
		if (!bit_test(map, start))
			return start;
		start++;
	}
	return end;
}

uint32_t fs_new_block(struct fs *fs)
{
	uint32_t end = fs->lo.blocks;
	uint32_t n;

	n = find_clear(fs->blocks_used, fs->next_block, end);
	if (n == end)
		n = find_clear(fs->blocks_used, 0, end);
	if (n == end)
		return 0;
	bit_set(fs->blocks_used, n);
	fs->next_block = n + 1;
	return n;
}

uint32_t fs_new_inode(struct fs *fs, bool dir)
{
	uint32_t end = fs->lo.inodes;
	uint32_t n;

	n = find_clear(fs->inodes_used, fs->next_inode - 1, end);
	if (n == end)
		n = find_clear(fs->inodes_used, 0, end);
	if (n == end)
		return 0;
	bit_set(fs->inodes_used, n);
	fs->next_inode = n + 1;
	if (dir)
		fs->used_dirs[inode_group(&fs->lo, n + 1)]++;
	return n + 1;
}

int fs_read_inode(struct fs *fs, uint32_t ino, struct vexfs_inode *inode)
{
	struct vexfs_inode table[VEXFS_INODES_PER_BLOCK];
	uint32_t slot, block;
	int err;

	block = inode_block(&fs->lo, ino, &slot);
	err = device_read(fs->dev, block, table);
	if (!err)
		*inode = table[slot];
	return err;
}

int fs_write_inode(struct fs *fs, uint32_t ino, struct vexfs_inode *inode)
{
	struct vexfs_inode table[VEXFS_INODES_PER_BLOCK];
	uint32_t slot, block;
	int err;

	inode->i_csum = inode_csum(&fs->lo, ino, inode);
	block = inode_block(&fs->lo, ino, &slot);
	err = device_read(fs->dev, block, table);
	if (err)
		return err;
	table[slot] = *inode;
	return device_write(fs->dev, block, table);
}

void fs_init_inode(struct fs *fs, uint32_t ino, uint32_t mode,
		   struct vexfs_inode *inode)
{
	memset(inode, 0, sizeof(*inode));
	inode->i_mode = htole16(mode);
	inode->i_links = htole32(S_ISDIR(mode) ? 2 : 1);
	inode->i_atime = htole64(fs->now);
	inode->i_mtime = htole64(fs->now);
	inode->i_ctime = htole64(fs->now);
	inode->i_btime = htole64(fs->now);
	inode->i_generation = htole32(crc32c_le32(fs->lo.seed, ino));
}

unsigned int fs_map_path(uint64_t lblk, uint32_t path[4])
{
	unsigned int depth, i;

	if (lblk < VEXFS_NDIR_BLOCKS) {
		path[0] = lblk;
		return 1;
	}
	lblk -= VEXFS_NDIR_BLOCKS;
	for (depth = 1; depth <= 3; depth++) {
		if (lblk >> (depth * VEXFS_PTRS_BITS) == 0)
			break;
		lblk -= 1ull << (depth * VEXFS_PTRS_BITS);
	}
	if (depth > 3)
		return 0;
	path[0] = VEXFS_NDIR_BLOCKS + depth - 1;
	for (i = 0; i < depth; i++)
		path[depth - i] = lblk >> (i * VEXFS_PTRS_BITS) &
				  (VEXFS_PTRS_PER_BLOCK - 1);
	return depth + 1;
}

int fs_get_map(struct fs *fs, const struct vexfs_inode *inode, uint64_t lblk,
	       uint32_t *pblk)
{
	__le32 ptrs[VEXFS_PTRS_PER_BLOCK];
	uint32_t path[4], block;
	unsigned int depth, i;
	int err;

	*pblk = 0;
	depth = fs_map_path(lblk, path);
	if (!depth)
		return -EFBIG;
	block = le32toh(inode->i_block[path[0]]);
	for (i = 1; i < depth && block; i++) {
		if (!layout_is_data(&fs->lo, block))
			return -EUCLEAN;
		err = device_read(fs->dev, block, ptrs);
		if (err)
			return err;
		block = le32toh(ptrs[path[i]]);
	}
	*pblk = block;
	return 0;
}

static void add_block_count(struct vexfs_inode *inode)
{
	inode->i_blocks = htole64(le64toh(inode->i_blocks) +
				  VEXFS_BLOCK_SIZE / 512);
}

int fs_set_map(struct fs *fs, struct vexfs_inode *inode, uint64_t lblk,
	       uint32_t pblk)
{
	__le32 ptrs[VEXFS_PTRS_PER_BLOCK];
	uint32_t path[4], block, at;
	unsigned int depth, i;
	int err;

	depth = fs_map_path(lblk, path);
	if (!depth)
		return -EFBIG;
	if (depth == 1) {
		inode->i_block[path[0]] = htole32(pblk);
		return 0;
	}
	at = le32toh(inode->i_block[path[0]]);
	if (!at) {
		at = fs_new_block(fs);
		if (!at)
			return -ENOSPC;
		err = device_zero(fs->dev, at, 1);
		if (err)
			return err;
		inode->i_block[path[0]] = htole32(at);
		add_block_count(inode);
	}
	for (i = 1; ; i++) {
		err = device_read(fs->dev, at, ptrs);
		if (err)
			return err;
		if (i == depth - 1)
			break;
		block = le32toh(ptrs[path[i]]);
		if (!block) {
			block = fs_new_block(fs);
			if (!block)
				return -ENOSPC;
			ptrs[path[i]] = htole32(block);
			err = device_zero(fs->dev, block, 1);
			if (!err)
				err = device_write(fs->dev, at, ptrs);
			if (err)
				return err;
			add_block_count(inode);
		}
		at = block;
	}
	ptrs[path[i]] = htole32(pblk);
	return device_write(fs->dev, at, ptrs);
}

static void set_entry(struct fs *fs, struct vexfs_dir_entry *de,
		      uint32_t rec_len, const char *name, size_t len,
		      uint32_t ino, uint32_t mode)
{
	memset(de, 0, VEXFS_DIRENT_LEN(len));
	de->d_ino = htole32(ino);
	de->d_hash = name_hash(&fs->lo, name, len);
	de->d_rec_len = htole16(rec_len);
	de->d_name_len = len;
	de->d_type = (mode >> 12) & 15;
	memcpy(de->d_name, name, len);
}

/* Room behind the last entry of a block for one of need bytes? */
static bool split_last(uint8_t *block, uint32_t need, uint32_t *at,
		       uint32_t *room)
{
	struct vexfs_dir_entry *de;
	uint32_t pos, rec_len, used;

	for (pos = 0; ; pos += rec_len) {
		de = (struct vexfs_dir_entry *)(block + pos);
		rec_len = le16toh(de->d_rec_len);
		if (rec_len < VEXFS_DIRENT_HEAD || rec_len % 4 ||
		    pos + rec_len > VEXFS_BLOCK_SIZE)
			return false;
		if (pos + rec_len == VEXFS_BLOCK_SIZE)
			break;
	}
	used = de->d_ino ? VEXFS_DIRENT_LEN(de->d_name_len) : 0;
	if (used + need > rec_len)
		return false;
	if (used)
		de->d_rec_len = htole16(used);
	*at = pos + used;
	*room = rec_len - used;
	return true;
}

int fs_add_entry(struct fs *fs, struct vexfs_inode *dir, const char *name,
		 size_t len, uint32_t ino, uint32_t mode)
{
	uint64_t blocks = le64toh(dir->i_size) / VEXFS_BLOCK_SIZE;
	uint8_t buf[VEXFS_BLOCK_SIZE];
	uint32_t block = 0, at, room;
	int err;

	if (blocks) {
		err = fs_get_map(fs, dir, blocks - 1, &block);
		if (!err && block)
			err = device_read(fs->dev, block, buf);
		if (err)
			return err;
	}
	if (!block || !split_last(buf, VEXFS_DIRENT_LEN(len), &at, &room)) {
		block = fs_new_block(fs);
		if (!block)
			return -ENOSPC;
		err = fs_set_map(fs, dir, blocks, block);
		if (err)
			return err;
		add_block_count(dir);
		dir->i_size = htole64((blocks + 1) * VEXFS_BLOCK_SIZE);
		memset(buf, 0, sizeof(buf));
		at = 0;
		room = VEXFS_BLOCK_SIZE;
	}
	set_entry(fs, (struct vexfs_dir_entry *)(buf + at), room, name, len,
		  ino, mode);
	return device_write(fs->dev, block, buf);
}

void fs_block_bitmap(struct fs *fs, uint32_t group, struct vexfs_bitmap *map)
{
	uint32_t n = group_blocks(&fs->lo, group), i;

	memset(map->b_bits, 0xff, sizeof(map->b_bits));
	/* Groups start at whole bytes: 32736 is a multiple of 8. */
	memcpy(map->b_bits, fs->blocks_used + group_first(group) / 8,
	       DIV_ROUND_UP(n, 8));
	for (i = n; i % 8; i++)
		bit_set(map->b_bits, i);
	map->b_csum = bitmap_csum(&fs->lo, group_block_bitmap(&fs->lo, group),
				  map);
}

void fs_inode_bitmap(struct fs *fs, uint32_t group, struct vexfs_bitmap *map)
{
	uint32_t n = fs->lo.inodes_per_group;

	memset(map->b_bits, 0xff, sizeof(map->b_bits));
	/* A multiple of 16 too. */
	memcpy(map->b_bits, fs->inodes_used + (uint64_t)group * n / 8, n / 8);
	map->b_csum = bitmap_csum(&fs->lo, group_inode_bitmap(&fs->lo, group),
				  map);
}

static uint32_t count_clear(const struct vexfs_bitmap *map)
{
	uint32_t bits = sizeof(map->b_bits) * 8;

	return bits - count_bits(map->b_bits, bits);
}

void fs_desc(struct fs *fs, uint32_t group, struct vexfs_group_desc *desc)
{
	struct vexfs_bitmap map;

	memset(desc, 0, sizeof(*desc));
	desc->bg_block_bitmap = htole32(group_block_bitmap(&fs->lo, group));
	desc->bg_inode_bitmap = htole32(group_inode_bitmap(&fs->lo, group));
	desc->bg_inode_table = htole32(group_inode_table(&fs->lo, group));
	fs_block_bitmap(fs, group, &map);
	desc->bg_free_blocks = htole32(count_clear(&map));
	fs_inode_bitmap(fs, group, &map);
	desc->bg_free_inodes = htole32(count_clear(&map));
	desc->bg_used_dirs = htole32(fs->used_dirs[group]);
	desc->bg_csum = desc_csum(&fs->lo, group, desc);
}

int fs_write_groups(struct fs *fs)
{
	struct vexfs_group_desc descs[VEXFS_DESC_PER_BLOCK];
	struct vexfs_bitmap map;
	uint32_t group, slot;
	int err = 0;

	for (group = 0; group < fs->lo.groups && !err; group++) {
		slot = group % VEXFS_DESC_PER_BLOCK;
		if (!slot)
			memset(descs, 0, sizeof(descs));
		fs_desc(fs, group, &descs[slot]);
		fs_block_bitmap(fs, group, &map);
		err = device_write(fs->dev, group_block_bitmap(&fs->lo, group),
				   &map);
		if (err)
			break;
		fs_inode_bitmap(fs, group, &map);
		err = device_write(fs->dev, group_inode_bitmap(&fs->lo, group),
				   &map);
		if (!err && (slot == VEXFS_DESC_PER_BLOCK - 1 ||
			     group == fs->lo.groups - 1))
			err = device_write(fs->dev, VEXFS_GDT_START +
					   group / VEXFS_DESC_PER_BLOCK, descs);
	}
	return err;
}
