// SPDX-License-Identifier: GPL-2.0
/*
 * dumpvexfs: show what stands in a VexFS image, and change single fields.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump/dump.h"
#include "text.h"
#include "walk.h"

#define EXIT_USAGE 2

static void help(void)
{
	printf("Usage: %s [options] DEVICE\n"
	       "Show the structures of a VexFS on a device or in an image file.\n"
	       "\n"
	       "  -s, --super            the superblock (default)\n"
	       "  -g, --groups           group descriptors\n"
	       "  -J, --journal          the journal's superblock\n"
	       "  -i, --inode WHAT       an inode; WHAT is its number or a path\n"
	       "  -d, --directory WHAT   the entries of a directory\n"
	       "  -m, --map WHAT         the blocks of a file\n"
	       "  -x, --xattrs WHAT      extended attributes\n"
	       "  -c, --collection WHAT  the vectors of a collection\n"
	       "  -F, --fields           every field in use: name, byte offset in the image,\n"
	       "                         size and value, one JSON object a line\n"
	       "  -S, --set NAME=VALUE   change a field that --fields names\n"
	       "  -k, --seal             with --set: make the checksum over it right again\n"
	       "  -j, --json             JSON instead of text\n"
	       "  -h, --help             show this\n"
	       "  -V, --version          show the version\n"
	       "\n"
	       "Exit status: 0 done, 1 failed, %d wrong usage.\n",
	       program, EXIT_USAGE);
}

static const struct option options[] = {
	{ "super",	no_argument,		NULL, 's' },
	{ "groups",	no_argument,		NULL, 'g' },
	{ "journal",	no_argument,		NULL, 'J' },
	{ "inode",	required_argument,	NULL, 'i' },
	{ "directory",	required_argument,	NULL, 'd' },
	{ "map",	required_argument,	NULL, 'm' },
	{ "xattrs",	required_argument,	NULL, 'x' },
	{ "collection",	required_argument,	NULL, 'c' },
	{ "fields",	no_argument,		NULL, 'F' },
	{ "set",	required_argument,	NULL, 'S' },
	{ "seal",	no_argument,		NULL, 'k' },
	{ "json",	no_argument,		NULL, 'j' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ }
};

/* Views by option letter; those of an inode get it beforehand. */
static const struct {
	int	option;
	bool	of_inode;
	int	(*show)(struct view *v);
} views[] = {
	{ 's', false, show_super },
	{ 'g', false, show_groups },
	{ 'J', false, show_journal },
	{ 'i', true, show_inode },
	{ 'd', true, show_directory },
	{ 'm', true, show_map },
	{ 'x', true, show_xattrs },
	{ 'c', true, show_collection },
};

struct request {
	int		what;		/* option letter */
	const char	*argument;
	bool		json;
	bool		seal;
	const char	*path;
};

static bool parse_args(struct request *rq, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "sgJi:d:m:x:c:FS:kjhV",
				     options, NULL)) != -1) {
		switch (option) {
		case 'h':
			help();
			exit(EXIT_SUCCESS);
		case 'V':
			print_version();
			exit(EXIT_SUCCESS);
		case 'j':
			rq->json = true;
			break;
		case 'k':
			rq->seal = true;
			break;
		case '?':
			complain("Try '%s --help'.", program);
			return false;
		default:
			if (rq->what) {
				complain_usage("only one thing can be shown");
				return false;
			}
			rq->what = option;
			rq->argument = optarg;
		}
	}
	if (rq->seal && rq->what != 'S') {
		complain_usage("--seal goes with --set");
		return false;
	}
	if (optind + 1 != argc) {
		complain_usage(optind == argc ? "no device given" :
			       "more than one device given");
		return false;
	}
	rq->path = argv[optind];
	if (!rq->what)
		rq->what = 's';
	return true;
}

static int run_view(struct image *im, const struct request *rq)
{
	struct view v = { .im = im, .json = rq->json };
	size_t i = 0;
	int err;

	v.js.out = stdout;
	while (views[i].option != rq->what)
		i++;
	if (views[i].of_inode) {
		err = find_inode(im, rq->argument, &v.ino);
		if (!err)
			err = walk_read_inode(&im->dev, &im->lo, v.ino,
					      &v.inode);
		if (err) {
			complain("%s: %s", rq->argument, err == -EINVAL ?
				 "neither an inode number nor an absolute path"
				 : strerror(-err));
			return err;
		}
	}
	return views[i].show(&v);
}

static int run(struct image *im, const struct request *rq)
{
	uint8_t block[VEXFS_BLOCK_SIZE];
	char why[160];
	bool sound;
	int err;

	err = device_read(&im->dev, VEXFS_SUPER_BLOCK, block);
	if (err) {
		complain("%s: cannot read the superblock: %s", rq->path,
			 strerror(-err));
		return err;
	}
	memcpy(&im->sb, block, sizeof(im->sb));
	sound = layout_load(&im->lo, &im->sb, im->dev.blocks, why, sizeof(why));
	if (!sound && rq->what != 's') {
		complain("%s: %s; only --super can be shown", rq->path, why);
		return -EUCLEAN;
	}
	if (rq->what == 'F')
		return show_fields(im);
	if (rq->what == 'S')
		return set_field(im, rq->argument, rq->seal);
	err = run_view(im, rq);
	if (!sound)
		complain("%s: %s", rq->path, why);
	return err;
}

int main(int argc, char **argv)
{
	struct request rq = { 0 };
	struct image im = { 0 };
	int err;

	program = "dumpvexfs";
	if (!parse_args(&rq, argc, argv))
		return EXIT_USAGE;
	err = device_open(&im.dev, rq.path,
			  rq.what == 'S' ? O_RDWR : O_RDONLY);
	if (err) {
		complain("%s: %s", rq.path, strerror(-err));
		return EXIT_FAILURE;
	}
	err = run(&im, &rq);
	if (err == -EIO || err == -ENXIO || err == -ELOOP)
		complain("%s: stopped: %s", rq.path, strerror(-err));
	device_close(&im.dev);
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
