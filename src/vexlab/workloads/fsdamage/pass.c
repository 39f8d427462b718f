// SPDX-License-Identifier: Apache-2.0
/* One damaged image from mount to unmount. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "fsdamage/damage.h"

static bool read_only(const char *point)
{
	struct statvfs fs;

	step("statfs", point);
	return !failed(statvfs(point, &fs)) && fs.f_flag & ST_RDONLY;
}

static void run_command(const struct settings *settings)
{
	step("use", settings->use);
	/* It may fail on a damaged image; only a signal, the kernel's or its own, is more than that. */
	int status = system(settings->use);

	if (status > 0 && (status & 0x7f || (status >> 8 & 0xff) > 128))
		wrong("`%s` died of a signal", settings->use);
}

void pass(const struct settings *settings, const struct damage *damage)
{
	names_are_sound = damage->length;
	hide_block(settings->work, damage->hidden);
	step("mount", settings->device);
	if (mount(settings->device, settings->point, settings->type, MS_NODEV | MS_NOSUID | MS_NOEXEC,
		  settings->options)) {
		snprintf(outcome->mount, sizeof(outcome->mount), "%s", strerrorname_np(errno) ?: "?");
		failed(-1);
		outcome->noticed = true;
		return;
	}
	if (read_only(settings->point))
		outcome->noticed = true;
	walk(settings->point);
	if (damage->use && settings->use[0])
		run_command(settings);
	change(settings->point);
	empty(settings->point);
	if (read_only(settings->point))
		outcome->noticed = true;
	step("unmount", settings->point);
	if (umount(settings->point))
		wrong("it does not unmount: %s", strerror(errno));
}
