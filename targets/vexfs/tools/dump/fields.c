// SPDX-License-Identifier: GPL-2.0
/*
 * Every field of everything in use, for programs that damage images one field
 * at a time.
 */

#include <stdarg.h>
#include <stdio.h>

#include "dump.h"

struct place make_place(enum structure structure, uint64_t offset, void *data,
			uint32_t id, const char *fmt, ...)
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

int list_fixed(struct listing *l, const struct place *p)
{
	const struct field *f;
	int err = 0;

	for (f = structure_fields[p->structure]; f->name && !err; f++)
		if (f->size)
			err = l->visit(l->arg, p, f);
	return err;
}

int list_variable(struct listing *l, const struct place *p, const char *name,
		  uint32_t offset, uint32_t size, enum encoding encoding)
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
