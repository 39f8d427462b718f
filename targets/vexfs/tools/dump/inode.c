// SPDX-License-Identifier: GPL-2.0
/*
 * Views of one inode: its fields, its block map, its extended attributes.
 */

#include <endian.h>
#include <stdio.h>
#include <sys/stat.h>

#include "dump.h"
#include "walk.h"

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
	view_begin(v);
	if (v->json)
		json_unsigned(&v->js, "inode", v->ino);
	else
		printf("%-20s %u\n%-20s %#o\n", "inode", v->ino, "mode (octal)",
		       le16toh(v->inode.i_mode));
	show_struct(v, S_INODE, &v->inode);
	show_target(v);
	show_check(v, "checksum_valid", v->inode.i_csum ==
		   inode_csum(&v->im->lo, v->ino, &v->inode));
	return view_end(v, 0);
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

	view_begin(v);
	if (v->json) {
		json_unsigned(&v->js, "inode", v->ino);
		json_begin_array(&v->js, "map");
	}
	err = walk_blocks(&v->im->dev, &v->im->lo, &v->inode, show_block, v);
	if (v->json)
		json_end_array(&v->js);
	return view_end(v, err);
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
	view_begin(v);
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
	return view_end(v, 0);
}
