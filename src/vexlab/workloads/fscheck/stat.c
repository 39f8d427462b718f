// SPDX-License-Identifier: Apache-2.0
/* stat(2), statx(2), statfs(2). */
#include <sys/sysmacros.h>

#include "fscheck/check.h"

static void agree(void)
{
	/* What keeps no time of access may say so (SB_NOATIME: generic_fillattr in Linux fs/stat.c). */
	const unsigned int mask = can("atime") ? STATX_BASIC_STATS : STATX_BASIC_STATS & ~STATX_ATIME;
	struct stat by_name, by_fd, by_lstat;
	struct statx x;
	int fd;

	make("f", 12345, 1);
	fd = opened("f", O_RDONLY);
	flushed(fd);
	OK(stat("f", &by_name));
	OK(fstat(fd, &by_fd));
	OK(lstat("f", &by_lstat));
	BYTES(&by_name, &by_fd, sizeof(by_fd));
	BYTES(&by_name, &by_lstat, sizeof(by_fd));
	OK(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x));
	EQ(x.stx_mask & mask, mask);
	EQ(x.stx_size, 12345);
	EQ(x.stx_ino, by_fd.st_ino);
	EQ(x.stx_nlink, by_fd.st_nlink);
	EQ(x.stx_mode, by_fd.st_mode);
	EQ(x.stx_blocks, by_fd.st_blocks);
	EQ(x.stx_mtime.tv_nsec, by_fd.st_mtim.tv_nsec);
	EQ(makedev(x.stx_dev_major, x.stx_dev_minor), by_fd.st_dev);
	closed(fd);
}

static void plausible(void)
{
	struct stat st, here = look(".");

	make("f", 10000, 1);
	st = look("f");
	EQ(st.st_dev, here.st_dev);
	HOLDS(st.st_blksize >= 512 && st.st_blksize <= 1 << 26, "st_blksize is %ld", (long)st.st_blksize);
	HOLDS(st.st_ino > 0, "the inode number is 0");
	HOLDS(S_ISDIR(here.st_mode), "the directory's mode is %o", here.st_mode);
	EQ(st.st_rdev, 0);
	settle();
	st = look("f");
	HOLDS(st.st_blocks >= 20, "10000 bytes of data take %lld blocks of 512 bytes", (long long)st.st_blocks);
	HOLDS(st.st_blocks <= 2048, "10000 bytes of data take %lld blocks of 512 bytes", (long long)st.st_blocks);
}

static void errors(void)
{
	struct stat st;
	struct statvfs fs;

	make("f", 1, 1);
	FAILS(stat("missing", &st), ENOENT);
	FAILS(stat("f/x", &st), ENOTDIR);
	FAILS(stat("", &st), ENOENT);
	FAILS(fstat(-1, &st), EBADF);
	FAILS(statvfs("missing", &fs), ENOENT);
	if (can("symlink")) {
		OK(symlink("loop", "loop"));
		FAILS(stat("loop", &st), ELOOP);
	}
	FAILS(fstatat(AT_FDCWD, "f", &st, 0x800000), EINVAL);
}

static void statfs_plausible(void)
{
	struct statvfs fs = filesystem();

	HOLDS(fs.f_bsize >= 512 && !(fs.f_bsize & (fs.f_bsize - 1)), "f_bsize is %lu", fs.f_bsize);
	HOLDS(fs.f_blocks > 0, "the filesystem has no blocks");
	HOLDS(fs.f_bfree <= fs.f_blocks, "%lu of %lu blocks are free", fs.f_bfree, fs.f_blocks);
	HOLDS(fs.f_bavail <= fs.f_bfree, "%lu blocks are available, %lu free", fs.f_bavail, fs.f_bfree);
	HOLDS(fs.f_ffree <= fs.f_files, "%lu of %lu inodes are free", fs.f_ffree, fs.f_files);
	HOLDS(fs.f_namemax >= (unsigned long)profile_within("name_max", 255), "f_namemax is %lu", fs.f_namemax);
	EQ(fs.f_flag & ST_RDONLY, 0);
}

static size_t whole_blocks(size_t wanted)
{
	size_t size = file_bytes(wanted);

	return size > 4096 ? size - size % 4096 : size;
}

static void blocks_come_back(void)
{
	bool links = can("symlink");
	size_t size = whole_blocks(4 << 20);
	unsigned long before, during;

	need_freed_blocks();
	need_own_filesystem();
	/* A first round lets the directory and the filesystem's own maps grow to where they stay. */
	for (int round = 0; round < 3; round++) {
		make("f", size, 1);
		OK(mkdir("d", 0755));
		make("d/g", 5000, 1);
		if (links)
			OK(symlink("d/g", "s"));
		settle();
		during = filesystem().f_bfree;
		if (round)
			HOLDS(during <= before - size / filesystem().f_frsize,
			      "%zu bytes were written: expected at most %lu free blocks, got %lu", size,
			      before - size / filesystem().f_frsize, during);
		OK(unlink("f"));
		OK(unlink("d/g"));
		if (links)
			OK(unlink("s"));
		OK(rmdir("d"));
		if (round)
			expect_free_blocks(before);
		settle();
		usleep(100000);
		before = filesystem().f_bfree;
	}
}

static void inodes_come_back(void)
{
	unsigned long before = 0, files, used;
	char name[16];

	need_own_filesystem();
	if (!filesystem().f_files)
		report(REFUSED, 0, "the filesystem has no fixed number of inodes (f_files is 0)");
	files = filesystem().f_files;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			if (i % 3)
				make(name, 0, 1);
			else
				OK(mkdir(name, 0755));
		}
		settle();
		used = filesystem().f_files - filesystem().f_ffree;
		/*
		 * XFS makes inodes as they are needed and counts them in batches (XFS_ICOUNT_BATCH): a target that
		 * does so declares it, for any other it is a failure.
		 */
		if (filesystem().f_files != files || (round && used != before + 100 && used < before + 356))
			report(REFUSED, 0, "100 inodes were made: expected %lu in use of %lu, got %lu of %lu",
			       before + 100, files, used, filesystem().f_files);
		if (round)
			EQ(used, before + 100);
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			OK(i % 3 ? unlink(name) : rmdir(name));
		}
		if (round)
			expect_used_inodes(before);
		settle();
		before = filesystem().f_files - filesystem().f_ffree;
	}
}

static void orphan_gives_back(void)
{
	size_t size = whole_blocks(2 << 20);
	unsigned long before;
	int fd;

	need_freed_blocks();
	need_own_filesystem();
	make("f", size, 1);
	OK(unlink("f"));
	settle();
	usleep(200000);
	settle();
	before = filesystem().f_bfree;
	make("f", size, 1);
	fd = opened("f", O_RDWR);
	OK(unlink("f"));
	settle();
	HOLDS(filesystem().f_bfree < before, "the blocks of a file that is open still were given away");
	expect_pattern(fd, 0, size, 1);
	closed(fd);
	expect_free_blocks(before);
}

static void truncated_gives_back(void)
{
	unsigned long before;
	/* Five places, the last of them 64 MiB away, or as far as half of the largest sparse file reaches. */
	off_t far = sparse_bytes((4 << 24) + (1 << 20));
	size_t most = whole_blocks(1 << 20), size = most < (size_t)far / 2 ? most : (size_t)far / 2;
	off_t step = (far - (off_t)size) / 4;
	int fd = created("f", 0644);
	void *data = patterned(size, 0, 1);

	need_freed_blocks();
	need_own_filesystem();
	flushed(fd);
	settle();
	before = filesystem().f_bfree;
	for (int i = 0; i < 5; i++) {
		EQ(OK(pwrite(fd, data, size, i * step)), size);
		flushed(fd);
		OK(ftruncate(fd, i * 100));
		OK(ftruncate(fd, 0));
	}
	expect_free_blocks(before);
	closed(fd);
}

static void never_too_many(void)
{
	size_t size = whole_blocks(3 << 20);
	unsigned long before = 0, after;

	need_own_filesystem();
	/* Without a sync in between: what is freed only later must not be counted before, nor twice. */
	for (int round = 0; round < 4; round++) {
		int fd;

		make("f", size, 1);
		fd = opened("f", O_RDONLY);
		flushed(fd);
		closed(fd);
		OK(unlink("f"));
		after = filesystem().f_bfree;
		if (round)
			HOLDS(after <= before, "after making and removing a file: expected at most %lu free blocks, got %lu",
			      before, after);
		settle();
		usleep(100000);
		settle();
		before = filesystem().f_bfree;
	}
}

static const struct check stat_checks[] = {
	{ "stat", "agree", "POSIX.1-2017 stat(), fstat(), lstat(); statx(2)", agree },
	{ "stat", "plausible", "inode(7); stat(2)", plausible },
	{ "stat", "errors", "POSIX.1-2017 stat() ERRORS", errors },
	{ "stat", "statfs_plausible", "POSIX.1-2017 statvfs()", statfs_plausible },
	{ "stat", "blocks_come_back", "POSIX.1-2017 statvfs(), f_bfree; unlink()", blocks_come_back },
	{ "stat", "never_too_many", "POSIX.1-2017 statvfs(), f_bfree", never_too_many },
	{ "stat", "inodes_come_back", "POSIX.1-2017 statvfs(), f_ffree", inodes_come_back },
	{ "stat", "orphan_gives_back", "POSIX.1-2017 unlink(): space is freed at the last close", orphan_gives_back },
	{ "stat", "truncated_gives_back", "truncate(2); statvfs(3)", truncated_gives_back },
};

FAMILY(stat);
