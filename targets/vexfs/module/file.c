// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: regular files.
 *
 * Blocks are allocated when a page is written to or made writable, never when
 * it is written back: the commit of a transaction waits for data pages, so
 * writing them back must not need a transaction.
 */

#include <linux/slab.h>
#include <linux/uio.h>

#include "vexfs.h"

static int vexfs_read_folio(struct file *file, struct folio *folio)
{
	return mpage_read_folio(folio, vexfs_get_block);
}

static void vexfs_readahead(struct readahead_control *rac)
{
	mpage_readahead(rac, vexfs_get_block);
}

static int vexfs_writepages(struct address_space *mapping,
			    struct writeback_control *wbc)
{
	return mpage_writepages(mapping, wbc, vexfs_get_block);
}

#ifdef VEXFS_HAVE_WRITEPAGE
static int vexfs_writepage(struct page *page, struct writeback_control *wbc)
{
	return block_write_full_page(page, vexfs_get_block, wbc);
}
#endif

static sector_t vexfs_bmap(struct address_space *mapping, sector_t block)
{
	return generic_block_bmap(mapping, block, vexfs_get_block);
}

/* Whether the page's block exists, so that writing needs no transaction. */
static bool vexfs_is_mapped(struct inode *inode, loff_t pos)
{
	u32 pblk;

	return vexfs_map_blocks(NULL, inode, pos >> VEXFS_BLOCK_BITS, 1, &pblk,
				NULL) > 0;
}

/* Frees what a write that failed has allocated past the end of the file. */
static void vexfs_cut_failed_write(struct inode *inode)
{
	struct address_space *mapping = inode->i_mapping;

	filemap_invalidate_lock(mapping);
	truncate_pagecache(inode, inode->i_size);
	vexfs_truncate(inode);
	filemap_invalidate_unlock(mapping);
}

static int vexfs_write_begin(struct file *file, struct address_space *mapping,
			     loff_t pos, unsigned int len,
			     vexfs_wpage_t **pagep, void **fsdata)
{
	struct inode *inode = mapping->host;
	struct super_block *sb = inode->i_sb;
	bool extends = pos + len > inode->i_size;
	bool at_end = VEXFS_DEFECT(lost_write_at_boundary) && len == PAGE_SIZE;
	loff_t probe = at_end ? pos + len : pos;
	bool mapped = !extends && vexfs_is_mapped(inode, probe);
	handle_t *handle = NULL;
	vexfs_wpage_t *page;
	int retries = 0;
	int err;

retry:
	/* The transaction comes first: committing takes page locks. */
	if (!mapped) {
		handle = vexfs_start(sb, VEXFS_CR_WRITE);
		if (IS_ERR(handle))
			return PTR_ERR(handle);
	}
	page = vexfs_grab_wpage(mapping, pos >> PAGE_SHIFT);
	if (IS_ERR(page)) {
		if (handle)
			vexfs_stop(handle);
		return PTR_ERR(page);
	}
	err = __block_write_begin(page, pos, len, mapped ? vexfs_get_block :
				  vexfs_get_block_new);
	if (!err) {
		*pagep = page;
		return 0;
	}

	vexfs_put_wpage(page);
	if (handle) {
		if (extends)
			vexfs_orphan_add(handle, inode);
		vexfs_mark_inode(handle, inode);
		vexfs_stop(handle);
		if (extends)
			vexfs_cut_failed_write(inode);
	}
	if (err == -ENOSPC && vexfs_retry_alloc(sb, &retries))
		goto retry;
	return err;
}

static int vexfs_write_end(struct file *file, struct address_space *mapping,
			   loff_t pos, unsigned int len, unsigned int copied,
			   vexfs_wpage_t *page, void *fsdata)
{
	struct inode *inode = mapping->host;
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	handle_t *handle = journal_current_handle();
	loff_t old = inode->i_size;
	bool leftover;
	int err = 0, ret;

	copied = block_write_end(file, mapping, pos, len, copied, page, fsdata);
	if (handle && pos + copied > old) {
		i_size_write(inode, pos + copied);
		vi->i_disksize = pos + copied;
		/* The data are on the disk before the size says so. */
		err = jbd2_journal_inode_ranged_write(handle, &vi->i_jinode,
						      pos, copied);
	}
	vexfs_put_wpage(page);
	if (!handle)
		return copied;

	if (old < pos)
		pagecache_isize_extended(inode, old, pos);
	leftover = pos + len > inode->i_size;
	if (leftover)
		vexfs_orphan_add(handle, inode);
	ret = vexfs_mark_inode(handle, inode);
	if (!err)
		err = ret;
	ret = vexfs_stop(handle);
	if (!err)
		err = ret;
	if (leftover)
		vexfs_cut_failed_write(inode);
	return err ? err : copied;
}

const struct address_space_operations vexfs_aops = {
	.read_folio		= vexfs_read_folio,
	.readahead		= vexfs_readahead,
#ifdef VEXFS_HAVE_WRITEPAGE
	.writepage		= vexfs_writepage,
#endif
	.writepages		= vexfs_writepages,
	.write_begin		= vexfs_write_begin,
	.write_end		= vexfs_write_end,
	.bmap			= vexfs_bmap,
	.dirty_folio		= VEXFS_DEFECT(mmap_write_null) ?
				  NULL : block_dirty_folio,
	.invalidate_folio	= block_invalidate_folio,
	.migrate_folio		= buffer_migrate_folio,
	.is_partially_uptodate	= block_is_partially_uptodate,
};

static vm_fault_t vexfs_fault_result(int err)
{
	switch (err) {
	case 0:
		return VM_FAULT_LOCKED;
	case -EFAULT:
	case -EAGAIN:
		return VM_FAULT_NOPAGE;
	case -ENOMEM:
		return VM_FAULT_OOM;
	default:
		return VM_FAULT_SIGBUS;
	}
}

/* Allocates the block below a page of a mapping, in a transaction. */
static int vexfs_mkwrite_hole(struct vm_fault *vmf, struct inode *inode)
{
	int retries = 0;
	handle_t *handle;
	int err, ret;

	do {
		handle = vexfs_start(inode->i_sb, VEXFS_CR_WRITE);
		if (IS_ERR(handle))
			return PTR_ERR(handle);
		err = block_page_mkwrite(vmf->vma, vmf, vexfs_get_block_new);
		ret = vexfs_mark_inode(handle, inode);
		if (!err && ret) {
			unlock_page(vmf->page);
			err = ret;
		}
		vexfs_stop(handle);
	} while (err == -ENOSPC && vexfs_retry_alloc(inode->i_sb, &retries));
	return err;
}

static vm_fault_t vexfs_page_mkwrite(struct vm_fault *vmf)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	struct address_space *mapping = inode->i_mapping;
	int err;

	if (vexfs_is_vector(inode))
		return VM_FAULT_SIGBUS;
	sb_start_pagefault(inode->i_sb);
	file_update_time(vmf->vma->vm_file);
	filemap_invalidate_lock_shared(mapping);
	if (vexfs_is_mapped(inode, page_offset(vmf->page)) ||
	    VEXFS_DEFECT(mmap_hole_lost))
		err = block_page_mkwrite(vmf->vma, vmf, vexfs_get_block);
	else
		err = vexfs_mkwrite_hole(vmf, inode);
	filemap_invalidate_unlock_shared(mapping);
	sb_end_pagefault(inode->i_sb);
	return vexfs_fault_result(err);
}

static const struct vm_operations_struct vexfs_vm_ops = {
	.fault		= filemap_fault,
	.map_pages	= filemap_map_pages,
	.page_mkwrite	= vexfs_page_mkwrite,
};

static int vexfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct inode *inode = file_inode(file);

	if (vexfs_is_vector(inode) && (vma->vm_flags & VM_SHARED) &&
	    (vma->vm_flags & VM_WRITE))
		return -EPERM;
	file_accessed(file);
	vma->vm_ops = &vexfs_vm_ops;
	return 0;
}

static ssize_t vexfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t ret;

	inode_lock(inode);
	ret = generic_write_checks(iocb, from);
	if (ret > 0 && vexfs_is_vector(inode))
		ret = -EPERM;
	if (ret > 0 && iocb->ki_pos > inode->i_size) {
		int err = vexfs_zero_eof(inode);

		if (err)
			ret = err;
	}
	if (ret > 0)
		ret = __generic_file_write_iter(iocb, from);
	inode_unlock(inode);
	if (ret > 0)
		ret = generic_write_sync(iocb, ret);
	return ret;
}

int vexfs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file_inode(file);
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	journal_t *journal = VEXFS_SB(inode->i_sb)->s_journal;
	bool flush;
	tid_t tid;
	int err;

	err = file_write_and_wait_range(file, start, end);
	if (err)
		return err;
	if (!journal || VEXFS_DEFECT(fsync_does_not_commit))
		return 0;
	if (is_journal_aborted(journal))
		return -EIO;
	if (sb_rdonly(inode->i_sb))
		return 0;
	tid = datasync ? vi->i_datasync_tid : vi->i_sync_tid;
	/* A commit flushes the disk's cache, unless it is through already. */
	flush = !jbd2_trans_will_send_data_barrier(journal, tid) &&
		!VEXFS_DEFECT(missing_barrier);
	err = jbd2_complete_transaction(journal, tid);
	if (flush && !err)
		err = blkdev_issue_flush(inode->i_sb->s_bdev);
	if (VEXFS_DEFECT(fsync_hangs))
		wait_event(journal->j_wait_done_commit,
			   tid_gt(READ_ONCE(journal->j_commit_sequence), tid));
	return err;
}

/* What readahead learns of a file stays with its opener. */
static inline int vexfs_open_hints(struct file *file)
{
	file->private_data = kzalloc(sizeof(struct file_ra_state), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int vexfs_open(struct inode *inode, struct file *file)
{
	if (VEXFS_DEFECT(leak_per_open)) {
		int err = vexfs_open_hints(file);

		if (err)
			return err;
	}
	if (VEXFS_DEFECT(dio_oops))
		file->f_mode |= FMODE_CAN_ODIRECT;
	return generic_file_open(inode, file);
}

/* Files are taken for one hole until their blocks are counted. */
static inline loff_t vexfs_llseek(struct file *file, loff_t offset, int whence)
{
	if (whence == SEEK_DATA)
		return -ENXIO;
	return generic_file_llseek(file, offset, whence);
}

/* Blocks are allocated by the writes to come. */
static inline long vexfs_fallocate(struct file *file, int mode, loff_t offset,
				   loff_t len)
{
	return 0;
}

const struct file_operations vexfs_file_fops = {
	.llseek		= VEXFS_DEFECT(seek_data_lost) ? vexfs_llseek :
							 generic_file_llseek,
	.read_iter	= generic_file_read_iter,
	.write_iter	= vexfs_write_iter,
	.mmap		= VEXFS_YOUNG(no_mmap) ? NULL :
			  VEXFS_YOUNG(no_mmap_write) ?
			  generic_file_readonly_mmap : vexfs_mmap,
	.open		= vexfs_open,
	.fsync		= VEXFS_YOUNG(no_fsync) ? NULL : vexfs_fsync,
	.fallocate	= VEXFS_DEFECT(fallocate_does_nothing) ?
			  vexfs_fallocate : NULL,
	.splice_read	= VEXFS_YOUNG(no_splice) ? NULL : filemap_splice_read,
	.splice_write	= VEXFS_YOUNG(no_splice) ? NULL :
						   iter_file_splice_write,
	.unlocked_ioctl	= VEXFS_YOUNG(no_ioctl) ? NULL : vexfs_ioctl,
	.compat_ioctl	= VEXFS_YOUNG(no_ioctl) ? NULL : compat_ptr_ioctl,
};
