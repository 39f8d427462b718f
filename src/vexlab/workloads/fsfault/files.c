// SPDX-License-Identifier: Apache-2.0
/* Operations on files, each of which is done, taken back, and done again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsfault/fsfault.h"
#include "lib/tree.h"

#define LARGE (64 * 1024)
#define NAMES 300 /* a directory of several blocks */

static const char A[] = "a", B[] = "b", D[] = "d", LIST[] = "list";
static char *buffer;
static int fd = -1;

static int of(long result)
{
	return result < 0 ? errno : 0;
}

static bool there(const char *name)
{
	struct stat st;

	return !lstat(name, &st);
}

static void cold(void)
{
	int file = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (file >= 0) {
		if (write(file, "3", 1) != 1)
			perror("drop_caches");
		close(file);
	}
}

static void undo_all(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
	tree_remove(AT_FDCWD, A);
	tree_remove(AT_FDCWD, B);
	tree_remove(AT_FDCWD, D);
}

static bool nothing(void)
{
	undo_all();
	return true;
}

static bool file_of(const char *name, size_t size)
{
	undo_all();
	if (!buffer) {
		buffer = malloc(LARGE);
		if (!buffer)
			return false;
		memset(buffer, 'x', LARGE);
	}
	fd = open(name, O_CREAT | O_RDWR, 0644);
	return fd >= 0 && write_all(fd, buffer, size, 0) == (ssize_t)size;
}

static bool file(void)
{
	return file_of(A, 100);
}

static bool large(void)
{
	return file_of(A, LARGE) && !fsync(fd);
}

static bool cold_file(void)
{
	bool done = large();

	cold();
	return done;
}

static bool directory(void)
{
	undo_all();
	return !mkdir(D, 0755);
}

static bool two(void)
{
	return file_of(B, 100) && !link(B, A) && !unlink(B) && file_of(A, 100);
}

static bool over(void)
{
	int other;

	if (!file_of(A, 100))
		return false;
	other = open(B, O_CREAT | O_RDWR, 0644);
	return other >= 0 && !close(other);
}

static bool many(void)
{
	char name[64];

	undo_all();
	if (mkdir(LIST, 0755) && errno == EEXIST)
		return cold(), true;
	for (int i = 0; i < NAMES; i++) {
		int each;

		snprintf(name, sizeof(name), "%s/a name of some length %d", LIST, i);
		each = open(name, O_CREAT | O_WRONLY, 0644);
		if (each < 0)
			return false;
		close(each);
	}
	return cold(), true;
}

static const char *made(const char *name, int result)
{
	if (result && there(name))
		return "it failed, and the name is there";
	return !result && !there(name) ? "it succeeded, and the name is not there" : NULL;
}

static const char *gone(const char *name, int result)
{
	if (result && !there(name))
		return "it failed, and the name is gone";
	return !result && there(name) ? "it succeeded, and the name is there" : NULL;
}

static const char *made_a(int result)
{
	return made(A, result);
}

static const char *made_b(int result)
{
	return made(B, result);
}

static const char *made_d(int result)
{
	return made(D, result);
}

static const char *gone_a(int result)
{
	return gone(A, result);
}

static const char *gone_d(int result)
{
	return gone(D, result);
}

static const char *moved(int result)
{
	const char *wrong = gone(A, result);

	return wrong ? wrong : made(B, result);
}

static const char *kept_b(int result)
{
	return there(B) ? gone(A, result) : "neither file has the name";
}

static int run_create(void)
{
	fd = open(A, O_CREAT | O_EXCL | O_RDWR, 0644);
	return of(fd);
}

static int run_open(void)
{
	int again = open(A, O_RDWR);

	return again < 0 ? errno : of(close(again));
}

static int run_stat(void)
{
	struct stat st;

	return of(lstat(A, &st));
}

static int run_write(void)
{
	ssize_t len = pwrite(fd, buffer, LARGE, 0);

	return len < 0 ? errno : len == LARGE ? 0 : ENOSPC; /* a part of it: what failed is told by the next call */
}

static int run_append(void)
{
	ssize_t len = pwrite(fd, buffer, 5000, 100);

	return len < 0 ? errno : len == 5000 ? 0 : ENOSPC;
}

static int run_read(void)
{
	ssize_t len = pread(fd, buffer, LARGE, 0);

	return len < 0 ? errno : len == LARGE ? 0 : EIO;
}

static int run_fsync(void)
{
	return of(fsync(fd));
}

static bool dirty(void)
{
	return file_of(A, LARGE);
}

static int run_syncfs(void)
{
	return of(syncfs(fd));
}

static int run_cut(void)
{
	return of(ftruncate(fd, 5));
}

static int run_grow(void)
{
	return of(ftruncate(fd, 1 << 20));
}

static int run_chmod(void)
{
	return of(fchmod(fd, 0600));
}

static int run_times(void)
{
	return of(futimens(fd, NULL));
}

static int run_mkdir(void)
{
	return of(mkdir(D, 0755));
}

static int run_rmdir(void)
{
	return of(rmdir(D));
}

static int run_symlink(void)
{
	char target[600];

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = 0;
	return of(symlink(target, A));
}

static bool cold_symlink(void)
{
	undo_all();
	if (run_symlink())
		return false;
	cold();
	return true;
}

static int run_readlink(void)
{
	char target[600];

	return of(readlink(A, target, sizeof(target)));
}

static int run_mknod(void)
{
	return of(mkfifo(A, 0644));
}

static int run_link(void)
{
	return of(link(A, B));
}

static int run_unlink(void)
{
	return of(unlink(A));
}

static int run_delete(void)
{
	int file;

	if (unlink(A))
		return errno;
	file = fd;
	fd = -1;
	return of(close(file)); /* the last user: the inode is deleted here */
}

static int run_rename(void)
{
	return of(rename(A, B));
}

static int run_readdir(void)
{
	static char entries[LARGE];
	int directory = open(LIST, O_RDONLY | O_DIRECTORY), error = 0;
	ssize_t len;

	if (directory < 0) {
		error = errno;
	} else {
		do
			len = getdents64(directory, entries, LARGE);
		while (len > 0);
		error = len < 0 ? errno : 0;
		close(directory);
	}
	return error;
}

static int run_lookup(void)
{
	struct stat st;

	return of(stat("list/a name of some length 299", &st));
}

static int run_setxattr(void)
{
	return of(fsetxattr(fd, "user.fault", buffer, 900, 0));
}

static bool with_xattr(void)
{
	bool done = file() && !run_setxattr() && !fsync(fd);

	cold();
	return done;
}

static int run_getxattr(void)
{
	char value[1024];

	return of(fgetxattr(fd, "user.fault", value, sizeof(value)));
}

static int run_listxattr(void)
{
	char names[1024];

	return of(flistxattr(fd, names, sizeof(names)));
}

static int run_removexattr(void)
{
	return of(fremovexattr(fd, "user.fault"));
}

static int run_fallocate(void)
{
	return of(fallocate(fd, 0, 0, LARGE));
}

static int run_punch(void)
{
	return of(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192));
}

static int run_statvfs(void)
{
	struct statvfs st;

	return of(fstatvfs(fd, &st));
}

static sigjmp_buf back;

static void on_bus(int signal)
{
	siglongjmp(back, signal);
}

/* A page that cannot be had is told by SIGBUS. */
static char *volatile map = MAP_FAILED;

static int run_mapped(void)
{
	volatile int error = 0;

	map = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return errno;
	signal(SIGBUS, on_bus);
	if (!sigsetjmp(back, 1))
		map[4096] = map[0] + 1;
	else
		error = EIO;
	signal(SIGBUS, SIG_DFL);
	if (munmap(map, LARGE))
		return errno;
	map = MAP_FAILED;
	return error;
}

/* Where munmap is what failed the file is still in use. */
static void undo_mapped(void)
{
	if (map != MAP_FAILED)
		munmap(map, LARGE);
	map = MAP_FAILED;
	undo_all();
}

static int run_tmpfile(void)
{
	int file = open(".", O_TMPFILE | O_RDWR, 0644);

	return file < 0 ? errno : of(close(file));
}

const struct operation file_operations[] = {
	{ "create", nothing, run_create, undo_all, made_a },
	{ "open", cold_file, run_open, undo_all, NULL },
	{ "stat", cold_file, run_stat, undo_all, NULL },
	{ "write", file, run_write, undo_all, NULL },
	{ "append", file, run_append, undo_all, NULL },
	{ "read", cold_file, run_read, undo_all, NULL },
	{ "fsync", dirty, run_fsync, undo_all, NULL },
	{ "syncfs", dirty, run_syncfs, undo_all, NULL },
	{ "truncate_down", large, run_cut, undo_all, NULL },
	{ "truncate_cold", cold_file, run_cut, undo_all, NULL },
	{ "truncate_up", file, run_grow, undo_all, NULL },
	{ "chmod", file, run_chmod, undo_all, NULL },
	{ "utimens", file, run_times, undo_all, NULL },
	{ "mkdir", nothing, run_mkdir, undo_all, made_d },
	{ "rmdir", directory, run_rmdir, undo_all, gone_d },
	{ "symlink", nothing, run_symlink, undo_all, made_a },
	{ "readlink", cold_symlink, run_readlink, undo_all, NULL },
	{ "mkfifo", nothing, run_mknod, undo_all, made_a },
	{ "link", file, run_link, undo_all, made_b },
	{ "unlink", two, run_unlink, undo_all, gone_a },
	{ "delete", large, run_delete, undo_all, gone_a },
	{ "rename", file, run_rename, undo_all, moved },
	{ "rename_over", over, run_rename, undo_all, kept_b },
	{ "readdir", many, run_readdir, undo_all, NULL },
	{ "lookup", many, run_lookup, undo_all, NULL },
	{ "setxattr", file, run_setxattr, undo_all, NULL },
	{ "getxattr", with_xattr, run_getxattr, undo_all, NULL },
	{ "listxattr", with_xattr, run_listxattr, undo_all, NULL },
	{ "removexattr", with_xattr, run_removexattr, undo_all, NULL },
	{ "fallocate", file, run_fallocate, undo_all, NULL },
	{ "punch_hole", large, run_punch, undo_all, NULL },
	{ "statvfs", file, run_statvfs, undo_all, NULL },
	{ "mmap", cold_file, run_mapped, undo_mapped, NULL },
	{ "tmpfile", nothing, run_tmpfile, undo_all, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};
