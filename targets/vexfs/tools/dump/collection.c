// SPDX-License-Identifier: GPL-2.0
/*
 * The view of a collection: its vectors with their metadata.
 */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "text.h"
#include "vector.h"
#include "walk.h"

/* The file's bytes, as far as it has blocks, records put together. */
struct reader {
	struct view	*v;
	uint8_t		record[VEC_MAX_STRIDE];
	uint64_t	slot;
	uint32_t	have;
	uint64_t	next;		/* file block expected */
};

static float record_component(const uint8_t *record, uint32_t i)
{
	uint32_t bits;
	float value;

	memcpy(&bits, record + VEXFS_VEC_HEAD + 4 * i, sizeof(bits));
	bits = le32toh(bits);
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void show_record(struct reader *rd)
{
	struct view *v = rd->v;
	const struct vexfs_vec_desc *desc = &v->inode.i_vec;
	const struct vexfs_vec_record *r = (const void *)rd->record;
	uint32_t dim = le32toh(desc->v_dim), i;
	uint32_t meta_size = le32toh(desc->v_meta_size);
	uint32_t meta_len = le16toh(r->r_meta_len);
	const uint8_t *meta = rd->record + le32toh(desc->v_stride) - meta_size;
	const char *why = vec_record_check(&v->im->lo, desc, rd->slot,
					   rd->record);

	if (meta_len > meta_size)
		meta_len = meta_size;
	if (!v->json) {
		printf("%llu%s%s%s:", (unsigned long long)le64toh(r->r_id),
		       le32toh(r->r_flags) == VEXFS_VEC_LIVE ? "" :
		       " (deleted)", why ? " BAD: " : "", why ? why : "");
		for (i = 0; i < dim; i++)
			printf(" %.9g", record_component(rd->record, i));
		if (meta_len) {
			printf(" | ");
			print_text(meta, meta_len);
		}
		putchar('\n');
		return;
	}
	json_begin_object(&v->js, NULL);
	json_unsigned(&v->js, "id", le64toh(r->r_id));
	json_unsigned(&v->js, "flags", le32toh(r->r_flags));
	if (why)
		json_string(&v->js, "bad", why);
	else
		json_null(&v->js, "bad");
	json_begin_array(&v->js, "vector");
	for (i = 0; i < dim; i++)
		json_float(&v->js, NULL, record_component(rd->record, i));
	json_end_array(&v->js);
	json_hex(&v->js, "metadata", meta, meta_len);
	json_end_object(&v->js);
}

static int read_records(void *arg, unsigned int level, uint64_t lblk,
			uint32_t block)
{
	struct reader *rd = arg;
	const struct vexfs_inode *inode = &rd->v->inode;
	uint32_t stride = le32toh(inode->i_vec.v_stride), pos = 0, n;
	uint64_t count = le64toh(inode->i_size) / stride;
	uint8_t buf[VEXFS_BLOCK_SIZE];
	int err;

	if (level)
		return 0;
	if (lblk != rd->next++) {
		complain("a hole before file block %llu",
			 (unsigned long long)lblk);
		return -EUCLEAN;
	}
	err = device_read(&rd->v->im->dev, block, buf);
	while (!err && pos < sizeof(buf) && rd->slot < count) {
		n = stride - rd->have;
		if (n > sizeof(buf) - pos)
			n = sizeof(buf) - pos;
		memcpy(rd->record + rd->have, buf + pos, n);
		rd->have += n;
		pos += n;
		if (rd->have == stride) {
			show_record(rd);
			rd->slot++;
			rd->have = 0;
		}
	}
	return err;
}

int show_collection(struct view *v)
{
	const struct vexfs_vec_desc *desc = &v->inode.i_vec;
	struct reader rd = { .v = v };
	const char *why;
	int err;

	if (!(le32toh(v->inode.i_flags) & VEXFS_VECTOR_FL)) {
		complain("inode %u is no collection", v->ino);
		return -ENODATA;
	}
	why = vec_desc_check(desc);
	if (why) {
		complain("inode %u: %s", v->ino, why);
		return -EUCLEAN;
	}
	view_begin(v);
	if (v->json) {
		json_unsigned(&v->js, "inode", v->ino);
		json_unsigned(&v->js, "dim", le32toh(desc->v_dim));
		json_string(&v->js, "metric",
			    metric_name(le16toh(desc->v_metric)));
		json_unsigned(&v->js, "meta_size", le32toh(desc->v_meta_size));
		json_unsigned(&v->js, "stride", le32toh(desc->v_stride));
		json_begin_array(&v->js, "records");
	} else {
		printf("# dimension %u, %s, %u bytes of metadata, records of "
		       "%u bytes\n", le32toh(desc->v_dim),
		       metric_name(le16toh(desc->v_metric)),
		       le32toh(desc->v_meta_size), le32toh(desc->v_stride));
	}
	err = walk_blocks(&v->im->dev, &v->im->lo, &v->inode, read_records,
			  &rd);
	if (v->json)
		json_end_array(&v->js);
	return view_end(v, err);
}
