// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 1: targets of symlinks, in the inode or in a block.
 */

#include <endian.h>
#include <string.h>

#include "fsck.h"

/* A target of len bytes, padded with zero to size? */
static bool target_valid(const char *target, size_t size, uint64_t len)
{
	return len && len <= size && !memchr(target, 0, len) &&
	       all_zero(target + len, size - len);
}

/*
 * A target and the length that fits: the stored one if possible, else what
 * stands before the first NUL. 0: there is no target.
 */
static uint64_t tidy_target(char *target, size_t size, uint64_t len)
{
	if (target_valid(target, size, len))
		return len;
	len = strnlen(target, size);
	memset(target + len, 0, size - len);
	return len;
}

static void check_fast_symlink(struct inode_check *ic)
{
	char target[VEXFS_FAST_SYMLINK_MAX];
	uint64_t len;

	memcpy(target, ic->raw->i_block, sizeof(target));
	len = tidy_target(target, sizeof(target), le64toh(ic->raw->i_size));
	if (len == le64toh(ic->raw->i_size))
		return;
	if (!problem(ic->c, P_SYMLINK, "Inode %u: a symlink's target of %llu "
		     "bytes is not what stands in it", ic->ino,
		     (unsigned long long)le64toh(ic->raw->i_size)))
		return;
	if (!len) {
		clear_inode(ic);
		return;
	}
	memcpy(ic->raw->i_block, target, sizeof(target));
	ic->raw->i_size = htole64(len);
	ic->dirty = true;
}

static void check_slow_symlink(struct inode_check *ic)
{
	uint32_t at = le32toh(ic->raw->i_block[0]);
	char target[VEXFS_BLOCK_SIZE];
	struct check *c = ic->c;
	uint64_t len = 0;

	if (layout_is_data(&c->fs.lo, at) && claim_block(c, at, true)) {
		ic->owned++;
		get_block(c, at, target);
		len = tidy_target(target, sizeof(target),
				  le64toh(ic->raw->i_size));
	}
	if (len == le64toh(ic->raw->i_size) && len <= VEXFS_SYMLINK_MAX) {
		fix_field(ic, &ic->raw->i_block[1],
			  sizeof(ic->raw->i_block) - sizeof(__le32),
			  !all_zero(&ic->raw->i_block[1],
				    sizeof(ic->raw->i_block) - sizeof(__le32)),
			  "a symlink with more than one block");
		return;
	}
	if (!problem(c, P_SYMLINK, "Inode %u: a symlink's target of %llu bytes "
		     "is not what stands in block %u", ic->ino,
		     (unsigned long long)le64toh(ic->raw->i_size), at))
		return;
	if (!len || len > VEXFS_SYMLINK_MAX) {
		clear_inode(ic);
		return;
	}
	if (len <= VEXFS_FAST_SYMLINK_MAX) {
		memcpy(ic->raw->i_block, target, sizeof(ic->raw->i_block));
		ic->owned--;
		c->again = true;
	} else {
		put_block(c, at, target);
	}
	ic->raw->i_size = htole64(len);
	ic->dirty = true;
}

/* Where the target stands, if the size may be wrong: i_blocks knows as well. */
static bool symlink_is_slow(const struct inode_check *ic)
{
	uint64_t size = le64toh(ic->raw->i_size);
	uint64_t data = le64toh(ic->raw->i_blocks) -
			(ic->raw->i_xattr_block ? SECTORS : 0);
	bool one_block = data == SECTORS &&
		layout_is_data(&ic->c->fs.lo, le32toh(ic->raw->i_block[0])) &&
		all_zero(&ic->raw->i_block[1],
			 sizeof(ic->raw->i_block) - sizeof(__le32));

	if (size > VEXFS_FAST_SYMLINK_MAX)
		return one_block || data;
	return one_block;
}

void check_symlink(struct inode_check *ic)
{
	if (symlink_is_slow(ic))
		check_slow_symlink(ic);
	else
		check_fast_symlink(ic);
}
