/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_CRC32C_H
#define VEXFS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C without a final inversion: crc32c(~0, "123456789") is 0x1cf96d7c. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The four little-endian bytes of a number. */
uint32_t crc32c_le32(uint32_t crc, uint32_t value);

#endif
