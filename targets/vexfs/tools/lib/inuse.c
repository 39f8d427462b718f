// SPDX-License-Identifier: GPL-2.0
/*
 * What speaks against writing to a device: it is mounted, or holds something
 * else.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "vexfs_format.h"

static bool rdev_mounted(unsigned int major, unsigned int minor, char *where,
			 size_t size)
{
	unsigned int ma, mi;
	char *line = NULL, point[4096];
	size_t room = 0;
	bool found = false;
	FILE *f;

	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return false;
	/* 36 35 98:0 /mnt1 /mnt2 rw,noatime ... */
	while (!found && getline(&line, &room, f) > 0)
		if (sscanf(line, "%*d %*d %u:%u %*s %4095s", &ma, &mi,
			   point) == 3 && ma == major && mi == minor) {
			snprintf(where, size, "%s", point);
			found = true;
		}
	free(line);
	fclose(f);
	return found;
}

/* An image file may be mounted through a loop device. */
static bool loop_mounted(const char *path, char *where, size_t size)
{
	char name[300], backing[4096], *real;
	unsigned int major, minor;
	struct dirent *de;
	bool found = false;
	FILE *f;
	DIR *dir;

	real = realpath(path, NULL);
	dir = opendir("/sys/block");
	while (real && dir && !found && (de = readdir(dir))) {
		if (strncmp(de->d_name, "loop", 4))
			continue;
		snprintf(name, sizeof(name), "/sys/block/%s/loop/backing_file",
			 de->d_name);
		f = fopen(name, "re");
		if (!f)
			continue;
		if (!fgets(backing, sizeof(backing), f))
			backing[0] = '\0';
		fclose(f);
		backing[strcspn(backing, "\n")] = '\0';
		if (strcmp(backing, real))
			continue;
		snprintf(name, sizeof(name), "/sys/block/%s/dev", de->d_name);
		f = fopen(name, "re");
		if (!f)
			continue;
		if (fscanf(f, "%u:%u", &major, &minor) == 2)
			found = rdev_mounted(major, minor, where, size);
		fclose(f);
	}
	if (dir)
		closedir(dir);
	free(real);
	return found;
}

bool device_mounted(const char *path, char *where, size_t size)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	if (S_ISBLK(st.st_mode))
		return rdev_mounted(major(st.st_rdev), minor(st.st_rdev),
				    where, size);
	return S_ISREG(st.st_mode) && loop_mounted(path, where, size);
}

static const struct {
	const char	*name;
	uint64_t	offset;
	size_t		len;
	const char	*magic;
} signatures[] = {
	{ "ext2/3/4",		0x438,	 2, "\x53\xef" },
	{ "XFS",		0,	 4, "XFSB" },
	{ "Btrfs",		0x10040, 8, "_BHRfS_M" },
	{ "F2FS",		0x400,	 4, "\x10\x20\xf5\xf2" },
	{ "EROFS",		0x400,	 4, "\xe2\xe1\xf5\xe0" },
	{ "bcachefs",		0x1018,	16,
	  "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81" },
	{ "JFS",		0x8000,	 4, "JFS1" },
	{ "ReiserFS",		0x10034, 6, "ReIsEr" },
	{ "SquashFS",		0,	 4, "hsqs" },
	{ "ISO 9660",		0x8001,	 5, "CD001" },
	{ "NTFS",		3,	 8, "NTFS    " },
	{ "exFAT",		3,	 8, "EXFAT   " },
	{ "FAT",		0x36,	 3, "FAT" },
	{ "FAT32",		0x52,	 5, "FAT32" },
	{ "swap",		0xff6,	10, "SWAPSPACE2" },
	{ "LUKS",		0,	 6, "LUKS\xba\xbe" },
	{ "LVM",		0x218,	 8, "LVM2 001" },
	{ "MD RAID",		0x1000,	 4, "\xfc\x4e\x2b\xa9" },
	{ "a qcow2 image",	0,	 4, "QFI\xfb" },
	{ "a GPT",		0x200,	 8, "EFI PART" },
	{ "a partition table",	0x1fe,	 2, "\x55\xaa" },
};

const char *device_signature(struct device *dev)
{
	char found[16];
	__le32 magic;
	size_t i;

	/* Our own checksum may end like a partition table. */
	if (pread(dev->fd, &magic, sizeof(magic), 0) == sizeof(magic) &&
	    le32toh(magic) == VEXFS_MAGIC)
		return NULL;
	for (i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
		if (pread(dev->fd, found, signatures[i].len,
			  signatures[i].offset) == (ssize_t)signatures[i].len &&
		    !memcmp(found, signatures[i].magic, signatures[i].len))
			return signatures[i].name;
	return NULL;
}
