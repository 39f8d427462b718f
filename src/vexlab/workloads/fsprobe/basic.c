// SPDX-License-Identifier: Apache-2.0
/* What all other probes rely on, in an order in which each relies on those before it only. */
#include <dirent.h>

#include "fsprobe/probe.h"

static void create(void)
{
	const char *name = at("f");
	struct stat st;

	close(ASK(open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644)));
	st = look(name);
	HOLDS(S_ISREG(st.st_mode) && !st.st_size, "a new file has the mode 0%o and %lld bytes", st.st_mode,
	      (long long)st.st_size);
	HOLDS(has_entry(".", name), "a new file is not listed");
	works();
}

static void write_read(void)
{
	unsigned char data[SMALL];
	const char *name = at("f");
	int fd = created(name);
	const char *wrong;
	ssize_t size;

	pattern(data, sizeof(data), 0, 1);
	size = ASK(write(fd, data, sizeof(data)));
	HOLDS(size > 0, "write of %d bytes says %zd", SMALL, size);
	if (size < SMALL)
		note("of %d bytes it takes %zd", SMALL, size);
	wrong = differs(fd, size, 0, 1);
	HOLDS(!*wrong, "read back: %s", wrong);
	MUST(close(fd));
	expect_file("opened again", name, size);
	works();
}

static void fsync_ends(void)
{
	int fd = created(at("f"));

	fill(fd, SMALL, 0, 1);
	ASK(fsync(fd));
	works();
}

static void fdatasync_ends(void)
{
	int fd = created(at("f"));

	fill(fd, SMALL, 0, 1);
	ASK(fdatasync(fd));
	works();
}

static void syncfs_ends(void)
{
	int fd = created(at("f"));

	fill(fd, SMALL, 0, 1);
	ASK(syncfs(fd));
	works();
}

static void reread(void)
{
	made(at("f"));
	trigger("write, syncfs, drop caches, read");
	forget();
	expect_file("from the device", at("f"), SMALL);
	HOLDS(has_entry(".", at("f")), "it is not listed when the directory is read again");
	works();
}

void make_few(char names[FEW][16])
{
	for (int i = 0; i < FEW; i++) {
		char name[8];

		snprintf(name, sizeof(name), "e%d", i);
		snprintf(names[i], 16, "%s", at(name));
		close(created(names[i]));
	}
}

static void readdir_lists(void)
{
	char names[FEW][16];
	int count[FEW] = { 0 };
	struct dirent *entry;
	DIR *dir;

	make_few(names);
	dir = (DIR *)NEED(opendir("."));
	trigger("readdir(dir)");
	while (errno = 0, (entry = readdir(dir)))
		for (int i = 0; i < FEW; i++)
			count[i] += !strcmp(entry->d_name, names[i]);
	if (errno)
		refused(errno, "the directory cannot be read");
	for (int i = 0; i < FEW; i++)
		HOLDS(count[i] == 1, "%s is listed %d times", names[i], count[i]);
	works();
}

static void unlink_file(void)
{
	const char *name = at("f");

	made(name);
	ASK(unlink(name));
	expect_missing(name);
	forget();
	expect_missing(name);
	works();
}

static void mkdir_makes(void)
{
	const char *name = at("d");
	struct stat st;

	ASK(mkdir(name, 0750));
	forget();
	st = look(name);
	HOLDS(S_ISDIR(st.st_mode), "what was made has the mode 0%o", st.st_mode);
	HOLDS(has_entry(".", name), "a new directory is not listed");
	MUST(chdir(name));
	HOLDS(!has_entry(".", name), "a new directory is not empty");
	MUST(chdir(".."));
	works();
}

static void rmdir_removes(void)
{
	const char *name = at("d");

	NEED(mkdir(name, 0755));
	ASK(rmdir(name));
	expect_missing(name);
	NEED(mkdir(name, 0755));
	NEED(chdir(name));
	close(created("f"));
	NEED(chdir(".."));
	trigger("rmdir of a directory with a file in it");
	HOLDS(rmdir(name) && (errno == ENOTEMPTY || errno == EEXIST),
	      "a directory with a file in it: expected ENOTEMPTY, got %s", errno_name(errno));
	works();
}

static const struct probe basic_probes[] = {
	PROBE(create, create, .needs = "", .basic = true),
	PROBE(write, write_read, .needs = "create", .basic = true),
	PROBE(fsync, fsync_ends, .basic = true),
	PROBE(fdatasync, fdatasync_ends, .basic = true),
	PROBE(syncfs, syncfs_ends, .basic = true),
	PROBE(reread, reread, .needs = FILES ",syncfs", .basic = true),
	PROBE(readdir, readdir_lists, .needs = "create", .basic = true),
	PROBE(unlink, unlink_file, .basic = true),
	PROBE(mkdir, mkdir_makes, .needs = "", .basic = true),
	PROBE(rmdir, rmdir_removes, .needs = "mkdir,create", .basic = true),
};

GROUP(basic);
