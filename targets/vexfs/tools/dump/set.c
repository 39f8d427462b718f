// SPDX-License-Identifier: GPL-2.0
/*
 * Changing one field, and making the checksum over it right again.
 */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crc32c.h"
#include "dump.h"
#include "ivf.h"
#include "jbd2.h"
#include "text.h"
#include "walk.h"

struct change {
	const char	*name;		/* not terminated */
	size_t		len;
	struct place	place;
	struct field	field;
};

static int match_field(void *arg, const struct place *p, const struct field *f)
{
	struct change *ch = arg;
	char name[160];

	snprintf(name, sizeof(name), "%s.%s", p->name, f->name);
	if (strlen(name) != ch->len || memcmp(name, ch->name, ch->len))
		return 0;
	ch->place = *p;
	ch->field = *f;
	return 1;
}

static __le32 record_csum(const struct layout *lo, uint32_t stride,
			  const uint8_t *data)
{
	uint32_t crc = crc32c(lo->seed, data, 8);

	return htole32(crc32c(crc, data + 16, stride - 16));
}

/* The checksum over the structure, put where it belongs. */
static void seal(struct image *im, const struct place *p, uint8_t *block)
{
	uint8_t *at = block + p->offset % VEXFS_BLOCK_SIZE;
	const struct layout *lo = &im->lo;
	struct vexfs_inode inode;

	switch (p->structure) {
	case S_SUPER:
		((struct vexfs_super_block *)at)->s_csum =
			super_csum((void *)at);
		break;
	case S_DESC:
		((struct vexfs_group_desc *)at)->bg_csum =
			desc_csum(lo, p->id, (void *)at);
		break;
	case S_BITMAP:
		((struct vexfs_bitmap *)at)->b_csum =
			bitmap_csum(lo, p->id, (void *)at);
		break;
	case S_INODE:
		((struct vexfs_inode *)at)->i_csum =
			inode_csum(lo, p->id, (void *)at);
		break;
	case S_JOURNAL:
		((struct jbd2_super *)at)->s_checksum =
			jbd2_super_csum((void *)at);
		break;
	case S_XATTR:
	case S_XATTR_ENTRY:
		((struct vexfs_xattr_header *)block)->x_csum =
			xattr_csum(lo, p->id, block);
		break;
	case S_RECORD:
		if (!walk_read_inode(&im->dev, lo, p->id, &inode))
			((struct vexfs_vec_record *)at)->r_csum =
				record_csum(lo, le32toh(inode.i_vec.v_stride),
					    at);
		break;
	case S_INDEX:
	case S_INDEX_WORD:
	case S_INDEX_CSUM:
		if (!walk_read_inode(&im->dev, lo, p->id, &inode))
			((struct vexfs_ivf_block *)block)->b_csum =
				ivf_csum(lo, p->id, inode.i_generation,
					 p->slot, (void *)block);
		break;
	default:
		break;	/* no checksum of its own */
	}
}

/* Hexadecimal bytes, as many as the field has. */
static bool put_hex(uint8_t *to, size_t size, const char *text)
{
	unsigned int byte;
	size_t i;

	if (strlen(text) != 2 * size ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * size)
		return false;
	for (i = 0; i < size; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		to[i] = byte;
	}
	return true;
}

static bool put_value(const struct field *f, uint8_t *to, const char *text)
{
	uint64_t max = f->size < 8 ? (1ull << (8 * f->size)) - 1 : UINT64_MAX;
	uint64_t value;
	unsigned int i;

	if (f->encoding == BYTES)
		return put_hex(to, f->size, text);
	if (f->encoding == TEXT) {
		if (strlen(text) > f->size)
			return false;
		memset(to, 0, f->size);
		memcpy(to, text, strlen(text));
		return true;
	}
	if (!parse_u64(text, max, &value))
		return false;
	for (i = 0; i < f->size; i++)
		to[f->encoding == BE ? f->size - 1 - i : i] = value >> (8 * i);
	return true;
}

int set_field(struct image *im, const char *assignment, bool reseal)
{
	const char *value = strchr(assignment, '=');
	struct change ch = { .name = assignment };
	uint8_t block[VEXFS_BLOCK_SIZE];
	uint64_t at;
	int err;

	if (!value) {
		complain_usage("'%s' is not NAME=VALUE", assignment);
		return -EINVAL;
	}
	ch.len = value++ - assignment;
	err = each_field(im, match_field, &ch);
	if (err != 1) {
		complain("there is no field '%.*s' in %s", (int)ch.len,
			 assignment, im->dev.path);
		return err ? err : -ENOENT;
	}
	at = ch.place.offset / VEXFS_BLOCK_SIZE;
	err = device_read(&im->dev, at, block);
	if (err)
		return err;
	if (!put_value(&ch.field, block + ch.place.offset % VEXFS_BLOCK_SIZE +
		       ch.field.offset, value)) {
		complain("'%s' is no value for a field of %u bytes", value,
			 ch.field.size);
		return -EINVAL;
	}
	if (reseal)
		seal(im, &ch.place, block);
	return device_write(&im->dev, at, block);
}
