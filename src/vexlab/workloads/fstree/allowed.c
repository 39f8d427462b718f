// SPDX-License-Identifier: Apache-2.0
/* What `fill` may do: what the probed profile says that works, and of each limit the half. */
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>

#include "fstree/entry.h"
#include "lib/profile.h"

/* Where directories hold few entries it may be for the bytes of their names. */
#define FEW_ENTRIES 10000
#define SHORT_NAME 8
#define OWN_DIGITS 12 /* of a name, before what makes it long */

struct allowed allowed;

static bool both(const char *one, const char *other)
{
	return profile_works(one) && profile_works(other);
}

unsigned int untold_keys(void)
{
	unsigned int keys = 0;

	if (!profile_works("chmod"))
		keys |= UNTOLD_MODE;
	if (!profile_works("chown"))
		keys |= UNTOLD_OWNER;
	if (!both("utimes", "mtime") || !profile_works("time_granularity"))
		keys |= UNTOLD_MTIME;
	return keys;
}

/* Half of what is free, for a tree is not what fills a small device. */
static void budget(const char *dir)
{
	struct statvfs vfs;

	allowed.names = allowed.bytes = LLONG_MAX;
	if (statvfs(dir, &vfs))
		return;
	if (vfs.f_files)
		allowed.names = vfs.f_favail / 2;
	if (vfs.f_blocks)
		allowed.bytes = (long long)vfs.f_bavail * vfs.f_frsize / 2;
}

void find_allowed(const char *dir)
{
	long long dense = profile_half("file_size", LLONG_MAX);

	allowed.mkdir = profile_works("mkdir");
	allowed.symlink = profile_works("symlink");
	allowed.fifo = profile_works("fifo");
	allowed.device = both("device_node", "wide_devices");
	allowed.owner = profile_works("wide_owners") ? 100000 : 65534;
	allowed.link = profile_works("link");
	allowed.tmpfile = both("tmpfile", "link");
	allowed.truncate_up = profile_works("truncate_up");
	allowed.truncate_down = profile_works("truncate_down");
	allowed.gaps = profile_works("file_sparse");
	allowed.rename = profile_works("rename");
	allowed.rename_over = profile_works("rename_over");
	allowed.unlink = profile_works("unlink");
	allowed.xattr = profile_works("xattr");
	allowed.size = profile_half("file_sparse", dense);
	if (dense < allowed.size)
		allowed.size = dense;
	allowed.entries = profile_half("dir_entries", LLONG_MAX);
	allowed.links = profile_half("link_max", LLONG_MAX);
	allowed.name = profile_half("name_max", 2 * NAME_MAX) - OWN_DIGITS;
	if (allowed.entries < FEW_ENTRIES / 2 && allowed.name > SHORT_NAME)
		allowed.name = SHORT_NAME;
	if (allowed.name < 0)
		allowed.name = 0;
	allowed.path = profile_half("path_max", 2500);
	allowed.depth = profile_half("depth", LLONG_MAX);
	allowed.target = profile_half("symlink_max", LLONG_MAX);
	allowed.value = profile_half("xattr_value_max", LLONG_MAX);
	allowed.grain = profile_limit("time_granularity", 1);
	allowed.untold = untold_keys();
	allowed.dir_links = profile_works("dir_links");
	allowed.symlink_modes = profile_works("symlink_modes");
	budget(dir);
}
