// SPDX-License-Identifier: GPL-2.0
/*
 * `add` one vector, `add-many` of a file in few calls.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collection.h"
#include "text.h"

#define BATCH_BYTES	(8u << 20)	/* of vectors in one call */

static void print_added(const struct request *rq, uint64_t first,
			uint64_t count)
{
	struct json js = { .out = stdout };

	if (!rq->json) {
		printf("%llu vector%s added", (unsigned long long)count,
		       count == 1 ? "" : "s");
		if (count)
			printf(", first id %llu", (unsigned long long)first);
		putchar('\n');
		return;
	}
	json_begin_object(&js, NULL);
	json_unsigned(&js, "count", count);
	if (count)
		json_unsigned(&js, "first_id", first);
	else
		json_null(&js, "first_id");
	json_end_object(&js);
	putchar('\n');
}

static bool meta_fits(const char *path, uint32_t len,
		      const struct vexfs_vec_info *info)
{
	if (len <= info->meta_size)
		return true;
	complain("%s: %u bytes of metadata, but room for %u", path, len,
		 info->meta_size);
	return false;
}

int ctl_add(const struct request *rq)
{
	static float row[VEXFS_MAX_DIM];
	struct vexfs_vec_add add = {
		.version = VEXFS_API_VERSION, .count = 1,
	};
	struct vexfs_vec_info info;
	size_t len = rq->meta ? strlen(rq->meta) : 0;
	int fd, status = CTL_FAILED;

	add.dim = read_one(rq, row);
	if (!add.dim)
		return CTL_USAGE;
	fd = open_collection(rq->path, O_RDWR, &info);
	if (fd < 0)
		return CTL_FAILED;
	if (!dim_matches(rq->path, add.dim, &info) ||
	    !meta_fits(rq->path, len > UINT32_MAX ? UINT32_MAX : len, &info))
		goto out;
	add.vectors = (uintptr_t)row;
	if (len) {
		add.meta = (uintptr_t)rq->meta;
		add.meta_stride = len;
	}
	if (ioctl(fd, VEXFS_IOC_VEC_ADD, &add)) {
		status = failed(rq->path, "add the vector");
	} else {
		print_added(rq, add.first_id, 1);
		status = 0;
	}
out:
	close(fd);
	return status;
}

/* Vectors waiting to be added in one call. */
struct batch {
	int		fd;
	uint32_t	dim, meta_size, room, count;
	float		*vectors;
	uint8_t		*meta;
	uint32_t	*lens;
	uint64_t	first_id, added;
};

static bool batch_start(struct batch *b, uint32_t room,
			const struct vexfs_vec_info *info)
{
	b->dim = info->dim;
	b->meta_size = info->meta_size;
	b->room = room ? room : BATCH_BYTES / (4 * b->dim);
	if (b->room > VEXFS_MAX_ADD)
		b->room = VEXFS_MAX_ADD;
	b->vectors = calloc(b->room, b->dim * sizeof(float));
	b->meta = calloc(b->room, b->meta_size ? b->meta_size : 1);
	b->lens = calloc(b->room, sizeof(*b->lens));
	return b->vectors && b->meta && b->lens;
}

static void batch_end(struct batch *b)
{
	free(b->vectors);
	free(b->meta);
	free(b->lens);
}

static bool batch_flush(struct batch *b)
{
	struct vexfs_vec_add add = {
		.version = VEXFS_API_VERSION, .dim = b->dim,
		.count = b->count, .vectors = (uintptr_t)b->vectors,
	};

	if (!b->count)
		return true;
	if (b->meta_size) {
		add.meta = (uintptr_t)b->meta;
		add.meta_stride = b->meta_size;
		add.meta_lens = (uintptr_t)b->lens;
	}
	if (ioctl(b->fd, VEXFS_IOC_VEC_ADD, &add))
		return false;
	if (!b->added)
		b->first_id = add.first_id;
	b->added += b->count;
	b->count = 0;
	return true;
}

static void batch_put(struct batch *b, struct input *in)
{
	uint32_t len;
	const char *meta = input_meta(in, &len);

	memcpy(b->vectors + (size_t)b->count * b->dim, input_row(in),
	       b->dim * sizeof(float));
	if (b->meta_size) {
		memset(b->meta + (size_t)b->count * b->meta_size, 0,
		       b->meta_size);
		if (len)
			memcpy(b->meta + (size_t)b->count * b->meta_size, meta,
			       len);
	}
	b->lens[b->count++] = len;
}

/* false: stopped at an error, about which it has complained. */
static bool add_all(const struct request *rq, struct input *in,
		    struct batch *b, const struct vexfs_vec_info *info)
{
	uint32_t len;
	int n;

	while ((n = input_next(in)) == 1) {
		input_meta(in, &len);
		if (!dim_matches(rq->path, input_dim(in), info) ||
		    !meta_fits(rq->path, len, info))
			return false;
		batch_put(b, in);
		if (b->count == b->room && !batch_flush(b)) {
			failed(rq->path, "add vectors");
			return false;
		}
	}
	if (n < 0)
		return false;
	if (batch_flush(b))
		return true;
	failed(rq->path, "add vectors");
	return false;
}

int ctl_add_many(const struct request *rq)
{
	struct vexfs_vec_info info;
	struct batch b = { 0 };
	const char *from = rq->from;
	struct input *in;
	int status = CTL_FAILED;

	if (!from && rq->value_count == 1)
		from = rq->values[0];
	else if (rq->value_count)
		from = NULL;
	if (!from) {
		complain_usage("add-many needs one file of vectors");
		return CTL_USAGE;
	}
	in = input_open(from, rq->format);
	if (!in)
		return CTL_FAILED;
	b.fd = open_collection(rq->path, O_RDWR, &info);
	if (b.fd < 0)
		goto close_input;
	if (!batch_start(&b, rq->batch, &info)) {
		errno = ENOMEM;
		failed(rq->path, "collect vectors");
	} else {
		if (add_all(rq, in, &b, &info))
			status = 0;
		/* What was added before an error stays. */
		print_added(rq, b.first_id, b.added);
	}
	batch_end(&b);
	close(b.fd);
close_input:
	input_close(in);
	return status;
}
