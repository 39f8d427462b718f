// SPDX-License-Identifier: Apache-2.0
/* The image file: made whole, and damaged. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsdamage/damage.h"
#include "lib/tree.h"

#define PAGE 4096

static _Noreturn void broken(const char *what)
{
	perror(what);
	exit(2);
}

static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		broken(path);
	return fd;
}

/* Copies every page that differs in the part of the files from offset to end. */
static void copy_differing(int from, int to, off_t offset, off_t end)
{
	static char one[PAGE * 16], two[PAGE * 16];

	for (; offset < end; offset += sizeof(one)) {
		size_t len = end - offset < (off_t)sizeof(one) ? (size_t)(end - offset) : sizeof(one);

		if (read_all(from, one, len, offset) != (ssize_t)len || read_all(to, two, len, offset) != (ssize_t)len)
			broken("reading the image");
		for (size_t at = 0; at < len; at += PAGE) {
			size_t part = len - at < PAGE ? len - at : PAGE;

			if (memcmp(one + at, two + at, part) &&
			    write_all(to, one + at, part, offset + at) != (ssize_t)part)
				broken("writing the image");
		}
	}
}

/* Walks the data of one file, for what is a hole in both is the same. */
static void copy_data_of(int walked, int from, int to)
{
	off_t start = 0, end;

	while ((start = lseek(walked, start, SEEK_DATA)) >= 0) {
		end = lseek(walked, start, SEEK_HOLE);
		copy_differing(from, to, start, end);
		start = end;
	}
}

int image_blocks(const char *path)
{
	int fd = opened(path, O_RDONLY);
	off_t start = 0, end;
	char page[PAGE];

	while ((start = lseek(fd, start, SEEK_DATA)) >= 0) {
		end = lseek(fd, start, SEEK_HOLE);
		for (start -= start % PAGE; start < end; start += PAGE) {
			memset(page, 0, sizeof(page));
			if (read_all(fd, page, sizeof(page), start) < 0)
				broken(path);
			if (page[0] || memcmp(page, page + 1, sizeof(page) - 1))
				printf("%lld\n", (long long)start / PAGE);
		}
	}
	close(fd);
	return 0;
}

void image_restore(const struct settings *settings)
{
	int from = opened(settings->pristine, O_RDONLY), to = opened(settings->work, O_RDWR);
	struct stat sound, now;

	if (fstat(from, &sound) || fstat(to, &now))
		broken("the image");
	if (sound.st_size != now.st_size && ftruncate(to, sound.st_size))
		broken("the image's size");
	copy_data_of(to, from, to);
	copy_data_of(from, from, to);
	close(from);
	close(to);
}

/* CRC-32C without a final inversion. */
static uint32_t crc32c(uint32_t crc, const uint8_t *data, size_t len)
{
	while (len--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static void make_right(int fd, const struct seal *seal)
{
	uint32_t crc = seal->init;
	uint8_t sum[4] = { 0 };

	if (write_all(fd, sum, 4, seal->offset) != 4)
		broken("writing a checksum");
	for (int i = 0; i < seal->ranges; i++) {
		size_t len = seal->range[i].length;
		uint8_t *data = malloc(len);

		if (!data || read_all(fd, data, len, seal->range[i].offset) != (ssize_t)len)
			broken("reading for a checksum");
		crc = crc32c(crc, data, len);
		free(data);
	}
	for (int i = 0; i < 4; i++)
		sum[seal->big_endian ? 3 - i : i] = crc >> (8 * i);
	if (write_all(fd, sum, 4, seal->offset) != 4)
		broken("writing a checksum");
}

/* Makes the bytes to write of those that stand in the image. */
static void prepare(int fd, const struct patch *patch)
{
	uint8_t *old;

	if (patch->kind == 'C' && read_all(fd, patch->data, patch->len, patch->from) != (ssize_t)patch->len)
		broken("reading what is to be copied");
	if (patch->kind != 'X')
		return;
	old = malloc(patch->len);
	if (!old || read_all(fd, old, patch->len, patch->offset) != (ssize_t)patch->len)
		broken("reading what is to be turned over");
	for (size_t i = 0; i < patch->len; i++)
		patch->data[i] ^= old[i];
	free(old);
}

void image_damage(const struct settings *settings, const struct damage *damage)
{
	int fd = opened(settings->work, O_RDWR);

	for (int i = 0; i < damage->patches; i++) {
		const struct patch *patch = &damage->patch[i];

		prepare(fd, patch);
		if (write_all(fd, patch->data, patch->len, patch->offset) != (ssize_t)patch->len)
			broken("writing the damage");
	}
	for (int i = 0; i < damage->seals; i++)
		make_right(fd, &damage->seal[i]);
	close(fd);
}
