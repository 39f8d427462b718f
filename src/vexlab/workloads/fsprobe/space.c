// SPDX-License-Identifier: Apache-2.0
/* Gaps in files, and what fallocate does. Files of four blocks: 1, 2, 3 and 4 of the pattern. */
#include <linux/falloc.h>

#include "fsprobe/probe.h"

#define BLOCKS 4

static void sparse_files(void)
{
	int fd = created(at("f"));
	bool sparse = false;
	const char *wrong;
	off_t place;

	trigger("pwrite far out, stat");
	place = with_gap(fd, &sparse);
	wrong = differs(fd, place, 0, 0);
	HOLDS(!*wrong, "in the gap: %s", wrong);
	forget();
	wrong = differs(fd, place, 0, 0);
	HOLDS(!*wrong, "in the gap when it is read again: %s", wrong);
	if (!sparse)
		refused(0, "the gap before a byte at %lld takes blocks", (long long)place);
	works();
}

static void seek_hole(void)
{
	int fd = created(at("f"));
	bool sparse = false;
	off_t place, hole, data;

	fill(fd, SMALL, 0, 1);
	place = with_gap(fd, &sparse);
	hole = ASK(lseek(fd, 0, SEEK_HOLE));
	data = ASK(lseek(fd, SMALL * 2, SEEK_DATA));
	HOLDS(hole >= SMALL && hole <= place + 1, "the first hole of data to %d and at %lld is at %lld", SMALL,
	      (long long)place, (long long)hole);
	HOLDS(data >= SMALL * 2 && data <= place, "after %d the first data are at %lld, not before %lld", SMALL * 2,
	      (long long)data, (long long)place);
	if (hole == place + 1)
		refused_silently("only the end of the file is found as a hole");
	works();
}

static void expect_blocks(int fd, const int blocks[], int count)
{
	size_t size = block_size();
	struct stat st;

	for (int again = 0; again < 2; again++) {
		MUST(fstat(fd, &st));
		HOLDS(st.st_size == (off_t)(count * size), "the file has %lld bytes, not %zu", (long long)st.st_size,
		      count * size);
		for (int i = 0; i < count; i++) {
			unsigned char *got = malloc(size), *wanted = calloc(1, size);

			if (!got || !wanted)
				abort();
			if (blocks[i])
				pattern(wanted, size, (blocks[i] - 1) * size, 1);
			HOLDS(read_all(fd, got, size, i * size) == (ssize_t)size, "block %d cannot be read: %s", i,
			      errno_name(errno));
			HOLDS(!memcmp(got, wanted, size), "block %d is not %s%s", i,
			      blocks[i] ? "what it should be" : "zero", again ? ", read again" : "");
			free(got);
			free(wanted);
		}
		forget();
	}
}

static void allocates(void)
{
	static const int wanted[] = { 0, 0, 0, 0 };
	int fd = created(at("f"));
	struct stat st;

	ASK(fallocate(fd, 0, 0, BLOCKS * block_size()));
	expect_blocks(fd, wanted, BLOCKS);
	MUST(fstat(fd, &st));
	HOLDS(st.st_blocks, "no blocks were allocated");
	works();
}

static void punches(void)
{
	static const int wanted[] = { 1, 0, 3, 4 };
	int fd = blocks_of(BLOCKS);

	ASK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, block_size(), block_size()));
	expect_blocks(fd, wanted, BLOCKS);
	works();
}

static void zeroes(void)
{
	static const int wanted[] = { 1, 0, 0, 4 };
	int fd = blocks_of(BLOCKS);

	ASK(fallocate(fd, FALLOC_FL_ZERO_RANGE, block_size(), 2 * block_size()));
	expect_blocks(fd, wanted, BLOCKS);
	works();
}

static void collapses(void)
{
	static const int wanted[] = { 1, 3, 4 };
	int fd = blocks_of(BLOCKS);

	ASK(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, block_size(), block_size()));
	expect_blocks(fd, wanted, BLOCKS - 1);
	works();
}

static void inserts(void)
{
	static const int wanted[] = { 1, 0, 2, 3, 4 };
	int fd = blocks_of(BLOCKS);

	ASK(fallocate(fd, FALLOC_FL_INSERT_RANGE, block_size(), block_size()));
	expect_blocks(fd, wanted, BLOCKS + 1);
	works();
}

static const struct probe space_probes[] = {
	PROBE(sparse_files, sparse_files),
	PROBE(seek_hole, seek_hole, .needs = FILES ",sparse_files"),
	PROBE(fallocate, allocates),
	PROBE(punch_hole, punches),
	PROBE(zero_range, zeroes),
	PROBE(collapse_range, collapses),
	PROBE(insert_range, inserts),
};

GROUP(space);
