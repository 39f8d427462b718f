// SPDX-License-Identifier: GPL-2.0
/*
 * `index`: makes an approximate index, or takes it away. The centroids are
 * found here; the kernel is told which vector belongs to which.
 */

#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "collection.h"
#include "ivf.h"
#include "text.h"
#include "vexfs_format.h"

/* Records are read as bytes of the file, several at a time. */
struct source {
	int		fd;
	uint32_t	dim, stride;
	uint8_t		*buf;
	uint32_t	room;		/* records that fit buf */
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static int read_bytes(int fd, uint8_t *buf, size_t len, uint64_t pos)
{
	ssize_t n;

	for (; len; len -= n, buf += n, pos += n) {
		n = pread(fd, buf, len, pos);
		if (n < 0)
			return -errno;
		if (!n)
			return -EUCLEAN;
	}
	return 0;
}

static int read_rows(void *arg, uint64_t first, uint32_t count, float *rows)
{
	struct source *s = arg;
	uint32_t i, k, n, bits;
	const uint8_t *record;
	int err;

	for (; count; count -= n, first += n) {
		n = count < s->room ? count : s->room;
		err = read_bytes(s->fd, s->buf, (size_t)n * s->stride,
				 first * s->stride);
		if (err)
			return err;
		for (i = 0; i < n; i++) {
			record = s->buf + (size_t)i * s->stride;
			for (k = 0; k < s->dim; k++) {
				memcpy(&bits, record + VEXFS_VEC_HEAD + 4 * k,
				       4);
				bits = le32toh(bits);
				/* The kernel will say so; NaN would spread. */
				if ((bits & 0x7f800000) == 0x7f800000)
					bits = 0;
				memcpy(rows++, &bits, 4);
			}
		}
	}
	return 0;
}

static void print_index(const struct request *rq, const struct ivf *ivf,
			double train, double store)
{
	struct json js = { .out = stdout };

	if (!rq->json) {
		printf("%u vectors in %u lists, %.1f s to find them, %.1f s "
		       "to store them\n", ivf->count, ivf->lists, train,
		       store);
		return;
	}
	json_begin_object(&js, NULL);
	json_unsigned(&js, "count", ivf->count);
	json_unsigned(&js, "lists", ivf->lists);
	json_double(&js, "train_s", train);
	json_double(&js, "store_s", store);
	json_end_object(&js);
	putchar('\n');
}

static int make_index(const struct request *rq, int fd, struct ivf *ivf,
		      struct source *source)
{
	struct vexfs_vec_index index = {
		.version = VEXFS_API_VERSION, .dim = ivf->dim,
		.type = VEXFS_INDEX_IVF, .lists = ivf->lists,
		.count = ivf->count,
	};
	double begun = seconds(), trained;
	int err;

	err = ivf_train(ivf, read_rows, source);
	if (err) {
		errno = -err;
		return failed(rq->path, "find centroids");
	}
	trained = seconds();
	index.centroids = (uintptr_t)ivf->centroids;
	index.assignment = (uintptr_t)ivf->list_of;
	err = ioctl(fd, VEXFS_IOC_VEC_INDEX, &index);
	if (err)
		err = failed(rq->path, "store the index");
	else
		print_index(rq, ivf, trained - begun, seconds() - trained);
	ivf_end(ivf);
	return err;
}

static int drop_index(const struct request *rq, int fd, uint32_t dim)
{
	struct vexfs_vec_index index = {
		.version = VEXFS_API_VERSION, .dim = dim,
		.type = VEXFS_INDEX_NONE,
	};

	if (ioctl(fd, VEXFS_IOC_VEC_INDEX, &index))
		return failed(rq->path, "take the index away");
	if (rq->json)
		puts("{}");
	return 0;
}

int ctl_index(const struct request *rq)
{
	struct vexfs_vec_info info;
	struct source source = { 0 };
	struct ivf ivf = { 0 };
	uint64_t count;
	int status, fd;

	if (rq->value_count || (rq->drop && rq->lists)) {
		complain_usage("index takes --lists N, --drop or nothing");
		return CTL_USAGE;
	}
	fd = open_collection(rq->path, O_RDWR, &info);
	if (fd < 0)
		return CTL_FAILED;
	status = CTL_FAILED;
	if (rq->drop) {
		status = drop_index(rq, fd, info.dim);
		goto out;
	}
	count = info.next_id - 1;
	if (!count || count > VEXFS_MAX_INDEXED) {
		complain("%s: an index covers 1 to %u vectors, not %llu",
			 rq->path, VEXFS_MAX_INDEXED,
			 (unsigned long long)count);
		goto out;
	}
	ivf.dim = info.dim;
	ivf.metric = info.metric;
	ivf.count = count;
	ivf.lists = rq->lists ? rq->lists : ivf_lists(count);
	source.fd = fd;
	source.dim = info.dim;
	source.stride = info.stride;
	source.room = info.stride < 65536 ? 65536 / info.stride : 1;
	source.buf = malloc((size_t)source.room * source.stride);
	if (source.buf)
		status = make_index(rq, fd, &ivf, &source);
	else
		complain("%s", strerror(ENOMEM));
	free(source.buf);
out:
	close(fd);
	return status;
}
