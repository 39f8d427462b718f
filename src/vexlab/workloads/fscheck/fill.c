// SPDX-License-Identifier: Apache-2.0
/* Taking the free space of a small filesystem. */
#include "fscheck/check.h"

unsigned long free_mib(void)
{
	struct statvfs fs = filesystem();

	return fs.f_bfree * fs.f_frsize / MIB;
}

void need_small(void)
{
	need_own_filesystem();
	if (free_mib() > settings.fill_mib)
		skip("%lu MiB are free, more than the %lu that may be filled (--fill)", free_mib(), settings.fill_mib);
}

size_t write_until_full(int fd, size_t piece, unsigned int seed)
{
	unsigned char *data = malloc(piece);
	size_t size = look_fd(fd).st_size;

	for (;;) {
		ssize_t put;

		pattern(data, piece, size, seed);
		put = pwrite(fd, data, piece, size);
		if (put < 0) {
			HOLDS(errno == ENOSPC, "writing to the full filesystem: expected ENOSPC, got %s", errno_name(errno));
			break;
		}
		HOLDS(put, "a write of %zu bytes wrote 0", piece);
		size += put;
	}
	free(data);
	EQ(look_fd(fd).st_size, size);
	return size;
}

/* By fallocate where there is one, for that is fast. */
void ballast(unsigned long leave)
{
	int fd = created("ballast", 0600);
	unsigned char *data = calloc(1, MIB);
	off_t size = 0;

	while (free_mib() > leave + 1) {
		unsigned long want = (free_mib() - leave) * 9 / 10;

		if (!want || fallocate(fd, 0, size, want * MIB))
			break;
		size += want * MIB;
		settle();
	}
	for (int left = free_mib() - leave; left > 0; left--, size += MIB)
		if (pwrite(fd, data, MIB, size) != MIB)
			break;
	settle();
	free(data);
	closed(fd);
}

void fill_rest(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0) {
		HOLDS(errno == ENOSPC, "creating \"%s\": expected success or ENOSPC, got %s", path, errno_name(errno));
		return;
	}
	write_until_full(fd, 65536, 1);
	/* The last blocks, for a write of a whole piece may fail although smaller ones would fit. */
	write_until_full(fd, 1024, 1);
	if (fsync(fd))
		HOLDS(errno == ENOSPC, "fsync: expected success or ENOSPC, got %s", errno_name(errno));
	closed(fd);
}

void fill_up(void)
{
	/* Before the ballast: in what it leaves xfs may find no room for a chunk of inodes. */
	closed(created("rest", 0600));
	ballast(1);
	fill_rest("rest");
}
