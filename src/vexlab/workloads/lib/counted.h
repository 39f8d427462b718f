/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_COUNTED_H
#define LIB_COUNTED_H

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/inputs.h"

/*
 * The calls of lib/wrap*.c, counted (lib/inputs.h): whoever writes __real_call(...) gets the call and its count. Flags
 * that are no bits become some: the access mode of open, the kind of mknod, the whence of lseek.
 */
#define DECLARE(type, call, ...) \
	type (__real_##call)(__VA_ARGS__); \
	type __wrap_##call(__VA_ARGS__); \
	type __wrap_##call(__VA_ARGS__)

#define OPEN_BITS(flags) (((flags) & ~(O_ACCMODE | 0100000)) | 1U << ((flags) & O_ACCMODE)) /* without O_LARGEFILE */
#define KIND_BIT(mode) (1U << (((mode) & S_IFMT) >> 12))
#define MAP_BITS(prot, flags) (((flags) & 3) | (prot) << 4)
#define LENGTH(text) ((text) ? (long long)strlen(text) : NO_SIZE)

#define __real_mkdir(path, mode) COUNT_PATH(mkdir, AT_FDCWD, path, mode, NO_SIZE, (__real_mkdir)(path, mode))
#define __real_mkdirat(fd, path, mode) COUNT_PATH(mkdir, fd, path, mode, NO_SIZE, (__real_mkdirat)(fd, path, mode))
#define __real_rmdir(path) COUNT_PATH(rmdir, AT_FDCWD, path, 0, NO_SIZE, (__real_rmdir)(path))
#define __real_unlink(path) COUNT_PATH(unlink, AT_FDCWD, path, 0, NO_SIZE, (__real_unlink)(path))
#define __real_unlinkat(fd, path, flags) ({ \
	bool counted_ = inputs_path(fd, path); \
	inputs_count(counted_, (flags) & AT_REMOVEDIR ? INPUT_rmdir : INPUT_unlink, 0, NO_SIZE, NO_OFFSET, \
		     (__real_unlinkat)(fd, path, flags)); })
#define __real_link(from, to) COUNT_PATH(link, AT_FDCWD, to, 0, NO_SIZE, (__real_link)(from, to))
#define __real_linkat(from_fd, from, to_fd, to, flags) \
	COUNT_PATH(link, to_fd, to, flags, NO_SIZE, (__real_linkat)(from_fd, from, to_fd, to, flags))
#define __real_symlink(target, path) \
	COUNT_PATH(symlink, AT_FDCWD, path, 0, LENGTH(target), (__real_symlink)(target, path))
#define __real_symlinkat(target, fd, path) \
	COUNT_PATH(symlink, fd, path, 0, LENGTH(target), (__real_symlinkat)(target, fd, path))
#define __real_mknod(path, mode, dev) \
	COUNT_PATH(mknod, AT_FDCWD, path, KIND_BIT(mode), NO_SIZE, (__real_mknod)(path, mode, dev))
#define __real_mknodat(fd, path, mode, dev) \
	COUNT_PATH(mknod, fd, path, KIND_BIT(mode), NO_SIZE, (__real_mknodat)(fd, path, mode, dev))
#define __real_mkfifo(path, mode) \
	COUNT_PATH(mknod, AT_FDCWD, path, KIND_BIT(S_IFIFO), NO_SIZE, (__real_mkfifo)(path, mode))
#define __real_renameat2(from_fd, from, to_fd, to, flags) \
	COUNT_PATH(rename, to_fd, to, flags, NO_SIZE, (__real_renameat2)(from_fd, from, to_fd, to, flags))
#define __real_renameat(from_fd, from, to_fd, to) \
	COUNT_PATH(rename, to_fd, to, 0, NO_SIZE, (__real_renameat)(from_fd, from, to_fd, to))
#define __real_rename(from, to) COUNT_PATH(rename, AT_FDCWD, to, 0, NO_SIZE, (__real_rename)(from, to))
#define __real_openat(fd, path, flags, mode) \
	COUNT_PATH(open, fd, path, OPEN_BITS(flags), NO_SIZE, (__real_openat)(fd, path, flags, mode))
#define __real_truncate64(path, size) COUNT_PATH(truncate, AT_FDCWD, path, 0, size, (__real_truncate64)(path, size))
#define __real_ftruncate64(fd, size) COUNT_FD(truncate, fd, 0, size, NO_OFFSET, (__real_ftruncate64)(fd, size))
#define __real_fallocate64(fd, mode, offset, len) \
	COUNT_FD(fallocate, fd, mode, len, offset, (__real_fallocate64)(fd, mode, offset, len))
#define __real_pwrite64(fd, data, len, offset) \
	COUNT_FD(pwrite, fd, 0, len, offset, (__real_pwrite64)(fd, data, len, offset))
#define __real_write(fd, data, len) COUNT_FD(write, fd, 0, len, NO_OFFSET, (__real_write)(fd, data, len))
#define __real_pread64(fd, data, len, offset) \
	COUNT_FD(pread, fd, 0, len, offset, (__real_pread64)(fd, data, len, offset))
#define __real_read(fd, data, len) COUNT_FD(read, fd, 0, len, NO_OFFSET, (__real_read)(fd, data, len))
#define __real_lseek64(fd, offset, whence) \
	COUNT_FD(lseek, fd, 1U << ((whence) & 31), NO_SIZE, offset, (__real_lseek64)(fd, offset, whence))
#define __real_mmap64(at, len, prot, flags, fd, offset) \
	COUNT_FD(mmap, fd, MAP_BITS(prot, flags), len, offset, (__real_mmap64)(at, len, prot, flags, fd, offset))
#define __real_copy_file_range(in, from, out, to, len, flags) \
	COUNT_FD(copy_file_range, out, flags, len, NO_OFFSET, (__real_copy_file_range)(in, from, out, to, len, flags))
#define __real_fsync(fd) COUNT_FD(fsync, fd, 0, NO_SIZE, NO_OFFSET, (__real_fsync)(fd))
#define __real_fdatasync(fd) COUNT_FD(fdatasync, fd, 0, NO_SIZE, NO_OFFSET, (__real_fdatasync)(fd))
#define __real_syncfs(fd) COUNT_FD(syncfs, fd, 0, NO_SIZE, NO_OFFSET, (__real_syncfs)(fd))
#define __real_setxattr(path, name, value, len, flags) \
	COUNT_PATH(setxattr, AT_FDCWD, path, flags, len, (__real_setxattr)(path, name, value, len, flags))
#define __real_lsetxattr(path, name, value, len, flags) \
	COUNT_PATH(setxattr, AT_FDCWD, path, flags, len, (__real_lsetxattr)(path, name, value, len, flags))
#define __real_fsetxattr(fd, name, value, len, flags) \
	COUNT_FD(setxattr, fd, flags, len, NO_OFFSET, (__real_fsetxattr)(fd, name, value, len, flags))
#define __real_getxattr(path, name, value, room) \
	COUNT_PATH(getxattr, AT_FDCWD, path, 0, room, (__real_getxattr)(path, name, value, room))
#define __real_lgetxattr(path, name, value, room) \
	COUNT_PATH(getxattr, AT_FDCWD, path, 0, room, (__real_lgetxattr)(path, name, value, room))
#define __real_listxattr(path, list, room) \
	COUNT_PATH(listxattr, AT_FDCWD, path, 0, room, (__real_listxattr)(path, list, room))
#define __real_llistxattr(path, list, room) \
	COUNT_PATH(listxattr, AT_FDCWD, path, 0, room, (__real_llistxattr)(path, list, room))
#define __real_removexattr(path, name) \
	COUNT_PATH(removexattr, AT_FDCWD, path, 0, NO_SIZE, (__real_removexattr)(path, name))
#define __real_lremovexattr(path, name) \
	COUNT_PATH(removexattr, AT_FDCWD, path, 0, NO_SIZE, (__real_lremovexattr)(path, name))
#define __real_chmod(path, mode) COUNT_PATH(chmod, AT_FDCWD, path, (mode) & 07777, NO_SIZE, (__real_chmod)(path, mode))
#define __real_fchmod(fd, mode) COUNT_FD(chmod, fd, (mode) & 07777, NO_SIZE, NO_OFFSET, (__real_fchmod)(fd, mode))
#define __real_fchmodat(fd, path, mode, flags) \
	COUNT_PATH(chmod, fd, path, (mode) & 07777, NO_SIZE, (__real_fchmodat)(fd, path, mode, flags))
#define __real_chown(path, uid, gid) COUNT_PATH(chown, AT_FDCWD, path, 0, NO_SIZE, (__real_chown)(path, uid, gid))
#define __real_lchown(path, uid, gid) COUNT_PATH(chown, AT_FDCWD, path, 0, NO_SIZE, (__real_lchown)(path, uid, gid))
#define __real_fchown(fd, uid, gid) COUNT_FD(chown, fd, 0, NO_SIZE, NO_OFFSET, (__real_fchown)(fd, uid, gid))
#define __real_fchownat(fd, path, uid, gid, flags) \
	COUNT_PATH(chown, fd, path, 0, NO_SIZE, (__real_fchownat)(fd, path, uid, gid, flags))
#define __real_utimensat(fd, path, times, flags) \
	COUNT_PATH(utimens, fd, path, 0, NO_SIZE, (__real_utimensat)(fd, path, times, flags))
#define __real_futimens(fd, times) COUNT_FD(utimens, fd, 0, NO_SIZE, NO_OFFSET, (__real_futimens)(fd, times))

#endif
