// SPDX-License-Identifier: GPL-2.0
/*
 * fsck.vexfs: check and repair a VexFS.
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

#include "fsck/fsck.h"
#include "json.h"
#include "text.h"

volatile sig_atomic_t fsck_signal;

static void on_signal(int number)
{
	fsck_signal = number;
}

static void help(void)
{
	printf("Usage: %s [options] DEVICE\n"
	       "Check a VexFS filesystem on a block device or in an image file.\n"
	       "\n"
	       "  -n, --no           change nothing, say what is wrong\n"
	       "  -y, --yes          repair everything\n"
	       "  -p, -a, --preen    repair what is harmless; a filesystem that was unmounted\n"
	       "                     cleanly is not looked at\n"
	       "  -f, --force        with -p: look at it all the same\n"
	       "  -j, --json         one JSON object a line for programs\n"
	       "  -v, --verbose      say what is being done\n"
	       "  -h, --help         show this\n"
	       "  -V, --version      show the version\n"
	       "\n"
	       "Without -n, -y and -p it asks before each repair.\n"
	       "\n"
	       "Exit status: %d nothing wrong, %d repaired, %d errors left, %d operational error,\n"
	       "%d wrong usage, %d cancelled.\n",
	       program, FSCK_OK, FSCK_CORRECTED, FSCK_UNCORRECTED, FSCK_ERROR,
	       FSCK_USAGE, FSCK_CANCELED);
}

static const struct option options[] = {
	{ "no",		no_argument,	NULL, 'n' },
	{ "yes",	no_argument,	NULL, 'y' },
	{ "preen",	no_argument,	NULL, 'p' },
	{ "force",	no_argument,	NULL, 'f' },
	{ "json",	no_argument,	NULL, 'j' },
	{ "verbose",	no_argument,	NULL, 'v' },
	{ "help",	no_argument,	NULL, 'h' },
	{ "version",	no_argument,	NULL, 'V' },
	{ }
};

static bool set_mode(struct check *c, enum mode mode)
{
	if (c->mode != MODE_ASK && c->mode != mode) {
		complain_usage("only one of -n, -y and -p can be given");
		return false;
	}
	c->mode = mode;
	return true;
}

static bool set_option(struct check *c, int option)
{
	switch (option) {
	case 'n':
		return set_mode(c, MODE_NO);
	case 'y':
		return set_mode(c, MODE_YES);
	case 'p':
	case 'a':
		return set_mode(c, MODE_PREEN);
	case 'f':
		c->force = true;
		return true;
	case 'j':
		c->json = true;
		return true;
	case 'v':
		c->verbose = true;
		return true;
	default:
		complain("Try '%s --help'.", program);
		return false;
	}
}

static const char *parse_args(struct check *c, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "nypafjvhV", options,
				     NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			option == 'h' ? help() : print_version();
			exit(FSCK_OK);
		}
		if (!set_option(c, option))
			return NULL;
	}
	if (optind + 1 != argc) {
		complain_usage(optind == argc ? "no device given" :
			       "more than one device given");
		return NULL;
	}
	return argv[optind];
}

static void forget_round(struct check *c)
{
	uint32_t group;

	for (group = 0; c->nodes && group < c->fs.lo.groups; group++)
		free(c->nodes[group]);
	free(c->nodes);
	free(c->meta_blocks);
	c->nodes = NULL;
	c->meta_blocks = NULL;
	list_free(&c->dir_blocks);
	list_free(&c->patches);
	list_free(&c->late_links);
	list_free(&c->collections);
	fs_end(&c->fs);
}

static bool start_round(struct check *c)
{
	size_t bytes = c->fs.lo.blocks / 8 + 1;

	c->lost_found = 0;
	c->files = 0;
	c->dirs = 0;
	c->indexes = 0;
	c->visits = 0;
	/* Kept from round to round, so for any size the next may find. */
	if (!c->keep_meta)
		c->keep_meta = calloc(1, c->dev->blocks / 8 + 1);
	c->meta_blocks = calloc(1, bytes);
	c->nodes = calloc(c->fs.lo.groups, sizeof(*c->nodes));
	if (!c->keep_meta || !c->meta_blocks || !c->nodes ||
	    fs_start(&c->fs, c->dev)) {
		failure(c, "find memory for", 0, -ENOMEM);
		return false;
	}
	return true;
}

static void say_pass(struct check *c, const char *what)
{
	if (c->verbose && !stopped(c))
		note(c, "Round %u: %s", c->round, what);
}

static void run_round(struct check *c)
{
	c->round++;
	c->found = 0;
	c->fixed = 0;
	c->left = 0;
	c->again = false;
	say_pass(c, "superblock and journal");
	if (!check_super(c)) {
		/* Without a superblock nothing may be written. */
		c->failed = c->failed || !c->stop;
		c->stop = true;
		return;
	}
	check_journal(c);
	if (!stopped(c))
		work_off_orphans(c);
	if (stopped(c) || !start_round(c))
		return;
	say_pass(c, "inodes");
	check_inodes(c);
	say_pass(c, "directories");
	check_dirs(c);
	/* Nothing is concluded as long as something must be seen anew. */
	if (c->again)
		return;
	say_pass(c, "tree");
	check_tree(c);
	claim_indexes(c);
	say_pass(c, "links");
	check_links(c);
	say_pass(c, "collections");
	check_collections(c);
	if (c->again)
		return;
	say_pass(c, "bitmaps and counters");
	check_groups(c);
	check_super_copies(c);
}

static void run_rounds(struct check *c)
{
	do {
		forget_round(c);
		if (c->round && c->verbose)
			note(c, "Checking again.");
		run_round(c);
		c->fixed_ever += c->fixed;
	} while (!stopped(c) && c->round < FSCK_MAX_ROUNDS &&
		 c->mode != MODE_NO &&
		 (c->again || (c->fixed && c->mode != MODE_ASK)));
}

/* All is well: the next mount need not care. */
static void mark_clean(struct check *c)
{
	if (c->mode == MODE_NO || stopped(c) || c->left ||
	    le32toh(c->fs.sb.s_state) & VEXFS_STATE_CLEAN)
		return;
	c->fs.sb.s_state |= htole32(VEXFS_STATE_CLEAN);
	c->fs.sb.s_write_time = htole64(c->fs.now);
	write_super(c);
}

static int exit_status(struct check *c)
{
	int status = c->fixed_ever ? FSCK_CORRECTED : FSCK_OK;

	if (c->left || c->again)
		status = FSCK_UNCORRECTED;
	if (c->failed)
		status = FSCK_ERROR;
	if (fsck_signal)
		status = FSCK_CANCELED;
	return status;
}

static const char *verdict(int status)
{
	switch (status) {
	case FSCK_OK:
		return "clean";
	case FSCK_CORRECTED:
		return "repaired";
	case FSCK_UNCORRECTED:
		return "has errors";
	case FSCK_CANCELED:
		return "check cancelled";
	default:
		return "check failed";
	}
}

static void summary(struct check *c, int status)
{
	struct json js = { .out = stdout };
	uint32_t blocks = 0;

	if (c->fs.blocks_used)
		blocks = count_bits(c->fs.blocks_used, c->fs.lo.blocks);
	if (!c->json) {
		if (c->preen_stop)
			printf("%s: this needs more than -p, run it with -y "
			       "or without\n", c->dev->path);
		printf("%s: %s, %u files, %u directories, %u of %u blocks "
		       "used\n", c->dev->path, verdict(status), c->files,
		       c->dirs, blocks, c->fs.lo.blocks);
		return;
	}
	json_begin_object(&js, NULL);
	json_string(&js, "device", c->dev->path);
	json_string(&js, "result", verdict(status));
	json_unsigned(&js, "status", status);
	json_unsigned(&js, "repaired", c->fixed_ever);
	json_unsigned(&js, "left", c->left);
	json_unsigned(&js, "rounds", c->round);
	json_unsigned(&js, "files", c->files);
	json_unsigned(&js, "directories", c->dirs);
	json_unsigned(&js, "used_blocks", blocks);
	json_unsigned(&js, "blocks", c->fs.lo.blocks);
	json_end_object(&js);
	putchar('\n');
}

/* With -p: unmounted cleanly, nothing recorded, nothing to replay? */
static bool can_skip(struct check *c)
{
	struct vexfs_super_block sb;
	uint8_t block[VEXFS_BLOCK_SIZE];
	char why[160];

	if (c->mode != MODE_PREEN || c->force ||
	    device_read(c->dev, VEXFS_SUPER_BLOCK, block))
		return false;
	memcpy(&sb, block, sizeof(sb));
	if (!layout_load(&c->fs.lo, &sb, c->dev->blocks, why, sizeof(why)) ||
	    sb.s_csum != super_csum(&sb) ||
	    le32toh(sb.s_state) != VEXFS_STATE_CLEAN || !journal_empty(c))
		return false;
	note(c, "%s: clean, not checked (-f to check it)", c->dev->path);
	return true;
}

static bool open_device(struct check *c, const char *path)
{
	char where[256];
	int err;

	if (c->mode == MODE_ASK && !isatty(STDIN_FILENO)) {
		complain("no terminal to ask at; use -n, -y or -p");
		return false;
	}
	if (device_mounted(path, where, sizeof(where))) {
		complain("%s is mounted on %s%s", path, where,
			 c->mode == MODE_NO ?
			 ": what is found may not be true" : "");
		if (c->mode != MODE_NO)
			return false;
	}
	err = device_open(c->dev, path,
			  c->mode == MODE_NO ? O_RDONLY : O_RDWR);
	if (err)
		complain("%s: %s", path,
			 err == -EBUSY ? "in use by the system" :
			 err == -ENOTBLK ? "not a block device or a file" :
			 strerror(-err));
	return !err;
}

static int check_device(struct check *c)
{
	int status, err = 0;

	if (can_skip(c))
		return FSCK_OK;
	run_rounds(c);
	mark_clean(c);
	if (c->mode != MODE_NO && (err = device_sync(c->dev)))
		failure(c, "write", 0, err);
	status = exit_status(c);
	/* Without a superblock it has been said why there is no check. */
	if (c->fs.lo.blocks || c->json)
		summary(c, status);
	forget_round(c);
	free(c->keep_meta);
	return status;
}

int main(int argc, char **argv)
{
	static struct check check;
	struct device dev;
	const char *path;
	int status, err;

	program = "fsck.vexfs";
	path = parse_args(&check, argc, argv);
	if (!path)
		return FSCK_USAGE;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	check.dev = &dev;
	check.fs.dev = &dev;
	check.fs.now = time(NULL);
	if (!open_device(&check, path))
		return FSCK_ERROR;
	status = check_device(&check);
	err = device_close(&dev);
	if (err && status < FSCK_ERROR) {
		complain("%s: %s", path, strerror(-err));
		status = FSCK_ERROR;
	}
	return status;
}
