/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * VexFS on-disk format, shared by the kernel module and the tools.
 * docs/format.md describes it in words, byte by byte.
 *
 * Every integer is little-endian. Checksums are CRC-32C (Castagnoli, reflected)
 * without a final inversion: crc(~0, "123456789") is 0x1cf96d7c.
 */
#ifndef VEXFS_FORMAT_H
#define VEXFS_FORMAT_H

#include <linux/types.h>

#define VEXFS_MAGIC		0x56455846u	/* "VEXF" read as a number */
#define VEXFS_REV_LEVEL		1
#define VEXFS_BLOCK_SIZE	4096
#define VEXFS_BLOCK_BITS	12

#define VEXFS_SUPER_BLOCK	0	/* block number of the superblock */
#define VEXFS_SUPER_BYTES	512	/* bytes its checksum speaks for */
#define VEXFS_GDT_START		1	/* first block of the descriptor table */

#define VEXFS_BITMAP_BYTES	4092	/* bits come first, then a checksum */
#define VEXFS_BLOCKS_PER_GROUP	(VEXFS_BITMAP_BYTES * 8)
#define VEXFS_INODE_SIZE	256
#define VEXFS_INODES_PER_BLOCK	(VEXFS_BLOCK_SIZE / VEXFS_INODE_SIZE)
#define VEXFS_MAX_INODES_PER_GROUP VEXFS_BLOCKS_PER_GROUP
#define VEXFS_DESC_SIZE		64
#define VEXFS_DESC_PER_BLOCK	(VEXFS_BLOCK_SIZE / VEXFS_DESC_SIZE)

#define VEXFS_MIN_JOURNAL_BLOCKS 1024
#define VEXFS_MAX_JOURNAL_BLOCKS 16384
#define VEXFS_MIN_DATA_BLOCKS	64	/* room the last group must have */

/* Inode numbers with a meaning of their own; 1..10 are never free. */
#define VEXFS_ORPHAN_INO	1	/* its i_orphan_next heads the list */
#define VEXFS_ROOT_INO		2
#define VEXFS_FIRST_INO		11

#define VEXFS_NAME_MAX		255
#define VEXFS_LABEL_MAX		32
#define VEXFS_LINK_MAX		65000

/* s_state */
#define VEXFS_STATE_CLEAN	0x0001	/* unmounted, journal empty */
#define VEXFS_STATE_ERROR	0x0002	/* an inconsistency was met */

/* A collection has, or once had, an approximate index. */
#define VEXFS_FEATURE_RO_COMPAT_VEC_INDEX 0x00000001u

/* An image with a feature bit outside these sets is refused or read-only. */
#define VEXFS_FEATURE_COMPAT_SUPP	0u
#define VEXFS_FEATURE_INCOMPAT_SUPP	0u
#define VEXFS_FEATURE_RO_COMPAT_SUPP	VEXFS_FEATURE_RO_COMPAT_VEC_INDEX

struct vexfs_super_block {
/*  0*/	__le32	s_magic;
	__le32	s_rev_level;
	__le32	s_block_size;		/* VEXFS_BLOCK_SIZE */
	__le32	s_inode_size;		/* VEXFS_INODE_SIZE */
/* 16*/	__le64	s_blocks_count;		/* below 2^32 */
	__le32	s_inodes_count;		/* groups * inodes per group */
	__le32	s_blocks_per_group;	/* VEXFS_BLOCKS_PER_GROUP */
/* 32*/	__le32	s_inodes_per_group;	/* multiple of 16 */
	__le32	s_groups_count;
	__le32	s_gdt_start;		/* VEXFS_GDT_START */
	__le32	s_gdt_blocks;
/* 48*/	__le32	s_itable_blocks;	/* inode table blocks of a group */
	__le32	s_first_ino;		/* VEXFS_FIRST_INO */
	__le32	s_root_ino;		/* VEXFS_ROOT_INO */
	__le32	s_hash_seed;		/* start value of name hashes */
/* 64*/	__le32	s_journal_start;	/* follows group 0's inode table */
	__le32	s_journal_blocks;
	__u8	s_uuid[16];
/* 88*/	char	s_label[VEXFS_LABEL_MAX]; /* NUL-padded */
/*120*/	__le32	s_feature_compat;
	__le32	s_feature_incompat;
	__le32	s_feature_ro_compat;
	__le32	s_state;
/*136*/	__le64	s_mkfs_time;		/* seconds since 1970 */
	__le64	s_mount_time;
	__le64	s_write_time;
	__le32	s_mount_count;
	__le32	s_error_count;
/*168*/	__le64	s_first_error_time;
	__le64	s_last_error_time;
/*184*/	__u8	s_reserved[324];	/* zero */
/*508*/	__le32	s_csum;			/* crc(~0, bytes 0..507) */
};

/*
 * csum seed of everything below: crc(~0, s_uuid).
 * A descriptor's: crc(crc(seed, le32 group), bytes 0..59).
 */
struct vexfs_group_desc {
/*  0*/	__le32	bg_block_bitmap;
	__le32	bg_inode_bitmap;
	__le32	bg_inode_table;
	__le32	bg_free_blocks;
/* 16*/	__le32	bg_free_inodes;
	__le32	bg_used_dirs;
	__le32	bg_flags;		/* zero */
	__le32	bg_reserved[8];		/* zero */
/* 60*/	__le32	bg_csum;
};

/* A bitmap block's checksum: crc(crc(seed, le32 block number), bits). */
struct vexfs_bitmap {
	__u8	b_bits[VEXFS_BITMAP_BYTES];
	__le32	b_csum;
};

#define VEXFS_NDIR_BLOCKS	12
#define VEXFS_IND_BLOCK		12
#define VEXFS_DIND_BLOCK	13
#define VEXFS_TIND_BLOCK	14
#define VEXFS_N_BLOCKS		15
#define VEXFS_PTRS_PER_BLOCK	1024
#define VEXFS_PTRS_BITS		10

/* i_flags */
#define VEXFS_VECTOR_FL		0x00000001	/* a vector collection */
#define VEXFS_INDEX_FL		0x00000002	/* the index of a collection */
#define VEXFS_FLAGS_KNOWN	(VEXFS_VECTOR_FL | VEXFS_INDEX_FL)

/* Symlinks up to this length stand in i_block, longer ones in a block. */
#define VEXFS_FAST_SYMLINK_MAX	(VEXFS_N_BLOCKS * 4)
#define VEXFS_SYMLINK_MAX	(VEXFS_BLOCK_SIZE - 1)

#define VEXFS_VEC_VERSION	1
#define VEXFS_VEC_DIM_MAX	4096
#define VEXFS_VEC_META_MAX	256

/* What a collection is; all zero in every other inode. */
struct vexfs_vec_desc {
/*  0*/	__le32	v_dim;			/* 1..VEXFS_VEC_DIM_MAX */
	__le16	v_metric;		/* enum in uapi/vexfs.h */
	__le16	v_version;		/* VEXFS_VEC_VERSION */
	__le32	v_meta_size;		/* 0..256, multiple of 8 */
	__le32	v_stride;		/* bytes of one record */
/* 16*/	__le32	v_flags;		/* zero */
	__le32	v_index_type;		/* VEXFS_VEC_INDEX_* */
	__le32	v_index_ino;		/* the index: an inode without a name */
	__le32	v_index_lists;		/* 1..VEXFS_IVF_LISTS_MAX */
/* 32*/	__le64	v_index_count;		/* slots it covers, from 0 on */
	__le64	v_index_aux;		/* zero */
	__u8	v_reserved[16];
};

/* An inode's checksum: crc(crc(crc(seed, le32 ino), le32 generation), 0..251) */
struct vexfs_inode {
/*  0*/	__le16	i_mode;
	__le16	i_reserved0;
	__le32	i_links;
	__le32	i_uid;
	__le32	i_gid;
/* 16*/	__le64	i_size;
	__le64	i_blocks;		/* 512-byte units, all blocks owned */
/* 32*/	__le64	i_atime;		/* signed seconds */
	__le64	i_mtime;
	__le64	i_ctime;
	__le64	i_btime;
/* 64*/	__le32	i_atime_nsec;
	__le32	i_mtime_nsec;
	__le32	i_ctime_nsec;
	__le32	i_btime_nsec;
/* 80*/	__le64	i_dtime;		/* seconds of deletion, else 0 */
	__le32	i_flags;
	__le32	i_generation;
/* 96*/	__le32	i_parent;		/* where ".." leads; whose index it is */
	__le32	i_orphan_next;		/* next orphan, 0 at the end */
	__le32	i_xattr_block;		/* 0: none */
	__le32	i_rdev;			/* major << 20 | minor */
/*112*/	__le32	i_block[VEXFS_N_BLOCKS]; /* 0: hole */
	__le32	i_reserved1;
/*176*/	struct vexfs_vec_desc i_vec;
/*240*/	__u8	i_reserved2[12];
/*252*/	__le32	i_csum;
};

#define VEXFS_DIRENT_HEAD	12
#define VEXFS_DIRENT_LEN(n)	(((n) + VEXFS_DIRENT_HEAD + 3) & ~3u)
#define VEXFS_DIRENT_MIN	VEXFS_DIRENT_LEN(1)

/* The entries of a block follow one another and fill it exactly. */
struct vexfs_dir_entry {
	__le32	d_ino;			/* 0: unused space */
	__le32	d_hash;			/* crc(s_hash_seed, name) */
	__le16	d_rec_len;		/* multiple of 4 */
	__u8	d_name_len;
	__u8	d_type;			/* (i_mode >> 12) & 15 */
	char	d_name[];		/* not terminated */
};

#define VEXFS_XATTR_MAGIC	0x56455841u	/* "VEXA" */
#define VEXFS_XATTR_USER	1
#define VEXFS_XATTR_TRUSTED	2
#define VEXFS_XATTR_SECURITY	3

/* Checksum: crc(crc(seed, le32 ino), the block with x_csum zero). */
struct vexfs_xattr_header {
	__le32	x_magic;
	__le32	x_csum;
	__le32	x_used;			/* bytes in use, this header included */
	__le32	x_count;
	__u8	x_reserved[16];		/* zero; so is the block after x_used */
};

#define VEXFS_XATTR_HEAD	4
#define VEXFS_XATTR_LEN(name, value) \
	(((name) + (value) + VEXFS_XATTR_HEAD + 3) & ~3u)

struct vexfs_xattr_entry {
	__le16	e_value_len;
	__u8	e_name_index;		/* VEXFS_XATTR_* */
	__u8	e_name_len;		/* 1..255, without the prefix */
	char	e_name[];		/* name, then value, padded with 0 */
};

/* r_flags */
#define VEXFS_VEC_LIVE		0x00000001
#define VEXFS_VEC_DELETED	0x00000002

#define VEXFS_VEC_HEAD		32
#define VEXFS_VEC_STRIDE(dim, meta) \
	(VEXFS_VEC_HEAD + (((dim) * 4 + 7) & ~7u) + (meta))

/*
 * Record of slot s, at byte s * v_stride of the collection file:
 * this header, float32[dim] padded to 8 bytes, v_meta_size bytes of metadata.
 * r_csum: crc(crc(seed, le64 r_id), bytes 16..v_stride-1).
 */
struct vexfs_vec_record {
/*  0*/	__le64	r_id;			/* slot + 1 */
	__le32	r_flags;
	__le32	r_csum;
/* 16*/	__le64	r_norm2;		/* sum of squares, binary64 */
	__le16	r_meta_len;		/* 0..v_meta_size */
	__le16	r_reserved0;
	__le32	r_reserved1;
/* 32*/	__le32	r_vector[];		/* binary32 */
};

/* v_index_type */
#define VEXFS_VEC_INDEX_NONE	0
#define VEXFS_VEC_INDEX_IVF	1	/* inverted lists, one per centroid */

#define VEXFS_IVF_MAGIC		0x56455849u	/* "VEXI" */
#define VEXFS_IVF_VERSION	1
#define VEXFS_IVF_LISTS_MAX	4096
#define VEXFS_IVF_COUNT_MAX	(1u << 24)
#define VEXFS_IVF_BLOCK_WORDS	1023
#define VEXFS_IVF_HEAD_WORDS	16

/*
 * The file of an index is a sequence of 32-bit words: the header, the
 * centroids (binary32[lists][dim]), the length of each list, the slots of each
 * list in ascending order, zeros. Each block ends with the checksum
 * crc(crc(crc(crc(seed, le32 ino), le32 generation), le32 file block), words).
 */
struct vexfs_ivf_block {
	__le32	b_words[VEXFS_IVF_BLOCK_WORDS];
	__le32	b_csum;
};

struct vexfs_ivf_head {
/*  0*/	__le32	h_magic;
	__le32	h_version;
	__le32	h_dim;			/* as the collection's */
	__le32	h_lists;
/* 16*/	__le32	h_count;
	__le32	h_owner;		/* inode of the collection */
	__le32	h_reserved[10];		/* zero */
};

#define VEXFS_IVF_WORDS(dim, lists, count) \
	(VEXFS_IVF_HEAD_WORDS + (__u64)(lists) * (dim) + (lists) + (count))
#define VEXFS_IVF_BLOCKS(dim, lists, count) \
	((__u32)((VEXFS_IVF_WORDS(dim, lists, count) + \
		  VEXFS_IVF_BLOCK_WORDS - 1) / VEXFS_IVF_BLOCK_WORDS))

#endif /* VEXFS_FORMAT_H */
