// SPDX-License-Identifier: Apache-2.0
/*
 * How far it goes. A search ends at a bound, or when its time is over; then the limit is at least what was reached. The
 * bounds find what the maps and counters of small filesystems hold: direct and once indirect blocks, a directory of one
 * block, link counts of eight bits.
 */
#include <sys/xattr.h>

#include "fsprobe/probe.h"

#define SEARCH_S 5.0
#define DENSE_MOST (5 << 20)
#define DENSE_PIECE (64 << 10)
#define ENTRIES_MOST 600
#define LINKS_MOST 300
#define DEPTH_MOST 64
#define SYMLINK_MOST (PATH_MAX - 1)
#define XATTR_MOST 65536	/* XATTR_SIZE_MAX in linux/limits.h */
#define SPARSE_LEAST 16

/* Tries one size: 0 where it works, else the error; broken() where it works wrongly. */
typedef int try_size(long long size);

/* The largest size of least..most that works: most where that does, else by halving. Refused where `least` does not. */
static void bisect(try_size *try, long long least, long long most)
{
	int err = try(most), last;

	if (!err)
		works_to(most, false, 0);
	last = try(least);
	if (last)
		refused(last, "not even %lld", least);
	while (most - least > 1) {
		long long middle = least + (most - least) / 2;

		last = try(middle);
		if (last) {
			most = middle;
			err = last;
		} else {
			least = middle;
		}
	}
	works_to(least, false, err);
}

static int try_name(long long size)
{
	char name[NAME_MAX + 1] = "";
	int fd;

	memset(name, 'n', size);
	fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno;
	close(fd);
	HOLDS(has_entry(".", name), "a name of %lld bytes is listed as another one", size);
	NEED(unlink(name));
	return 0;
}

static void name_max(void)
{
	trigger("open of a longer name with O_CREAT");
	bisect(try_name, 1, NAME_MAX);
}

/* Goes down into new directories of this name until one cannot be made, or `levels` are reached; how many there are. */
static int descend(const char *name, int levels, int *err)
{
	*err = 0;
	for (int level = 0; level < levels; level++)
		if (mkdir(name, 0755) || chdir(name)) {
			*err = errno;
			return level;
		}
	return levels;
}

static void path_max(void)
{
	static const int lengths[] = { 99, 29, 13, 7 };
	char path[PATH_MAX + 200] = "", name[100];
	int err = 0, levels = 0, length = 0, start;
	size_t len = 0;

	NEED(mkdir(at("top"), 0755));
	NEED(chdir(at("top")));
	start = NEED(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	for (size_t i = 0; i < ARRAY_SIZE(lengths) && !levels; i++) {
		length = lengths[i];
		snprintf(name, sizeof(name), "%0*d", length, 0);
		levels = descend(name, (PATH_MAX - 1) / (length + 1), &err);
	}
	if (!levels)
		unknown("it needs a directory: %s", errno_name(err));
	NEED(fchdir(start));
	for (int i = 0; i < levels; i++)
		len += snprintf(path + len, sizeof(path) - len, "%s/", name);
	path[--len] = '\0';
	trigger("stat of a long path");
	MUST(access(path, F_OK));
	works_to(len, !err, err);
}

static void depth(void)
{
	int err, levels;

	trigger("mkdir(\"d\", 0755), chdir(\"d\")");
	NEED(mkdir(at("top"), 0755));
	NEED(chdir(at("top")));
	levels = 1 + descend("d", DEPTH_MOST - 1, &err);
	for (int i = 0; i < levels; i++)
		MUST(chdir(".."));
	works_to(levels, !err, err);
}

static int try_symlink(long long size)
{
	char target[PATH_MAX] = "", got[PATH_MAX];
	ssize_t len;

	memset(target, 't', size);
	if (symlink(target, at("s")))
		return errno;
	forget();
	len = MUST(readlink(at("s"), got, sizeof(got)));
	HOLDS(len == size && !memcmp(got, target, size), "a target of %lld bytes reads as another one, of %zd", size, len);
	NEED(unlink(at("s")));
	return 0;
}

static void symlink_max(void)
{
	NEED(symlink("t", at("s")));
	NEED(unlink(at("s")));
	trigger("symlink with a longer target");
	bisect(try_symlink, 1, SYMLINK_MOST);
}

static int try_xattr(long long size)
{
	static unsigned char value[XATTR_MOST], got[XATTR_MOST];
	ssize_t len;

	pattern(value, size, 0, 1);
	if (setxattr(at("f"), "user.x", value, size, 0))
		return errno;
	len = MUST(getxattr(at("f"), "user.x", got, sizeof(got)));
	HOLDS(len == size && !memcmp(got, value, size), "a value of %lld bytes reads as another one, of %zd", size, len);
	return 0;
}

static void xattr_value_max(void)
{
	made(at("f"));
	NEED(setxattr(at("f"), "user.x", "x", 1, 0));
	trigger("setxattr with a larger value");
	bisect(try_xattr, 1, XATTR_MOST);
}

static void file_size(void)
{
	static unsigned char data[DENSE_PIECE];
	double until = seconds() + SEARCH_S;
	int fd = created(at("f")), err = 0;
	const char *wrong;
	off_t size = 0;

	trigger("write more to the file");
	while (size < DENSE_MOST && seconds() < until && !err) {
		ssize_t done;

		pattern(data, sizeof(data), size, 1);
		errno = 0;
		done = write_all(fd, data, sizeof(data), size);
		size += done > 0 ? done : 0;
		if (done != sizeof(data))
			err = errno ? errno : EIO;
	}
	if (!size)
		refused(err, "not even one byte");
	settle(fd);
	forget();
	HOLDS(look(at("f")).st_size == size, "%lld bytes were written, and the size is %lld", (long long)size,
	      (long long)look(at("f")).st_size);
	wrong = differs(fd, size < DENSE_PIECE ? size : DENSE_PIECE, 0, 1);
	HOLDS(!*wrong, "of %lld bytes the first: %s", (long long)size, wrong);
	wrong = differs(fd, 1, size - 1, 1);
	HOLDS(!*wrong, "of %lld bytes the last: %s", (long long)size, wrong);
	if (err == ENOSPC) {
		struct statvfs fs;

		NEED(statvfs(".", &fs));
		/* The device is full, and says nothing of the largest file; else it is the file that is. */
		if ((off_t)(fs.f_bavail * fs.f_bsize) < size / 16)
			works_to(size, true, 0);
	}
	works_to(size, !err, err);
}

static int sparse_fd;

static int try_sparse(long long size)
{
	char byte = 0;
	struct stat st;

	if (pwrite(sparse_fd, "x", 1, size - 1) != 1)
		return errno;
	settle(sparse_fd);
	MUST(fstat(sparse_fd, &st));
	HOLDS(st.st_size == size, "a byte was written at %lld, and the size is %lld", size - 1, (long long)st.st_size);
	HOLDS(pread(sparse_fd, &byte, 1, size - 1) == 1 && byte == 'x', "the byte at %lld is 0x%02x, not what was written",
	      size - 1, byte);
	MUST(ftruncate(sparse_fd, 0));
	return 0;
}

/* One bit after the other, from the highest: each trial is a power of two at first, and so are most limits. */
static void file_sparse(void)
{
	double until = seconds() + SEARCH_S;
	long long size = 0;
	int err = 0;

	sparse_fd = created(at("f"));
	trigger("pwrite of a byte farther out");
	for (int bit = 62; bit >= 0 && seconds() < until; bit--) {
		int last = try_sparse(size + (1LL << bit));

		if (last && size + (1LL << bit) > 1LL << SPARSE_LEAST)
			err = last;
		if (!last)
			size += 1LL << bit;
	}
	works_to(size, seconds() >= until, err);
}

static size_t own_entries(void)
{
	struct names names;
	size_t count = 0;

	if (!names_read(AT_FDCWD, ".", &names))
		broken("the directory cannot be read: %s", errno_name(errno));
	for (size_t i = 0; i < names.count; i++)
		count += names.name[i][0] == 'e';
	names_free(&names);
	return count;
}

static void dir_entries(void)
{
	double until = seconds() + SEARCH_S;
	int count = 0, err = 0;
	char name[16];
	size_t listed;

	trigger("open of one more name with O_CREAT");
	while (count < ENTRIES_MOST && seconds() < until && !err) {
		int fd;

		snprintf(name, sizeof(name), "e%d", count);
		fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
		if (fd < 0)
			err = errno;
		else
			count++;
		close(fd);
	}
	forget();
	listed = own_entries();
	HOLDS(listed == (size_t)count, "%d were made, and %zu are listed", count, listed);
	for (int i = 0; settings.flat && i < count; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		unlink(name);
	}
	if (err == ENOSPC) {
		struct statvfs fs;

		NEED(statvfs(".", &fs));
		if (fs.f_files && !fs.f_ffree)
			note("there are no more inodes");
	}
	works_to(count, !err, err);
}

static void link_max(void)
{
	double until = seconds() + SEARCH_S;
	int count = 1, err = 0;
	char name[16];

	made(at("f"));
	trigger("link to one more name");
	while (count < LINKS_MOST && seconds() < until && !err) {
		snprintf(name, sizeof(name), "l%d", count);
		if (link(at("f"), name))
			err = errno;
		else
			count++;
	}
	if (count == 1)
		unknown("it needs hard links: %s", errno_name(err));
	forget();
	HOLDS(look(at("f")).st_nlink == (nlink_t)count, "%d links were made, and %ju are counted", count,
	      (uintmax_t)look(at("f")).st_nlink);
	for (int i = 1; settings.flat && i < count; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		unlink(name);
	}
	works_to(count, !err, err);
}

static const struct probe limits_probes[] = {
	PROBE(name_max, name_max, .needs = "create,unlink"),
	PROBE(path_max, path_max, .needs = "mkdir"),
	PROBE(symlink_max, symlink_max, .needs = "symlink,unlink"),
	PROBE(file_size, file_size),
	PROBE(file_sparse, file_sparse, .needs = FILES ",truncate_down,sparse_files"),
	PROBE(dir_entries, dir_entries, .needs = "create"),
	PROBE(link_max, link_max, .needs = FILES ",link"),
	PROBE(depth, depth, .needs = "mkdir"),
	PROBE(xattr_value_max, xattr_value_max, .needs = FILES ",xattr"),
};

GROUP(limits);
