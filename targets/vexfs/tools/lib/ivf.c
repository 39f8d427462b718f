// SPDX-License-Identifier: GPL-2.0
/*
 * The form of an approximate index on disk (docs/format.md, section 11).
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "ivf.h"

__le32 ivf_csum(const struct layout *lo, uint32_t ino, __le32 generation,
		uint32_t lblk, const struct vexfs_ivf_block *block)
{
	uint32_t crc = crc32c_le32(lo->seed, ino);

	crc = crc32c_le32(crc, le32toh(generation));
	crc = crc32c_le32(crc, lblk);
	return htole32(crc32c(crc, block->b_words, sizeof(block->b_words)));
}

const char *ivf_desc_check(const struct vexfs_vec_desc *desc)
{
	uint32_t lists = le32toh(desc->v_index_lists);
	uint64_t count = le64toh(desc->v_index_count);

	if (!desc->v_index_type)
		return desc->v_index_ino || lists || count ?
		       "remnants of an index" : NULL;
	if (le32toh(desc->v_index_type) != VEXFS_VEC_INDEX_IVF)
		return "unknown type of index";
	if (!desc->v_index_ino)
		return "an index without an inode";
	if (!lists || lists > VEXFS_IVF_LISTS_MAX)
		return "number of the index's lists out of range";
	if (!count || count > VEXFS_IVF_COUNT_MAX)
		return "number of indexed vectors out of range";
	return NULL;
}

/* Where the parts of an index begin, in words. */
struct parts {
	uint64_t	centroids, lengths, slots, end;
};

static struct parts parts_of(uint32_t dim, uint32_t lists, uint32_t count)
{
	struct parts p = { .centroids = VEXFS_IVF_HEAD_WORDS };

	p.lengths = p.centroids + (uint64_t)lists * dim;
	p.slots = p.lengths + lists;
	p.end = p.slots + count;
	return p;
}

static void put_head(const struct ivf *ivf, uint32_t owner, __le32 *words)
{
	struct vexfs_ivf_head head = {
		.h_magic = htole32(VEXFS_IVF_MAGIC),
		.h_version = htole32(VEXFS_IVF_VERSION),
		.h_dim = htole32(ivf->dim),
		.h_lists = htole32(ivf->lists),
		.h_count = htole32(ivf->count),
		.h_owner = htole32(owner),
	};

	memcpy(words, &head, sizeof(head));
}

__le32 *ivf_words(const struct ivf *ivf, uint32_t owner)
{
	struct parts p = parts_of(ivf->dim, ivf->lists, ivf->count);
	size_t blocks = VEXFS_IVF_BLOCKS(ivf->dim, ivf->lists, ivf->count);
	__le32 *words = calloc(blocks, VEXFS_IVF_BLOCK_WORDS * sizeof(*words));
	uint32_t *next = calloc(ivf->lists + 1, sizeof(*next)), i, bits;

	if (!words || !next) {
		free(words);
		free(next);
		return NULL;
	}
	put_head(ivf, owner, words);
	for (i = 0; i < ivf->lists * ivf->dim; i++) {
		memcpy(&bits, &ivf->centroids[i], sizeof(bits));
		words[p.centroids + i] = htole32(bits);
	}
	for (i = 0; i < ivf->count; i++)
		next[ivf->list_of[i] + 1]++;
	for (i = 0; i < ivf->lists; i++) {
		words[p.lengths + i] = htole32(next[i + 1]);
		next[i + 1] += next[i];
	}
	for (i = 0; i < ivf->count; i++)
		words[p.slots + next[ivf->list_of[i]]++] = htole32(i);
	free(next);
	return words;
}

static const char *check_head(const struct vexfs_vec_desc *desc,
			      uint32_t owner, const struct vexfs_ivf_head *head)
{
	if (le32toh(head->h_magic) != VEXFS_IVF_MAGIC ||
	    le32toh(head->h_version) != VEXFS_IVF_VERSION)
		return "no header";
	if (head->h_dim != desc->v_dim ||
	    head->h_lists != desc->v_index_lists ||
	    le32toh(head->h_count) != le64toh(desc->v_index_count) ||
	    le32toh(head->h_owner) != owner ||
	    !all_zero(head->h_reserved, sizeof(head->h_reserved)))
		return "the header is another index's";
	return NULL;
}

static const char *check_lists(const struct parts *p, const __le32 *words,
			       uint32_t lists, uint8_t *seen)
{
	uint32_t count = p->end - p->slots, list, slot, before;
	uint64_t at = p->slots, stop;

	for (list = 0; list < lists; list++) {
		stop = at + le32toh(words[p->lengths + list]);
		if (stop > p->end)
			return "lists longer than what is indexed";
		for (before = 0; at < stop; at++, before = slot + 1) {
			slot = le32toh(words[at]);
			if (slot >= count)
				return "a list names a vector that is not "
				       "indexed";
			if (slot < before)
				return "a list is not in order";
			if (bit_test(seen, slot))
				return "a vector is in two lists";
			bit_set(seen, slot);
		}
	}
	return at == p->end ? NULL : "vectors that are in no list";
}

const char *ivf_words_check(const struct vexfs_vec_desc *desc, uint32_t owner,
			    const __le32 *words, int *err)
{
	uint32_t dim = le32toh(desc->v_dim);
	uint32_t lists = le32toh(desc->v_index_lists);
	uint32_t count = le64toh(desc->v_index_count);
	struct parts p = parts_of(dim, lists, count);
	uint64_t i, room = (uint64_t)VEXFS_IVF_BLOCKS(dim, lists, count) *
			   VEXFS_IVF_BLOCK_WORDS;
	const char *why = check_head(desc, owner, (const void *)words);
	uint8_t *seen;

	*err = 0;
	for (i = p.centroids; i < p.lengths && !why; i++)
		if ((le32toh(words[i]) & 0x7f800000) == 0x7f800000)
			why = "a centroid is not finite";
	if (!why && !all_zero(words + p.end, (room - p.end) * sizeof(*words)))
		why = "the rest of the last block is not zero";
	if (why)
		return why;
	seen = calloc(1, count / 8 + 1);
	if (!seen) {
		*err = -ENOMEM;
		return NULL;
	}
	why = check_lists(&p, words, lists, seen);
	free(seen);
	return why;
}
