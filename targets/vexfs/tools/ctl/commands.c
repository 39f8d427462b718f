// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of vexctl, each a thin layer over one ioctl.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "text.h"
#include "vector.h"
#include "vexfs_format.h"

#define BATCH_BYTES	(8u << 20)	/* of vectors in one call */
#define LIST_ROOM	4096		/* ids in one call */

static const struct {
	int		err;
	const char	*text;
} reasons[] = {
	{ ENOTTY, "not on a VexFS" },
	{ ENODATA, "no vector collection" },
	{ EUCLEAN, "stored data are damaged; unmount and run fsck.vexfs" },
	{ EBADF, "not open for that" },
	{ ENOENT, "no such file or vector" },
};

static int failed(const char *path, const char *what)
{
	const char *why = strerror(errno);
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].err == errno)
			why = reasons[i].text;
	complain("%s: cannot %s: %s", path, what, why);
	return CTL_FAILED;
}

static int open_file(const char *path, int flags)
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
static int open_collection(const char *path, int flags,
			   struct vexfs_vec_info *info)
{
	int fd = open_file(path, flags);

	if (fd >= 0 && !read_info(fd, path, info)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void print_printable(const uint8_t *data, uint32_t len)
{
	for (; len; len--, data++)
		putchar(*data < ' ' || *data == 0x7f ? '?' : *data);
}

static void print_status(const struct vexfs_fs_info *info)
{
	char uuid[37];

	format_uuid(info->uuid, uuid);
	printf("uuid           %s\n", uuid);
	printf("label          ");
	print_printable((const uint8_t *)info->label,
			strnlen(info->label, sizeof(info->label)));
	printf("\nblock size     %u\n"
	       "blocks         %llu, %llu free\n"
	       "inodes         %llu, %llu free\n"
	       "journal        %u blocks\n"
	       "mounts         %u\n"
	       "errors         %u%s\n",
	       info->block_size, (unsigned long long)info->blocks,
	       (unsigned long long)info->free_blocks,
	       (unsigned long long)info->inodes,
	       (unsigned long long)info->free_inodes, info->journal_blocks,
	       info->mount_count, info->error_count,
	       info->state & VEXFS_STATE_ERROR ? ", needs fsck" : "");
}

static void print_status_json(const struct vexfs_fs_info *info)
{
	struct json js = { .out = stdout };
	char uuid[37];

	format_uuid(info->uuid, uuid);
	json_begin_object(&js, NULL);
	json_string(&js, "uuid", uuid);
	json_bytes(&js, "label", info->label,
		   strnlen(info->label, sizeof(info->label)));
	json_unsigned(&js, "block_size", info->block_size);
	json_unsigned(&js, "blocks", info->blocks);
	json_unsigned(&js, "free_blocks", info->free_blocks);
	json_unsigned(&js, "inodes", info->inodes);
	json_unsigned(&js, "free_inodes", info->free_inodes);
	json_unsigned(&js, "journal_blocks", info->journal_blocks);
	json_unsigned(&js, "state", info->state);
	json_unsigned(&js, "mount_count", info->mount_count);
	json_unsigned(&js, "error_count", info->error_count);
	json_end_object(&js);
	putchar('\n');
}

int ctl_status(const struct request *rq)
{
	struct vexfs_fs_info info = { .version = VEXFS_API_VERSION };
	int fd, status = 0;

	fd = open_file(rq->path, O_RDONLY);
	if (fd < 0)
		return CTL_FAILED;
	if (ioctl(fd, VEXFS_IOC_FS_INFO, &info))
		status = failed(rq->path, "read the filesystem's state");
	else if (rq->json)
		print_status_json(&info);
	else
		print_status(&info);
	close(fd);
	return status;
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

/* The vector given as operands or in --from; 0: complained. */
static uint32_t read_one(const struct request *rq, float *row)
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

static bool dim_matches(const char *path, uint32_t dim,
			const struct vexfs_vec_info *info)
{
	if (dim == info->dim)
		return true;
	complain("%s: its vectors have %u components, not %u", path,
		 info->dim, dim);
	return false;
}

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

static void print_results(const struct request *rq,
			  const struct vexfs_vec_search *search,
			  const struct vexfs_vec_result *results)
{
	struct json js = { .out = stdout };
	uint32_t i;

	if (!rq->json) {
		for (i = 0; i < search->found; i++)
			printf("%llu %.17g\n",
			       (unsigned long long)results[i].id,
			       vexfs_distance(&results[i]));
		return;
	}
	json_begin_object(&js, NULL);
	json_unsigned(&js, "scanned", search->scanned);
	json_begin_array(&js, "results");
	for (i = 0; i < search->found; i++) {
		json_begin_object(&js, NULL);
		json_unsigned(&js, "id", results[i].id);
		json_double(&js, "distance", vexfs_distance(&results[i]));
		json_end_object(&js);
	}
	json_end_array(&js);
	json_end_object(&js);
	putchar('\n');
}

int ctl_search(const struct request *rq)
{
	struct vexfs_vec_search search = {
		.version = VEXFS_API_VERSION, .k = rq->k,
	};
	struct vexfs_vec_result *results;
	static float row[VEXFS_MAX_DIM];
	struct vexfs_vec_info info;
	int fd, status = CTL_FAILED;

	search.dim = read_one(rq, row);
	if (!search.dim)
		return CTL_USAGE;
	fd = open_collection(rq->path, O_RDONLY, &info);
	if (fd < 0)
		return CTL_FAILED;
	results = calloc(rq->k, sizeof(*results));
	if (!results)
		complain("%s", strerror(ENOMEM));
	if (!results || !dim_matches(rq->path, search.dim, &info))
		goto out;
	search.query = (uintptr_t)row;
	search.results = (uintptr_t)results;
	if (ioctl(fd, VEXFS_IOC_VEC_SEARCH, &search)) {
		status = failed(rq->path, "search");
	} else if (search.found > rq->k) {
		complain("%s: the kernel claims %u results for %u", rq->path,
			 search.found, rq->k);
	} else {
		print_results(rq, &search, results);
		status = 0;
	}
out:
	free(results);
	close(fd);
	return status;
}

int ctl_stats(const struct request *rq)
{
	struct json js = { .out = stdout };
	struct vexfs_vec_info info;
	int fd;

	fd = open_collection(rq->path, O_RDONLY, &info);
	if (fd < 0)
		return CTL_FAILED;
	close(fd);
	if (!rq->json) {
		printf("dimension      %u\n"
		       "metric         %s\n"
		       "metadata       %u bytes\n"
		       "vectors        %llu\n"
		       "deleted        %llu\n"
		       "next id        %llu\n"
		       "size           %llu bytes, %u a vector\n"
		       "index          %s\n",
		       info.dim, metric_name(info.metric), info.meta_size,
		       (unsigned long long)info.live,
		       (unsigned long long)info.deleted,
		       (unsigned long long)info.next_id,
		       (unsigned long long)info.bytes, info.stride,
		       info.index_type ? "approximate" : "none, exact search");
		return 0;
	}
	json_begin_object(&js, NULL);
	json_unsigned(&js, "dim", info.dim);
	json_string(&js, "metric", metric_name(info.metric));
	json_unsigned(&js, "meta_size", info.meta_size);
	json_unsigned(&js, "live", info.live);
	json_unsigned(&js, "deleted", info.deleted);
	json_unsigned(&js, "next_id", info.next_id);
	json_unsigned(&js, "bytes", info.bytes);
	json_unsigned(&js, "stride", info.stride);
	json_unsigned(&js, "index_type", info.index_type);
	json_end_object(&js);
	putchar('\n');
	return 0;
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
