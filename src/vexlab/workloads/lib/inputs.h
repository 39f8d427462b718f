/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_INPUTS_H
#define LIB_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What calls are made on the filesystem under test: how often each operation, with which flags, sizes and offsets, and
 * which errors came of it. Counted in a file that all programs of a machine map, so that nothing is lost where one is
 * killed. Without INPUTS_FILE, or the file that the environment variable INPUTS_VARIABLE names, nothing is counted and
 * nothing asked of the kernel.
 *
 * The file: the name of the filesystem's type in INPUTS_HEADER bytes, then for each operation, in the order of
 * INPUTS_OPERATIONS, INPUTS_CELLS counters of 64 bits. src/vexlab/coverage/inputs.py reads this header.
 */
#define INPUTS_FILE "/run/vexlab-inputs"
#define INPUTS_VARIABLE "VEXLAB_INPUTS"
#define INPUTS_HEADER 64
#define INPUTS_CALLS 0 /* all calls of the operation */
#define INPUTS_FLAG 1 /* no flag; then a counter for each bit of the flags */
#define INPUTS_SIZE 34 /* 0; then 1, 2 to 3, 4 to 7 and so on: by the number of binary digits */
#define INPUTS_OFFSET 99 /* as sizes; the last is for negative ones */
#define INPUTS_ERRNO 165 /* success; then a counter for each number of an error */
#define INPUTS_ERRNO_MOST 133 /* EHWPOISON, asm-generic/errno.h */
#define INPUTS_CELLS 300

#define INPUTS_OPERATIONS(op) \
	op(chmod) \
	op(chown) \
	op(copy_file_range) \
	op(fallocate) \
	op(fdatasync) \
	op(fsync) \
	op(getxattr) \
	op(link) \
	op(listxattr) \
	op(lseek) \
	op(mkdir) \
	op(mknod) \
	op(mmap) \
	op(open) \
	op(pread) \
	op(pwrite) \
	op(read) \
	op(removexattr) \
	op(rename) \
	op(rmdir) \
	op(setxattr) \
	op(symlink) \
	op(syncfs) \
	op(truncate) \
	op(unlink) \
	op(utimens) \
	op(write)

#define INPUTS_NUMBER(name) INPUT_##name,
enum inputs_operation { INPUTS_OPERATIONS(INPUTS_NUMBER) INPUTS_COUNT };

#define NO_SIZE -1LL
#define NO_OFFSET INT64_MIN

/* Whether a call on this descriptor, or on this name, reaches the filesystem under test and is to be counted. */
bool inputs_fd(int fd);
bool inputs_path(int dirfd, const char *path);

/* Counts a call that came to `value`, -1 with errno for an error, and returns that; errno stays. */
long inputs_count(bool on, enum inputs_operation operation, uint32_t flags, long long size, int64_t offset, long value);

/* For lib/wrap*.c: makes the call `real` on a descriptor, or on a name, and counts it. */
#define COUNT_FD(name, fd, flags, size, offset, real) ({ \
	bool counted_ = inputs_fd(fd); \
	inputs_count(counted_, INPUT_##name, flags, size, offset, (long)(real)); })
#define COUNT_PATH(name, fd, path, flags, size, real) ({ \
	bool counted_ = inputs_path(fd, path); \
	inputs_count(counted_, INPUT_##name, flags, size, NO_OFFSET, (long)(real)); })

#endif
