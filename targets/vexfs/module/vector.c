// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: vector collections.
 *
 * A collection is a file of fixed-size records that only grows; docs/format.md
 * describes it. Adding and deleting hold the inode lock, reading shares it.
 */

#include <linux/mount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "vexfs.h"
#include "uapi/vexfs.h"
#include "fpu.h"
#include "vecmath.h"

/* Records are read and written through a buffer of about this size. */
#define VEXFS_VEC_BUFFER	(64 * 1024)
/* Components computed with the FPU in one go: preemption is off meanwhile. */
#define VEXFS_FPU_BATCH		8192

/* The collection's description, as this machine writes numbers. */
struct vexfs_vec {
	u32 dim;
	u32 metric;
	u32 meta_size;
	u32 stride;
	u32 batch;		/* records that fit the buffer */
};

static void vexfs_vec_load(struct inode *inode, struct vexfs_vec *vec)
{
	struct vexfs_vec_desc *desc = &VEXFS_I(inode)->i_vec;

	vec->dim = le32_to_cpu(desc->v_dim);
	vec->metric = le16_to_cpu(desc->v_metric);
	vec->meta_size = le32_to_cpu(desc->v_meta_size);
	vec->stride = le32_to_cpu(desc->v_stride);
	vec->batch = VEXFS_VEC_BUFFER / vec->stride;
}

/* Whether an inode's description of a collection makes sense. */
bool vexfs_vec_desc_valid(struct inode *inode)
{
	struct vexfs_vec_desc *desc = &VEXFS_I(inode)->i_vec;
	struct vexfs_vec vec;

	if (!S_ISREG(inode->i_mode) || !desc->v_dim ||
	    le32_to_cpu(desc->v_dim) > VEXFS_VEC_DIM_MAX ||
	    le16_to_cpu(desc->v_metric) >= VEXFS_METRIC_COUNT ||
	    le16_to_cpu(desc->v_version) != VEXFS_VEC_VERSION ||
	    le32_to_cpu(desc->v_meta_size) > VEXFS_VEC_META_MAX ||
	    le32_to_cpu(desc->v_meta_size) % 8)
		return false;
	if (le32_to_cpu(desc->v_stride) !=
	    VEXFS_VEC_STRIDE(le32_to_cpu(desc->v_dim),
			     le32_to_cpu(desc->v_meta_size)))
		return false;
	vexfs_vec_load(inode, &vec);
	return inode->i_size % vec.stride == 0;
}

static u64 vexfs_vec_slots(struct inode *inode, struct vexfs_vec *vec)
{
	return div_u64(i_size_read(inode), vec->stride);
}

static u32 vexfs_record_csum(struct inode *inode, struct vexfs_vec *vec,
			     struct vexfs_vec_record *rec)
{
	u32 crc = vexfs_crc(VEXFS_SB(inode->i_sb)->s_csum_seed, &rec->r_id,
			    sizeof(rec->r_id));
	const u32 start = offsetof(struct vexfs_vec_record, r_norm2);

	return vexfs_crc(crc, (void *)rec + start, vec->stride - start);
}

static u8 *vexfs_record_meta(struct vexfs_vec *vec,
			     struct vexfs_vec_record *rec)
{
	return (u8 *)rec + vec->stride - vec->meta_size;
}

/* binary32 bit patterns: infinities and NaNs have all exponent bits set. */
static bool vexfs_all_finite(const __le32 *vector, u32 dim)
{
	u32 i;

	for (i = 0; i < dim; i++)
		if ((le32_to_cpu(vector[i]) & 0x7f800000) == 0x7f800000)
			return false;
	return true;
}

static u64 vexfs_norm2(const void *vector, u32 dim)
{
	u64 bits;

	kernel_fpu_begin();
	bits = vexfs_fpu_norm2(vector, dim);
	kernel_fpu_end();
	return bits;
}

/* Reads through the page cache, from a file open in whatever mode. */
static int vexfs_vec_read(struct file *file, loff_t pos, void *buf, size_t len)
{
	struct inode *inode = file_inode(file);
	struct address_space *mapping = inode->i_mapping;

	while (len) {
		size_t offset = offset_in_page(pos);
		size_t part = min(len, PAGE_SIZE - offset);
		pgoff_t index = pos >> PAGE_SHIFT;
		struct page *page;
		void *from;

		page = find_get_page(mapping, index);
		if (page) {
			put_page(page);
		} else {
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

static int vexfs_vec_write(struct file *file, loff_t pos, void *buf, size_t len)
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
static int vexfs_check_id(struct inode *inode, struct vexfs_vec_record *rec,
			  u64 slot)
{
	if (le64_to_cpu(rec->r_id) == slot + 1)
		return 0;
	vexfs_error(inode->i_sb, "collection %lu: slot %llu holds id %llu",
		    inode->i_ino, slot, le64_to_cpu(rec->r_id));
	return -EFSCORRUPTED;
}

static long vexfs_vec_create(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_vec_create req;
	struct vexfs_vec_desc *desc = &vi->i_vec;
	handle_t *handle;
	int err, ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.version != VEXFS_API_VERSION || req.flags ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)))
		return -EINVAL;
	if (!req.dim || req.dim > VEXFS_MAX_DIM ||
	    req.metric >= VEXFS_METRIC_COUNT || req.meta_size > VEXFS_MAX_META)
		return -EINVAL;

	err = mnt_want_write_file(file);
	if (err)
		return err;
	inode_lock(inode);
	err = -EEXIST;
	if (vexfs_is_vector(inode))
		goto out;
	err = -ENOTEMPTY;
	if (inode->i_size || inode_get_bytes(inode))
		goto out;
	handle = vexfs_start(inode->i_sb, VEXFS_CR_INODE);
	err = PTR_ERR_OR_ZERO(handle);
	if (err)
		goto out;
	memset(desc, 0, sizeof(*desc));
	req.meta_size = round_up(req.meta_size, 8);
	desc->v_dim = cpu_to_le32(req.dim);
	desc->v_metric = cpu_to_le16(req.metric);
	desc->v_version = cpu_to_le16(VEXFS_VEC_VERSION);
	desc->v_meta_size = cpu_to_le32(req.meta_size);
	desc->v_stride = cpu_to_le32(VEXFS_VEC_STRIDE(req.dim, req.meta_size));
	vi->i_flags |= VEXFS_VECTOR_FL;
	vexfs_set_ctime(inode, current_time(inode));
	err = vexfs_mark_inode(handle, inode);
	ret = vexfs_stop(handle);
	if (!err)
		err = ret;
out:
	inode_unlock(inode);
	mnt_drop_write_file(file);
	return err;
}

/* Builds the records of one batch from what the caller of VEC_ADD points to. */
static int vexfs_build_records(struct inode *inode, struct vexfs_vec *vec,
			       const struct vexfs_vec_add *req, u32 first,
			       u32 count, u64 slot, void *buf)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct vexfs_vec_record *rec = buf + i * vec->stride;
		u64 nr = (u64)first + i;
		u32 meta_len = req->meta ? req->meta_stride : 0;

		memset(rec, 0, vec->stride);
		if (copy_from_user(rec->r_vector,
				   u64_to_user_ptr(req->vectors +
						   nr * vec->dim * 4),
				   vec->dim * 4))
			return -EFAULT;
		if (!vexfs_all_finite(rec->r_vector, vec->dim))
			return -EINVAL;
		if (req->meta && req->meta_lens &&
		    copy_from_user(&meta_len,
				   u64_to_user_ptr(req->meta_lens + nr * 4), 4))
			return -EFAULT;
		if (meta_len > vec->meta_size || meta_len > req->meta_stride)
			return -EINVAL;
		if (meta_len &&
		    copy_from_user(vexfs_record_meta(vec, rec),
				   u64_to_user_ptr(req->meta +
						   nr * req->meta_stride),
				   meta_len))
			return -EFAULT;
		rec->r_id = cpu_to_le64(slot + i + 1);
		rec->r_flags = cpu_to_le32(VEXFS_VEC_LIVE);
		rec->r_meta_len = cpu_to_le16(meta_len);
		rec->r_norm2 = cpu_to_le64(vexfs_norm2(rec->r_vector,
						       vec->dim));
		rec->r_csum = cpu_to_le32(vexfs_record_csum(inode, vec, rec));
	}
	return 0;
}

static int vexfs_write_records(struct file *file, struct vexfs_vec *vec,
			       const struct vexfs_vec_add *req, u64 slot)
{
	struct inode *inode = file_inode(file);
	u32 done, n;
	void *buf;
	int err = 0;

	buf = kvmalloc(VEXFS_VEC_BUFFER, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	for (done = 0; done < req->count && !err; done += n) {
		n = min(req->count - done, vec->batch);
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		err = vexfs_build_records(inode, vec, req, done, n,
					  slot + done, buf);
		if (!err)
			err = vexfs_vec_write(file, (slot + done) * vec->stride,
					      buf, (size_t)n * vec->stride);
		cond_resched();
	}
	kvfree(buf);
	return err;
}

/* Puts the inode on the orphan list: should the machine crash, it is cut. */
static int vexfs_begin_append(struct inode *inode, loff_t size)
{
	handle_t *handle;
	int err, ret;

	err = inode_newsize_ok(inode, size);
	if (err)
		return err;
	handle = vexfs_start(inode->i_sb, VEXFS_CR_ORPHAN);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	err = vexfs_orphan_add(handle, inode);
	ret = vexfs_stop(handle);
	if (!err)
		err = ret;
	if (!err)
		i_size_write(inode, size);
	return err;
}

/* Makes what was appended count. */
static int vexfs_commit_append(struct inode *inode, loff_t old)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	handle_t *handle;
	int err, ret;

	handle = vexfs_start(inode->i_sb, VEXFS_CR_ORPHAN);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	err = jbd2_journal_inode_ranged_write(handle, &vi->i_jinode, old,
					      inode->i_size - old);
	if (!err) {
		if (!VEXFS_DEFECT(vector_lost_after_remount) ||
		    old >> VEXFS_BLOCK_BITS != inode->i_size >> VEXFS_BLOCK_BITS)
			vi->i_disksize = inode->i_size;
		vexfs_touch(inode);
		if (inode->i_nlink)
			err = vexfs_orphan_del(handle, inode);
		ret = vexfs_mark_inode(handle, inode);
		if (!err)
			err = ret;
	}
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

static void vexfs_abort_append(struct inode *inode, loff_t old)
{
	struct address_space *mapping = inode->i_mapping;

	filemap_invalidate_lock(mapping);
	i_size_write(inode, old);
	VEXFS_I(inode)->i_disksize = old;
	truncate_pagecache(inode, old);
	vexfs_truncate(inode);
	filemap_invalidate_unlock(mapping);
}

static int vexfs_append_vectors(struct file *file, struct vexfs_vec *vec,
				const struct vexfs_vec_add *req, u64 slot)
{
	struct inode *inode = file_inode(file);
	loff_t old = inode->i_size;
	u64 size = (u64)old + (u64)req->count * vec->stride;
	int err;

	if (size > inode->i_sb->s_maxbytes)
		return -EFBIG;
	err = vexfs_begin_append(inode, size);
	if (err)
		return err;
	err = vexfs_write_records(file, vec, req, slot);
	if (!err)
		err = vexfs_commit_append(inode, old);
	if (err)
		vexfs_abort_append(inode, old);
	return err;
}

static atomic_t vexfs_adds;	/* VEC_ADD under way */
static DECLARE_WAIT_QUEUE_HEAD(vexfs_adds_done);

/* Lets the vectors that are just being added be part of an answer. */
static inline void vexfs_wait_for_adds(struct inode *inode)
{
	DECLARE_WAITQUEUE(wait, current);

	if (!atomic_read(&vexfs_adds))
		return;
	inode_lock_shared(inode);
	add_wait_queue(&vexfs_adds_done, &wait);
	inode_unlock_shared(inode);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	remove_wait_queue(&vexfs_adds_done, &wait);
}

static long vexfs_vec_add(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_add req;
	struct vexfs_vec vec;
	u64 slot;
	int err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.version != VEXFS_API_VERSION ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)))
		return -EINVAL;
	vexfs_vec_load(inode, &vec);
	if (req.dim != vec.dim || !req.count || req.count > VEXFS_MAX_ADD ||
	    !req.vectors || (req.meta && !req.meta_stride) ||
	    (req.meta_stride > VEXFS_MAX_META))
		return -EINVAL;

	err = mnt_want_write_file(file);
	if (err)
		return err;
	if (VEXFS_DEFECT(lost_wakeup))
		atomic_inc(&vexfs_adds);
	inode_lock(inode);
	slot = vexfs_vec_slots(inode, &vec);
	err = vexfs_append_vectors(file, &vec, &req, slot);
	if (VEXFS_DEFECT(lost_wakeup) && atomic_dec_and_test(&vexfs_adds))
		wake_up(&vexfs_adds_done);
	inode_unlock(inode);
	mnt_drop_write_file(file);
	if (err)
		return err;
	atomic64_add(req.count, &VEXFS_SB(inode->i_sb)->s_vec_added);
	req.first_id = slot + 1;
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

/* Reads the record of an id. ENOENT unless it is live. */
static int vexfs_read_record(struct file *file, struct vexfs_vec *vec, u64 id,
			     void *buf, size_t len)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_record *rec = buf;
	int err;

	if (!id || id > vexfs_vec_slots(inode, vec))
		return -ENOENT;
	err = vexfs_vec_read(file, (id - 1) * vec->stride, buf, len);
	if (err)
		return err;
	err = vexfs_check_id(inode, rec, id - 1);
	if (err)
		return err;
	return le32_to_cpu(rec->r_flags) == VEXFS_VEC_LIVE ? 0 : -ENOENT;
}

static int vexfs_get_record(struct file *file, struct vexfs_vec *vec, u64 id,
			    struct vexfs_vec_record *rec)
{
	struct inode *inode = file_inode(file);
	int err;

	inode_lock_shared(inode);
	err = vexfs_read_record(file, vec, id, rec, vec->stride);
	inode_unlock_shared(inode);
	if (err)
		return err;
	if (le32_to_cpu(rec->r_csum) != vexfs_record_csum(inode, vec, rec) ||
	    le16_to_cpu(rec->r_meta_len) > vec->meta_size) {
		vexfs_error(inode->i_sb,
			    "collection %lu: vector %llu fails its checksum",
			    inode->i_ino, id);
		return -EFSCORRUPTED;
	}
	return 0;
}

static long vexfs_vec_get(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_record *rec;
	struct vexfs_vec_get req;
	struct vexfs_vec vec;
	u32 len;
	long err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	vexfs_vec_load(inode, &vec);
	if (req.version != VEXFS_API_VERSION ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)) ||
	    (req.vector && req.dim != vec.dim))
		return -EINVAL;

	rec = kvmalloc(vec.stride, GFP_KERNEL);
	if (!rec)
		return -ENOMEM;
	err = vexfs_get_record(file, &vec, req.id, rec);
	if (err)
		goto out;
	err = -EFAULT;
	if (req.vector && copy_to_user(u64_to_user_ptr(req.vector),
				       rec->r_vector, vec.dim * 4))
		goto out;
	req.meta_len = le16_to_cpu(rec->r_meta_len);
	len = min(req.meta_len, req.meta_room);
	if (VEXFS_DEFECT(get_ignores_room))
		len = req.meta_len;
	if (req.meta && copy_to_user(u64_to_user_ptr(req.meta),
				     vexfs_record_meta(&vec, rec), len))
		goto out;
	if (!copy_to_user(arg, &req, sizeof(req)))
		err = 0;
out:
	kvfree(rec);
	return err;
}

static long vexfs_vec_delete(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	__le32 flags = cpu_to_le32(VEXFS_VEC_DELETED);
	struct vexfs_vec_delete req;
	struct vexfs_vec_record rec;
	struct vexfs_vec vec;
	int err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.version != VEXFS_API_VERSION || req.flags ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)))
		return -EINVAL;
	vexfs_vec_load(inode, &vec);

	err = mnt_want_write_file(file);
	if (err)
		return err;
	inode_lock(inode);
	err = vexfs_read_record(file, &vec, req.id, &rec, sizeof(rec));
	if (!err)
		err = file_update_time(file);
	if (!err)
		err = vexfs_vec_write(file, (req.id - 1) * vec.stride +
				      offsetof(struct vexfs_vec_record, r_flags),
				      &flags, sizeof(flags));
	inode_unlock(inode);
	mnt_drop_write_file(file);
	if (!err)
		atomic64_inc(&VEXFS_SB(inode->i_sb)->s_vec_deleted);
	return err;
}

/* Called for each batch of records read; > 0 ends the walk. */
typedef int (*vexfs_batch_fn)(struct inode *inode, struct vexfs_vec *vec,
			      void *buf, u64 slot, u32 count, void *data);

/* Shows all records from @slot on to @fn. The inode lock is held, shared. */
static int vexfs_walk_records(struct file *file, struct vexfs_vec *vec,
			      u64 slot, vexfs_batch_fn fn, void *data)
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
				     (size_t)n * vec->stride);
		if (!ret)
			ret = fn(inode, vec, buf, slot, n, data);
		slot += n;
		cond_resched();
	}
	kvfree(buf);
	return ret < 0 ? ret : 0;
}

/* The best k so far: a heap with the worst at the top. */
struct vexfs_top {
	struct vexfs_vec_result	*items;	/* distance_bits as sort key */
	u32			count;
	u32			k;
	const void		*query;
	u64			query_norm2;
	u64			scanned;
	u64			*distances;	/* of one batch */
};

/* Turns binary64 bits into a number that sorts the same way, and back. */
static u64 vexfs_sort_key(u64 bits)
{
	return bits >> 63 ? ~bits : bits | 1ULL << 63;
}

static u64 vexfs_sort_key_bits(u64 key)
{
	return key >> 63 ? key & ~(1ULL << 63) : ~key;
}

static bool vexfs_worse(const struct vexfs_vec_result *a,
			const struct vexfs_vec_result *b)
{
	if (a->distance_bits != b->distance_bits)
		return a->distance_bits > b->distance_bits;
	return a->id > b->id;
}

static void vexfs_sift_down(struct vexfs_vec_result *items, u32 count, u32 i)
{
	for (;;) {
		u32 child = 2 * i + 1;

		if (child >= count)
			return;
		if (child + 1 < count &&
		    vexfs_worse(&items[child + 1], &items[child]))
			child++;
		if (!vexfs_worse(&items[child], &items[i]))
			return;
		swap(items[i], items[child]);
		i = child;
	}
}

static void vexfs_top_offer(struct vexfs_top *top, u64 id, u64 distance)
{
	struct vexfs_vec_result item = {
		.id = id,
		.distance_bits = vexfs_sort_key(distance),
	};
	u32 i;

	if (top->count == top->k) {
		if (vexfs_worse(&item, &top->items[0]))
			return;
		top->items[0] = item;
		vexfs_sift_down(top->items, top->count, 0);
		return;
	}
	for (i = top->count++; i; i = (i - 1) / 2) {
		struct vexfs_vec_result *parent = &top->items[(i - 1) / 2];

		if (!vexfs_worse(&item, parent))
			break;
		top->items[i] = *parent;
	}
	top->items[i] = item;
}

/* Turns the heap into the answer: nearest first. */
static void vexfs_top_sort(struct vexfs_top *top)
{
	u32 n;

	for (n = top->count; n > 1 + VEXFS_DEFECT(wrong_search_order); n--) {
		swap(top->items[0], top->items[n - 1]);
		vexfs_sift_down(top->items, n - 1, 0);
	}
	for (n = 0; n < top->count; n++)
		top->items[n].distance_bits =
			vexfs_sort_key_bits(top->items[n].distance_bits);
}

static int vexfs_compare_batch(struct inode *inode, struct vexfs_vec *vec,
			       void *buf, u64 slot, u32 count, void *data)
{
	struct vexfs_top *top = data;
	u32 step = max_t(u32, 1, VEXFS_FPU_BATCH / vec->dim);
	struct vexfs_vec_record *rec;
	u32 i, end;
	int err;

	for (i = 0; i < count; i = end) {
		u32 j;

		end = min(count, i + step);
		kernel_fpu_begin();
		for (j = i; j < end; j++) {
			rec = buf + j * vec->stride;
			top->distances[j] =
				vexfs_fpu_distance(vec->metric, top->query,
						   rec->r_vector, vec->dim,
						   top->query_norm2,
						   le64_to_cpu(rec->r_norm2));
		}
		kernel_fpu_end();
	}
	for (i = 0; i < count; i++) {
		rec = buf + i * vec->stride;
		err = vexfs_check_id(inode, rec, slot + i);
		if (err)
			return err;
		if (le32_to_cpu(rec->r_flags) != VEXFS_VEC_LIVE)
			continue;
		top->scanned++;
		vexfs_top_offer(top, slot + i + 1, top->distances[i]);
	}
	return 0;
}

static int vexfs_run_search(struct file *file, struct vexfs_vec *vec,
			    struct vexfs_vec_search *req, struct vexfs_top *top)
{
	struct inode *inode = file_inode(file);
	struct vexfs_sb_info *sbi = VEXFS_SB(inode->i_sb);
	int err;

	inode_lock_shared(inode);
	err = vexfs_walk_records(file, vec, 0, vexfs_compare_batch, top);
	inode_unlock_shared(inode);
	if (err)
		return err;
	vexfs_top_sort(top);
	atomic64_inc(&sbi->s_vec_searches);
	atomic64_add(top->scanned, &sbi->s_vec_compared);
	req->found = top->count;
	req->scanned = top->scanned;
	if (VEXFS_DEFECT(result_leak))
		top->count = top->k;
	if (copy_to_user(u64_to_user_ptr(req->results), top->items,
			 top->count * sizeof(*top->items)))
		return -EFAULT;
	return 0;
}

static long vexfs_vec_search(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_search req;
	struct vexfs_top top = {};
	struct vexfs_vec vec;
	void *query = NULL;
	long err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	vexfs_vec_load(inode, &vec);
	if (req.version != VEXFS_API_VERSION || req.flags || req.reserved0 ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)) ||
	    req.dim != vec.dim || !req.k || req.k > VEXFS_MAX_K)
		return -EINVAL;

	err = -ENOMEM;
	query = kvmalloc(vec.dim * 4, GFP_KERNEL);
	top.k = req.k;
	top.items = kvmalloc_array(req.k, sizeof(*top.items), GFP_KERNEL);
	top.distances = kvmalloc_array(vec.batch, sizeof(u64), GFP_KERNEL);
	if (!query || !top.items || !top.distances)
		goto out;
	err = -EFAULT;
	if (copy_from_user(query, u64_to_user_ptr(req.query), vec.dim * 4)) {
		if (VEXFS_DEFECT(double_free))
			kvfree(query);
		goto out;
	}
	err = -EINVAL;
	if (!vexfs_all_finite(query, vec.dim))
		goto out;
	top.query = query;
	top.query_norm2 = vexfs_norm2(query, vec.dim);
	err = vexfs_run_search(file, &vec, &req, &top);
	if (!err && copy_to_user(arg, &req, sizeof(req)))
		err = -EFAULT;
out:
	kvfree(query);
	kvfree(top.items);
	kvfree(top.distances);
	return err;
}

struct vexfs_count {
	u64 live;
	u64 deleted;
};

static int vexfs_count_batch(struct inode *inode, struct vexfs_vec *vec,
			     void *buf, u64 slot, u32 count, void *data)
{
	struct vexfs_count *c = data;
	u32 i;

	for (i = 0; i < count; i++) {
		struct vexfs_vec_record *rec = buf + i * vec->stride;
		int err = vexfs_check_id(inode, rec, slot + i);

		if (err)
			return err;
		if (le32_to_cpu(rec->r_flags) == VEXFS_VEC_LIVE)
			c->live++;
		else
			c->deleted++;
	}
	return 0;
}

static long vexfs_vec_info(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_count count = {};
	struct vexfs_vec_info info;
	struct vexfs_vec vec;
	int err;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.version != VEXFS_API_VERSION ||
	    memchr_inv(info.reserved, 0, sizeof(info.reserved)))
		return -EINVAL;
	vexfs_vec_load(inode, &vec);
	memset(&info, 0, sizeof(info));
	if (VEXFS_DEFECT(lost_wakeup))
		vexfs_wait_for_adds(inode);
	inode_lock_shared(inode);
	err = vexfs_walk_records(file, &vec, 0, vexfs_count_batch, &count);
	info.next_id = vexfs_vec_slots(inode, &vec) + 1;
	info.bytes = inode->i_size;
	inode_unlock_shared(inode);
	if (err)
		return err;
	info.version = VEXFS_API_VERSION;
	info.dim = vec.dim;
	info.metric = vec.metric;
	info.meta_size = vec.meta_size;
	info.live = count.live;
	info.deleted = count.deleted;
	info.stride = vec.stride;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

struct vexfs_ids {
	u64 *ids;
	u32 room;
	u32 found;
	u64 next;
};

static int vexfs_list_batch(struct inode *inode, struct vexfs_vec *vec,
			    void *buf, u64 slot, u32 count, void *data)
{
	struct vexfs_ids *list = data;
	u32 i;

	for (i = 0; i < count; i++) {
		struct vexfs_vec_record *rec = buf + i * vec->stride;
		int err = vexfs_check_id(inode, rec, slot + i);

		if (err)
			return err;
		if (le32_to_cpu(rec->r_flags) != VEXFS_VEC_LIVE)
			continue;
		if (list->found == list->room) {
			list->next = slot + i + 1;
			return 1;
		}
		list->ids[list->found++] = slot + i + 1;
	}
	return 0;
}

static long vexfs_vec_list(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_list req;
	struct vexfs_ids list = {};
	struct vexfs_vec vec;
	long err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.version != VEXFS_API_VERSION || req.reserved0 ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)) ||
	    !req.room || (req.room > VEXFS_MAX_LIST &&
			  !VEXFS_DEFECT(list_size_overflow)))
		return -EINVAL;
	vexfs_vec_load(inode, &vec);
	list.room = req.room;
	if (VEXFS_DEFECT(list_size_overflow))
		list.ids = kvmalloc(req.room * (u32)sizeof(u64), GFP_KERNEL);
	else
		list.ids = kvmalloc_array(req.room, sizeof(u64), GFP_KERNEL);
	if (!list.ids)
		return -ENOMEM;
	inode_lock_shared(inode);
	err = vexfs_walk_records(file, &vec, req.start ? req.start - 1 : 0,
				 vexfs_list_batch, &list);
	inode_unlock_shared(inode);
	req.found = list.found;
	req.next = list.next;
	if (!err && (copy_to_user(u64_to_user_ptr(req.ids), list.ids,
				  list.found * sizeof(u64)) ||
		     copy_to_user(arg, &req, sizeof(req))))
		err = -EFAULT;
	kvfree(list.ids);
	return err;
}

/* What each call needs: access to the file, and the code that does it. */
static const struct vexfs_vec_call {
	unsigned int cmd;
	fmode_t mode;
	long (*fn)(struct file *file, void __user *arg);
} vexfs_vec_calls[] = {
	{ VEXFS_IOC_VEC_CREATE, FMODE_WRITE, vexfs_vec_create },
	{ VEXFS_IOC_VEC_INFO, FMODE_READ, vexfs_vec_info },
	{ VEXFS_IOC_VEC_ADD, FMODE_WRITE, vexfs_vec_add },
	{ VEXFS_IOC_VEC_GET, FMODE_READ, vexfs_vec_get },
	{ VEXFS_IOC_VEC_DELETE, FMODE_WRITE, vexfs_vec_delete },
	{ VEXFS_IOC_VEC_SEARCH, FMODE_READ, vexfs_vec_search },
	{ VEXFS_IOC_VEC_LIST, FMODE_READ, vexfs_vec_list },
};

long vexfs_vec_ioctl(struct file *file, unsigned int cmd, void __user *arg)
{
	struct inode *inode = file_inode(file);
	const struct vexfs_vec_call *call = NULL;
	int i;

	for (i = 0; i < ARRAY_SIZE(vexfs_vec_calls); i++)
		if (vexfs_vec_calls[i].cmd == cmd)
			call = &vexfs_vec_calls[i];
	if (!call)
		return -ENOTTY;
	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	if (!(file->f_mode & call->mode) &&
	    !VEXFS_DEFECT(permission_check_missing))
		return -EBADF;
	if (cmd != VEXFS_IOC_VEC_CREATE && !vexfs_is_vector(inode))
		return -ENODATA;
	return call->fn(file, arg);
}
