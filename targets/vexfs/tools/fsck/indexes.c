// SPDX-License-Identifier: GPL-2.0
/*
 * Approximate indexes: each belongs to one collection, which names it, and
 * what stands in it is checked word by word. A damaged one is made anew.
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"
#include "ivf.h"
#include "vector.h"

static void forget_index(struct vexfs_inode *raw)
{
	struct vexfs_vec_desc *desc = &raw->i_vec;

	desc->v_index_type = 0;
	desc->v_index_ino = 0;
	desc->v_index_lists = 0;
	desc->v_index_count = 0;
}

bool check_index_desc(struct check *c, uint32_t ino, struct vexfs_inode *raw)
{
	const struct vexfs_vec_desc *desc = &raw->i_vec;
	const char *why = ivf_desc_check(desc);
	uint64_t slots = le64toh(raw->i_size) / le32toh(desc->v_stride);

	if (!why && le64toh(desc->v_index_count) > slots)
		why = "more vectors indexed than there are";
	if (!why || !problem(c, P_VEC_DESC, "Collection %u: %s", ino, why))
		return false;
	forget_index(raw);
	return true;
}

/* NULL if the collection's index may be the inode it names. */
static const char *index_fits(struct check *c, uint32_t owner, uint32_t ino)
{
	struct vexfs_inode raw;
	struct node *node;

	if (ino < VEXFS_FIRST_INO || ino > c->fs.lo.inodes)
		return "is no inode";
	node = get_node(c, ino);
	if (!node->mode)
		return "is not in use";
	if (!node->index)
		return "is no index";
	if (node->refs)
		return "belongs to another collection";
	get_inode(c, ino, &raw);
	return le32toh(raw.i_parent) == owner ? NULL :
	       "says it is another collection's";
}

static void claim_index(struct check *c, uint32_t owner)
{
	struct vexfs_inode raw;
	const char *why;
	uint32_t ino;

	get_inode(c, owner, &raw);
	ino = le32toh(raw.i_vec.v_index_ino);
	if (stopped(c) || !raw.i_vec.v_index_type)
		return;
	why = index_fits(c, owner, ino);
	if (!why) {
		get_node(c, ino)->refs++;
		return;
	}
	if (!problem(c, P_VEC_INDEX_INODE, "Collection %u: its index, inode "
		     "%u, %s", owner, ino, why))
		return;
	forget_index(&raw);
	put_inode(c, owner, &raw);
}

static void check_feature(struct check *c)
{
	const __le32 bit = htole32(VEXFS_FEATURE_RO_COMPAT_VEC_INDEX);

	if (c->fs.sb.s_feature_ro_compat & bit ||
	    !problem(c, P_SB_FEATURES, "There are indexes, and the superblock "
		     "does not say so"))
		return;
	c->fs.sb.s_feature_ro_compat |= bit;
	write_super(c);
}

void claim_indexes(struct check *c)
{
	struct collection *items = c->collections.items;
	size_t i;

	for (i = 0; i < c->collections.count && !stopped(c); i++)
		claim_index(c, items[i].ino);
	if (c->indexes && !stopped(c))
		check_feature(c);
}

/* What is to be an index, and the collection it is of. */
struct index {
	struct check		*c;
	uint32_t		owner, ino;
	struct vexfs_inode	collection, raw;
	uint32_t		blocks;
	__le32			*words;
};

static __le32 *words_of(struct index *ix, uint32_t lblk)
{
	return ix->words + (size_t)lblk * VEXFS_IVF_BLOCK_WORDS;
}

/* NULL if every block is there and right in itself. */
static const char *read_words(struct index *ix)
{
	struct check *c = ix->c;
	struct vexfs_ivf_block block;
	uint32_t lblk, at;

	if (le64toh(ix->raw.i_size) != (uint64_t)ix->blocks * VEXFS_BLOCK_SIZE)
		return "its size is wrong";
	for (lblk = 0; lblk < ix->blocks && !stopped(c); lblk++) {
		at = get_map(c, &ix->raw, lblk);
		if (!at)
			return "it has a hole";
		get_block(c, at, &block);
		if (block.b_csum != ivf_csum(&c->fs.lo, ix->ino,
					     ix->raw.i_generation, lblk,
					     &block))
			return "a block's checksum is wrong";
		memcpy(words_of(ix, lblk), block.b_words,
		       sizeof(block.b_words));
	}
	return NULL;
}

static int training_rows(void *arg, uint64_t first, uint32_t count, float *rows)
{
	struct index *ix = arg;
	const struct vexfs_vec_desc *desc = &ix->collection.i_vec;
	uint32_t dim = le32toh(desc->v_dim), stride = le32toh(desc->v_stride);
	uint8_t record[VEC_MAX_STRIDE];
	uint32_t i, bits;

	for (; count; count--, first++) {
		read_file(ix->c, &ix->collection, first * stride, record,
			  stride);
		if (stopped(ix->c))
			return -EIO;
		for (i = 0; i < dim; i++) {
			memcpy(&bits, record + VEXFS_VEC_HEAD + 4 * i, 4);
			bits = le32toh(bits);
			/* A record that is not to be repaired. */
			if ((bits & 0x7f800000) == 0x7f800000)
				bits = 0;
			memcpy(rows++, &bits, 4);
		}
	}
	return 0;
}

/* The block of a file block, taken if there is none. 0: no room. */
static uint32_t index_block(struct index *ix, uint32_t lblk)
{
	struct check *c = ix->c;
	uint32_t at = get_map(c, &ix->raw, lblk);
	int err;

	if (at)
		return at;
	at = fs_new_block(&c->fs);
	if (!at)
		return 0;
	bit_clear(c->keep_meta, at);
	err = fs_set_map(&c->fs, &ix->raw, lblk, at);
	if (err)
		return 0;
	ix->raw.i_blocks = htole64(le64toh(ix->raw.i_blocks) + SECTORS);
	return at;
}

static bool write_words(struct index *ix)
{
	struct check *c = ix->c;
	struct vexfs_ivf_block block;
	uint32_t lblk, at;
	bool room = true;

	for (lblk = 0; lblk < ix->blocks && room && !stopped(c); lblk++) {
		at = index_block(ix, lblk);
		room = at != 0;
		if (!room)
			break;
		memcpy(block.b_words, words_of(ix, lblk),
		       sizeof(block.b_words));
		block.b_csum = ivf_csum(&c->fs.lo, ix->ino,
					ix->raw.i_generation, lblk, &block);
		put_block(c, at, &block);
	}
	ix->raw.i_size = htole64((uint64_t)ix->blocks * VEXFS_BLOCK_SIZE);
	put_inode(c, ix->ino, &ix->raw);
	return room;
}

/* From the vectors alone: nothing of a damaged index is trusted. */
static void rebuild(struct index *ix)
{
	const struct vexfs_vec_desc *desc = &ix->collection.i_vec;
	struct ivf ivf = {
		.dim = le32toh(desc->v_dim),
		.lists = le32toh(desc->v_index_lists),
		.count = le64toh(desc->v_index_count),
		.metric = le16toh(desc->v_metric),
	};
	struct check *c = ix->c;
	int err = ivf_train(&ivf, training_rows, ix);

	if (!err) {
		free(ix->words);
		ix->words = ivf_words(&ivf, ix->owner);
		ivf_end(&ivf);
		err = ix->words ? 0 : -ENOMEM;
	}
	if (err) {
		failure(c, "make anew the index of", ix->owner, err);
		return;
	}
	if (write_words(ix))
		return;
	note(c, "Collection %u: no room for its index, which goes.", ix->owner);
	forget_index(&ix->collection);
	put_inode(c, ix->owner, &ix->collection);
	c->again = true;
}

void check_index(struct check *c, uint32_t owner)
{
	struct index ix = { .c = c, .owner = owner };
	const struct vexfs_vec_desc *desc = &ix.collection.i_vec;
	const char *why;
	int err = 0;

	get_inode(c, owner, &ix.collection);
	ix.ino = le32toh(desc->v_index_ino);
	if (stopped(c) || vec_desc_check(desc) || !desc->v_index_type ||
	    ivf_desc_check(desc) || ix.ino > c->fs.lo.inodes)
		return;
	get_inode(c, ix.ino, &ix.raw);
	if (!get_node(c, ix.ino)->refs ||
	    le32toh(ix.raw.i_parent) != owner)
		return;		/* not to be repaired */
	ix.blocks = VEXFS_IVF_BLOCKS(le32toh(desc->v_dim),
				     le32toh(desc->v_index_lists),
				     le64toh(desc->v_index_count));
	ix.words = calloc(ix.blocks, VEXFS_IVF_BLOCK_WORDS * sizeof(__le32));
	if (!ix.words)
		err = -ENOMEM;
	why = err ? NULL : read_words(&ix);
	if (!err && !why && !stopped(c))
		why = ivf_words_check(desc, owner, ix.words, &err);
	if (err)
		failure(c, "find memory for the index of", owner, err);
	else if (why && problem(c, P_VEC_INDEX, "Collection %u, index in "
				"inode %u: %s", owner, ix.ino, why))
		rebuild(&ix);
	free(ix.words);
}
