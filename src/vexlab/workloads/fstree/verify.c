// SPDX-License-Identifier: Apache-2.0
/* Compares a tree with its manifest, and lets wrong bytes say where they come from. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fstree/entry.h"
#include "lib/tree.h"

#define PIECE (1 << 16)

static const char *const keys[] = {
	"type", "mode", "uid", "gid", "nlink", "size", "mtime", "target", "rdev", "xattrs", "group", "wrong", "hash",
};

/* What a manifest need not tell, and then expects nothing of. */
static const char *const optional[] = { "mode", "uid", "gid", "nlink", "mtime" };

static bool untold(const char *key)
{
	for (size_t i = 0; i < sizeof(optional) / sizeof(*optional); i++)
		if (!strcmp(key, optional[i]))
			return true;
	return false;
}

static size_t problems;

static void problem(const char *path, const char *key, const char *expected, size_t expected_len, const char *got,
		    size_t got_len)
{
	struct json json = { 0 };

	problems++;
	json_open(&json);
	json_str(&json, "path", path);
	json_str(&json, "key", key);
	json_bytes(&json, "expected", expected, expected_len);
	json_bytes(&json, "got", got, got_len);
	json_close(&json);
	json_put(&json);
	free(json.text);
}

static void say(const char *path, const char *key, const char *expected, const char *got)
{
	problem(path, key, expected, strlen(expected), got, strlen(got));
}

/* Finds the first wrong byte of a file that `fill` made and tells what stands there. */
static bool find_wrong(const char *line, const char *dir, const char *path)
{
	char *extents = json_member_str(line, "extents"), *text = json_member_str(line, "seed");
	static char wanted[PIECE], got[PIECE];
	char full[8192], where[64], what[200];
	size_t len, id_len;
	const char *id = json_member(line, "id", &id_len);
	uint64_t seed;
	off_t at = 0;
	int fd;

	if (!extents || !text || !id)
		return false;
	seed = strtoull(text, NULL, 16);
	snprintf(full, sizeof(full), "%s/%s", dir, path);
	fd = open(full, O_RDONLY | O_NOFOLLOW);
	while (fd >= 0) {
		ssize_t part = read_all(fd, got, PIECE, at);

		if (part <= 0)
			break;
		render(wanted, at, part, seed, strtoul(id, NULL, 10), extents);
		for (len = 0; len < (size_t)part && wanted[len] == got[len]; len++)
			;
		if (len < (size_t)part) {
			explain(got, part, len, at, seed, strtoul(id, NULL, 10), what, sizeof(what));
			snprintf(where, sizeof(where), "%s at byte %lld", wanted[len] ? "its own bytes" : "zeros",
				 (long long)(at + len));
			say(path, "content", where, what);
			close(fd);
			return true;
		}
		at += part;
	}
	if (fd >= 0)
		close(fd);
	return false;
}

static bool is_dir(const char *line)
{
	size_t len;
	const char *type = json_member(line, "type", &len);

	return type && len == 5 && !memcmp(type, "\"dir\"", 5);
}

static void compare(const char *wanted, const char *got, const char *path, const char *dir)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		size_t a_len = 0, b_len = 0;
		const char *a = json_member(wanted, keys[i], &a_len), *b = json_member(got, keys[i], &b_len);

		if (a_len == b_len && (!a_len || !memcmp(a, b, a_len)))
			continue;
		if (!a && untold(keys[i]))
			continue;
		/* A directory's link count of 1 says "not counted". */
		if (!strcmp(keys[i], "nlink") && is_dir(got) && b_len == 1 && *b == '1')
			continue;
		if (!strcmp(keys[i], "hash") && find_wrong(wanted, dir, path))
			continue;
		problem(path, keys[i], a ? a : "", a_len, b ? b : "", b_len);
	}
}

static void summary(size_t entries)
{
	struct json json = { 0 };

	json_open(&json);
	json_bool(&json, "ok", !problems);
	json_int(&json, "entries", entries);
	json_int(&json, "problems", problems);
	json_close(&json);
	json_print(&json);
}

static void superfluous(const char *path, const char *prefix)
{
	if (!prefix || !strncmp(path, prefix, strlen(prefix)))
		say(path, "name", "no such name", "there");
}

int verify(const char *manifest, const char *dir, const char *prefix)
{
	FILE *file = fopen(manifest, "r");
	struct tree tree = { 0 };
	struct json json = { 0 };
	char *line = NULL;
	size_t room = 0, next = 0, entries = 0;

	if (!file) {
		fprintf(stderr, "fstree: %s: %s\n", manifest, strerror(errno));
		return 2;
	}
	if (!tree_scan(&tree, dir, false))
		say(".", "tree", "a tree that can be read", "an error");
	/* Both are sorted by path. */
	while (getline(&line, &room, file) > 0) {
		char *path = json_member_str(line, "path");

		if (!path)
			continue;
		entries++;
		while (next < tree.count && strcmp(tree.entry[next].path, path) < 0)
			superfluous(tree.entry[next++].path, prefix);
		if (next == tree.count || strcmp(tree.entry[next].path, path)) {
			say(path, "name", "there", "missing");
		} else {
			entry_print(&json, &tree.entry[next++]);
			json.text[json.len] = '\0';
			compare(line, json.text, path, dir);
		}
		free(path);
	}
	while (next < tree.count)
		superfluous(tree.entry[next++].path, prefix);
	if (!entries)
		say(".", "manifest", "entries", "none");
	summary(entries);
	return problems ? 1 : 0;
}
