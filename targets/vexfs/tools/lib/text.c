// SPDX-License-Identifier: GPL-2.0
/*
 * Messages, numbers, identifiers.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "text.h"
#include "vexfs_format.h"

const char *program = "vexfs";

void complain(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", program);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

void complain_usage(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nTry '%s --help'.\n", program);
}

void print_version(void)
{
	printf("%s %s (format revision %d)\n", program, VEXFS_TOOLS_VERSION,
	       VEXFS_REV_LEVEL);
}

bool parse_u64(const char *text, uint64_t max, uint64_t *value)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	/* A leading zero does not mean octal here. */
	n = strtoull(text, &end, !strncasecmp(text, "0x", 2) ? 16 : 10);
	if (errno || *end || n > max)
		return false;
	*value = n;
	return true;
}

bool parse_blocks(const char *text, uint64_t *blocks)
{
	static const char suffixes[] = "KMGT";
	size_t len = strlen(text);
	const char *suffix;
	char digits[32];
	uint64_t n;

	if (!len || len >= sizeof(digits))
		return false;
	suffix = strchr(suffixes, toupper((unsigned char)text[len - 1]));
	if (!suffix || !*suffix)
		return parse_u64(text, UINT64_MAX, blocks);
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	if (!parse_u64(digits, UINT64_MAX >> 40, &n))
		return false;
	n <<= 10 * (suffix - suffixes + 1);
	*blocks = n / VEXFS_BLOCK_SIZE;
	return true;
}

bool parse_uuid(const char *text, uint8_t uuid[16])
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	unsigned int byte, i, n = 0;

	if (strlen(text) != sizeof(shape) - 1)
		return false;
	for (i = 0; shape[i]; i++)
		if (shape[i] == '-' ? text[i] != '-' :
		    !isxdigit((unsigned char)text[i]))
			return false;
	for (i = 0; shape[i]; i += 2) {
		if (shape[i] == '-')
			i++;
		sscanf(text + i, "%2x", &byte);
		uuid[n++] = byte;
	}
	return true;
}

void format_uuid(const uint8_t uuid[16], char text[37])
{
	int i, n = 0;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[n++] = '-';
		n += snprintf(text + n, 37 - n, "%02x", uuid[i]);
	}
}

bool random_bytes(void *buf, size_t len)
{
	return getrandom(buf, len, 0) == (ssize_t)len;
}
