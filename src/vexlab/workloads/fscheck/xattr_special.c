// SPDX-License-Identifier: Apache-2.0
/* Attributes of files that have no contents: they take room as well, and give it back. */
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "fscheck/check.h"

#define LARGEST 3000

static const char *names[5];
static size_t count;

/* Which kinds there are here. */
static void find_kinds(void)
{
	if (can("fifo"))
		names[count++] = "pipe";
	if (can("socket"))
		names[count++] = "socket";
	if (can("device_node"))
		names[count++] = "device";
	if (can("symlink")) {
		names[count++] = "short";
		names[count++] = "long";
	}
	if (!count)
		need("symlink");
}

static void make_all(void)
{
	char target[300];

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = 0;
	if (can("fifo"))
		OK(mkfifo("pipe", 0644));
	if (can("socket"))
		OK(mknod("socket", S_IFSOCK | 0644, 0));
	if (can("device_node"))
		OK(mknod("device", S_IFCHR | 0644, makedev(1, 3)));
	if (!can("symlink"))
		return;
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
	find_kinds();
	pattern(value, sizeof(value), 3, 3);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		make_all();
		for (size_t j = 0; j < count; j++) {
			OPTIONAL(lsetxattr(names[j], "trusted.vexlab", value, sizes[i], 0), EOPNOTSUPP, ENOSPC);
			EQ(OK(lgetxattr(names[j], "trusted.vexlab", got, sizeof(got))), sizes[i]);
			BYTES(got, value, sizes[i]);
			long len = OK(llistxattr(names[j], list, sizeof(list)));
			HOLDS(memmem(list, len, "trusted.vexlab", sizeof("trusted.vexlab")), "%s: not listed", names[j]);
		}
		if (can("symlink")) {
			EQ(OK(readlink("short", target, sizeof(target))), strlen("target"));
			EQ(OK(readlink("long", target, sizeof(target))), 299);
		}
		for (size_t j = 0; j < count; j++)
			OK(unlink(names[j]));
	}
}

static const struct check xattr_special_checks[] = {
	{ "xattr", "on_special_files", "xattr(7): trusted attributes; symlink(7)", on_special_files },
};

FAMILY(xattr_special);
