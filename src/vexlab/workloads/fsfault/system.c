// SPDX-License-Identifier: Apache-2.0
/* Operations on the filesystem as a whole and on its module. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fsfault/fsfault.h"

static int of(long result)
{
	return result < 0 ? errno : 0;
}

static bool is_in(const char *file, const char *words)
{
	char line[1024];
	bool found = false;
	FILE *lines = fopen(file, "r");

	while (lines && !found && fgets(line, sizeof(line), lines))
		found = strstr(line, words) != NULL;
	if (lines)
		fclose(lines);
	return found;
}

static bool loaded(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", place.module);
	return !access(path, F_OK);
}

static bool registered(void)
{
	char words[80];

	snprintf(words, sizeof(words), "\t%s\n", place.fstype);
	return is_in("/proc/filesystems", words);
}

static bool mounted(void)
{
	char words[300];

	snprintf(words, sizeof(words), " %s %s ", place.directory, place.fstype);
	return is_in("/proc/mounts", words);
}

static int run_load(void)
{
	int fd = open(place.image, O_RDONLY | O_CLOEXEC), error;

	if (fd < 0)
		return errno;
	error = of(syscall(SYS_finit_module, fd, place.params, 0));
	close(fd);
	return error;
}

static int run_unload(void)
{
	return of(syscall(SYS_delete_module, place.module, O_NONBLOCK));
}

static void unload(void)
{
	if (loaded() && run_unload())
		perror("delete_module");
}

static bool not_loaded(void)
{
	if (!place.image)
		return false;
	unload();
	return !loaded();
}

static bool is_loaded(void)
{
	return place.image && (loaded() || !run_load());
}

static void load(void)
{
	if (place.image && !loaded() && run_load())
		perror("finit_module");
}

static const char *load_settled(int result)
{
	if (result && loaded())
		return "the load failed, and the module is there";
	if (result && registered())
		return "the load failed, and the filesystem is registered";
	return !result && !registered() ? "the load succeeded, and the filesystem is not registered" : NULL;
}

static const char *unload_settled(int result)
{
	if (!result && registered())
		return "the module is gone, and its filesystem registered";
	return result && !registered() ? "the unload failed, and the filesystem is not registered" : NULL;
}

static int run_mount(void)
{
	return of(mount(place.device, place.directory, place.fstype, 0, place.options));
}

static int run_unmount(void)
{
	return of(umount2(place.directory, 0));
}

static void unmount(void)
{
	if (mounted() && run_unmount())
		perror("umount");
}

static bool not_mounted(void)
{
	load();
	unmount();
	return !mounted();
}

/* With something to write, so that the unmount has work to do. */
static bool is_mounted(void)
{
	char path[256];
	int fd;

	load();
	if (!mounted() && run_mount())
		return false;
	snprintf(path, sizeof(path), "%s/left", place.directory);
	fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0644);
	if (fd < 0)
		return false;
	return write(fd, "something", 9) == 9 && !close(fd);
}

static const char *mount_settled(int result)
{
	if (result && mounted())
		return "the mount failed, and it is mounted";
	return !result && !mounted() ? "the mount succeeded, and it is not mounted" : NULL;
}

static const char *unmount_settled(int result)
{
	if (!result && mounted())
		return "the unmount succeeded, and it is mounted";
	return result && !mounted() ? "the unmount failed, and it is not mounted" : NULL;
}

static int run_readonly(void)
{
	return of(mount(place.device, place.directory, place.fstype, MS_REMOUNT | MS_RDONLY, place.options));
}

static bool is_readonly(void)
{
	return is_mounted() && !run_readonly();
}

static int run_writable(void)
{
	return of(mount(place.device, place.directory, place.fstype, MS_REMOUNT, place.options));
}

const struct operation system_operations[] = {
	{ "load", not_loaded, run_load, unload, load_settled },
	{ "unload", is_loaded, run_unload, load, unload_settled },
	{ "mount", not_mounted, run_mount, unmount, mount_settled },
	{ "unmount", is_mounted, run_unmount, unmount, unmount_settled },
	{ "remount_readonly", is_mounted, run_readonly, unmount, NULL },
	{ "remount_writable", is_readonly, run_writable, unmount, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};
