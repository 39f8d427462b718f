// SPDX-License-Identifier: Apache-2.0
/* Whether a directory really lies on the target: what the kernel says in three places must agree. */
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "fscheck/run.h"
#include "lib/json.h"

struct mount {
	unsigned int major, minor;
	char root[256], point[1024], fstype[64], source[256], options[512];
};

/* 36 24 254:32 / /mnt/test rw,relatime shared:7 - ext4 /dev/vdc rw */
static bool parse(const char *line, struct mount *mount)
{
	const char *rest = strstr(line, " - ");

	return rest &&
	       sscanf(line, "%*d %*d %u:%u %255s %1023s %511s", &mount->major, &mount->minor, mount->root, mount->point,
		      mount->options) == 5 &&
	       sscanf(rest, " - %63s %255s", mount->fstype, mount->source) == 2;
}

static bool below(const char *path, const char *point)
{
	size_t len = strlen(point);

	return !strcmp(point, "/") || (!strncmp(path, point, len) && (path[len] == '/' || !path[len]));
}

/* The mount that holds `path`: the longest mount point, the last one where several are stacked. */
static bool find_mount(const char *path, struct mount *found)
{
	FILE *file = fopen("/proc/self/mountinfo", "r");
	char line[4096];
	size_t longest = 0;
	struct mount mount;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (!parse(line, &mount) || !below(path, mount.point) || strlen(mount.point) < longest)
			continue;
		longest = strlen(mount.point);
		*found = mount;
	}
	fclose(file);
	return longest > 0;
}

bool prove(const char *path, const char *device, const char *fstype)
{
	char real[PATH_MAX], st_dev[32], mount_dev[32];
	struct mount mount = { 0 };
	struct json json = { 0 };
	const char *wrong = "";
	struct statfs fs = { 0 };
	struct stat st = { 0 };

	if (!realpath(path, real) || stat(real, &st) || statfs(real, &fs))
		wrong = errno_name(errno);
	else if (!find_mount(real, &mount))
		wrong = "mountinfo has no mount that holds the directory";
	snprintf(st_dev, sizeof(st_dev), "%u:%u", major(st.st_dev), minor(st.st_dev));
	snprintf(mount_dev, sizeof(mount_dev), "%u:%u", mount.major, mount.minor);
	if (!*wrong && strcmp(mount.fstype, fstype))
		wrong = "mountinfo names another filesystem type";
	/* btrfs gives subvolumes device numbers of their own: then the mount's source must be the device. */
	if (!*wrong && strcmp(st_dev, device)) {
		struct stat source = { 0 };

		if (stat(mount.source, &source) || !S_ISBLK(source.st_mode))
			wrong = "st_dev is not the device, and the mount's source is none";
		snprintf(mount_dev, sizeof(mount_dev), "%u:%u", major(source.st_rdev), minor(source.st_rdev));
	}
	if (!*wrong && strcmp(mount_dev, device))
		wrong = "the mount lies on another device";
	json_open(&json);
	json_bool(&json, "proved", !*wrong);
	json_str(&json, "wrong", wrong);
	json_str(&json, "fstype", mount.fstype);
	json_str(&json, "source", mount.source);
	json_str(&json, "mountpoint", mount.point);
	json_str(&json, "options", mount.options);
	json_str(&json, "st_dev", st_dev);
	json_hex(&json, "magic", fs.f_type);
	json_close(&json);
	json_print(&json);
	return !*wrong;
}
