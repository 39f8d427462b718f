// SPDX-License-Identifier: GPL-2.0
/*
 * Vector collections (docs/format.md, section 10).
 */

#include <endian.h>
#include <string.h>

#include "crc32c.h"
#include "uapi/vexfs.h"
#include "vector.h"

static const char *const metrics[VEXFS_METRIC_COUNT] = {
	[VEXFS_METRIC_EUCLIDEAN] = "euclidean",
	[VEXFS_METRIC_COSINE] = "cosine",
	[VEXFS_METRIC_DOT] = "dot",
	[VEXFS_METRIC_MANHATTAN] = "manhattan",
};

const char *metric_name(unsigned int metric)
{
	return metric < VEXFS_METRIC_COUNT ? metrics[metric] : "unknown";
}

int metric_parse(const char *name)
{
	int i;

	for (i = 0; i < VEXFS_METRIC_COUNT; i++)
		if (!strcmp(name, metrics[i]))
			return i;
	return -1;
}

uint32_t vec_stride(uint32_t dim, uint32_t meta_size)
{
	return VEXFS_VEC_STRIDE(dim, meta_size);
}

const char *vec_desc_check(const struct vexfs_vec_desc *desc)
{
	uint32_t dim = le32toh(desc->v_dim);
	uint32_t meta = le32toh(desc->v_meta_size);

	if (!dim || dim > VEXFS_VEC_DIM_MAX)
		return "dimension out of range";
	if (meta > VEXFS_VEC_META_MAX || meta % 8)
		return "metadata size out of range";
	if (le32toh(desc->v_stride) != vec_stride(dim, meta))
		return "wrong record size";
	if (le16toh(desc->v_metric) >= VEXFS_METRIC_COUNT)
		return "unknown metric";
	if (le16toh(desc->v_version) != VEXFS_VEC_VERSION)
		return "unknown version";
	if (desc->v_flags || desc->v_index_aux ||
	    !all_zero(desc->v_reserved, sizeof(desc->v_reserved)))
		return "reserved bytes are not zero";
	return NULL;
}

static uint32_t record_csum(const struct layout *lo, uint32_t stride,
			    const struct vexfs_vec_record *r)
{
	uint32_t crc = crc32c(lo->seed, &r->r_id, sizeof(r->r_id));

	return crc32c(crc, &r->r_norm2, stride - 16);
}

static double bits_to_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Squares summed in any order come this close. */
static bool norm_matches(double stored, double sum)
{
	double off = stored - sum;

	return (off < 0 ? -off : off) <= 1e-9 * sum;
}

const char *vec_record_check(const struct layout *lo,
			     const struct vexfs_vec_desc *desc, uint64_t slot,
			     const void *record)
{
	uint32_t dim = le32toh(desc->v_dim);
	uint32_t stride = le32toh(desc->v_stride);
	uint32_t meta_size = le32toh(desc->v_meta_size), flags, bits, i;
	const struct vexfs_vec_record *r = record;
	const uint8_t *meta = (const uint8_t *)record + stride - meta_size;
	double sum = 0;
	float value;

	flags = le32toh(r->r_flags);
	if (le64toh(r->r_id) != slot + 1)
		return "wrong id";
	if (flags != VEXFS_VEC_LIVE && flags != VEXFS_VEC_DELETED)
		return "wrong flags";
	if (le32toh(r->r_csum) != record_csum(lo, stride, r))
		return "wrong checksum";
	if (le16toh(r->r_meta_len) > meta_size)
		return "metadata longer than their room";
	if (r->r_reserved0 || r->r_reserved1 ||
	    (dim % 2 && r->r_vector[dim]) ||
	    !all_zero(meta + le16toh(r->r_meta_len),
		      meta_size - le16toh(r->r_meta_len)))
		return "padding is not zero";
	for (i = 0; i < dim; i++) {
		bits = le32toh(r->r_vector[i]);
		if ((bits & 0x7f800000) == 0x7f800000)
			return "a component is not finite";
		memcpy(&value, &bits, sizeof(value));
		sum += (double)value * value;
	}
	if (!norm_matches(bits_to_double(le64toh(r->r_norm2)), sum))
		return "wrong norm";
	return NULL;
}

void vec_record_blank(const struct layout *lo,
		      const struct vexfs_vec_desc *desc, uint64_t slot,
		      void *record)
{
	uint32_t stride = le32toh(desc->v_stride);
	struct vexfs_vec_record *r = record;

	memset(record, 0, stride);
	r->r_id = htole64(slot + 1);
	r->r_flags = htole32(VEXFS_VEC_DELETED);
	r->r_csum = htole32(record_csum(lo, stride, r));
}
