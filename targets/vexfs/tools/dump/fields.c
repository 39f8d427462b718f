// SPDX-License-Identifier: GPL-2.0
/*
 * Every field of everything in use, for programs that damage images one field
 * at a time; and changing one.
 */

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crc32c.h"
#include "dump.h"
#include "jbd2.h"
#include "text.h"
#include "vector.h"
#include "walk.h"

struct listing {
	struct image	*im;
	place_fn	visit;
	void		*arg;
	uint32_t	ino;		/* whose content is being walked */
	const struct vexfs_inode *inode;
};

__attribute__((format(printf, 5, 6)))
static struct place make_place(enum structure structure, uint64_t offset,
			       void *data, uint32_t id,
			       const char *fmt, ...)
{
	struct place p = {
		.structure = structure, .offset = offset, .data = data,
		.id = id,
	};
	va_list args;

	va_start(args, fmt);
	vsnprintf(p.name, sizeof(p.name), fmt, args);
	va_end(args);
	return p;
}

/* All fields of fixed size; those of variable size are given by the caller. */
static int list_fixed(struct listing *l, const struct place *p)
{
	const struct field *f;
	int err = 0;

	for (f = structure_fields[p->structure]; f->name && !err; f++)
		if (f->size)
			err = l->visit(l->arg, p, f);
	return err;
}

static int list_variable(struct listing *l, const struct place *p,
			 const char *name, uint32_t offset, uint32_t size,
			 enum encoding encoding)
{
	struct field f = { name, offset, size, encoding };

	return size ? l->visit(l->arg, p, &f) : 0;
}

static int list_super(struct listing *l, uint32_t block, const char *name)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p = make_place(S_SUPER, (uint64_t)block * VEXFS_BLOCK_SIZE,
				    buf, block, "%s", name);
	int err = device_read(&l->im->dev, block, buf);

	return err ? err : list_fixed(l, &p);
}

static int list_bitmap(struct listing *l, uint32_t block, const char *name,
		       uint32_t group)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p = make_place(S_BITMAP,
				    (uint64_t)block * VEXFS_BLOCK_SIZE, buf,
				    block, "%s[%u]", name, group);
	int err = device_read(&l->im->dev, block, buf);

	return err ? err : list_fixed(l, &p);
}

static int list_group(struct listing *l, uint32_t group)
{
	const struct layout *lo = &l->im->lo;
	uint32_t block = VEXFS_GDT_START + group / VEXFS_DESC_PER_BLOCK;
	uint32_t at = group % VEXFS_DESC_PER_BLOCK * VEXFS_DESC_SIZE;
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p;
	char name[32];
	int err;

	err = device_read(&l->im->dev, block, buf);
	if (err)
		return err;
	p = make_place(S_DESC, (uint64_t)block * VEXFS_BLOCK_SIZE + at,
		       buf + at, group, "group[%u]", group);
	err = list_fixed(l, &p);
	if (!err && group) {
		snprintf(name, sizeof(name), "super_copy[%u]", group);
		err = list_super(l, group_first(group), name);
	}
	if (!err)
		err = list_bitmap(l, group_block_bitmap(lo, group),
				  "block_bitmap", group);
	return err ? err : list_bitmap(l, group_inode_bitmap(lo, group),
				       "inode_bitmap", group);
}

static int list_journal(struct listing *l)
{
	uint32_t block = l->im->lo.journal_start;
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p = make_place(S_JOURNAL,
				    (uint64_t)block * VEXFS_BLOCK_SIZE, buf,
				    block, "journal");
	int err = device_read(&l->im->dev, block, buf);

	return err ? err : list_fixed(l, &p);
}

static int list_entry(void *arg, uint64_t lblk, uint32_t block,
		      uint32_t offset, const struct vexfs_dir_entry *de)
{
	struct listing *l = arg;
	struct place p = make_place(S_ENTRY, (uint64_t)block *
				    VEXFS_BLOCK_SIZE + offset, (void *)de,
				    l->ino, "directory[%u].block[%llu].at[%u]",
				    l->ino, (unsigned long long)lblk, offset);
	int err = list_fixed(l, &p);

	if (err || !de->d_ino)
		return err;
	return list_variable(l, &p, "d_name", VEXFS_DIRENT_HEAD,
			     de->d_name_len, TEXT);
}

static int list_pointers(struct listing *l, unsigned int level, uint32_t block)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p;
	uint32_t i;
	int err;

	err = device_read(&l->im->dev, block, buf);
	for (i = 0; i < VEXFS_PTRS_PER_BLOCK && !err; i++) {
		if (all_zero(buf + 4 * i, 4))
			continue;
		p = make_place(S_POINTER, (uint64_t)block * VEXFS_BLOCK_SIZE +
			       4 * i, buf + 4 * i, block,
			       "inode[%u].level%u.block[%u].at[%u]", l->ino,
			       level, block, i);
		err = list_fixed(l, &p);
	}
	return err;
}

static int list_symlink(struct listing *l, uint32_t block)
{
	uint64_t size = le64toh(l->inode->i_size);
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p = make_place(S_SYMLINK,
				    (uint64_t)block * VEXFS_BLOCK_SIZE, buf,
				    l->ino, "symlink[%u]", l->ino);
	int err = device_read(&l->im->dev, block, buf);

	if (err || size > VEXFS_BLOCK_SIZE)
		return err;
	return list_variable(l, &p, "target", 0, size, TEXT);
}

static int list_file_block(void *arg, unsigned int level, uint64_t lblk,
			   uint32_t block)
{
	struct listing *l = arg;

	if (level)
		return list_pointers(l, level, block);
	if (S_ISLNK(le16toh(l->inode->i_mode)) && !lblk)
		return list_symlink(l, block);
	return 0;
}

static int list_xattr_entries(struct listing *l, uint32_t block,
			      const uint8_t *buf)
{
	const struct vexfs_xattr_header *head = (const void *)buf;
	const struct vexfs_xattr_entry *e;
	uint32_t pos = sizeof(*head), len;
	struct place p;
	int err = 0;

	for (; pos < le32toh(head->x_used) && !err; pos += len) {
		e = (const void *)(buf + pos);
		if (pos + sizeof(*e) > VEXFS_BLOCK_SIZE)
			break;
		len = VEXFS_XATTR_LEN(e->e_name_len, le16toh(e->e_value_len));
		if (pos + len > VEXFS_BLOCK_SIZE)
			break;
		p = make_place(S_XATTR_ENTRY, (uint64_t)block *
			       VEXFS_BLOCK_SIZE + pos, (void *)e, l->ino,
			       "xattrs[%u].at[%u]", l->ino, pos);
		err = list_fixed(l, &p);
		if (!err)
			err = list_variable(l, &p, "e_name", VEXFS_XATTR_HEAD,
					    e->e_name_len, TEXT);
		if (!err)
			err = list_variable(l, &p, "e_value", VEXFS_XATTR_HEAD +
					    e->e_name_len,
					    le16toh(e->e_value_len), BYTES);
	}
	return err;
}

static int list_xattrs(struct listing *l)
{
	uint32_t block = le32toh(l->inode->i_xattr_block);
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p = make_place(S_XATTR,
				    (uint64_t)block * VEXFS_BLOCK_SIZE, buf,
				    l->ino, "xattrs[%u]", l->ino);
	int err;

	if (!layout_is_data(&l->im->lo, block))
		return 0;
	err = device_read(&l->im->dev, block, buf);
	if (!err)
		err = list_fixed(l, &p);
	return err ? err : list_xattr_entries(l, block, buf);
}

static int list_record_field(struct listing *l, const struct place *p,
			     const struct vexfs_vec_desc *desc)
{
	uint32_t dim = le32toh(desc->v_dim);
	uint32_t meta = le32toh(desc->v_meta_size);
	int err = list_fixed(l, p);

	if (!err)
		err = list_variable(l, p, "r_vector", VEXFS_VEC_HEAD, 4 * dim,
				    BYTES);
	return err ? err : list_variable(l, p, "metadata",
					 le32toh(desc->v_stride) - meta, meta,
					 BYTES);
}

/* Records that lie in one block; one across a border is in two places. */
static int list_record_block(void *arg, unsigned int level, uint64_t lblk,
			     uint32_t block)
{
	struct listing *l = arg;
	const struct vexfs_vec_desc *desc = &l->inode->i_vec;
	uint64_t size = le64toh(l->inode->i_size), slot;
	uint64_t start = lblk * VEXFS_BLOCK_SIZE;
	uint32_t stride = le32toh(desc->v_stride), at;
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct place p;
	int err;

	if (level)
		return 0;
	err = device_read(&l->im->dev, block, buf);
	for (slot = DIV_ROUND_UP(start, stride); !err; slot++) {
		at = slot * stride - start;
		if (slot * stride - start >= VEXFS_BLOCK_SIZE ||
		    (slot + 1) * stride > size)
			break;
		p = make_place(S_RECORD, (uint64_t)block * VEXFS_BLOCK_SIZE +
			       at, buf + at, l->ino,
			       "collection[%u].record[%llu]", l->ino,
			       (unsigned long long)slot);
		p.slot = slot;
		p.stride = stride;
		if (at + stride <= VEXFS_BLOCK_SIZE)
			err = list_record_field(l, &p, desc);
	}
	return err;
}

static int list_inode(struct listing *l, uint32_t ino,
		      const struct vexfs_inode *inode, uint64_t offset)
{
	struct place p = make_place(S_INODE, offset, (void *)inode, ino,
				    "inode[%u]", ino);
	struct device *dev = &l->im->dev;
	int err = list_fixed(l, &p);

	l->ino = ino;
	l->inode = inode;
	if (!err)
		err = list_xattrs(l);
	if (!err)
		err = walk_blocks(dev, &l->im->lo, inode, list_file_block, l);
	if (!err && S_ISDIR(le16toh(inode->i_mode)))
		err = walk_entries(dev, &l->im->lo, inode, list_entry, l);
	if (!err && le32toh(inode->i_flags) & VEXFS_VECTOR_FL &&
	    !vec_desc_check(&inode->i_vec))
		err = walk_blocks(dev, &l->im->lo, inode, list_record_block, l);
	return err;
}

static int list_inodes(struct listing *l, uint32_t group)
{
	struct vexfs_inode table[VEXFS_INODES_PER_BLOCK];
	const struct layout *lo = &l->im->lo;
	struct vexfs_bitmap map;
	uint32_t i, k, block;
	int err;

	err = device_read(&l->im->dev, group_inode_bitmap(lo, group), &map);
	for (i = 0; i < lo->itable_blocks && !err; i++) {
		block = group_inode_table(lo, group) + i;
		err = device_read(&l->im->dev, block, table);
		for (k = 0; k < VEXFS_INODES_PER_BLOCK && !err; k++)
			if (bit_test(map.b_bits, i * VEXFS_INODES_PER_BLOCK +
				     k) && table[k].i_mode)
				err = list_inode(l, group *
					lo->inodes_per_group +
					i * VEXFS_INODES_PER_BLOCK + k + 1,
					&table[k],
					(uint64_t)block * VEXFS_BLOCK_SIZE +
					k * VEXFS_INODE_SIZE);
	}
	return err;
}

int each_field(struct image *im, place_fn visit, void *arg)
{
	struct listing l = { .im = im, .visit = visit, .arg = arg };
	uint32_t group;
	int err;

	err = list_super(&l, VEXFS_SUPER_BLOCK, "super");
	for (group = 0; group < im->lo.groups && !err; group++)
		err = list_group(&l, group);
	if (!err)
		err = list_journal(&l);
	for (group = 0; group < im->lo.groups && !err; group++)
		err = list_inodes(&l, group);
	return err;
}

static int print_field(void *arg, const struct place *p, const struct field *f)
{
	static const char *const encodings[] = { "le", "be", "bytes", "text" };
	struct json js = { .out = stdout };
	const uint8_t *data = p->data + f->offset;
	char name[160];

	snprintf(name, sizeof(name), "%s.%s", p->name, f->name);
	json_begin_object(&js, NULL);
	json_string(&js, "name", name);
	json_unsigned(&js, "offset", p->offset + f->offset);
	json_unsigned(&js, "size", f->size);
	json_string(&js, "encoding", encodings[f->encoding]);
	if (f->encoding == BYTES)
		json_hex(&js, "value", data, f->size);
	else if (f->encoding == TEXT)
		json_bytes(&js, "value", data, f->size);
	else
		json_unsigned(&js, "value", field_number(f, p->data));
	print_lore(&js, arg, p, f);
	json_end_object(&js);
	putchar('\n');
	return 0;
}

int show_fields(struct image *im)
{
	return each_field(im, print_field, im);
}

struct change {
	const char	*name;		/* not terminated */
	size_t		len;
	struct place	place;
	struct field	field;
};

static int match_field(void *arg, const struct place *p, const struct field *f)
{
	struct change *ch = arg;
	char name[160];

	snprintf(name, sizeof(name), "%s.%s", p->name, f->name);
	if (strlen(name) != ch->len || memcmp(name, ch->name, ch->len))
		return 0;
	ch->place = *p;
	ch->field = *f;
	return 1;
}

static __le32 record_csum(const struct layout *lo, uint32_t stride,
			  const uint8_t *data)
{
	uint32_t crc = crc32c(lo->seed, data, 8);

	return htole32(crc32c(crc, data + 16, stride - 16));
}

/* The checksum over the structure, put where it belongs. */
static void seal(struct image *im, const struct place *p, uint8_t *block)
{
	uint8_t *at = block + p->offset % VEXFS_BLOCK_SIZE;
	const struct layout *lo = &im->lo;
	struct vexfs_inode inode;

	switch (p->structure) {
	case S_SUPER:
		((struct vexfs_super_block *)at)->s_csum =
			super_csum((void *)at);
		break;
	case S_DESC:
		((struct vexfs_group_desc *)at)->bg_csum =
			desc_csum(lo, p->id, (void *)at);
		break;
	case S_BITMAP:
		((struct vexfs_bitmap *)at)->b_csum =
			bitmap_csum(lo, p->id, (void *)at);
		break;
	case S_INODE:
		((struct vexfs_inode *)at)->i_csum =
			inode_csum(lo, p->id, (void *)at);
		break;
	case S_JOURNAL:
		((struct jbd2_super *)at)->s_checksum =
			jbd2_super_csum((void *)at);
		break;
	case S_XATTR:
	case S_XATTR_ENTRY:
		((struct vexfs_xattr_header *)block)->x_csum =
			xattr_csum(lo, p->id, block);
		break;
	case S_RECORD:
		if (!walk_read_inode(&im->dev, lo, p->id, &inode))
			((struct vexfs_vec_record *)at)->r_csum =
				record_csum(lo, le32toh(inode.i_vec.v_stride),
					    at);
		break;
	default:
		break;	/* no checksum of its own */
	}
}

/* Hexadecimal bytes, as many as the field has. */
static bool put_hex(uint8_t *to, size_t size, const char *text)
{
	unsigned int byte;
	size_t i;

	if (strlen(text) != 2 * size ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * size)
		return false;
	for (i = 0; i < size; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		to[i] = byte;
	}
	return true;
}

static bool put_value(const struct field *f, uint8_t *to, const char *text)
{
	uint64_t max = f->size < 8 ? (1ull << (8 * f->size)) - 1 : UINT64_MAX;
	uint64_t value;
	unsigned int i;

	if (f->encoding == BYTES)
		return put_hex(to, f->size, text);
	if (f->encoding == TEXT) {
		if (strlen(text) > f->size)
			return false;
		memset(to, 0, f->size);
		memcpy(to, text, strlen(text));
		return true;
	}
	if (!parse_u64(text, max, &value))
		return false;
	for (i = 0; i < f->size; i++)
		to[f->encoding == BE ? f->size - 1 - i : i] = value >> (8 * i);
	return true;
}

int set_field(struct image *im, const char *assignment, bool reseal)
{
	const char *value = strchr(assignment, '=');
	struct change ch = { .name = assignment };
	uint8_t block[VEXFS_BLOCK_SIZE];
	uint64_t at;
	int err;

	if (!value) {
		complain_usage("'%s' is not NAME=VALUE", assignment);
		return -EINVAL;
	}
	ch.len = value++ - assignment;
	err = each_field(im, match_field, &ch);
	if (err != 1) {
		complain("there is no field '%.*s' in %s", (int)ch.len,
			 assignment, im->dev.path);
		return err ? err : -ENOENT;
	}
	at = ch.place.offset / VEXFS_BLOCK_SIZE;
	err = device_read(&im->dev, at, block);
	if (err)
		return err;
	if (!put_value(&ch.field, block + ch.place.offset % VEXFS_BLOCK_SIZE +
		       ch.field.offset, value)) {
		complain("'%s' is no value for a field of %u bytes", value,
			 ch.field.size);
		return -EINVAL;
	}
	if (reseal)
		seal(im, &ch.place, block);
	return device_write(&im->dev, at, block);
}
