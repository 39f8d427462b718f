// SPDX-License-Identifier: Apache-2.0
/* Changes of what is there, which the model follows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fstree/entry.h"
#include "lib/hash.h"
#include "lib/tree.h"

#define PIECE (1 << 18)

static char piece[PIECE];

/* Overlapping extents are drawn in their order, the last one on top: a cut shortens all. */
static void cut(struct node *node, off_t size)
{
	for (int i = 0; i < node->extents; i++)
		if (node->extent[i].offset + node->extent[i].len > size)
			node->extent[i].len = node->extent[i].offset < size ? size - node->extent[i].offset : 0;
	node->entry.size = size;
}

bool write_range(struct node *node, const char *path, off_t offset, off_t len)
{
	unsigned int generation = ++node->generation;
	int fd;

	if (!allowed.gaps && offset > node->entry.size)
		offset = node->entry.size;
	if (offset > allowed.size)
		offset = allowed.size;
	if (len > allowed.size - offset)
		len = allowed.size - offset;
	if (!len || (model.bytes += len) > allowed.bytes)
		return true;
	fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return broken("open", path);
	for (off_t done = 0; done < len;) {
		size_t part = len - done < PIECE ? (size_t)(len - done) : PIECE;
		ssize_t put;

		tag(piece, offset + done, part, model.seed, node->entry.id, generation);
		put = write_all(fd, piece, part, offset + done);
		if (put != (ssize_t)part) {
			fprintf(stderr, "fstree: write %s: wrote %zd of %zu bytes: %s\n", path, put < 0 ? 0 : put, part,
				errno ? strerror(errno) : "no error");
			return false;
		}
		done += part;
	}
	if (close(fd))
		return broken("close", path);
	node->extent[node->extents].offset = offset;
	node->extent[node->extents].len = len;
	node->extent[node->extents++].generation = generation;
	if (offset + len > node->entry.size)
		node->entry.size = offset + len;
	return true;
}

bool resize(struct node *node, const char *path, off_t size)
{
	if (size > node->entry.size ? !allowed.truncate_up || size > allowed.size : !allowed.truncate_down)
		return true;
	if (truncate(path, size))
		return broken("truncate", path);
	cut(node, size);
	return true;
}

static bool move(struct name *name)
{
	struct name *onto = below(4) ? NULL : some_file();
	struct name *parent = below(3) ? some_dir() : NULL;
	char *path;

	if (onto == name || (onto && onto->node == name->node))
		return true;
	if (onto ? !allowed.rename_over : !allowed.rename || !has_room(parent))
		return true;
	if (onto) {
		parent = onto->parent;
		path = onto->path;
	} else {
		path = new_path(parent);
	}
	if (rename(name->path, path))
		return broken("rename", path);
	if (onto)
		forget_name(onto);
	count_child(name->parent, -1);
	name->path = path;
	name->parent = parent && !strncmp(path, parent->path, strlen(parent->path)) ? parent : NULL;
	count_child(name->parent, 1);
	return true;
}

static bool set_xattr(struct name *name)
{
	struct entry *entry = &name->node->entry;
	size_t len = below(120);
	char key[32], value[120];
	int at = 0;

	if (!allowed.xattr)
		return true;
	if ((long long)len > allowed.value)
		len = allowed.value;
	snprintf(key, sizeof(key), "user.k%d", (int)below(4));
	for (size_t i = 0; i < len; i++)
		value[i] = below(256);
	if (lsetxattr(name->path, key, value, len, 0)) {
		allowed.xattr = errno != EOPNOTSUPP;
		return !allowed.xattr || broken("setxattr", name->path);
	}
	/* In the order of their names, as the manifest has them. */
	while (at < entry->xattrs && strcmp(entry->xattr[at], key) < 0)
		at++;
	if (at == entry->xattrs || strcmp(entry->xattr[at], key)) {
		memmove(&entry->xattr[at + 1], &entry->xattr[at], (entry->xattrs - at) * sizeof(*entry->xattr));
		memmove(&entry->value[at + 1], &entry->value[at], (entry->xattrs - at) * sizeof(*entry->value));
		entry->xattrs++;
		entry->xattr[at] = strdup(key);
	}
	entry->value[at] = hash64(HASH_START, value, len);
	return true;
}

bool change_one(void)
{
	struct name *name = some_file();
	struct node *node;

	if (!name)
		return true;
	node = name->node;
	switch (below(9)) {
	case 0:
	case 1:
		if (node->extents == EXTENTS)
			return true;
		return write_range(node, name->path, below(node->entry.size + 1), 1 + below(20000));
	case 2:
		return resize(node, name->path, below(node->entry.size + 1));
	case 3:
		return resize(node, name->path, node->entry.size + below(60000));
	case 4:
		/* Cut, then grown: the old bytes must be gone. */
		return resize(node, name->path, below(node->entry.size + 1)) &&
		       resize(node, name->path, node->entry.size + below(30000));
	case 5:
		return move(name);
	case 6:
		if (!allowed.unlink)
			return true;
		if (unlink(name->path))
			return broken("unlink", name->path);
		forget_name(name);
		return true;
	case 7:
		return set_xattr(name);
	default:
		if (allowed.untold & UNTOLD_MODE)
			return true;
		node->entry.mode = S_IFREG | (0400 | below(0400));
		if (!geteuid() && !(allowed.untold & UNTOLD_OWNER)) {
			node->entry.uid = below(allowed.owner);
			node->entry.gid = below(allowed.owner);
			if (chown(name->path, node->entry.uid, node->entry.gid))
				return broken("chown", name->path);
		}
		/* Last, for the owner of a file may lose the right to write it. */
		if (!geteuid() || (node->entry.mode & 0200))
			return !chmod(name->path, node->entry.mode & 07777) || broken("chmod", name->path);
		node->entry.mode |= 0200;
		return !chmod(name->path, node->entry.mode & 07777) || broken("chmod", name->path);
	}
}
