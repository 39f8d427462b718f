// SPDX-License-Identifier: Apache-2.0
/* The operations that last_blocks.c asks for on a filesystem that is nearly full. */
#include <sys/xattr.h>

#include "fscheck/last_operations.h"

size_t block_size;

#define TARGET 1000 /* bytes: more than an inode has room for, and no more than xfs allows */
#define VALUE 600   /* bytes: less than the smallest block */

static const char *text(void)
{
	static char text[TARGET + 1];

	memset(text, 't', TARGET);
	return text;
}

static int make_file(const char *to)
{
	return mknod(to, S_IFREG | 0644, 0);
}

static void expect_file(const char *to)
{
	EQ(look(to).st_size, 0);
}

static int make_directory(const char *to)
{
	return mkdir(to, 0755);
}

static void expect_directory(const char *to)
{
	EQ(entries(to), 0);
	EQ(S_ISDIR(look(to).st_mode), 1);
}

static int make_symlink(const char *to)
{
	return symlink(text(), to);
}

static void expect_symlink(const char *to)
{
	char got[TARGET + 1];

	EQ(OK(readlink(to, got, sizeof(got))), TARGET);
	BYTES(got, text(), TARGET);
}

static int make_link(const char *to)
{
	return link("other", to);
}

static void expect_link(const char *to)
{
	EQ(look(to).st_ino, look("other").st_ino);
}

/* What is moved is made beforehand, with a name of this directory's. */
void moved_from(char from[64], const char *to)
{
	sprintf(from, "moved.%.*s", (int)strcspn(to, "/"), to);
}

static int move_directory(const char *to)
{
	char from[64];

	moved_from(from, to);
	return rename(from, to);
}

static void expect_moved(const char *to)
{
	char from[64], up[PATH_MAX];

	moved_from(from, to);
	expect_missing(from);
	snprintf(up, sizeof(up), "%.*s/..", PATH_MAX - 4, to);
	snprintf(from, sizeof(from), "%.*s", (int)strcspn(to, "/"), to);
	EQ(look(up).st_ino, look(from).st_ino);
}

static int write_block(const char *to, off_t at)
{
	void *data = patterned(block_size, at, 1);
	int fd = opened(to, O_WRONLY), err;
	ssize_t put = pwrite(fd, data, block_size, at);

	HOLDS(put == (ssize_t)block_size || put == -1, "a write of one block wrote %zd bytes", put);
	err = errno;
	/* Where blocks are found only when the data are written back, the error may come as late. */
	if (put > 0 && (profile_works("fsync") ? fsync(fd) : syncfs(fd))) {
		err = errno;
		put = -1;
		OK(ftruncate(fd, 0));
	}
	closed(fd);
	free(data);
	errno = err;
	return put < 0 ? -1 : 0;
}

static void expect_block(const char *to, off_t at)
{
	int fd = opened(to, O_RDONLY);

	EQ(look_fd(fd).st_size, at + block_size);
	expect_pattern(fd, at, block_size, 1);
	if (at)
		expect_zeros(fd, at - block_size, block_size);
	closed(fd);
}

/* Deeper and deeper in a tree of blocks: each needs more of them beside the one for the data. */
#define AT(name, where) \
	static int write_##name(const char *to) \
	{ \
		return write_block(to, (off_t)(where) * block_size); \
	} \
	static void expect_##name(const char *to) \
	{ \
		expect_block(to, (off_t)(where) * block_size); \
	}

AT(start, 0)
AT(middle, 400)
AT(far, 1200)

#define FARTHEST 2000000L

static int write_farthest(const char *to)
{
	return write_block(to, FARTHEST * block_size);
}

/* It is cut again, for reading all of its hole takes long. */
static void expect_farthest(const char *to)
{
	expect_block(to, FARTHEST * block_size);
	OK(truncate(to, 0));
	settle();
	EQ(look(to).st_blocks, 0);
}

static int set_value(const char *to)
{
	return setxattr(to, "user.value", text(), VALUE, 0);
}

static void expect_set(const char *to)
{
	expect_value(to, "user.value", text(), VALUE);
}

bool has(const struct operation *operation)
{
	bool reached = strcmp(profile_errno("symlink_max"), "-") && profile_limit("symlink_max", TARGET) < TARGET;

	return profile_works(operation->needs) && !(operation->attempt == make_symlink && reached);
}

const struct operation operations[OPERATIONS] = {
	{ "create", "create", make_file, expect_file, .in_directory = true },
	{ "mkdir", "mkdir", make_directory, expect_directory, .in_directory = true },
	{ "symlink", "symlink", make_symlink, expect_symlink, .in_directory = true },
	{ "link", "link", make_link, expect_link, .in_directory = true },
	{ "rename", "rename_directory", move_directory, expect_moved, .in_directory = true, .moves = true },
	{ "start", "write", write_start, expect_start, .in_directory = false },
	{ "middle", "file_sparse", write_middle, expect_middle, .in_directory = false },
	{ "far", "file_sparse", write_far, expect_far, .in_directory = false },
	{ "farthest", "file_sparse", write_farthest, expect_farthest, .cut = true, .refusal = EFBIG },
	{ "setxattr", "xattr", set_value, expect_set, .refusal = EOPNOTSUPP },
};
