// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the approximate index of a collection, read and proved right.
 *
 * It lies in an inode of its own without a name (docs/format.md, section 11),
 * and is kept in memory from the first search by it until the collection's
 * inode leaves memory. Nothing of a damaged one is used.
 */

#include <linux/bitmap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "vector.h"
#include "fpu.h"
#include "vecmath.h"

struct vexfs_ivf *vexfs_ivf_alloc(u32 dim, u32 lists, u32 count)
{
	struct vexfs_ivf *ivf = kzalloc(sizeof(*ivf), GFP_KERNEL_ACCOUNT);

	if (!ivf)
		return NULL;
	ivf->dim = dim;
	ivf->lists = lists;
	ivf->count = count;
	ivf->centroids = kvmalloc_array(lists, dim * sizeof(__le32),
					GFP_KERNEL_ACCOUNT);
	ivf->norms2 = kvmalloc_array(lists, sizeof(u64), GFP_KERNEL_ACCOUNT);
	ivf->starts = kvmalloc_array(lists + 1, sizeof(u32),
				     GFP_KERNEL_ACCOUNT);
	ivf->slots = kvmalloc_array(count, sizeof(u32), GFP_KERNEL_ACCOUNT);
	if (ivf->centroids && ivf->norms2 && ivf->starts && ivf->slots)
		return ivf;
	vexfs_ivf_free(ivf);
	return NULL;
}

void vexfs_ivf_free(struct vexfs_ivf *ivf)
{
	if (!ivf)
		return;
	kvfree(ivf->centroids);
	kvfree(ivf->norms2);
	kvfree(ivf->starts);
	kvfree(ivf->slots);
	kfree(ivf);
}

u64 vexfs_ivf_memory(const struct vexfs_ivf *ivf)
{
	return sizeof(*ivf) + (u64)ivf->lists * (ivf->dim * 4 + 8) +
	       (ivf->lists + 1) * 4 + (u64)ivf->count * 4;
}

void vexfs_ivf_norms(struct vexfs_ivf *ivf)
{
	u32 i;

	for (i = 0; i < ivf->lists; i++) {
		ivf->norms2[i] = vexfs_norm2(ivf->centroids + i * ivf->dim,
					     ivf->dim);
		cond_resched();
	}
}

u32 vexfs_ivf_csum(struct inode *index, u32 lblk,
		   const struct vexfs_ivf_block *block)
{
	u32 crc = vexfs_crc_u32(VEXFS_SB(index->i_sb)->s_csum_seed,
				index->i_ino);

	crc = vexfs_crc_u32(crc, index->i_generation);
	crc = vexfs_crc_u32(crc, lblk);
	return vexfs_crc(crc, block->b_words, sizeof(block->b_words));
}

static int vexfs_ivf_corrupt(struct inode *inode, const char *what)
{
	vexfs_error(inode->i_sb, "collection %lu: its index is damaged: %s",
		    inode->i_ino, what);
	return -EFSCORRUPTED;
}

/* The inode of a collection's index, which must say that it is this one's. */
struct inode *vexfs_ivf_iget(struct inode *inode)
{
	struct vexfs_vec_desc *desc = &VEXFS_I(inode)->i_vec;
	struct inode *index;

	/* While it is evicted itself, a wait for its own end has none. */
	if (le32_to_cpu(desc->v_index_ino) == inode->i_ino)
		return ERR_PTR(vexfs_ivf_corrupt(inode, "its own number"));
	index = vexfs_iget(inode->i_sb, le32_to_cpu(desc->v_index_ino));
	if (IS_ERR(index)) {
		if (PTR_ERR(index) == -ENOMEM || PTR_ERR(index) == -EIO)
			return index;
		return ERR_PTR(vexfs_ivf_corrupt(inode, "no such inode"));
	}
	if (vexfs_is_index(index) && index->i_nlink == 1 &&
	    VEXFS_I(index)->i_parent == inode->i_ino)
		return index;
	iput(index);
	return ERR_PTR(vexfs_ivf_corrupt(inode, "another inode's number"));
}

/* What the collection's inode says of its index. */
static int vexfs_ivf_check_desc(struct inode *inode)
{
	struct vexfs_vec_desc *desc = &VEXFS_I(inode)->i_vec;
	u32 lists = le32_to_cpu(desc->v_index_lists);
	u64 count = le64_to_cpu(desc->v_index_count);
	struct vexfs_vec vec;

	vexfs_vec_load(inode, &vec);
	if (le32_to_cpu(desc->v_index_type) != VEXFS_VEC_INDEX_IVF ||
	    !lists || lists > VEXFS_IVF_LISTS_MAX || !count ||
	    count > VEXFS_IVF_COUNT_MAX || desc->v_index_aux ||
	    count > vexfs_vec_slots(inode, &vec))
		return vexfs_ivf_corrupt(inode, "description");
	return 0;
}

/* Copies one block's words into @to; @first and @words as for a file of words. */
static int vexfs_ivf_copy(struct inode *index, u64 first, u32 words, void *to)
{
	u32 lblk = div_u64(first, VEXFS_IVF_BLOCK_WORDS);
	u32 at = first - (u64)lblk * VEXFS_IVF_BLOCK_WORDS;
	struct vexfs_ivf_block *block;
	struct page *page;
	int err = 0;

	page = read_mapping_page(index->i_mapping, lblk, NULL);
	if (IS_ERR(page))
		return PTR_ERR(page);
	block = kmap_local_page(page);
	if (le32_to_cpu(block->b_csum) != vexfs_ivf_csum(index, lblk, block) &&
	    !VEXFS_DEFECT(index_not_checked))
		err = -EFSCORRUPTED;
	else
		memcpy(to, block->b_words + at, words * sizeof(__le32));
	kunmap_local(block);
	put_page(page);
	return err;
}

/* Reads words of an index; every block's checksum is looked at. */
static int vexfs_ivf_read(struct inode *index, u64 first, u64 words, void *to)
{
	while (words) {
		u32 at, n;
		int err;

		div_u64_rem(first, VEXFS_IVF_BLOCK_WORDS, &at);
		n = min_t(u64, words, VEXFS_IVF_BLOCK_WORDS - at);
		if (fatal_signal_pending(current))
			return -EINTR;
		err = vexfs_ivf_copy(index, first, n, to);
		if (err)
			return err;
		first += n;
		words -= n;
		to += n * sizeof(__le32);
		cond_resched();
	}
	return 0;
}

static bool vexfs_ivf_head_valid(struct inode *inode, struct vexfs_ivf *ivf,
				 const struct vexfs_ivf_head *head)
{
	return le32_to_cpu(head->h_magic) == VEXFS_IVF_MAGIC &&
	       le32_to_cpu(head->h_version) == VEXFS_IVF_VERSION &&
	       le32_to_cpu(head->h_dim) == ivf->dim &&
	       le32_to_cpu(head->h_lists) == ivf->lists &&
	       le32_to_cpu(head->h_count) == ivf->count &&
	       le32_to_cpu(head->h_owner) == inode->i_ino;
}

/* Turns lengths, as they are read, into starts. */
static bool vexfs_ivf_sum_up(struct vexfs_ivf *ivf)
{
	u64 sum = 0;
	u32 i, len;

	for (i = 0; i < ivf->lists; i++) {
		len = le32_to_cpu((__force __le32)ivf->starts[i]);
		ivf->starts[i] = sum;
		sum += len;
		if (sum > ivf->count)
			return false;
	}
	ivf->starts[i] = sum;
	return sum == ivf->count;
}

/* Each slot below count must stand in one list. */
static const char *vexfs_ivf_check_slots(struct vexfs_ivf *ivf,
					 unsigned long *seen)
{
	u32 i, slot;

	for (i = 0; i < ivf->count; i++) {
		slot = le32_to_cpu((__force __le32)ivf->slots[i]);
		ivf->slots[i] = slot;
		if (VEXFS_DEFECT(index_slots_unchecked))
			continue;
		if (slot >= ivf->count)
			return "a list names a vector it does not cover";
		if (__test_and_set_bit(slot, seen))
			return "a vector is listed twice";
		if (!(i % 65536))
			cond_resched();
	}
	return NULL;
}

static int vexfs_ivf_check(struct inode *inode, struct vexfs_ivf *ivf)
{
	unsigned long *seen;
	const char *wrong;
	u32 i;

	if (!vexfs_ivf_sum_up(ivf))
		return vexfs_ivf_corrupt(inode, "the lengths of its lists");
	for (i = 0; i < ivf->lists; i++)
		if (!vexfs_all_finite(ivf->centroids + i * ivf->dim, ivf->dim))
			return vexfs_ivf_corrupt(inode, "a centroid");
	seen = kvcalloc(BITS_TO_LONGS(ivf->count), sizeof(long), GFP_KERNEL);
	if (!seen)
		return -ENOMEM;
	wrong = vexfs_ivf_check_slots(ivf, seen);
	kvfree(seen);
	return wrong ? vexfs_ivf_corrupt(inode, wrong) : 0;
}

static int vexfs_ivf_read_all(struct inode *inode, struct inode *index,
			      struct vexfs_ivf *ivf)
{
	u64 vectors = (u64)ivf->lists * ivf->dim, at = VEXFS_IVF_HEAD_WORDS;
	struct vexfs_ivf_head head;
	int err;

	BUILD_BUG_ON(sizeof(head) != VEXFS_IVF_HEAD_WORDS * sizeof(__le32));
	BUILD_BUG_ON(sizeof(struct vexfs_ivf_block) != VEXFS_BLOCK_SIZE);
	if (index->i_size != (loff_t)VEXFS_IVF_BLOCKS(ivf->dim, ivf->lists,
						      ivf->count) <<
			     VEXFS_BLOCK_BITS)
		return vexfs_ivf_corrupt(inode, "its size");
	err = vexfs_ivf_read(index, 0, VEXFS_IVF_HEAD_WORDS, &head);
	if (!err && !vexfs_ivf_head_valid(inode, ivf, &head))
		return vexfs_ivf_corrupt(inode, "its header");
	if (!err)
		err = vexfs_ivf_read(index, at, vectors, ivf->centroids);
	at += vectors;
	if (!err)
		err = vexfs_ivf_read(index, at, ivf->lists, ivf->starts);
	at += ivf->lists;
	if (!err)
		err = vexfs_ivf_read(index, at, ivf->count, ivf->slots);
	if (err == -EFSCORRUPTED)
		return vexfs_ivf_corrupt(inode, "a block's checksum");
	return err ? err : vexfs_ivf_check(inode, ivf);
}

static struct vexfs_ivf *vexfs_ivf_load(struct inode *inode)
{
	struct vexfs_vec_desc *desc = &VEXFS_I(inode)->i_vec;
	struct vexfs_ivf *ivf = NULL;
	struct inode *index;
	int err;

	err = vexfs_ivf_check_desc(inode);
	if (err)
		return ERR_PTR(err);
	index = vexfs_ivf_iget(inode);
	if (IS_ERR(index))
		return ERR_CAST(index);
	ivf = vexfs_ivf_alloc(le32_to_cpu(desc->v_dim),
			      le32_to_cpu(desc->v_index_lists),
			      le64_to_cpu(desc->v_index_count));
	err = ivf ? vexfs_ivf_read_all(inode, index, ivf) : -ENOMEM;
	iput(index);
	if (err) {
		vexfs_ivf_free(ivf);
		return ERR_PTR(err);
	}
	vexfs_ivf_norms(ivf);
	return ivf;
}

/*
 * The index, loaded if need be. The inode lock is held, shared: the index is
 * replaced under the exclusive one. Two may load it at once; one is kept.
 */
struct vexfs_ivf *vexfs_ivf_get(struct inode *inode)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_ivf *ivf = smp_load_acquire(&vi->i_ivf), *other;

	if (ivf)
		return ivf;
	if (!vi->i_vec.v_index_type)
		return ERR_PTR(-ENOENT);
	ivf = vexfs_ivf_load(inode);
	if (IS_ERR(ivf))
		return ivf;
	other = cmpxchg(&vi->i_ivf, NULL, ivf);
	if (!other)
		return ivf;
	vexfs_ivf_free(ivf);
	return other;
}
