// SPDX-License-Identifier: GPL-2.0
/*
 * CRC-32C (Castagnoli), eight bytes a step by tables.
 */

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "crc32c.h"

#define POLY 0x82f63b78u

static uint32_t table[8][256];

static void make_tables(void)
{
	uint32_t i, k, crc;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (k = 0; k < 8; k++)
			crc = crc & 1 ? (crc >> 1) ^ POLY : crc >> 1;
		table[0][i] = crc;
	}
	for (k = 1; k < 8; k++)
		for (i = 0; i < 256; i++) {
			crc = table[k - 1][i];
			table[k][i] = (crc >> 8) ^ table[0][crc & 255];
		}
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	static bool ready;
	const uint8_t *p = data;
	uint32_t lo, hi;

	if (!ready) {
		make_tables();
		ready = true;
	}
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&lo, p, 4);
		memcpy(&hi, p + 4, 4);
		lo = le32toh(lo) ^ crc;
		hi = le32toh(hi);
		crc = table[7][lo & 255] ^ table[6][(lo >> 8) & 255] ^
		      table[5][(lo >> 16) & 255] ^ table[4][lo >> 24] ^
		      table[3][hi & 255] ^ table[2][(hi >> 8) & 255] ^
		      table[1][(hi >> 16) & 255] ^ table[0][hi >> 24];
	}
	while (len--)
		crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 255];
	return crc;
}

uint32_t crc32c_le32(uint32_t crc, uint32_t value)
{
	uint32_t raw = htole32(value);

	return crc32c(crc, &raw, sizeof(raw));
}
