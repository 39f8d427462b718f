// SPDX-License-Identifier: GPL-2.0
/*
 * What can be wrong, and the decision whether to repair it.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fsck.h"
#include "json.h"
#include "text.h"

static const struct {
	const char	*name;		/* for programs */
	const char	*repair;	/* what the question asks */
	bool		preen;		/* loses nothing, needs no thought */
} problems[] = {
	[P_SB_BAD]		= { "superblock", "Use another", false },
	[P_SB_CSUM]		= { "superblock-checksum", "Correct", false },
	[P_SB_RESERVED]		= { "superblock-reserved", "Clear", true },
	[P_SB_STATE]		= { "superblock-state", "Clear", true },
	[P_SB_FEATURES]		= { "superblock-features", "Clear", false },
	[P_SB_ERROR]		= { "superblock-error", "Clear", true },
	[P_SB_COPY]		= { "superblock-copy", "Write anew", true },
	[P_JOURNAL_SUPER]	= { "journal-superblock", "Make anew", false },
	[P_JOURNAL_BLOCK]	= { "journal-block", "Leave out", false },
	[P_JOURNAL_ERRNO]	= { "journal-error", "Clear", true },
	[P_DESC]		= { "group-descriptor", "Write anew", false },
	[P_GDT_TAIL]		= { "group-table-tail", "Clear", true },
	[P_ORPHAN_LIST]		= { "orphan-list", "Clear", false },
	[P_RESERVED_INODE]	= { "reserved-inode", "Write anew", false },
	[P_ROOT]		= { "root", "Make anew", false },
	[P_INODE_BAD]		= { "inode", "Clear", false },
	[P_INODE_CSUM]		= { "inode-checksum", "Correct", false },
	[P_INODE_FIELD]		= { "inode-field", "Correct", false },
	[P_INODE_LINKS]		= { "inode-links", "Correct", false },
	[P_INODE_SIZE]		= { "inode-size", "Correct", false },
	[P_INODE_BLOCKS]	= { "inode-blocks", "Correct", true },
	[P_BLOCK_BAD]		= { "block-pointer", "Clear", false },
	[P_BLOCK_PAST_END]	= { "block-past-end", "Free", false },
	[P_BLOCK_SHARED]	= { "block-shared", "Separate", false },
	[P_SYMLINK]		= { "symlink", "Correct", false },
	[P_XATTR]		= { "xattrs", "Remove", false },
	[P_XATTR_CSUM]		= { "xattrs-checksum", "Correct", false },
	[P_DIR_SIZE]		= { "directory-size", "Correct", false },
	[P_DIR_HOLE]		= { "directory-hole", "Fill", false },
	[P_DIR_BLOCK]		= { "directory-block", "Salvage", false },
	[P_DIR_NAME]		= { "entry-name", "Remove", false },
	[P_DIR_HASH]		= { "entry-hash", "Correct", true },
	[P_DIR_TYPE]		= { "entry-type", "Correct", true },
	[P_DIR_DANGLING]	= { "entry-dangling", "Remove", false },
	[P_DIR_DUPLICATE]	= { "entry-duplicate", "Remove", false },
	[P_DIR_LINKED_TWICE]	= { "directory-linked-twice", "Remove", false },
	[P_DIR_PARENT]		= { "directory-parent", "Correct", false },
	[P_DIR_LOOP]		= { "directory-loop", "Reconnect", false },
	[P_UNREACHABLE]		= { "unreachable", "Reconnect", false },
	[P_UNLINKED]		= { "unlinked", "Delete", true },
	[P_VEC_DESC]		= { "vector-descriptor", "Correct", false },
	[P_VEC_FLAG]		= { "vector-flag", "Correct", false },
	[P_VEC_HOLE]		= { "vector-hole", "Repair", false },
	[P_VEC_RECORD]		= { "vector-record", "Mark deleted", false },
	[P_VEC_INDEX]		= { "vector-index", "Make anew", false },
	[P_VEC_INDEX_INODE]	= { "vector-index-inode", "Drop", false },
	[P_VEC_INDEX_LOST]	= { "vector-index-lost", "Delete", false },
	[P_BLOCK_BITMAP]	= { "block-bitmap", "Correct", false },
	[P_BLOCK_BITMAP_CSUM]	= { "block-bitmap-checksum", "Correct", false },
	[P_INODE_BITMAP]	= { "inode-bitmap", "Correct", false },
	[P_INODE_BITMAP_CSUM]	= { "inode-bitmap-checksum", "Correct", false },
	[P_COUNT_BLOCKS]	= { "free-blocks", "Correct", true },
	[P_COUNT_INODES]	= { "free-inodes", "Correct", true },
	[P_COUNT_DIRS]		= { "used-directories", "Correct", true },
};

const char *problem_name(enum problem_id id)
{
	return problems[id].name;
}

static bool ask(struct check *c, const char *repair)
{
	char answer[16];

	for (;;) {
		printf("%s? (y/n) ", repair);
		fflush(stdout);
		if (!fgets(answer, sizeof(answer), stdin)) {
			fsck_signal = 1;	/* end of input: cancelled */
			c->stop = true;
			return false;
		}
		if (answer[0] == 'y' || answer[0] == 'Y')
			return true;
		if (answer[0] == 'n' || answer[0] == 'N')
			return false;
	}
}

static bool decide(struct check *c, enum problem_id id)
{
	switch (c->mode) {
	case MODE_NO:
		return false;
	case MODE_YES:
		return true;
	case MODE_PREEN:
		if (problems[id].preen)
			return true;
		c->stop = true;
		c->preen_stop = true;
		return false;
	default:
		return ask(c, problems[id].repair);
	}
}

/* Names come from the image: nothing that steers a terminal. */
static void defuse(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

bool problem(struct check *c, enum problem_id id, const char *fmt, ...)
{
	char text[512];
	va_list args;
	bool fix;

	if (c->stop)
		return false;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	defuse(text);
	c->found++;
	if (!c->json)
		printf(c->mode == MODE_ASK ? "%s. " : "%s.", text);
	fix = decide(c, id);
	if (fix)
		c->fixed++;
	else
		c->left++;
	if (c->json) {
		struct json js = { .out = stdout };

		json_begin_object(&js, NULL);
		json_string(&js, "problem", problems[id].name);
		json_string(&js, "text", text);
		json_bool(&js, "repaired", fix);
		json_end_object(&js);
		putchar('\n');
	} else if (c->mode != MODE_ASK) {
		printf(fix ? " %s: yes.\n" : "\n", problems[id].repair);
	}
	return fix;
}

void note(struct check *c, const char *fmt, ...)
{
	struct json js = { .out = stdout };
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!c->json) {
		printf("%s\n", text);
		return;
	}
	json_begin_object(&js, NULL);
	json_string(&js, "note", text);
	json_end_object(&js);
	putchar('\n');
}

void failure(struct check *c, const char *what, uint64_t block, int err)
{
	if (!c->failed)
		complain("cannot %s block %llu of %s: %s", what,
			 (unsigned long long)block, c->dev->path,
			 strerror(-err));
	c->failed = true;
	c->stop = true;
}
