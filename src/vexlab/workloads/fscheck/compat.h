/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_COMPAT_H
#define VEXLAB_COMPAT_H

#include <stddef.h>

/* Numbers of asm/unistd_32.h. */
#define OPEN_OF_32_BITS 5
#define CLOSE_OF_32_BITS 6
#define IOCTL_OF_32_BITS 54
#define GETDENTS_OF_32_BITS 141
#define GETDENTS64_OF_32_BITS 220

/*
 * A system call as a 32-bit program makes it. It returns -1 and sets errno where it fails. What the arguments point to
 * must lie below 4 GiB.
 */
long call_of_32_bits(long number, unsigned long first, unsigned long second, unsigned long third);

/* Memory below 4 GiB, zeroed. */
void *low_memory(size_t size);

/* Skips the check where the kernel takes no such calls. */
void need_calls_of_32_bits(void);

#endif
