// SPDX-License-Identifier: GPL-2.0
/*
 * mkfs -d: copy a folder of the host into a new filesystem. The same folder
 * gives the same bytes: names are taken in order, and blocks of zeros become
 * holes whatever the host's filesystem does with them.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mkfs.h"
#include "text.h"
#include "xattrs.h"

/* A file of the host with several names, and what became of it. */
struct linked {
	struct linked	*next;
	dev_t		dev;
	ino_t		host_ino;
	uint32_t	ino;
};

#define LINK_BUCKETS 1024

struct copy {
	struct fs	*fs;
	struct stat	image;
	struct linked	*links[LINK_BUCKETS];
};

static int copy_dir(struct copy *cp, int fd, uint32_t ino,
		    struct vexfs_inode *dir, const char *name);

static int failed(const char *name, int err)
{
	complain("cannot copy %s: %s", name,
		 err == -ENOSPC ? "the filesystem is full" : strerror(-err));
	return err;
}

static struct linked *find_link(struct copy *cp, const struct stat *st)
{
	struct linked *l = cp->links[st->st_ino % LINK_BUCKETS];

	while (l && (l->host_ino != st->st_ino || l->dev != st->st_dev))
		l = l->next;
	return l;
}

static int remember_link(struct copy *cp, const struct stat *st, uint32_t ino)
{
	struct linked *l = malloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->dev = st->st_dev;
	l->host_ino = st->st_ino;
	l->ino = ino;
	l->next = cp->links[st->st_ino % LINK_BUCKETS];
	cp->links[st->st_ino % LINK_BUCKETS] = l;
	return 0;
}

static void forget_links(struct copy *cp)
{
	struct linked *l;
	int i;

	for (i = 0; i < LINK_BUCKETS; i++)
		while ((l = cp->links[i])) {
			cp->links[i] = l->next;
			free(l);
		}
}

/* One more block of the file. */
static int put_block(struct fs *fs, struct vexfs_inode *inode, uint64_t lblk,
		     const void *data)
{
	uint32_t block;
	int err;

	block = fs_new_block(fs);
	if (!block)
		return -ENOSPC;
	err = fs_set_map(fs, inode, lblk, block);
	if (!err)
		err = device_write(fs->dev, block, data);
	inode->i_blocks = htole64(le64toh(inode->i_blocks) +
				  VEXFS_BLOCK_SIZE / 512);
	return err;
}

static ssize_t read_block(int fd, uint8_t *buf, off_t at)
{
	size_t done = 0;
	ssize_t n;

	memset(buf, 0, VEXFS_BLOCK_SIZE);
	while (done < VEXFS_BLOCK_SIZE) {
		n = pread(fd, buf + done, VEXFS_BLOCK_SIZE - done, at + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += n;
	}
	return done;
}

static int copy_data(struct fs *fs, int fd, off_t size,
		     struct vexfs_inode *inode)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	off_t pos = 0, data;
	ssize_t n;
	int err;

	if (DIV_ROUND_UP((uint64_t)size, VEXFS_BLOCK_SIZE) > FS_MAX_BLOCKS)
		return -EFBIG;
	while (pos < size) {
		data = lseek(fd, pos, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data > pos)
			pos = data - data % VEXFS_BLOCK_SIZE;
		if (pos >= size)
			break;
		n = read_block(fd, buf, pos);
		if (n < 0)
			return n;
		/* A file that grows meanwhile keeps the size it had. */
		if (size - pos < VEXFS_BLOCK_SIZE)
			memset(buf + (size - pos), 0,
			       VEXFS_BLOCK_SIZE - (size - pos));
		if (!all_zero(buf, sizeof(buf))) {
			err = put_block(fs, inode, pos / VEXFS_BLOCK_SIZE, buf);
			if (err)
				return err;
		}
		pos += VEXFS_BLOCK_SIZE;
	}
	inode->i_size = htole64(size);
	return 0;
}

static int copy_symlink(struct fs *fs, int dirfd, const char *name,
			struct vexfs_inode *inode)
{
	uint8_t target[VEXFS_BLOCK_SIZE] = { 0 };
	ssize_t len;
	int err = 0;

	len = readlinkat(dirfd, name, (char *)target, sizeof(target));
	if (len < 0)
		return -errno;
	if (!len || len > VEXFS_SYMLINK_MAX)
		return -ENAMETOOLONG;
	if (len <= VEXFS_FAST_SYMLINK_MAX)
		memcpy(inode->i_block, target, VEXFS_FAST_SYMLINK_MAX);
	else
		err = put_block(fs, inode, 0, target);
	inode->i_size = htole64(len);
	return err;
}

static void copy_attributes(const struct stat *st, struct vexfs_inode *inode)
{
	inode->i_uid = htole32(st->st_uid);
	inode->i_gid = htole32(st->st_gid);
	inode->i_mtime = htole64(st->st_mtim.tv_sec);
	inode->i_mtime_nsec = htole32(st->st_mtim.tv_nsec);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		inode->i_rdev = htole32(major(st->st_rdev) << 20 |
					(minor(st->st_rdev) & 0xfffff));
}

/* The content of a new inode, by its type. */
static int copy_content(struct copy *cp, int dirfd, const char *name,
			const struct stat *st, uint32_t ino,
			struct vexfs_inode *inode)
{
	int fd, err;

	if (S_ISLNK(st->st_mode))
		return copy_symlink(cp->fs, dirfd, name, inode);
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = mkfs_copy_xattrs(cp->fs, fd, ino, inode);
	if (!err && S_ISREG(st->st_mode))
		err = copy_data(cp->fs, fd, st->st_size, inode);
	else if (!err)
		return copy_dir(cp, fd, ino, inode, name);	/* closes fd */
	close(fd);
	return err;
}

static int add_name(struct fs *fs, struct vexfs_inode *dir, const char *name,
		    uint32_t ino, uint32_t mode)
{
	return fs_add_entry(fs, dir, name, strlen(name), ino, mode);
}

static int copy_hard_link(struct copy *cp, const struct linked *link,
			  struct vexfs_inode *dir, const char *name)
{
	struct vexfs_inode inode;
	uint32_t links;
	int err;

	err = fs_read_inode(cp->fs, link->ino, &inode);
	if (err)
		return err;
	links = le32toh(inode.i_links);
	if (links >= VEXFS_LINK_MAX)
		return -EMLINK;
	inode.i_links = htole32(links + 1);
	err = fs_write_inode(cp->fs, link->ino, &inode);
	if (err)
		return err;
	return add_name(cp->fs, dir, name, link->ino, le16toh(inode.i_mode));
}

static int copy_entry(struct copy *cp, int dirfd, const char *name,
		      uint32_t dir_ino, struct vexfs_inode *dir)
{
	struct vexfs_inode inode;
	struct linked *link;
	struct stat st;
	uint32_t ino;
	int err;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return failed(name, -errno);
	if (st.st_dev == cp->image.st_dev && st.st_ino == cp->image.st_ino)
		return 0;	/* the image lies in the folder it is made of */
	link = S_ISDIR(st.st_mode) ? NULL : find_link(cp, &st);
	if (link) {
		err = copy_hard_link(cp, link, dir, name);
		return err ? failed(name, err) : 0;
	}
	ino = fs_new_inode(cp->fs, S_ISDIR(st.st_mode));
	if (!ino) {
		complain("cannot copy %s: no free inode, see -N", name);
		return -ENOSPC;
	}
	fs_init_inode(cp->fs, ino, st.st_mode, &inode);
	copy_attributes(&st, &inode);
	if (S_ISDIR(st.st_mode)) {
		if (le32toh(dir->i_links) >= VEXFS_LINK_MAX)
			return failed(name, -EMLINK);
		inode.i_parent = htole32(dir_ino);
		dir->i_links = htole32(le32toh(dir->i_links) + 1);
	}
	err = copy_content(cp, dirfd, name, &st, ino, &inode);
	if (err)
		/* A folder has complained about what is in it. */
		return S_ISDIR(st.st_mode) ? err : failed(name, err);
	err = fs_write_inode(cp->fs, ino, &inode);
	if (!err)
		err = add_name(cp->fs, dir, name, ino, st.st_mode);
	if (!err && st.st_nlink > 1 && !S_ISDIR(st.st_mode))
		err = remember_link(cp, &st, ino);
	return err ? failed(name, err) : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t count)
{
	while (count--)
		free(names[count]);
	free(names);
}

static int read_names(DIR *stream, char ***names, size_t *count)
{
	char **list = NULL, **more;
	struct dirent *de;
	size_t n = 0;

	errno = 0;
	while ((de = readdir(stream))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		more = realloc(list, (n + 1) * sizeof(*list));
		if (!more)
			goto fail;
		list = more;
		list[n] = strdup(de->d_name);
		if (!list[n])
			goto fail;
		n++;
		errno = 0;
	}
	if (errno)
		goto fail;
	if (n)
		qsort(list, n, sizeof(*list), compare_names);
	*names = list;
	*count = n;
	return 0;
fail:
	free_names(list, n);
	return -(errno ? errno : ENOMEM);
}

static int copy_dir(struct copy *cp, int fd, uint32_t ino,
		    struct vexfs_inode *dir, const char *name)
{
	size_t count, i;
	char **names;
	DIR *stream;
	int err;

	stream = fdopendir(fd);
	if (!stream) {
		err = -errno;
		close(fd);
		return failed(name, err);
	}
	err = read_names(stream, &names, &count);
	if (err) {
		closedir(stream);
		return failed(name, err);
	}
	for (i = 0; i < count && !err; i++)
		err = copy_entry(cp, dirfd(stream), names[i], ino, dir);
	free_names(names, count);
	closedir(stream);
	return err;
}

/* A descriptor stays open for each level of the tree. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int mkfs_populate(struct fs *fs, const char *path)
{
	struct copy cp = { .fs = fs };
	struct vexfs_inode root;
	int fd, err;

	raise_descriptor_limit();
	if (fstat(fs->dev->fd, &cp.image))
		return failed(path, -errno);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return failed(path, -errno);
	err = fs_read_inode(fs, VEXFS_ROOT_INO, &root);
	if (err) {
		close(fd);
		return failed(path, err);
	}
	err = copy_dir(&cp, fd, VEXFS_ROOT_INO, &root, path);
	if (!err)
		err = fs_write_inode(fs, VEXFS_ROOT_INO, &root);
	forget_links(&cp);
	return err;
}
