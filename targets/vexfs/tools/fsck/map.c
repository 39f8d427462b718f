// SPDX-License-Identifier: GPL-2.0
/*
 * Block maps: every pointer is looked at once, every block gets one owner.
 */

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"

enum reject { BAD, PAST_END, SHARED };

/*
 * Metadata win over data: a data pointer gone astray must not cost another
 * file its pointer block. If the data came first, the next round knows.
 */
bool claim_block(struct check *c, uint32_t block, bool meta)
{
	uint8_t *used = c->fs.blocks_used;

	if (!meta) {
		if (bit_test(used, block) || bit_test(c->keep_meta, block))
			return false;
		bit_set(used, block);
		return true;
	}
	if (bit_test(used, block)) {
		if (bit_test(c->meta_blocks, block) || c->mode == MODE_NO)
			return false;
		if (!bit_test(c->keep_meta, block)) {
			bit_set(c->keep_meta, block);
			c->again = true;
		}
	}
	bit_set(c->meta_blocks, block);
	bit_set(used, block);
	return true;
}

/* Does a pointer past the end of a directory lead to a directory's block? */
static bool leads_to_dir(struct check *c, uint32_t block, unsigned int level)
{
	__le32 ptrs[VEXFS_PTRS_PER_BLOCK];

	while (layout_is_data(&c->fs.lo, block)) {
		if (!level--)
			return looks_like_dir(c, block);
		get_block(c, block, ptrs);
		block = le32toh(ptrs[0]);
	}
	return false;
}

/* The pointer's new value. The question is put once for an inode. */
static uint32_t reject(struct file_map *m, enum reject why, uint32_t ptr,
		       uint64_t lblk)
{
	static const struct {
		enum problem_id	id;
		const char	*text;
	} table[] = {
		[BAD] = { P_BLOCK_BAD, "is no data block" },
		[PAST_END] = { P_BLOCK_PAST_END, "is past the file's end" },
		[SHARED] = { P_BLOCK_SHARED, "belongs to another inode too" },
	};

	if (!m->bad[why]++)
		m->fix[why] = problem(m->c, table[why].id,
				      "Inode %u: block %u at file block %llu %s",
				      m->ino, ptr, (unsigned long long)lblk,
				      table[why].text);
	return m->fix[why] ? 0 : ptr;
}

static void count_data(struct file_map *m, uint32_t block, uint64_t lblk)
{
	struct dir_block *db;

	if (lblk != m->mapped && !m->has_hole) {
		m->has_hole = true;
		m->first_hole = m->mapped;
	}
	m->mapped++;
	m->next = lblk + 1;
	if (!m->is_dir || !block)
		return;
	db = list_add(m->c, &m->c->dir_blocks, sizeof(*db));
	if (db)
		*db = (struct dir_block){ m->ino, block, lblk };
}

/* Data are copied, a pointer block taken over by another file is given up. */
static uint32_t reject_shared(struct file_map *m, uint32_t ptr,
			      unsigned int level, uint64_t lblk)
{
	struct patch *patch;

	if (reject(m, SHARED, ptr, lblk))
		return ptr;
	if (level)
		return 0;
	patch = list_add(m->c, &m->c->patches, sizeof(*patch));
	if (patch)
		*patch = (struct patch){ m->ino, ptr, lblk };
	count_data(m, 0, lblk);
	return 0;
}

static uint32_t visit(struct file_map *m, uint32_t ptr, unsigned int level,
		      uint64_t first)
{
	uint64_t span = 1ull << (level * VEXFS_PTRS_BITS) >> VEXFS_PTRS_BITS;
	__le32 ptrs[VEXFS_PTRS_PER_BLOCK], value;
	struct check *c = m->c;
	bool changed = false;
	uint32_t i;

	if (!ptr || stopped(c))
		return ptr;
	if (!layout_is_data(&c->fs.lo, ptr))
		return reject(m, BAD, ptr, first);
	if (first >= m->end && !(m->is_dir && leads_to_dir(c, ptr, level)))
		return reject(m, PAST_END, ptr, first);
	if (!claim_block(c, ptr, level || m->is_dir))
		return reject_shared(m, ptr, level, first);
	m->owned++;
	if (!level) {
		count_data(m, ptr, first);
		return ptr;
	}
	get_block(c, ptr, ptrs);
	for (i = 0; i < VEXFS_PTRS_PER_BLOCK && !stopped(c); i++) {
		if (!ptrs[i])
			continue;
		value = htole32(visit(m, le32toh(ptrs[i]), level - 1,
				      first + i * span));
		changed |= value != ptrs[i];
		ptrs[i] = value;
	}
	if (changed)
		put_block(c, ptr, ptrs);
	return ptr;
}

static unsigned int level_of(unsigned int i)
{
	return i < VEXFS_NDIR_BLOCKS ? 0 : i - VEXFS_NDIR_BLOCKS + 1;
}

void walk_map(struct file_map *m)
{
	uint64_t first = 0;
	unsigned int i;
	__le32 value;

	for (i = 0; i < VEXFS_N_BLOCKS; i++) {
		value = htole32(visit(m, le32toh(m->raw->i_block[i]),
				      level_of(i), first));
		m->changed |= value != m->raw->i_block[i];
		m->raw->i_block[i] = value;
		first += 1ull << (level_of(i) * VEXFS_PTRS_BITS);
	}
	for (i = 0; i < 3; i++)
		if (m->bad[i] > 1)
			note(m->c, "Inode %u: %u more such blocks.", m->ino,
			     m->bad[i] - 1);
}

struct cut {
	struct check	*c;
	uint64_t	keep;
	release_fn	release;
	void		*arg;
	uint32_t	left;	/* pointers that lead in a circle must end */
};

static uint64_t cut_tree(struct cut *cut, __le32 *ptr, unsigned int level,
			 uint64_t first)
{
	uint64_t span = 1ull << (level * VEXFS_PTRS_BITS), freed = 0;
	__le32 ptrs[VEXFS_PTRS_PER_BLOCK];
	uint32_t block = le32toh(*ptr), i;
	struct check *c = cut->c;

	if (!block || first + span <= cut->keep || stopped(c) || !cut->left ||
	    !layout_is_data(&c->fs.lo, block))
		return 0;
	cut->left--;
	if (level) {
		get_block(c, block, ptrs);
		span >>= VEXFS_PTRS_BITS;
		for (i = 0; i < VEXFS_PTRS_PER_BLOCK; i++)
			freed += cut_tree(cut, &ptrs[i], level - 1,
					  first + i * span);
		if (freed && first < cut->keep)
			put_block(c, block, ptrs);
	}
	if (first >= cut->keep) {
		if (cut->release)
			cut->release(cut->arg, block);
		*ptr = 0;
		freed++;
	}
	return freed;
}

void cut_map(struct check *c, struct vexfs_inode *raw, uint64_t keep,
	     release_fn release, void *arg)
{
	struct cut cut = { c, keep, release, arg, c->fs.lo.blocks };
	uint64_t first = 0, freed = 0;
	unsigned int i;

	for (i = 0; i < VEXFS_N_BLOCKS; i++) {
		freed += cut_tree(&cut, &raw->i_block[i], level_of(i), first);
		first += 1ull << (level_of(i) * VEXFS_PTRS_BITS);
	}
	raw->i_blocks = htole64(le64toh(raw->i_blocks) -
				freed * (VEXFS_BLOCK_SIZE / 512));
}

static void fill_patch(struct check *c, const struct patch *patch,
		       struct vexfs_inode *raw, uint32_t block)
{
	uint8_t buf[VEXFS_BLOCK_SIZE] = { 0 };
	struct vexfs_dir_entry *de = (void *)buf;
	bool dir = S_ISDIR(le16toh(raw->i_mode));
	struct dir_block *db;

	if (patch->source)
		get_block(c, patch->source, buf);
	else if (dir)
		de->d_rec_len = htole16(VEXFS_BLOCK_SIZE);
	put_block(c, block, buf);
	raw->i_blocks = htole64(le64toh(raw->i_blocks) +
				VEXFS_BLOCK_SIZE / 512);
	put_inode(c, patch->ino, raw);
	db = dir ? list_add(c, &c->dir_blocks, sizeof(*db)) : NULL;
	if (db)
		*db = (struct dir_block){ patch->ino, block, patch->lblk };
}

void apply_patches(struct check *c)
{
	struct patch *patches = c->patches.items;
	struct vexfs_inode raw;
	uint32_t block;
	size_t i;
	int err;

	for (i = 0; i < c->patches.count && !stopped(c); i++) {
		get_inode(c, patches[i].ino, &raw);
		if (get_map(c, &raw, patches[i].lblk))
			continue;
		block = fs_new_block(&c->fs);
		err = block ? fs_set_map(&c->fs, &raw, patches[i].lblk, block) :
			      -ENOSPC;
		if (block)
			bit_clear(c->keep_meta, block);
		if (err == -ENOSPC) {
			note(c, "Inode %u: no free block for file block %llu.",
			     patches[i].ino,
			     (unsigned long long)patches[i].lblk);
			c->left++;
			return;
		}
		if (err)
			failure(c, "map", block, err);
		else
			fill_patch(c, &patches[i], &raw, block);
	}
}
