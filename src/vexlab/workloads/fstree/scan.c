// SPDX-License-Identifier: Apache-2.0
/* The tree as it is found. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fstree/entry.h"
#include "lib/hash.h"
#include "lib/tree.h"

__attribute__((format(printf, 2, 3))) static void wrong(struct entry *entry, const char *format, ...)
{
	va_list args;

	if (entry->wrong)
		return;
	va_start(args, format);
	if (vasprintf(&entry->wrong, format, args) < 0)
		abort();
	va_end(args);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void scan_xattrs(struct entry *entry, const char *path)
{
	static char list[65536], value[65536];
	ssize_t len = llistxattr(path, list, sizeof(list)), size;

	if (len < 0) {
		if (errno != EOPNOTSUPP && errno != EPERM)
			wrong(entry, "listxattr: %s", strerrorname_np(errno));
		return;
	}
	for (ssize_t at = 0; at < len; at += strlen(list + at) + 1)
		if (!strncmp(list + at, "user.", 5) && entry->xattrs < XATTRS)
			entry->xattr[entry->xattrs++] = strdup(list + at);
	qsort(entry->xattr, entry->xattrs, sizeof(*entry->xattr), by_name);
	for (int i = 0; i < entry->xattrs; i++) {
		size = lgetxattr(path, entry->xattr[i], value, sizeof(value));
		if (size < 0)
			wrong(entry, "getxattr %s: %s", entry->xattr[i], strerrorname_np(errno));
		else
			entry->value[i] = hash64(HASH_START, value, size);
	}
}

static void scan_data(struct entry *entry, int fd)
{
	char *text = NULL;
	off_t at = 0;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	while (at < entry->size) {
		off_t from = lseek(fd, at, SEEK_DATA), to;

		if (from < 0)
			break;
		to = lseek(fd, from, SEEK_HOLE);
		if (to <= from)
			break;
		fprintf(out, "%s%lld+%lld", at ? " " : "", (long long)from, (long long)(to - from));
		at = to;
	}
	fclose(out);
	entry->data = text;
}

static void scan_content(struct entry *entry, int dirfd, const char *name, bool holes)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);

	if (fd < 0)
		fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		wrong(entry, "open: %s", strerrorname_np(errno));
		return;
	}
	if (!file_hash(fd, entry->size, &entry->hash))
		wrong(entry, "read: %s", strerrorname_np(errno));
	if (holes)
		scan_data(entry, fd);
	close(fd);
}

static void take(struct entry *entry, const struct stat *st)
{
	entry->mode = st->st_mode;
	entry->uid = st->st_uid;
	entry->gid = st->st_gid;
	entry->nlink = st->st_nlink;
	entry->size = st->st_size;
	entry->mtime = st->st_mtim;
	entry->rdev = st->st_rdev;
	entry->ino = st->st_ino;
}

static bool scan_below(struct tree *tree, int dirfd, const char *prefix, bool holes)
{
	struct names names;
	bool good = true;

	if (!names_read(dirfd, ".", &names))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.name[i];
		char target[PATH_MAX], path[64 + NAME_MAX];
		struct entry *entry = tree_add(tree);
		struct stat st;
		ssize_t len;
		int fd;

		if (asprintf(&entry->path, "%s%s%s", prefix, *prefix ? "/" : "", name) < 0)
			abort();
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW)) {
			wrong(entry, "it is listed, but lstat says %s", strerrorname_np(errno));
			entry->ino = -1 - (ino_t)tree->count;
			continue;
		}
		take(entry, &st);
		if (S_ISREG(st.st_mode))
			scan_content(entry, dirfd, name, holes);
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
		scan_xattrs(entry, path);
		if (S_ISLNK(st.st_mode)) {
			len = readlinkat(dirfd, name, target, sizeof(target) - 1);
			if (len < 0)
				wrong(entry, "readlink: %s", strerrorname_np(errno));
			target[len < 0 ? 0 : len] = '\0';
			entry->target = strdup(target);
		}
		if (!S_ISDIR(st.st_mode))
			continue;
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* `entry` may have moved with the table once the directory's own entries are added. */
		if (fd < 0 || !scan_below(tree, fd, strdupa(entry->path), holes)) {
			good = false;
			fprintf(stderr, "fstree: %s: %s\n", name, strerror(errno));
		}
		if (fd >= 0)
			close(fd);
	}
	names_free(&names);
	return good;
}

bool tree_scan(struct tree *tree, const char *dir, bool holes)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good;

	if (fd < 0) {
		fprintf(stderr, "fstree: %s: %s\n", dir, strerror(errno));
		return false;
	}
	good = scan_below(tree, fd, "", holes);
	close(fd);
	tree_finish(tree);
	return good;
}
