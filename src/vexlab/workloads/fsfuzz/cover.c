// SPDX-License-Identifier: Apache-2.0
/* Coverage of the module by the thread that runs programs of one thread, where the kernel was built with KCOV. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fsfuzz/fuzz.h"

#define KCOV_INIT_TRACE _IOR('c', 1, unsigned long)	/* include/uapi/linux/kcov.h */
#define KCOV_ENABLE _IO('c', 100)
#define KCOV_TRACE_PC 0
#define WORDS (64 << 10)
#define BITS 20
/* Documentation/arch/x86/x86_64/mm.rst; they begin 512 MiB lower where the kernel stays where it was linked. */
#define MODULES 0xffffffffa0000000UL

static unsigned long *area;
static uint8_t *seen;
static int count;

bool cover_start(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	seen = calloc(1, 1 << BITS);
	if (!seen || ioctl(fd, KCOV_INIT_TRACE, WORDS))
		return false;
	area = mmap(NULL, WORDS * sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (area == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC)) {
		area = NULL;
		return false;
	}
	return true;
}

void cover_begin(void)
{
	if (area)
		__atomic_store_n(&area[0], 0, __ATOMIC_RELAXED);
}

/* Whether anything of the modules ran that had not run before. */
bool cover_end(void)
{
	unsigned long number = area ? __atomic_load_n(&area[0], __ATOMIC_RELAXED) : 0;
	int before = count;

	for (unsigned long i = 1; i <= number && i < WORDS; i++) {
		unsigned long at = area[i] & ((1 << BITS) - 1);

		if (area[i] >= MODULES && !seen[at]) {
			seen[at] = 1;
			count++;
		}
	}
	return count > before;
}

int cover_count(void)
{
	return count;
}
