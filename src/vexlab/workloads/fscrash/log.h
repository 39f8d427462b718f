/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FSCRASH_LOG_H
#define VEXLAB_FSCRASH_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Flags of an entry (drivers/md/dm-log-writes.c). */
#define W_FLUSH 1u
#define W_FUA 2u
#define W_DISCARD 4u
#define W_MARK 8u

/* An entry of the log; `data` is where its bytes are in the log device, `mark` the operation that begins with it. */
struct write {
	uint64_t sector;
	uint64_t sectors;
	uint64_t flags;
	uint64_t data;
	int mark;
};

struct log {
	int fd;
	struct write *write;
	int count;
};

/*
 * The target puts a write into the log when a flush covers it, or at once if it is FUA; a mark stands there at once.
 * So what stands before a flush in the log is durable when that flush has ended, and a mark comes after all that was
 * durable when it was made.
 */
bool log_read(struct log *log, const char *device, char *why, int room);
void log_free(struct log *log);

/*
 * How much of a write reaches the disk. Drives of today write 4 KiB whole, and ext4's superblock of two sectors of 512
 * bytes relies on it.
 */
#define WHOLE_SECTORS 8
enum part { P_MISSING, P_WHOLE, P_TORN };

/* Writes an entry to the device open as `fd`; of a torn one those 4 KiB that `seed` says. */
bool log_apply(const struct log *log, int at, int fd, enum part part, uint64_t seed);
bool log_has_data(const struct write *write);

#endif
