/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_VECTOR_H
#define VEXFS_VECTOR_H
/*
 * VexFS: what the parts of the vector interface share.
 *
 * A collection is a file of fixed-size records that only grows; docs/format.md
 * describes it. Adding and deleting hold the inode lock, reading shares it.
 */

#include "vexfs.h"
#include "uapi/vexfs.h"

/* Records are read and written through a buffer of about this size. */
#define VEXFS_VEC_BUFFER	(64 * 1024)

/* The collection's description, as this machine writes numbers. */
struct vexfs_vec {
	u32 dim;
	u32 metric;
	u32 meta_size;
	u32 stride;
	u32 batch;		/* records that fit the buffer */
};

/* Called for each batch of records read; > 0 ends the walk. */
typedef int (*vexfs_batch_fn)(struct inode *inode, struct vexfs_vec *vec,
			      void *buf, u64 slot, u32 count, void *data);

static inline u64 vexfs_vec_slots(struct inode *inode, struct vexfs_vec *vec)
{
	return div_u64(i_size_read(inode), vec->stride);
}

static inline u8 *vexfs_record_meta(struct vexfs_vec *vec,
				    struct vexfs_vec_record *rec)
{
	return (u8 *)rec + vec->stride - vec->meta_size;
}

/* vector.c */
void vexfs_vec_load(struct inode *inode, struct vexfs_vec *vec);

/* vecrecord.c */
u32 vexfs_record_csum(struct inode *inode, struct vexfs_vec *vec,
		      struct vexfs_vec_record *rec);
bool vexfs_all_finite(const __le32 *vector, u32 dim);
u64 vexfs_norm2(const void *vector, u32 dim);
int vexfs_vec_write(struct file *file, loff_t pos, void *buf, size_t len);
int vexfs_check_id(struct inode *inode, struct vexfs_vec_record *rec, u64 slot);
int vexfs_check_record(struct inode *inode, struct vexfs_vec *vec,
		       struct vexfs_vec_record *rec);
int vexfs_read_record(struct file *file, struct vexfs_vec *vec, u64 id,
		      void *buf, size_t len);
int vexfs_walk_records(struct file *file, struct vexfs_vec *vec, u64 slot,
		       vexfs_batch_fn fn, void *data);

/* vecadd.c */
long vexfs_vec_add(struct file *file, void __user *arg);
long vexfs_vec_delete(struct file *file, void __user *arg);
extern atomic_t vexfs_adds;
extern wait_queue_head_t vexfs_adds_done;

/* vecread.c */
long vexfs_vec_get(struct file *file, void __user *arg);
long vexfs_vec_info(struct file *file, void __user *arg);
long vexfs_vec_list(struct file *file, void __user *arg);

/* vecsearch.c */
long vexfs_vec_search(struct file *file, void __user *arg);

#endif
