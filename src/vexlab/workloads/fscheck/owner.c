// SPDX-License-Identifier: Apache-2.0
/* Owners and groups: chown(2), set-user-ID, set-group-ID directories, access control lists. */
#include <sys/xattr.h>

#include "fscheck/check.h"

static void as_root(void)
{
	static const uid_t ids[] = { 0, 1, 1000, 65534, 65535, 65536, 70000, 0x7fffffff, 0x80000000, 0xfffffffe };
	size_t count = can("wide_owners") ? ARRAY_SIZE(ids) : 5;

	need_root();
	make("f", 10, 1);
	OK(mkdir("d", 0755));
	for (size_t i = 0; i < count; i++) {
		gid_t gid = ids[count - 1 - i];

		OK(chown("f", ids[i], gid));
		EQ(look("f").st_uid, ids[i]);
		EQ(look("f").st_gid, gid);
		OK(chown("d", ids[i], gid));
		EQ(look("d").st_uid, ids[i]);
		EQ(look("d").st_gid, gid);
	}
	OK(chown("f", -1, 5));
	EQ(look("f").st_uid, ids[count - 1]);
	EQ(look("f").st_gid, 5);
	OK(chown("f", 6, -1));
	EQ(look("f").st_uid, 6);
	EQ(look("f").st_gid, 5);
	OK(chown("f", -1, -1));
	EQ(look("f").st_uid, 6);
	expect_made("f", 10, 1);
}

static void as_user(void)
{
	need_root();
	make("f", 10, 1);
	make("mine", 10, 1);
	OK(chown("mine", USER_A, GROUP_A));
	AS(USER_A, GROUP_B) {
		FAILS(chown("f", USER_A, -1), EPERM);
		FAILS(chown("mine", USER_B, -1), EPERM);
		FAILS(chown("mine", -1, GROUP_B + 1), EPERM);
		OK(chown("mine", USER_A, GROUP_B));
		OK(chown("mine", -1, -1));
	}
	EQ(look("mine").st_uid, USER_A);
	EQ(look("mine").st_gid, GROUP_B);
	EQ(look("f").st_uid, 0);
}

static void errors(void)
{
	FAILS(chown("missing", 0, 0), ENOENT);
	FAILS(fchownat(AT_FDCWD, "", 0, 0, 0), ENOENT);
	make("f", 10, 1);
	FAILS(chown("f/x", geteuid(), -1), ENOTDIR);
	FAILS(fchownat(AT_FDCWD, "f", geteuid(), -1, 0x10000), EINVAL);
	EQ(look("f").st_uid, geteuid());
}

static void clears_setuid(void)
{
	need_root();
	make("f", 10, 1);
	OK(chown("f", USER_A, GROUP_A));
	OK(chmod("f", 06755));
	AS(USER_A, GROUP_A)
		OK(chown("f", -1, GROUP_A));
	EQ(look("f").st_mode & 07777, 0755);
	OK(mkdir("d", 0755));
	OK(chmod("d", 02755));
	OK(chown("d", USER_A, GROUP_A));
	EQ(look("d").st_mode & 07777, 02755);
}

static void write_clears_setuid(void)
{
	need_root();
	make("f", 10, 1);
	OK(chown("f", USER_A, GROUP_A));
	OK(chmod("f", 06777));
	AS(USER_B, GROUP_B) {
		int fd = opened("f", O_WRONLY);

		EQ(OK(pwrite(fd, "x", 1, 0)), 1);
		closed(fd);
	}
	EQ(look("f").st_mode & 07777, 0777);
	EQ(look("f").st_size, 10);
}

static void setgid_dir(void)
{
	need_root();
	OK(mkdir("d", 0755));
	OK(chown("d", 0, GROUP_B));
	OK(chmod("d", 02777));
	AS(USER_A, GROUP_A) {
		closed(created("d/f", 0644));
		OK(mkdir("d/e", 0755));
		if (can("symlink"))
			OK(symlink("x", "d/s"));
		if (can("fifo"))
			OK(mkfifo("d/p", 0644));
	}
	EQ(look("d/f").st_gid, GROUP_B);
	EQ(look("d/f").st_uid, USER_A);
	EQ(look("d/f").st_mode & 07777, 0644);
	EQ(look("d/e").st_gid, GROUP_B);
	EQ(look("d/e").st_mode & 07777, 02755);
	if (can("symlink"))
		EQ(look("d/s").st_gid, GROUP_B);
	if (can("fifo"))
		EQ(look("d/p").st_gid, GROUP_B);
	OK(mkdir("plain", 0777));
	OK(chmod("plain", 0777));
	OK(chown("plain", 0, GROUP_B));
	AS(USER_A, GROUP_A)
		closed(created("plain/f", 0644));
	EQ(look("plain/f").st_gid, GROUP_A);
}

static void setgid_by_stranger(void)
{
	need_root();
	make("f", 10, 1);
	OK(chown("f", USER_A, GROUP_B));
	AS(USER_A, GROUP_A)
		OK(chmod("f", 02755));
	EQ(look("f").st_mode & 07777, 0755);
	AS(USER_A, GROUP_B)
		OK(chmod("f", 02755));
	EQ(look("f").st_mode & 07777, 02755);
}

static void devices_need_root(void)
{
	need_root();
	need("device_node");
	OK(chmod(".", 0777));
	AS(USER_A, GROUP_A) {
		FAILS(mknod("c", S_IFCHR | 0644, 0x103), EPERM);
		FAILS(mknod("b", S_IFBLK | 0644, 0x103), EPERM);
		if (can("fifo"))
			OK(mknod("p", S_IFIFO | 0644, 0));
	}
	EQ(entries("."), can("fifo") ? 1 : 0);
}

/* system.posix_acl_access, as in include/uapi/linux/posix_acl_xattr.h: version 2, then tag, permission, id. */
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
} __attribute__((packed));

struct acl {
	uint32_t version;
	struct acl_entry entry[5];
} __attribute__((packed));

static const struct acl acl = { 2,
				{ { 0x01, 6, -1 },	    /* the owner: rw- */
				  { 0x02, 4, USER_A },	    /* this user: r-- */
				  { 0x04, 0, -1 },	    /* the group: --- */
				  { 0x10, 6, -1 },	    /* the mask: rw- */
				  { 0x20, 0, -1 } } };	    /* others: --- */

static void acl_grants(void)
{
	struct acl got;

	need_root();
	make("f", 10, 1);
	OPTIONAL(setxattr("f", "system.posix_acl_access", &acl, sizeof(acl), 0), EOPNOTSUPP);
	EQ(OK(getxattr("f", "system.posix_acl_access", &got, sizeof(got))), sizeof(acl));
	BYTES(&got, &acl, sizeof(acl));
	EQ(look("f").st_mode & 0777, 0660);
	AS(USER_A, GROUP_A) {
		closed(OK(open("f", O_RDONLY)));
		FAILS(open("f", O_WRONLY), EACCES);
	}
	AS(USER_B, GROUP_B)
		FAILS(open("f", O_RDONLY), EACCES);
	OK(chmod("f", 0600));
	AS(USER_A, GROUP_A)
		FAILS(open("f", O_RDONLY), EACCES);
}

static void acl_inherited(void)
{
	struct acl got;

	need_root();
	OK(mkdir("d", 0755));
	OPTIONAL(setxattr("d", "system.posix_acl_default", &acl, sizeof(acl), 0), EOPNOTSUPP);
	closed(created("d/f", 0666));
	EQ(OK(getxattr("d/f", "system.posix_acl_access", &got, sizeof(got))), sizeof(acl));
	EQ(look("d/f").st_mode & 0777, 0660);
	OK(mkdir("d/e", 0777));
	EQ(OK(getxattr("d/e", "system.posix_acl_default", &got, sizeof(got))), sizeof(acl));
	BYTES(&got, &acl, sizeof(acl));
	AS(USER_A, GROUP_A)
		closed(OK(open("d/f", O_RDONLY)));
	OK(removexattr("d", "system.posix_acl_default"));
	closed(created("d/g", 0644));
	EQ(look("d/g").st_mode & 0777, 0644);
}

static const struct check owner_checks[] = {
	{ "owner", "as_root", "POSIX.1-2017 chown(); chown(2): -1 leaves as it is", as_root },
	{ "owner", "as_user", "POSIX.1-2017 chown() EPERM, _POSIX_CHOWN_RESTRICTED", as_user },
	{ "owner", "errors", "POSIX.1-2017 chown() ERRORS", errors },
	{ "owner", "chown_clears_setuid", "POSIX.1-2017 chown(): S_ISUID and S_ISGID are cleared; chown(2)",
	  clears_setuid },
	{ "owner", "write_clears_setuid", "write(2); POSIX.1-2017 write(): may clear S_ISUID and S_ISGID",
	  write_clears_setuid },
	{ "owner", "setgid_directory", "inode(7), S_ISGID on a directory; mkdir(2)", setgid_dir },
	{ "owner", "setgid_by_stranger", "POSIX.1-2017 chmod(): S_ISGID is cleared", setgid_by_stranger },
	{ "owner", "devices_need_root", "mknod(2) EPERM", devices_need_root },
	{ "owner", "acl_grants", "acl(5)", acl_grants },
	{ "owner", "acl_inherited", "acl(5), object creation and default ACLs", acl_inherited },
};

FAMILY(owner);
