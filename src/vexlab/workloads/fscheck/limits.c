// SPDX-License-Identifier: Apache-2.0
/* How much of what a check would like the filesystem has room for, as the probe before the run found. */
#include "fscheck/check.h"

/* Of names of so many bytes a directory was filled with, to find how many it takes; and what an entry has beside. */
#define PROBED_NAME 4
#define OF_ENTRY 8

bool can(const char *capability)
{
	return profile_works(capability);
}

size_t file_bytes(size_t wanted)
{
	return profile_within("file_size", wanted);
}

off_t sparse_bytes(off_t wanted)
{
	return profile_within("file_sparse", wanted);
}

size_t name_bytes(size_t wanted)
{
	return profile_within("name_max", wanted);
}

int names_in_directory(int wanted, size_t len)
{
	long long room = profile_within("dir_entries", wanted);

	/* Where a limit was met, longer names fill the directory sooner. */
	if (room < wanted && len > PROBED_NAME)
		room = room * (OF_ENTRY + PROBED_NAME) / (OF_ENTRY + (long long)len);
	return room > 2 ? room : 2;
}
