// SPDX-License-Identifier: Apache-2.0
/* Does one operation and reduces what it gave to a number and a digest. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsseq/execute.h"
#include "lib/hash.h"
#include "lib/profile.h"
#include "lib/tree.h"

#define PIECE (1 << 20)

static char data[PIECE];
static sigjmp_buf escape;

void fill_bytes(char *bytes, size_t len, unsigned int seed)
{
	char line[16];

	snprintf(line, sizeof(line), "%08x\n", seed);
	for (size_t i = 0; i < len; i += 9)
		memcpy(bytes + i, line, len - i < 9 ? len - i : 9);
}

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(escape, 1);
}

bool place_open(struct place *place, const char *path, bool dir_links)
{
	place->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place->dir_links = dir_links;
	for (int i = 0; i < SLOTS; i++)
		place->slot[i] = -1;
	signal(SIGBUS, on_sigbus);
	return place->dirfd >= 0;
}

void place_close(struct place *place)
{
	for (int i = 0; i < SLOTS; i++)
		if (place->slot[i] >= 0)
			close(place->slot[i]);
	close(place->dirfd);
}

static int open_flags(const char *letters)
{
	static const struct {
		char letter;
		int flag;
	} flags[] = {
		{ 'r', O_RDONLY }, { 'w', O_WRONLY }, { 'b', O_RDWR }, { 'c', O_CREAT }, { 'x', O_EXCL },
		{ 't', O_TRUNC }, { 'a', O_APPEND }, { 'n', O_NOFOLLOW }, { 'd', O_DIRECTORY },
	};
	int result = O_NONBLOCK | O_CLOEXEC;

	for (; *letters; letters++)
		for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
			if (flags[i].letter == *letters)
				result |= flags[i].flag;
	return result;
}

static long long do_open(struct place *place, const struct op *op)
{
	int *slot = &place->slot[op->number[0]];

	if (*slot >= 0)
		close(*slot);
	*slot = openat(place->dirfd, op->text[0], open_flags(op->word), (mode_t)op->number[1]);
	return *slot < 0 ? -1 : 0;
}

static long long do_store(int fd, off_t offset, size_t len)
{
	off_t start = offset & ~4095LL;
	size_t span = offset + len - start;
	struct stat st;
	char *map;

	if (fstat(fd, &st))
		return -1;
	/* Beyond the end is SIGBUS on every filesystem; nothing to compare. */
	if (!S_ISREG(st.st_mode) || offset + (off_t)len > st.st_size)
		return -2;
	map = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);
	if (map == MAP_FAILED)
		return -1;
	if (sigsetjmp(escape, 1)) {
		munmap(map, span);
		errno = EFAULT;
		return -1;
	}
	memcpy(map + (offset - start), data, len);
	return munmap(map, span);
}

static int allocate_mode(const char *word)
{
	if (!strcmp(word, "keep"))
		return FALLOC_FL_KEEP_SIZE;
	if (!strcmp(word, "punch"))
		return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	if (!strcmp(word, "zero"))
		return FALLOC_FL_ZERO_RANGE;
	return 0;
}

static size_t limited(long long len)
{
	return len < 0 ? 0 : len > PIECE ? PIECE : (size_t)len;
}

static long long on_slot(struct place *place, const struct op *op, uint64_t *digest)
{
	int *slot = &place->slot[op->number[0]], fd = *slot;
	const long long *n = op->number;
	ssize_t got;

	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	switch (op->code) {
	case OP_CLOSE:
		*slot = -1;
		return close(fd);
	case OP_WRITE:
		fill_bytes(data, limited(n[2]), n[3]);
		return pwrite(fd, data, limited(n[2]), n[1]);
	case OP_APPEND:
		fill_bytes(data, limited(n[1]), n[2]);
		return write(fd, data, limited(n[1]));
	case OP_READ:
		got = pread(fd, data, limited(n[2]), n[1]);
		if (got > 0)
			*digest = hash64(HASH_START, data, got);
		return got;
	case OP_FTRUNCATE:
		return ftruncate(fd, n[1]);
	case OP_FSYNC:
		/* The pages go too, so that what is read next comes from the device. */
		if (fsync(fd))
			return -1;
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		return 0;
	case OP_ALLOCATE:
		return fallocate(fd, allocate_mode(op->word), n[1], n[2]);
	default:
		fill_bytes(data, limited(n[2]), n[3]);
		return do_store(fd, n[1], limited(n[2]));
	}
}

static unsigned int rename_flags(const char *word)
{
	return !strcmp(word, "exchange") ? RENAME_EXCHANGE : !strcmp(word, "noreplace") ? RENAME_NOREPLACE : 0;
}

bool keeps_modes(void)
{
	return profile_works("chmod");
}

bool keeps_owners(void)
{
	return profile_works("chown");
}

static bool keeps_times(void)
{
	return profile_works("utimes") && profile_works("mtime") && profile_works("time_granularity") &&
	       profile_limit("time_granularity", 1) <= 1;
}

bool tells_mtime(const struct stat *st)
{
	if (!keeps_times())
		return false;
	/* Not of directories: XFS marks one that moves to another parent, for its dot-dot changes, ext4 does not. */
	return !S_ISDIR(st->st_mode) && st->st_mtim.tv_sec >= EXPLICIT_FROM && st->st_mtim.tv_sec < EXPLICIT_TO;
}

static uint64_t digest_stat(const struct place *place, const struct stat *st)
{
	bool dir = S_ISDIR(st->st_mode);
	bool set = tells_mtime(st);
	const int64_t values[] = {
		keeps_modes() ? st->st_mode : st->st_mode & S_IFMT, dir && !place->dir_links ? 0 : st->st_nlink,
		keeps_owners() ? st->st_uid : 0, keeps_owners() ? st->st_gid : 0, dir ? 0 : st->st_size,
		set ? st->st_mtim.tv_sec : 0, set ? st->st_mtim.tv_nsec : 0,
	};

	return hash64(HASH_START, values, sizeof(values));
}

/* Attributes are reached through the descriptor of the tree's root. */
static const char *full_path(const struct place *place, const char *path)
{
	static char text[TEXT_ROOM + 64];

	snprintf(text, sizeof(text), "/proc/self/fd/%d/%s", place->dirfd, path);
	return text;
}

static long long list_users(const char *path, uint64_t *digest)
{
	static char list[65536];
	ssize_t len = llistxattr(path, list, sizeof(list));
	long long count = 0;

	/* The order is the filesystem's own, and other namespaces are not ours: the sum of the names' hashes. */
	for (ssize_t at = 0; at < len; at += strlen(list + at) + 1)
		if (!strncmp(list + at, "user.", 5)) {
			*digest += hash64(HASH_START, list + at, strlen(list + at));
			count++;
		}
	return len < 0 ? -1 : count;
}

static long long on_xattr(struct place *place, const struct op *op, uint64_t *digest)
{
	const char *path = full_path(place, op->text[0]);
	ssize_t len;

	switch (op->code) {
	case OP_SETXATTR:
		fill_bytes(data, limited(op->number[0]), op->number[1]);
		return lsetxattr(path, op->text[1], data, limited(op->number[0]),
				 !strcmp(op->word, "create")  ? XATTR_CREATE :
				 !strcmp(op->word, "replace") ? XATTR_REPLACE :
								0);
	case OP_GETXATTR:
		len = lgetxattr(path, op->text[1], data, sizeof(data));
		if (len > 0)
			*digest = hash64(HASH_START, data, len);
		return len;
	case OP_REMOVEXATTR:
		return lremovexattr(path, op->text[1]);
	default:
		return list_users(path, digest);
	}
}

static long long do_readdir(struct place *place, const char *path, uint64_t *digest)
{
	struct names names;
	long long count;

	if (!names_read(place->dirfd, path, &names))
		return -1;
	count = names.count;
	*digest = HASH_START;
	for (size_t i = 0; i < names.count; i++)
		*digest = hash64(*digest, names.name[i], strlen(names.name[i]));
	names_free(&names);
	return count;
}

static long long do_statfs(struct place *place)
{
	struct statvfs fs;

	if (fstatvfs(place->dirfd, &fs))
		return -1;
	return fs.f_bfree <= fs.f_blocks && fs.f_bavail <= fs.f_bfree && fs.f_ffree <= fs.f_files;
}

/*
 * A size that the file has already: whether that changes its times differs (ext4_truncate() in fs/ext4/inode.c,
 * xfs_setattr_size() in fs/xfs/xfs_iops.c), so they are made new.
 */
static int do_truncate(const char *path, long long size)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
	struct stat st;
	bool same = !stat(path, &st) && st.st_size == size;

	if (truncate(path, size))
		return -1;
	return same ? utimensat(AT_FDCWD, path, times, 0) : 0;
}

static long long on_path(struct place *place, const struct op *op, uint64_t *digest)
{
	const char *a = op->text[0], *b = op->text[1];
	const long long *n = op->number;
	const struct timespec times[2] = { { n[0], n[1] }, { n[0], n[1] } };
	int dir = place->dirfd;
	struct stat st;
	ssize_t len;

	switch (op->code) {
	case OP_RENAME:
		return renameat2(dir, a, dir, b, rename_flags(op->word));
	case OP_LINK:
		return linkat(dir, a, dir, b, 0);
	case OP_SYMLINK:
		return symlinkat(a, dir, b);
	case OP_UNLINK:
		return unlinkat(dir, a, 0);
	case OP_MKDIR:
		return mkdirat(dir, a, n[0]);
	case OP_RMDIR:
		return unlinkat(dir, a, AT_REMOVEDIR);
	case OP_CHMOD:
		return fchmodat(dir, a, n[0], 0);
	case OP_CHOWN:
		return fchownat(dir, a, n[0], n[1], AT_SYMLINK_NOFOLLOW);
	case OP_UTIMENS:
		return utimensat(dir, a, times, AT_SYMLINK_NOFOLLOW);
	case OP_TRUNCATE:
		return do_truncate(full_path(place, a), n[0]);
	case OP_READDIR:
		return do_readdir(place, a, digest);
	case OP_STAT:
		if (fstatat(dir, a, &st, AT_SYMLINK_NOFOLLOW))
			return -1;
		*digest = digest_stat(place, &st);
		return 0;
	case OP_READLINK:
		len = readlinkat(dir, a, data, sizeof(data));
		if (len > 0)
			*digest = hash64(HASH_START, data, len);
		return len;
	case OP_STATFS:
		return do_statfs(place);
	default:
		return on_xattr(place, op, digest);
	}
}

struct answer execute(struct place *place, const struct op *op)
{
	struct answer answer = { 0 };

	errno = 0;
	if (op->code == OP_OPEN)
		answer.value = do_open(place, op);
	else if (op_kinds[op->code].args[0] == 's')
		answer.value = on_slot(place, op, &answer.digest);
	else
		answer.value = on_path(place, op, &answer.digest);
	if (answer.value == -1) {
		/* POSIX lets a filesystem choose between these two: rename(), rmdir(). XFS has the other one than ext4. */
		bool either = op->code == OP_RMDIR || (op->code == OP_RENAME && strcmp(op->word, "noreplace"));

		answer.err = errno == EEXIST && either ? ENOTEMPTY : errno;
		answer.value = 0;
	}
	return answer;
}

bool same_answer(const struct answer *a, const struct answer *b)
{
	return a->err == b->err && a->value == b->value && a->digest == b->digest;
}

void answer_print(const struct answer *answer, char *text, size_t room)
{
	const char *name = answer->err ? strerrorname_np(answer->err) : NULL;

	if (answer->err)
		snprintf(text, room, "%s", name ? name : "an unknown error");
	else if (answer->digest)
		snprintf(text, room, "ok %lld %016llx", answer->value, (unsigned long long)answer->digest);
	else
		snprintf(text, room, "ok %lld", answer->value);
}
