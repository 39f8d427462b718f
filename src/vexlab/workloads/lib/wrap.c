// SPDX-License-Identifier: Apache-2.0
/* The calls that need a capability, each with its name in the profile. The linker puts these in place of the calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <linux/fs.h>
#include <string.h>
#include <unistd.h>

#include "lib/capability.h"
#include "lib/counted.h"
#include "lib/profile.h"

static long avoided(const char *name)
{
	capability_after(-1, name);
	if (capability_avoided)
		capability_avoided(name);
	errno = EOPNOTSUPP;
	return -1;
}

/* Makes the call that `real` is, unless it is deadly there. */
#define CALL(name, on, real) (capability_deadly(name) && (on) ? avoided(name) : capability_after(real, name))
#define NAMES(name, on, real) (capability_deadly(name) && (on) ? avoided(name) : capability_named(capability_after(real, name)))

/* Names. */
DECLARE(int, mkdir, const char *path, mode_t mode)
{
	return NAMES("mkdir", capability_path(AT_FDCWD, path), __real_mkdir(path, mode));
}

DECLARE(int, mkdirat, int fd, const char *path, mode_t mode)
{
	return NAMES("mkdir", capability_path(fd, path), __real_mkdirat(fd, path, mode));
}

DECLARE(int, rmdir, const char *path)
{
	return CALL("rmdir", capability_path(AT_FDCWD, path), __real_rmdir(path));
}

DECLARE(int, unlink, const char *path)
{
	return CALL("unlink", capability_path(AT_FDCWD, path), __real_unlink(path));
}

DECLARE(int, unlinkat, int fd, const char *path, int flags)
{
	return CALL(flags & AT_REMOVEDIR ? "rmdir" : "unlink", capability_path(fd, path), __real_unlinkat(fd, path, flags));
}

DECLARE(int, link, const char *from, const char *to)
{
	return NAMES("link", capability_path(AT_FDCWD, to), __real_link(from, to));
}

DECLARE(int, linkat, int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	return NAMES("link", capability_path(to_fd, to), __real_linkat(from_fd, from, to_fd, to, flags));
}

DECLARE(int, symlink, const char *target, const char *path)
{
	long value = NAMES("symlink", capability_path(AT_FDCWD, path), __real_symlink(target, path));

	return capability_within(value, !value, "symlink_max", target ? (long long)strlen(target) : 0);
}

DECLARE(int, symlinkat, const char *target, int fd, const char *path)
{
	long value = NAMES("symlink", capability_path(fd, path), __real_symlinkat(target, fd, path));

	return capability_within(value, !value, "symlink_max", target ? (long long)strlen(target) : 0);
}

static const char *kind_of(mode_t mode)
{
	return S_ISFIFO(mode) ? "fifo" : S_ISSOCK(mode) ? "socket" : S_ISREG(mode) || !(mode & S_IFMT) ? "create" :
								    "device_node";
}

DECLARE(int, mknod, const char *path, mode_t mode, dev_t dev)
{
	return NAMES(kind_of(mode), capability_path(AT_FDCWD, path), __real_mknod(path, mode, dev));
}

DECLARE(int, mknodat, int fd, const char *path, mode_t mode, dev_t dev)
{
	return NAMES(kind_of(mode), capability_path(fd, path), __real_mknodat(fd, path, mode, dev));
}

DECLARE(int, mkfifo, const char *path, mode_t mode)
{
	return NAMES("fifo", capability_path(AT_FDCWD, path), __real_mkfifo(path, mode));
}

static const char *rename_of(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags)
{
	bool directory, over;
	struct stat st;

	if (flags & RENAME_EXCHANGE)
		return "rename_exchange";
	if (flags & RENAME_NOREPLACE)
		return "rename_noreplace";
	if (flags & RENAME_WHITEOUT)
		return "rename_whiteout";
	directory = from && !fstatat(from_fd, from, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
	over = to && !fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW);
	/* A directory that replaces one needs both: what is lacking counts. */
	if (over && (!directory || !profile_works("rename_over")))
		return "rename_over";
	return directory ? "rename_directory" : "rename";
}

DECLARE(int, renameat2, int from_fd, const char *from, int to_fd, const char *to, unsigned int flags)
{
	const char *name = rename_of(from_fd, from, to_fd, to, flags);

	return NAMES(name, capability_path(to_fd, to), __real_renameat2(from_fd, from, to_fd, to, flags));
}

DECLARE(int, renameat, int from_fd, const char *from, int to_fd, const char *to)
{
	const char *name = rename_of(from_fd, from, to_fd, to, 0);

	return NAMES(name, capability_path(to_fd, to), __real_renameat(from_fd, from, to_fd, to));
}

DECLARE(int, rename, const char *from, const char *to)
{
	const char *name = rename_of(AT_FDCWD, from, AT_FDCWD, to, 0);

	return NAMES(name, capability_path(AT_FDCWD, to), __real_rename(from, to));
}

/* Opening. */
static long opening(int fd, const char *path, int flags, mode_t mode)
{
	int (__real_openat)(int fd, const char *path, int flags, ...);
	const char *name = (flags & O_TMPFILE) == O_TMPFILE ? "tmpfile" : flags & O_DIRECT ? "direct_io" : NULL;

	if (name)
		return CALL(name, capability_path(fd, path), __real_openat(fd, path, flags, mode));
	if (flags & O_CREAT)
		return NAMES("create", capability_path(fd, path), __real_openat(fd, path, flags, mode));
	return __real_openat(fd, path, flags, mode);
}

#define MODE(last) ({ \
	va_list args; \
	mode_t mode_value = 0; \
	if (last & (O_CREAT | __O_TMPFILE)) { \
		va_start(args, last); \
		mode_value = va_arg(args, mode_t); \
		va_end(args); \
	} \
	mode_value; })

DECLARE(int, open, const char *path, int flags, ...)
{
	return opening(AT_FDCWD, path, flags, MODE(flags));
}

DECLARE(int, open64, const char *path, int flags, ...)
{
	return opening(AT_FDCWD, path, flags | O_LARGEFILE, MODE(flags));
}

DECLARE(int, openat, int fd, const char *path, int flags, ...)
{
	return opening(fd, path, flags, MODE(flags));
}

DECLARE(int, openat64, int fd, const char *path, int flags, ...)
{
	return opening(fd, path, flags | O_LARGEFILE, MODE(flags));
}

/* Sizes and space. */
static const char *resizing(off_t size, off_t wanted)
{
	return wanted > size ? "truncate_up" : "truncate_down";
}

DECLARE(int, truncate64, const char *path, off64_t size)
{
	struct stat st = { 0 };
	const char *name = stat(path, &st) ? "truncate_down" : resizing(st.st_size, size);
	long value = CALL(name, capability_path(AT_FDCWD, path), __real_truncate64(path, size));

	return size > st.st_size ? capability_within(value, !value, "file_sparse", size) : value;
}

DECLARE(int, ftruncate64, int fd, off64_t size)
{
	struct stat st = { 0 };
	const char *name = fstat(fd, &st) ? "truncate_down" : resizing(st.st_size, size);
	long value = CALL(name, capability_fd(fd), __real_ftruncate64(fd, size));

	return size > st.st_size ? capability_within(value, !value, "file_sparse", size) : value;
}

DECLARE(int, fallocate64, int fd, int mode, off64_t offset, off64_t len)
{
	const char *name = mode & FALLOC_FL_PUNCH_HOLE ? "punch_hole" :
			   mode & FALLOC_FL_ZERO_RANGE ? "zero_range" :
			   mode & FALLOC_FL_COLLAPSE_RANGE ? "collapse_range" :
			   mode & FALLOC_FL_INSERT_RANGE ? "insert_range" :
							   "fallocate";

	return CALL(name, capability_fd(fd), __real_fallocate64(fd, mode, offset, len));
}

DECLARE(ssize_t, pwrite64, int fd, const void *data, size_t len, off64_t offset)
{
	long value = CALL("write", capability_fd(fd), __real_pwrite64(fd, data, len, offset));

	value = capability_within(value, value == (ssize_t)len, "file_sparse", offset + (long long)len);
	return capability_within(value, value == (ssize_t)len, "file_size", offset + (long long)len);
}

DECLARE(ssize_t, write, int fd, const void *data, size_t len)
{
	long value = CALL("write", capability_fd(fd), __real_write(fd, data, len));
	int err = errno;

	if (value != (ssize_t)len) {
		off_t at = lseek(fd, 0, SEEK_CUR);

		errno = err;
		if (at >= 0)
			value = capability_within(value, false, "file_size", at - (value > 0 ? value : 0) + (long long)len);
	}
	return value;
}

DECLARE(void *, mmap64, void *at, size_t len, int prot, int flags, int fd, off64_t offset)
{
	const char *name = !(flags & MAP_SHARED) ? "mmap_private" : prot & PROT_WRITE ? "mmap_write" : "mmap_read";

	if (flags & MAP_ANONYMOUS)
		return (__real_mmap64)(at, len, prot, flags, fd, offset);
	return (void *)CALL(name, capability_fd(fd), (long)__real_mmap64(at, len, prot, flags, fd, offset));
}

DECLARE(ssize_t, copy_file_range, int in, off64_t *from, int out, off64_t *to, size_t len, unsigned int flags)
{
	return CALL("copy_file_range", capability_fd(out), __real_copy_file_range(in, from, out, to, len, flags));
}

DECLARE(int, fsync, int fd)
{
	return CALL("fsync", capability_fd(fd), __real_fsync(fd));
}

DECLARE(int, fdatasync, int fd)
{
	return CALL("fdatasync", capability_fd(fd), __real_fdatasync(fd));
}

DECLARE(int, syncfs, int fd)
{
	return CALL("syncfs", capability_fd(fd), __real_syncfs(fd));
}

DECLARE(int, flock, int fd, int how)
{
	return CALL("locks", capability_fd(fd), __real_flock(fd, how));
}

/* Attributes. */
static const char *space_of(const char *name)
{
	if (!name)
		return "xattr";
	return !strncmp(name, "trusted.", 8) ? "trusted_xattr" :
	       !strncmp(name, "security.", 9) ? "security_xattr" :
	       !strncmp(name, "system.posix_acl", 16) ? "acl" :
							"xattr";
}

DECLARE(int, setxattr, const char *path, const char *name, const void *value, size_t len, int flags)
{
	long done = CALL(space_of(name), capability_path(AT_FDCWD, path), __real_setxattr(path, name, value, len, flags));

	return capability_within(done, !done, "xattr_value_max", len);
}

DECLARE(int, lsetxattr, const char *path, const char *name, const void *value, size_t len, int flags)
{
	long done = CALL(space_of(name), capability_path(AT_FDCWD, path), __real_lsetxattr(path, name, value, len, flags));

	return capability_within(done, !done, "xattr_value_max", len);
}

DECLARE(int, fsetxattr, int fd, const char *name, const void *value, size_t len, int flags)
{
	long done = CALL(space_of(name), capability_fd(fd), __real_fsetxattr(fd, name, value, len, flags));

	return capability_within(done, !done, "xattr_value_max", len);
}

DECLARE(ssize_t, getxattr, const char *path, const char *name, void *value, size_t room)
{
	return CALL(space_of(name), capability_path(AT_FDCWD, path), __real_getxattr(path, name, value, room));
}

DECLARE(ssize_t, lgetxattr, const char *path, const char *name, void *value, size_t room)
{
	return CALL(space_of(name), capability_path(AT_FDCWD, path), __real_lgetxattr(path, name, value, room));
}

DECLARE(ssize_t, listxattr, const char *path, char *list, size_t room)
{
	return CALL("xattr", capability_path(AT_FDCWD, path), __real_listxattr(path, list, room));
}

DECLARE(ssize_t, llistxattr, const char *path, char *list, size_t room)
{
	return CALL("xattr", capability_path(AT_FDCWD, path), __real_llistxattr(path, list, room));
}

DECLARE(int, removexattr, const char *path, const char *name)
{
	return CALL(space_of(name), capability_path(AT_FDCWD, path), __real_removexattr(path, name));
}

DECLARE(int, lremovexattr, const char *path, const char *name)
{
	return CALL(space_of(name), capability_path(AT_FDCWD, path), __real_lremovexattr(path, name));
}

DECLARE(int, chmod, const char *path, mode_t mode)
{
	return CALL("chmod", capability_path(AT_FDCWD, path), __real_chmod(path, mode));
}

DECLARE(int, fchmod, int fd, mode_t mode)
{
	return CALL("chmod", capability_fd(fd), __real_fchmod(fd, mode));
}

DECLARE(int, chown, const char *path, uid_t uid, gid_t gid)
{
	return CALL("chown", capability_path(AT_FDCWD, path), __real_chown(path, uid, gid));
}

DECLARE(int, fchmodat, int fd, const char *path, mode_t mode, int flags)
{
	return CALL("chmod", capability_path(fd, path), __real_fchmodat(fd, path, mode, flags));
}

DECLARE(int, fchownat, int fd, const char *path, uid_t uid, gid_t gid, int flags)
{
	return CALL("chown", capability_path(fd, path), __real_fchownat(fd, path, uid, gid, flags));
}

DECLARE(int, lchown, const char *path, uid_t uid, gid_t gid)
{
	return CALL("chown", capability_path(AT_FDCWD, path), __real_lchown(path, uid, gid));
}

DECLARE(int, fchown, int fd, uid_t uid, gid_t gid)
{
	return CALL("chown", capability_fd(fd), __real_fchown(fd, uid, gid));
}

DECLARE(int, utimensat, int fd, const char *path, const struct timespec times[2], int flags)
{
	return CALL("utimes", capability_path(fd, path), __real_utimensat(fd, path, times, flags));
}

DECLARE(int, futimens, int fd, const struct timespec times[2])
{
	return CALL("utimes", capability_fd(fd), __real_futimens(fd, times));
}
