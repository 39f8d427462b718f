// SPDX-License-Identifier: Apache-2.0
/* fallocate(2), holes, SEEK_DATA and SEEK_HOLE. */
#include "fscheck/check.h"

#define KEEP FALLOC_FL_KEEP_SIZE
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static void allocates(void)
{
	int fd = created("f", 0644);

	OPTIONAL(fallocate(fd, 0, 0, 300000), EOPNOTSUPP);
	EQ(look_fd(fd).st_size, 300000);
	expect_zeros(fd, 0, 300000);
	HOLDS(look_fd(fd).st_blocks >= 300000 / 512, "300000 bytes are allocated: expected 585 or more blocks, got %lld",
	      (long long)look_fd(fd).st_blocks);
	EQ(OK(pwrite(fd, "x", 1, 100000)), 1);
	forget(fd);
	expect_zeros(fd, 0, 100000);
	expect_zeros(fd, 100001, 199999);
	closed(fd);
}

static void keeps_data(void)
{
	int fd;

	make("f", 10000, 1);
	fd = opened("f", O_RDWR);
	OPTIONAL(fallocate(fd, 0, 5000, 20000), EOPNOTSUPP);
	EQ(look_fd(fd).st_size, 25000);
	for (int i = 0; i < 2; i++, forget(fd)) {
		expect_pattern(fd, 0, 10000, 1);
		expect_zeros(fd, 10000, 15000);
	}
	OK(fallocate(fd, 0, 0, 100));
	EQ(look_fd(fd).st_size, 25000);
	closed(fd);
}

static void keeps_size(void)
{
	char byte;
	int fd;

	make("f", 5000, 1);
	fd = opened("f", O_RDWR);
	OPTIONAL(fallocate(fd, KEEP, 0, 200000), EOPNOTSUPP);
	EQ(look_fd(fd).st_size, 5000);
	EQ(OK(pread(fd, &byte, 1, 5000)), 0);
	expect_pattern(fd, 0, 5000, 1);
	OK(ftruncate(fd, 50000));
	expect_zeros(fd, 5000, 45000);
	forget(fd);
	expect_zeros(fd, 5000, 45000);
	closed(fd);
}

static void errors(void)
{
	int fd, fifo;

	make("f", 5000, 1);
	fd = opened("f", O_RDWR);
	FAILS(fallocate(fd, 0, 0, 0), EINVAL);
	FAILS(fallocate(fd, 0, -1, 10), EINVAL);
	FAILS(fallocate(fd, 0, 0, -1), EINVAL);
	FAILS(fallocate(fd, 0x10000, 0, 10), EOPNOTSUPP);
	FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP, EINVAL);
	FAILS(fallocate(fd, 0, LLONG_MAX - 100, 1000), EFBIG);
	FAILS(fallocate(opened("f", O_RDONLY), 0, 0, 10000), EBADF);
	if (can("fifo")) {
		OK(mkfifo("p", 0644));
		fifo = opened("p", O_RDWR);
		FAILS(fallocate(fifo, 0, 0, 10), ESPIPE);
	}
	FAILS(fallocate(opened(".", O_RDONLY), 0, 0, 10), EBADF, EISDIR, ENODEV);
	expect_made("f", 5000, 1);
	closed(fd);
}

static void punch(off_t from, off_t len)
{
	int fd;

	make("f", 100000, 1);
	fd = opened("f", O_RDWR);
	if (from & 1)
		forget(fd);
	OPTIONAL(fallocate(fd, PUNCH, from, len), EOPNOTSUPP);
	EQ(look_fd(fd).st_size, 100000);
	for (int i = 0; i < 2; i++, forget(fd)) {
		off_t end = from + len < 100000 ? from + len : 100000;

		expect_pattern(fd, 0, from, 1);
		expect_zeros(fd, from, end - from);
		expect_pattern(fd, end, 100000 - end, 1);
	}
	closed(fd);
	OK(unlink("f"));
}

static void punches(void)
{
	static const off_t ranges[][2] = {
		{ 0, 4096 }, { 4096, 4096 }, { 100, 50 }, { 101, 8000 }, { 4095, 2 }, { 8192, 40960 }, { 8193, 40958 },
		{ 0, 100000 }, { 90000, 20000 }, { 98304, 1696 }, { 12287, 36867 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		punch(ranges[i][0], ranges[i][1]);
}

static void punch_frees(void)
{
	blkcnt_t before;
	int fd;

	make("f", 1 << 20, 1);
	fd = opened("f", O_RDWR);
	flushed(fd);
	before = look_fd(fd).st_blocks;
	OPTIONAL(fallocate(fd, PUNCH, 65536, 1 << 19), EOPNOTSUPP);
	settle();
	HOLDS(look_fd(fd).st_blocks <= before - 900, "512 KiB of %lld blocks were punched out: %lld are left",
	      (long long)before, (long long)look_fd(fd).st_blocks);
	closed(fd);
}

static void zeroes(void)
{
	int fd;

	make("f", 50000, 1);
	fd = opened("f", O_RDWR);
	OPTIONAL(fallocate(fd, FALLOC_FL_ZERO_RANGE, 1000, 20000), EOPNOTSUPP);
	EQ(look_fd(fd).st_size, 50000);
	OK(fallocate(fd, FALLOC_FL_ZERO_RANGE | KEEP, 45000, 20000));
	EQ(look_fd(fd).st_size, 50000);
	for (int i = 0; i < 2; i++, forget(fd)) {
		expect_pattern(fd, 0, 1000, 1);
		expect_zeros(fd, 1000, 20000);
		expect_pattern(fd, 21000, 24000, 1);
		expect_zeros(fd, 45000, 5000);
	}
	OK(fallocate(fd, FALLOC_FL_ZERO_RANGE, 40000, 30000));
	EQ(look_fd(fd).st_size, 70000);
	expect_zeros(fd, 40000, 30000);
	closed(fd);
}

/* Ranges must be multiples of the block size, which may be larger than st_blksize says: 64 KiB serves all. */
#define UNIT 65536

static void collapses(void)
{
	int fd;

	make("f", 8 * UNIT, 1);
	fd = opened("f", O_RDWR);
	OPTIONAL(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, UNIT, 2 * UNIT), EOPNOTSUPP, EINVAL);
	EQ(look_fd(fd).st_size, 6 * UNIT);
	for (int i = 0; i < 2; i++, forget(fd)) {
		unsigned char *got = malloc(5 * UNIT);

		expect_pattern(fd, 0, UNIT, 1);
		EQ(read_all(fd, got, 5 * UNIT, UNIT), 5 * UNIT);
		BYTES(got, (unsigned char *)patterned(5 * UNIT, 3 * UNIT, 1), 5 * UNIT);
	}
	FAILS(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 6 * UNIT), EINVAL);
	FAILS(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 1, 100), EINVAL);
	EQ(look_fd(fd).st_size, 6 * UNIT);
	closed(fd);
}

static void inserts(void)
{
	int fd;

	make("f", 4 * UNIT, 1);
	fd = opened("f", O_RDWR);
	OPTIONAL(fallocate(fd, FALLOC_FL_INSERT_RANGE, UNIT, 2 * UNIT), EOPNOTSUPP, EINVAL);
	EQ(look_fd(fd).st_size, 6 * UNIT);
	for (int i = 0; i < 2; i++, forget(fd)) {
		unsigned char *got = malloc(3 * UNIT);

		expect_pattern(fd, 0, UNIT, 1);
		expect_zeros(fd, UNIT, 2 * UNIT);
		EQ(read_all(fd, got, 3 * UNIT, 3 * UNIT), 3 * UNIT);
		BYTES(got, (unsigned char *)patterned(3 * UNIT, UNIT, 1), 3 * UNIT);
	}
	FAILS(fallocate(fd, FALLOC_FL_INSERT_RANGE, 6 * UNIT, UNIT), EINVAL);
	closed(fd);
}

static void holes_take_no_room(void)
{
	off_t hole = sparse_bytes((64 << 20) + 1) - 1, part = hole < 100000 ? hole : 100000;
	/* Maps of what is where take room, too: at most a MiB, or half of what a small file could have. */
	blkcnt_t most = hole >= 2 << 20 ? 2048 : hole / 1024;
	int fd;

	need("sparse_files");
	fd = created("f", 0644);
	EQ(OK(pwrite(fd, "x", 1, hole)), 1);
	flushed(fd);
	EQ(look_fd(fd).st_size, hole + 1);
	HOLDS(look_fd(fd).st_blocks < most, "one byte behind a hole of %lld bytes takes %lld blocks of 512 bytes",
	      (long long)hole, (long long)look_fd(fd).st_blocks);
	expect_zeros(fd, 0, part);
	expect_zeros(fd, hole - part, part);
	closed(fd);
}

static void data_takes_room(void)
{
	static const off_t at[] = { 0, 1 << 20, 5 << 20, 20 << 20 };
	int fd = created("f", 0644);
	void *data = patterned(65536, 0, 1);

	need("sparse_files");
	need_room("file_sparse", 21 << 20);

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		EQ(OK(pwrite(fd, data, 65536, at[i])), 65536);
	flushed(fd);
	HOLDS(look_fd(fd).st_blocks >= 512 && look_fd(fd).st_blocks < 2048,
	      "256 KiB of data: expected 512 to 2047 blocks of 512 bytes, got %lld", (long long)look_fd(fd).st_blocks);
	closed(fd);
}

/* What SEEK_DATA skips must be zeros, and SEEK_HOLE may report fewer holes than there are, never more. */
static void seeks(void)
{
	static const off_t places[] = { 0, 300000, 1 << 20, 3 << 20 };
	off_t size = (4 << 20) + 1234, at = 0;
	void *data = patterned(8192, 0, 1);
	int fd = created("f", 0644);

	need_room("file_sparse", size);

	OK(ftruncate(fd, size));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		EQ(OK(pwrite(fd, data, 8192, places[i])), 8192);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		EQ(OK(lseek(fd, places[i], SEEK_DATA)), places[i]);
		HOLDS(OK(lseek(fd, places[i], SEEK_HOLE)) >= places[i] + 8192, "data at %lld was called a hole",
		      (long long)places[i]);
	}
	flushed(fd);
	while (at < size) {
		off_t next = lseek(fd, at, SEEK_DATA), hole;

		if (next < 0) {
			EQ(errno, ENXIO);
			next = size;
		}
		HOLDS(next >= at && next <= size, "SEEK_DATA from %lld gave %lld", (long long)at, (long long)next);
		expect_zeros(fd, at, next - at);
		if (next == size)
			break;
		hole = OK(lseek(fd, next, SEEK_HOLE));
		HOLDS(hole > next && hole <= size, "SEEK_HOLE from %lld gave %lld", (long long)next, (long long)hole);
		at = hole;
	}
	EQ(OK(lseek(fd, size - 1, SEEK_HOLE)) <= size, 1);
	closed(fd);
}

static void seek_ends(void)
{
	int fd;

	make("f", 5000, 1);
	fd = opened("f", O_RDWR);
	EQ(OK(lseek(fd, 0, SEEK_DATA)), 0);
	EQ(OK(lseek(fd, 0, SEEK_HOLE)), 5000);
	EQ(OK(lseek(fd, 4999, SEEK_DATA)), 4999);
	FAILS(lseek(fd, 5000, SEEK_DATA), ENXIO);
	FAILS(lseek(fd, 5000, SEEK_HOLE), ENXIO);
	FAILS(lseek(fd, 1 << 20, SEEK_DATA), ENXIO);
	closed(fd);
	fd = created("empty", 0644);
	FAILS(lseek(fd, 0, SEEK_DATA), ENXIO);
	closed(fd);
}

static void filled_holes(void)
{
	int fd = created("f", 0644), pieces = sparse_bytes(file_bytes(200 * 1000)) / 1000;
	unsigned char data[1000];
	uint64_t state = 23;
	char done[200] = "";

	/* Pieces of a file written in a wild order, until no hole is left. */
	for (int left = pieces; left;) {
		int piece = random_below(&state, pieces);

		if (done[piece])
			continue;
		done[piece] = 1;
		left--;
		pattern(data, sizeof(data), piece * 1000, 4);
		EQ(OK(pwrite(fd, data, sizeof(data), piece * 1000)), 1000);
		if (left % 25 == 0)
			forget(fd);
	}
	forget(fd);
	EQ(look_fd(fd).st_size, pieces * 1000);
	expect_pattern(fd, 0, pieces * 1000, 4);
	closed(fd);
}

static const struct check space_checks[] = {
	{ "space", "allocates", "fallocate(2), mode 0", allocates },
	{ "space", "keeps_data", "fallocate(2): existing data is not modified", keeps_data },
	{ "space", "keeps_size", "fallocate(2), FALLOC_FL_KEEP_SIZE", keeps_size },
	{ "space", "errors", "fallocate(2) ERRORS", errors },
	{ "space", "punches", "fallocate(2), FALLOC_FL_PUNCH_HOLE", punches },
	{ "space", "punch_frees", "fallocate(2), FALLOC_FL_PUNCH_HOLE deallocates", punch_frees },
	{ "space", "zeroes", "fallocate(2), FALLOC_FL_ZERO_RANGE", zeroes },
	{ "space", "collapses", "fallocate(2), FALLOC_FL_COLLAPSE_RANGE", collapses },
	{ "space", "inserts", "fallocate(2), FALLOC_FL_INSERT_RANGE", inserts },
	{ "space", "holes_take_no_room", "POSIX.1-2017 lseek(); stat(2) st_blocks", holes_take_no_room },
	{ "space", "data_takes_room", "stat(2) st_blocks: units of 512 bytes", data_takes_room },
	{ "space", "seeks", "lseek(2), SEEK_DATA, SEEK_HOLE", seeks },
	{ "space", "seek_ends", "lseek(2), SEEK_DATA, SEEK_HOLE, ENXIO", seek_ends },
	{ "space", "filled_holes", "POSIX.1-2017 pwrite()", filled_holes },
};

FAMILY(space);
