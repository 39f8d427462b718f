// SPDX-License-Identifier: Apache-2.0
/* Names on the full filesystem: a creation that fails leaves nothing, and all that was made can be removed. */
#include "fscheck/check.h"

static void small_files(void)
{
	unsigned long before;
	char name[24];
	int made;

	need_small();
	ballast(6);
	OK(mkdir("d", 0755));
	settle();
	before = free_mib();
	for (made = 0; made < 20000; made++) {
		int fd;

		snprintf(name, sizeof(name), "d/f%d", made);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd < 0) {
			HOLDS(errno == ENOSPC, "creating: expected ENOSPC, got %s", errno_name(errno));
			expect_missing(name);
			break;
		}
		if (write(fd, name, strlen(name)) < 0) {
			HOLDS(errno == ENOSPC, "writing: expected ENOSPC, got %s", errno_name(errno));
			closed(fd);
			OK(unlink(name));
			break;
		}
		closed(fd);
	}
	EQ(entries("d"), made);
	/* btrfs keeps room for data and for names apart, and the ballast may have left the one only. */
	if (made < 100)
		report(REFUSED, ENOSPC, "only %d small files went into %lu MiB", made, before);
	for (int i = 0; i < made; i++) {
		snprintf(name, sizeof(name), "d/f%d", i);
		expect_text(name, name);
		OK(unlink(name));
	}
	OK(rmdir("d"));
	settle();
	usleep(200000);
	settle();
	HOLDS(free_mib() + 1 >= before, "%lu MiB were free before, %lu after all files went", before, free_mib());
}

static void names(void)
{
	int made[4] = { 0 };
	char name[256];

	need_small();
	make("source", 10, 1);
	OK(mkdir("d", 0755));
	fill_up();
	/* Each takes names until it is refused; each that was taken must be there, each that was not must not. */
	for (int kind = 0; kind < 4; kind++)
		for (int i = 0; i < 2000; i++) {
			int done;

			snprintf(name, sizeof(name), "d/%d-%0150d", kind, i);
			if (kind == 0)
				done = mknod(name, S_IFREG | 0644, 0);
			else if (kind == 1)
				done = mkdir(name, 0755);
			else if (kind == 2)
				done = symlink(name, name);
			else
				done = link("source", name);
			if (done) {
				HOLDS(errno == ENOSPC || errno == EMLINK, "kind %d: expected ENOSPC, got %s", kind,
				      errno_name(errno));
				expect_missing(name);
				break;
			}
			made[kind]++;
		}
	EQ(entries("d"), made[0] + made[1] + made[2] + made[3]);
	EQ(look("source").st_nlink, 1 + made[3]);
	for (int kind = 0; kind < 4; kind++)
		for (int i = 0; i < made[kind]; i++) {
			snprintf(name, sizeof(name), "d/%d-%0150d", kind, i);
			OK(kind == 1 ? rmdir(name) : unlink(name));
		}
	EQ(look("source").st_nlink, 1);
	OK(rmdir("d"));
}

/* A creation that fails may not keep the inode that it had taken. */
static void failures_cost_nothing(void)
{
	unsigned long before, used;
	int failed = 0;
	char name[256];

	need_small();
	OK(mkdir("d", 0755));
	fill_up();
	for (int i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "d/%0240d", i);
		if (mknod(name, S_IFREG | 0644, 0))
			break;
	}
	HOLDS(errno == ENOSPC, "creating names on the full filesystem: expected ENOSPC, got %s", errno_name(errno));
	settle();
	before = filesystem().f_files - filesystem().f_ffree;
	for (int i = 0; i < 900; i++) {
		int done;

		snprintf(name, sizeof(name), "d/x%d%0238d", i % 3, i);
		done = i % 3 == 0 ? mknod(name, S_IFREG | 0644, 0) : i % 3 == 1 ? mkdir(name, 0755) : symlink("x", name);
		if (done)
			failed++;
		else
			OK(i % 3 == 1 ? rmdir(name) : unlink(name));
	}
	settle();
	used = filesystem().f_files - filesystem().f_ffree;
	/* XFS counts in batches of 128 for each processor; a leak is as large as the number of failures. */
	HOLDS(failed < 600 || used < before + 512, "%d creations failed: expected %lu inodes in use as before, got %lu",
	      failed, before, used);
	if (failed < 600)
		skip("only %d of 900 creations failed", failed);
}

static const struct check full_names_checks[] = {
	{ "full", "small_files", "POSIX.1-2017 open(), write() ENOSPC", small_files },
	{ "full", "names", "POSIX.1-2017 open(), mkdir(), symlink(), link() ENOSPC", names },
	{ "full", "failures_cost_nothing", "POSIX.1-2017 open(), mkdir(), symlink() ENOSPC: the file is not created",
	  failures_cost_nothing },
};

FAMILY(full_names);
