// SPDX-License-Identifier: Apache-2.0
/* Attributes of the system: whose they are, and that each namespace is its own. */
#include <sys/xattr.h>

#include "fscheck/check.h"

static void trusted(void)
{
	static char list[4096];
	char value[10];

	need_root();
	make("f", 10, 1);
	OPTIONAL(setxattr("f", "trusted.vexlab", "root", 4, 0), EOPNOTSUPP);
	expect_value("f", "trusted.vexlab", "root", 4);
	AS(USER_A, GROUP_A) {
		long len;

		FAILS(getxattr("f", "trusted.vexlab", value, 10), ENODATA, EPERM);
		len = OK(listxattr("f", list, sizeof(list)));
		/* btrfs filters values, not names. */
		if (memmem(list, len, "trusted.", 8))
			report(REFUSED, 0, "a user sees the names of trusted attributes, though no values");
	}
}

static void same_name_elsewhere(void)
{
	need_root();
	make("f", 10, 1);
	OPTIONAL(setxattr("f", "user.same", "user", 4, 0), EOPNOTSUPP);
	OPTIONAL(setxattr("f", "trusted.same", "trusted", 7, 0), EOPNOTSUPP);
	expect_value("f", "user.same", "user", 4);
	OK(removexattr("f", "user.same"));
	expect_value("f", "trusted.same", "trusted", 7);
	OK(setxattr("f", "user.same", "again", 5, XATTR_CREATE));
	OK(removexattr("f", "trusted.same"));
	expect_value("f", "user.same", "again", 5);
}

static void security(void)
{
	/* struct vfs_cap_data of linux/capability.h: revision 2, CAP_CHOWN permitted. */
	static const unsigned char capability[20] = { 0, 0, 0, 2, 1 };
	static char list[4096];
	char value[40];
	long len;
	int fd;

	need_root();
	make("f", 10, 1);
	OPTIONAL(setxattr("f", "security.vexlab", "label", 5, 0), EOPNOTSUPP);
	expect_value("f", "security.vexlab", "label", 5);
	len = OK(listxattr("f", list, sizeof(list)));
	HOLDS(memmem(list, len, "security.vexlab", sizeof("security.vexlab")), "security.vexlab is not listed");
	OK(setxattr("f", "security.capability", capability, sizeof(capability), 0));
	expect_value("f", "security.capability", capability, sizeof(capability));
	fd = opened("f", O_RDWR);
	EQ(OK(pwrite(fd, "x", 1, 0)), 1);
	closed(fd);
	FAILS(getxattr("f", "security.capability", value, sizeof(value)), ENODATA);
	OK(removexattr("f", "security.vexlab"));
	FAILS(getxattr("f", "security.vexlab", value, sizeof(value)), ENODATA);
}

static const struct check xattr_namespaces_checks[] = {
	{ "xattr", "trusted", "xattr(7): trusted attributes need CAP_SYS_ADMIN", trusted },
	{ "xattr", "same_name_elsewhere", "xattr(7): namespaces", same_name_elsewhere },
	{ "xattr", "security", "xattr(7): security attributes; capabilities(7): lost when the file is written", security },
};

FAMILY(xattr_namespaces);
