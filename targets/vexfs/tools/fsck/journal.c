// SPDX-License-Identifier: GPL-2.0
/*
 * The journal: valid, and empty in the end.
 */

#include <endian.h>

#include "fsck.h"
#include "jbd2.h"

bool journal_empty(struct check *c)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	struct jbd2_super *js = (void *)block;

	get_block(c, c->fs.lo.journal_start, block);
	return !js->s_start && !js->s_errno;
}

static void make_journal(struct check *c)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	int err;

	/* The old log must not be taken for a continuation of the new one. */
	err = device_zero(c->dev, c->fs.lo.journal_start,
			  c->fs.lo.journal_blocks);
	if (err) {
		failure(c, "write", c->fs.lo.journal_start, err);
		return;
	}
	jbd2_make_super(&c->fs.lo, c->fs.sb.s_uuid, 1, block);
	put_block(c, c->fs.lo.journal_start, block);
}

static void replay(struct check *c)
{
	struct jbd2_stats stats;
	int err = 0;

	/* Without leave to write, look at what recovery would give. */
	if (c->mode == MODE_NO)
		err = device_set_overlay(c->dev);
	if (!err)
		err = jbd2_replay(c->dev, &c->fs.lo, &stats);
	if (err) {
		failure(c, "replay the journal from",
			c->fs.lo.journal_start, err);
		return;
	}
	note(c, "The journal %s: %u transactions, %u blocks, %u revoked.",
	     c->mode == MODE_NO ? "needs recovery (not written)" :
	     "was replayed", stats.transactions, stats.blocks, stats.revoked);
	if (stats.bad_blocks)
		problem(c, P_JOURNAL_BLOCK, "%u blocks in the journal have a "
			"wrong checksum or place and were left out",
			stats.bad_blocks);
}

void check_journal(struct check *c)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	struct jbd2_super *js = (void *)block;
	char why[160];

	get_block(c, c->fs.lo.journal_start, block);
	if (stopped(c))
		return;
	if (!jbd2_super_valid(&c->fs.lo, c->fs.sb.s_uuid, js, why,
			      sizeof(why))) {
		if (problem(c, P_JOURNAL_SUPER, "The journal's superblock is "
			    "damaged (%s); transactions in it are lost", why))
			make_journal(c);
		return;
	}
	if (js->s_start)
		replay(c);
	if (js->s_errno &&
	    problem(c, P_JOURNAL_ERRNO, "The journal was stopped by error %d",
		    (int)be32toh(js->s_errno))) {
		get_block(c, c->fs.lo.journal_start, block);
		js->s_errno = 0;
		js->s_checksum = jbd2_super_csum(js);
		put_block(c, c->fs.lo.journal_start, block);
	}
}
