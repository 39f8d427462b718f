// SPDX-License-Identifier: GPL-2.0
/*
 * The fields of every structure on disk. The tests see to it that no byte is
 * left out.
 */

#include <string.h>

#include "dump.h"
#include "jbd2.h"

#define F(type, member, encoding) \
	{ #member, offsetof(struct type, member), \
	  sizeof(((struct type *)0)->member), encoding }

static const struct field super_fields[] = {
	F(vexfs_super_block, s_magic, LE),
	F(vexfs_super_block, s_rev_level, LE),
	F(vexfs_super_block, s_block_size, LE),
	F(vexfs_super_block, s_inode_size, LE),
	F(vexfs_super_block, s_blocks_count, LE),
	F(vexfs_super_block, s_inodes_count, LE),
	F(vexfs_super_block, s_blocks_per_group, LE),
	F(vexfs_super_block, s_inodes_per_group, LE),
	F(vexfs_super_block, s_groups_count, LE),
	F(vexfs_super_block, s_gdt_start, LE),
	F(vexfs_super_block, s_gdt_blocks, LE),
	F(vexfs_super_block, s_itable_blocks, LE),
	F(vexfs_super_block, s_first_ino, LE),
	F(vexfs_super_block, s_root_ino, LE),
	F(vexfs_super_block, s_hash_seed, LE),
	F(vexfs_super_block, s_journal_start, LE),
	F(vexfs_super_block, s_journal_blocks, LE),
	F(vexfs_super_block, s_uuid, BYTES),
	F(vexfs_super_block, s_label, TEXT),
	F(vexfs_super_block, s_feature_compat, LE),
	F(vexfs_super_block, s_feature_incompat, LE),
	F(vexfs_super_block, s_feature_ro_compat, LE),
	F(vexfs_super_block, s_state, LE),
	F(vexfs_super_block, s_mkfs_time, LE),
	F(vexfs_super_block, s_mount_time, LE),
	F(vexfs_super_block, s_write_time, LE),
	F(vexfs_super_block, s_mount_count, LE),
	F(vexfs_super_block, s_error_count, LE),
	F(vexfs_super_block, s_first_error_time, LE),
	F(vexfs_super_block, s_last_error_time, LE),
	F(vexfs_super_block, s_reserved, BYTES),
	F(vexfs_super_block, s_csum, LE),
	{ }
};

static const struct field desc_fields[] = {
	F(vexfs_group_desc, bg_block_bitmap, LE),
	F(vexfs_group_desc, bg_inode_bitmap, LE),
	F(vexfs_group_desc, bg_inode_table, LE),
	F(vexfs_group_desc, bg_free_blocks, LE),
	F(vexfs_group_desc, bg_free_inodes, LE),
	F(vexfs_group_desc, bg_used_dirs, LE),
	F(vexfs_group_desc, bg_flags, LE),
	F(vexfs_group_desc, bg_reserved, BYTES),
	F(vexfs_group_desc, bg_csum, LE),
	{ }
};

static const struct field bitmap_fields[] = {
	F(vexfs_bitmap, b_bits, BYTES),
	F(vexfs_bitmap, b_csum, LE),
	{ }
};

#define PTR(n) { "i_block[" #n "]", offsetof(struct vexfs_inode, i_block) + \
		 4 * n, 4, LE }
#define VEC(member, encoding) \
	{ "i_vec." #member, offsetof(struct vexfs_inode, i_vec.member), \
	  sizeof(((struct vexfs_inode *)0)->i_vec.member), encoding }

static const struct field inode_fields[] = {
	F(vexfs_inode, i_mode, LE),
	F(vexfs_inode, i_reserved0, LE),
	F(vexfs_inode, i_links, LE),
	F(vexfs_inode, i_uid, LE),
	F(vexfs_inode, i_gid, LE),
	F(vexfs_inode, i_size, LE),
	F(vexfs_inode, i_blocks, LE),
	F(vexfs_inode, i_atime, LE),
	F(vexfs_inode, i_mtime, LE),
	F(vexfs_inode, i_ctime, LE),
	F(vexfs_inode, i_btime, LE),
	F(vexfs_inode, i_atime_nsec, LE),
	F(vexfs_inode, i_mtime_nsec, LE),
	F(vexfs_inode, i_ctime_nsec, LE),
	F(vexfs_inode, i_btime_nsec, LE),
	F(vexfs_inode, i_dtime, LE),
	F(vexfs_inode, i_flags, LE),
	F(vexfs_inode, i_generation, LE),
	F(vexfs_inode, i_parent, LE),
	F(vexfs_inode, i_orphan_next, LE),
	F(vexfs_inode, i_xattr_block, LE),
	F(vexfs_inode, i_rdev, LE),
	PTR(0), PTR(1), PTR(2), PTR(3), PTR(4), PTR(5), PTR(6), PTR(7),
	PTR(8), PTR(9), PTR(10), PTR(11), PTR(12), PTR(13), PTR(14),
	F(vexfs_inode, i_reserved1, LE),
	VEC(v_dim, LE),
	VEC(v_metric, LE),
	VEC(v_version, LE),
	VEC(v_meta_size, LE),
	VEC(v_stride, LE),
	VEC(v_flags, LE),
	VEC(v_index_type, LE),
	VEC(v_index_ino, LE),
	VEC(v_index_lists, LE),
	VEC(v_index_count, LE),
	VEC(v_index_aux, LE),
	VEC(v_reserved, BYTES),
	F(vexfs_inode, i_reserved2, BYTES),
	F(vexfs_inode, i_csum, LE),
	{ }
};

#define JH(member) \
	{ #member, offsetof(struct jbd2_super, s_header.member), 4, BE }

static const struct field journal_fields[] = {
	JH(h_magic),
	JH(h_blocktype),
	JH(h_sequence),
	F(jbd2_super, s_blocksize, BE),
	F(jbd2_super, s_maxlen, BE),
	F(jbd2_super, s_first, BE),
	F(jbd2_super, s_sequence, BE),
	F(jbd2_super, s_start, BE),
	F(jbd2_super, s_errno, BE),
	F(jbd2_super, s_feature_compat, BE),
	F(jbd2_super, s_feature_incompat, BE),
	F(jbd2_super, s_feature_ro_compat, BE),
	F(jbd2_super, s_uuid, BYTES),
	F(jbd2_super, s_nr_users, BE),
	F(jbd2_super, s_dynsuper, BE),
	F(jbd2_super, s_max_transaction, BE),
	F(jbd2_super, s_max_trans_data, BE),
	F(jbd2_super, s_checksum_type, BE),
	F(jbd2_super, s_padding2, BYTES),
	F(jbd2_super, s_num_fc_blks, BE),
	F(jbd2_super, s_head, BE),
	F(jbd2_super, s_padding, BYTES),
	F(jbd2_super, s_checksum, BE),
	F(jbd2_super, s_users, BYTES),
	{ }
};

static const struct field pointer_fields[] = {
	{ "pointer", 0, 4, LE },
	{ }
};

/* Fields of variable length get their size from the structure. */
#define REST 0

static const struct field entry_fields[] = {
	F(vexfs_dir_entry, d_ino, LE),
	F(vexfs_dir_entry, d_hash, LE),
	F(vexfs_dir_entry, d_rec_len, LE),
	F(vexfs_dir_entry, d_name_len, LE),
	F(vexfs_dir_entry, d_type, LE),
	{ "d_name", VEXFS_DIRENT_HEAD, REST, TEXT },
	{ }
};

static const struct field symlink_fields[] = {
	{ "target", 0, REST, TEXT },
	{ }
};

static const struct field xattr_fields[] = {
	F(vexfs_xattr_header, x_magic, LE),
	F(vexfs_xattr_header, x_csum, LE),
	F(vexfs_xattr_header, x_used, LE),
	F(vexfs_xattr_header, x_count, LE),
	F(vexfs_xattr_header, x_reserved, BYTES),
	{ }
};

static const struct field xattr_entry_fields[] = {
	F(vexfs_xattr_entry, e_value_len, LE),
	F(vexfs_xattr_entry, e_name_index, LE),
	F(vexfs_xattr_entry, e_name_len, LE),
	{ "e_name", VEXFS_XATTR_HEAD, REST, TEXT },
	{ "e_value", VEXFS_XATTR_HEAD, REST, BYTES },
	{ }
};

static const struct field record_fields[] = {
	F(vexfs_vec_record, r_id, LE),
	F(vexfs_vec_record, r_flags, LE),
	F(vexfs_vec_record, r_csum, LE),
	F(vexfs_vec_record, r_norm2, LE),
	F(vexfs_vec_record, r_meta_len, LE),
	F(vexfs_vec_record, r_reserved0, LE),
	F(vexfs_vec_record, r_reserved1, LE),
	{ "r_vector", VEXFS_VEC_HEAD, REST, BYTES },
	{ "metadata", VEXFS_VEC_HEAD, REST, BYTES },
	{ }
};

static const struct field index_fields[] = {
	F(vexfs_ivf_head, h_magic, LE),
	F(vexfs_ivf_head, h_version, LE),
	F(vexfs_ivf_head, h_dim, LE),
	F(vexfs_ivf_head, h_lists, LE),
	F(vexfs_ivf_head, h_count, LE),
	F(vexfs_ivf_head, h_owner, LE),
	F(vexfs_ivf_head, h_reserved, BYTES),
	{ }
};

static const struct field word_fields[] = {
	{ "word", 0, 4, LE },
	{ }
};

static const struct field block_csum_fields[] = {
	{ "b_csum", 0, 4, LE },
	{ }
};

const struct field *const structure_fields[S_COUNT] = {
	[S_SUPER] = super_fields,
	[S_DESC] = desc_fields,
	[S_BITMAP] = bitmap_fields,
	[S_INODE] = inode_fields,
	[S_JOURNAL] = journal_fields,
	[S_POINTER] = pointer_fields,
	[S_ENTRY] = entry_fields,
	[S_SYMLINK] = symlink_fields,
	[S_XATTR] = xattr_fields,
	[S_XATTR_ENTRY] = xattr_entry_fields,
	[S_RECORD] = record_fields,
	[S_INDEX] = index_fields,
	[S_INDEX_WORD] = word_fields,
	[S_INDEX_CSUM] = block_csum_fields,
};

uint64_t field_number(const struct field *f, const uint8_t *data)
{
	uint64_t value = 0;
	unsigned int i, byte;

	for (i = 0; i < f->size; i++) {
		byte = f->encoding == BE ? i : f->size - 1 - i;
		value = value << 8 | data[f->offset + byte];
	}
	return value;
}
