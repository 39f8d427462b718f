// SPDX-License-Identifier: GPL-2.0
/*
 * `get` and `delete` one vector, `dump` all of them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collection.h"
#include "text.h"
#include "vector.h"

#define LIST_ROOM	4096		/* ids in one call */

struct vector {
	uint64_t	id;
	uint32_t	dim;
	float		row[VEXFS_MAX_DIM];
	uint8_t		meta[VEXFS_MAX_META];
	uint32_t	meta_len;
};

static bool get_vector(int fd, struct vector *v)
{
	struct vexfs_vec_get get = {
		.version = VEXFS_API_VERSION, .dim = v->dim, .id = v->id,
		.vector = (uintptr_t)v->row, .meta = (uintptr_t)v->meta,
		.meta_room = sizeof(v->meta),
	};

	if (ioctl(fd, VEXFS_IOC_VEC_GET, &get))
		return false;
	v->meta_len = get.meta_len < sizeof(v->meta) ? get.meta_len :
		      sizeof(v->meta);
	return true;
}

static void print_vector(const struct request *rq, struct json *js,
			 const struct vector *v)
{
	uint32_t i;

	if (rq->json) {
		json_begin_object(js, NULL);
		json_unsigned(js, "id", v->id);
		json_begin_array(js, "vector");
		for (i = 0; i < v->dim; i++)
			json_float(js, NULL, v->row[i]);
		json_end_array(js);
		json_bytes(js, "metadata", v->meta, v->meta_len);
		json_end_object(js);
		return;
	}
	for (i = 0; i < v->dim; i++)
		printf("%s%.9g", i ? " " : "", v->row[i]);
	if (v->meta_len) {
		printf(" | ");
		print_printable(v->meta, v->meta_len);
	}
	putchar('\n');
}

static bool parse_id(const char *text, uint64_t *id)
{
	if (parse_u64(text, UINT64_MAX, id) && *id)
		return true;
	complain_usage("'%s' is no vector's id", text);
	return false;
}

int ctl_get(const struct request *rq)
{
	struct json js = { .out = stdout };
	static struct vector v;
	struct vexfs_vec_info info;
	int fd, i, status = 0;

	if (!rq->value_count) {
		complain_usage("get needs an id");
		return CTL_USAGE;
	}
	fd = open_collection(rq->path, O_RDONLY, &info);
	if (fd < 0)
		return CTL_FAILED;
	v.dim = info.dim;
	for (i = 0; i < rq->value_count && !status; i++) {
		js.more = false;
		if (!parse_id(rq->values[i], &v.id))
			status = CTL_USAGE;
		else if (!get_vector(fd, &v))
			status = failed(rq->path, "get the vector");
		else
			print_vector(rq, &js, &v);
		if (!status && rq->json)
			putchar('\n');
	}
	close(fd);
	return status;
}

int ctl_delete(const struct request *rq)
{
	struct vexfs_vec_delete del = { .version = VEXFS_API_VERSION };
	struct json js = { .out = stdout };
	uint64_t id;
	int fd, i, status = 0, count = 0;

	if (!rq->value_count) {
		complain_usage("delete needs an id");
		return CTL_USAGE;
	}
	fd = open_file(rq->path, O_RDWR);
	if (fd < 0)
		return CTL_FAILED;
	for (i = 0; i < rq->value_count && !status; i++) {
		if (!parse_id(rq->values[i], &id)) {
			status = CTL_USAGE;
			break;
		}
		del.id = id;
		if (ioctl(fd, VEXFS_IOC_VEC_DELETE, &del))
			status = failed(rq->path, "delete the vector");
		else
			count++;
	}
	close(fd);
	if (rq->json) {
		json_begin_object(&js, NULL);
		json_unsigned(&js, "deleted", count);
		json_end_object(&js);
		putchar('\n');
	}
	return status;
}

/* Prints the vectors of one list of ids. */
static bool dump_ids(const struct request *rq, struct json *js, int fd,
		     const uint64_t *ids, uint32_t count, struct vector *v)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		v->id = ids[i];
		if (!get_vector(fd, v)) {
			if (errno == ENOENT)
				continue;	/* deleted meanwhile */
			failed(rq->path, "get a vector");
			return false;
		}
		if (!rq->json)
			printf("# %llu\n", (unsigned long long)v->id);
		print_vector(rq, js, v);
	}
	return true;
}

static bool dump_all(const struct request *rq, struct json *js, int fd,
		     struct vector *v)
{
	static uint64_t ids[LIST_ROOM];
	struct vexfs_vec_list list;
	uint64_t start = 1;

	while (start) {
		memset(&list, 0, sizeof(list));
		list.version = VEXFS_API_VERSION;
		list.room = LIST_ROOM;
		list.start = start;
		list.ids = (uintptr_t)ids;
		if (ioctl(fd, VEXFS_IOC_VEC_LIST, &list)) {
			failed(rq->path, "list the vectors");
			return false;
		}
		if (list.found > LIST_ROOM ||
		    (list.next && list.next <= start)) {
			complain("%s: the kernel's list makes no sense",
				 rq->path);
			return false;
		}
		if (!dump_ids(rq, js, fd, ids, list.found, v))
			return false;
		start = list.next;
	}
	return true;
}

int ctl_dump(const struct request *rq)
{
	struct json js = { .out = stdout };
	struct vexfs_vec_info info;
	static struct vector v;
	bool good;
	int fd;

	fd = open_collection(rq->path, O_RDONLY, &info);
	if (fd < 0)
		return CTL_FAILED;
	v.dim = info.dim;
	if (rq->json) {
		json_begin_object(&js, NULL);
		json_unsigned(&js, "dim", info.dim);
		json_string(&js, "metric", metric_name(info.metric));
		json_unsigned(&js, "meta_size", info.meta_size);
		json_begin_array(&js, "vectors");
	}
	good = dump_all(rq, &js, fd, &v);
	if (rq->json) {
		json_end_array(&js);
		json_end_object(&js);
		putchar('\n');
	}
	close(fd);
	return good ? 0 : CTL_FAILED;
}
