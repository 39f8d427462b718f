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
	/* Longer names fill a directory sooner: how many of the probe's take as much room. */
	const long long each = OF_ENTRY + (len > PROBED_NAME ? len : PROBED_NAME);
	const long long alike = (wanted * each + OF_ENTRY + PROBED_NAME - 1) / (OF_ENTRY + PROBED_NAME);
	long long room = profile_within("dir_entries", alike);

	if (room == alike)
		return wanted;
	room = room * (OF_ENTRY + PROBED_NAME) / each;
	return room > 2 ? room : 2;
}

int name_padding(int wanted, int beside)
{
	int len = name_bytes(wanted + beside) - beside;

	return len > 1 ? len : 1;
}
