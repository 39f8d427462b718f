// SPDX-License-Identifier: Apache-2.0
/* What a program may not draw on: by words of the command line, and by the profile. */
#include <string.h>

#include "fscrash/model.h"
#include "lib/profile.h"

unsigned int profile_lacks(void)
{
	static const struct {
		const char *name;
		enum lack lack;
	} table[] = {
		{ "xattr", L_XATTR }, { "tmpfile", L_TMPFILE }, { "rename_exchange", L_EXCHANGE }, { "link", L_LINK },
		{ "symlink", L_SYMLINK }, { "rename", L_RENAME }, { "rename_over", L_OVER }, { "rename_directory", L_MOVE },
		{ "mmap_write", L_STORE }, { "truncate_down", L_SHORTEN }, { "truncate_up", L_EXTEND }, { "chmod", L_MODE },
		{ "fsync", L_FSYNC }, { "fdatasync", L_FDATASYNC }, { "syncfs", L_SYNCFS }, { "file_sparse", L_GAPS },
		{ "unlink_open", L_UNLINK_OPEN }, { "rmdir", L_RMDIR },
	};
	unsigned int lacking = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (!profile_works(table[i].name))
			lacking |= table[i].lack;
	return lacking;
}

bool model_lacks(const char *names, unsigned int *lacks)
{
	static const struct {
		const char *name;
		enum lack lack;
	} known[] = {
		{ "xattr", L_XATTR },		{ "tmpfile", L_TMPFILE },	{ "rename_exchange", L_EXCHANGE },
		{ "fsync_names", L_NAMES },	{ "ordered_names", L_ORDER },
	};
	const size_t count = sizeof(known) / sizeof(*known);

	while (*names) {
		size_t len = strcspn(names, ",");
		size_t i = 0;

		while (i < count && (strlen(known[i].name) != len || memcmp(known[i].name, names, len)))
			i++;
		if (i == count)
			return false;
		*lacks |= known[i].lack;
		names += len + (names[len] == ',');
	}
	return true;
}
