// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "lib/hash.h"

static uint64_t step(uint64_t state, uint64_t word)
{
	state = (state ^ word) * 0x9fb21c651e98df25ULL;
	return state ^ (state >> 29);
}

uint64_t hash64(uint64_t state, const void *data, size_t len)
{
	const unsigned char *at = data;
	uint64_t word;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		state = step(state, word);
	}
	if (len) {
		word = 0;
		memcpy(&word, at, len);
		state = step(state, word ^ ((uint64_t)len << 56));
	}
	return state;
}
