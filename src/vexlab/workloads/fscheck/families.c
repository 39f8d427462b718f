// SPDX-License-Identifier: Apache-2.0
/* The families of checks, in the order in which they run; a large one comes in several tables. */
#include "fscheck/run.h"

extern const struct family open_family, special_family, io_family, io_arguments_family, io_ways_family,
	truncate_family, link_family, unlink_family, rename_family, exchange_family, symlink_family, dir_family,
	readdir_family, readdir_changes_family, readdir_limits_family, times_family, perm_family, owner_family,
	mmap_family, sync_family, space_family, large_family, append_family, direct_family, tmpfile_family,
	xattr_family, xattr_namespaces_family, xattr_special_family, name_family, tree_family, stat_family,
	lock_family, race_family, position_family, full_family, full_names_family, full_requests_family, room_family,
	compat_family, exchange_parents_family, last_blocks_family, times_birth_family;

const struct family *const families[] = {
	&open_family, &special_family, &io_family, &io_arguments_family, &io_ways_family, &truncate_family,
	&link_family, &unlink_family, &rename_family, &exchange_family, &symlink_family, &dir_family,
	&readdir_family, &readdir_changes_family, &readdir_limits_family, &times_family, &times_birth_family,
	&perm_family, &owner_family, &mmap_family, &sync_family, &space_family, &large_family, &append_family, &direct_family,
	&tmpfile_family, &xattr_family, &xattr_namespaces_family, &xattr_special_family, &name_family, &tree_family,
	&stat_family, &lock_family, &race_family, &position_family, &full_family, &full_names_family, &full_requests_family,
	&room_family, &compat_family, &exchange_parents_family, &last_blocks_family,
};

const size_t family_count = ARRAY_SIZE(families);
