// SPDX-License-Identifier: GPL-2.0
/*
 * The view of a directory, and the inode that a path leads to.
 */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dump.h"
#include "text.h"
#include "walk.h"

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
	view_begin(v);
	if (v->json) {
		json_unsigned(&v->js, "inode", v->ino);
		json_unsigned(&v->js, "parent", le32toh(v->inode.i_parent));
		json_begin_array(&v->js, "entries");
	}
	err = walk_entries(&v->im->dev, &v->im->lo, &v->inode, show_entry, v);
	if (v->json)
		json_end_array(&v->js);
	return view_end(v, err);
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
