// SPDX-License-Identifier: Apache-2.0
/* What can be done with a file's data. */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "fsprobe/probe.h"

#define ALIGNED 4096
#define LARGE (4LL << 30)

static void append(void)
{
	const char *wrong;
	char byte = 0;
	int first, second;

	made(at("f"));
	first = ASK(open(at("f"), O_RDWR | O_APPEND | O_CLOEXEC));
	second = NEED(open(at("f"), O_WRONLY | O_CLOEXEC));
	trigger("lseek(fd, 0, SEEK_SET), write(fd, \"a\", 1), open with O_APPEND");
	NEED(pwrite(second, "x", 1, SMALL));
	MUST(lseek(first, 0, SEEK_SET));
	MUST(write(first, "a", 1));
	HOLDS(look(at("f")).st_size == SMALL + 2, "the file has %lld bytes, not %d", (long long)look(at("f")).st_size,
	      SMALL + 2);
	HOLDS(pread(first, &byte, 1, SMALL + 1) == 1 && byte == 'a', "its last byte is 0x%02x, not what was appended",
	      byte);
	wrong = differs(first, SMALL, 0, 1);
	HOLDS(!*wrong, "what was there before: %s", wrong);
	works();
}

static void truncate_down(void)
{
	int fd;

	made(at("f"));
	fd = NEED(open(at("f"), O_RDWR | O_CLOEXEC));
	ASK(ftruncate(fd, 1000));
	expect_file("after ftruncate to 1000", at("f"), 1000);
	close(fd);
	forget();
	expect_file("read from the device", at("f"), 1000);
	works();
}

static void truncate_up(void)
{
	const char *wrong;
	int fd;

	made(at("f"));
	fd = NEED(open(at("f"), O_RDWR | O_CLOEXEC));
	if (!ftruncate(fd, 1000))
		note("after it was made shorter");
	ASK(ftruncate(fd, 3 * SMALL));
	for (int i = 0; i < 2; i++) {
		HOLDS(look(at("f")).st_size == 3 * SMALL, "the file has %lld bytes, not %d",
		      (long long)look(at("f")).st_size, 3 * SMALL);
		wrong = differs(fd, 1000, 0, 1);
		HOLDS(!*wrong, "what was there before: %s", wrong);
		wrong = differs(fd, 2 * SMALL, SMALL, 0);
		HOLDS(!*wrong, "what came to it: %s", wrong);
		close(fd);
		forget();
		fd = MUST(open(at("f"), O_RDWR | O_CLOEXEC));
	}
	answer->detail[0] = '\0';
	works();
}

static void *map(int fd, size_t len, int protection, int flags)
{
	void *memory = mmap(NULL, len, protection, flags, fd, 0);

	return memory;
}

static const char *memory_differs(const unsigned char *memory, size_t from, size_t to, unsigned int seed)
{
	static char text[80];
	unsigned char wanted[ALIGNED] = { 0 };

	if (seed)
		pattern(wanted, sizeof(wanted), 0, seed);
	text[0] = '\0';
	for (size_t i = from; i < to && !*text; i++)
		if (memory[i] != wanted[i])
			snprintf(text, sizeof(text), "byte %zu is 0x%02x, not 0x%02x", i, memory[i], wanted[i]);
	return text;
}

static void expect_mapped(const unsigned char *memory)
{
	const char *wrong = memory_differs(memory, 0, SMALL, 1);

	HOLDS(!*wrong, "%s", wrong);
	wrong = memory_differs(memory, SMALL, ALIGNED, 0);
	HOLDS(!*wrong, "beyond the end of the file: %s", wrong);
}

static void mmap_read(void)
{
	void *memory;
	int fd;

	made(at("f"));
	forget();
	/* Where shared stores are refused, a descriptor that may write gives no shared mapping at all (mm/filemap.c). */
	fd = NEED(open(at("f"), O_RDONLY | O_CLOEXEC));
	memory = (void *)ASK(map(fd, ALIGNED, PROT_READ, MAP_SHARED));
	expect_mapped(memory);
	works();
}

static void mmap_private(void)
{
	unsigned char *memory;
	int fd;

	made(at("f"));
	forget();
	fd = NEED(open(at("f"), O_RDWR | O_CLOEXEC));
	memory = (void *)ASK(map(fd, ALIGNED, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	expect_mapped(memory);
	trigger("a store to a private mapping");
	memory[10] = 0;
	HOLDS(!memory[10], "a store is not in the mapping");
	munmap(memory, ALIGNED);
	forget();
	expect_file("after a store that is private", at("f"), SMALL);
	works();
}

static void mmap_write(void)
{
	unsigned char *memory;
	char byte = 0;
	int fd;

	made(at("f"));
	forget();
	fd = NEED(open(at("f"), O_RDWR | O_CLOEXEC));
	memory = (void *)ASK(map(fd, ALIGNED, PROT_READ | PROT_WRITE, MAP_SHARED));
	trigger("a store to a shared mapping, msync");
	memory[100] = '+';
	HOLDS(pread(fd, &byte, 1, 100) == 1 && byte == '+', "read(2) finds 0x%02x where '+' was stored", byte);
	/* Where there is no fsync, msync has none to call; what is unmapped goes to the device with all the rest. */
	if (!settings.unsynced)
		MUST(msync(memory, ALIGNED, MS_SYNC));
	munmap(memory, ALIGNED);
	MUST(close(fd));
	forget();
	fd = MUST(open(at("f"), O_RDWR | O_CLOEXEC));
	HOLDS(pread(fd, &byte, 1, 100) == 1 && byte == '+', "0x%02x is on the device where '+' was stored", byte);
	MUST(pwrite(fd, "", 1, 100));
	HOLDS(look(at("f")).st_size == SMALL, "the file has %lld bytes, not %d", (long long)look(at("f")).st_size, SMALL);
	works();
}

static void direct_io(void)
{
	int plain = created(at("f")), fd;
	const char *wrong;
	void *buffer;

	if (posix_memalign(&buffer, ALIGNED, ALIGNED))
		abort();
	fill(plain, ALIGNED, 0, 1);
	settle(plain);
	trigger("open(\"f\", O_RDWR | O_DIRECT)");
	fd = open(at("f"), O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		refused(errno, "open");
	trigger("pread(fd, buffer, 4096, 0) with O_DIRECT");
	if (pread(fd, buffer, ALIGNED, 0) != ALIGNED)
		refused(errno, "read");
	wrong = memory_differs(buffer, 0, ALIGNED, 1);
	HOLDS(!*wrong, "read: %s", wrong);
	pattern(buffer, ALIGNED, 0, 2);
	trigger("pwrite(fd, buffer, 4096, 0) with O_DIRECT");
	if (pwrite(fd, buffer, ALIGNED, 0) != ALIGNED)
		refused(errno, "write");
	wrong = differs(plain, ALIGNED, 0, 2);
	HOLDS(!*wrong, "read(2) after a direct write: %s", wrong);
	works();
}

static void copy_range(void)
{
	int from, to = created(at("g"));
	ssize_t done;

	made(at("f"));
	from = NEED(open(at("f"), O_RDONLY | O_CLOEXEC));
	done = ASK(copy_file_range(from, NULL, to, NULL, SMALL, 0));
	HOLDS(done == SMALL, "it copied %zd of %d bytes", done, SMALL);
	forget();
	expect_file("the copy", at("g"), SMALL);
	works();
}

/* Since 5.10 a filesystem has neither without splice_read and splice_write of its own (fs/splice.c). */
static void splices(void)
{
	int pipes[2], from, to = created(at("g"));

	made(at("f"));
	from = NEED(open(at("f"), O_RDONLY | O_CLOEXEC));
	MUST(pipe(pipes));
	HOLDS(ASK(splice(from, NULL, pipes[1], NULL, SMALL, 0)) == SMALL, "splice into a pipe is short");
	HOLDS(ASK(splice(pipes[0], NULL, to, NULL, SMALL, 0)) == SMALL, "splice out of a pipe is short");
	forget();
	expect_file("what was spliced", at("g"), SMALL);
	HOLDS(ASK(sendfile(to, from, &(off_t){ 0 }, SMALL)) == SMALL, "sendfile is short");
	works();
}

static void large_files(void)
{
	int fd = created(at("f"));
	bool sparse = false;
	char byte = 0;

	with_gap(fd, &sparse);
	trigger("pwrite(fd, \"x\", 1, 4 GiB)");
	if (!sparse) {
		if (lseek(fd, LARGE, SEEK_SET) != LARGE)
			refused(errno, "lseek to 4 GiB");
		unknown("the gap before it would take 4 GiB of blocks");
	}
	ASK(pwrite(fd, "x", 1, LARGE) == 1 ? 0 : -1);
	close(fd);
	forget();
	fd = MUST(open(at("f"), O_RDWR | O_CLOEXEC));
	HOLDS(look(at("f")).st_size == LARGE + 1, "the file has %lld bytes", (long long)look(at("f")).st_size);
	HOLDS(pread(fd, &byte, 1, LARGE) == 1 && byte == 'x', "the byte at 4 GiB is 0x%02x", byte);
	HOLDS(pread(fd, &byte, 1, LARGE - 1) == 1 && !byte, "the byte before it is 0x%02x, not zero", byte);
	works();
}

static void locks(void)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int first, second;

	made(at("f"));
	first = NEED(open(at("f"), O_RDWR | O_CLOEXEC));
	second = NEED(open(at("f"), O_RDWR | O_CLOEXEC));
	ASK(flock(first, LOCK_EX | LOCK_NB));
	HOLDS(flock(second, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK, "flock: a second one is given too");
	MUST(flock(first, LOCK_UN));
	ASK(fcntl(first, F_OFD_SETLK, &all));
	HOLDS(fcntl(second, F_OFD_SETLK, &all) && (errno == EAGAIN || errno == EACCES),
	      "fcntl: a second one is given too");
	works();
}

static const struct probe data_probes[] = {
	PROBE(append, append),
	PROBE(truncate_down, truncate_down),
	PROBE(truncate_up, truncate_up),
	PROBE(mmap_read, mmap_read),
	PROBE(mmap_private, mmap_private),
	PROBE(mmap_write, mmap_write),
	PROBE(direct_io, direct_io),
	PROBE(copy_file_range, copy_range),
	PROBE(splice, splices),
	PROBE(large_files, large_files),
	PROBE(locks, locks),
};

GROUP(data);
