// SPDX-License-Identifier: GPL-2.0
/*
 * Vector collections: the descriptor in the inode, and every record.
 */

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"
#include "vector.h"

/* Bytes of a file, holes read as zeros. */
static void transfer(struct check *c, const struct vexfs_inode *raw,
		     uint64_t pos, uint8_t *buf, size_t len, bool write)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	uint32_t at, offset, n;

	for (; len && !stopped(c); len -= n, pos += n, buf += n) {
		offset = pos % VEXFS_BLOCK_SIZE;
		n = VEXFS_BLOCK_SIZE - offset;
		if (n > len)
			n = len;
		at = get_map(c, raw, pos / VEXFS_BLOCK_SIZE);
		if (!at) {
			if (!write)
				memset(buf, 0, n);
			continue;
		}
		get_block(c, at, block);
		if (write) {
			memcpy(block + offset, buf, n);
			put_block(c, at, block);
		} else {
			memcpy(buf, block + offset, n);
		}
	}
}

void read_file(struct check *c, const struct vexfs_inode *raw, uint64_t pos,
	       uint8_t *buf, size_t len)
{
	transfer(c, raw, pos, buf, len, false);
}

static bool first_record_fits(struct check *c, const struct vexfs_inode *raw,
			      const struct vexfs_vec_desc *desc)
{
	uint8_t record[VEC_MAX_STRIDE];
	uint32_t stride = le32toh(desc->v_stride);

	if (vec_desc_check(desc) || le64toh(raw->i_size) % stride)
		return false;
	if (!raw->i_size)
		return true;
	transfer(c, raw, 0, record, stride, false);
	return !vec_record_check(&c->fs.lo, desc, 0, record);
}

/* Only what any record can tell: size and place of its parts. */
static void neutral_desc(const struct vexfs_vec_desc *old, uint32_t dim,
			 uint32_t meta, struct vexfs_vec_desc *desc)
{
	uint16_t metric = le16toh(old->v_metric);

	memset(desc, 0, sizeof(*desc));
	desc->v_dim = htole32(dim);
	desc->v_meta_size = htole32(meta);
	desc->v_metric = htole16(strcmp(metric_name(metric), "unknown") ?
				 metric : 0);
	desc->v_version = htole16(VEXFS_VEC_VERSION);
	if (dim && dim <= VEXFS_VEC_DIM_MAX && meta <= VEXFS_VEC_META_MAX)
		desc->v_stride = htole32(vec_stride(dim, meta));
}

/*
 * One of dimension, metadata size and record size may be damaged: the other
 * two give it. The dimension only up to an odd one, which the norm decides.
 */
static bool guess_desc(struct check *c, const struct vexfs_inode *raw,
		       struct vexfs_vec_desc *desc)
{
	const struct vexfs_vec_desc *old = &raw->i_vec;
	uint32_t dim = le32toh(old->v_dim), meta = le32toh(old->v_meta_size);
	uint32_t stride = le32toh(old->v_stride);

	neutral_desc(old, dim, meta, desc);
	if (first_record_fits(c, raw, desc))
		return true;
	if (meta <= VEXFS_VEC_META_MAX && stride > VEXFS_VEC_HEAD + meta) {
		dim = (stride - VEXFS_VEC_HEAD - meta) / 4;
		neutral_desc(old, dim, meta, desc);
		if (first_record_fits(c, raw, desc))
			return true;
	}
	dim = le32toh(old->v_dim);
	if (dim && dim <= VEXFS_VEC_DIM_MAX && stride >= vec_stride(dim, 0)) {
		meta = stride - vec_stride(dim, 0);
		neutral_desc(old, dim, meta, desc);
		return first_record_fits(c, raw, desc);
	}
	return false;
}

static bool lost_flag(struct check *c, uint32_t ino, struct vexfs_inode *raw)
{
	if (!problem(c, P_VEC_FLAG, "Inode %u describes a collection, but is "
		     "not marked as one", ino))
		return false;
	if (S_ISREG(le16toh(raw->i_mode)) &&
	    first_record_fits(c, raw, &raw->i_vec))
		raw->i_flags |= htole32(VEXFS_VECTOR_FL);
	else
		memset(&raw->i_vec, 0, sizeof(raw->i_vec));
	return true;
}

static bool not_regular(struct check *c, uint32_t ino, struct vexfs_inode *raw)
{
	if (!problem(c, P_VEC_FLAG, "Inode %u is marked as a collection, but "
		     "is no regular file", ino))
		return false;
	raw->i_flags &= ~htole32(VEXFS_VECTOR_FL);
	memset(&raw->i_vec, 0, sizeof(raw->i_vec));
	return true;
}

static bool wrong_desc(struct check *c, uint32_t ino, struct vexfs_inode *raw,
		       const char *why)
{
	struct vexfs_vec_desc desc;

	if (!problem(c, P_VEC_DESC, "Collection %u: %s", ino, why))
		return false;
	if (guess_desc(c, raw, &desc)) {
		raw->i_vec = desc;
	} else {
		note(c, "Inode %u becomes an ordinary file.", ino);
		raw->i_flags &= ~htole32(VEXFS_VECTOR_FL);
		memset(&raw->i_vec, 0, sizeof(raw->i_vec));
	}
	return true;
}

/* Drops the part of a record at the end, or takes in what a lost size hid. */
static bool wrong_size(struct check *c, uint32_t ino, struct vexfs_inode *raw)
{
	uint64_t size = le64toh(raw->i_size);
	uint32_t stride = le32toh(raw->i_vec.v_stride);

	if (!problem(c, P_INODE_SIZE, "Collection %u: its size %llu is not a "
		     "multiple of %u", ino, (unsigned long long)size, stride))
		return false;
	raw->i_size = htole64(size - size % stride);
	return true;
}

bool check_vec_desc(struct check *c, uint32_t ino, struct vexfs_inode *raw)
{
	bool marked = le32toh(raw->i_flags) & VEXFS_VECTOR_FL;
	const char *why;
	bool dirty;

	if (stopped(c))
		return false;
	if (!marked)
		return !all_zero(&raw->i_vec, sizeof(raw->i_vec)) &&
		       lost_flag(c, ino, raw);
	if (!S_ISREG(le16toh(raw->i_mode)))
		return not_regular(c, ino, raw);
	why = vec_desc_check(&raw->i_vec);
	dirty = why && wrong_desc(c, ino, raw, why);
	if (stopped(c) || vec_desc_check(&raw->i_vec))
		return dirty;
	if (le64toh(raw->i_size) % le32toh(raw->i_vec.v_stride))
		dirty |= wrong_size(c, ino, raw);
	return check_index_desc(c, ino, raw) || dirty;
}

static void check_records(struct check *c, uint32_t ino, uint64_t bytes)
{
	uint8_t record[VEC_MAX_STRIDE];
	const struct vexfs_vec_desc *desc;
	struct vexfs_inode raw;
	uint64_t slot, count;
	uint32_t stride;
	const char *why;

	get_inode(c, ino, &raw);
	desc = &raw.i_vec;
	if (stopped(c) || vec_desc_check(desc))
		return;
	stride = le32toh(desc->v_stride);
	if (bytes > le64toh(raw.i_size))
		bytes = le64toh(raw.i_size);
	count = bytes / stride;
	for (slot = 0; slot < count && !stopped(c); slot++) {
		/* A hole has been complained about. */
		if (!get_map(c, &raw, slot * stride / VEXFS_BLOCK_SIZE))
			return;
		transfer(c, &raw, slot * stride, record, stride, false);
		why = vec_record_check(&c->fs.lo, desc, slot, record);
		if (!why || !problem(c, P_VEC_RECORD,
				     "Collection %u, vector %llu: %s", ino,
				     (unsigned long long)slot + 1, why))
			continue;
		vec_record_blank(&c->fs.lo, desc, slot, record);
		transfer(c, &raw, slot * stride, record, stride, true);
	}
}

void check_collections(struct check *c)
{
	struct collection *items = c->collections.items;
	size_t i;

	for (i = 0; i < c->collections.count && !stopped(c); i++) {
		check_records(c, items[i].ino, items[i].bytes);
		check_index(c, items[i].ino);
	}
}
