// SPDX-License-Identifier: Apache-2.0
/* Attributes of files that have no contents: they take room as well, and give it back. */
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "fscheck/check.h"

#define LARGEST 3000

static const char *const names[] = { "pipe", "socket", "device", "short", "long" };

static void make_all(void)
{
	char target[300];

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = 0;
	OK(mkfifo("pipe", 0644));
	OK(mknod("socket", S_IFSOCK | 0644, 0));
	OK(mknod("device", S_IFCHR | 0644, makedev(1, 3)));
	OK(symlink("target", "short"));
	OK(symlink(target, "long"));
}

/* That all room is given back is asked after the family's last check. */
static void on_special_files(void)
{
	static const size_t sizes[] = { 1, 100, 300, 1500, LARGEST };
	unsigned char value[LARGEST], got[LARGEST];
	char target[512], list[512];

	need_root();
	pattern(value, sizeof(value), 3, 3);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		make_all();
		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			OPTIONAL(lsetxattr(names[j], "trusted.vexlab", value, sizes[i], 0), EOPNOTSUPP, ENOSPC);
			EQ(OK(lgetxattr(names[j], "trusted.vexlab", got, sizeof(got))), sizes[i]);
			BYTES(got, value, sizes[i]);
			long len = OK(llistxattr(names[j], list, sizeof(list)));
			HOLDS(memmem(list, len, "trusted.vexlab", sizeof("trusted.vexlab")), "%s: not listed", names[j]);
		}
		EQ(OK(readlink("short", target, sizeof(target))), strlen("target"));
		EQ(OK(readlink("long", target, sizeof(target))), 299);
		for (size_t j = 0; j < ARRAY_SIZE(names); j++)
			OK(unlink(names[j]));
	}
}

static const struct check xattr_special_checks[] = {
	{ "xattr", "on_special_files", "xattr(7): trusted attributes; symlink(7)", on_special_files },
};

FAMILY(xattr_special);
