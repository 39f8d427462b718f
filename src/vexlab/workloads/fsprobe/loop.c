// SPDX-License-Identifier: Apache-2.0
/* Loop devices (loop(4)) on a disk: of any size, with sectors of any size. */
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "fsprobe/run.h"

static int complain(const char *what)
{
	fprintf(stderr, "fsprobe: %s: %s\n", what, strerror(errno));
	return 1;
}

int make_loop(const char *disk, const char *bytes, const char *sector)
{
	struct loop_config config = {
		.block_size = strtoul(sector, NULL, 10),
		.info.lo_sizelimit = strtoull(bytes, NULL, 10),
	};
	int control, loop, number;
	char path[32];

	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		return complain("/dev/loop-control");
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	loop = open(path, O_RDWR | O_CLOEXEC);
	if (loop < 0)
		return complain(path);
	config.fd = open(disk, O_RDWR | O_CLOEXEC);
	if ((int)config.fd < 0)
		return complain(disk);
	if (ioctl(loop, LOOP_CONFIGURE, &config))
		return complain("LOOP_CONFIGURE");
	puts(path);
	return 0;
}

int drop_loop(const char *device)
{
	int loop = open(device, O_RDWR | O_CLOEXEC);

	return loop < 0 || ioctl(loop, LOOP_CLR_FD) ? complain(device) : 0;
}
