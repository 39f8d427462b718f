// SPDX-License-Identifier: Apache-2.0
/* The tree that a program left, as lines that two filesystems must agree on. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsseq/execute.h"
#include "lib/hash.h"
#include "lib/tree.h"

static void room_for(struct text *text, size_t more)
{
	if (text->len + more < text->room)
		return;
	text->room = (text->len + more) * 2 + 4096;
	text->bytes = realloc(text->bytes, text->room);
	if (!text->bytes)
		abort();
}

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list args;

	room_for(text, 8192);
	va_start(args, format);
	text->len += vsnprintf(text->bytes + text->len, 8192, format, args);
	va_end(args);
}

static void add_name(struct text *text, const char *name)
{
	for (; *name; name++)
		if (isalnum((unsigned char)*name) || strchr("._/-", *name))
			add(text, "%c", *name);
		else
			add(text, "%%%02x", (unsigned char)*name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_xattrs(struct text *text, int dirfd, const char *name)
{
	static char list[65536], value[65536];
	char path[600], *names[64];
	ssize_t len, size;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	len = llistxattr(path, list, sizeof(list));
	for (ssize_t at = 0; at < len && count < 64; at += strlen(list + at) + 1)
		if (!strncmp(list + at, "user.", 5))
			names[count++] = list + at;
	qsort(names, count, sizeof(*names), by_name);
	for (int i = 0; i < count; i++) {
		size = lgetxattr(path, names[i], value, sizeof(value));
		if (size < 0)
			add(text, " %s=%s", names[i], strerrorname_np(errno));
		else
			add(text, " %s=%zd:%016llx", names[i], size, (unsigned long long)hash64(HASH_START, value, size));
	}
}

static void add_content(struct text *text, int dirfd, const char *name, off_t size)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	static char piece[65536];
	uint64_t hash = HASH_START;
	off_t at = 0;

	if (fd < 0) {
		add(text, " content=%s", strerrorname_np(errno));
		return;
	}
	/* Holes are skipped: a hash of where the bytes other than zero are, and of the bytes. */
	while (at < size) {
		off_t next = lseek(fd, at, SEEK_DATA);
		ssize_t got;

		if (next < 0 && errno == ENXIO)
			break;
		if (next > at)
			at = next & ~4095LL;
		got = read_all(fd, piece, sizeof(piece), at);
		if (got <= 0) {
			add(text, " content=%s", got ? strerrorname_np(errno) : "short");
			break;
		}
		for (ssize_t i = 0; i < got; i += 4096) {
			size_t len = got - i < 4096 ? got - i : 4096;
			uint64_t where = at + i;

			if (!piece[i] && !memcmp(piece + i, piece + i + 1, len - 1))
				continue;
			hash = hash64(hash64(hash, &where, sizeof(where)), piece + i, len);
		}
		at += got;
	}
	close(fd);
	add(text, " content=%016llx", (unsigned long long)hash);
}

static const char *type_of(mode_t mode)
{
	return S_ISDIR(mode) ? "dir" : S_ISREG(mode) ? "file" : S_ISLNK(mode) ? "symlink" : "other";
}

static void walk(struct place *place, int dirfd, const char *path, struct text *text)
{
	struct names names;

	if (!names_read(dirfd, ".", &names)) {
		add(text, "unreadable %s %s\n", path, strerrorname_np(errno));
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.name[i];
		char below[PATH_MAX], target[PATH_MAX];
		struct stat st;
		ssize_t len;
		int fd;

		if (place->flat && made_by_mkfs(name))
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", name);
		add_name(text, below);
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW)) {
			add(text, " listed, but %s\n", strerrorname_np(errno));
			continue;
		}
		add(text, " %s", type_of(st.st_mode));
		if (keeps_modes())
			add(text, " mode=%o", st.st_mode & 07777);
		if (keeps_owners())
			add(text, " owner=%u:%u", st.st_uid, st.st_gid);
		if (!S_ISDIR(st.st_mode) || place->dir_links)
			add(text, " links=%lu", (unsigned long)st.st_nlink);
		if (!S_ISDIR(st.st_mode))
			add(text, " size=%lld", (long long)st.st_size);
		if (tells_mtime(&st))
			add(text, " mtime=%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		if (S_ISREG(st.st_mode))
			add_content(text, dirfd, name, st.st_size);
		if (S_ISLNK(st.st_mode)) {
			len = readlinkat(dirfd, name, target, sizeof(target) - 1);
			target[len < 0 ? 0 : len] = '\0';
			add(text, " target=");
			add_name(text, target);
		} else {
			add_xattrs(text, dirfd, name);
		}
		add(text, "\n");
		if (!S_ISDIR(st.st_mode))
			continue;
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			add(text, "unopenable %s %s\n", below, strerrorname_np(errno));
			continue;
		}
		walk(place, fd, below, text);
		close(fd);
	}
	names_free(&names);
}

void tree_lines(struct place *place, struct text *text)
{
	text->len = 0;
	room_for(text, 1);
	text->bytes[0] = '\0';
	walk(place, place->dirfd, "", text);
}
