// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/hash.h"
#include "lib/tree.h"

static uint64_t digest_stat(uint64_t hash, const struct stat *st)
{
	const int64_t values[] = {
		st->st_ino, st->st_mode, st->st_nlink, st->st_uid, st->st_gid, st->st_rdev, st->st_size,
		st->st_mtim.tv_sec, st->st_mtim.tv_nsec, st->st_ctim.tv_sec, st->st_ctim.tv_nsec,
	};

	return hash64(hash, values, sizeof(values));
}

static uint64_t digest(int dirfd, const char *path, uint64_t hash)
{
	char target[PATH_MAX] = "";
	struct names names;
	struct stat st;
	int fd;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW))
		return hash;
	hash = digest_stat(hash64(hash, path, strlen(path)), &st);
	if (S_ISLNK(st.st_mode) && readlinkat(dirfd, path, target, sizeof(target)) > 0)
		hash = hash64(hash, target, strnlen(target, sizeof(target)));
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return hash;
	fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return hash;
	if (S_ISREG(st.st_mode)) {
		uint64_t content;

		if (file_hash(fd, 1 << 20, &content))
			hash = hash64(hash, &content, sizeof(content));
	} else if (names_read(fd, ".", &names)) {
		for (size_t i = 0; i < names.count; i++)
			hash = digest(fd, names.name[i], hash);
		names_free(&names);
	}
	close(fd);
	return hash;
}

uint64_t tree_digest(void)
{
	return digest(AT_FDCWD, ".", HASH_START);
}
