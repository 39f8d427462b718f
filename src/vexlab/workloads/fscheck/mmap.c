// SPDX-License-Identifier: Apache-2.0
/* mmap(2): mappings and descriptors see one file. */
#include <setjmp.h>

#include "fscheck/check.h"

static sigjmp_buf escape;

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(escape, 1);
}

/* Whether touching the byte raises SIGBUS. */
static bool bus_error(volatile unsigned char *byte, bool write)
{
	signal(SIGBUS, on_sigbus);
	if (sigsetjmp(escape, 1))
		return true;
	if (write)
		*byte = 1;
	else
		(void)*byte;
	return false;
}

static unsigned char *map(int fd, size_t len, int prot, int flags)
{
	return (void *)OK(mmap(NULL, len, prot, flags, fd, 0));
}

#define RW (PROT_READ | PROT_WRITE)

/*
 * How a file is opened whose mapping is only read. One that could be written by mprotect(2) is refused where shared ones
 * cannot be written (generic_file_readonly_mmap()).
 */
static int flags_to_map(void)
{
	return can("mmap_write") ? O_RDWR : O_RDONLY;
}

static int protection(void)
{
	return can("mmap_write") ? RW : PROT_READ;
}

static void sees_writes(void)
{
	void *wanted = patterned(20000, 0, 2);
	unsigned char *shared, *private;
	int fd, mapped;

	make("f", 20000, 1);
	fd = opened("f", O_RDWR);
	mapped = opened("f", flags_to_map());
	shared = map(mapped, 20000, PROT_READ, MAP_SHARED);
	private = map(fd, 20000, PROT_READ, MAP_PRIVATE);
	BYTES(shared, (unsigned char *)patterned(20000, 0, 1), 20000);
	EQ(OK(pwrite(fd, wanted, 20000, 0)), 20000);
	BYTES(shared, (unsigned char *)wanted, 20000);
	BYTES(private, (unsigned char *)wanted, 20000);
	closed(mapped);
	closed(fd);
}

static void stores_are_read(void)
{
	unsigned char *shared;
	int fd;

	make("f", 20000, 1);
	fd = opened("f", O_RDWR);
	shared = map(fd, 20000, RW, MAP_SHARED);
	pattern(shared + 3000, 10000, 3000, 2);
	expect_pattern(fd, 0, 3000, 1);
	expect_pattern(fd, 3000, 10000, 2);
	OK(munmap(shared, 20000));
	forget(fd);
	expect_pattern(fd, 0, 3000, 1);
	expect_pattern(fd, 3000, 10000, 2);
	expect_pattern(fd, 13000, 7000, 1);
	EQ(look_fd(fd).st_size, 20000);
	closed(fd);
}

static void between_processes(void)
{
	unsigned char *shared;
	pid_t child;
	int fd;

	make("f", 8192, 1);
	fd = opened("f", O_RDWR);
	shared = map(fd, 8192, RW, MAP_SHARED);
	child = background_begin();
	if (!child) {
		int other = opened("f", O_RDWR);
		unsigned char *mine = map(other, 8192, RW, MAP_SHARED);

		mine[5000] = 99;
		shared[6000] = 98;
		as_end();
	}
	background_end(child);
	EQ(shared[5000], 99);
	EQ(shared[6000], 98);
	closed(fd);
}

static void private_stays_private(void)
{
	unsigned char *private;
	int fd;

	make("f", 8192, 1);
	fd = opened("f", O_RDONLY);
	private = map(fd, 8192, RW, MAP_PRIVATE);
	memset(private, 0, 8192);
	expect_made("f", 8192, 1);
	EQ(private[100], 0);
	OK(munmap(private, 8192));
	expect_made("f", 8192, 1);
	closed(fd);
}

static void tail_is_zero(void)
{
	unsigned char *shared;
	int fd, mapped;

	make("f", 5000, 1);
	fd = opened("f", O_RDWR);
	forget(fd);
	mapped = opened("f", flags_to_map());
	shared = map(mapped, 8192, protection(), MAP_SHARED);
	closed(mapped);
	for (int i = 5000; i < 8192; i++)
		HOLDS(!shared[i], "byte %d beyond the end of the file: expected zero, got 0x%02x", i, shared[i]);
	if (can("mmap_write")) {
		memset(shared + 5000, 'x', 3192);
		map_flushed(shared, 8192, fd);
	}
	EQ(look_fd(fd).st_size, 5000);
	OK(munmap(shared, 8192));
	forget(fd);
	OK(ftruncate(fd, 8192));
	expect_pattern(fd, 0, 5000, 1);
	expect_zeros(fd, 5000, 3192);
	closed(fd);
}

/* The same of a page that has not left memory when the file grows. */
static void tail_in_memory(void)
{
	for (int way = 0; way < 2; way++) {
		unsigned char *shared, tail[3191];
		int fd;

		make("f", 5000, 1);
		fd = opened("f", O_RDWR);
		shared = map(fd, 8192, RW, MAP_SHARED);
		memset(shared + 5000, 'x', 3192);
		OK(munmap(shared, 8192));
		if (way == 0)
			OK(ftruncate(fd, 8192));
		else
			EQ(OK(pwrite(fd, "", 1, 8191)), 1);
		expect_pattern(fd, 0, 5000, 1);
		EQ(OK(pread(fd, tail, sizeof(tail), 5000)), sizeof(tail));
		if (memchr(tail, 'x', sizeof(tail)))
			report(REFUSED, 0, "what was stored beyond the end is in the file when it grows by %s",
			       way ? "pwrite" : "ftruncate");
		closed(fd);
	}
}

static void beyond_the_end(void)
{
	bool stores = can("mmap_write");
	unsigned char *shared;
	int fd, mapped;

	make("f", 5000, 1);
	fd = opened("f", O_RDWR);
	mapped = opened("f", flags_to_map());
	shared = map(mapped, 16384, protection(), MAP_SHARED);
	closed(mapped);
	EQ(bus_error(shared + 8191, false), 0);
	EQ(bus_error(shared + 8192, false), 1);
	EQ(bus_error(shared + 12288, stores), 1);
	OK(ftruncate(fd, 16384));
	EQ(bus_error(shared + 12288, stores), 0);
	EQ(shared[8192], 0);
	OK(ftruncate(fd, 4096));
	EQ(bus_error(shared + 4096, false), 1);
	EQ(bus_error(shared + 12288, stores), 1);
	EQ(bus_error(shared + 4095, false), 0);
	OK(ftruncate(fd, 16384));
	EQ(bus_error(shared + 12288, false), 0);
	EQ(shared[12288], 0);
	EQ(shared[4096], 0);
	closed(fd);
}

static void into_hole(void)
{
	off_t size = sparse_bytes(1 << 20), middle = size / 2 - 24288;
	unsigned char *shared;
	int fd = created("f", 0644);

	if (middle < 0)
		middle = size / 2;
	OK(ftruncate(fd, size));
	shared = map(fd, size, RW, MAP_SHARED);
	EQ(shared[middle], 0);
	shared[middle] = 7;
	shared[size - 1] = 8;
	map_flushed(shared, size, fd);
	OK(munmap(shared, size));
	forget(fd);
	expect_zeros(fd, 0, middle);
	expect_zeros(fd, middle + 1, size - middle - 2);
	shared = map(fd, size, PROT_READ, MAP_SHARED);
	EQ(shared[middle], 7);
	EQ(shared[size - 1], 8);
	closed(fd);
}

static void errors(void)
{
	int fd;

	make("f", 100, 1);
	fd = opened("f", O_RDONLY);
	FAILS(mmap(NULL, 100, RW, MAP_SHARED, fd, 0), EACCES);
	FAILS(mmap(NULL, 100, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
	FAILS(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0), EINVAL);
	closed(fd);
	fd = opened("f", O_WRONLY);
	FAILS(mmap(NULL, 100, PROT_READ, MAP_SHARED, fd, 0), EACCES);
	closed(fd);
	OK(mkdir("d", 0755));
	fd = opened("d", O_RDONLY);
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), ENODEV, EACCES);
	closed(fd);
}

static void write_from_own_mapping(void)
{
	size_t half = file_bytes(65536) / 8192 * 4096;
	unsigned char *shared;
	int fd;

	/* The buffer is a page of the very file that is written: once a way into deadlock (generic/208 and others). */
	make("f", 2 * half, 1);
	fd = opened("f", O_RDWR);
	shared = map(fd, 2 * half, RW, MAP_SHARED);
	forget(fd);
	EQ(OK(pwrite(fd, shared, half, half)), half);
	expect_pattern(fd, 0, half, 1);
	forget(fd);
	EQ(OK(pwrite(fd, shared + 100, 4096, 100)), 4096);
	EQ(OK(pread(fd, shared + half + 4096, 4096, 0)), 4096);
	BYTES(shared + half + 4096, shared, 4096);
	expect_pattern(fd, 0, half, 1);
	closed(fd);
}

#define MODEL (96 * 1024)

static void random_mix(void)
{
	unsigned char *model = calloc(1, MODEL), *got = malloc(MODEL), *shared, data[5000];
	size_t size = sparse_bytes(MODEL), most = sizeof(data) < size / 2 ? sizeof(data) : size / 2;
	uint64_t state = 17;
	int fd = created("f", 0644);

	OK(ftruncate(fd, size));
	shared = map(fd, size, RW, MAP_SHARED);
	for (int i = 0; i < 300; i++) {
		size_t len = 1 + random_below(&state, most), at = random_below(&state, size - len);

		pattern(data, len, at, i);
		memcpy(model + at, data, len);
		if (i & 1)
			memcpy(shared + at, data, len);
		else
			EQ(OK(pwrite(fd, data, len, at)), len);
		if (i % 37 == 0) {
			map_flushed(shared, size, fd);
			OK(madvise(shared, size, MADV_DONTNEED));
			forget(fd);
		}
		if (i % 10)
			continue;
		BYTES(shared, model, size);
		EQ(read_all(fd, got, MODEL, 0), size);
		BYTES(got, model, size);
	}
	closed(fd);
}

static void survives_close(void)
{
	unsigned char *shared;
	int fd;

	make("f", 8192, 1);
	fd = opened("f", O_RDWR);
	shared = map(fd, 8192, RW, MAP_SHARED);
	closed(fd);
	shared[4000] = 200;
	OK(munmap(shared, 8192));
	fd = opened("f", O_RDONLY);
	expect_pattern(fd, 0, 4000, 1);
	expect_pattern(fd, 4001, 4191, 1);
	closed(fd);
}

static void grows_with_file(void)
{
	int fd = created("f", 0644), pages = file_bytes(65536) / 4096;
	unsigned char *shared = map(fd, 65536, RW, MAP_SHARED);

	for (int i = 0; i < pages; i++) {
		OK(ftruncate(fd, (i + 1) * 4096));
		EQ(shared[i * 4096 + 17], 0);
		pattern(shared + i * 4096, 4096, i * 4096, 3);
	}
	expect_pattern(fd, 0, pages * 4096, 3);
	OK(munmap(shared, 65536));
	forget(fd);
	expect_pattern(fd, 0, pages * 4096, 3);
	closed(fd);
}

static const struct check mmap_checks[] = {
	{ "mmap", "sees_writes", "POSIX.1-2017 mmap(); mmap(2), MAP_SHARED", sees_writes },
	{ "mmap", "stores_are_read", "POSIX.1-2017 mmap(), MAP_SHARED: write references change the object",
	  stores_are_read },
	{ "mmap", "between_processes", "POSIX.1-2017 mmap(), MAP_SHARED", between_processes },
	{ "mmap", "private_stays_private", "POSIX.1-2017 mmap(), MAP_PRIVATE", private_stays_private },
	{ "mmap", "tail_is_zero", "POSIX.1-2017 mmap(): the partial page is zero-filled and never written out",
	  tail_is_zero },
	{ "mmap", "tail_in_memory", "POSIX.1-2017 mmap(): modified portions beyond the end are never written out",
	  tail_in_memory },
	{ "mmap", "beyond_the_end", "POSIX.1-2017 mmap(): SIGBUS beyond the end", beyond_the_end },
	{ "mmap", "into_hole", "POSIX.1-2017 mmap()", into_hole },
	{ "mmap", "errors", "POSIX.1-2017 mmap() ERRORS; mmap(2) EACCES, ENODEV", errors },
	{ "mmap", "write_from_own_mapping", "POSIX.1-2017 write(), mmap()", write_from_own_mapping },
	{ "mmap", "random_mix", "POSIX.1-2017 mmap(), write()", random_mix },
	{ "mmap", "survives_close", "POSIX.1-2017 mmap(): close() does not unmap", survives_close },
	{ "mmap", "grows_with_file", "POSIX.1-2017 mmap(), ftruncate()", grows_with_file },
};

FAMILY(mmap);
