// SPDX-License-Identifier: Apache-2.0
/* What is kept of a file beside its data: mode, owner, extended attributes, inode numbers, counts of statfs. */
#include <sys/xattr.h>

#include "fsprobe/probe.h"

#define PERMISSIONS 07777
#define COUNTS_MOST 20
#define COUNTS_US 50000

static mode_t permissions(const char *name)
{
	return look(name).st_mode & PERMISSIONS;
}

static void modes(void)
{
	mode_t narrow, wide;

	umask(0);
	close(NEED(open(at("f"), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600)));
	close(NEED(open(at("g"), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0751)));
	trigger("open(\"f\", O_CREAT, 0600), open(\"g\", O_CREAT, 0751), stat");
	for (int i = 0; i < 2; i++, forget()) {
		narrow = permissions(at("f"));
		wide = permissions(at("g"));
		if (!i && narrow == wide)
			refused(0, "all files are made with the mode 0%o", wide);
		HOLDS(narrow == 0600 && wide == 0751, "files that are made with 0600 and 0751 have 0%o and 0%o%s", narrow,
		      wide, i ? " when they are read again" : "");
	}
	works();
}

static void chmod_kept(void)
{
	const char *name = at("f");
	mode_t before, after;

	made(name);
	before = look(name).st_mode & PERMISSIONS;
	ASK(chmod(name, 0604));
	after = look(name).st_mode & PERMISSIONS;
	if (after == before)
		refused_silently("it succeeds, and the mode stays 0%o", before);
	HOLDS(after == 0604, "the mode is 0%o after chmod 0604", after);
	forget();
	after = look(name).st_mode & PERMISSIONS;
	HOLDS(after == 0604, "the mode is 0%o when it is read again", after);
	works();
}

static void chown_kept(void)
{
	const char *name = at("f");
	struct stat st;

	made(name);
	ASK(chown(name, 4001, 5001));
	st = look(name);
	if (!st.st_uid && !st.st_gid)
		refused_silently("it succeeds, and the owner stays 0:0");
	HOLDS(st.st_uid == 4001 && st.st_gid == 5001, "the owner is %u:%u after chown 4001:5001", st.st_uid, st.st_gid);
	forget();
	st = look(name);
	HOLDS(st.st_uid == 4001 && st.st_gid == 5001, "the owner is %u:%u when it is read again, not 4001:5001",
	      st.st_uid, st.st_gid);
	works();
}

static void wide_owners(void)
{
	const char *name = at("f");
	struct stat st;

	made(name);
	ASK(chown(name, 87847, 95516));
	forget();
	st = look(name);
	/* What is too large for 16 bits becomes the overflow owner (fs_high2lowuid()), not somebody else: not root, for one. */
	if (st.st_uid == 65534 && st.st_gid == 65534)
		refused_silently("it succeeds, and the owner is 65534:65534 after chown 87847:95516");
	HOLDS(st.st_uid == 87847 && st.st_gid == 95516, "the owner is %u:%u after chown 87847:95516", st.st_uid, st.st_gid);
	works();
}

static bool listed(const char *file, const char *name)
{
	char names[1000];
	ssize_t len = MUST(listxattr(file, names, sizeof(names)));

	for (char *at = names; at < names + len; at += strlen(at) + 1)
		if (!strcmp(at, name))
			return true;
	return false;
}

static void attribute(const char *name)
{
	const char *file = at("f");
	char value[32];

	made(file);
	ASK(setxattr(file, name, "a value", 7, 0));
	for (int i = 0; i < 2; i++) {
		ssize_t len = MUST(getxattr(file, name, value, sizeof(value)));

		HOLDS(len == 7 && !memcmp(value, "a value", 7), "it holds \"%.*s\"", (int)len, value);
		len = MUST(getxattr(file, name, NULL, 0)); /* how programs ask for its size */
		HOLDS(len == 7, "its size is said to be %zd", len);
		HOLDS(listed(file, name), "%s is not listed", name);
		forget();
	}
	MUST(removexattr(file, name));
	HOLDS(getxattr(file, name, value, sizeof(value)) == -1 && errno == ENODATA,
	      "a removed attribute: expected ENODATA, got %s", errno_name(errno));
	works();
}

static void xattr(void)
{
	attribute("user.vexlab");
}

static void trusted_xattr(void)
{
	attribute("trusted.vexlab");
}

static void security_xattr(void)
{
	attribute("security.vexlab");
}

static void large_xattrs(void)
{
	unsigned char value[1024], got[1024];
	ssize_t len;

	made(at("f"));
	NEED(setxattr(at("f"), "user.s", "s", 1, 0));
	pattern(value, sizeof(value), 0, 1);
	ASK(setxattr(at("f"), "user.x", value, sizeof(value), 0));
	forget();
	len = MUST(getxattr(at("f"), "user.x", got, sizeof(got)));
	HOLDS(len == sizeof(value) && !memcmp(got, value, len), "it reads as another one, of %zd bytes", len);
	works();
}

/* acl(5), linux/posix_acl_xattr.h: version 2; user::rw- user:4001:r-- group::r-- mask::r-- other::--- */
static void acl(void)
{
	static const struct {
		uint32_t version;
		struct { uint16_t tag, perm; uint32_t id; } entries[5];
	} wanted = { 2, { { 0x01, 6, -1 }, { 0x02, 4, 4001 }, { 0x04, 4, -1 }, { 0x10, 4, -1 }, { 0x20, 0, -1 } } };
	unsigned char got[sizeof(wanted) + 1];
	ssize_t len;

	made(at("f"));
	ASK(setxattr(at("f"), "system.posix_acl_access", &wanted, sizeof(wanted), 0));
	forget();
	len = MUST(getxattr(at("f"), "system.posix_acl_access", got, sizeof(got)));
	HOLDS(len == sizeof(wanted) && !memcmp(got, &wanted, len), "it reads as another one, of %zd bytes", len);
	HOLDS((look(at("f")).st_mode & PERMISSIONS) == 0640, "the mode is 0%o, not that of the list, 0640",
	      look(at("f")).st_mode & PERMISSIONS);
	works();
}

static void stable_inodes(void)
{
	struct stat before, after;

	made(at("f"));
	trigger("stat(\"f\"), drop caches, stat(\"f\")");
	before = look(at("f"));
	forget();
	after = look(at("f"));
	if (before.st_ino != after.st_ino)
		refused(0, "it was %ju, and is %ju when it is read again", (uintmax_t)before.st_ino,
			(uintmax_t)after.st_ino);
	works();
}

/* The counts of statfs once they rest: some filesystems free in the background what earlier probes left. */
static struct statvfs counts(void)
{
	struct statvfs last, now;

	MUST(statvfs(".", &now));
	for (int i = 0; i < COUNTS_MOST; i++) {
		last = now;
		forget();
		usleep(COUNTS_US);
		MUST(statvfs(".", &now));
		if (now.f_bfree == last.f_bfree && now.f_ffree == last.f_ffree && now.f_files == last.f_files)
			break;
	}
	return now;
}

static void statfs_blocks(void)
{
	struct statvfs before, after;
	int fd;

	trigger("statvfs(\".\"), a file of 12000 bytes, statvfs(\".\")");
	before = counts();
	if (!before.f_blocks)
		refused(0, "it tells of no blocks");
	HOLDS(before.f_bfree <= before.f_blocks && before.f_bavail <= before.f_bfree,
	      "of %ju blocks %ju are free, and %ju to be had", (uintmax_t)before.f_blocks, (uintmax_t)before.f_bfree,
	      (uintmax_t)before.f_bavail);
	fd = created(at("f"));
	fill(fd, 4 * SMALL, 0, 1);
	settle(fd);
	after = counts();
	if (after.f_bfree >= before.f_bfree)
		refused(0, "a file of %d bytes changes nothing: %ju blocks are free", 4 * SMALL, (uintmax_t)after.f_bfree);
	works();
}

static void statfs_inodes(void)
{
	struct statvfs before, after;
	int fd;

	trigger("statvfs(\".\"), creat(\"f\"), statvfs(\".\")");
	before = counts();
	if (!before.f_files)
		refused(0, "it tells of no inodes: they are made on demand");
	HOLDS(before.f_ffree <= before.f_files, "of %ju inodes %ju are free", (uintmax_t)before.f_files,
	      (uintmax_t)before.f_ffree);
	fd = created(at("f"));
	after = counts();
	if (after.f_files != before.f_files)
		refused(0, "the number of inodes went from %ju to %ju: they are made on demand",
			(uintmax_t)before.f_files, (uintmax_t)after.f_files);
	if (after.f_ffree == before.f_ffree)
		refused(0, "a file changes nothing: %ju inodes are free", (uintmax_t)after.f_ffree);
	HOLDS(after.f_ffree == before.f_ffree - 1, "%ju inodes were free, %ju after one file was made",
	      (uintmax_t)before.f_ffree, (uintmax_t)after.f_ffree);
	/* Where any free block may become an inode, as in f2fs, data take from them, too. */
	fill(fd, 4 * SMALL, 0, 1);
	settle(fd);
	before = after;
	after = counts();
	if (after.f_ffree != before.f_ffree)
		refused(0, "data change the number of free inodes from %ju to %ju: they are made on demand",
			(uintmax_t)before.f_ffree, (uintmax_t)after.f_ffree);
	works();
}

static const struct probe attributes_probes[] = {
	PROBE(modes, modes, .needs = "create"),
	PROBE(chmod, chmod_kept),
	PROBE(chown, chown_kept),
	PROBE(wide_owners, wide_owners, .needs = FILES ",chown"),
	PROBE(xattr, xattr),
	PROBE(trusted_xattr, trusted_xattr),
	PROBE(security_xattr, security_xattr),
	PROBE(large_xattrs, large_xattrs, .needs = FILES ",xattr"),
	PROBE(acl, acl),
	PROBE(stable_inodes, stable_inodes),
	PROBE(statfs_blocks, statfs_blocks),
	PROBE(statfs_inodes, statfs_inodes, .needs = "create"),
};

GROUP(attributes);
