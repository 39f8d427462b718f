// SPDX-License-Identifier: GPL-2.0
/*
 * The superblock, its copies, and what can be made of the rest of the image
 * if they are gone: the journal's superblock knows the uuid and its own place
 * and length, and from its place follows the size of the inode tables.
 *
 * Every candidate is held against the image (descriptors, journal, the last
 * bitmap), and the one that fits best is taken.
 */

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "fsck.h"
#include "jbd2.h"
#include "text.h"

/* Fields mkfs writes and nobody changes: all before s_state. */
#define STATIC_BYTES	offsetof(struct vexfs_super_block, s_state)

#define MAX_COPIES	8	/* this many agree or nothing helps */
#define MAX_SEARCH	4096	/* groups looked at for a copy */

struct candidate {
	struct vexfs_super_block sb;
	struct layout		lo;
	uint32_t		where;		/* block, or RECONSTRUCTED */
	int			score;
};

#define RECONSTRUCTED	UINT32_MAX

static bool csum_ok(const struct vexfs_super_block *sb)
{
	return sb->s_csum == super_csum(sb);
}

static int score_descs(struct check *c, const struct layout *lo)
{
	struct vexfs_group_desc descs[VEXFS_DESC_PER_BLOCK];
	uint32_t group, good = 0, slot;

	for (group = 0; group < lo->groups && !stopped(c); group++) {
		slot = group % VEXFS_DESC_PER_BLOCK;
		if (!slot)
			get_block(c, VEXFS_GDT_START +
				  group / VEXFS_DESC_PER_BLOCK, descs);
		good += descs[slot].bg_csum ==
			desc_csum(lo, group, &descs[slot]);
	}
	return good == lo->groups ? 4 : good ? 2 : 0;
}

static int score_journal(struct check *c, const struct candidate *cand)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	char why[160];

	get_block(c, cand->lo.journal_start, block);
	return jbd2_super_valid(&cand->lo, cand->sb.s_uuid, (void *)block, why,
				sizeof(why)) ? 3 : 0;
}

/* Bits past the end of the filesystem are set, and the checksum says so. */
static int score_end(struct check *c, const struct layout *lo)
{
	uint32_t group = lo->groups - 1, i;
	struct vexfs_bitmap map;

	get_block(c, group_block_bitmap(lo, group), &map);
	if (map.b_csum != bitmap_csum(lo, group_block_bitmap(lo, group), &map))
		return 0;
	for (i = group_blocks(lo, group); i < VEXFS_BLOCKS_PER_GROUP; i++)
		if (!bit_test(map.b_bits, i))
			return 1;
	return 4;
}

/* Takes the candidate if it is better than the best so far. */
static void consider(struct check *c, struct candidate *best,
		     const struct vexfs_super_block *sb, uint32_t where)
{
	struct candidate cand = { .sb = *sb, .where = where };
	char why[160];
	int end;

	if (!layout_load(&cand.lo, sb, c->dev->blocks, why, sizeof(why)))
		return;
	end = score_end(c, &cand.lo);
	/* A guess must agree with where the filesystem ends. */
	if (where == RECONSTRUCTED && end < 4)
		return;
	cand.score = 4 * (score_descs(c, &cand.lo) + score_journal(c, &cand) +
			  end);
	/* Between equals: what has a good checksum, and the nearest. */
	if (where != RECONSTRUCTED)
		cand.score += where ? 2 : csum_ok(sb) ? 3 : 1;
	if (cand.score > best->score)
		*best = cand;
}

static void consider_copies(struct check *c, struct candidate *best)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	struct vexfs_super_block *sb = (void *)block;
	uint32_t group, found = 0;

	for (group = 1; group < MAX_SEARCH && found < MAX_COPIES &&
	     group_first(group) < c->dev->blocks && !stopped(c); group++) {
		get_block(c, group_first(group), block);
		if (le32toh(sb->s_magic) != VEXFS_MAGIC || !csum_ok(sb))
			continue;
		consider(c, best, sb, group_first(group));
		found++;
	}
}

/* A superblock for a journal found at a block, and so many blocks in all. */
static void consider_guess(struct check *c, struct candidate *best,
			   const struct vexfs_super_block *old,
			   const struct jbd2_super *js, uint32_t at,
			   uint64_t blocks)
{
	struct vexfs_super_block sb = *old;
	struct layout lo = { .blocks = blocks };
	uint32_t before;

	if (!blocks || blocks > UINT32_MAX)
		return;
	lo.groups = DIV_ROUND_UP(blocks, VEXFS_BLOCKS_PER_GROUP);
	lo.gdt_blocks = DIV_ROUND_UP(lo.groups, VEXFS_DESC_PER_BLOCK);
	before = 1 + lo.gdt_blocks + 2;
	if (at <= before)
		return;
	lo.itable_blocks = at - before;
	lo.inodes_per_group = lo.itable_blocks * VEXFS_INODES_PER_BLOCK;
	lo.inodes = lo.inodes_per_group * lo.groups;
	lo.journal_start = at;
	lo.journal_blocks = be32toh(js->s_maxlen);
	lo.hash_seed = le32toh(old->s_hash_seed);
	layout_store(&lo, &sb);
	memcpy(sb.s_uuid, js->s_uuid, sizeof(sb.s_uuid));
	consider(c, best, &sb, RECONSTRUCTED);
}

static void reconstruct(struct check *c, struct candidate *best,
			const struct vexfs_super_block *old)
{
	uint32_t last = VEXFS_BLOCKS_PER_GROUP, at;
	uint8_t block[VEXFS_BLOCK_SIZE];
	struct jbd2_super *js = (void *)block;
	uint64_t blocks = c->dev->blocks;

	for (at = 4; at < last && at < blocks && !stopped(c); at++) {
		get_block(c, at, block);
		if (be32toh(js->s_header.h_magic) != JBD2_MAGIC ||
		    be32toh(js->s_header.h_blocktype) != JBD2_SUPERBLOCK_V2 ||
		    js->s_checksum != jbd2_super_csum(js))
			continue;
		consider_guess(c, best, old, js, at,
			       le64toh(old->s_blocks_count));
		consider_guess(c, best, old, js, at, blocks);
		/* mkfs may have dropped a short last group. */
		consider_guess(c, best, old, js, at,
			       blocks - blocks % VEXFS_BLOCKS_PER_GROUP);
		return;
	}
}

/* A filesystem of the future is nothing to repair. */
static bool from_the_future(struct check *c, const struct vexfs_super_block *sb)
{
	if (le32toh(sb->s_magic) != VEXFS_MAGIC || !csum_ok(sb))
		return false;
	if (le32toh(sb->s_rev_level) > VEXFS_REV_LEVEL) {
		complain("%s: format revision %u is newer than this program",
			 c->dev->path, le32toh(sb->s_rev_level));
		return true;
	}
	if (le32toh(sb->s_feature_incompat) & ~VEXFS_FEATURE_INCOMPAT_SUPP ||
	    le32toh(sb->s_feature_ro_compat) & ~VEXFS_FEATURE_RO_COMPAT_SUPP) {
		complain("%s: features this program does not know: "
			 "incompatible %#x, read-only %#x", c->dev->path,
			 le32toh(sb->s_feature_incompat),
			 le32toh(sb->s_feature_ro_compat));
		return true;
	}
	return false;
}

/* What changes in use is taken from the superblock that was in use. */
static void keep_dynamic(struct vexfs_super_block *sb,
			 const struct vexfs_super_block *old)
{
	memcpy((char *)sb + STATIC_BYTES, (const char *)old + STATIC_BYTES,
	       sizeof(*sb) - STATIC_BYTES);
	sb->s_state &= htole32(VEXFS_STATE_ERROR);
}

static void use_candidate(struct check *c, const struct candidate *best,
			  const char *why)
{
	const struct vexfs_super_block *old = (void *)c->sb_block;
	struct vexfs_super_block *sb = &c->fs.sb;
	char from[64];

	*sb = best->sb;
	c->fs.lo = best->lo;
	if (best->where == VEXFS_SUPER_BLOCK)
		return;
	if (best->where == RECONSTRUCTED)
		snprintf(from, sizeof(from), "one made from the journal's");
	else
		snprintf(from, sizeof(from), "the copy in block %u",
			 best->where);
	if (le32toh(old->s_magic) == VEXFS_MAGIC) {
		__le64 made = sb->s_mkfs_time;

		keep_dynamic(sb, old);
		if (best->where != RECONSTRUCTED)
			sb->s_mkfs_time = made;
	}
	if (!memcmp(sb, old, STATIC_BYTES))
		return;		/* its checksum is all that is wrong */
	if (problem(c, P_SB_BAD, "The superblock is damaged (%s); %s fits",
		    why, from))
		c->sb_dirty = true;
}

static void check_fields(struct check *c)
{
	const struct vexfs_super_block *old = (void *)c->sb_block;
	const __le32 incompat = htole32(VEXFS_FEATURE_INCOMPAT_SUPP);
	const __le32 ro_compat = htole32(VEXFS_FEATURE_RO_COMPAT_SUPP);
	struct vexfs_super_block *sb = &c->fs.sb;
	uint32_t unknown;

	if (!csum_ok(old) && !c->sb_dirty &&
	    problem(c, P_SB_CSUM, "The superblock's checksum is wrong"))
		c->sb_dirty = true;
	if (!all_zero(sb->s_reserved, sizeof(sb->s_reserved)) &&
	    problem(c, P_SB_RESERVED,
		    "Reserved bytes of the superblock are not zero")) {
		memset(sb->s_reserved, 0, sizeof(sb->s_reserved));
		c->sb_dirty = true;
	}
	if (!all_zero(c->sb_block + sizeof(*sb),
		      VEXFS_BLOCK_SIZE - sizeof(*sb)) &&
	    problem(c, P_SB_RESERVED,
		    "The block behind the superblock is not zero"))
		c->sb_dirty = true;
	unknown = le32toh(sb->s_state) & ~(VEXFS_STATE_CLEAN |
					   VEXFS_STATE_ERROR);
	if (unknown && problem(c, P_SB_STATE, "The superblock's state has "
			       "unknown bits (%#x)", unknown)) {
		sb->s_state &= ~htole32(unknown);
		c->sb_dirty = true;
	}
	if ((sb->s_feature_incompat & ~incompat ||
	     sb->s_feature_ro_compat & ~ro_compat) &&
	    problem(c, P_SB_FEATURES,
		    "The damaged superblock names features that do not exist")) {
		sb->s_feature_incompat &= incompat;
		sb->s_feature_ro_compat &= ro_compat;
		c->sb_dirty = true;
	}
	if (le32toh(sb->s_state) & VEXFS_STATE_ERROR &&
	    problem(c, P_SB_ERROR, "The kernel met an inconsistency "
		    "(%u since mkfs)", le32toh(sb->s_error_count))) {
		sb->s_state &= ~htole32(VEXFS_STATE_ERROR);
		c->sb_dirty = true;
	}
}

void write_super(struct check *c)
{
	memset(c->sb_block, 0, sizeof(c->sb_block));
	c->fs.sb.s_csum = super_csum(&c->fs.sb);
	memcpy(c->sb_block, &c->fs.sb, sizeof(c->fs.sb));
	put_block(c, VEXFS_SUPER_BLOCK, c->sb_block);
	c->sb_dirty = false;
}

/* Two good superblocks may still say different things: count again. */
static bool fits_fully(const struct candidate *best)
{
	return best->score >= 4 * (4 + 3 + 4);
}

bool check_super(struct check *c)
{
	struct candidate best = { .score = 0 };
	const struct vexfs_super_block *sb = (void *)c->sb_block;
	char why[160] = "it contradicts the rest";

	get_block(c, VEXFS_SUPER_BLOCK, c->sb_block);
	if (stopped(c) || from_the_future(c, sb))
		return false;
	if (layout_load(&best.lo, sb, c->dev->blocks, why, sizeof(why)))
		consider(c, &best, sb, VEXFS_SUPER_BLOCK);
	if (!fits_fully(&best) || !csum_ok(sb))
		consider_copies(c, &best);
	if (!fits_fully(&best))
		reconstruct(c, &best, sb);
	if (stopped(c))
		return false;
	/* Some evidence, or a whole superblock on its own. */
	if (best.score < 8 && !(best.score && csum_ok(sb))) {
		if (le32toh(sb->s_magic) == VEXFS_MAGIC)
			complain("%s: the superblock is damaged (%s) and "
				 "nothing replaces it", c->dev->path, why);
		else
			complain("%s: not a VexFS", c->dev->path);
		return false;
	}
	use_candidate(c, &best, why);
	check_fields(c);
	if (c->sb_dirty && !stopped(c))
		write_super(c);
	return !stopped(c);
}

void check_super_copies(struct check *c)
{
	uint8_t should[VEXFS_BLOCK_SIZE] = { 0 }, block[VEXFS_BLOCK_SIZE];
	struct vexfs_super_block *sb = (void *)should;
	const struct vexfs_super_block *is = (void *)block;
	uint32_t group;

	memcpy(sb, &c->fs.sb, STATIC_BYTES);
	/* The kernel adds to these, in the superblock alone. */
	sb->s_feature_ro_compat = 0;
	sb->s_state = htole32(VEXFS_STATE_CLEAN);
	sb->s_mkfs_time = c->fs.sb.s_mkfs_time;
	sb->s_write_time = c->fs.sb.s_mkfs_time;
	sb->s_csum = super_csum(sb);
	for (group = 1; group < c->fs.lo.groups && !stopped(c); group++) {
		get_block(c, group_first(group), block);
		if (csum_ok(is) && !memcmp(is, sb, STATIC_BYTES) &&
		    is->s_mkfs_time == sb->s_mkfs_time &&
		    all_zero(block + sizeof(*sb), sizeof(block) - sizeof(*sb)))
			continue;
		if (problem(c, P_SB_COPY, "The superblock's copy in block %u "
			    "is not what mkfs wrote", group_first(group)))
			put_block(c, group_first(group), should);
	}
}
