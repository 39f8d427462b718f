// SPDX-License-Identifier: Apache-2.0
/* Makes a tree from a seed and keeps a model of it, which says what must be found afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fstree/entry.h"
#include "lib/random.h"

static off_t some_size(void)
{
	static const off_t borders[] = { 0, 1, 511, 512, 1023, 1024, 4095, 4096, 4097, 8192, 12288, 49152, 49153, 65536 };

	if (!below(30))
		return below(3 << 20);
	return below(3) ? (off_t)below(40000) : borders[below(sizeof(borders) / sizeof(*borders))];
}

/* A file that gets its name only when it is there already (open(2), O_TMPFILE); -1 where there is no such thing. */
static int named_late(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX], self[64];
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
		return fd;
	close(fd);
	return -1;
}

static bool make_file(const char *path, struct node *node)
{
	int fd = below(6) || !allowed.tmpfile ? -1 : named_late(path);
	off_t size = some_size();

	if (fd < 0)
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
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
	char *target;

	if ((long long)len > allowed.target)
		len = allowed.target;
	target = malloc(len + 1);
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
	bool device = !geteuid() && below(2) && allowed.device;

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

	if (what < 12 && allowed.mkdir) {
		node = new_node(S_IFDIR | 0755);
		good = !mkdir(path, 0755) || broken("mkdir", path);
		add_name(path, node, parent);
		if (model.names[model.count - 1].parent)
			model.names[model.count - 1].parent->node->entry.nlink++;
		return good;
	}
	if (what < 20 && allowed.symlink) {
		node = new_node(S_IFLNK | 0777);
		good = make_symlink(path, node);
	} else if (what < 23 && allowed.fifo) {
		node = new_node(S_IFIFO | 0644);
		good = make_special(path, node);
	} else if (what < 30 && allowed.link && (old = some_file()) && (long long)old->node->entry.nlink < allowed.links) {
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

	if (allowed.untold & UNTOLD_MTIME)
		return true;

	/* Parents come before what is in them, so from the end: setting a time marks no other. */
	for (size_t i = model.count; i-- > 0;) {
		struct entry *entry = &model.names[i].node->entry;
		struct timespec times[2];

		if (!model.names[i].path)
			continue;
		if (!grain)
			grain = grain_of(model.names[i].path);
		if (!entry->mtime.tv_sec) {
			entry->mtime.tv_sec = 946684800 + below(800000000);
			entry->mtime.tv_sec -= entry->mtime.tv_sec % (1 + (allowed.grain - 1) / 1000000000);
			entry->mtime.tv_nsec = grain >= 1000000000 ? 0 : (long)below(1000000000) / grain * grain;
		}
		times[0] = times[1] = entry->mtime;
		if (utimensat(AT_FDCWD, model.names[i].path, times, AT_SYMLINK_NOFOLLOW))
			return broken("utimensat", model.names[i].path);
	}
	return true;
}

/* Whether there is room for one more name, wherever it comes to lie. */
static bool may_go_on(void)
{
	return has_room(NULL) && (long long)model.count < allowed.names && model.bytes <= allowed.bytes;
}

bool fill(struct tree *tree, uint64_t run, size_t wanted, const char *dir)
{
	bool good = true;

	model.seed = run;
	model.state = mix64(run + 7);
	model.names = calloc(wanted + 1, sizeof(*model.names));
	if (!model.names)
		abort();
	umask(022);
	if (chdir(dir))
		return broken("chdir", dir);
	find_allowed(".");
	if (!allowed.mkdir)
		snprintf(allowed.prefix, sizeof(allowed.prefix), "s%llu.", (unsigned long long)run % 1000);
	while (good && model.count < wanted && may_go_on()) {
		good = make_one();
		if (good && below(100) < 60)
			good = change_one();
	}
	good = good && set_times();
	if (good)
		to_manifest(tree);
	return good;
}
