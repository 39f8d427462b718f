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

/* An approximate index in memory, proved right. Never changed, only replaced. */
struct vexfs_ivf {
	u32			dim;
	u32			lists;
	u32			count;		/* slots it covers */
	__le32			*centroids;	/* binary32[lists][dim] */
	u64			*norms2;	/* of the centroids */
	u32			*starts;	/* of the lists in slots, + end */
	u32			*slots;
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

/* vecdesc.c */
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
int vexfs_gather_record(struct file *file, struct vexfs_vec *vec, u64 slot,
			void *buf);
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

/* vecnearest.c */
int vexfs_top_start(struct vexfs_top *top, u32 k, u32 batch);
void vexfs_top_end(struct vexfs_top *top);
void vexfs_top_offer(struct vexfs_top *top, u64 id, u64 distance);
void vexfs_top_sort(struct vexfs_top *top);
int vexfs_compare(struct inode *inode, struct vexfs_vec *vec, void *buf,
		  u64 slot, const u32 *slots, u32 count, struct vexfs_top *top);
int vexfs_compare_batch(struct inode *inode, struct vexfs_vec *vec, void *buf,
			u64 slot, u32 count, void *data);

/* vecsearch.c */
long vexfs_vec_search(struct file *file, void __user *arg);

/* ivf.c */
struct inode *vexfs_ivf_iget(struct inode *inode);
struct vexfs_ivf *vexfs_ivf_alloc(u32 dim, u32 lists, u32 count);
u64 vexfs_ivf_memory(const struct vexfs_ivf *ivf);
struct vexfs_ivf *vexfs_ivf_get(struct inode *inode);
u32 vexfs_ivf_csum(struct inode *index, u32 lblk,
		   const struct vexfs_ivf_block *block);
void vexfs_ivf_norms(struct vexfs_ivf *ivf);

/* ivfbuild.c */
long vexfs_vec_index(struct file *file, void __user *arg);

/* ivfsearch.c */
int vexfs_ivf_search(struct file *file, struct vexfs_vec *vec, u32 probes,
		     struct vexfs_top *top);

#endif
