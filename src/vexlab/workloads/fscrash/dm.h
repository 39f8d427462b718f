/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FSCRASH_DM_H
#define VEXLAB_FSCRASH_DM_H

#include <stdbool.h>
#include <stdint.h>

#define NODE_ROOM 32

/*
 * Device-mapper without dmsetup (linux/dm-ioctl.h, Documentation/admin-guide/device-mapper): a device of one target,
 * whose node is told in `node`. False with errno.
 */
bool dm_create(const char *name, uint64_t sectors, const char *type, const char *parameters, char node[NODE_ROOM]);
bool dm_message(const char *name, const char *text);
/* Removes the device; it waits a little for the last user to let go. */
bool dm_remove(const char *name);
/* The size of a block device in sectors of 512 bytes; 0 with errno. */
uint64_t device_sectors(const char *path);

#endif
