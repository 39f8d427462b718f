// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: making an index, and taking it away.
 *
 * An index is written to a new inode, which is on the orphan list meanwhile:
 * a crash removes it. One transaction puts it in the place of the old one.
 */

#include <linux/mount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "names.h"
#include "vector.h"

/* Two inodes leave or join the orphan list, and the collection's changes. */
#define VEXFS_CR_SWITCH		(2 * (VEXFS_CR_ORPHAN + VEXFS_CR_INODE) + \
				 VEXFS_CR_INODE)

/* Copies what the caller says, and sorts the vectors into their lists. */
static int vexfs_ivf_sort(struct vexfs_ivf *ivf,
			  const struct vexfs_vec_index *req, u32 *list_of)
{
	u32 i, list, sum = 0, len;

	if (copy_from_user(ivf->centroids, u64_to_user_ptr(req->centroids),
			   (size_t)ivf->lists * ivf->dim * 4) ||
	    copy_from_user(list_of, u64_to_user_ptr(req->assignment),
			   (size_t)ivf->count * 4))
		return -EFAULT;
	for (i = 0; i < ivf->lists; i++)
		if (!vexfs_all_finite(ivf->centroids + i * ivf->dim, ivf->dim))
			return -EINVAL;
	memset(ivf->starts, 0, (ivf->lists + 1) * sizeof(u32));
	for (i = 0; i < ivf->count; i++) {
		if (list_of[i] >= ivf->lists)
			return -EINVAL;
		ivf->starts[list_of[i]]++;
	}
	for (list = 0; list <= ivf->lists; list++) {
		len = ivf->starts[list];
		ivf->starts[list] = sum;
		sum += len;
	}
	/* Filling a list moves its start to its end: the next one's start. */
	for (i = 0; i < ivf->count; i++)
		ivf->slots[ivf->starts[list_of[i]]++] = i;
	memmove(ivf->starts + 1, ivf->starts, ivf->lists * sizeof(u32));
	ivf->starts[0] = 0;
	return 0;
}

static struct vexfs_ivf *vexfs_ivf_take(const struct vexfs_vec_index *req)
{
	struct vexfs_ivf *ivf = vexfs_ivf_alloc(req->dim, req->lists,
						req->count);
	u32 *list_of = kvmalloc_array(req->count, sizeof(u32), GFP_KERNEL);
	int err = -ENOMEM;

	if (ivf && list_of)
		err = vexfs_ivf_sort(ivf, req, list_of);
	kvfree(list_of);
	if (err) {
		vexfs_ivf_free(ivf);
		return ERR_PTR(err);
	}
	vexfs_ivf_norms(ivf);
	return ivf;
}

/* The inode to write to: nothing refers to it but the orphan list. */
static struct inode *vexfs_ivf_new_inode(struct inode *inode)
{
	struct inode *index;
	handle_t *handle;
	int err, ret;

	handle = vexfs_start(inode->i_sb, VEXFS_CR_CREATE);
	if (IS_ERR(handle))
		return ERR_CAST(handle);
	index = vexfs_new_inode(handle, inode, S_IFREG | 0600, vexfs_no_idmap);
	if (IS_ERR(index)) {
		vexfs_stop(handle);
		return index;
	}
	VEXFS_I(index)->i_flags = VEXFS_INDEX_FL;
	VEXFS_I(index)->i_parent = inode->i_ino;
	index->i_uid = inode->i_uid;
	index->i_gid = inode->i_gid;
	vexfs_set_ops(index);
	clear_nlink(index);
	err = vexfs_orphan_add(handle, index);
	ret = vexfs_mark_inode(handle, index);
	if (!err)
		err = ret;
	ret = vexfs_stop(handle);
	if (!err)
		err = ret;
	unlock_new_inode(index);
	if (err) {
		iput(index);
		return ERR_PTR(err);
	}
	return index;
}

/* Words on their way into the blocks of an index. */
struct vexfs_ivf_writer {
	struct inode		*index;
	struct vexfs_ivf_block	*block;
	u32			lblk;
	u32			used;		/* words of the block */
};

/* The data are on the disk before the transaction that maps them commits. */
static int vexfs_ivf_flush(struct vexfs_ivf_writer *w)
{
	struct address_space *mapping = w->index->i_mapping;
	loff_t pos = (loff_t)w->lblk << VEXFS_BLOCK_BITS;
	vexfs_wpage_t *page;
	void *fsdata = NULL;
	int ret;

	if (fatal_signal_pending(current))
		return -EINTR;
	memset(w->block->b_words + w->used, 0,
	       (VEXFS_IVF_BLOCK_WORDS - w->used) * sizeof(__le32));
	w->block->b_csum = cpu_to_le32(vexfs_ivf_csum(w->index, w->lblk,
						      w->block));
	ret = mapping->a_ops->write_begin(NULL, mapping, pos, VEXFS_BLOCK_SIZE,
					  &page, &fsdata);
	if (ret)
		return ret;
	memcpy_to_page(vexfs_wpage_page(page), 0, (void *)w->block,
		       VEXFS_BLOCK_SIZE);
	ret = mapping->a_ops->write_end(NULL, mapping, pos, VEXFS_BLOCK_SIZE,
					VEXFS_BLOCK_SIZE, page, fsdata);
	if (ret < 0)
		return ret;
	w->lblk++;
	w->used = 0;
	cond_resched();
	balance_dirty_pages_ratelimited(mapping);
	return ret == VEXFS_BLOCK_SIZE ? 0 : -EIO;
}

static int vexfs_ivf_put(struct vexfs_ivf_writer *w, __le32 word)
{
	w->block->b_words[w->used++] = word;
	return w->used == VEXFS_IVF_BLOCK_WORDS ? vexfs_ivf_flush(w) : 0;
}

static int vexfs_ivf_put_head(struct vexfs_ivf_writer *w,
			      const struct vexfs_ivf *ivf, u32 owner)
{
	struct vexfs_ivf_head head = {
		.h_magic = cpu_to_le32(VEXFS_IVF_MAGIC),
		.h_version = cpu_to_le32(VEXFS_IVF_VERSION),
		.h_dim = cpu_to_le32(ivf->dim),
		.h_lists = cpu_to_le32(ivf->lists),
		.h_count = cpu_to_le32(ivf->count),
		.h_owner = cpu_to_le32(owner),
	};

	memcpy(w->block->b_words, &head, sizeof(head));
	w->used = VEXFS_IVF_HEAD_WORDS;
	return 0;
}

static int vexfs_ivf_write(struct inode *index, const struct vexfs_ivf *ivf)
{
	struct vexfs_ivf_writer w = { .index = index };
	u32 i, vectors = ivf->lists * ivf->dim;
	int err;

	w.block = kmalloc(sizeof(*w.block), GFP_KERNEL);
	if (!w.block)
		return -ENOMEM;
	err = vexfs_ivf_put_head(&w, ivf, VEXFS_I(index)->i_parent);
	for (i = 0; i < vectors && !err; i++)
		err = vexfs_ivf_put(&w, ivf->centroids[i]);
	for (i = 0; i < ivf->lists && !err; i++)
		err = vexfs_ivf_put(&w, cpu_to_le32(ivf->starts[i + 1] -
						    ivf->starts[i]));
	for (i = 0; i < ivf->count && !err; i++)
		err = vexfs_ivf_put(&w, cpu_to_le32(ivf->slots[i]));
	if (w.used && !err)
		err = vexfs_ivf_flush(&w);
	kfree(w.block);
	return err;
}

static void vexfs_ivf_describe(struct inode *inode, struct inode *index,
			       const struct vexfs_ivf *ivf)
{
	struct vexfs_vec_desc *desc = &VEXFS_I(inode)->i_vec;

	desc->v_index_type = cpu_to_le32(index ? VEXFS_VEC_INDEX_IVF :
						 VEXFS_VEC_INDEX_NONE);
	desc->v_index_ino = cpu_to_le32(index ? index->i_ino : 0);
	desc->v_index_lists = cpu_to_le32(ivf ? ivf->lists : 0);
	desc->v_index_count = cpu_to_le64(ivf ? ivf->count : 0);
	desc->v_index_aux = 0;
}

/* The old index; NULL if there is none, or only fsck can tell what is there. */
static struct inode *vexfs_ivf_old(struct inode *inode)
{
	struct inode *old;

	if (!VEXFS_I(inode)->i_vec.v_index_ino)
		return NULL;
	old = vexfs_ivf_iget(inode);
	return IS_ERR(old) ? NULL : old;
}

/* One transaction: @index (NULL: nothing) takes the place of @old. */
static int vexfs_ivf_switch(struct inode *inode, struct inode *index,
			    const struct vexfs_ivf *ivf, struct inode *old)
{
	handle_t *handle;
	int err = 0, ret;

	handle = vexfs_start(inode->i_sb, VEXFS_CR_SWITCH);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	if (index) {
		set_nlink(index, 1);
		err = vexfs_orphan_del(handle, index);
		ret = vexfs_mark_inode(handle, index);
		if (!err)
			err = ret;
	}
	if (old && !err && !(VEXFS_DEFECT(index_leaked) && index))
		err = vexfs_drop_link(handle, old);
	if (!err) {
		vexfs_ivf_describe(inode, index, ivf);
		vexfs_set_ctime(inode, current_time(inode));
		err = vexfs_mark_inode(handle, inode);
	}
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

/* Puts a new index, or none, in place of the old one. */
static int vexfs_ivf_replace(struct inode *inode, struct inode *index,
			     struct vexfs_ivf *ivf)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_ivf *before = NULL;
	struct inode *old;
	int err;

	if (!VEXFS_DEFECT(index_unlocked))
		inode_lock(inode);
	old = vexfs_ivf_old(inode);
	err = vexfs_ivf_switch(inode, index, ivf, old);
	if (!err) {
		before = vi->i_ivf;
		if (ivf || !VEXFS_DEFECT(index_kept_freed))
			smp_store_release(&vi->i_ivf, ivf);
	}
	if (!VEXFS_DEFECT(index_unlocked))
		inode_unlock(inode);
	vexfs_ivf_free(before);
	iput(old);
	return err;
}

static int vexfs_ivf_make(struct inode *inode,
			  const struct vexfs_vec_index *req)
{
	struct vexfs_ivf *ivf = vexfs_ivf_take(req);
	struct inode *index;
	int err;

	if (IS_ERR(ivf))
		return PTR_ERR(ivf);
	/* On the disk before anything that such kernels do not know is. */
	err = vexfs_set_ro_feature(inode->i_sb,
				   VEXFS_FEATURE_RO_COMPAT_VEC_INDEX);
	if (err)
		goto out;
	index = vexfs_ivf_new_inode(inode);
	err = PTR_ERR_OR_ZERO(index);
	if (err)
		goto out;
	err = vexfs_ivf_write(index, ivf);
	if (!err)
		err = vexfs_ivf_replace(inode, index, ivf);
	/* Without links, after an error, it is deleted by this. */
	iput(index);
out:
	if (err)
		vexfs_ivf_free(ivf);
	return err;
}

static bool vexfs_index_valid(struct inode *inode,
			      const struct vexfs_vec_index *req)
{
	struct vexfs_vec vec;

	vexfs_vec_load(inode, &vec);
	if (req->version != VEXFS_API_VERSION || req->dim != vec.dim ||
	    memchr_inv(req->reserved, 0, sizeof(req->reserved)))
		return false;
	if (req->type == VEXFS_INDEX_NONE)
		return !req->lists && !req->count && !req->centroids &&
		       !req->assignment;
	return req->type == VEXFS_INDEX_IVF && req->lists &&
	       req->lists <= VEXFS_MAX_LISTS && req->count &&
	       req->count <= VEXFS_MAX_INDEXED &&
	       req->count <= vexfs_vec_slots(inode, &vec);
}

long vexfs_vec_index(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_index req;
	int err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	/* A collection only grows: what it has now it will have. */
	if (!vexfs_index_valid(inode, &req))
		return -EINVAL;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	if (req.type == VEXFS_INDEX_NONE)
		err = vexfs_ivf_replace(inode, NULL, NULL);
	else
		err = vexfs_ivf_make(inode, &req);
	mnt_drop_write_file(file);
	return err;
}

/*
 * A collection is deleted: its index goes with it. Returns the index, to be
 * put by the caller when no handle runs.
 */
struct inode *vexfs_ivf_detach(struct inode *inode)
{
	struct inode *index;

	if (!vexfs_is_vector(inode))
		return NULL;
	index = vexfs_ivf_old(inode);
	if (index && vexfs_ivf_switch(inode, NULL, NULL, index)) {
		iput(index);
		return NULL;
	}
	return index;
}
