// SPDX-License-Identifier: Apache-2.0
/* What a child notes of the image that it tries. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "fsdamage/damage.h"
#include "lib/profile.h"

struct outcome *outcome;
bool names_are_sound;

void step(const char *what, const char *path)
{
	snprintf(outcome->step, sizeof(outcome->step), "%s", what);
	snprintf(outcome->path, sizeof(outcome->path), "%s", path);
}

bool usable(const char *capability)
{
	return profile_state(capability) < BROKEN;
}

bool failed(long result)
{
	int number = errno;

	if (result >= 0)
		return false;
	if (number > 0 && number < 134)
		outcome->errors[number]++;
	else
		wrong("%s %s gives the error %d, which is none for programs", outcome->step, outcome->path, number);
	if (number == EFAULT)	/* every buffer of ours is sound */
		wrong("%s %s gives EFAULT", outcome->step, outcome->path);
	if (number == EIO || number == EUCLEAN || number == EBADMSG)
		outcome->noticed = true;
	return true;
}

void wrong(const char *format, ...)
{
	va_list args;

	if (outcome->wrong[0])
		return;
	va_start(args, format);
	vsnprintf(outcome->wrong, sizeof(outcome->wrong), format, args);
	va_end(args);
}
