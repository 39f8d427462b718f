// SPDX-License-Identifier: Apache-2.0
/* Runs a program on two filesystems in step. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsseq/compare.h"
#include "lib/capability.h"
#include "lib/profile.h"
#include "lib/tree.h"

/* A directory's link count of 1 says "not counted". */
static bool counts_links(const char *path)
{
	struct stat st;

	return !stat(path, &st) && st.st_nlink != 1;
}

bool pair_open(struct pair *pair, const char *a, const char *b)
{
	pair->path[0] = a;
	pair->path[1] = b;
	pair->dir_links = counts_links(a) && counts_links(b);
	if (!capability_watch(a))
		return false;
	capability_avoid_broken();
	return !access(a, W_OK) && !access(b, W_OK);
}

/* A filesystem without directories lends its root. */
static bool enter(const char *parent, struct place *place, char *path, bool dir_links, bool flat)
{
	static unsigned int number;

	place->flat = flat;
	snprintf(path, PATH_MAX, "%s/fsseq-%d-%u", parent, getpid(), number++);
	if (flat)
		snprintf(path, PATH_MAX, "%s", parent);
	else if (mkdir(path, 0755))
		return false;
	return place_open(place, path, dir_links);
}

static bool trees_differ(struct place *place, struct difference *difference)
{
	static struct text text[2];
	const char *at[2];

	for (int i = 0; i < 2; i++) {
		tree_lines(&place[i], &text[i]);
		at[i] = text[i].bytes;
	}
	if (!strcmp(at[0], at[1]))
		return false;
	while (*at[0] || *at[1]) {
		size_t a = strcspn(at[0], "\n"), b = strcspn(at[1], "\n");

		if (a != b || memcmp(at[0], at[1], a)) {
			difference->index = -1;
			snprintf(difference->a, sizeof(difference->a), "%.*s", (int)a, at[0]);
			snprintf(difference->b, sizeof(difference->b), "%.*s", (int)b, at[1]);
			return true;
		}
		at[0] += a + 1;
		at[1] += b + 1;
	}
	return true;
}

static void drop_caches(struct place *place)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	syncfs(place[0].dirfd);
	syncfs(place[1].dirfd);
	if (fd >= 0 && write(fd, "3", 1) != 1)
		fprintf(stderr, "fsseq: the caches could not be dropped: %s\n", strerror(errno));
	close(fd);
}

/*
 * What the target lacks, or does wrong, is done by neither. `stopped` says that it did a part, so that from there on
 * nothing can be compared.
 */
static bool steps_differ(struct place *place, const struct program *program, struct difference *difference,
			 bool *stopped)
{
	*stopped = false;
	for (size_t i = 0; i < program->count; i++) {
		struct answer a, b;

		capability_forget();
		a = execute(&place[0], &program->op[i]);
		if (capability_noted().use) {
			if (a.err)
				continue;
			*stopped = true;
			return false;
		}
		b = execute(&place[1], &program->op[i]);
		if (same_answer(&a, &b))
			continue;
		difference->index = i;
		answer_print(&a, difference->a, sizeof(difference->a));
		answer_print(&b, difference->b, sizeof(difference->b));
		return true;
	}
	return false;
}

/* A directory that stays gets what a new one has: no attributes, the usual mode, our owner. */
static bool plain(int fd)
{
	char list[4096];
	ssize_t len = profile_works("xattr") ? flistxattr(fd, list, sizeof(list)) : 0;
	bool good = true;

	for (char *name = list; name < list + len; name += strlen(name) + 1)
		good &= !fremovexattr(fd, name);
	if (profile_works("chmod"))
		good &= !fchmod(fd, 0755);
	if (profile_works("chown"))
		good &= !fchown(fd, geteuid(), getegid());
	return good;
}

static bool empty(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct names names;
	bool good = true;

	if (fd < 0 || !names_read(fd, ".", &names))
		return false;
	for (size_t i = 0; i < names.count; i++)
		good &= made_by_mkfs(names.name[i]) || tree_remove(fd, names.name[i]);
	good &= plain(fd);
	names_free(&names);
	close(fd);
	return good;
}

bool differ(struct pair *pair, const struct program *program, struct difference *difference)
{
	char path[2][PATH_MAX];
	struct place place[2];
	bool found = false, stopped;

	umask(022);
	for (int i = 0; i < 2; i++)
		if (!enter(pair->path[i], &place[i], path[i], pair->dir_links, !i && !profile_works("mkdir"))) {
			difference->index = -1;
			snprintf(difference->a, sizeof(difference->a), "cannot make a directory in %.1000s: %s", pair->path[i],
				 strerror(errno));
			difference->b[0] = '\0';
			return true;
		}
	found = steps_differ(place, program, difference, &stopped) || (!stopped && trees_differ(place, difference));
	if (!found && !stopped && pair->drop) {
		drop_caches(place);
		found = trees_differ(place, difference);
	}
	for (int i = 0; i < 2; i++) {
		bool flat = place[i].flat;

		place_close(&place[i]);
		if ((flat ? empty(path[i]) : tree_remove(AT_FDCWD, path[i])) || found)
			continue;
		found = true;
		difference->index = -1;
		snprintf(difference->a, sizeof(difference->a), "what the program left in %.1000s cannot be removed: %s",
			 path[i], strerror(errno));
		difference->b[0] = '\0';
	}
	return found;
}
