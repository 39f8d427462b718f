// SPDX-License-Identifier: Apache-2.0
/* Changes a little of everything, then removes it all. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsdamage/damage.h"

#define MOST_CHANGED 40
#define MOST_REMOVED 3000
#define MOST_DEEP 10

struct place {
	const char *path;
	int fd;
	int deep;
};

static void change_file(const char *path)
{
	static const char text[5000] = "changed";
	struct stat st;
	int fd;

	step("write", path);
	fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (failed(fd))
		return;
	failed(pwrite(fd, text, 100, 0));
	if (!failed(fstat(fd, &st)) && st.st_size < 1LL << 40) {
		failed(pwrite(fd, text, sizeof(text), st.st_size));
		step("truncate", path);
		if (usable("truncate_down"))
			failed(ftruncate(fd, st.st_size / 2));
	}
	close(fd);
	step("set attributes", path);
	if (usable("xattr") && setxattr(path, "user.changed", text, 64, 0) && errno != EOPNOTSUPP)
		failed(-1);
}

static void change_directory(const char *path)
{
	char one[1024], two[1024];
	int fd;

	snprintf(one, sizeof(one), "%s/new-name", path);
	snprintf(two, sizeof(two), "%s/another-new-name-that-is-longer", path);
	step("create", path);
	fd = open(one, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (failed(fd))
		return;
	failed(write(fd, "new\n", 4));
	close(fd);
	step("link", path);
	if (usable("link"))
		failed(link(one, two));
	step("rename", path);
	if (usable("rename") && usable("rename_over"))
		failed(rename(two, one));
	if (usable("unlink"))
		failed(unlink(two));
	step("mkdir", path);
	if (usable("mkdir") && usable("rmdir") && !failed(mkdir(two, 0700)))
		failed(rmdir(two));
	step("symlink", path);
	if (usable("symlink") && !failed(symlink("target", two)) && usable("rename") && usable("rename_over"))
		failed(rename(two, one));
	step("unlink", path);
	if (usable("unlink"))
		failed(unlink(one));
}

static bool change_entry(void *arg, const struct name *name)
{
	struct place *place = arg;
	char path[1024];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", place->path, name->text);
	if (++outcome->changes > MOST_CHANGED)
		return false;
	if (failed(lstat(path, &st)))
		return true;
	if (usable("chown"))
		failed(fchownat(place->fd, name->text, 1000, 1000, AT_SYMLINK_NOFOLLOW));
	if (S_ISREG(st.st_mode))
		change_file(path);
	else if (S_ISDIR(st.st_mode) && place->deep < 3) {
		struct place below = { path, open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
				       place->deep + 1 };

		change_directory(path);
		if (!failed(below.fd)) {
			each_name(below.fd, change_entry, &below);
			close(below.fd);
		}
	}
	return true;
}

void change(const char *point)
{
	struct place place = { point, open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0 };

	change_directory(point);
	if (!failed(place.fd)) {
		each_name(place.fd, change_entry, &place);
		close(place.fd);
	}
	step("sync", point);
	sync();
}

static int removed;

static void empty_directory(const char *path, int deep);

static bool remove_entry(void *arg, const struct name *name)
{
	struct place *place = arg;
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", place->path, name->text);
	if (++removed > MOST_REMOVED)
		return false;
	step("remove", path);
	if (!usable("unlink"))
		return false;
	if (!unlinkat(place->fd, name->text, 0))
		return true;
	if (errno != EISDIR && errno != EPERM) {
		failed(-1);
		return true;
	}
	if (place->deep < MOST_DEEP)
		empty_directory(path, place->deep + 1);
	step("rmdir", path);
	if (usable("rmdir"))
		failed(unlinkat(place->fd, name->text, AT_REMOVEDIR));
	return true;
}

static void empty_directory(const char *path, int deep)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct place place = { path, fd, deep };

	if (failed(fd))
		return;
	each_name(fd, remove_entry, &place);
	close(fd);
}

void empty(const char *point)
{
	removed = 0;
	empty_directory(point, 0);
	step("sync", point);
	sync();
}
