// SPDX-License-Identifier: GPL-2.0
/*
 * What the commands of vexctl share: a collection opened, errors told, one
 * vector read; and `create`.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collection.h"
#include "text.h"
#include "vector.h"

static const struct {
	int		err;
	const char	*text;
} reasons[] = {
	{ ENOTTY, "not on a VexFS" },
	{ ENODATA, "no vector collection" },
	{ EUCLEAN, "stored data are damaged; unmount and run fsck.vexfs" },
	{ EBADF, "not open for that" },
	{ ENOENT, "no such file, vector or index" },
};

int failed(const char *path, const char *what)
{
	const char *why = strerror(errno);
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].err == errno)
			why = reasons[i].text;
	complain("%s: cannot %s: %s", path, what, why);
	return CTL_FAILED;
}

int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		complain("%s: %s", path, strerror(errno));
	return fd;
}

static bool read_info(int fd, const char *path, struct vexfs_vec_info *info)
{
	memset(info, 0, sizeof(*info));
	info->version = VEXFS_API_VERSION;
	if (!ioctl(fd, VEXFS_IOC_VEC_INFO, info) && info->dim &&
	    info->dim <= VEXFS_MAX_DIM && info->meta_size <= VEXFS_MAX_META)
		return true;
	failed(path, "read what the collection is");
	return false;
}

/* Opens a collection and learns its dimension. */
int open_collection(const char *path, int flags,
		    struct vexfs_vec_info *info)
{
	int fd = open_file(path, flags);

	if (fd >= 0 && !read_info(fd, path, info)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void print_printable(const uint8_t *data, uint32_t len)
{
	for (; len; len--, data++)
		putchar(*data < ' ' || *data == 0x7f ? '?' : *data);
}

/* The vector given as operands or in --from; 0: complained. */
uint32_t read_one(const struct request *rq, float *row)
{
	struct input *in;
	uint64_t i;
	uint32_t dim = 0;
	int n = 1;

	if (rq->from) {
		if (rq->value_count) {
			complain_usage("a vector comes from --from or the "
				       "command line, not both");
			return 0;
		}
		in = input_open(rq->from, rq->format);
		for (i = 0; in && n == 1 && i <= rq->row; i++)
			n = input_next(in);
		if (in && n == 1) {
			dim = input_dim(in);
			memcpy(row, input_row(in), dim * sizeof(*row));
		} else if (in && !n) {
			complain("%s: has no vector %llu", rq->from,
				 (unsigned long long)rq->row);
		}
		if (in)
			input_close(in);
		return dim;
	}
	for (i = 0; i < (uint64_t)rq->value_count; i++) {
		n = parse_vector(rq->values[i], row + dim,
				 VEXFS_MAX_DIM - dim);
		if (n < 0) {
			complain_usage("'%s' is no list of up to %u finite "
				       "numbers", rq->values[i],
				       VEXFS_MAX_DIM);
			return 0;
		}
		dim += n;
	}
	if (!dim)
		complain_usage("no vector given");
	return dim;
}

bool dim_matches(const char *path, uint32_t dim,
		 const struct vexfs_vec_info *info)
{
	if (dim == info->dim)
		return true;
	complain("%s: its vectors have %u components, not %u", path,
		 info->dim, dim);
	return false;
}

int ctl_create(const struct request *rq)
{
	struct vexfs_vec_create create = {
		.version = VEXFS_API_VERSION, .dim = rq->dim,
		.metric = rq->metric, .meta_size = rq->meta_size,
	};
	struct json js = { .out = stdout };
	bool made = true;
	int fd, status = 0;

	if (!rq->dim) {
		complain_usage("create needs --dim");
		return CTL_USAGE;
	}
	fd = open(rq->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST) {
		made = false;
		fd = open_file(rq->path, O_RDWR);
	} else if (fd < 0) {
		failed(rq->path, "make the file");
	}
	if (fd < 0)
		return CTL_FAILED;
	if (ioctl(fd, VEXFS_IOC_VEC_CREATE, &create)) {
		status = failed(rq->path, "make it a collection");
		if (made)
			unlink(rq->path);
	} else if (rq->json) {
		json_begin_object(&js, NULL);
		json_string(&js, "path", rq->path);
		json_unsigned(&js, "dim", rq->dim);
		json_string(&js, "metric", metric_name(rq->metric));
		json_unsigned(&js, "meta_size", rq->meta_size);
		json_end_object(&js);
		putchar('\n');
	}
	close(fd);
	return status;
}
