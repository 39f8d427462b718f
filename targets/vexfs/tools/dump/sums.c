// SPDX-License-Identifier: GPL-2.0
/*
 * What a program needs to know of a field to damage it well: what its number
 * means, and which checksum covers it, so that it can be made right again.
 */

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crc32c.h"
#include "dump.h"
#include "jbd2.h"
#include "walk.h"

static uint32_t start_from(const struct layout *lo, uint32_t id)
{
	__le32 word = htole32(id);

	return crc32c(lo->seed, &word, sizeof(word));
}

/* false: no checksum covers the structure. */
bool place_sum(const struct image *im, const struct place *p, struct sum *sum)
{
	uint64_t block = p->offset / VEXFS_BLOCK_SIZE * VEXFS_BLOCK_SIZE;
	uint64_t at = p->offset;
	struct vexfs_inode inode;

	*sum = (struct sum){ .init = start_from(&im->lo, p->id), .encoding = LE };
	switch (p->structure) {
	case S_SUPER:
		sum->init = ~0u;
		sum->offset = at + offsetof(struct vexfs_super_block, s_csum);
		sum->ranges[0] = (struct range){ at, sum->offset - at };
		return true;
	case S_DESC:
		sum->offset = at + offsetof(struct vexfs_group_desc, bg_csum);
		sum->ranges[0] = (struct range){ at, sum->offset - at };
		return true;
	case S_BITMAP:
		sum->offset = at + offsetof(struct vexfs_bitmap, b_csum);
		sum->ranges[0] = (struct range){ at, sum->offset - at };
		return true;
	case S_INODE:
		sum->offset = at + offsetof(struct vexfs_inode, i_csum);
		sum->ranges[0] = (struct range){
			at + offsetof(struct vexfs_inode, i_generation), 4 };
		sum->ranges[1] = (struct range){ at, sum->offset - at };
		return true;
	case S_JOURNAL:
		sum->init = ~0u;
		sum->encoding = BE;
		sum->offset = at + offsetof(struct jbd2_super, s_checksum);
		sum->ranges[0] = (struct range){ at,
						 sizeof(struct jbd2_super) };
		return true;
	case S_XATTR:
	case S_XATTR_ENTRY:
		sum->offset = block + offsetof(struct vexfs_xattr_header,
					       x_csum);
		sum->ranges[0] = (struct range){ block, VEXFS_BLOCK_SIZE };
		return true;
	case S_RECORD:
		sum->init = im->lo.seed;
		sum->offset = at + offsetof(struct vexfs_vec_record, r_csum);
		sum->ranges[0] = (struct range){ at, 8 };
		sum->ranges[1] = (struct range){ at + 16, p->stride - 16 };
		return true;
	case S_INDEX:
	case S_INDEX_WORD:
	case S_INDEX_CSUM:
		if (walk_read_inode((struct device *)&im->dev, &im->lo, p->id,
				    &inode))
			return false;
		sum->init = crc32c_le32(sum->init, le32toh(inode.i_generation));
		sum->init = crc32c_le32(sum->init, p->slot);
		sum->offset = block + offsetof(struct vexfs_ivf_block, b_csum);
		sum->ranges[0] = (struct range){ block, sum->offset - block };
		return true;
	default:
		return false;
	}
}

/* Whether the structure stands where no file's block may ever be. */
bool place_fixed(const struct place *p)
{
	switch (p->structure) {
	case S_SUPER:
	case S_DESC:
	case S_BITMAP:
	case S_INODE:
	case S_JOURNAL:
		return true;
	default:
		return false;
	}
}

static bool has_blocks(const struct vexfs_inode *inode)
{
	uint16_t mode = le16toh(inode->i_mode);

	return S_ISREG(mode) || S_ISDIR(mode) ||
	       (S_ISLNK(mode) &&
		le64toh(inode->i_size) > sizeof(inode->i_block));
}

static const struct {
	const char	*name;		/* as far as the first "[" */
	const char	*means;
} meanings[] = {
	{ "s_gdt_start", "block" }, { "s_journal_start", "block" },
	{ "bg_block_bitmap", "block" }, { "bg_inode_bitmap", "block" },
	{ "bg_inode_table", "block" }, { "i_xattr_block", "block" },
	{ "i_block", "block" }, { "pointer", "block" },
	{ "s_root_ino", "inode" }, { "s_first_ino", "inode" },
	{ "i_parent", "inode" }, { "i_orphan_next", "inode" },
	{ "d_ino", "inode" },
	{ "d_rec_len", "length" }, { "d_name_len", "length" },
	{ "x_used", "length" }, { "e_value_len", "length" },
	{ "e_name_len", "length" }, { "r_meta_len", "length" },
	{ "i_size", "length" },
	{ "s_hash_seed", "free" }, { "s_uuid", "free" }, { "s_label", "free" },
	{ "s_feature_compat", "free" }, { "s_mkfs_time", "free" },
	{ "s_mount_time", "free" }, { "s_write_time", "free" },
	{ "s_mount_count", "free" }, { "s_error_count", "free" },
	{ "s_first_error_time", "free" }, { "s_last_error_time", "free" },
	{ "s_reserved", "free" }, { "bg_flags", "free" },
	{ "bg_reserved", "free" }, { "i_reserved0", "free" },
	{ "i_reserved1", "free" }, { "i_reserved2", "free" },
	{ "i_uid", "free" }, { "i_gid", "free" }, { "i_atime", "free" },
	{ "i_mtime", "free" }, { "i_ctime", "free" }, { "i_btime", "free" },
	{ "i_atime_nsec", "free" }, { "i_mtime_nsec", "free" },
	{ "i_ctime_nsec", "free" }, { "i_btime_nsec", "free" },
	{ "i_dtime", "free" }, { "i_rdev", "free" }, { "i_generation", "free" },
	{ "s_padding", "free" }, { "s_padding2", "free" },
	{ "s_users", "free" }, { "x_reserved", "free" },
	{ "r_reserved0", "free" }, { "r_reserved1", "free" },
	{ "i_vec.v_index_ino", "inode" }, { "h_owner", "inode" },
	{ "i_vec.v_index_aux", "free" }, { "i_vec.v_reserved", "free" },
	{ "h_reserved", "free" },
	{ "r_vector", "free" }, { "metadata", "free" }, { "target", "free" },
	{ "e_value", "free" },
};

/*
 * block, inode, length; known where any other value is to be refused, features
 * where unknown bits are, free where any value is valid; else an empty word.
 */
const char *field_means(const struct place *p, const struct field *f)
{
	size_t len = strcspn(f->name, "[");
	unsigned int i;

	/* Nobody reads the copies, and the journal has features of its own. */
	if (p->structure == S_SUPER && !p->offset) {
		if (!strcmp(f->name, "s_feature_incompat") ||
		    !strcmp(f->name, "s_feature_ro_compat"))
			return "features";
		if (!strcmp(f->name, "s_magic") ||
		    !strcmp(f->name, "s_rev_level") ||
		    !strcmp(f->name, "s_block_size") ||
		    !strcmp(f->name, "s_inode_size"))
			return "known";
	}
	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strlen(meanings[i].name) == len &&
		    !memcmp(meanings[i].name, f->name, len))
			break;
	if (i == sizeof(meanings) / sizeof(meanings[0]))
		return "";
	/* The text of a short symlink, or nothing at all, stands there. */
	if (p->structure == S_INODE && !strncmp(f->name, "i_block[", 8) &&
	    !has_blocks((const struct vexfs_inode *)p->data))
		return "free";
	return meanings[i].means;
}

/* What sort of inode: a program that has time for few takes one of each. */
static const char *sort_of(uint32_t ino, const struct vexfs_inode *inode)
{
	if (ino == VEXFS_ORPHAN_INO)
		return "anchor";
	if (!inode->i_links)
		return "orphan";
	if (le32toh(inode->i_flags) & VEXFS_VECTOR_FL)
		return "collection";
	if (le32toh(inode->i_flags) & VEXFS_INDEX_FL)
		return "index";
	switch (le16toh(inode->i_mode) & S_IFMT) {
	case S_IFREG:
		return inode->i_xattr_block ? "file with attributes" : "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return has_blocks(inode) ? "long symlink" : "symlink";
	default:
		return "special";
	}
}

static void print_sum(struct json *js, const struct sum *sum)
{
	unsigned int i;

	json_begin_object(js, "sum");
	json_string(js, "kind", "crc32c");
	json_unsigned(js, "offset", sum->offset);
	json_string(js, "encoding", sum->encoding == BE ? "be" : "le");
	json_unsigned(js, "init", sum->init);
	json_begin_array(js, "ranges");
	for (i = 0; i < 2 && sum->ranges[i].length; i++) {
		json_begin_array(js, NULL);
		json_unsigned(js, NULL, sum->ranges[i].offset);
		json_unsigned(js, NULL, sum->ranges[i].length);
		json_end_array(js);
	}
	json_end_array(js);
	json_end_object(js);
}

/* Beyond the last entry of a block lies another block, or nothing. */
static const char *sort_of_entry(const struct place *p)
{
	const struct vexfs_dir_entry *de = (const void *)p->data;
	uint64_t end = p->offset + le16toh(de->d_rec_len);

	if (!de->d_ino)
		return "unused";
	return end % VEXFS_BLOCK_SIZE ? "followed" : "last";
}

void print_lore(struct json *js, const struct image *im, const struct place *p,
		const struct field *f)
{
	const char *means = field_means(p, f);
	struct sum sum;
	char of[64];

	if (p->structure == S_INODE) {
		snprintf(of, sizeof(of), "%s%s",
			 sort_of(p->id, (const void *)p->data),
			 f->offset >= offsetof(struct vexfs_inode,
					       i_block[VEXFS_NDIR_BLOCKS]) &&
			 f->offset < offsetof(struct vexfs_inode,
					      i_reserved1) ?
			 ", pointer block" : "");
		json_string(js, "of", of);
	}
	if (p->structure == S_ENTRY)
		json_string(js, "of", sort_of_entry(p));
	if (*means)
		json_string(js, "means", means);
	if (!strcmp(means, "block")) {
		json_unsigned(js, "limit", im->lo.blocks);
		json_unsigned(js, "unit", VEXFS_BLOCK_SIZE);
	} else if (!strcmp(means, "inode")) {
		json_unsigned(js, "limit", (uint64_t)im->lo.inodes + 1);
	}
	if (place_fixed(p))
		json_bool(js, "fixed", true);
	if (place_sum(im, p, &sum))
		print_sum(js, &sum);
}
