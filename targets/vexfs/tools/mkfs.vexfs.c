// SPDX-License-Identifier: GPL-2.0
/*
 * mkfs.vexfs: make a VexFS on a block device or in an image file.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crc32c.h"
#include "mkfs/mkfs.h"
#include "text.h"

#define EXIT_USAGE 2

struct request {
	const char	*path;
	const char	*label;
	const char	*source;	/* folder to copy */
	uint8_t		uuid[16];
	bool		have_uuid;
	uint64_t	blocks;		/* 0: the whole device */
	uint64_t	inodes;		/* 0: as suits */
	uint64_t	journal;	/* 0: as suits */
	uint64_t	time;
	bool		force;
	bool		dry_run;
	bool		quiet;
};

static void help(void)
{
	printf("Usage: %s [options] DEVICE [SIZE]\n"
	       "Make a VexFS filesystem on a block device or in an image file.\n"
	       "SIZE is a number of blocks of %d bytes, or bytes with a suffix K, M, G or T;\n"
	       "an image file is made, or grown, to that size. Default: the whole device.\n"
	       "\n"
	       "  -L, --label LABEL     volume label, at most %d bytes\n"
	       "  -U, --uuid UUID       identity, instead of a random one\n"
	       "  -N, --inodes COUNT    number of inodes, rounded up (default: one for 16 KiB)\n"
	       "  -J, --journal SIZE    journal, %d to %d blocks (default: by size)\n"
	       "  -d, --directory DIR   copy what is in DIR into the filesystem\n"
	       "  -T, --time SECONDS    take this for the time, since 1970 (with -U: the same\n"
	       "                        bytes each time)\n"
	       "  -s, --size SIZE       the same as SIZE\n"
	       "  -n, --dry-run         say what would be made, write nothing\n"
	       "  -f, --force           overwrite another filesystem or partition table\n"
	       "  -q, --quiet           print errors only\n"
	       "  -h, --help            show this\n"
	       "  -V, --version         show the version\n"
	       "\n"
	       "Exit status: 0 made, 1 failed, %d wrong usage.\n",
	       program, VEXFS_BLOCK_SIZE, VEXFS_LABEL_MAX,
	       VEXFS_MIN_JOURNAL_BLOCKS, VEXFS_MAX_JOURNAL_BLOCKS, EXIT_USAGE);
}

static const struct option options[] = {
	{ "label",	required_argument,	NULL, 'L' },
	{ "uuid",	required_argument,	NULL, 'U' },
	{ "inodes",	required_argument,	NULL, 'N' },
	{ "journal",	required_argument,	NULL, 'J' },
	{ "directory",	required_argument,	NULL, 'd' },
	{ "time",	required_argument,	NULL, 'T' },
	{ "size",	required_argument,	NULL, 's' },
	{ "dry-run",	no_argument,		NULL, 'n' },
	{ "force",	no_argument,		NULL, 'f' },
	{ "quiet",	no_argument,		NULL, 'q' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ }
};

static bool bad_value(const char *what, const char *text)
{
	complain_usage("'%s' is not %s", text, what);
	return false;
}

static bool set_size(struct request *rq, const char *text)
{
	if (!parse_blocks(text, &rq->blocks) || !rq->blocks)
		return bad_value("a size", text);
	return true;
}

static bool set_option(struct request *rq, int option)
{
	switch (option) {
	case 'L':
		if (strlen(optarg) > VEXFS_LABEL_MAX) {
			complain_usage("the label is longer than %d bytes",
				       VEXFS_LABEL_MAX);
			return false;
		}
		rq->label = optarg;
		return true;
	case 'U':
		rq->have_uuid = parse_uuid(optarg, rq->uuid);
		return rq->have_uuid || bad_value("a uuid", optarg);
	case 'N':
		return (parse_u64(optarg, UINT32_MAX, &rq->inodes) &&
			rq->inodes) ||
		       bad_value("a number of inodes", optarg);
	case 'J':
		return (parse_blocks(optarg, &rq->journal) && rq->journal) ||
		       bad_value("a journal size", optarg);
	case 'T':
		return parse_u64(optarg, INT64_MAX, &rq->time) ||
		       bad_value("a time in seconds", optarg);
	case 's':
		return set_size(rq, optarg);
	case 'd':
		rq->source = optarg;
		return true;
	case 'n':
		rq->dry_run = true;
		return true;
	case 'f':
		rq->force = true;
		return true;
	case 'q':
		rq->quiet = true;
		return true;
	default:
		complain("Try '%s --help'.", program);
		return false;
	}
}

static bool parse_args(struct request *rq, int argc, char **argv)
{
	int option;

	rq->time = time(NULL);
	while ((option = getopt_long(argc, argv, "L:U:N:J:d:T:s:nfqhV",
				     options, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			option == 'h' ? help() : print_version();
			exit(EXIT_SUCCESS);
		}
		if (!set_option(rq, option))
			return false;
	}
	if (optind == argc) {
		complain_usage("no device given");
		return false;
	}
	rq->path = argv[optind++];
	if (optind < argc && !set_size(rq, argv[optind++]))
		return false;
	if (optind < argc) {
		complain_usage("'%s' is one argument too many", argv[optind]);
		return false;
	}
	if (rq->blocks > INT64_MAX / VEXFS_BLOCK_SIZE) {
		complain_usage("the size is larger than any device");
		return false;
	}
	return true;
}

/* May this device be overwritten, and is it large enough? */
static bool may_write(const struct request *rq, struct device *dev)
{
	const char *found;

	found = device_signature(dev);
	if (found && !rq->force) {
		complain("%s holds %s; use -f to overwrite it", rq->path,
			 found);
		return false;
	}
	if (rq->blocks > dev->blocks && dev->is_block) {
		complain("%s has %llu blocks of %d bytes, not %llu", rq->path,
			 (unsigned long long)dev->blocks, VEXFS_BLOCK_SIZE,
			 (unsigned long long)rq->blocks);
		return false;
	}
	return true;
}

static bool make_super(struct fs *fs, const struct request *rq)
{
	struct vexfs_super_block *sb = &fs->sb;

	if (rq->have_uuid)
		memcpy(sb->s_uuid, rq->uuid, sizeof(sb->s_uuid));
	else if (!random_bytes(sb->s_uuid, sizeof(sb->s_uuid))) {
		complain("no random numbers to be had");
		return false;
	} else {
		sb->s_uuid[6] = (sb->s_uuid[6] & 0x0f) | 0x40; /* version 4 */
		sb->s_uuid[8] = (sb->s_uuid[8] & 0x3f) | 0x80; /* RFC 4122 */
	}
	if (rq->label)
		memcpy(sb->s_label, rq->label, strlen(rq->label));
	fs->lo.seed = csum_seed(sb);
	/* As random as the uuid, and the same when the uuid is. */
	fs->lo.hash_seed = crc32c(fs->lo.seed, "name hash", 9);
	layout_store(&fs->lo, sb);
	sb->s_state = htole32(VEXFS_STATE_CLEAN);
	sb->s_mkfs_time = htole64(rq->time);
	sb->s_write_time = htole64(rq->time);
	fs->now = rq->time;
	return true;
}

static void report(const struct fs *fs, const struct request *rq)
{
	const struct layout *lo = &fs->lo;
	uint64_t meta = 0;
	char uuid[37];
	uint32_t i;

	for (i = 0; i < lo->groups; i++)
		meta += group_data(lo, i) - group_first(i);
	format_uuid(fs->sb.s_uuid, uuid);
	printf("%s%s: %u blocks of %d bytes in %u group%s\n"
	       "uuid     %s\n"
	       "label    %.*s\n"
	       "inodes   %u (%u in a group)\n"
	       "journal  %u blocks from block %u\n"
	       "data     %llu blocks\n",
	       rq->dry_run ? "would make " : "", rq->path, lo->blocks,
	       VEXFS_BLOCK_SIZE, lo->groups, lo->groups == 1 ? "" : "s",
	       uuid, VEXFS_LABEL_MAX, fs->sb.s_label, lo->inodes,
	       lo->inodes_per_group, lo->journal_blocks, lo->journal_start,
	       (unsigned long long)(lo->blocks - meta));
}

static int write_filesystem(struct fs *fs, const struct request *rq,
			    struct device *dev)
{
	int err = 0;

	if (rq->blocks > dev->blocks)
		err = device_resize(dev, rq->blocks * VEXFS_BLOCK_SIZE);
	if (!err)
		err = fs_start(fs, dev);
	if (err) {
		complain("%s: %s", rq->path, strerror(-err));
		return err;
	}
	err = mkfs_begin(fs);
	if (!err && rq->source) {
		err = mkfs_populate(fs, rq->source);
		if (err)
			goto out;	/* it has said why */
	}
	if (!err)
		err = mkfs_finish(fs);
	if (err)
		complain("cannot write to %s: %s", rq->path, strerror(-err));
out:
	fs_end(fs);
	return err;
}

static int make_filesystem(const struct request *rq, struct device *dev)
{
	struct fs fs = { 0 };
	char why[160];

	if (!may_write(rq, dev))
		return EXIT_FAILURE;
	if (!layout_plan(&fs.lo, rq->blocks ? rq->blocks : dev->blocks,
			 rq->inodes, rq->journal, why, sizeof(why))) {
		complain("%s: %s", rq->path, why);
		return EXIT_FAILURE;
	}
	if (!make_super(&fs, rq))
		return EXIT_FAILURE;
	if (!rq->dry_run && write_filesystem(&fs, rq, dev))
		return EXIT_FAILURE;
	if (!rq->quiet)
		report(&fs, rq);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct request rq = { 0 };
	char where[256];
	struct device dev;
	bool made = false;
	int err, flags, status;

	program = "mkfs.vexfs";
	if (!parse_args(&rq, argc, argv))
		return EXIT_USAGE;
	if (device_mounted(rq.path, where, sizeof(where))) {
		complain("%s is mounted on %s", rq.path, where);
		return EXIT_FAILURE;
	}
	flags = rq.dry_run ? O_RDONLY : O_RDWR;
	err = device_open(&dev, rq.path, flags);
	if (err == -ENOENT && rq.blocks && rq.dry_run) {
		dev = (struct device){ .fd = -1, .direct = -1 };
		err = 0;
	} else if (err == -ENOENT && rq.blocks) {
		made = true;
		err = device_open(&dev, rq.path, flags | O_CREAT | O_EXCL);
	}
	if (err) {
		complain("%s: %s", rq.path,
			 err == -EBUSY ? "in use by the system" :
			 err == -ENOTBLK ? "not a block device or a file" :
			 strerror(-err));
		return EXIT_FAILURE;
	}
	status = make_filesystem(&rq, &dev);
	err = device_close(&dev);
	if (err && !status) {
		complain("%s: %s", rq.path, strerror(-err));
		status = EXIT_FAILURE;
	}
	if (status && made)
		unlink(rq.path);
	return status;
}
