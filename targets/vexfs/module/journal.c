// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the journal. Metadata blocks go through jbd2, file data are written
 * before the transaction that makes them reachable commits.
 */

#include <linux/sched/mm.h>

#include "vexfs.h"

/* Gives a bitmap its checksum when its content for the journal is settled. */
static void vexfs_freeze_bitmap(struct jbd2_buffer_trigger_type *type,
				struct buffer_head *bh, void *data, size_t size)
{
	struct vexfs_sb_info *sbi = container_of(type, struct vexfs_sb_info,
						 s_bitmap_trigger);
	struct vexfs_bitmap *map = data;
	u32 crc = vexfs_crc_u32(sbi->s_csum_seed, bh->b_blocknr);

	map->b_csum = cpu_to_le32(vexfs_crc(crc, map->b_bits,
					    sizeof(map->b_bits)));
}

static int vexfs_submit_data(struct jbd2_inode *jinode)
{
	struct address_space *mapping = jinode->i_vfs_inode->i_mapping;

	return filemap_fdatawrite_range(mapping, jinode->i_dirty_start,
					jinode->i_dirty_end);
}

/* Where a block of the journal lies: it is one run of blocks. */
static sector_t vexfs_journal_bmap(struct address_space *mapping, sector_t nr)
{
	return VEXFS_SB(mapping->host->i_sb)->s_journal_start + nr;
}

static const struct address_space_operations vexfs_journal_aops = {
	.bmap	= vexfs_journal_bmap,
};

/*
 * jbd2 wants an inode to number the journal's blocks from 0. This one lives in
 * memory only; jbd2_journal_destroy() puts it.
 */
static struct inode *vexfs_journal_inode(struct super_block *sb)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_mode = S_IFREG;
	inode->i_size = (loff_t)VEXFS_SB(sb)->s_journal_blocks <<
			VEXFS_BLOCK_BITS;
	inode->i_mapping->a_ops = &vexfs_journal_aops;
	return inode;
}

/* 1 if transactions wait to be replayed, 0 if not. */
int vexfs_journal_needs_recovery(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	journal_superblock_t *jsb;
	struct buffer_head *bh;
	int ret;

	bh = sb_bread(sb, sbi->s_journal_start);
	if (!bh) {
		vexfs_msg(sb, KERN_ERR, "cannot read the journal's superblock");
		return -EIO;
	}
	jsb = (journal_superblock_t *)bh->b_data;
	if (be32_to_cpu(jsb->s_header.h_magic) != JBD2_MAGIC_NUMBER ||
	    be32_to_cpu(jsb->s_header.h_blocktype) != JBD2_SUPERBLOCK_V2 ||
	    be32_to_cpu(jsb->s_blocksize) != VEXFS_BLOCK_SIZE ||
	    be32_to_cpu(jsb->s_maxlen) != sbi->s_journal_blocks) {
		vexfs_msg(sb, KERN_ERR, "the journal's superblock is corrupt");
		ret = -EFSCORRUPTED;
	} else {
		ret = jsb->s_start != 0;
	}
	brelse(bh);
	return ret;
}

/* Opens the journal and replays it if the last use did not end cleanly. */
int vexfs_journal_open(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct inode *inode;
	journal_t *journal;
	int recover, err;

	recover = vexfs_journal_needs_recovery(sb);
	if (recover < 0)
		return recover;
	inode = vexfs_journal_inode(sb);
	if (!inode)
		return -ENOMEM;
	journal = jbd2_journal_init_inode(inode);
	if (vexfs_no_journal(journal)) {
		iput(inode);
		vexfs_msg(sb, KERN_ERR, "cannot set up the journal");
		/* Up to 6.7 NULL stands for whatever failed: memory. */
		return journal ? PTR_ERR(journal) : -ENOMEM;
	}
	journal->j_private = sb;
	if (recover)
		vexfs_msg(sb, KERN_INFO, "replaying the journal");
	err = jbd2_journal_load(journal);
	if (!err && !jbd2_journal_set_features(journal, 0, 0,
					       JBD2_FEATURE_INCOMPAT_REVOKE))
		err = -EINVAL;
	if (err) {
		vexfs_msg(sb, KERN_ERR, "cannot load the journal: error %d",
			  err);
		jbd2_journal_destroy(journal);
		return err;
	}
	journal->j_commit_callback = vexfs_release_freed;
	journal->j_submit_inode_data_buffers = vexfs_submit_data;
	journal->j_finish_inode_data_buffers =
		jbd2_journal_finish_inode_data_buffers;
	write_lock(&journal->j_state_lock);
	if (!VEXFS_DEFECT(missing_barrier))
		journal->j_flags |= JBD2_BARRIER;
	write_unlock(&journal->j_state_lock);

	sbi->s_bitmap_trigger.t_frozen = vexfs_freeze_bitmap;
	sbi->s_journal = journal;
	if (jbd2_journal_errno(journal)) {
		vexfs_msg(sb, KERN_WARNING,
			  "an error of the last use is on record: run fsck");
		vexfs_write_super(sb, VEXFS_STATE_ERROR, 0);
		jbd2_journal_clear_err(journal);
		jbd2_journal_ack_err(journal);
	}
	return 0;
}

/* Fails where the journal may not have been left empty. */
int vexfs_journal_close(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	journal_t *journal = sbi->s_journal;
	bool aborted;
	int err;

	if (!journal)
		return 0;
	aborted = is_journal_aborted(journal);
	sbi->s_journal = NULL;
	err = jbd2_journal_destroy(journal);
	if (err < 0 && !aborted)
		vexfs_error(sb, "the journal could not be closed: %d", err);
	vexfs_drop_freed(sbi);
	return aborted ? -EIO : err;
}

/* Writes everything to its place and leaves the journal empty. */
int vexfs_journal_settle(struct super_block *sb)
{
	journal_t *journal = VEXFS_SB(sb)->s_journal;
	int err;

	if (!journal)
		return 0;
	jbd2_journal_lock_updates(journal);
	err = jbd2_journal_flush(journal, 0);
	jbd2_journal_unlock_updates(journal);
	return err;
}

handle_t *vexfs_start_at(struct super_block *sb, int blocks, int revokes,
			 unsigned int line)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);

	if (sb_rdonly(sb) || !sbi->s_journal)
		return ERR_PTR(-EROFS);
	return jbd2__journal_start(sbi->s_journal, blocks, 0, revokes, GFP_NOFS,
				   0, line);
}

/*
 * For what nobody can be told of, or has been begun: it waits for memory. The
 * inode would be lost from the orphan list otherwise, with all its blocks.
 */
handle_t *vexfs_start_nofail_at(struct super_block *sb, int blocks, int revokes,
				unsigned int line)
{
	handle_t *handle = vexfs_start_at(sb, blocks, revokes, line);

	while (handle == ERR_PTR(-ENOMEM)) {
		memalloc_retry_wait(GFP_NOFS);
		handle = vexfs_start_at(sb, blocks, revokes, line);
	}
	return handle;
}

int vexfs_stop(handle_t *handle)
{
	return jbd2_journal_stop(handle);
}

/* For a change of names: mounted with sync or dirsync it is to be on disk when the handle is stopped. */
void vexfs_sync_names(handle_t *handle, const struct inode *dir)
{
	if (IS_DIRSYNC(dir))
		handle->h_sync = 1;
}

/* For a change of the inode alone: only sync asks for it. */
void vexfs_sync_inode(handle_t *handle, const struct inode *inode)
{
	if (IS_SYNC(inode))
		handle->h_sync = 1;
}

int vexfs_get_write(handle_t *handle, struct buffer_head *bh)
{
	return jbd2_journal_get_write_access(handle, bh);
}

/* For a block that is new: what it held before does not matter. */
int vexfs_get_create(handle_t *handle, struct buffer_head *bh)
{
	return jbd2_journal_get_create_access(handle, bh);
}

int vexfs_dirty(handle_t *handle, struct buffer_head *bh)
{
	return jbd2_journal_dirty_metadata(handle, bh);
}
