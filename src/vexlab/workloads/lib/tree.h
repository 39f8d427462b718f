/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_TREE_H
#define VEXLAB_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct names {
	char **name;
	size_t count;
};

/*
 * The names of a directory without . and .., sorted by bytes; false with errno where it cannot be read. EUCLEAN: an
 * entry told a type (d_type) that what it names has not; not for directories in which others are at work.
 */
bool names_read(int dirfd, const char *path, struct names *names);
void names_free(struct names *names);

/* Whether mkfs itself makes this name in the root directory; it stays. */
bool made_by_mkfs(const char *name);

/*
 * Removes what stands at path and all below; false with errno at the first thing that cannot be removed. EUCLEAN: it
 * is all removed, but an entry told a wrong type, as above.
 */
bool tree_remove(int dirfd, const char *path);

/* The hash of an open file's bytes; at most `limit` bytes from its start. False with errno. */
bool file_hash(int fd, off_t limit, uint64_t *hash);

/*
 * write(2) and read(2) until all is done; the number of bytes done, or -1 with errno where nothing was. Where less was
 * written than asked for, errno says why, and is 0 where a call wrote nothing and named no error.
 */
ssize_t write_all(int fd, const void *data, size_t len, off_t offset);
ssize_t read_all(int fd, void *data, size_t len, off_t offset);

#endif
