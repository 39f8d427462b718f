// SPDX-License-Identifier: Apache-2.0
/* Reads everything that can be reached, within bounds that a sound image of the lab's never comes near. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsdamage/damage.h"

#define MOST_NAMES 20000	/* of one directory */
#define MOST_ENTRIES 4000	/* of all that is walked */
#define MOST_DEEP 12
#define READ_BYTES (64 << 10)

struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static sigjmp_buf faulted;

static void on_fault(int number)
{
	siglongjmp(faulted, number);
}

void each_name(int fd, bool (*visit)(void *arg, const struct name *name), void *arg)
{
	static _Thread_local char buffers[MOST_DEEP + 2][16384];
	static _Thread_local int level;
	char *buffer = buffers[level++];
	int names = 0;
	bool on = true;

	while (on) {
		long len = syscall(SYS_getdents64, fd, buffer, sizeof(buffers[0]));

		if (failed(len) || !len)
			break;
		for (long at = 0; at < len && on; names++) {
			struct linux_dirent64 *entry = (void *)(buffer + at);
			size_t room = entry->reclen - offsetof(struct linux_dirent64, name);

			/* The kernel copies the name as the filesystem gave it, whatever it holds, and up to 8 bytes. */
			for (size_t i = strlen(entry->name); names_are_sound && i + 8 < room; i++)
				if (entry->name[i])
					wrong("a name goes on after the NUL at byte %zu, with bytes of something else: %.40s",
					      strlen(entry->name), entry->name);
			at += entry->reclen;
			if (strcmp(entry->name, ".") && strcmp(entry->name, ".."))
				on = visit(arg, &(struct name){ entry->name, entry->type });
		}
		if (names > MOST_NAMES) {
			wrong("a directory lists more than %d names, without end", MOST_NAMES);
			break;
		}
	}
	level--;
}

static char hidden[4096];
static bool hides;

void hide_block(const char *image, uint64_t offset)
{
	static const char zeros[sizeof(hidden)];
	int fd = offset ? open(image, O_RDONLY | O_CLOEXEC) : -1;

	/* A block of zeros cannot be told from a hole. */
	hides = fd >= 0 && pread(fd, hidden, sizeof(hidden), (off_t)offset) == sizeof(hidden) &&
		memcmp(hidden, zeros, sizeof(hidden));
	if (fd >= 0)
		close(fd);
}

static void read_at(int fd, off_t offset)
{
	static char buffer[READ_BYTES];
	ssize_t got = pread(fd, buffer, sizeof(buffer), offset);

	if (failed(got) || !hides)
		return;
	for (ssize_t at = 0; at + (ssize_t)sizeof(hidden) <= got; at += sizeof(hidden))
		if (!memcmp(buffer + at, hidden, sizeof(hidden)))
			wrong("a file shows at %lld a block of metadata, which is no file's", (long long)(offset + at));
}

/* The first and the last page through a mapping; a fault there is an error like EIO. */
static void read_mapped(int fd, off_t size)
{
	volatile const char *map;
	off_t last = (size - 1) & ~4095L;

	for (int i = 0; i < (last ? 2 : 1); i++) {
		map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, i ? last : 0);
		if (map == MAP_FAILED) {
			failed(-1);
			continue;
		}
		if (!sigsetjmp(faulted, 1)) {
			(void)map[0];
		} else {
			errno = EIO;
			failed(-1);
		}
		munmap((void *)map, 4096);
	}
}

static void read_file(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (failed(fd))
		return;
	step("read", name);
	if (!failed(fstat(fd, &st)) && st.st_size > 0) {
		read_at(fd, 0);
		for (off_t hole = 0, i = 0; i < 8; i++) {	/* further extents of a sparse file */
			off_t data = lseek(fd, hole, SEEK_DATA);

			if (data < 0 || (hole = lseek(fd, data, SEEK_HOLE)) <= data)
				break;
			read_at(fd, data);
		}
		for (off_t at = 4096; at > 0 && at < st.st_size; at *= 8)
			read_at(fd, at);
		read_at(fd, st.st_size > 4096 ? st.st_size - 4096 : 0);
		step("map", name);
		if (usable("mmap_read"))
			read_mapped(fd, st.st_size);
	}
	close(fd);
}

static void read_attributes(const char *path)
{
	static char list[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
	ssize_t len = llistxattr(path, list, sizeof(list));

	if (len < 0) {
		if (errno != EOPNOTSUPP)
			failed(-1);
		return;
	}
	if (len && list[len - 1])
		wrong("a list of attributes does not end with a NUL");
	for (char *name = list; name < list + len; name += strlen(name) + 1) {
		ssize_t size = lgetxattr(path, name, value, sizeof(value));

		/* The image has none longer than a block, and who reads on reads foreign memory. */
		if (!failed(size) && size > 4096)
			wrong("%s has a value of %zd bytes", name, size);
	}
}

struct place {
	const char *path;
	int fd;
	int deep;
};

static void walk_directory(const char *path, int deep);

/* Whether the inode was met before under another name. */
static bool met(ino_t ino)
{
	static ino_t inodes[512];
	static int count;

	for (int i = 0; i < count; i++)
		if (inodes[i] == ino)
			return true;
	inodes[count < 511 ? count++ : 511] = ino;
	return false;
}

static bool visit(void *arg, const struct name *name)
{
	struct place *place = arg;
	char path[1024], target[4097];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", place->path, name->text);
	step("stat", path);
	if (++outcome->entries > MOST_ENTRIES)
		return false;
	if (failed(fstatat(place->fd, name->text, &st, AT_SYMLINK_NOFOLLOW)))
		return true;
	if (!S_ISDIR(st.st_mode) && met(st.st_ino))
		return true;
	step("list attributes", path);
	if (usable("xattr"))
		read_attributes(path);
	if (S_ISLNK(st.st_mode)) {
		step("readlink", path);
		failed(readlinkat(place->fd, name->text, target, sizeof(target)));
	} else if (S_ISREG(st.st_mode)) {
		read_file(place->fd, name->text);
	} else if (S_ISDIR(st.st_mode) && place->deep < MOST_DEEP) {
		walk_directory(path, place->deep + 1);
	}
	return true;
}

static void walk_directory(const char *path, int deep)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct place place = { path, fd, deep };

	step("readdir", path);
	if (failed(fd))
		return;
	each_name(fd, visit, &place);
	close(fd);
}

void walk(const char *point)
{
	signal(SIGBUS, on_fault);
	walk_directory(point, 0);
	/* What is looked up by name, and the way up. */
	step("look up", point);
	for (int i = 0; i < 3; i++) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", point, (const char *[]){ "absent", "large/absent", "large/.." }[i]);
		if (access(path, F_OK) && errno != ENOENT)
			failed(-1);
	}
}
