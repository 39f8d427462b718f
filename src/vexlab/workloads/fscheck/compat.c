// SPDX-License-Identifier: Apache-2.0
/* Calls as 32-bit programs make them: on every kind of file they answer as the 64-bit ones do. */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "fscheck/check.h"
#include "fscheck/compat.h"

void *low_memory(size_t size)
{
	return (void *)OK(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
}

/* A kernel without IA32_EMULATION answers with a signal. */
void need_calls_of_32_bits(void)
{
	if (!takes_calls_of_32_bits())
		skip("the kernel takes no calls of 32-bit programs (IA32_EMULATION)");
}

static const struct kind {
	const char *name;
	mode_t mode;
	dev_t device;
	int flags;
} kinds[] = {
	{ "file", S_IFREG, 0, O_RDWR },
	{ "read-only", S_IFREG, 0, O_RDONLY },
	{ "directory", S_IFDIR, 0, O_RDONLY },
	{ "fifo", S_IFIFO, 0, O_RDWR | O_NONBLOCK },
	{ "socket", S_IFSOCK, 0, O_PATH },
	{ "null", S_IFCHR, 0x103, O_RDWR }, /* makedev(1, 3): the driver answers, not the filesystem */
	{ "nobody", S_IFCHR, 0, O_PATH },
	{ "block", S_IFBLK, 0, O_PATH },
	{ "symlink", S_IFLNK, 0, O_PATH | O_NOFOLLOW },
	{ "file by path", S_IFREG, 0, O_PATH },
	{ "directory by path", S_IFDIR, 0, O_PATH },
};

static bool can_make(const struct kind *kind)
{
	switch (kind->mode) {
	case S_IFIFO:
		return can("fifo");
	case S_IFSOCK:
		return can("socket");
	case S_IFCHR:
	case S_IFBLK:
		return can("device_node");
	case S_IFLNK:
		return can("symlink");
	}
	return true;
}

static int made(const struct kind *kind)
{
	if (S_ISDIR(kind->mode))
		OK(mkdir(kind->name, 0755));
	else if (S_ISLNK(kind->mode))
		OK(symlink("file", kind->name));
	else
		OK(mknod(kind->name, kind->mode | 0644, kind->device));
	if (S_ISREG(kind->mode))
		make(kind->name, 5000, 1);
	/* On a filesystem mounted with nodev a device cannot be opened. */
	if (S_ISCHR(kind->mode) && !(kind->flags & O_PATH) && open(kind->name, kind->flags) < 0 && errno == EACCES)
		return opened(kind->name, O_PATH);
	return opened(kind->name, kind->flags);
}

/* Where a structure holds a long the number of the request is another for 32 bits (linux/fs.h). */
static const struct request {
	const char *name;
	unsigned int native, compat;
	size_t answer;
} requests[] = {
	{ "FS_IOC_GETFLAGS", FS_IOC_GETFLAGS, FS_IOC32_GETFLAGS, 4 },
	{ "FS_IOC_GETVERSION", FS_IOC_GETVERSION, FS_IOC32_GETVERSION, 4 },
	{ "FS_IOC_FSGETXATTR", FS_IOC_FSGETXATTR, FS_IOC_FSGETXATTR, sizeof(struct fsxattr) },
	{ "FS_IOC_GETFSLABEL", FS_IOC_GETFSLABEL, FS_IOC_GETFSLABEL, FSLABEL_MAX },
	{ "FS_IOC_FIEMAP", FS_IOC_FIEMAP, FS_IOC_FIEMAP, sizeof(struct fiemap) },
	{ "FIGETBSZ", FIGETBSZ, FIGETBSZ, 4 },
	{ "FIBMAP", FIBMAP, FIBMAP, 4 },
	{ "FIONREAD", FIONREAD, FIONREAD, 4 },
	{ "FICLONE", FICLONE, FICLONE, 0 },
	{ "a request that nobody knows", _IOWR('?', 99, int), _IOWR('?', 99, int), 4 },
};

/* What a request says: its error, or its answer in `answer`. */
static int said(int fd, const struct request *request, bool compat, unsigned char *answer)
{
	int status;

	memset(answer, 0, FSLABEL_MAX);
	errno = 0;
	status = compat ? call_of_32_bits(IOCTL_OF_32_BITS, fd, request->compat, (unsigned long)answer) :
			  syscall(SYS_ioctl, fd, request->native, answer);
	return status < 0 ? errno : 0;
}

static void requests_of_32_bits(void)
{
	unsigned char *native, *compat;

	need_root();
	need_calls_of_32_bits();
	native = low_memory(2 * FSLABEL_MAX);
	compat = native + FSLABEL_MAX;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		int fd;

		if (!can_make(&kinds[k]))
			continue;
		fd = made(&kinds[k]);
		if (S_ISREG(kinds[k].mode) && !(kinds[k].flags & O_PATH))
			OK(fsync(fd));
		for (size_t r = 0; r < ARRAY_SIZE(requests); r++) {
			const struct request *request = &requests[r];
			int wanted = said(fd, request, false, native), got = said(fd, request, true, compat);

			HOLDS(got == wanted, "%s on %s: %s from a 64-bit program, %s from a 32-bit one", request->name,
			      kinds[k].name, wanted ? errno_name(wanted) : "success", got ? errno_name(got) : "success");
			HOLDS(!(kinds[k].flags & O_PATH) || got == EBADF, "%s on %s: expected EBADF, got %s",
			      request->name, kinds[k].name, got ? errno_name(got) : "success");
			if (!got)
				BYTES(compat, native, request->answer);
		}
		closed(fd);
	}
}

/* The flags as they are, set again: by either program they stay as they are. */
static void flags_of_32_bits(void)
{
	static const char *const paths[] = { "f", "d" };
	unsigned int *flags;

	need_calls_of_32_bits();
	flags = low_memory(4096);
	make("f", 10, 1);
	OK(mkdir("d", 0755));
	for (size_t p = 0; p < ARRAY_SIZE(paths); p++) {
		int fd = opened(paths[p], O_RDONLY), native, compat;
		unsigned int before;

		if (ioctl(fd, FS_IOC_GETFLAGS, flags)) {
			HOLDS(errno == ENOTTY || errno == EOPNOTSUPP, "FS_IOC_GETFLAGS: got %s", errno_name(errno));
			FAILS(call_of_32_bits(IOCTL_OF_32_BITS, fd, FS_IOC32_GETFLAGS, (unsigned long)flags), ENOTTY,
			      EOPNOTSUPP);
			*flags = 0;
		}
		before = *flags;
		native = ioctl(fd, FS_IOC_SETFLAGS, flags) ? errno : 0;
		compat = call_of_32_bits(IOCTL_OF_32_BITS, fd, FS_IOC32_SETFLAGS, (unsigned long)flags) ? errno : 0;
		EQ(compat, native);
		if (!native)
			OK(ioctl(fd, FS_IOC_GETFLAGS, flags));
		EQ(*flags, before);
		closed(fd);
	}
}

static void note(const char *name)
{
	unsigned int number;

	if (sscanf(name, "entry%u", &number) == 1 && number < ENTRIES)
		seen[number]++;
}

/* struct compat_linux_dirent of fs/readdir.c: numbers and positions of 32 bits. */
struct entry_of_32_bits {
	uint32_t ino;
	uint32_t position;
	uint16_t len;
	char name[];
};

static void names_of_32_bits(void)
{
	static const size_t rooms[] = { 300, 1024, 32768 };
	const int count = names_in_directory(300, strlen("entry299"));
	char *buffer;
	int fd;

	need_calls_of_32_bits();
	buffer = low_memory(32768);
	OK(mkdir("d", 0755));
	make_entries("d", count);
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	for (size_t r = 0; r < ARRAY_SIZE(rooms) * 2; r++) {
		const long number = r % 2 ? GETDENTS_OF_32_BITS : GETDENTS64_OF_32_BITS;
		long len;

		OK(lseek(fd, 0, SEEK_SET));
		memset(seen, 0, sizeof(seen));
		while ((len = OK(call_of_32_bits(number, fd, (unsigned long)buffer, rooms[r / 2]))) > 0)
			for (long at = 0; at < len;) {
				const struct dirent64 *wide = (void *)(buffer + at);
				const struct entry_of_32_bits *narrow = (void *)(buffer + at);
				const int size = r % 2 ? narrow->len : wide->d_reclen;

				HOLDS(size > 0 && size <= len - at, "an entry at byte %ld of %ld is %d bytes long", at, len,
				      size);
				note(r % 2 ? narrow->name : wide->d_name);
				at += size;
			}
		expect_seen(0, count, 1);
	}
	closed(fd);
}

static const struct check compat_checks[] = {
	{ "special", "requests_of_32_bits", "ioctl(2) ENOTTY; open(2), O_PATH: EBADF; Linux fs/ioctl.c, compat_sys_ioctl",
	  requests_of_32_bits },
	{ "special", "flags_of_32_bits", "ioctl_iflags(2); Linux fs/ioctl.c, FS_IOC32_SETFLAGS", flags_of_32_bits },
	{ "readdir", "names_of_32_bits", "getdents(2); Linux fs/readdir.c, compat_sys_getdents", names_of_32_bits },
};

FAMILY(compat);
