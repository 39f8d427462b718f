// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 1: the fields of an inode that need nothing but themselves.
 */

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"

#define NSEC_END	1000000000u

bool inode_hopeless(const struct vexfs_inode *raw)
{
	const __le32 *nsec = &raw->i_atime_nsec;
	unsigned int wrong = 0, i;

	wrong += !!raw->i_reserved0;
	wrong += !!raw->i_reserved1;
	wrong += !all_zero(raw->i_reserved2, sizeof(raw->i_reserved2));
	wrong += le32toh(raw->i_links) > VEXFS_LINK_MAX;
	wrong += le64toh(raw->i_size) > MAX_SIZE;
	wrong += le32toh(raw->i_flags) & ~VEXFS_FLAGS_KNOWN ? 1 : 0;
	for (i = 0; i < 4; i++)
		wrong += le32toh(nsec[i]) >= NSEC_END;
	return wrong >= 3;
}

void fix_field(struct inode_check *ic, void *field, size_t size, bool wrong,
	       const char *name)
{
	if (!wrong)
		return;
	if (!problem(ic->c, P_INODE_FIELD, "Inode %u: %s", ic->ino, name))
		return;
	memset(field, 0, size);
	ic->dirty = true;
}

#define FIX(ic, field, wrong, text) \
	fix_field(ic, &(ic)->raw->field, sizeof((ic)->raw->field), wrong, text)

void check_inode_fields(struct inode_check *ic)
{
	struct vexfs_inode *raw = ic->raw;
	uint16_t mode = le16toh(raw->i_mode);
	uint32_t unknown = le32toh(raw->i_flags) & ~VEXFS_FLAGS_KNOWN;

	FIX(ic, i_reserved0, raw->i_reserved0, "reserved bytes are not zero");
	FIX(ic, i_reserved1, raw->i_reserved1, "reserved bytes are not zero");
	FIX(ic, i_reserved2,
	    !all_zero(raw->i_reserved2, sizeof(raw->i_reserved2)),
	    "reserved bytes are not zero");
	FIX(ic, i_atime_nsec, le32toh(raw->i_atime_nsec) >= NSEC_END,
	    "the access time has more than a second of nanoseconds");
	FIX(ic, i_mtime_nsec, le32toh(raw->i_mtime_nsec) >= NSEC_END,
	    "the modification time has more than a second of nanoseconds");
	FIX(ic, i_ctime_nsec, le32toh(raw->i_ctime_nsec) >= NSEC_END,
	    "the change time has more than a second of nanoseconds");
	FIX(ic, i_btime_nsec, le32toh(raw->i_btime_nsec) >= NSEC_END,
	    "the birth time has more than a second of nanoseconds");
	FIX(ic, i_dtime, raw->i_dtime && raw->i_links,
	    "in use, but has a time of deletion");
	if (le32toh(raw->i_flags) & VEXFS_INDEX_FL &&
	    (!S_ISREG(mode) || le32toh(raw->i_flags) & VEXFS_VECTOR_FL) &&
	    problem(ic->c, P_INODE_FIELD,
		    "Inode %u: marked as an index, which it cannot be",
		    ic->ino)) {
		raw->i_flags &= ~htole32(VEXFS_INDEX_FL);
		ic->dirty = true;
	}
	FIX(ic, i_parent, raw->i_parent && !S_ISDIR(mode) &&
	    !(le32toh(raw->i_flags) & VEXFS_INDEX_FL),
	    "no directory, but names a parent");
	if (unknown && problem(ic->c, P_INODE_FIELD,
			       "Inode %u: unknown flags (%#x)", ic->ino,
			       unknown)) {
		raw->i_flags &= ~htole32(unknown);
		ic->dirty = true;
	}
	if (raw->i_orphan_next &&
	    problem(ic->c, P_ORPHAN_LIST, "Inode %u: a remnant of the orphan "
		    "list (next: %u)", ic->ino, le32toh(raw->i_orphan_next))) {
		raw->i_orphan_next = 0;
		ic->dirty = true;
	}
}

void check_special(struct inode_check *ic)
{
	FIX(ic, i_block,
	    !all_zero(ic->raw->i_block, sizeof(ic->raw->i_block)),
	    "has block pointers, but no data");
}
