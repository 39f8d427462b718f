// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes (docs/format.md, section 8).
 */

#include <endian.h>
#include <string.h>

#include "fsck.h"

struct parsed {
	uint32_t	used;
	uint32_t	count;
	bool		padding;	/* not all of it zero */
};

static bool name_seen(const uint8_t *block, uint32_t end,
		      const struct vexfs_xattr_entry *entry)
{
	const struct vexfs_xattr_entry *e;
	uint32_t pos;

	for (pos = sizeof(struct vexfs_xattr_header); pos < end;
	     pos += VEXFS_XATTR_LEN(e->e_name_len, le16toh(e->e_value_len))) {
		e = (const void *)(block + pos);
		if (e->e_name_index == entry->e_name_index &&
		    e->e_name_len == entry->e_name_len &&
		    !memcmp(e->e_name, entry->e_name, e->e_name_len))
			return true;
	}
	return false;
}

/* The entries, up to x_used or the first that is none. NULL or what is wrong. */
static const char *parse(const uint8_t *block, struct parsed *p)
{
	const struct vexfs_xattr_header *head = (const void *)block;
	const struct vexfs_xattr_entry *e;
	uint32_t pos = sizeof(*head), len, bytes;

	memset(p, 0, sizeof(*p));
	while (pos != le32toh(head->x_used) &&
	       pos + sizeof(*e) <= VEXFS_BLOCK_SIZE) {
		e = (const void *)(block + pos);
		if (all_zero(e, sizeof(*e)))
			break;
		bytes = sizeof(*e) + e->e_name_len + le16toh(e->e_value_len);
		len = VEXFS_XATTR_LEN(e->e_name_len, le16toh(e->e_value_len));
		if (!e->e_name_len || pos + len > VEXFS_BLOCK_SIZE)
			return "an entry has a wrong length";
		if (e->e_name_index < VEXFS_XATTR_USER ||
		    e->e_name_index > VEXFS_XATTR_SECURITY)
			return "an entry has an unknown prefix";
		if (memchr(e->e_name, 0, e->e_name_len))
			return "a name has a NUL";
		if (name_seen(block, pos, e))
			return "a name occurs twice";
		if (!all_zero(block + pos + bytes, len - bytes))
			p->padding = true;
		pos += len;
		p->count++;
	}
	p->used = pos;
	return p->count ? NULL : "it is empty";
}

/* Corrects what can be told from the entries; true if anything was. */
static bool tidy(uint8_t *block, const struct parsed *p)
{
	struct vexfs_xattr_header *head = (void *)block;
	uint8_t before[VEXFS_BLOCK_SIZE];
	struct vexfs_xattr_entry *e;
	uint32_t pos, bytes, len;

	memcpy(before, block, sizeof(before));
	head->x_used = htole32(p->used);
	head->x_count = htole32(p->count);
	memset(head->x_reserved, 0, sizeof(head->x_reserved));
	for (pos = sizeof(*head); pos < p->used; pos += len) {
		e = (void *)(block + pos);
		bytes = sizeof(*e) + e->e_name_len + le16toh(e->e_value_len);
		len = VEXFS_XATTR_LEN(e->e_name_len, le16toh(e->e_value_len));
		memset(block + pos + bytes, 0, len - bytes);
	}
	memset(block + p->used, 0, VEXFS_BLOCK_SIZE - p->used);
	return memcmp(before, block, sizeof(before));
}

static uint32_t drop(struct check *c, uint32_t ino, struct vexfs_inode *raw,
		     bool *dirty, bool claimed, const char *why)
{
	uint32_t block = le32toh(raw->i_xattr_block);

	if (!problem(c, P_XATTR, "Inode %u: the attributes in block %u are "
		     "unusable (%s)", ino, block, why))
		return claimed;
	if (claimed) {
		bit_clear(c->fs.blocks_used, block);
		bit_clear(c->meta_blocks, block);
		bit_clear(c->keep_meta, block);
	}
	raw->i_xattr_block = 0;
	*dirty = true;
	return 0;
}

uint32_t check_xattrs(struct check *c, uint32_t ino, struct vexfs_inode *raw,
		      bool *dirty)
{
	uint32_t at = le32toh(raw->i_xattr_block);
	uint8_t block[VEXFS_BLOCK_SIZE];
	struct vexfs_xattr_header *head = (void *)block;
	struct parsed parsed;
	const char *why;
	bool bad_csum;

	if (!at || stopped(c))
		return 0;
	if (!layout_is_data(&c->fs.lo, at))
		return drop(c, ino, raw, dirty, false, "no data block");
	if (!claim_block(c, at, true))
		return drop(c, ino, raw, dirty, false, "another's block");
	get_block(c, at, block);
	bad_csum = head->x_csum != xattr_csum(&c->fs.lo, ino, block);
	why = parse(block, &parsed);
	/* Magic alone may be what is damaged, but then all else must be right. */
	if (!why && le32toh(head->x_magic) != VEXFS_XATTR_MAGIC) {
		head->x_magic = htole32(VEXFS_XATTR_MAGIC);
		if (head->x_csum != xattr_csum(&c->fs.lo, ino, block))
			why = "no magic";
		bad_csum = true;
	}
	if (why)
		return drop(c, ino, raw, dirty, true, why);
	if ((tidy(block, &parsed) || bad_csum) &&
	    problem(c, P_XATTR_CSUM, "Inode %u: the header or the checksum of "
		    "its attributes is wrong", ino)) {
		head->x_csum = xattr_csum(&c->fs.lo, ino, block);
		put_block(c, at, block);
	}
	return 1;
}
