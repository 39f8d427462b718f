// SPDX-License-Identifier: Apache-2.0
/* The filesystem on its layers: made, filled, mounted, checked, emptied. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fscrash/bench.h"
#include "fscrash/execute.h"
#include "lib/profile.h"
#include "lib/random.h"
#include "lib/tree.h"

#define FOLDERS 4
#define CHUNK (1 << 20)
#define MOST_CHUNKS 96
#define WORST 4 /* of the kernel's levels: errors and warnings */

double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* Runs a command in which {device} stands for the node, and keeps the end of what it says. */
static int command(const char *words, const char *node, char *said, size_t room)
{
	const char *gap = strstr(words, "{device}");
	char line[512], chunk[4096];
	size_t got, len = 0;
	FILE *pipe;
	int status;

	snprintf(line, sizeof(line), "%.*s%s%s 2>&1", gap ? (int)(gap - words) : (int)strlen(words), words,
		 gap ? node : "", gap ? gap + strlen("{device}") : "");
	pipe = popen(line, "re");
	if (!pipe)
		return -1;
	while ((got = fread(chunk, 1, sizeof(chunk), pipe)) > 0) {
		size_t more = got < room - 1 - len ? got : room - 1 - len;

		memcpy(said + len, chunk, more);
		len += more;
	}
	said[len] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool bench_mount(const struct bench *bench, const char *node, char why[WHY])
{
	if (!mount(node, bench->root, bench->fstype, 0, *bench->options ? bench->options : NULL))
		return true;
	snprintf(why, WHY, "it does not mount: %s", strerror(errno));
	return false;
}

bool bench_unmount(const struct bench *bench, char why[WHY])
{
	if (!umount(bench->root))
		return true;
	snprintf(why, WHY, "it does not unmount: %s", strerror(errno));
	return false;
}

bool bench_fsck(struct bench *bench, const char *node, bool always, char why[WHY])
{
	double begun = now_ms();
	char said[300];
	int status;

	/* half as much time for it as for everything else together */
	if (!*bench->fsck || (!always && 3 * bench->fsck_ms > begun - bench->began_ms))
		return true;
	status = command(bench->fsck, node, said, sizeof(said));
	bench->fsck_ms += now_ms() - begun;
	if (!status)
		return true;
	snprintf(why, WHY, "after recovery fsck ends with status %d: %s", status, said);
	return false;
}

static bool harmless(const struct bench *bench, const char *text)
{
	if (strstr(text, "BUG") || strstr(text, "WARNING") || strstr(text, "Oops") || strstr(text, "general protection"))
		return false;
	for (int i = 0; i < bench->harmless_count; i++)
		if (strstr(text, bench->harmless[i]))
			return true;
	return false;
}

bool bench_quiet(struct bench *bench, char why[WHY])
{
	char line[1024];
	bool quiet = true;
	ssize_t len;

	if (bench->kmsg <= 0) {
		bench->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		lseek(bench->kmsg, 0, SEEK_END);
	}
	/* 4,1203,5302177,-;the text; EPIPE tells that lines were overwritten */
	while ((len = read(bench->kmsg, line, sizeof(line) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		char *text;

		if (len < 0)
			continue;
		line[len] = '\0';
		text = strchr(line, ';');
		if (!quiet || !text || (atoi(line) & 7) > WORST || atoi(line) > 7)
			continue;
		text[1 + strcspn(text + 1, "\n")] = '\0';
		/* that hundreds of mounts in a minute say the same is no complaint (lib/ratelimit.c) */
		if (strstr(text, "callbacks suppressed"))
			continue;
		/* nor that the host was slow (kernel/time/hrtimer.c, clocksource.c, sched/clock.c) */
		if (strstr(text, "hrtimer: interrupt took") || strstr(text, "clocksource: ") ||
		    strstr(text, "sched_clock: "))
			continue;
		if (harmless(bench, text))
			continue;
		snprintf(why, WHY, "the kernel says: %.300s", text + 1);
		quiet = false;
	}
	return quiet;
}

/* So many of `size` bytes may a file have, in whole cells: half of the limit where that is less. */
static size_t within_file(size_t size)
{
	size_t half = profile_half("file_size", LLONG_MAX) / CELL * CELL;

	return half && half < size ? half : size;
}

/* Waits until the file is on the disk; where it cannot be asked for, until all is. */
static bool synced(int fd)
{
	return !(profile_works("fsync") ? fsync(fd) : syncfs(fd));
}

static void stale_cells(struct cell *cell)
{
	for (uint32_t i = 0; i < CHUNK / CELL; i++)
		cell[i] = (struct cell){ STALE_MAGIC, i, i, i };
}

/* Leaves a pattern in the free blocks, so that a file that shows what it never held gives itself away. */
static bool fill(const struct bench *bench)
{
	static struct cell cells[CHUNK / CELL];
	size_t piece = within_file(CHUNK);
	long most = MOST_CHUNKS * (CHUNK / piece), entries = FOLDERS * profile_half("dir_entries", LONG_MAX / FOLDERS);
	char path[256];
	bool room = true;

	stale_cells(cells);
	for (int i = 0; i < most && i < entries && room; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/stale%d", bench->root, i % FOLDERS);
		mkdir(path, 0755);
		snprintf(path, sizeof(path), "%s/stale%d/%d", bench->root, i % FOLDERS, i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		room = fd >= 0 && write_all(fd, cells, piece, 0) == (ssize_t)piece;
		if (fd >= 0)
			close(fd);
	}
	sync();
	for (int i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/stale%d", bench->root, i);
		if (!tree_remove(AT_FDCWD, path) && errno != ENOENT)
			return false;
	}
	sync();
	return true;
}

static void kept_cells(struct cell *cell)
{
	for (uint32_t i = 0; i < CHUNK / 8 / CELL; i++)
		cell[i] = (struct cell){ CELL_MAGIC, ~0u, 1, i };
}

static bool make_kept(const struct bench *bench)
{
	static struct cell cells[CHUNK / 8 / CELL];
	size_t len = within_file(sizeof(cells));
	char path[256];
	bool good;
	int fd;

	kept_cells(cells);
	snprintf(path, sizeof(path), "%s/kept", bench->root);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	good = fd >= 0 && write_all(fd, cells, len, 0) == (ssize_t)len && synced(fd);
	close(fd);
	return good;
}

bool bench_kept(const struct bench *bench, char why[WHY])
{
	static struct cell wanted[CHUNK / 8 / CELL], cells[CHUNK / 8 / CELL];
	size_t expected = within_file(sizeof(cells));
	char path[256];
	ssize_t len;
	int fd;

	kept_cells(wanted);
	snprintf(path, sizeof(path), "%s/kept", bench->root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read_all(fd, cells, sizeof(cells), 0);
	if (fd >= 0)
		close(fd);
	if (len == (ssize_t)expected && !memcmp(cells, wanted, expected))
		return true;
	snprintf(why, WHY, "a file that nobody touched has changed%s%s", len < 0 ? ": " : "", len < 0 ? strerror(errno) : "");
	return false;
}

static bool remove_all(const struct bench *bench, char why[WHY])
{
	struct names names;
	bool good = names_read(AT_FDCWD, bench->root, &names);

	for (size_t i = 0; good && i < names.count; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%.200s", bench->root, names.name[i]);
		good = made_by_mkfs(names.name[i]) || tree_remove(AT_FDCWD, path);
	}
	if (!good)
		snprintf(why, WHY, "not everything can be removed: %s", strerror(errno));
	names_free(&names);
	return good;
}

bool bench_emptied(struct bench *bench, const char *node, char why[WHY])
{
	bool first = !bench->free_blocks;
	struct statfs st;
	bool good;

	if (!bench_mount(bench, node, why))
		return false;
	good = remove_all(bench, why);
	if (!bench_unmount(bench, why) || !good || !bench_mount(bench, node, why))
		return false;
	good = !statfs(bench->root, &st);
	if (!bench_unmount(bench, why) || !good)
		return false;
	if (first) {
		bench->free_blocks = st.f_bfree;
		bench->free_inodes = (long)st.f_files - (long)st.f_ffree;
		return true;
	}
	if (labs((long)st.f_bfree - bench->free_blocks) > bench->slack)
		snprintf(why, WHY, "with everything removed %ld blocks are free instead of %ld", (long)st.f_bfree,
			 bench->free_blocks);
	else if ((long)st.f_files - (long)st.f_ffree != bench->free_inodes)
		snprintf(why, WHY, "with everything removed %ld inodes are in use instead of %ld",
			 (long)st.f_files - (long)st.f_ffree, bench->free_inodes);
	else
		return true;
	return false;
}

bool bench_layer(struct bench *bench, const char *name, char node[NODE_ROOM], char why[WHY])
{
	char words[128];

	/* not persistent, chunks of 4 KiB */
	snprintf(words, sizeof(words), "%s %s N 8", bench->base, bench->cow);
	if (dm_create(name, bench->sectors, "snapshot", words, node))
		return true;
	snprintf(why, WHY, "a copy-on-write layer cannot be made: %s", strerror(errno));
	return false;
}

bool bench_prepare(struct bench *bench, char why[WHY])
{
	char words[128], layer[NODE_ROOM];
	bool good;

	dm_remove("fscrash-base"); /* of an earlier run */
	snprintf(words, sizeof(words), "%s 0", bench->disk);
	if (!dm_create("fscrash-base", bench->sectors, "linear", words, bench->base)) {
		snprintf(why, WHY, "the base device cannot be made: %s", strerror(errno));
		return false;
	}
	if (command(bench->mkfs, bench->base, words, sizeof(words))) {
		snprintf(why, WHY, "mkfs fails: %s", words);
		return false;
	}
	if (!bench_mount(bench, bench->base, why))
		return false;
	good = fill(bench) && make_folders(bench->root) && make_kept(bench);
	if (!good)
		snprintf(why, WHY, "it cannot be prepared: %s", strerror(errno));
	if (!bench_unmount(bench, why) || !good)
		return false;
	bench->began_ms = now_ms();
	if (!bench_fsck(bench, bench->base, true, why) || !bench_layer(bench, "fscrash-empty", layer, why))
		return false;
	good = bench_emptied(bench, layer, why);
	return dm_remove("fscrash-empty") && good;
}

/*
 * A second process that commits in the midst of operations: for each byte in the pipe it waits a moment, writes a file
 * of its own and fsyncs it. An operation that takes two transactions is seen in half only if a commit comes between.
 */
static pid_t start_committer(const struct bench *bench, int *pipe_end)
{
	char path[256], byte;
	int ends[2], fd;
	pid_t child;

	snprintf(path, sizeof(path), "%s/noise", bench->root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || pipe2(ends, O_CLOEXEC) || (child = fork()) < 0)
		return -1;
	*pipe_end = ends[1];
	if (child) {
		close(ends[0]);
		close(fd);
		return child;
	}
	close(ends[1]);
	for (uint64_t random = 1; read(ends[0], &byte, 1) == 1;) {
		double until = now_ms() + random_below(&random, 200) / 1000.0;

		while (now_ms() < until)
			;
		if (pwrite(fd, &byte, 1, random_below(&random, 4096)) != 1 || !synced(fd))
			_exit(1);
	}
	_exit(0);
}

static bool end_committer(pid_t child, int pipe_end, char why[WHY])
{
	int status;

	close(pipe_end);
	if (waitpid(child, &status, 0) == child && !status)
		return true;
	snprintf(why, WHY, "a second process could not write and fsync");
	return false;
}

bool bench_record(struct bench *bench, const struct model *model, char why[WHY])
{
	char words[WHY], work[NODE_ROOM], node[NODE_ROOM], mark[32], text[200];
	struct executor ex;
	bool good = true;
	int committer;
	pid_t child;

	if (!bench_layer(bench, "fscrash-work", work, why))
		return false;
	snprintf(words, sizeof(words), "%s %s", work, bench->log);
	if (!dm_create("fscrash-log", bench->sectors, "log-writes", words, node)) {
		snprintf(why, WHY, "the writes cannot be logged: %s", strerror(errno));
		return false;
	}
	if (!bench_mount(bench, node, why))
		return false;
	child = start_committer(bench, &committer);
	if (child < 0 || !executor_open(&ex, model, bench->root, bench->hook))
		return false;
	for (int i = 0; i < model->ops && good; i++) {
		snprintf(mark, sizeof(mark), "mark o%d", i);
		good = dm_message("fscrash-log", mark) &&
		       (!op_names(&model->op[i]) || write(committer, "x", 1) == 1) && execute(&ex, i);
		if (!good)
			snprintf(why, WHY, "operation %d fails: %s: %s", i, op_text(&model->op[i], text, sizeof(text)),
				 strerror(errno));
	}
	snprintf(mark, sizeof(mark), "mark o%d", model->ops);
	dm_message("fscrash-log", mark);
	executor_close(&ex);
	good = end_committer(child, committer, good ? why : words) && good;
	if (!bench_unmount(bench, words) || !good)
		return false;
	return dm_remove("fscrash-log") && dm_remove("fscrash-work");
}
