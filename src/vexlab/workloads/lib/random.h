/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_RANDOM_H
#define VEXLAB_RANDOM_H

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): same seed, same numbers. */
static inline uint64_t mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t random64(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ULL;
	return mix64(*state);
}

/* A number of 0..below-1; the bias is of no importance here. */
static inline uint64_t random_below(uint64_t *state, uint64_t below)
{
	return below ? random64(state) % below : 0;
}

#endif
