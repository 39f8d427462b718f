// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/hash.h"
#include "lib/tree.h"

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool names_add(struct names *names, size_t *room, const char *name)
{
	if (names->count == *room) {
		*room = *room * 2 + 64;
		names->name = realloc(names->name, *room * sizeof(*names->name));
		if (!names->name)
			abort();
	}
	names->name[names->count] = strdup(name);
	return names->name[names->count++] != NULL;
}

/* Whether the type that an entry tells, where it tells one, is that of what it names; it may be gone already. */
static bool type_true(int fd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type == DT_UNKNOWN || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
		return true;
	if (entry->d_type == IFTODT(st.st_mode))
		return true;
	fprintf(stderr, "readdir says d_type %d of \"%.255s\", which is of type %d\n", entry->d_type, entry->d_name,
		IFTODT(st.st_mode));
	return false;
}

static bool list(int dirfd, const char *path, struct names *names, bool *types_true)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t room = 0;
	int err;

	*types_true = true;
	*names = (struct names){ 0 };
	if (!dir)
		return false;
	while (errno = 0, (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		names_add(names, &room, entry->d_name);
		*types_true &= type_true(fd, entry);
	}
	err = errno;
	closedir(dir);
	errno = err;
	if (err) {
		names_free(names);
		errno = err;
		return false;
	}
	if (names->count)
		qsort(names->name, names->count, sizeof(*names->name), by_bytes);
	return true;
}

bool names_read(int dirfd, const char *path, struct names *names)
{
	bool types_true;

	if (!list(dirfd, path, names, &types_true))
		return false;
	if (types_true)
		return true;
	names_free(names);
	errno = EUCLEAN;
	return false;
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names){ 0 };
}

static bool remove_all(int dirfd, const char *path, bool *types_true);

static bool remove_below(int dirfd, const char *path, bool *types_true)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool done, these_true = true;
	struct names names;

	if (fd < 0)
		return false;
	done = list(fd, ".", &names, &these_true);
	*types_true &= these_true;
	for (size_t i = 0; done && i < names.count; i++)
		done = remove_all(fd, names.name[i], types_true);
	if (done)
		names_free(&names);
	close(fd);
	return done;
}

static bool remove_all(int dirfd, const char *path, bool *types_true)
{
	if (!unlinkat(dirfd, path, 0))
		return true;
	if (errno != EISDIR)
		return false;
	if (!unlinkat(dirfd, path, AT_REMOVEDIR))
		return true;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return false;
	if (!remove_below(dirfd, path, types_true) && errno == EACCES) {
		fchmodat(dirfd, path, 0700, 0);
		if (!remove_below(dirfd, path, types_true))
			return false;
	}
	return !unlinkat(dirfd, path, AT_REMOVEDIR);
}

bool made_by_mkfs(const char *name)
{
	return !strcmp(name, "lost+found") || !strcmp(name, ".nilfs"); /* mke2fs(8), mkfs.nilfs2(8) */
}

bool tree_remove(int dirfd, const char *path)
{
	bool types_true = true;

	if (!remove_all(dirfd, path, &types_true))
		return false;
	if (!types_true)
		errno = EUCLEAN;
	return types_true;
}

bool file_hash(int fd, off_t limit, uint64_t *hash)
{
	static char piece[65536];
	off_t at = 0;

	*hash = HASH_START;
	while (at < limit) {
		size_t want = limit - at < (off_t)sizeof(piece) ? (size_t)(limit - at) : sizeof(piece);
		ssize_t got = read_all(fd, piece, want, at);

		if (got < 0)
			return false;
		*hash = hash64(*hash, piece, got);
		at += got;
		if ((size_t)got < want)
			break;
	}
	return true;
}

ssize_t write_all(int fd, const void *data, size_t len, off_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t put = pwrite(fd, (const char *)data + done, len - done, offset + done);

		if (!put) {
			errno = 0;
			return done;
		}
		if (put < 0)
			return done ? (ssize_t)done : -1;
		done += put;
	}
	return done;
}

ssize_t read_all(int fd, void *data, size_t len, off_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(fd, (char *)data + done, len - done, offset + done);

		if (got < 0)
			return -1;
		if (!got)
			break;
		done += got;
	}
	return done;
}
