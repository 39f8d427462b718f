/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_HASH_H
#define VEXLAB_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0x766578666c6162ULL

/*
 * A fast 64-bit hash of our own for finding differences, not for resisting forgers. A long text may be given in
 * pieces as long as every piece but the last is a multiple of eight bytes.
 */
uint64_t hash64(uint64_t state, const void *data, size_t len);

#endif
