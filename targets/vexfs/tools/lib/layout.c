// SPDX-License-Identifier: GPL-2.0
/*
 * Geometry and checksums (docs/format.md, sections 1 to 8).
 */

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "crc32c.h"
#include "layout.h"

#define GROUP_FIXED	3	/* superblock or its copy, two bitmaps */

static uint32_t clamp(uint64_t n, uint32_t lo, uint32_t hi)
{
	return n < lo ? lo : n > hi ? hi : n;
}

static uint32_t group_overhead(const struct layout *lo, uint32_t group)
{
	uint32_t n = GROUP_FIXED + lo->itable_blocks;

	return group ? n : n + lo->gdt_blocks + lo->journal_blocks;
}

uint32_t group_blocks(const struct layout *lo, uint32_t group)
{
	uint32_t left = lo->blocks - group_first(group);

	return left < VEXFS_BLOCKS_PER_GROUP ? left : VEXFS_BLOCKS_PER_GROUP;
}

uint32_t group_block_bitmap(const struct layout *lo, uint32_t group)
{
	return group_first(group) + 1 + (group ? 0 : lo->gdt_blocks);
}

uint32_t group_inode_bitmap(const struct layout *lo, uint32_t group)
{
	return group_block_bitmap(lo, group) + 1;
}

uint32_t group_inode_table(const struct layout *lo, uint32_t group)
{
	return group_block_bitmap(lo, group) + 2;
}

uint32_t group_data(const struct layout *lo, uint32_t group)
{
	return group_first(group) + group_overhead(lo, group);
}

bool layout_is_data(const struct layout *lo, uint32_t block)
{
	return block < lo->blocks && block >= group_data(lo, group_of(block));
}

uint32_t inode_block(const struct layout *lo, uint32_t ino, uint32_t *slot)
{
	uint32_t n = (ino - 1) % lo->inodes_per_group;

	*slot = n % VEXFS_INODES_PER_BLOCK;
	return group_inode_table(lo, inode_group(lo, ino)) +
	       n / VEXFS_INODES_PER_BLOCK;
}

/* Everything that follows from blocks, inodes_per_group, journal_blocks. */
static void layout_derive(struct layout *lo)
{
	lo->groups = DIV_ROUND_UP((uint64_t)lo->blocks, VEXFS_BLOCKS_PER_GROUP);
	lo->inodes = lo->groups * lo->inodes_per_group;
	lo->gdt_blocks = DIV_ROUND_UP(lo->groups, VEXFS_DESC_PER_BLOCK);
	lo->itable_blocks = lo->inodes_per_group / VEXFS_INODES_PER_BLOCK;
	lo->journal_start = 1 + lo->gdt_blocks + 2 + lo->itable_blocks;
}

/* The last group, the only one that may be short, has room for data. */
static bool layout_fits(const struct layout *lo)
{
	uint32_t last = lo->groups - 1;

	return group_blocks(lo, last) >=
	       group_overhead(lo, last) + VEXFS_MIN_DATA_BLOCKS;
}

bool layout_plan(struct layout *lo, uint64_t device_blocks, uint64_t inodes,
		 uint64_t journal, char *why, size_t size)
{
	uint64_t want, room, least;

	memset(lo, 0, sizeof(*lo));
	if (journal && (journal < VEXFS_MIN_JOURNAL_BLOCKS ||
			journal > VEXFS_MAX_JOURNAL_BLOCKS)) {
		snprintf(why, size, "a journal has %u to %u blocks, not %llu",
			 VEXFS_MIN_JOURNAL_BLOCKS, VEXFS_MAX_JOURNAL_BLOCKS,
			 (unsigned long long)journal);
		return false;
	}
	lo->blocks = clamp(device_blocks, 1, UINT32_MAX);
	lo->journal_blocks = journal ? journal :
		clamp(lo->blocks / 32, VEXFS_MIN_JOURNAL_BLOCKS,
		      VEXFS_MAX_JOURNAL_BLOCKS);
	for (;;) {
		layout_derive(lo);
		/* One inode for 16 KiB unless told. */
		want = inodes ? inodes : lo->blocks / 4;
		want = ROUND_UP(DIV_ROUND_UP(want, lo->groups),
				VEXFS_INODES_PER_BLOCK);
		if (inodes && (want > VEXFS_MAX_INODES_PER_GROUP ||
			       want * lo->groups > UINT32_MAX)) {
			snprintf(why, size, "%llu inodes are too many, the "
				 "most for this size is %llu",
				 (unsigned long long)inodes,
				 (unsigned long long)lo->groups *
				 VEXFS_MAX_INODES_PER_GROUP);
			return false;
		}
		lo->inodes_per_group = clamp(want, VEXFS_INODES_PER_BLOCK,
					     VEXFS_MAX_INODES_PER_GROUP);
		layout_derive(lo);
		if (layout_fits(lo))
			return true;
		if (lo->groups == 1)
			break;
		lo->blocks = group_first(lo->groups - 1);
	}
	/* A tiny device: fewer inodes may make it fit. */
	least = GROUP_FIXED + lo->gdt_blocks + lo->journal_blocks +
		VEXFS_MIN_DATA_BLOCKS;
	if (!inodes && lo->blocks > least) {
		room = lo->blocks - least;
		lo->inodes_per_group = room * VEXFS_INODES_PER_BLOCK;
		layout_derive(lo);
		return true;
	}
	least += inodes ? lo->itable_blocks : 1;
	snprintf(why, size, "too small: %llu blocks of %u bytes, at least %llu "
		 "(%llu KiB) are needed", (unsigned long long)device_blocks,
		 VEXFS_BLOCK_SIZE, (unsigned long long)least,
		 (unsigned long long)least * (VEXFS_BLOCK_SIZE / 1024));
	return false;
}

struct expected {
	const char	*name;
	uint32_t	is;
	uint32_t	should;
};

static bool all_expected(const struct expected *e, size_t n, char *why,
			 size_t size)
{
	for (; n--; e++)
		if (e->is != e->should) {
			snprintf(why, size, "%s is %u, not %u", e->name, e->is,
				 e->should);
			return false;
		}
	return true;
}

#define EXPECT(sb, field, value) { #field, le32toh((sb)->field), value }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool layout_load(struct layout *lo, const struct vexfs_super_block *sb,
		 uint64_t device_blocks, char *why, size_t size)
{
	const struct expected constants[] = {
		EXPECT(sb, s_magic, VEXFS_MAGIC),
		EXPECT(sb, s_rev_level, VEXFS_REV_LEVEL),
		EXPECT(sb, s_block_size, VEXFS_BLOCK_SIZE),
		EXPECT(sb, s_inode_size, VEXFS_INODE_SIZE),
		EXPECT(sb, s_blocks_per_group, VEXFS_BLOCKS_PER_GROUP),
		EXPECT(sb, s_gdt_start, VEXFS_GDT_START),
		EXPECT(sb, s_first_ino, VEXFS_FIRST_INO),
		EXPECT(sb, s_root_ino, VEXFS_ROOT_INO),
	};
	uint64_t blocks = le64toh(sb->s_blocks_count);
	uint32_t ipg = le32toh(sb->s_inodes_per_group);
	uint32_t journal = le32toh(sb->s_journal_blocks);

	memset(lo, 0, sizeof(*lo));
	if (!all_expected(constants, COUNT(constants), why, size))
		return false;
	if (!blocks || blocks > UINT32_MAX) {
		snprintf(why, size, "s_blocks_count is %llu",
			 (unsigned long long)blocks);
		return false;
	}
	if (blocks > device_blocks) {
		snprintf(why, size, "s_blocks_count is %llu, the device has "
			 "only %llu blocks", (unsigned long long)blocks,
			 (unsigned long long)device_blocks);
		return false;
	}
	if (ipg < VEXFS_INODES_PER_BLOCK || ipg > VEXFS_MAX_INODES_PER_GROUP ||
	    ipg % VEXFS_INODES_PER_BLOCK) {
		snprintf(why, size, "s_inodes_per_group is %u", ipg);
		return false;
	}
	if (journal < VEXFS_MIN_JOURNAL_BLOCKS ||
	    journal > VEXFS_MAX_JOURNAL_BLOCKS) {
		snprintf(why, size, "s_journal_blocks is %u", journal);
		return false;
	}
	lo->blocks = blocks;
	lo->inodes_per_group = ipg;
	lo->journal_blocks = journal;
	layout_derive(lo);
	if ((uint64_t)lo->groups * ipg > UINT32_MAX || !layout_fits(lo)) {
		snprintf(why, size, "%llu blocks and %u inodes per group do "
			 "not fit together", (unsigned long long)blocks, ipg);
		return false;
	}
	lo->hash_seed = le32toh(sb->s_hash_seed);
	lo->seed = csum_seed(sb);

	const struct expected derived[] = {
		EXPECT(sb, s_inodes_count, lo->inodes),
		EXPECT(sb, s_groups_count, lo->groups),
		EXPECT(sb, s_gdt_blocks, lo->gdt_blocks),
		EXPECT(sb, s_itable_blocks, lo->itable_blocks),
		EXPECT(sb, s_journal_start, lo->journal_start),
	};

	return all_expected(derived, COUNT(derived), why, size);
}

void layout_store(const struct layout *lo, struct vexfs_super_block *sb)
{
	sb->s_magic = htole32(VEXFS_MAGIC);
	sb->s_rev_level = htole32(VEXFS_REV_LEVEL);
	sb->s_block_size = htole32(VEXFS_BLOCK_SIZE);
	sb->s_inode_size = htole32(VEXFS_INODE_SIZE);
	sb->s_blocks_count = htole64(lo->blocks);
	sb->s_inodes_count = htole32(lo->inodes);
	sb->s_blocks_per_group = htole32(VEXFS_BLOCKS_PER_GROUP);
	sb->s_inodes_per_group = htole32(lo->inodes_per_group);
	sb->s_groups_count = htole32(lo->groups);
	sb->s_gdt_start = htole32(VEXFS_GDT_START);
	sb->s_gdt_blocks = htole32(lo->gdt_blocks);
	sb->s_itable_blocks = htole32(lo->itable_blocks);
	sb->s_first_ino = htole32(VEXFS_FIRST_INO);
	sb->s_root_ino = htole32(VEXFS_ROOT_INO);
	sb->s_hash_seed = htole32(lo->hash_seed);
	sb->s_journal_start = htole32(lo->journal_start);
	sb->s_journal_blocks = htole32(lo->journal_blocks);
}

__le32 super_csum(const struct vexfs_super_block *sb)
{
	return htole32(crc32c(~0u, sb, offsetof(typeof(*sb), s_csum)));
}

uint32_t csum_seed(const struct vexfs_super_block *sb)
{
	return crc32c(~0u, sb->s_uuid, sizeof(sb->s_uuid));
}

__le32 desc_csum(const struct layout *lo, uint32_t group,
		 const struct vexfs_group_desc *desc)
{
	return htole32(crc32c(crc32c_le32(lo->seed, group), desc,
			      offsetof(typeof(*desc), bg_csum)));
}

__le32 bitmap_csum(const struct layout *lo, uint32_t block,
		   const struct vexfs_bitmap *map)
{
	return htole32(crc32c(crc32c_le32(lo->seed, block), map->b_bits,
			      sizeof(map->b_bits)));
}

__le32 inode_csum(const struct layout *lo, uint32_t ino,
		  const struct vexfs_inode *inode)
{
	uint32_t crc = crc32c_le32(lo->seed, ino);

	crc = crc32c_le32(crc, le32toh(inode->i_generation));
	return htole32(crc32c(crc, inode, offsetof(typeof(*inode), i_csum)));
}

__le32 xattr_csum(const struct layout *lo, uint32_t ino, const void *block)
{
	const struct vexfs_xattr_header *head = block;
	const uint8_t *bytes = block;
	size_t at = offsetof(typeof(*head), x_csum);
	uint32_t crc;

	crc = crc32c_le32(lo->seed, ino);
	crc = crc32c(crc, bytes, at);
	crc = crc32c_le32(crc, 0);
	at += sizeof(head->x_csum);
	return htole32(crc32c(crc, bytes + at, VEXFS_BLOCK_SIZE - at));
}

__le32 name_hash(const struct layout *lo, const char *name, size_t len)
{
	return htole32(crc32c(lo->hash_seed, name, len));
}

bool all_zero(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word;

	/* By words: the tables of a large filesystem are mostly zeros. */
	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		if (word)
			return false;
	}
	while (len--)
		if (*p++)
			return false;
	return true;
}

uint32_t count_bits(const uint8_t *map, uint64_t bits)
{
	uint32_t n = 0;
	uint64_t word;

	/* By words, and most of a map is free: an emulated CPU counts, too. */
	for (; bits >= 64; bits -= 64, map += sizeof(word)) {
		memcpy(&word, map, sizeof(word));
		if (word)
			n += __builtin_popcountll(word);
	}
	while (bits--)
		n += bit_test(map, bits);
	return n;
}
