// SPDX-License-Identifier: GPL-2.0
/*
 * The form of a directory block: entries that fill it, one behind the other.
 */

#include <endian.h>

#include "fsck.h"

struct vexfs_dir_entry *entry_at(uint8_t *buf, uint32_t pos)
{
	return (struct vexfs_dir_entry *)(buf + pos);
}

/* A used entry that its hash confirms. */
static bool confirmed(struct check *c, const uint8_t *buf, uint32_t pos)
{
	const struct vexfs_dir_entry *de = (const void *)(buf + pos);

	return pos + VEXFS_DIRENT_MIN <= VEXFS_BLOCK_SIZE &&
	       de->d_ino && de->d_name_len &&
	       pos + VEXFS_DIRENT_HEAD + de->d_name_len <= VEXFS_BLOCK_SIZE &&
	       de->d_hash == name_hash(&c->fs.lo, de->d_name, de->d_name_len);
}

static bool length_valid(const struct vexfs_dir_entry *de, uint32_t pos)
{
	uint32_t rec_len = le16toh(de->d_rec_len);

	return rec_len >= VEXFS_DIRENT_HEAD && rec_len % 4 == 0 &&
	       pos + rec_len <= VEXFS_BLOCK_SIZE &&
	       (!de->d_ino || (de->d_name_len &&
			       rec_len >= VEXFS_DIRENT_LEN(de->d_name_len)));
}

bool looks_like_dir(struct check *c, uint32_t block)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct vexfs_dir_entry *de;
	uint32_t pos;

	get_block(c, block, buf);
	for (pos = 0; pos < VEXFS_BLOCK_SIZE; pos += le16toh(de->d_rec_len)) {
		if (pos + VEXFS_DIRENT_HEAD > VEXFS_BLOCK_SIZE)
			return false;
		de = entry_at(buf, pos);
		if (!length_valid(de, pos) ||
		    (de->d_ino && !confirmed(c, buf, pos)))
			return false;
	}
	return true;
}

void drop_entry(uint8_t *buf, uint32_t pos)
{
	struct vexfs_dir_entry *de = entry_at(buf, pos), *prev = NULL;
	uint32_t at = 0;

	while (at < pos) {
		prev = entry_at(buf, at);
		if (!length_valid(prev, at))
			return;		/* left as it is on request */
		at += le16toh(prev->d_rec_len);
	}
	if (prev && at == pos)
		prev->d_rec_len = htole16(le16toh(prev->d_rec_len) +
					  le16toh(de->d_rec_len));
	de->d_ino = 0;
	de->d_hash = 0;
}

bool remove_entry(struct check *c, uint32_t block, uint32_t offset)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];

	get_block(c, block, buf);
	if (stopped(c))
		return false;
	drop_entry(buf, offset);
	put_block(c, block, buf);
	return true;
}

/*
 * Makes the block well-formed from pos on. An entry whose length is wrong ends
 * where the next one that its hash confirms begins.
 */
static void salvage(struct check *c, uint8_t *buf, uint32_t pos)
{
	struct vexfs_dir_entry *de;
	uint32_t next, least, len;
	bool keep;

	for (; pos < VEXFS_BLOCK_SIZE; pos += le16toh(de->d_rec_len)) {
		de = entry_at(buf, pos);
		if (length_valid(de, pos))
			goto room_behind;
		keep = confirmed(c, buf, pos);
		/* The name may be whole, and its length what was hit. */
		for (len = 1; !keep && de->d_ino && len <= VEXFS_NAME_MAX &&
		     pos + VEXFS_DIRENT_HEAD + len <= VEXFS_BLOCK_SIZE; len++)
			if (de->d_hash == name_hash(&c->fs.lo, de->d_name,
						    len)) {
				de->d_name_len = len;
				keep = true;
			}
		least = keep ? VEXFS_DIRENT_LEN(de->d_name_len) :
			VEXFS_DIRENT_HEAD;
		if (keep && pos + least > VEXFS_BLOCK_SIZE) {
			keep = false;
			least = VEXFS_DIRENT_HEAD;
		}
		for (next = pos + least; next < VEXFS_BLOCK_SIZE; next += 4)
			if (confirmed(c, buf, next))
				break;
		if (next > VEXFS_BLOCK_SIZE)
			next = VEXFS_BLOCK_SIZE;
		if (!keep) {
			de->d_ino = 0;
			de->d_hash = 0;
			de->d_name_len = 0;
		}
		de->d_rec_len = htole16(next - pos);
room_behind:
		/* Too little left for another entry: it belongs to this one. */
		next = pos + le16toh(de->d_rec_len);
		if (next < VEXFS_BLOCK_SIZE &&
		    next + VEXFS_DIRENT_HEAD > VEXFS_BLOCK_SIZE)
			de->d_rec_len = htole16(VEXFS_BLOCK_SIZE - pos);
	}
}

void check_dir_form(struct dir_check *dc)
{
	struct vexfs_dir_entry *de;
	uint32_t pos;

	for (pos = 0; pos < VEXFS_BLOCK_SIZE; pos += le16toh(de->d_rec_len)) {
		de = entry_at(dc->buf, pos);
		if (pos + VEXFS_DIRENT_HEAD <= VEXFS_BLOCK_SIZE &&
		    length_valid(de, pos))
			continue;
		if (problem(dc->c, P_DIR_BLOCK, "Directory %u, block %llu: "
			    "lengths are wrong from byte %u on", dc->ino,
			    (unsigned long long)dc->lblk, pos)) {
			salvage(dc->c, dc->buf, 0);
			dc->dirty = true;
		} else {
			/* In memory it must end somewhere. */
			salvage(dc->c, dc->buf, 0);
		}
		return;
	}
}
