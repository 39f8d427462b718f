// SPDX-License-Identifier: GPL-2.0
/*
 * `status` of a filesystem, `stats` of a collection.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collection.h"
#include "text.h"
#include "vector.h"
#include "vexfs_format.h"

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
		if (info.index_type)
			printf("  lists        %u\n"
			       "  covers       %llu vectors\n"
			       "  size         %llu bytes, %llu in memory\n",
			       info.index_lists,
			       (unsigned long long)info.index_count,
			       (unsigned long long)info.index_bytes,
			       (unsigned long long)info.index_memory);
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
	json_unsigned(&js, "index_lists", info.index_lists);
	json_unsigned(&js, "index_count", info.index_count);
	json_unsigned(&js, "index_bytes", info.index_bytes);
	json_unsigned(&js, "index_memory", info.index_memory);
	json_end_object(&js);
	putchar('\n');
	return 0;
}
