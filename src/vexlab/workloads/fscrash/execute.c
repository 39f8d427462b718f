// SPDX-License-Identifier: Apache-2.0
/* A program done on a real filesystem. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fscrash/execute.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif
#ifndef RWF_DSYNC
#define RWF_DSYNC 2
#endif

bool make_folders(const char *root)
{
	char path[256];
	int fd;

	for (int i = 0; i < ACTORS; i++) {
		static const char *const below[] = { "", "/d0", "/d1" };

		for (int j = 0; j < 3; j++) {
			snprintf(path, sizeof(path), "%s/a%d%s", root, i, below[j]);
			if (mkdir(path, 0755) && errno != EEXIST)
				return false;
		}
	}
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd))
		return false;
	close(fd);
	return true;
}

bool executor_open(struct executor *ex, const struct model *model, const char *root, const char *hook)
{
	char path[256];

	*ex = (struct executor){ .model = model, .root = root, .hook = hook };
	ex->fd = malloc(model->files * sizeof(int) + 1);
	if (!ex->fd)
		abort();
	for (int i = 0; i < model->files; i++)
		ex->fd[i] = -1;
	for (int i = 0; i < ACTORS; i++) {
		snprintf(path, sizeof(path), "%s/a%d", root, i);
		ex->actor[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (ex->actor[i] < 0)
			return false;
	}
	umask(0);
	return true;
}

void executor_close(struct executor *ex)
{
	for (int i = 0; i < ex->model->files; i++)
		if (ex->fd[i] >= 0)
			close(ex->fd[i]);
	for (int i = 0; i < ACTORS; i++)
		close(ex->actor[i]);
	free(ex->fd);
}

static void fill_cells(void *data, const struct op *op, int at)
{
	struct cell *cell = data;

	for (uint32_t i = 0; i < op->len / CELL; i++)
		cell[i] = (struct cell){ CELL_MAGIC, op->file, at + 1, op->off / CELL + i };
}

static bool write_cells(struct executor *ex, const struct op *op, int at, int flags)
{
	struct iovec vec = { malloc(op->len), op->len };
	bool good = true;
	off_t off = op->off;

	if (!vec.iov_base)
		return false;
	fill_cells(vec.iov_base, op, at);
	/* a short write is continued, as write(2) asks for */
	for (char *data = vec.iov_base; vec.iov_len && good;) {
		ssize_t done = pwritev2(ex->fd[op->file], &(struct iovec){ data, vec.iov_len }, 1, off, flags);

		good = done > 0;
		if (good) {
			data += done;
			off += done;
			vec.iov_len -= done;
		}
	}
	free(vec.iov_base);
	return good;
}

/* A cell is stored at once, so that it is never seen in half. */
static bool store_cells(struct executor *ex, const struct op *op, int at, bool sync)
{
	typedef long long whole __attribute__((vector_size(16)));
	size_t skip = op->off % 4096;
	whole *cells = malloc(op->len);
	char *map = mmap(NULL, op->len + skip, PROT_READ | PROT_WRITE, MAP_SHARED, ex->fd[op->file], op->off - skip);
	bool good = cells && map != MAP_FAILED;

	if (good) {
		fill_cells(cells, op, at);
		for (uint32_t i = 0; i < op->len / CELL; i++)
			((volatile whole *)(map + skip))[i] = cells[i];
		good = !sync || !msync(map, op->len + skip, MS_SYNC);
		munmap(map, op->len + skip);
	}
	free(cells);
	return good;
}

static bool sync_folder(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	return good;
}

static bool sync_folders(struct executor *ex, const struct op *op, int at)
{
	const struct world *world = world_at(&ex->model->actor[op->actor], at);

	if (!sync_folder(ex->actor[op->actor], "."))
		return false;
	for (int i = 0; i < world->count; i++)
		if (world->entry[i].kind == K_DIR && !sync_folder(ex->actor[op->actor], world->entry[i].path))
			return false;
	return true;
}

static bool link_unnamed(struct executor *ex, const struct op *op)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", ex->fd[op->file]);
	return !linkat(AT_FDCWD, path, ex->actor[op->actor], op->a, AT_SYMLINK_FOLLOW);
}

int run_hook(const char *hook, const char *verb, int a, int b, const char *folder, char *text, size_t room)
{
	char command[512];
	size_t len = 0;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "sh '%s' %s %d %d '%s' 2>&1", hook, verb, a, b, folder);
	pipe = popen(command, "re");
	if (!pipe)
		return -1;
	while (len + 1 < room) {
		size_t got = fread(text + len, 1, room - 1 - len, pipe);

		if (!got)
			break;
		len += got;
	}
	text[len] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool hook(struct executor *ex)
{
	char text[512];

	if (run_hook(ex->hook, "do", ex->hooks, 0, ex->root, text, sizeof(text)) == 0) {
		ex->hooks++;
		return true;
	}
	fprintf(stderr, "the hook failed: %s\n", text);
	errno = EIO;
	return false;
}

static bool do_name(struct executor *ex, const struct op *op)
{
	int dir = ex->actor[op->actor];
	char text[2048];

	switch (op->verb) {
	case V_CREATE:
		ex->fd[op->file] = openat(dir, op->a, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		return ex->fd[op->file] >= 0;
	case V_TMPFILE:
		ex->fd[op->file] = openat(dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0644);
		return ex->fd[op->file] >= 0;
	case V_RENAME:
		return !renameat(dir, op->a, dir, op->b);
	case V_EXCHANGE:
		return !syscall(SYS_renameat2, dir, op->a, dir, op->b, RENAME_EXCHANGE);
	case V_LINK:
		return !linkat(dir, op->a, dir, op->b, 0);
	case V_LINKFD:
		return link_unnamed(ex, op);
	case V_UNLINK:
	case V_HOLD:
		return !unlinkat(dir, op->a, 0);
	case V_MKDIR:
		return !mkdirat(dir, op->a, 0755);
	case V_RMDIR:
		return !unlinkat(dir, op->a, AT_REMOVEDIR);
	case V_SYMLINK:
		symlink_target(op->file, text, sizeof(text));
		return !symlinkat(text, dir, op->a);
	case V_CHMOD:
		return !fchmod(ex->fd[op->file], op->len);
	default:
		return !fsetxattr(ex->fd[op->file], NAME_XATTR, text, xattr_value(op->len, text, sizeof(text)), 0);
	}
}

/* Files that have lost their last name are closed, so that they are deleted, unless they are held on purpose. */
static void close_nameless(struct executor *ex, const struct op *op, int at)
{
	const struct actor *actor = &ex->model->actor[op->actor];
	const struct world *before = world_at(actor, at - 1);
	const struct world *after = world_at(actor, at);

	for (int i = 0; i < before->count; i++) {
		int file = before->entry[i].file;

		if (before->entry[i].kind == K_FILE && ex->fd[file] >= 0 && !world_links(after, file)) {
			close(ex->fd[file]);
			ex->fd[file] = -1;
		}
	}
}

bool execute(struct executor *ex, int at)
{
	const struct op *op = &ex->model->op[at];

	switch (op->verb) {
	case V_WRITE:
		return write_cells(ex, op, at, 0);
	case V_DSYNC:
		return write_cells(ex, op, at, RWF_DSYNC);
	case V_STORE:
	case V_MSYNC:
		return store_cells(ex, op, at, op->verb == V_MSYNC);
	case V_CUT:
		return !ftruncate(ex->fd[op->file], op->off);
	case V_FSYNC:
		return !fsync(ex->fd[op->file]);
	case V_FDATASYNC:
		return !fdatasync(ex->fd[op->file]);
	case V_DIRSYNC:
		return sync_folders(ex, op, at);
	case V_SYNCFS:
		return !syncfs(ex->actor[op->actor]);
	case V_HOOK:
		return hook(ex);
	case V_DROP:
		close(ex->fd[op->file]);
		ex->fd[op->file] = -1;
		return true;
	default:
		if (!do_name(ex, op))
			return false;
		if (op->verb == V_UNLINK || op->verb == V_RENAME)
			close_nameless(ex, op, at);
		return true;
	}
}
