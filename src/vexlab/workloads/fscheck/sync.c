// SPDX-License-Identifier: Apache-2.0
/* fsync(2) and its relatives return, and only say yes where there is something to sync. */
#include "fscheck/check.h"

static void succeeds(void)
{
	int fd;

	make("f", 10000, 1);
	fd = opened("f", O_RDWR);
	OK(fsync(fd));
	OK(fdatasync(fd));
	OK(syncfs(fd));
	OK(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
	EQ(OK(pwrite(fd, "x", 1, 20000)), 1);
	OK(fdatasync(fd));
	closed(fd);
	fd = opened("f", O_RDONLY);
	OK(fsync(fd));
	closed(fd);
	fd = opened(".", O_RDONLY | O_DIRECTORY);
	OK(fsync(fd));
	OK(fdatasync(fd));
	closed(fd);
	sync();
	EQ(look("f").st_size, 20001);
}

static void errors(void)
{
	int pipes[2], fd;

	OK(pipe(pipes));
	FAILS(fsync(pipes[0]), EINVAL);
	FAILS(fsync(-1), EBADF);
	make("f", 1, 1);
	fd = OK(open("f", O_PATH));
	FAILS(fsync(fd), EBADF);
	closed(fd);
	fd = opened("f", O_RDWR);
	FAILS(sync_file_range(fd, 0, 0, 0x100), EINVAL);
	closed(fd);
}

static void synchronous_writes(void)
{
	static const int flags[] = { O_SYNC, O_DSYNC, O_SYNC | O_APPEND };
	char name[16];

	need("fsync");
	need("fdatasync");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		unsigned char data[1000];
		int fd;

		snprintf(name, sizeof(name), "f%zu", i);
		fd = OK(open(name, O_CREAT | O_RDWR | flags[i], 0644));
		for (int j = 0; j < 20; j++) {
			pattern(data, sizeof(data), j * 1000, i);
			EQ(OK(write(fd, data, sizeof(data))), 1000);
		}
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		EQ(look_fd(fd).st_size, 20000);
		expect_pattern(fd, 0, 20000, i);
		closed(fd);
	}
}

static void after_unlink(void)
{
	int fd, dir;

	make("f", 10000, 1);
	fd = opened("f", O_RDWR);
	OK(unlink("f"));
	EQ(OK(pwrite(fd, "x", 1, 10000)), 1);
	OK(fsync(fd));
	expect_pattern(fd, 0, 10000, 1);
	closed(fd);
	OK(mkdir("d", 0755));
	dir = opened("d", O_RDONLY | O_DIRECTORY);
	OK(rmdir("d"));
	OK(fsync(dir));
	closed(dir);
}

static void with_writers(void)
{
	const int count = profile_within("file_size", 90000) / 3000;

	WORKERS(4, number) {
		unsigned char data[3000];
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "f%d", number);
		fd = created(name, 0644);
		for (int i = 0; i < count; i++) {
			pattern(data, sizeof(data), i * 3000, number);
			EQ(OK(pwrite(fd, data, sizeof(data), i * 3000)), 3000);
			if (number == 0 || !profile_works("fsync"))
				OK(syncfs(fd));
			else
				OK(fsync(fd));
		}
		closed(fd);
	}
	expect_made("f0", count * 3000, 0);
	expect_made("f3", count * 3000, 3);
}

static void mapped(void)
{
	unsigned char *map;
	int fd;

	make("f", 8192, 1);
	fd = opened("f", O_RDWR);
	map = (void *)OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	map[17] = 1;
	OK(msync(map, 8192, MS_ASYNC));
	OK(msync(map, 8192, MS_SYNC));
	OK(msync(map, 8192, MS_SYNC | MS_INVALIDATE));
	FAILS(msync(map + 1, 4096, MS_SYNC), EINVAL);
	FAILS(msync(map, 4096, MS_SYNC | MS_ASYNC), EINVAL);
	EQ(map[17], 1);
	closed(fd);
}

static void renames_then_sync(void)
{
	int dir = opened(".", O_RDONLY | O_DIRECTORY);

	for (int i = 0; i < 30; i++) {
		int fd = created("new", 0644);

		OK(write(fd, &i, sizeof(i)));
		OK(fsync(fd));
		closed(fd);
		OK(rename("new", "f"));
		OK(fsync(dir));
	}
	EQ(look("f").st_size, sizeof(int));
	EQ(entries("."), 1);
	closed(dir);
}

static const struct check sync_checks[] = {
	{ "sync", "succeeds", "POSIX.1-2017 fsync(), fdatasync(); syncfs(2), sync_file_range(2)", succeeds },
	{ "sync", "errors", "POSIX.1-2017 fsync() EBADF, EINVAL; open(2), O_PATH", errors },
	{ "sync", "synchronous_writes", "POSIX.1-2017 open(), O_SYNC, O_DSYNC", synchronous_writes },
	{ "sync", "after_unlink", "POSIX.1-2017 fsync()", after_unlink },
	{ "sync", "with_writers", "POSIX.1-2017 fsync()", with_writers },
	{ "sync", "mapped", "POSIX.1-2017 msync(); msync(2) EINVAL", mapped },
	{ "sync", "renames_then_sync", "fsync(2): a directory needs a sync of its own", renames_then_sync },
};

FAMILY(sync);
