/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers and names as people write them, and what the tools say.
 */
#ifndef VEXFS_TEXT_H
#define VEXFS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VEXFS_TOOLS_VERSION "1.0"

extern const char *program;	/* set first thing in main() */

/* "program: text" on standard error. */
__attribute__((format(printf, 1, 2)))
void complain(const char *fmt, ...);

/* Says which option was not understood and where help is. */
void complain_usage(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

void print_version(void);

/* A whole number, nothing else: 12, 0x1f. */
bool parse_u64(const char *text, uint64_t max, uint64_t *value);
/* Blocks without a suffix, else bytes: 4096, 16M, 2G. In blocks. */
bool parse_blocks(const char *text, uint64_t *blocks);

bool parse_uuid(const char *text, uint8_t uuid[16]);
void format_uuid(const uint8_t uuid[16], char text[37]);
bool random_bytes(void *buf, size_t len);

#endif
