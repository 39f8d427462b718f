// SPDX-License-Identifier: Apache-2.0
/* Makes a tree from a seed and keeps a model of it, which says what must be found afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fstree/entry.h"
#include "lib/hash.h"
#include "lib/random.h"
#include "lib/tree.h"

#define EXTENTS 16
#define PIECE (1 << 18)

/* An inode of the model; entries are names of it. */
struct node {
	struct entry entry;
	struct {
		off_t offset, len;
		unsigned int generation;
	} extent[EXTENTS];
	int extents;
	unsigned int generation;
	bool gone;
};

struct name {
	char *path;
	struct node *node;
	int children;
	struct name *parent;
};

static struct name *names;
static size_t count;
static uint64_t state, seed;
static unsigned int last_id;
static bool no_xattrs;
static char piece[PIECE];

static uint64_t below(uint64_t limit)
{
	return random_below(&state, limit);
}

static bool broken(const char *what, const char *path)
{
	fprintf(stderr, "fstree: %s %s: %s\n", what, path, strerror(errno));
	return false;
}

/* Overlapping extents are drawn in their order, the last one on top: a cut shortens all. */
static void cut(struct node *node, off_t size)
{
	for (int i = 0; i < node->extents; i++)
		if (node->extent[i].offset + node->extent[i].len > size)
			node->extent[i].len = node->extent[i].offset < size ? size - node->extent[i].offset : 0;
	node->entry.size = size;
}

static bool write_range(struct node *node, const char *path, off_t offset, off_t len)
{
	unsigned int generation = ++node->generation;
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return broken("open", path);
	for (off_t done = 0; done < len;) {
		size_t part = len - done < PIECE ? (size_t)(len - done) : PIECE;

		tag(piece, offset + done, part, seed, node->entry.id, generation);
		if (write_all(fd, piece, part, offset + done) != (ssize_t)part)
			return broken("write", path);
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

static bool resize(struct node *node, const char *path, off_t size)
{
	if (truncate(path, size))
		return broken("truncate", path);
	cut(node, size);
	return true;
}

static off_t some_size(void)
{
	static const off_t borders[] = { 0, 1, 511, 512, 1023, 1024, 4095, 4096, 4097, 8192, 12288, 49152, 49153, 65536 };

	if (!below(30))
		return below(3 << 20);
	return below(3) ? (off_t)below(40000) : borders[below(sizeof(borders) / sizeof(*borders))];
}

static struct name *some_dir(void)
{
	for (int i = 0; i < 8 && count; i++) {
		struct name *name = &names[below(count)];

		if (!name->node->gone && name->path && S_ISDIR(name->node->entry.mode))
			return name;
	}
	return NULL;
}

static struct name *some_file(void)
{
	for (int i = 0; i < 8 && count; i++) {
		struct name *name = &names[below(count)];

		if (name->path && S_ISREG(name->node->entry.mode))
			return name;
	}
	return NULL;
}

static char *new_path(struct name *parent)
{
	static unsigned int number;
	size_t extra = below(12) ? below(12) : below(230);
	char tail[256], *path;

	memset(tail, 'a' + number % 26, extra);
	tail[extra] = '\0';
	if (parent && strlen(parent->path) > 2500)
		parent = NULL;
	if (asprintf(&path, "%s%s%u-%s", parent ? parent->path : "", parent ? "/" : "", number++, tail) < 0)
		abort();
	return path;
}

static struct name *add_name(char *path, struct node *node, struct name *parent)
{
	struct name *name = &names[count++];

	name->path = path;
	name->node = node;
	name->parent = parent && !strncmp(path, parent->path, strlen(parent->path)) ? parent : NULL;
	if (name->parent)
		name->parent->children++;
	return name;
}

static struct node *new_node(mode_t mode)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		abort();
	node->entry.mode = mode;
	node->entry.uid = geteuid();
	node->entry.gid = getegid();
	node->entry.nlink = S_ISDIR(mode) ? 2 : 1;
	node->entry.id = ++last_id;
	node->entry.ino = last_id;
	node->entry.seed = seed;
	return node;
}

static bool make_file(const char *path, struct node *node)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	off_t size = some_size();

	if (fd < 0)
		return broken("create", path);
	close(fd);
	if (!below(8) && !resize(node, path, below(200000)))
		return false;
	return !size || write_range(node, path, below(6) ? 0 : below(100000), size);
}

static bool make_symlink(const char *path, struct node *node)
{
	size_t len = 1 + (below(3) ? below(70) : below(900));
	char *target = malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		target[i] = 'a' + below(26);
	target[len] = '\0';
	if (symlink(target, path))
		return broken("symlink", path);
	node->entry.target = target;
	node->entry.size = len;
	return true;
}

static bool make_special(const char *path, struct node *node)
{
	bool device = !geteuid() && below(2);

	node->entry.mode = (device ? S_IFCHR : S_IFIFO) | 0644;
	node->entry.rdev = device ? makedev(below(500), below(1 << 18)) : 0;
	return !mknod(path, node->entry.mode, node->entry.rdev) || broken("mknod", path);
}

static bool make_one(void)
{
	struct name *parent = below(4) ? some_dir() : NULL, *old;
	char *path = new_path(parent);
	unsigned int what = below(100);
	struct node *node;
	bool good;

	if (what < 12) {
		node = new_node(S_IFDIR | 0755);
		good = !mkdir(path, 0755) || broken("mkdir", path);
		add_name(path, node, parent);
		if (names[count - 1].parent)
			names[count - 1].parent->node->entry.nlink++;
		return good;
	}
	if (what < 20) {
		node = new_node(S_IFLNK | 0777);
		good = make_symlink(path, node);
	} else if (what < 23) {
		node = new_node(S_IFIFO | 0644);
		good = make_special(path, node);
	} else if (what < 30 && (old = some_file())) {
		node = old->node;
		good = !link(old->path, path) || broken("link", path);
		node->entry.nlink++;
	} else {
		node = new_node(S_IFREG | 0644);
		good = make_file(path, node);
	}
	add_name(path, node, parent);
	return good;
}

static void forget_name(struct name *name)
{
	if (name->parent)
		name->parent->children--;
	name->path = NULL;
	if (!--name->node->entry.nlink)
		name->node->gone = true;
}

static bool move(struct name *name)
{
	struct name *onto = below(4) ? NULL : some_file();
	struct name *parent = below(3) ? some_dir() : NULL;
	char *path;

	if (onto == name || (onto && onto->node == name->node))
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
	if (name->parent)
		name->parent->children--;
	name->path = path;
	name->parent = parent && !strncmp(path, parent->path, strlen(parent->path)) ? parent : NULL;
	if (name->parent)
		name->parent->children++;
	return true;
}

static bool set_xattr(struct name *name)
{
	struct entry *entry = &name->node->entry;
	size_t len = below(120);
	char key[32], value[120];
	int at = 0;

	if (no_xattrs)
		return true;
	snprintf(key, sizeof(key), "user.k%d", (int)below(4));
	for (size_t i = 0; i < len; i++)
		value[i] = below(256);
	if (lsetxattr(name->path, key, value, len, 0)) {
		no_xattrs = errno == EOPNOTSUPP;
		return no_xattrs || broken("setxattr", name->path);
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

static bool change_one(void)
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
		if (unlink(name->path))
			return broken("unlink", name->path);
		forget_name(name);
		return true;
	case 7:
		return set_xattr(name);
	default:
		node->entry.mode = S_IFREG | (0400 | below(0400));
		if (!geteuid()) {
			node->entry.uid = below(100000);
			node->entry.gid = below(100000);
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

static long grain_of(const char *path)
{
	const struct timespec times[2] = { { 1000000000, 123456789 }, { 1000000000, 123456789 } };
	struct stat st;
	long grain = 1;

	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) || lstat(path, &st))
		return 1;
	while (grain < 1000000000 && st.st_mtim.tv_nsec != 123456789 / grain * grain)
		grain *= 10;
	return grain;
}

static bool set_times(void)
{
	long grain = 0;

	/* Parents come before what is in them, so from the end: setting a time marks no other. */
	for (size_t i = count; i-- > 0;) {
		struct entry *entry = &names[i].node->entry;
		struct timespec times[2];

		if (!names[i].path)
			continue;
		if (!grain)
			grain = grain_of(names[i].path);
		if (!entry->mtime.tv_sec) {
			entry->mtime.tv_sec = 946684800 + below(800000000);
			entry->mtime.tv_nsec = grain >= 1000000000 ? 0 : (long)below(1000000000) / grain * grain;
		}
		times[0] = times[1] = entry->mtime;
		if (utimensat(AT_FDCWD, names[i].path, times, AT_SYMLINK_NOFOLLOW))
			return broken("utimensat", names[i].path);
	}
	return true;
}

static char *extents_of(const struct node *node)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; out && i < node->extents; i++)
		if (node->extent[i].len)
			fprintf(out, "%s%lld+%lld@%u", ftell(out) ? " " : "", (long long)node->extent[i].offset,
				(long long)node->extent[i].len, node->extent[i].generation);
	if (!out || fclose(out))
		abort();
	return text;
}

static void to_manifest(struct tree *tree)
{
	for (size_t i = 0; i < count; i++) {
		struct node *node = names[i].node;
		struct entry *entry;

		if (!names[i].path)
			continue;
		if (S_ISREG(node->entry.mode) && !node->entry.extents) {
			node->entry.extents = extents_of(node);
			node->entry.hash = HASH_START;
			for (off_t at = 0; at < node->entry.size; at += PIECE) {
				size_t part = node->entry.size - at < PIECE ? (size_t)(node->entry.size - at) : PIECE;

				render(piece, at, part, seed, node->entry.id, node->entry.extents);
				node->entry.hash = hash64(node->entry.hash, piece, part);
			}
		}
		entry = tree_add(tree);
		*entry = node->entry;
		entry->path = names[i].path;
	}
	tree_finish(tree);
}

bool fill(struct tree *tree, uint64_t run, size_t wanted, const char *dir)
{
	bool good = true;

	seed = run;
	state = mix64(run + 7);
	names = calloc(wanted + 1, sizeof(*names));
	if (!names)
		abort();
	umask(022);
	if (chdir(dir))
		return broken("chdir", dir);
	while (good && count < wanted) {
		good = make_one();
		if (good && below(100) < 60)
			good = change_one();
	}
	good = good && set_times();
	if (good)
		to_manifest(tree);
	return good;
}
