// SPDX-License-Identifier: Apache-2.0
/*
 * Whether the kernel has complained since this was last asked: then nothing more is tried, so that the programs that ran
 * last are still known when the host looks. What the complaint is, the host says; words here only need to be suspicious.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fsfuzz/fuzz.h"

#define KERNEL_FACILITY_MOST 8	/* priorities below are of facility 0 (Documentation/ABI/testing/dev-kmsg) */

static int kmsg = -1;

bool complaint_start(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return kmsg >= 0 && lseek(kmsg, 0, SEEK_END) >= 0;
}

static bool suspicious(const char *text)
{
	static const char *const words[] = {
		"BUG", "WARNING: ", "[ cut here ]", "general protection fault", "Oops", "UBSAN", "KASAN", "KCSAN",
		"refcount_t:", "circular locking", "_add corruption", "_del corruption", "unreferenced object",
		"blocked for more than", "Unable to handle", "Internal error",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

bool complaint_heard(void)
{
	static char line[8192];
	bool heard = false;
	ssize_t len;

	while (kmsg >= 0 && (len = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[len] = '\0';
		/* 4,1234,5678,-;text: a priority of one digit is the kernel's own */
		heard |= line[1] == ',' && line[0] - '0' < KERNEL_FACILITY_MOST && suspicious(line);
	}
	return heard;
}
