// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: blocks that were freed, until their release is committed.
 *
 * Such a block may not be used again before: were the machine to crash, the
 * file it belonged to would come back with foreign data in it. So it stays
 * marked in the map in memory until the commit callback clears it.
 */

#include <linux/slab.h>

#include "vexfs.h"

struct vexfs_freed {
	struct list_head	list;
	tid_t			tid;
	u32			start;
	u32			count;
};

static struct kmem_cache *vexfs_freed_cachep;

int vexfs_init_freed(void)
{
	vexfs_freed_cachep = KMEM_CACHE(vexfs_freed, 0);
	return vexfs_freed_cachep ? 0 : -ENOMEM;
}

void vexfs_exit_freed(void)
{
	kmem_cache_destroy(vexfs_freed_cachep);
}

/* Remembers blocks of one group that the transaction of @handle frees. */
void vexfs_note_freed(handle_t *handle, struct vexfs_sb_info *sbi,
		      u32 start, u32 count)
{
	tid_t tid = handle->h_transaction->t_tid;
	struct vexfs_freed *freed, *last;

	if (VEXFS_DEFECT(sleep_under_spinlock))
		spin_lock(&sbi->s_freed_lock);
	freed = kmem_cache_alloc(vexfs_freed_cachep, GFP_NOFS | __GFP_NOFAIL);
	freed->tid = tid;
	freed->start = start;
	freed->count = count;

	if (!VEXFS_DEFECT(sleep_under_spinlock))
		spin_lock(&sbi->s_freed_lock);
	sbi->s_freed_blocks += count;
	last = list_empty(&sbi->s_freed) ? NULL :
	       list_last_entry(&sbi->s_freed, struct vexfs_freed, list);
	if (last && last->tid == tid && last->start + last->count == start &&
	    start % VEXFS_BLOCKS_PER_GROUP) {
		last->count += count;
	} else {
		list_add_tail(&freed->list, &sbi->s_freed);
		freed = NULL;
	}
	spin_unlock(&sbi->s_freed_lock);
	if (freed)
		kmem_cache_free(vexfs_freed_cachep, freed);
}

static void vexfs_give_back(struct vexfs_sb_info *sbi, struct list_head *list)
{
	struct vexfs_freed *freed, *next;

	list_for_each_entry_safe(freed, next, list, list) {
		u32 group = freed->start / VEXFS_BLOCKS_PER_GROUP;

		vexfs_unclaim(&sbi->s_groups[group],
			      freed->start % VEXFS_BLOCKS_PER_GROUP,
			      freed->count);
		kmem_cache_free(vexfs_freed_cachep, freed);
	}
}

/* Called by jbd2 when a transaction is on the disk. */
void vexfs_release_freed(journal_t *journal, transaction_t *txn)
{
	struct super_block *sb = journal->j_private;
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_freed *freed, *next;
	LIST_HEAD(list);

	spin_lock(&sbi->s_freed_lock);
	list_for_each_entry_safe(freed, next, &sbi->s_freed, list) {
		if (!tid_geq(txn->t_tid, freed->tid))
			continue;
		sbi->s_freed_blocks -= freed->count;
		list_move_tail(&freed->list, &list);
	}
	spin_unlock(&sbi->s_freed_lock);
	vexfs_give_back(sbi, &list);
}

/* What an aborted journal left behind. */
void vexfs_drop_freed(struct vexfs_sb_info *sbi)
{
	LIST_HEAD(list);

	spin_lock(&sbi->s_freed_lock);
	list_splice_init(&sbi->s_freed, &list);
	sbi->s_freed_blocks = 0;
	spin_unlock(&sbi->s_freed_lock);
	vexfs_give_back(sbi, &list);
}

/*
 * After ENOSPC, without a handle: whether a commit gave blocks back, so that
 * trying again is worth it.
 */
bool vexfs_retry_alloc(struct super_block *sb, int *retries)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);

	if (!READ_ONCE(sbi->s_freed_blocks) || (*retries)++ > 3)
		return false;
	return jbd2_journal_force_commit_nested(sbi->s_journal) >= 0;
}
