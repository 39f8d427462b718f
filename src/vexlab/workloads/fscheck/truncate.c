// SPDX-License-Identifier: Apache-2.0
/* truncate(2): sizes, and above all that cut bytes never come back. */
#include "fscheck/check.h"

static const off_t cuts[] = { 0, 1, 511, 512, 1000, 1024, 4095, 4096, 4097, 8192, 12288, 40960, 49152, 49153, 65536, 99999 };

static void shrink(void)
{
	off_t size = file_bytes(100000);

	for (size_t i = 0; i < ARRAY_SIZE(cuts) && cuts[i] < size; i++) {
		make("f", size, 1);
		OK(truncate("f", cuts[i]));
		expect_made("f", cuts[i], 1);
	}
}

static void extend(void)
{
	off_t most = sparse_bytes(100 + cuts[ARRAY_SIZE(cuts) - 1]);

	for (size_t i = 1; i < ARRAY_SIZE(cuts) && 100 + cuts[i] <= most; i++) {
		int fd;

		make("f", 100, 1);
		fd = opened("f", O_RDWR);
		OK(ftruncate(fd, 100 + cuts[i]));
		EQ(look_fd(fd).st_size, 100 + cuts[i]);
		expect_pattern(fd, 0, 100, 1);
		expect_zeros(fd, 100, cuts[i]);
		closed(fd);
	}
}

/* Bytes beyond a cut must read as zeros when the file grows again, whichever way it grows. */
static void regrow(bool forgotten, int way)
{
	off_t size = sparse_bytes(file_bytes(100000));

	for (size_t i = 0; i < ARRAY_SIZE(cuts) && cuts[i] < size; i++) {
		int fd;

		make("f", size, 1);
		fd = opened("f", O_RDWR);
		if (forgotten)
			forget(fd);
		OK(ftruncate(fd, cuts[i]));
		if (forgotten)
			forget(fd);
		if (way == 0)
			OK(ftruncate(fd, size));
		else
			EQ(OK(pwrite(fd, "", 1, size - 1)), 1);
		for (int pass = 0; pass < 2; pass++, forget(fd)) {
			expect_pattern(fd, 0, cuts[i], 1);
			expect_zeros(fd, cuts[i], size - 1 - cuts[i]);
		}
		closed(fd);
	}
}

static void regrow_by_truncate(void)
{
	regrow(false, 0);
}

static void regrow_by_write(void)
{
	regrow(false, 1);
}

static void regrow_from_device(void)
{
	if (can("truncate_up"))
		regrow(true, 0);
	regrow(true, 1);
}

static void times(void)
{
	struct timespec floor;

	make("f", 1000, 1);
	aged("f");
	floor = clock_floor();
	OK(truncate("f", 500));
	expect_recent("mtime after shrinking", look("f").st_mtim, floor);
	expect_changed("ctime after shrinking", look("f").st_ctim, floor);
	if (!can("truncate_up"))
		return;
	aged("f");
	floor = clock_floor();
	OK(truncate("f", 5000));
	expect_recent("mtime after growing", look("f").st_mtim, floor);
	expect_changed("ctime after growing", look("f").st_ctim, floor);
}

static void errors(void)
{
	make("f", 10, 1);
	OK(mkdir("d", 0755));
	FAILS(truncate("missing", 0), ENOENT);
	FAILS(truncate("d", 0), EISDIR);
	FAILS(truncate("f/x", 0), ENOTDIR);
	if (can("symlink")) {
		OK(symlink("a", "a"));
		FAILS(truncate("a", 0), ELOOP);
	}
	FAILS(truncate("f", -1), EINVAL);
	FAILS(ftruncate(opened("f", O_RDWR), -1), EINVAL);
	FAILS(ftruncate(opened("f", O_RDONLY), 5), EINVAL, EBADF);
	if (can("fifo")) {
		OK(mkfifo("p", 0644));
		FAILS(truncate("p", 5), EINVAL);
	}
	expect_made("f", 10, 1);
}

static void denied(void)
{
	make("f", 10, 1);
	OK(chmod("f", 0644));
	AS(USER_A, GROUP_A)
		FAILS(truncate("f", 0), EACCES);
	expect_made("f", 10, 1);
}

static void through_symlink(void)
{
	make("f", 10, 1);
	OK(symlink("f", "s"));
	OK(truncate("s", 4));
	expect_made("f", 4, 1);
	EQ(look("s").st_size, 1);
}

static void keeps_offset(void)
{
	int fd = created("f", 0644);

	EQ(OK(write(fd, "0123456789", 10)), 10);
	OK(ftruncate(fd, 2));
	EQ(lseek(fd, 0, SEEK_CUR), 10);
	EQ(OK(write(fd, "x", 1)), 1);
	EQ(look_fd(fd).st_size, 11);
	expect_zeros(fd, 2, 8);
	closed(fd);
}

static void frees_blocks(void)
{
	size_t size = file_bytes(1 << 20) & ~(size_t)4095, left = size / 16;
	blkcnt_t full, cut;
	int fd;

	make("f", size, 1);
	fd = opened("f", O_RDWR);
	flushed(fd);
	full = look_fd(fd).st_blocks;
	HOLDS(full >= (blkcnt_t)size / 512, "%zu bytes of data: expected %zu or more blocks of 512 bytes, got %lld", size,
	      size / 512, (long long)full);
	OK(ftruncate(fd, left));
	settle();
	cut = look_fd(fd).st_blocks;
	HOLDS(cut >= (blkcnt_t)left / 512 && cut <= full / 2,
	      "%zu of %zu bytes are left: expected %zu..%lld blocks, got %lld", left, size, left / 512,
	      (long long)full / 2, (long long)cut);
	OK(ftruncate(fd, 0));
	settle();
	EQ(look_fd(fd).st_blocks, 0);
	closed(fd);
}

#define MODEL (128 * 1024)

static void random_mix(void)
{
	unsigned char *model = calloc(1, MODEL), *got = malloc(MODEL), data[6000];
	size_t size = 0, most = sparse_bytes(file_bytes(MODEL));
	uint64_t state = 11;
	int fd = created("f", 0644);

	for (int i = 0; i < 400; i++) {
		if (random_below(&state, 3)) {
			size_t len = 1 + random_below(&state, sizeof(data) < most / 2 ? sizeof(data) : most / 2);
			size_t at = random_below(&state, most - len);

			pattern(data, len, at, i);
			EQ(OK(pwrite(fd, data, len, at)), len);
			memcpy(model + at, data, len);
			if (at + len > size)
				size = at + len;
		} else {
			size_t cut = random_below(&state, can("truncate_up") ? most : size + 1);

			OK(ftruncate(fd, cut));
			if (cut < size)
				memset(model + cut, 0, size - cut);
			size = cut;
		}
		if (!random_below(&state, 25))
			forget(fd);
		if (i % 8)
			continue;
		EQ(read_all(fd, got, MODEL, 0), size);
		BYTES(got, model, size);
	}
	closed(fd);
}

static void clears_setuid(void)
{
	need_root();
	OK(chmod(".", 0777));
	make("f", 100, 1);
	OK(chown("f", USER_A, GROUP_A));
	OK(chmod("f", 06777));
	AS(USER_B, GROUP_B)
		OK(truncate("f", 10));
	EQ(look("f").st_mode & 07777, 0777);
}

static void huge_and_back(void)
{
	int fd;

	need("sparse_files");
	make("f", 5000, 1);
	fd = opened("f", O_RDWR);
	OPTIONAL(ftruncate(fd, 3LL << 30), EFBIG);
	EQ(look_fd(fd).st_size, 3LL << 30);
	expect_zeros(fd, 5000, 5000);
	expect_zeros(fd, (3LL << 30) - 5000, 5000);
	OK(ftruncate(fd, 3000));
	expect_made("f", 3000, 1);
	OK(ftruncate(fd, 6000));
	expect_zeros(fd, 3000, 3000);
	closed(fd);
}

/* A block every 4 MiB needs a block of pointers, or an extent, for each: what is cut at once takes many transactions. */
static void far_apart(void)
{
	const off_t stride = 4 << 20;
	struct stat st;
	int fd;

	need("sparse_files");
	need_room("file_sparse", 200 * stride);
	fd = created("f", 0644);
	for (int i = 0; i < 200; i++)
		EQ(pwrite(fd, "x", 1, i * stride), 1);
	flushed(fd);
	st = look_fd(fd);
	OK(ftruncate(fd, 20 * stride));
	flushed(fd);
	HOLDS(look_fd(fd).st_blocks < st.st_blocks / 4, "%lld of %lld blocks are left of a tenth", (long long)look_fd(fd).st_blocks,
	      (long long)st.st_blocks);
	for (int i = 20; i < 200; i++)
		EQ(pwrite(fd, "y", 1, i * stride), 1);
	flushed(fd);
	HOLDS(look_fd(fd).st_blocks > st.st_blocks * 9 / 10, "%lld blocks hold what %lld held before",
	      (long long)look_fd(fd).st_blocks, (long long)st.st_blocks);
	expect_zeros(fd, 25 * stride + 1, 5000);
	OK(unlink("f"));
	closed(fd);
}

static const struct check truncate_checks[] = {
	{ "truncate", "shrink", "POSIX.1-2017 truncate()", shrink },
	{ "truncate", "extend", "POSIX.1-2017 ftruncate(): the extended area appears as if zero-filled", extend },
	{ "truncate", "regrow_by_truncate", "POSIX.1-2017 ftruncate(): cut data is gone", regrow_by_truncate },
	{ "truncate", "regrow_by_write", "POSIX.1-2017 ftruncate(), lseek(): the gap reads as 0", regrow_by_write },
	{ "truncate", "regrow_from_device", "POSIX.1-2017 ftruncate(), fsync()", regrow_from_device },
	{ "truncate", "times", "POSIX.1-2017 truncate(): marks mtime and ctime", times },
	{ "truncate", "errors", "POSIX.1-2017 truncate(), ftruncate() ERRORS", errors },
	{ "truncate", "denied", "POSIX.1-2017 truncate() EACCES", denied },
	{ "truncate", "through_symlink", "POSIX.1-2017 truncate()", through_symlink },
	{ "truncate", "keeps_offset", "POSIX.1-2017 ftruncate(): the offset is not modified", keeps_offset },
	{ "truncate", "frees_blocks", "truncate(2); stat(2) st_blocks", frees_blocks },
	{ "truncate", "random_mix", "POSIX.1-2017 ftruncate(), write()", random_mix },
	{ "truncate", "clears_setuid", "truncate(2): set-user-ID and set-group-ID may be cleared; inode(7)",
	  clears_setuid },
	{ "truncate", "far_apart", "POSIX.1-2017 ftruncate(), unlink(): no limit of size or number of holes", far_apart },
	{ "truncate", "huge_and_back", "POSIX.1-2017 ftruncate()", huge_and_back },
};

FAMILY(truncate);
