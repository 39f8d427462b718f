// SPDX-License-Identifier: GPL-2.0
/*
 * Recovery from the journal: what the kernel's jbd2 does at mount, for the
 * features VexFS uses. Three passes over the log: find its end, collect what
 * was revoked, copy the rest to its place.
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "device.h"
#include "jbd2.h"
#include "layout.h"

#define TAG_UUID_BYTES	16

struct revoked {
	uint32_t	block;
	uint32_t	sequence;	/* of the last transaction to revoke it */
};

struct log {
	struct device		*dev;
	const struct layout	*lo;
	uint32_t		seed;
	uint32_t		start;
	uint32_t		first_sequence;
	uint32_t		end_sequence;	/* one past the last whole one */
	struct revoked		*revoked;
	size_t			revoked_count, revoked_room;
	struct jbd2_stats	*stats;
};

enum pass { PASS_SCAN, PASS_REVOKE, PASS_REPLAY };

/* Sequence numbers wrap around. */
static bool sequence_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static int read_log(const struct log *log, uint32_t at, void *buf)
{
	return device_read(log->dev, log->lo->journal_start + at, buf);
}

/* The block n after at; the log wraps to its block 1. */
static uint32_t log_step(const struct log *log, uint32_t at, uint32_t n)
{
	uint32_t len = log->lo->journal_blocks - 1;

	return (at - 1 + n) % len + 1;
}

/* Checksum of a block that keeps it at the offset given. */
static bool block_csum_ok(const struct log *log, const uint8_t *block,
			  size_t at)
{
	uint8_t copy[VEXFS_BLOCK_SIZE];
	__be32 stored;

	memcpy(&stored, block + at, sizeof(stored));
	memcpy(copy, block, sizeof(copy));
	memset(copy + at, 0, sizeof(stored));
	return be32toh(stored) == crc32c(log->seed, copy, sizeof(copy));
}

#define TAIL_CSUM	(VEXFS_BLOCK_SIZE - sizeof(__be32))

static bool next_tag(const uint8_t *block, size_t *at, struct jbd2_tag *tag)
{
	uint32_t flags;

	if (*at + sizeof(*tag) > TAIL_CSUM)
		return false;
	memcpy(tag, block + *at, sizeof(*tag));
	flags = be32toh(tag->t_flags);
	*at += sizeof(*tag);
	if (!(flags & JBD2_FLAG_SAME_UUID))
		*at += TAG_UUID_BYTES;
	if (flags & JBD2_FLAG_LAST_TAG)
		*at = VEXFS_BLOCK_SIZE;
	return true;
}

static uint32_t count_tags(const uint8_t *block)
{
	size_t at = sizeof(struct jbd2_header);
	struct jbd2_tag tag;
	uint32_t n = 0;

	while (next_tag(block, &at, &tag))
		n++;
	return n;
}

static int compare_revoked(const void *a, const void *b)
{
	const struct revoked *ra = a, *rb = b;

	if (ra->block != rb->block)
		return ra->block < rb->block ? -1 : 1;
	return ra->sequence == rb->sequence ? 0 :
	       sequence_before(ra->sequence, rb->sequence) ? -1 : 1;
}

static int add_revoked(struct log *log, const uint8_t *block, uint32_t sequence)
{
	const struct jbd2_revoke *head = (const void *)block;
	size_t at, end = be32toh(head->r_count);
	struct revoked *more;
	__be32 value;

	if (end > TAIL_CSUM)
		return 0;
	for (at = sizeof(*head); at + sizeof(value) <= end;
	     at += sizeof(value)) {
		if (log->revoked_count == log->revoked_room) {
			log->revoked_room = log->revoked_room * 2 + 256;
			more = realloc(log->revoked, log->revoked_room *
				       sizeof(*more));
			if (!more)
				return -ENOMEM;
			log->revoked = more;
		}
		memcpy(&value, block + at, sizeof(value));
		log->revoked[log->revoked_count].block = be32toh(value);
		log->revoked[log->revoked_count++].sequence = sequence;
	}
	return 0;
}

/* Was the block revoked by this transaction or a later one? */
static bool is_revoked(const struct log *log, uint32_t block, uint32_t sequence)
{
	size_t lo = 0, hi = log->revoked_count, mid;

	/* The entries of a block are sorted: its last one decides. */
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (log->revoked[mid].block <= block)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && log->revoked[lo - 1].block == block &&
	       !sequence_before(log->revoked[lo - 1].sequence, sequence);
}

/* The journal never holds the superblock, itself, or what is not there. */
static bool may_replay(const struct layout *lo, const struct jbd2_tag *tag)
{
	uint32_t block = be32toh(tag->t_blocknr);

	return !tag->t_blocknr_high && block != VEXFS_SUPER_BLOCK &&
	       block < lo->blocks &&
	       (block < lo->journal_start ||
		block - lo->journal_start >= lo->journal_blocks);
}

static int replay_block(struct log *log, const struct jbd2_tag *tag,
			uint32_t at, uint32_t sequence)
{
	uint32_t block = be32toh(tag->t_blocknr);
	uint8_t data[VEXFS_BLOCK_SIZE];
	__be32 raw = htobe32(sequence);
	__be32 magic = htobe32(JBD2_MAGIC);
	uint32_t crc;
	int err;

	if (is_revoked(log, block, sequence)) {
		log->stats->revoked++;
		return 0;
	}
	err = read_log(log, at, data);
	if (err)
		return err;
	crc = crc32c(log->seed, &raw, sizeof(raw));
	crc = crc32c(crc, data, sizeof(data));
	if (crc != be32toh(tag->t_checksum) || !may_replay(log->lo, tag)) {
		log->stats->bad_blocks++;
		return 0;
	}
	if (be32toh(tag->t_flags) & JBD2_FLAG_ESCAPE)
		memcpy(data, &magic, sizeof(magic));
	log->stats->blocks++;
	return device_write(log->dev, block, data);
}

/* The data blocks that follow a descriptor at the log block given. */
static int replay_descriptor(struct log *log, const uint8_t *block,
			     uint32_t at, uint32_t sequence)
{
	size_t pos = sizeof(struct jbd2_header);
	struct jbd2_tag tag;
	int err = 0;

	while (!err && next_tag(block, &pos, &tag)) {
		at = log_step(log, at, 1);
		err = replay_block(log, &tag, at, sequence);
	}
	return err;
}

/*
 * Goes along the log. Its end is the first block that is not the next one of
 * a transaction, or whose checksum is wrong: there the machine stopped.
 */
static int run_pass(struct log *log, enum pass pass)
{
	uint32_t sequence = log->first_sequence;
	uint32_t at = log->start, done = 0, n;
	uint8_t block[VEXFS_BLOCK_SIZE];
	const struct jbd2_header *head = (const void *)block;
	int err = 0;

	/* At most once around, whatever the blocks say. */
	while (!err && done < log->lo->journal_blocks - 1) {
		if (pass != PASS_SCAN && sequence == log->end_sequence)
			break;
		err = read_log(log, at, block);
		if (err || be32toh(head->h_magic) != JBD2_MAGIC ||
		    be32toh(head->h_sequence) != sequence)
			break;
		n = 1;
		switch (be32toh(head->h_blocktype)) {
		case JBD2_DESCRIPTOR_BLOCK:
			if (!block_csum_ok(log, block, TAIL_CSUM))
				goto out;
			if (pass == PASS_REPLAY)
				err = replay_descriptor(log, block, at,
							sequence);
			n += count_tags(block);
			break;
		case JBD2_COMMIT_BLOCK:
			if (!block_csum_ok(log, block,
					   offsetof(struct jbd2_commit,
						    c_chksum)))
				goto out;
			sequence++;
			break;
		case JBD2_REVOKE_BLOCK:
			if (!block_csum_ok(log, block, TAIL_CSUM))
				goto out;
			if (pass == PASS_REVOKE)
				err = add_revoked(log, block, sequence);
			break;
		default:
			goto out;
		}
		at = log_step(log, at, n);
		done += n;
	}
out:
	if (pass == PASS_SCAN)
		log->end_sequence = sequence;
	return err;
}

int jbd2_replay(struct device *dev, const struct layout *lo,
		struct jbd2_stats *stats)
{
	struct log log = { .dev = dev, .lo = lo, .stats = stats };
	uint8_t block[VEXFS_BLOCK_SIZE];
	struct jbd2_super *js = (void *)block;
	int err;

	memset(stats, 0, sizeof(*stats));
	err = device_read(dev, lo->journal_start, block);
	if (err)
		return err;
	log.start = be32toh(js->s_start);
	log.first_sequence = be32toh(js->s_sequence);
	log.seed = crc32c(~0u, js->s_uuid, sizeof(js->s_uuid));
	if (log.start) {
		err = run_pass(&log, PASS_SCAN);
		if (!err)
			err = run_pass(&log, PASS_REVOKE);
		if (log.revoked_count)
			qsort(log.revoked, log.revoked_count,
			      sizeof(*log.revoked), compare_revoked);
		if (!err)
			err = run_pass(&log, PASS_REPLAY);
		free(log.revoked);
		if (err)
			return err;
		stats->transactions = log.end_sequence - log.first_sequence;
		/* As jbd2: a number the old log cannot contain. */
		js->s_sequence = htobe32(log.end_sequence + 1);
		if (!dev->overlay)
			err = device_sync(dev);
		if (err)
			return err;
	}
	js->s_start = 0;
	js->s_checksum = jbd2_super_csum(js);
	stats->next_sequence = be32toh(js->s_sequence);
	return device_write(dev, lo->journal_start, block);
}
