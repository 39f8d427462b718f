// SPDX-License-Identifier: GPL-2.0
/*
 * The views of dumpvexfs, each as text and as JSON.
 */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dump.h"
#include "jbd2.h"
#include "text.h"
#include "vector.h"
#include "walk.h"

static void print_text(const uint8_t *data, size_t len)
{
	for (; len && *data; len--, data++)
		putchar(*data < ' ' || *data == 0x7f ? '?' : *data);
}

static void show_field(struct view *v, const struct field *f,
		       const uint8_t *data)
{
	const uint8_t *p = data + f->offset;
	size_t i;

	if (v->json) {
		if (f->encoding == BYTES)
			json_hex(&v->js, f->name, p, f->size);
		else if (f->encoding == TEXT)
			json_bytes(&v->js, f->name, p,
				   strnlen((const char *)p, f->size));
		else
			json_unsigned(&v->js, f->name, field_number(f, data));
		return;
	}
	printf("%-20s ", f->name);
	if (f->encoding == TEXT)
		print_text(p, f->size);
	else if (f->encoding == BYTES && all_zero(p, f->size))
		printf("zero");
	else if (f->encoding == BYTES)
		for (i = 0; i < f->size; i++)
			printf("%02x", p[i]);
	else if (strstr(f->name, "csum") || strstr(f->name, "magic"))
		printf("0x%08llx", (unsigned long long)field_number(f, data));
	else
		printf("%llu", (unsigned long long)field_number(f, data));
	putchar('\n');
}

static void show_struct(struct view *v, enum structure structure,
			const void *data)
{
	const struct field *f;

	for (f = structure_fields[structure]; f->name; f++)
		if (f->size)
			show_field(v, f, data);
}

static void show_check(struct view *v, const char *what, bool good)
{
	if (v->json)
		json_bool(&v->js, what, good);
	else
		printf("%-20s %s\n", what, good ? "yes" : "NO");
}

static void begin(struct view *v)
{
	if (v->json)
		json_begin_object(&v->js, NULL);
}

static int end(struct view *v, int err)
{
	if (v->json) {
		json_end_object(&v->js);
		putchar('\n');
	}
	return err;
}

int show_super(struct view *v)
{
	begin(v);
	show_struct(v, S_SUPER, &v->im->sb);
	show_check(v, "checksum_valid",
		   v->im->sb.s_csum == super_csum(&v->im->sb));
	return end(v, 0);
}

static int show_group(struct view *v, uint32_t group)
{
	uint32_t block = VEXFS_GDT_START + group / VEXFS_DESC_PER_BLOCK;
	struct vexfs_group_desc descs[VEXFS_DESC_PER_BLOCK], *desc;
	bool good;
	int err;

	err = device_read(&v->im->dev, block, descs);
	if (err)
		return err;
	desc = &descs[group % VEXFS_DESC_PER_BLOCK];
	good = desc->bg_csum == desc_csum(&v->im->lo, group, desc);
	if (v->json) {
		json_begin_object(&v->js, NULL);
		json_unsigned(&v->js, "group", group);
		json_unsigned(&v->js, "first_block", group_first(group));
		json_unsigned(&v->js, "blocks",
			      group_blocks(&v->im->lo, group));
		json_unsigned(&v->js, "first_data_block",
			      group_data(&v->im->lo, group));
		show_struct(v, S_DESC, desc);
		json_bool(&v->js, "checksum_valid", good);
		json_end_object(&v->js);
		return 0;
	}
	printf("group %u: blocks %u..%u, data from %u, bitmaps %u %u, inodes "
	       "%u, free %u blocks %u inodes, %u directories%s\n", group,
	       group_first(group),
	       group_first(group) + group_blocks(&v->im->lo, group) - 1,
	       group_data(&v->im->lo, group), le32toh(desc->bg_block_bitmap),
	       le32toh(desc->bg_inode_bitmap), le32toh(desc->bg_inode_table),
	       le32toh(desc->bg_free_blocks), le32toh(desc->bg_free_inodes),
	       le32toh(desc->bg_used_dirs), good ? "" : ", CHECKSUM WRONG");
	return 0;
}

int show_groups(struct view *v)
{
	uint32_t group;
	int err = 0;

	begin(v);
	if (v->json)
		json_begin_array(&v->js, "groups");
	for (group = 0; group < v->im->lo.groups && !err; group++)
		err = show_group(v, group);
	if (v->json)
		json_end_array(&v->js);
	return end(v, err);
}

int show_journal(struct view *v)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	char why[160];
	bool good;
	int err;

	err = device_read(&v->im->dev, v->im->lo.journal_start, block);
	if (err)
		return err;
	good = jbd2_super_valid(&v->im->lo, v->im->sb.s_uuid, (void *)block,
				why, sizeof(why));
	begin(v);
	show_struct(v, S_JOURNAL, block);
	show_check(v, "valid", good);
	if (!good && v->json)
		json_string(&v->js, "why", why);
	else if (!good)
		printf("%-20s %s\n", "why", why);
	return end(v, 0);
}

static void show_target(struct view *v)
{
	const struct vexfs_inode *inode = &v->inode;
	uint64_t size = le64toh(inode->i_size);
	uint8_t block[VEXFS_BLOCK_SIZE];
	const void *target = inode->i_block;

	if (!S_ISLNK(le16toh(inode->i_mode)) || size > VEXFS_SYMLINK_MAX)
		return;
	if (size > VEXFS_FAST_SYMLINK_MAX) {
		if (device_read(&v->im->dev, le32toh(inode->i_block[0]), block))
			return;
		target = block;
	}
	if (v->json) {
		json_bytes(&v->js, "target", target, size);
	} else {
		printf("%-20s ", "target");
		print_text(target, size);
		putchar('\n');
	}
}

int show_inode(struct view *v)
{
	begin(v);
	if (v->json)
		json_unsigned(&v->js, "inode", v->ino);
	else
		printf("%-20s %u\n%-20s %#o\n", "inode", v->ino, "mode (octal)",
		       le16toh(v->inode.i_mode));
	show_struct(v, S_INODE, &v->inode);
	show_target(v);
	show_check(v, "checksum_valid", v->inode.i_csum ==
		   inode_csum(&v->im->lo, v->ino, &v->inode));
	return end(v, 0);
}

static int show_entry(void *arg, uint64_t lblk, uint32_t block,
		      uint32_t offset, const struct vexfs_dir_entry *de)
{
	struct view *v = arg;

	if (v->json) {
		json_begin_object(&v->js, NULL);
		json_unsigned(&v->js, "block", lblk);
		json_unsigned(&v->js, "offset", (uint64_t)block *
			      VEXFS_BLOCK_SIZE + offset);
		show_struct(v, S_ENTRY, de);
		if (de->d_ino)
			json_bytes(&v->js, "d_name", de->d_name,
				   de->d_name_len);
		json_end_object(&v->js);
		return 0;
	}
	printf("%6llu+%-4u %10u  type %-2u  length %-4u  ",
	       (unsigned long long)lblk, offset, le32toh(de->d_ino),
	       de->d_type, le16toh(de->d_rec_len));
	if (de->d_ino)
		print_text((const uint8_t *)de->d_name, de->d_name_len);
	else
		printf("(unused)");
	putchar('\n');
	return 0;
}

int show_directory(struct view *v)
{
	int err;

	if (!S_ISDIR(le16toh(v->inode.i_mode))) {
		complain("inode %u is no directory", v->ino);
		return -ENOTDIR;
	}
	begin(v);
	if (v->json) {
		json_unsigned(&v->js, "inode", v->ino);
		json_unsigned(&v->js, "parent", le32toh(v->inode.i_parent));
		json_begin_array(&v->js, "entries");
	}
	err = walk_entries(&v->im->dev, &v->im->lo, &v->inode, show_entry, v);
	if (v->json)
		json_end_array(&v->js);
	return end(v, err);
}

static int show_block(void *arg, unsigned int level, uint64_t lblk,
		      uint32_t block)
{
	struct view *v = arg;

	if (v->json) {
		json_begin_object(&v->js, NULL);
		json_unsigned(&v->js, "level", level);
		json_unsigned(&v->js, "file_block", lblk);
		json_unsigned(&v->js, "block", block);
		json_end_object(&v->js);
	} else {
		printf("%*s%llu: %u%s\n", 2 * (3 - (int)level), "",
		       (unsigned long long)lblk, block,
		       level ? " (pointers)" : "");
	}
	return 0;
}

int show_map(struct view *v)
{
	int err;

	begin(v);
	if (v->json) {
		json_unsigned(&v->js, "inode", v->ino);
		json_begin_array(&v->js, "map");
	}
	err = walk_blocks(&v->im->dev, &v->im->lo, &v->inode, show_block, v);
	if (v->json)
		json_end_array(&v->js);
	return end(v, err);
}

static void show_xattr(struct view *v, const struct vexfs_xattr_entry *e)
{
	static const char *const prefixes[] = {
		[VEXFS_XATTR_USER] = "user.",
		[VEXFS_XATTR_TRUSTED] = "trusted.",
		[VEXFS_XATTR_SECURITY] = "security.",
	};
	const char *prefix = "?";
	char name[300];

	if (e->e_name_index >= VEXFS_XATTR_USER &&
	    e->e_name_index <= VEXFS_XATTR_SECURITY)
		prefix = prefixes[e->e_name_index];
	snprintf(name, sizeof(name), "%s%.*s", prefix, e->e_name_len,
		 e->e_name);
	if (v->json) {
		json_begin_object(&v->js, NULL);
		json_string(&v->js, "name", name);
		json_hex(&v->js, "value", e->e_name + e->e_name_len,
			 le16toh(e->e_value_len));
		json_end_object(&v->js);
		return;
	}
	print_text((const uint8_t *)name, sizeof(name));
	printf(" = ");
	print_text((const uint8_t *)e->e_name + e->e_name_len,
		   le16toh(e->e_value_len));
	putchar('\n');
}

int show_xattrs(struct view *v)
{
	uint32_t at = le32toh(v->inode.i_xattr_block), pos, len;
	uint8_t block[VEXFS_BLOCK_SIZE] = { 0 };
	const struct vexfs_xattr_header *head = (const void *)block;
	const struct vexfs_xattr_entry *e;
	int err = 0;

	if (layout_is_data(&v->im->lo, at))
		err = device_read(&v->im->dev, at, block);
	if (err)
		return err;
	begin(v);
	if (v->json) {
		json_unsigned(&v->js, "inode", v->ino);
		json_unsigned(&v->js, "block", at);
		json_begin_array(&v->js, "xattrs");
	}
	for (pos = sizeof(*head); pos < le32toh(head->x_used); pos += len) {
		e = (const void *)(block + pos);
		if (pos + sizeof(*e) > VEXFS_BLOCK_SIZE)
			break;
		len = VEXFS_XATTR_LEN(e->e_name_len, le16toh(e->e_value_len));
		if (pos + len > VEXFS_BLOCK_SIZE)
			break;
		show_xattr(v, e);
	}
	if (v->json)
		json_end_array(&v->js);
	return end(v, 0);
}

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
	begin(v);
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
	return end(v, err);
}

struct lookup {
	const char	*name;
	size_t		len;
	uint32_t	ino;
};

static int match_entry(void *arg, uint64_t lblk, uint32_t block,
		       uint32_t offset, const struct vexfs_dir_entry *de)
{
	struct lookup *l = arg;

	(void)lblk;
	(void)block;
	(void)offset;
	if (!de->d_ino || de->d_name_len != l->len ||
	    memcmp(de->d_name, l->name, l->len))
		return 0;
	l->ino = le32toh(de->d_ino);
	return 1;
}

int find_inode(struct image *im, const char *what, uint32_t *ino)
{
	struct vexfs_inode dir;
	struct lookup l = { .ino = VEXFS_ROOT_INO };
	uint64_t number;
	int err;

	if (what[0] != '/') {
		if (!parse_u64(what, UINT32_MAX, &number))
			return -EINVAL;
		*ino = number;
		return 0;
	}
	for (;;) {
		what += strspn(what, "/");
		if (!*what)
			break;
		l.name = what;
		l.len = strcspn(what, "/");
		what += l.len;
		err = walk_read_inode(&im->dev, &im->lo, l.ino, &dir);
		if (!err)
			err = walk_entries(&im->dev, &im->lo, &dir,
					   match_entry, &l);
		if (err != 1)
			return err ? err : -ENOENT;
	}
	*ino = l.ino;
	return 0;
}
