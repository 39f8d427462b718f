// SPDX-License-Identifier: Apache-2.0
/* Operations on files, for which nine names must do. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsfuzz/fuzz.h"

#define PIECE (80 << 10)

static const char *const paths[PATHS] = { "a", "b", "c", "d", "d/a", "d/b", "e", "e/a", "." };
static _Atomic int slots[SLOTS];
static char point[256];
static __thread sigjmp_buf escape;
static __thread bool may_fault;
static __thread char data[PIECE];

int slot_fd(int slot)
{
	return slots[slot];
}

static void on_sigbus(int number)
{
	if (may_fault)
		siglongjmp(escape, 1);
	signal(number, SIG_DFL);
	raise(number);
}

static int close_slot(int slot)
{
	int fd = atomic_exchange(&slots[slot], -1);

	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	return close(fd);
}

static size_t length(int64_t wanted)
{
	return wanted < 0 ? 0 : (size_t)wanted % PIECE;
}

static void fill(int64_t seed, size_t len)
{
	memset(data, 'a' + (int)((uint64_t)seed % 26), len);
}

static long open_slot(const struct op *op)
{
	int fd = open(paths[op->arg[1]], (int)op->arg[2] | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644), old;

	if (fd < 0)
		return -1;
	old = atomic_exchange(&slots[op->arg[0]], fd);
	if (old >= 0)
		close(old);
	return 0;
}

static long store(int fd, int64_t offset, size_t len)
{
	struct stat st;
	char *map;

	if (offset < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || offset + (int64_t)len > st.st_size || !len)
		return -1;
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset & ~4095LL);
	if (map == MAP_FAILED)
		return -1;
	may_fault = true;
	if (!sigsetjmp(escape, 1))
		memset(map, 's', len);
	may_fault = false;
	return munmap(map, len);
}

static long on_slot(const struct op *op)
{
	int fd = slots[op->arg[0]];
	size_t len = length(op->arg[2]);

	switch (op->code) {
	case OP_CLOSE:
		return close_slot(op->arg[0]);
	case OP_READ:
		return pread(fd, data, len, op->arg[1]);
	case OP_WRITE:
		fill(op->arg[3], len);
		return pwrite(fd, data, len, op->arg[1]);
	case OP_TRUNCATE:
		return ftruncate(fd, op->arg[1]);
	case OP_FSYNC:
		return fsync(fd);
	case OP_STORE:
		return store(fd, op->arg[1], len);
	case OP_ALLOCATE:
		return fallocate(fd, 0, op->arg[1], len);
	default:	/* what is read next comes from the device */
		return fsync(fd) ? -1 : posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
}

static long read_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long got, all = 0;

	if (fd < 0)
		return -1;
	while ((got = syscall(SYS_getdents64, fd, data, sizeof(data))) > 0)
		all += got;
	close(fd);
	return got < 0 ? -1 : all;
}

static long on_attribute(const struct op *op, const char *path)
{
	static const char *const names[] = { "user.a", "user.ab", "user.abc", "trusted.a" };
	const char *name = names[(uint64_t)op->arg[1] % 4];

	switch (op->code) {
	case OP_SETXATTR:
		fill(op->arg[1], length(op->arg[2]) % 4200);
		return lsetxattr(path, name, data, length(op->arg[2]) % 4200, (uint64_t)op->arg[1] / 4 % 3);
	case OP_GETXATTR:
		return lgetxattr(path, name, data, length(op->arg[1]) % 300);
	case OP_REMOVEXATTR:
		return lremovexattr(path, name);
	default:
		return llistxattr(path, data, length(op->arg[1]) % 100);
	}
}

static long on_path(const struct op *op)
{
	const char *path = paths[op->arg[0]], *other = paths[(uint64_t)op->arg[1] % PATHS];
	struct stat st;

	switch (op->code) {
	case OP_UNLINK:
		return unlink(path);
	case OP_RENAME:
		return rename(path, other);
	case OP_EXCHANGE:
		return renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE);
	case OP_MKDIR:
		return mkdir(path, 0755);
	case OP_RMDIR:
		return rmdir(path);
	case OP_LINK:
		return link(path, other);
	case OP_SYMLINK:
		fill(op->arg[1], sizeof(data) - 1);
		data[1 + length(op->arg[1]) % 4097] = '\0';
		return symlink(data, path);
	case OP_READDIR:
		return read_directory(path);
	case OP_STAT:
		return lstat(path, &st);
	case OP_CHMOD:
		return chmod(path, 0400 | ((int)op->arg[1] & 0777));
	default:
		return on_attribute(op, path);
	}
}

long do_file(const struct op *op)
{
	if (op->code == OP_OPEN)
		return open_slot(op);
	if (op->code == OP_SYNC) {
		int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		long result = fd < 0 ? -1 : syncfs(fd);

		if (fd >= 0)
			close(fd);
		return result;
	}
	return kinds[op->code].args[0] == 's' ? on_slot(op) : on_path(op);
}

bool files_start(const char *where)
{
	snprintf(point, sizeof(point), "%s", where);
	for (int i = 0; i < SLOTS; i++)
		slots[i] = -1;
	signal(SIGBUS, on_sigbus);
	return !chdir(point);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

/* Every program begins with an empty directory, and one in it. What is not there costs no more than a look. */
void clean_up(void)
{
	static const int order[] = { 0, 1, 2, 4, 5, 7, 6 };
	struct stat st;

	for (int i = 0; i < SLOTS; i++)
		close_slot(i);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (unlink(paths[order[i]]) && errno == EISDIR && rmdir(paths[order[i]]) && errno == ENOTEMPTY)
			nftw(paths[order[i]], remove_entry, 4, FTW_DEPTH | FTW_PHYS); /* a rename filled it */
	if (lstat("d", &st) || !S_ISDIR(st.st_mode)) {
		unlink("d");
		mkdir("d", 0755);
	}
}
