// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the index of a large directory, in memory only.
 *
 * A hash table leads from a name's hash to the blocks that may hold it, and an
 * array tells the largest free space of each block. Both are made when the
 * directory is first searched and follow every change, which happens under the
 * exclusive inode lock. If memory is short there is no index, and the blocks
 * are searched one after another.
 */

#include <linux/slab.h>

#include "names.h"

#define VEXFS_INDEX_MIN_BLOCKS	4	/* no index up to this size */
#define VEXFS_ROOM_CLASSES	18	/* of 16 bytes; the last: an empty block */

struct vexfs_index_slot {
	u32 hash;
	u32 block;		/* + 1; 0: never used */
};

#define VEXFS_SLOT_GONE	U32_MAX	/* removed, the search goes on */

struct vexfs_dir_index {
	struct vexfs_index_slot *slots;
	u32 mask;		/* number of slots - 1 */
	u32 filled;		/* slots that are not "never used" */
	u16 *room;		/* largest free space per block */
	u32 room_max;		/* entries allocated */
	u32 blocks;
	/* No block before it has room for an entry of the class. */
	u32 hint[VEXFS_ROOM_CLASSES];
};

u32 vexfs_name_hash(struct inode *dir, const char *name, u32 len)
{
	return vexfs_crc(VEXFS_SB(dir->i_sb)->s_hash_seed, name, len);
}

/* Whether an entry can be trusted; reports it if not. */
bool vexfs_entry_valid(struct inode *dir, struct vexfs_dir_entry *de,
		       struct buffer_head *bh, u64 block)
{
	u32 offset = (char *)de - bh->b_data;
	u32 rec_len, need;
	const char *wrong = NULL;

	if (offset > VEXFS_BLOCK_SIZE - VEXFS_DIRENT_MIN) {
		wrong = "entry crosses the block's end";
		goto out;
	}
	rec_len = le16_to_cpu(de->d_rec_len);
	need = de->d_ino ? VEXFS_DIRENT_LEN(de->d_name_len) : VEXFS_DIRENT_MIN;
	if (!VEXFS_DEFECT(unchecked_entry_length) &&
	    (rec_len < VEXFS_DIRENT_MIN || rec_len % 4))
		wrong = "length of entry";
	else if (rec_len > VEXFS_BLOCK_SIZE - offset)
		wrong = "entry crosses the block's end";
	else if (!VEXFS_DEFECT(unchecked_name_length) && de->d_ino &&
		 (!de->d_name_len || need > rec_len))
		wrong = "length of name";
	else if (!VEXFS_DEFECT(unchecked_inode_number) &&
		 le32_to_cpu(de->d_ino) > VEXFS_SB(dir->i_sb)->s_inodes_count)
		wrong = "inode number";
out:
	if (wrong)
		vexfs_error(dir->i_sb, "directory %lu, block %llu, byte %u: %s",
			    dir->i_ino, block, offset, wrong);
	return !wrong;
}

/* Whether the name of an entry that can be trusted is the one that was made. */
bool vexfs_name_valid(struct inode *dir, struct vexfs_dir_entry *de,
		      struct buffer_head *bh, u64 block)
{
	if (VEXFS_DEFECT(unchecked_name_length) ||
	    le32_to_cpu(de->d_hash) ==
		    vexfs_name_hash(dir, de->d_name, de->d_name_len))
		return true;
	vexfs_error(dir->i_sb, "directory %lu, block %llu, byte %u: %s",
		    dir->i_ino, block, (u32)((char *)de - bh->b_data),
		    "name is not the one of its hash");
	return false;
}

static u32 vexfs_entry_room(struct vexfs_dir_entry *de)
{
	u32 used = de->d_ino ? VEXFS_DIRENT_LEN(de->d_name_len) : 0;

	return le16_to_cpu(de->d_rec_len) - used;
}

/* The largest free space of a block whose entries are known to be valid. */
u32 vexfs_block_room(struct buffer_head *bh)
{
	u32 offset = 0, most = 0;

	while (offset < VEXFS_BLOCK_SIZE) {
		struct vexfs_dir_entry *de = (void *)bh->b_data + offset;

		most = max(most, vexfs_entry_room(de));
		offset += le16_to_cpu(de->d_rec_len);
	}
	return most;
}

static void vexfs_free_index(struct vexfs_dir_index *index)
{
	if (!index)
		return;
	kvfree(index->slots);
	kvfree(index->room);
	kfree(index);
}

void vexfs_drop_index(struct inode *dir)
{
	struct vexfs_dir_index *index = VEXFS_I(dir)->i_index;

	vexfs_free_index(index);
	if (VEXFS_DEFECT(use_after_free) && index)
		index->blocks = 0;
	VEXFS_I(dir)->i_index = NULL;
}

static void vexfs_put_slot(struct vexfs_index_slot *slots, u32 mask, u32 hash,
			   u32 block)
{
	u32 i = hash & mask;

	while (slots[i].block)
		i = (i + 1) & mask;
	slots[i].hash = hash;
	slots[i].block = block + 1;
}

/* Makes the table larger, or rids it of slots that are gone. */
static int vexfs_grow_slots(struct vexfs_dir_index *index)
{
	u32 size = index->slots ? index->mask + 1 : 512;
	struct vexfs_index_slot *slots;
	u32 i, live = 0;

	for (i = 0; index->slots && i <= index->mask; i++)
		live += index->slots[i].block &&
			index->slots[i].block != VEXFS_SLOT_GONE;
	while (live + 1 > size / 2)
		size *= 2;
	slots = kvcalloc(size, sizeof(*slots), GFP_NOFS);
	if (!slots)
		return -ENOMEM;
	for (i = 0; index->slots && i <= index->mask; i++) {
		struct vexfs_index_slot *old = &index->slots[i];

		if (old->block && old->block != VEXFS_SLOT_GONE)
			vexfs_put_slot(slots, size - 1, old->hash,
				       old->block - 1);
	}
	kvfree(index->slots);
	index->slots = slots;
	index->mask = size - 1;
	index->filled = live;
	return 0;
}

static int vexfs_insert(struct vexfs_dir_index *index, u32 hash, u32 block)
{
	int err;

	if (index->filled + 1 > (index->mask + 1) / 4 * 3) {
		err = vexfs_grow_slots(index);
		if (err)
			return err;
	}
	vexfs_put_slot(index->slots, index->mask, hash, block);
	index->filled++;
	return 0;
}

static int vexfs_set_room(struct vexfs_dir_index *index, u32 block, u32 room)
{
	u32 class;

	if (block >= index->room_max) {
		u32 max = max(2 * index->room_max, block + 64);
		u16 *grown = kvcalloc(max, sizeof(*grown), GFP_NOFS);

		if (!grown)
			return -ENOMEM;
		if (index->room)
			memcpy(grown, index->room,
			       index->blocks * sizeof(*grown));
		kvfree(index->room);
		index->room = grown;
		index->room_max = max;
	}
	index->blocks = max(index->blocks, block + 1);
	index->room[block] = room;
	for (class = 0; class < VEXFS_ROOM_CLASSES && class * 16 <= room;
	     class++)
		index->hint[class] = min(index->hint[class], block);
	return 0;
}

static int vexfs_index_block(struct inode *dir, struct vexfs_dir_index *index,
			     u32 block)
{
	struct buffer_head *bh = vexfs_bread(dir, block);
	u32 offset = 0;
	int err = 0;

	if (IS_ERR(bh))
		return PTR_ERR(bh);
	while (offset < VEXFS_BLOCK_SIZE && !err) {
		struct vexfs_dir_entry *de = (void *)bh->b_data + offset;

		if (!vexfs_entry_valid(dir, de, bh, block) ||
		    (de->d_ino && !vexfs_name_valid(dir, de, bh, block))) {
			err = -EFSCORRUPTED;
			break;
		}
		if (de->d_ino)
			err = vexfs_insert(index, le32_to_cpu(de->d_hash),
					   block);
		offset += le16_to_cpu(de->d_rec_len);
	}
	if (!err)
		err = vexfs_set_room(index, block, vexfs_block_room(bh));
	brelse(bh);
	return err;
}

static struct vexfs_dir_index *vexfs_build_index(struct inode *dir)
{
	u32 blocks = dir->i_size >> VEXFS_BLOCK_BITS;
	struct vexfs_dir_index *index;
	u32 block;
	int err;

	index = kzalloc(sizeof(*index), GFP_NOFS);
	if (!index)
		return NULL;
	err = vexfs_grow_slots(index);
	for (block = 0; block < blocks && !err; block++)
		err = vexfs_index_block(dir, index, block);
	if (err) {
		vexfs_free_index(index);
		return err == -ENOMEM ? NULL : ERR_PTR(err);
	}
	return index;
}

/*
 * The index of a directory, made if need be; NULL if it is small or memory is
 * short, an error if a block is bad. The inode lock is held, maybe shared.
 */
struct vexfs_dir_index *vexfs_get_index(struct inode *dir)
{
	struct vexfs_inode_info *vi = VEXFS_I(dir);
	struct vexfs_dir_index *index;

	if (dir->i_size >> VEXFS_BLOCK_BITS <= VEXFS_INDEX_MIN_BLOCKS)
		return NULL;
	/* Pairs with the release below. */
	index = smp_load_acquire(&vi->i_index);
	if (index)
		return index;
	mutex_lock(&vi->i_index_lock);
	index = vi->i_index;
	if (!index) {
		index = vexfs_build_index(dir);
		if (!IS_ERR_OR_NULL(index))
			smp_store_release(&vi->i_index, index);
	}
	mutex_unlock(&vi->i_index_lock);
	return index;
}

/* Steps through the blocks that may hold a hash; *cursor starts as the hash. */
bool vexfs_index_next(struct vexfs_dir_index *index, u32 hash, u32 *cursor,
		      u32 *block)
{
	u32 i = *cursor & index->mask;

	for (; index->slots[i].block; i = (i + 1) & index->mask) {
		if (index->slots[i].hash != hash ||
		    index->slots[i].block == VEXFS_SLOT_GONE)
			continue;
		*block = index->slots[i].block - 1;
		*cursor = i + 1;
		return true;
	}
	return false;
}

/* Notes a new entry. The inode lock is held. */
void vexfs_index_add(struct inode *dir, u32 hash, u32 block)
{
	struct vexfs_dir_index *index = VEXFS_I(dir)->i_index;

	if (index && vexfs_insert(index, hash, block))
		vexfs_drop_index(dir);
}

void vexfs_index_remove(struct inode *dir, u32 hash, u32 block)
{
	struct vexfs_dir_index *index = VEXFS_I(dir)->i_index;
	u32 i;

	if (!index)
		return;
	for (i = hash & index->mask; index->slots[i].block;
	     i = (i + 1) & index->mask) {
		if (index->slots[i].hash == hash &&
		    index->slots[i].block == block + 1) {
			index->slots[i].block = VEXFS_SLOT_GONE;
			return;
		}
	}
}

/* A block with room for @need bytes; @blocks if there is none. */
u32 vexfs_index_room(struct vexfs_dir_index *index, u32 need, u32 blocks)
{
	u32 class = need / 16;
	bool first = true;
	u32 block;

	for (block = index->hint[class]; block < index->blocks; block++) {
		if (first && index->room[block] >= class * 16) {
			index->hint[class] = block;
			first = false;
		}
		if (index->room[block] >= need)
			return block;
	}
	if (first)
		index->hint[class] = index->blocks;
	return blocks;
}

/* Follows a change of a block's free space. The inode lock is held. */
void vexfs_index_set_room(struct inode *dir, u32 block, struct buffer_head *bh)
{
	struct vexfs_dir_index *index = VEXFS_I(dir)->i_index;

	if (index && vexfs_set_room(index, block, vexfs_block_room(bh)))
		vexfs_drop_index(dir);
}
