// SPDX-License-Identifier: Apache-2.0
/* What the kernel must never do, and did. */
#include <stdarg.h>
#include <stdio.h>

#include "fsfuzz/fuzz.h"

char wrong[256];

void say_wrong(const char *format, ...)
{
	va_list args;

	if (wrong[0])
		return;
	va_start(args, format);
	vsnprintf(wrong, sizeof(wrong), format, args);
	va_end(args);
}
