// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: records compared with a query, and the nearest k of them.
 */

#include <linux/slab.h>

#include "vector.h"
#include "fpu.h"
#include "vecmath.h"

/* Components computed with the FPU in one go: preemption is off meanwhile. */
#define VEXFS_FPU_BATCH		8192

/* Turns binary64 bits into a number that sorts the same way, and back. */
static u64 vexfs_sort_key(u64 bits)
{
	return bits >> 63 ? ~bits : bits | 1ULL << 63;
}

static u64 vexfs_sort_key_bits(u64 key)
{
	return key >> 63 ? key & ~(1ULL << 63) : ~key;
}

static bool vexfs_worse(const struct vexfs_vec_result *a,
			const struct vexfs_vec_result *b)
{
	if (a->distance_bits != b->distance_bits)
		return a->distance_bits > b->distance_bits;
	return a->id > b->id;
}

static void vexfs_sift_down(struct vexfs_vec_result *items, u32 count, u32 i)
{
	for (;;) {
		u32 child = 2 * i + 1;

		if (child >= count)
			return;
		if (child + 1 < count &&
		    vexfs_worse(&items[child + 1], &items[child]))
			child++;
		if (!vexfs_worse(&items[child], &items[i]))
			return;
		swap(items[i], items[child]);
		i = child;
	}
}

/* Room for the best @k, and the distances of @batch vectors at a time. */
int vexfs_top_start(struct vexfs_top *top, u32 k, u32 batch)
{
	top->k = k;
	top->items = kvmalloc_array(k, sizeof(*top->items), GFP_KERNEL);
	top->distances = kvmalloc_array(batch, sizeof(u64), GFP_KERNEL);
	return top->items && top->distances ? 0 : -ENOMEM;
}

void vexfs_top_end(struct vexfs_top *top)
{
	kvfree(top->items);
	kvfree(top->distances);
}

void vexfs_top_offer(struct vexfs_top *top, u64 id, u64 distance)
{
	struct vexfs_vec_result item = {
		.id = id,
		.distance_bits = vexfs_sort_key(distance),
	};
	u32 i;

	if (top->count == top->k) {
		if (vexfs_worse(&item, &top->items[0]) &&
		    !(VEXFS_DEFECT(tie_replaces) &&
		      item.distance_bits == top->items[0].distance_bits))
			return;
		top->items[0] = item;
		vexfs_sift_down(top->items, top->count, 0);
		return;
	}
	for (i = top->count++; i; i = (i - 1) / 2) {
		struct vexfs_vec_result *parent = &top->items[(i - 1) / 2];

		if (!vexfs_worse(&item, parent))
			break;
		top->items[i] = *parent;
	}
	top->items[i] = item;
}

/* Turns the heap into the answer: nearest first. */
void vexfs_top_sort(struct vexfs_top *top)
{
	u32 n;

	for (n = top->count; n > 1 + VEXFS_DEFECT(wrong_search_order); n--) {
		swap(top->items[0], top->items[n - 1]);
		vexfs_sift_down(top->items, n - 1, 0);
	}
	for (n = 0; n < top->count; n++)
		top->items[n].distance_bits =
			vexfs_sort_key_bits(top->items[n].distance_bits);
}

/*
 * Compares records in a buffer with the query: those of the slots named, or
 * consecutive ones from @slot on.
 */
int vexfs_compare(struct inode *inode, struct vexfs_vec *vec, void *buf,
		  u64 slot, const u32 *slots, u32 count, struct vexfs_top *top)
{
	u32 step = max_t(u32, 1, VEXFS_FPU_BATCH / vec->dim);
	struct vexfs_vec_record *rec;
	u32 i, end;
	int err;

	for (i = 0; i < count; i = end) {
		u32 j;

		end = min(count, i + step);
		kernel_fpu_begin();
		for (j = i; j < end; j++) {
			rec = buf + j * vec->stride;
			top->distances[j] =
				vexfs_fpu_distance(vec->metric, top->query,
						   rec->r_vector, vec->dim,
						   top->query_norm2,
						   le64_to_cpu(rec->r_norm2));
		}
		kernel_fpu_end();
	}
	for (i = 0; i < count; i++) {
		u64 at = slots ? slots[i] : slot + i;

		rec = buf + i * vec->stride;
		err = vexfs_check_id(inode, rec, at);
		if (err)
			return err;
		if (le32_to_cpu(rec->r_flags) != VEXFS_VEC_LIVE &&
		    !(VEXFS_DEFECT(index_finds_deleted) && slots))
			continue;
		err = vexfs_check_record(inode, vec, rec);
		if (err)
			return err;
		top->scanned++;
		vexfs_top_offer(top, at + 1, top->distances[i]);
	}
	return 0;
}

int vexfs_compare_batch(struct inode *inode, struct vexfs_vec *vec, void *buf,
			u64 slot, u32 count, void *data)
{
	return vexfs_compare(inode, vec, buf, slot, NULL, count, data);
}
