// SPDX-License-Identifier: Apache-2.0
/* State that is made now and must be found again after unmounting, fsck, mounting or a machine's end. */
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "fscheck/markers.h"

static bool may_have(size_t size)
{
	return (long long)size <= profile_within("file_size", LLONG_MAX);
}

static const size_t sizes[] = { 0, 1, 511, 4095, 4096, 4097, 49152, 65537, 300000, 5000000 };

static void contents_make(void)
{
	char name[32];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), "f%zu", sizes[i]);
		if (may_have(sizes[i]))
			make(name, sizes[i], i);
	}
}

static void contents_verify(void)
{
	size_t made = 0;
	char name[32];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), "f%zu", sizes[i]);
		if (!may_have(sizes[i]))
			continue;
		expect_made(name, sizes[i], i);
		made++;
	}
	EQ(entries("."), made);
}

/* 3 MiB with data after the first, or a third and the whole of what there may be. */
static off_t holes_size(void)
{
	return profile_within("file_sparse", 3 << 20) / 3 * 3;
}

static void holes_make(void)
{
	off_t size = holes_size(), at = size / 3, len = at < 5000 ? at : 5000;
	int fd = created("f", 0644);

	EQ(OK(pwrite(fd, patterned(len, at, 1), len, at)), len);
	OK(ftruncate(fd, size));
	closed(fd);
	size = profile_within("file_size", 50000);
	make("cut", size, 2);
	OK(truncate("cut", size / 10 + 1));
	OK(truncate("cut", size));
}

static void holes_verify(void)
{
	off_t size = holes_size(), at = size / 3, len = at < 5000 ? at : 5000;
	int fd = opened("f", O_RDONLY);

	EQ(look_fd(fd).st_size, size);
	expect_zeros(fd, 0, at);
	expect_pattern(fd, at, len, 1);
	expect_zeros(fd, at + len, size - at - len);
	HOLDS(look_fd(fd).st_blocks < 2048, "5000 bytes of data take %lld blocks", (long long)look_fd(fd).st_blocks);
	closed(fd);
	fd = opened("cut", O_RDONLY);
	size = profile_within("file_size", 50000);
	expect_pattern(fd, 0, size / 10 + 1, 2);
	expect_zeros(fd, size / 10 + 1, size - size / 10 - 1);
	closed(fd);
}

#define STAMP_NS 123456789
static const int64_t stamps[] = { 1, 1000000000, 1700000000, 2147483647, 0 };

/* Beside each a file whose contents say what its times were, which a filesystem may have brought into its range. */
static const struct {
	int64_t stamp;
	mode_t type;
} told[] = {
	{ 2147483648, S_IFREG }, { 4294967301, S_IFREG }, { -1, S_IFREG }, { -2147483648, S_IFREG },
	{ 2147483648, S_IFDIR }, { 4294967301, S_IFLNK }, { -1, S_IFIFO },
};

static bool has_type(mode_t type)
{
	return type == S_IFLNK ? profile_works("symlink") : type == S_IFIFO ? profile_works("fifo") : true;
}

static void make_type(const char *path, mode_t type)
{
	if (type == S_IFDIR)
		OK(mkdir(path, 0755));
	else if (type == S_IFLNK)
		OK(symlink("target", path));
	else if (type == S_IFIFO)
		OK(mkfifo(path, 0644));
	else
		make(path, 10, 1);
}

static void tell(char *text, size_t size, const char *path)
{
	struct statx st;

	OK(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MTIME | STATX_BTIME, &st));
	if (!(st.stx_mask & STATX_BTIME))
		memset(&st.stx_btime, 0, sizeof(st.stx_btime));
	snprintf(text, size, "%lld %lld.%09u", kept_second(st.stx_mtime.tv_sec), kept_second(st.stx_btime.tv_sec),
		 profile_limit("time_granularity", 1) > 1000000000 ? 0 : st.stx_btime.tv_nsec);
}

static void told_make(void)
{
	char name[16], note[24], text[80];

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		const struct timespec times[2] = { { told[i].stamp, 0 }, { told[i].stamp, 0 } };

		if (!has_type(told[i].type))
			continue;
		snprintf(name, sizeof(name), "told%zu", i);
		snprintf(note, sizeof(note), "%s.note", name);
		make_type(name, told[i].type);
		OK(utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW));
		tell(text, sizeof(text), name);
		put(note, text);
	}
}

static void told_verify(void)
{
	char name[16], note[24], text[80];

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		snprintf(name, sizeof(name), "told%zu", i);
		snprintf(note, sizeof(note), "%s.note", name);
		if (!has_type(told[i].type))
			continue;
		tell(text, sizeof(text), name);
		expect_text(note, text);
	}
}

static void times_make(void)
{
	char name[16];

	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++) {
		const struct timespec times[2] = { { stamps[i], STAMP_NS }, { stamps[i], 987654321 } };

		snprintf(name, sizeof(name), "f%zu", i);
		make(name, 10, 1);
		OK(utimensat(AT_FDCWD, name, times, 0));
	}
}

static void times_verify(void)
{
	long grain = settings.granularity;
	char name[16];

	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++) {
		/* Of the filesystem's first second Linux keeps no fractions (timestamp_truncate in fs/inode.c). */
		const bool whole = kept_second(stamps[i]) == profile_limit("time_min", LLONG_MIN);
		struct stat st;

		snprintf(name, sizeof(name), "f%zu", i);
		st = look(name);
		EQ(kept_second(st.st_mtim.tv_sec), kept_second(stamps[i]));
		EQ(st.st_mtim.tv_nsec, whole ? 0 : 987654321 / grain * grain);
		if (!profile_works("atime"))
			continue;
		EQ(kept_access(st.st_atim.tv_sec), kept_access(stamps[i]));
		EQ(st.st_atim.tv_nsec, whole ? 0 : kept_access_ns(STAMP_NS));
	}
}

/* Owners of 32 bits, or of 16 where no others are kept. */
static uid_t owner_of(mode_t mode)
{
	return (profile_works("wide_owners") ? 70000 : 7000) + mode;
}

static gid_t group_of(mode_t mode)
{
	return (profile_works("wide_owners") ? 0x80000000 : 0x8000) + mode;
}

static void modes_make(void)
{
	char name[16];

	for (mode_t mode = 0; mode <= 07777; mode += 73) {
		snprintf(name, sizeof(name), "f%o", mode);
		closed(created(name, 0600));
		if (!geteuid() && profile_works("chown"))
			OK(chown(name, owner_of(mode), group_of(mode)));
		OK(chmod(name, mode));
	}
}

static void modes_verify(void)
{
	char name[16];

	for (mode_t mode = 0; mode <= 07777; mode += 73) {
		snprintf(name, sizeof(name), "f%o", mode);
		EQ(look(name).st_mode, S_IFREG | mode);
		if (!geteuid() && profile_works("chown")) {
			EQ(look(name).st_uid, owner_of(mode));
			EQ(look(name).st_gid, group_of(mode));
		}
	}
}

static void special_make(void)
{
	if (profile_works("fifo"))
		OK(mkfifo("p", 0640));
	if (profile_works("socket"))
		OK(mknod("s", S_IFSOCK | 0600, 0));
	if (!geteuid() && profile_works("device_node"))
		OK(mknod("c", S_IFCHR | 0600, makedev(5, 1)));
	if (!geteuid() && profile_works("device_node") && profile_works("wide_devices"))
		OK(mknod("b", S_IFBLK | 0600, makedev(300, 70000)));
}

static void special_verify(void)
{
	asserted();
	if (profile_works("fifo"))
		EQ(look("p").st_mode, S_IFIFO | 0640);
	if (profile_works("socket"))
		EQ(look("s").st_mode, S_IFSOCK | 0600);
	if (!geteuid() && profile_works("device_node")) {
		EQ(look("c").st_mode, S_IFCHR | 0600);
		EQ(look("c").st_rdev, makedev(5, 1));
	}
	if (!geteuid() && profile_works("device_node") && profile_works("wide_devices"))
		EQ(look("b").st_rdev, makedev(300, 70000));
}

static void xattrs_make(void)
{
	char name[32];

	make("f", 10, 1);
	OPTIONAL(setxattr("f", "user.empty", "", 0, 0), EOPNOTSUPP);
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "user.name%d", i);
		OK(setxattr("f", name, patterned(i * 3, 0, i), i * 3, 0));
	}
	OK(removexattr("f", "user.name5"));
	OK(mkdir("d", 0755));
	OK(setxattr("d", "user.on-a-directory", "yes", 3, 0));
}

static void xattrs_verify(void)
{
	char name[32], value[100];

	if (access("d", F_OK))
		report(REFUSED, EOPNOTSUPP, "there are no extended attributes here");
	EQ(OK(getxattr("f", "user.empty", value, 100)), 0);
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "user.name%d", i);
		if (i == 5) {
			FAILS(getxattr("f", name, value, 100), ENODATA);
			continue;
		}
		EQ(OK(getxattr("f", name, value, 100)), i * 3);
		BYTES(value, (char *)patterned(i * 3, 0, i), i * 3);
	}
	EQ(OK(getxattr("d", "user.on-a-directory", value, 100)), 3);
}

/* A tenth of the file is a tenth of 100000 bytes, or of what there may be. */
static off_t tenth(void)
{
	return profile_within("file_size", 100000) / 10;
}

static void mapped_make(void)
{
	unsigned char *map;
	int fd = created("f", 0644);

	OK(ftruncate(fd, 10 * tenth()));
	map = (void *)OK(mmap(NULL, 10 * tenth(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	pattern(map + 3 * tenth(), 5 * tenth(), 3 * tenth(), 1);
	OK(munmap(map, 10 * tenth()));
	closed(fd);
}

static void mapped_verify(void)
{
	int fd = opened("f", O_RDONLY);

	EQ(look_fd(fd).st_size, 10 * tenth());
	expect_zeros(fd, 0, 3 * tenth());
	expect_pattern(fd, 3 * tenth(), 5 * tenth(), 1);
	expect_zeros(fd, 8 * tenth(), 2 * tenth());
	closed(fd);
}

const struct marker markers[] = {
	{ "contents", "POSIX.1-2017 write(); umount(2)", "write", contents_make, contents_verify },
	{ "holes", "POSIX.1-2017 lseek(), ftruncate()", "sparse_files truncate_up truncate_down", holes_make, holes_verify },
	{ "times", "POSIX.1-2017 utimensat()", "utimes mtime time_granularity", times_make, times_verify },
	{ "distant_times", "POSIX.1-2017 utimensat(); statx(2), stx_btime", "utimes mtime time_granularity", told_make,
	  told_verify },
	{ "modes_and_owners", "POSIX.1-2017 chmod(), chown()", "chmod", modes_make, modes_verify },
	{ "symlinks", "POSIX.1-2017 symlink()", "symlink", symlinks_make, symlinks_verify },
	{ "links", "POSIX.1-2017 link()", "link unlink", links_make, links_verify },
	{ "names", "POSIX.1-2017 open(), unlink()", "unlink", names_make, names_verify },
	{ "tree", "POSIX.1-2017 mkdir()", "", tree_make, tree_verify },
	{ "moves", "POSIX.1-2017 rename()", "rename", moves_make, moves_verify },
	{ "exchanges", "rename(2) RENAME_EXCHANGE", "rename_exchange", exchanges_make, exchanges_verify },
	{ "changed_directories", "POSIX.1-2017 unlink() and others: mark the directory's mtime",
	  "utimes mtime time_granularity", changed_directories_make, changed_directories_verify },
	{ "special_files", "POSIX.1-2017 mknod()", "", special_make, special_verify },
	{ "xattrs", "xattr(7)", "xattr", xattrs_make, xattrs_verify },
	{ "mapped", "POSIX.1-2017 mmap(), munmap()", "mmap_write truncate_up", mapped_make, mapped_verify },
	{ "plain", "POSIX.1-2017 open(), mkdir()", "", plain_make, plain_verify },
};

const size_t marker_count = ARRAY_SIZE(markers);
