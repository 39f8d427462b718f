// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the records of a collection, read, written and proved right.
 */

#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "vector.h"
#include "fpu.h"
#include "vecmath.h"

u32 vexfs_record_csum(struct inode *inode, struct vexfs_vec *vec,
		      struct vexfs_vec_record *rec)
{
	u32 crc = vexfs_crc(VEXFS_SB(inode->i_sb)->s_csum_seed, &rec->r_id,
			    sizeof(rec->r_id));
	const u32 start = offsetof(struct vexfs_vec_record, r_norm2);

	return vexfs_crc(crc, (void *)rec + start, vec->stride - start);
}

/* binary32 bit patterns: infinities and NaNs have all exponent bits set. */
bool vexfs_all_finite(const __le32 *vector, u32 dim)
{
	u32 i;

	for (i = 0; i < dim; i++)
		if ((le32_to_cpu(vector[i]) & 0x7f800000) == 0x7f800000)
			return false;
	return true;
}

u64 vexfs_norm2(const void *vector, u32 dim)
{
	u64 bits;

	kernel_fpu_begin();
	bits = vexfs_fpu_norm2(vector, dim);
	kernel_fpu_end();
	return bits;
}

/*
 * Reads through the page cache, from a file open in whatever mode. @ahead: what
 * follows is likely to be read next.
 */
static int vexfs_vec_read(struct file *file, loff_t pos, void *buf, size_t len,
			  bool ahead)
{
	struct inode *inode = file_inode(file);
	struct address_space *mapping = inode->i_mapping;

	while (len) {
		size_t offset = offset_in_page(pos);
		size_t part = min(len, PAGE_SIZE - offset);
		pgoff_t index = pos >> PAGE_SHIFT;
		struct page *page;
		void *from;

		page = ahead ? find_get_page(mapping, index) : NULL;
		if (page) {
			put_page(page);
		} else if (ahead) {
			pgoff_t last = (i_size_read(inode) - 1) >> PAGE_SHIFT;

			page_cache_sync_readahead(mapping, &file->f_ra, file,
						  index, last - index + 1);
		}
		page = read_mapping_page(mapping, index, file);
		if (IS_ERR(page))
			return PTR_ERR(page);
		from = kmap_local_page(page);
		memcpy(buf, from + offset, part);
		kunmap_local(from);
		put_page(page);
		pos += part;
		buf += part;
		len -= part;
	}
	return 0;
}

int vexfs_vec_write(struct file *file, loff_t pos, void *buf, size_t len)
{
	struct kvec vec = { .iov_base = buf, .iov_len = len };
	struct iov_iter iter;
	struct kiocb iocb;
	ssize_t ret;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = pos;
	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, len);
	while (iov_iter_count(&iter)) {
		ret = generic_perform_write(&iocb, &iter);
		if (ret < 0)
			return ret;
		if (!ret)
			return -EIO;
		/* Up to 6.5 the position is left for the caller to move. */
		iocb.ki_pos = pos + len - iov_iter_count(&iter);
	}
	return 0;
}

/* A record's id must name its slot, or the record is not what was written. */
int vexfs_check_id(struct inode *inode, struct vexfs_vec_record *rec, u64 slot)
{
	if (le64_to_cpu(rec->r_id) == slot + 1)
		return 0;
	vexfs_error(inode->i_sb, "collection %lu: slot %llu holds id %llu",
		    inode->i_ino, slot, le64_to_cpu(rec->r_id));
	return -EFSCORRUPTED;
}

/*
 * What is stored must be what was added. Flags change later, so the checksum
 * leaves them out.
 */
int vexfs_check_record(struct inode *inode, struct vexfs_vec *vec,
		       struct vexfs_vec_record *rec)
{
	if (le32_to_cpu(rec->r_csum) == vexfs_record_csum(inode, vec, rec) &&
	    le16_to_cpu(rec->r_meta_len) <= vec->meta_size)
		return 0;
	vexfs_error(inode->i_sb,
		    "collection %lu: vector %llu fails its checksum",
		    inode->i_ino, le64_to_cpu(rec->r_id));
	return -EFSCORRUPTED;
}

/* Reads the record of an id. ENOENT unless it is live. */
int vexfs_read_record(struct file *file, struct vexfs_vec *vec, u64 id,
		      void *buf, size_t len)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_record *rec = buf;
	int err;

	if (!id || id > vexfs_vec_slots(inode, vec))
		return -ENOENT;
	err = vexfs_vec_read(file, (id - 1) * vec->stride, buf, len, true);
	if (err)
		return err;
	err = vexfs_check_id(inode, rec, id - 1);
	if (err)
		return err;
	return le32_to_cpu(rec->r_flags) == VEXFS_VEC_LIVE ? 0 : -ENOENT;
}

/* Reads one of many records that lie scattered; the caller checks it. */
int vexfs_gather_record(struct file *file, struct vexfs_vec *vec, u64 slot,
			void *buf)
{
	return vexfs_vec_read(file, slot * vec->stride, buf, vec->stride,
			      false);
}

/* Shows all records from @slot on to @fn. The inode lock is held, shared. */
int vexfs_walk_records(struct file *file, struct vexfs_vec *vec, u64 slot,
		       vexfs_batch_fn fn, void *data)
{
	struct inode *inode = file_inode(file);
	u64 slots = vexfs_vec_slots(inode, vec);
	void *buf;
	int ret = 0;

	buf = kvmalloc(VEXFS_VEC_BUFFER, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (VEXFS_DEFECT(recall_lost_above_64k))
		slots = min_t(u64, slots, U16_MAX);
	while (slot < slots && !ret) {
		u32 n = min_t(u64, slots - slot, vec->batch);

		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		ret = vexfs_vec_read(file, slot * vec->stride, buf,
				     (size_t)n * vec->stride, true);
		if (!ret)
			ret = fn(inode, vec, buf, slot, n, data);
		slot += n;
		cond_resched();
	}
	kvfree(buf);
	return ret < 0 ? ret : 0;
}
