/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * VexFS ioctl interface, version 1.
 *
 * A collection is a regular file. VEXFS_IOC_VEC_CREATE turns an empty one into
 * a collection for good; the other VEC calls work on the open collection.
 *
 * Every structure starts with the version its caller was built for. Pointers
 * travel as 64-bit integers and all members are naturally aligned, so 32-bit
 * programs use the same layout. Members named reserved, and flags without a
 * defined bit, must be zero: EINVAL otherwise.
 *
 * Errors common to all: EFAULT (bad pointer), EINVAL (version, reserved member
 * or a value out of range), EBADF (the descriptor lacks the access named),
 * ENOTTY (not VexFS), EROFS, EIO, EUCLEAN (stored data fail their checksum).
 * Calls on a file that is no collection give ENODATA.
 */
#ifndef _UAPI_VEXFS_H
#define _UAPI_VEXFS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VEXFS_API_VERSION	1

#define VEXFS_MAX_DIM		4096
#define VEXFS_MAX_META		256
#define VEXFS_MAX_ADD		1048576	/* vectors in one VEC_ADD */
#define VEXFS_MAX_K		16384	/* results of one VEC_SEARCH */
#define VEXFS_MAX_LIST		65536	/* ids of one VEC_LIST */
#define VEXFS_MAX_LISTS		4096	/* lists of an index */
#define VEXFS_MAX_INDEXED	16777216 /* vectors an index covers */

/*
 * Distances; the nearest is the smallest. Components are binary32, sums are
 * kept in binary64.
 */
enum vexfs_metric {
	VEXFS_METRIC_EUCLIDEAN	= 0,	/* sqrt(sum((a - b)^2)) */
	VEXFS_METRIC_COSINE	= 1,	/* 1 - a.b / (|a| |b|); 1 if one is 0 */
	VEXFS_METRIC_DOT	= 2,	/* -(a.b) */
	VEXFS_METRIC_MANHATTAN	= 3,	/* sum(|a - b|) */
	VEXFS_METRIC_COUNT	= 4,
};

/* Any file or directory: which filesystem is this, and how full is it? */
struct vexfs_fs_info {
	__u32	version;
	__u32	block_size;
	__u64	blocks;
	__u64	free_blocks;
	__u64	inodes;
	__u64	free_inodes;
	__u32	state;			/* VEXFS_STATE_* of the format */
	__u32	error_count;
	__u32	mount_count;
	__u32	journal_blocks;
	__u8	uuid[16];
	char	label[32];		/* NUL-padded */
	__u64	reserved[8];
};

/* File open for writing, empty, regular. */
struct vexfs_vec_create {
	__u32	version;
	__u32	dim;			/* 1..VEXFS_MAX_DIM */
	__u32	metric;			/* enum vexfs_metric */
	__u32	meta_size;		/* room per vector, 0..VEXFS_MAX_META */
	__u32	flags;			/* 0 */
	__u32	reserved[3];
};

/* File open for reading. */
struct vexfs_vec_info {
	__u32	version;
	__u32	dim;
	__u32	metric;
	__u32	meta_size;		/* rounded up to a multiple of 8 */
	__u64	live;			/* vectors that can be found */
	__u64	deleted;
	__u64	next_id;		/* id the next vector will get */
	__u64	bytes;			/* size of the file */
	__u32	stride;			/* bytes of one record */
	__u32	index_type;		/* enum vexfs_index_type */
	/* Zero when asking. */
	__u64	index_count;		/* vectors it covers, from id 1 on */
	__u64	index_bytes;		/* size on the disk */
	__u64	index_memory;		/* bytes in memory, 0: not loaded */
	__u32	index_lists;
	__u32	reserved;		/* zero, also afterwards */
};

/*
 * File open for writing. The vectors get consecutive ids from first_id; all are
 * added or none. Components must be finite. meta, if not 0, points to count
 * areas of meta_stride bytes each; meta_lens, if not 0, to count __u32 lengths
 * (0..min(meta_stride, meta_size)), else every length is meta_stride.
 */
struct vexfs_vec_add {
	__u32	version;
	__u32	dim;			/* must be the collection's */
	__u32	count;			/* 1..VEXFS_MAX_ADD */
	__u32	meta_stride;
	__u64	vectors;		/* const float[count][dim] */
	__u64	meta;			/* const __u8[count][meta_stride] */
	__u64	meta_lens;		/* const __u32[count] */
	__u64	first_id;		/* out */
	__u64	reserved[2];
};

/* File open for reading. ENOENT: no such id, or deleted. */
struct vexfs_vec_get {
	__u32	version;
	__u32	dim;			/* room at vector, in components */
	__u64	id;
	__u64	vector;			/* float[dim]; 0: not wanted */
	__u64	meta;			/* __u8[meta_room]; 0: not wanted */
	__u32	meta_room;
	__u32	meta_len;		/* out: full length, even if cut */
	__u64	reserved[2];
};

/* File open for writing. ENOENT: no such id, or already deleted. */
struct vexfs_vec_delete {
	__u32	version;
	__u32	flags;			/* 0 */
	__u64	id;
	__u64	reserved[2];
};

struct vexfs_vec_result {
	__u64	id;
	__u64	distance_bits;		/* binary64; see vexfs_distance() */
};

/*
 * With this flag a search looks into the probes lists whose centroids are the
 * nearest, and at the vectors added since the index was made. Without, it is
 * exact, and probes must be 0.
 */
#define VEXFS_SEARCH_INDEX	0x00000001

/*
 * File open for reading. Results by distance, then by id. ENOENT: a search by
 * index in a collection without. EUCLEAN from one: the index is damaged.
 */
struct vexfs_vec_search {
	__u32	version;
	__u32	dim;			/* must be the collection's */
	__u32	k;			/* 1..VEXFS_MAX_K; room at results */
	__u32	flags;			/* VEXFS_SEARCH_* */
	__u64	query;			/* const float[dim] */
	__u64	results;		/* struct vexfs_vec_result[k] */
	__u32	found;			/* out: results written, <= k */
	__u32	probes;			/* by index: lists, 1..VEXFS_MAX_LISTS */
	__u64	scanned;		/* out: live vectors compared */
	__u64	reserved[2];
};

/* File open for reading. Live ids >= start, ascending. */
struct vexfs_vec_list {
	__u32	version;
	__u32	room;			/* 1..VEXFS_MAX_LIST */
	__u64	start;
	__u64	ids;			/* __u64[room] */
	__u32	found;			/* out */
	__u32	reserved0;
	__u64	next;			/* out: start of the next call, 0: end */
	__u64	reserved[2];
};

enum vexfs_index_type {
	VEXFS_INDEX_NONE	= 0,	/* exact search only */
	VEXFS_INDEX_IVF		= 1,	/* a list of vectors per centroid */
};

/*
 * File open for writing. Makes an index of the vectors with ids 1..count, in
 * place of the one there is, if any: wholly or not at all, also across a
 * crash. The caller says which list each belongs to; any distribution is valid,
 * and how good a search by index is depends on it. Vectors added later are
 * always compared. Type NONE takes the index away; lists, count and pointers
 * must be 0 then. Deleting vectors leaves the index as it is.
 */
struct vexfs_vec_index {
	__u32	version;
	__u32	dim;			/* must be the collection's */
	__u32	type;			/* enum vexfs_index_type */
	__u32	lists;			/* 1..VEXFS_MAX_LISTS */
	__u64	count;			/* 1..VEXFS_MAX_INDEXED */
	__u64	centroids;		/* const float[lists][dim], finite */
	__u64	assignment;		/* const __u32[count], below lists */
	__u64	reserved[3];
};

#define VEXFS_IOC_TYPE		0xF6
#define VEXFS_IOC_FS_INFO	_IOWR(VEXFS_IOC_TYPE, 0, struct vexfs_fs_info)
#define VEXFS_IOC_VEC_CREATE	_IOW(VEXFS_IOC_TYPE, 1, struct vexfs_vec_create)
#define VEXFS_IOC_VEC_INFO	_IOWR(VEXFS_IOC_TYPE, 2, struct vexfs_vec_info)
#define VEXFS_IOC_VEC_ADD	_IOWR(VEXFS_IOC_TYPE, 3, struct vexfs_vec_add)
#define VEXFS_IOC_VEC_GET	_IOWR(VEXFS_IOC_TYPE, 4, struct vexfs_vec_get)
#define VEXFS_IOC_VEC_DELETE	_IOW(VEXFS_IOC_TYPE, 5, struct vexfs_vec_delete)
#define VEXFS_IOC_VEC_SEARCH	_IOWR(VEXFS_IOC_TYPE, 6, struct vexfs_vec_search)
#define VEXFS_IOC_VEC_LIST	_IOWR(VEXFS_IOC_TYPE, 7, struct vexfs_vec_list)
#define VEXFS_IOC_VEC_INDEX	_IOW(VEXFS_IOC_TYPE, 8, struct vexfs_vec_index)

#ifndef __KERNEL__
static inline double vexfs_distance(const struct vexfs_vec_result *r)
{
	union { __u64 bits; double value; } u = { .bits = r->distance_bits };

	return u.value;
}
#endif

#endif /* _UAPI_VEXFS_H */
