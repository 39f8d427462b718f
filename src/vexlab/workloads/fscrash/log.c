// SPDX-License-Identifier: Apache-2.0
/* The log of device-mapper's target log-writes (Documentation/admin-guide/device-mapper/log-writes.rst). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fscrash/log.h"
#include "lib/random.h"
#include "lib/tree.h"

#define MAGIC 0x6a736677736872ULL
#define SECTOR 512

struct super {
	uint64_t magic;
	uint64_t version;
	uint64_t entries;
	uint32_t sector;
};

struct raw {
	uint64_t sector;
	uint64_t sectors;
	uint64_t flags;
	uint64_t length;
	char mark[64];
};

bool log_has_data(const struct write *write)
{
	return write->sectors && !(write->flags & (W_MARK | W_DISCARD));
}

static struct write entry(const struct raw *raw, uint64_t at)
{
	struct write write = {
		.sector = raw->sector, .sectors = raw->sectors, .flags = raw->flags, .data = at + SECTOR, .mark = -1,
	};
	char mark[sizeof(raw->mark) + 1] = "";

	/* o17 */
	memcpy(mark, raw->mark, sizeof(raw->mark));
	if (raw->flags & W_MARK && mark[0] == 'o')
		write.mark = atoi(mark + 1);
	return write;
}

bool log_read(struct log *log, const char *device, char *why, int room)
{
	char sector[SECTOR] __attribute__((aligned(8)));
	const struct super *super = (const struct super *)sector;
	uint64_t at = SECTOR;
	int count;

	*log = (struct log){ .fd = open(device, O_RDONLY | O_CLOEXEC) };
	if (log->fd < 0 || read_all(log->fd, sector, SECTOR, 0) != SECTOR) {
		snprintf(why, room, "the log cannot be read: %s", strerror(errno));
		return false;
	}
	if (super->magic != MAGIC || super->sector != SECTOR) {
		snprintf(why, room, "the log device holds no log of sectors of 512 bytes");
		return false;
	}
	count = (int)super->entries;
	log->write = calloc(count + 1, sizeof(struct write));
	if (!log->write)
		abort();
	while (log->count < count) {
		if (read_all(log->fd, sector, SECTOR, at) != SECTOR) {
			snprintf(why, room, "the log breaks off at entry %d of %d", log->count, count);
			return false;
		}
		log->write[log->count] = entry((const struct raw *)sector, at);
		at += SECTOR;
		if (log_has_data(&log->write[log->count]))
			at += log->write[log->count].sectors * SECTOR;
		log->count++;
	}
	return true;
}

void log_free(struct log *log)
{
	close(log->fd);
	free(log->write);
}

static bool put(int fd, const char *data, const struct write *write, uint64_t first, uint64_t count)
{
	off_t at = (off_t)(write->sector + first) * SECTOR;

	return !count || write_all(fd, data + first * SECTOR, count * SECTOR, at) == (ssize_t)(count * SECTOR);
}

bool log_apply(const struct log *log, int at, int fd, enum part part, uint64_t seed)
{
	const struct write *write = &log->write[at];
	size_t bytes = write->sectors * SECTOR;
	uint64_t start = 0, i;
	bool good, there = true;
	void *data;

	if (part == P_MISSING || !log_has_data(write))
		return true;
	/* the device is opened with O_DIRECT */
	if (posix_memalign(&data, 4096, bytes))
		abort();
	good = read_all(log->fd, data, bytes, write->data) == (ssize_t)bytes;
	for (i = 0; i < write->sectors && good; i++) {
		if ((write->sector + i) % WHOLE_SECTORS == 0 || i == 0)
			there = part == P_WHOLE || random64(&seed) & 1;
		if (there)
			continue;
		good = put(fd, data, write, start, i - start);
		start = i + 1;
	}
	good = good && put(fd, data, write, start, i - start);
	free(data);
	return good;
}
