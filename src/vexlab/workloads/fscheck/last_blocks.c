// SPDX-License-Identifier: Apache-2.0
/*
 * Exactly none to three blocks free: an operation that needs several either is done or has changed nothing, whichever of
 * its allocations failed. What this leaves is for fsck, and for a comparison after mounting again.
 */
#include "fscheck/last_operations.h"

#define MOST_FREE 3
#define SINGLES 120		/* files of one block, by which the free blocks are set */
#define LONG_NAME 200		/* bytes, or what the filesystem allows */
#define MOST_NAMES 150		/* that a block may take before a directory counts as one that never grows */
#define SPARE 160		/* blocks with which everything must succeed */

static unsigned long full;	/* free blocks when not a single one can be had: what a filesystem keeps for itself */
static int held;		/* of the files "single...", how many have their block */

static void single(int number, char *name)
{
	sprintf(name, "single%d", number);
}

static bool take_one(void)
{
	char name[32], *block;
	ssize_t put;
	int fd;

	if (held == SINGLES)
		return false;
	single(held, name);
	block = calloc(1, block_size);
	fd = opened(name, O_WRONLY);
	put = write(fd, block, block_size);
	free(block);
	HOLDS(put == (ssize_t)block_size || (put < 0 && errno == ENOSPC), "writing a block: expected success or ENOSPC, got %s",
	      put < 0 ? errno_name(errno) : "a part");
	closed(fd);
	held += put > 0;
	return put > 0;
}

static void give_one(void)
{
	char name[32];

	single(--held, name);
	OK(truncate(name, 0));
}

static unsigned long free_blocks(void)
{
	settle();
	return filesystem().f_bfree;
}

/* Comes as close to `wanted` free blocks as the filesystem lets one. Syncs are few: each may take long on a busy host. */
static void set_free(unsigned long wanted)
{
	const unsigned long goal = full + wanted;
	unsigned long now = filesystem().f_bfree;

	for (int tries = 0; tries < 10 && now != goal; tries++, now = free_blocks()) {
		for (unsigned long i = now; i < goal && held; i++)
			give_one();
		for (unsigned long i = now; i > goal; i--)
			if (!take_one())
				return;
	}
}

#define NAME_ROOM 300

static void long_name(char path[NAME_ROOM], const char *dir, int number)
{
	const unsigned long most = filesystem().f_namemax;

	snprintf(path, NAME_ROOM, "%.40s/%0*d", dir, most < LONG_NAME ? (int)most : LONG_NAME, number);
}

/* With so many names of this length a directory needs a new block for the next. */
static int names_that_fit;

/* One of many names: of the same file, as far as there are links. */
static void add_name(const char *path)
{
	static long links;

	if (profile_works("link") && links++ < profile_half("link_max", LONG_MAX))
		OK(link("source", path));
	else
		closed(created(path, 0644));
}

static void add_names(const char *dir, int count)
{
	char path[NAME_ROOM];

	OK(mkdir(dir, 0755));
	for (int i = 0; i < count; i++) {
		long_name(path, dir, i);
		add_name(path);
	}
}

static void count_names(void)
{
	char path[NAME_ROOM];
	off_t size = 0;

	add_names("probe", 4);
	size = look("probe").st_size;
	for (names_that_fit = 4; names_that_fit < MOST_NAMES; names_that_fit++) {
		long_name(path, "probe", names_that_fit);
		add_name(path);
		/* From the inode to a first block it grows as well (xfs); a second block is what counts. */
		if (look("probe").st_size > size && look("probe").st_size > (off_t)block_size)
			break;
		size = look("probe").st_size;
	}
}

/* The name that an operation works on when so many blocks are free. */
static void place_of(const struct operation *operation, int free, char *path)
{
	char dir[32];

	sprintf(dir, "%s%d", operation->name, free);
	if (operation->in_directory)
		long_name(path, dir, MOST_NAMES);
	else
		strcpy(path, dir);
}

static void prepare(void)
{
	char path[NAME_ROOM], moved[64];

	block_size = filesystem().f_frsize;
	make("source", 10, 1);
	make("other", 10, 1);
	count_names();
	for (size_t i = 0; i < OPERATIONS; i++)
		for (int free = 0; has(&operations[i]) && free <= MOST_FREE; free++) {
			snprintf(path, sizeof(path), "%s%d", operations[i].name, free);
			if (operations[i].in_directory)
				add_names(path, names_that_fit);
			else
				closed(created(path, 0644));
			if (!operations[i].moves)
				continue;
			snprintf(moved, sizeof(moved), "moved.%.40s", path);
			OK(mkdir(moved, 0755));
			OK(mkdir(strcat(moved, "/sub"), 0755));
		}
	for (int i = 0; i < SINGLES; i++) {
		single(i, path);
		closed(created(path, 0644));
	}
	while (held < SINGLES / 2)
		HOLDS(take_one(), "there is no room for %d files of one block", SINGLES / 2);
	fill_up();
	do {
		full = free_blocks();
	} while (take_one());
}

/* What an operation may change: the file or directory that it works on, what it refers to, and the counts. */
struct state {
	struct stat place, other, moved;
	size_t entries;
	struct statvfs counts;
};

static struct state state_of(const struct operation *operation, int free)
{
	struct state state = { 0 };
	char place[32], moved[64];

	snprintf(place, sizeof(place), "%s%d", operation->name, free);
	state.place = look(place);
	state.other = look("other");
	if (operation->in_directory)
		state.entries = entries(place);
	moved_from(moved, place);
	if (operation->moves)
		state.moved = look(moved);
	state.counts = filesystem();
	return state;
}

static void expect_same(const char *what, const struct stat *before, const struct stat *after)
{
	HOLDS(before->st_ino == after->st_ino && before->st_mode == after->st_mode, "%s: another file stands there", what);
	HOLDS(before->st_nlink == after->st_nlink, "%s: %lu links became %lu", what, (unsigned long)before->st_nlink,
	      (unsigned long)after->st_nlink);
	if (S_ISDIR(before->st_mode))
		return;
	HOLDS(before->st_size == after->st_size && before->st_blocks == after->st_blocks,
	      "%s: %lld bytes in %lld sectors became %lld in %lld", what, (long long)before->st_size,
	      (long long)before->st_blocks, (long long)after->st_size, (long long)after->st_blocks);
}

/*
 * An operation that failed left nothing of itself, neither in the tree nor in the counts. A directory may keep room that
 * it got for the name (ext4: the first block of an index whose second cannot be had); then it says so.
 */
static void expect_undone(const char *what, const struct state *before, const struct state *after)
{
	const struct statvfs *was = &before->counts, *is = &after->counts;
	long more = (long)(is->f_files - is->f_ffree) - (long)(was->f_files - was->f_ffree);
	long grown = (after->place.st_blocks - before->place.st_blocks) * 512 / (long)block_size;

	expect_same(what, &before->place, &after->place);
	expect_same(what, &before->other, &after->other);
	expect_same(what, &before->moved, &after->moved);
	HOLDS(before->entries == after->entries, "%s: %zu entries became %zu", what, before->entries, after->entries);
	HOLDS(!more || !can("statfs_inodes"), "%s: %ld inodes more are in use", what, more);
	/* Inodes that are made on demand come in chunks, which are kept once they are made. */
	HOLDS(was->f_bfree == is->f_bfree + grown || was->f_files != is->f_files, "%s: %lu free blocks became %lu", what,
	      was->f_bfree, is->f_bfree);
}

static bool attempted(const struct operation *operation, int free)
{
	struct state before = state_of(operation, free), after;
	char path[NAME_ROOM], what[80];
	int err;

	place_of(operation, free, path);
	snprintf(what, sizeof(what), "%s, failed with %lu blocks free", operation->name, before.counts.f_bfree - full);
	if (!operation->attempt(path)) {
		operation->expect(path);
		return true;
	}
	err = errno;
	if (err == operation->refusal)
		return false;
	HOLDS(err == ENOSPC, "%s: expected success or ENOSPC, got %s", what, errno_name(err));
	if (operation->in_directory)
		expect_missing(path);
	after = state_of(operation, free);
	/* What was got for it may be given back only when all is written. */
	if (after.counts.f_bfree != before.counts.f_bfree || after.place.st_blocks != before.place.st_blocks) {
		settle();
		after = state_of(operation, free);
	}
	expect_undone(what, &before, &after);
	return false;
}

static void make_room(void)
{
	const off_t room = SPARE * block_size;
	const char *larger = look("ballast").st_size > look("rest").st_size ? "ballast" : "rest";

	HOLDS(look(larger).st_size > room, "what fills the filesystem has only %lld bytes", (long long)look(larger).st_size);
	OK(truncate(larger, look(larger).st_size - room));
	settle();
}

static void last_blocks(void)
{
	static bool done[OPERATIONS][MOST_FREE + 1];
	int failed = 0;

	need_freed_blocks();
	need_small();
	prepare();
	for (int number = 0; number <= MOST_FREE; number++)
		for (size_t i = 0; i < OPERATIONS; i++) {
			if (!has(&operations[i]))
				continue;
			set_free(number);
			done[i][number] = attempted(&operations[i], number);
			failed += !done[i][number];
		}
	/* A filesystem that counts no inodes (btrfs) keeps room for names and small files of its own. */
	HOLDS(failed || !filesystem().f_files, "with no block free %d operations succeeded", OPERATIONS);
	/* With room for it each that failed is done, and those that were done before are as they were. */
	make_room();
	for (size_t i = 0; i < OPERATIONS; i++)
		for (int number = 0; has(&operations[i]) && number <= MOST_FREE; number++) {
			char path[NAME_ROOM];

			place_of(&operations[i], number, path);
			if (done[i][number] && operations[i].cut)
				continue;
			if (!done[i][number] && operations[i].attempt(path)) {
				if (errno == operations[i].refusal)
					continue;
				report(FAIL, errno, "%s with room for it: expected success, got %s", operations[i].name,
				       errno_name(errno));
			}
			operations[i].expect(path);
		}
	EQ(look("other").st_nlink, 1 + (profile_works("link") ? MOST_FREE + 1 : 0));
	/* Nobody has to read what only took room. */
	OK(unlink("ballast"));
	OK(unlink("rest"));
}

static const struct check last_blocks_checks[] = {
	{ "full", "last_blocks", "POSIX.1-2017 open(), mkdir(), symlink(), link(), rename(), write() ENOSPC; setxattr(2)",
	  last_blocks },
};

FAMILY(last_blocks);
