/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journal as the kernel's jbd2 keeps it. Big-endian.
 */
#ifndef VEXFS_JBD2_H
#define VEXFS_JBD2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#define JBD2_MAGIC		0xc03b3998u

#define JBD2_DESCRIPTOR_BLOCK	1
#define JBD2_COMMIT_BLOCK	2
#define JBD2_SUPERBLOCK_V2	4
#define JBD2_REVOKE_BLOCK	5

#define JBD2_FEATURE_REVOKE	0x00000001u
#define JBD2_FEATURE_CSUM_V3	0x00000010u
#define JBD2_FEATURES		(JBD2_FEATURE_REVOKE | JBD2_FEATURE_CSUM_V3)
#define JBD2_CSUM_CRC32C	4

#define JBD2_FLAG_ESCAPE	1	/* the data began with JBD2_MAGIC */
#define JBD2_FLAG_SAME_UUID	2
#define JBD2_FLAG_LAST_TAG	8

struct jbd2_header {
	__be32	h_magic;
	__be32	h_blocktype;
	__be32	h_sequence;
};

struct jbd2_super {
	struct jbd2_header s_header;
/* 12*/	__be32	s_blocksize;
	__be32	s_maxlen;		/* blocks, this one included */
	__be32	s_first;		/* first block of the log */
/* 24*/	__be32	s_sequence;		/* first transaction in the log */
	__be32	s_start;		/* its block, 0: the log is empty */
	__be32	s_errno;
/* 36*/	__be32	s_feature_compat;
	__be32	s_feature_incompat;
	__be32	s_feature_ro_compat;
	__u8	s_uuid[16];
/* 64*/	__be32	s_nr_users;
	__be32	s_dynsuper;
	__be32	s_max_transaction;
	__be32	s_max_trans_data;
/* 80*/	__u8	s_checksum_type;
	__u8	s_padding2[3];
	__be32	s_num_fc_blks;
	__be32	s_head;
/* 92*/	__u32	s_padding[40];
/*252*/	__be32	s_checksum;
	__u8	s_users[768];
};

struct jbd2_tag {			/* with CSUM_V3 */
	__be32	t_blocknr;
	__be32	t_flags;
	__be32	t_blocknr_high;
	__be32	t_checksum;
};

struct jbd2_revoke {
	struct jbd2_header r_header;
	__be32	r_count;		/* bytes used, this header included */
};

struct jbd2_commit {
	struct jbd2_header c_header;
	__u8	c_chksum_type;
	__u8	c_chksum_size;
	__u8	c_padding[2];
	__be32	c_chksum[8];
	__be64	c_commit_sec;
	__be32	c_commit_nsec;
};

struct layout;
struct device;

/* buf: a block. The journal is empty afterwards. */
void jbd2_make_super(const struct layout *lo, const uint8_t uuid[16],
		     uint32_t sequence, void *buf);
__be32 jbd2_super_csum(const struct jbd2_super *js);

/* false: not this filesystem's journal, why says where. */
bool jbd2_super_valid(const struct layout *lo, const uint8_t uuid[16],
		      const struct jbd2_super *js, char *why, size_t size);

struct jbd2_stats {
	uint32_t	transactions;
	uint32_t	blocks;		/* written to their places */
	uint32_t	revoked;
	uint32_t	bad_blocks;	/* left out: wrong checksum or place */
	uint32_t	next_sequence;
};

/* Copies what was committed to its place and empties the log. */
int jbd2_replay(struct device *dev, const struct layout *lo,
		struct jbd2_stats *stats);

#endif
