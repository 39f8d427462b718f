// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/capability.h"
#include "lib/profile.h"

void (*capability_avoided)(const char *name);

static struct capability_note *noted;
static dev_t device;
static int top = -1;
static bool careful;
static bool deadly, troubled; /* anything is deadly; deadly or broken */

bool capability_watch(const char *dir)
{
	struct stat st;

	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || fstat(top, &st))
		return false;
	device = st.st_dev;
	noted = mmap(NULL, sizeof(*noted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (noted == MAP_FAILED)
		noted = NULL;
	deadly = profile_any(DEADLY);
	troubled = deadly || profile_any(BROKEN);
	return noted != NULL;
}

void capability_forget(void)
{
	if (noted)
		memset(noted, 0, sizeof(*noted));
}

struct capability_note capability_noted(void)
{
	return noted ? *noted : (struct capability_note){ 0 };
}

static void note(enum capability_use use, const char *name, int err)
{
	if (!noted || noted->use > use)
		return;
	noted->use = use;
	noted->err = err;
	snprintf(noted->name, sizeof(noted->name), "%s", name);
}

void capability_avoid_broken(void)
{
	careful = true;
	deadly = troubled;
}

bool capability_deadly(const char *name)
{
	return deadly && profile_state(name) >= (careful ? BROKEN : DEADLY);
}

bool capability_fd(int fd)
{
	struct stat st;

	return noted && !fstat(fd, &st) && st.st_dev == device;
}

bool capability_path(int dirfd, const char *path)
{
	char copy[PATH_MAX];
	struct stat st;

	if (!noted || !path)
		return false;
	snprintf(copy, sizeof(copy), "%s", path);
	return !fstatat(dirfd, dirname(copy), &st, 0) && st.st_dev == device;
}

long capability_after(long value, const char *name)
{
	enum profile_state state;
	int err = errno;

	if (!noted || (value != -1 && !troubled))
		return value;
	state = profile_state(name);
	if (state == REFUSED_CLEANLY && value == -1)
		note(LACKED, name, err);
	else if (state == BROKEN && !careful)
		note(USED_BROKEN, name, value == -1 ? err : 0);
	else if (state >= BROKEN)
		note(AVOIDED, name, 0);
	errno = err;
	return value;
}

static bool is(int err, const char *name)
{
	const char *own = strerrorname_np(err);

	return own && !strcmp(own, name);
}

long capability_within(long value, bool whole, const char *name, long long wanted)
{
	int err = errno;
	long long limit;

	if (!noted || whole)
		return value;
	limit = profile_limit(name, LLONG_MAX);

	/* Up to the limit a write succeeds in part. */
	if (wanted > limit && (value != -1 || is(err, profile_errno(name))))
		note(LACKED, name, value == -1 ? err : 0);
	errno = err;
	return value;
}

static bool room(void)
{
	struct statvfs vfs;

	return !fstatvfs(top, &vfs) && vfs.f_bavail && (!vfs.f_files || vfs.f_favail);
}

long capability_named(long value)
{
	int err = errno;

	if (value != -1 || !noted)
		return value;
	if (err == ENAMETOOLONG && (is(err, profile_errno("name_max")) || is(err, profile_errno("path_max"))))
		note(LACKED, "name_max", err);
	else if ((err != ENOSPC || room()) && is(err, profile_errno("dir_entries")))
		note(LACKED, "dir_entries", err);
	else if (err == EMLINK && is(err, profile_errno("link_max")))
		note(LACKED, "link_max", err); /* a subdirectory is a link to its parent */
	errno = err;
	return value;
}
