// SPDX-License-Identifier: Apache-2.0
/* Device-mapper by its ioctls, since a state of a disk is made and dropped several times a second. */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "fscrash/dm.h"

#define ROOM 1024

union call {
	struct dm_ioctl head;
	char room[ROOM];
};

static bool call(unsigned long request, const char *name, union call *call)
{
	static int control = -1;

	if (control < 0)
		control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return false;
	call->head.version[0] = DM_VERSION_MAJOR;
	call->head.data_size = sizeof(*call);
	call->head.data_start = sizeof(call->head);
	snprintf(call->head.name, sizeof(call->head.name), "%s", name);
	return !ioctl(control, request, call);
}

static bool load(const char *name, uint64_t sectors, const char *type, const char *parameters)
{
	union call table = { .head.target_count = 1 };
	struct dm_target_spec *spec = (struct dm_target_spec *)(table.room + sizeof(table.head));

	spec->length = sectors;
	snprintf(spec->target_type, sizeof(spec->target_type), "%s", type);
	snprintf((char *)(spec + 1), ROOM - sizeof(table.head) - sizeof(*spec), "%s", parameters);
	spec->next = ROOM - sizeof(table.head);
	return call(DM_TABLE_LOAD, name, &table);
}

bool dm_create(const char *name, uint64_t sectors, const char *type, const char *parameters, char node[NODE_ROOM])
{
	union call create = { 0 }, resume = { 0 };

	if (!call(DM_DEV_CREATE, name, &create))
		return false;
	snprintf(node, NODE_ROOM, "/dev/dm-%u", minor(create.head.dev));
	if (load(name, sectors, type, parameters) && call(DM_DEV_SUSPEND, name, &resume))
		return true;
	create.head.dev = errno;
	dm_remove(name);
	errno = (int)create.head.dev;
	return false;
}

bool dm_message(const char *name, const char *text)
{
	union call message = { 0 };

	/* struct dm_target_msg: the sector, then the words */
	snprintf(message.room + sizeof(message.head) + sizeof(uint64_t), 200, "%s", text);
	return call(DM_TARGET_MSG, name, &message);
}

bool dm_remove(const char *name)
{
	for (int try = 0; try < 200; try++) {
		union call remove = { 0 };

		if (call(DM_DEV_REMOVE, name, &remove))
			return true;
		if (errno != EBUSY)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
	}
	return false;
}

uint64_t device_sectors(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t bytes = 0;

	if (fd < 0)
		return 0;
	if (ioctl(fd, BLKGETSIZE64, &bytes))
		bytes = 0;
	close(fd);
	return bytes / 512;
}
