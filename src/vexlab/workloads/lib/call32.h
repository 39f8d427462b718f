/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CALL32_H
#define LIB_CALL32_H

#include <stdbool.h>

/* Numbers of system calls for 32-bit programs (asm/unistd_32.h). */
#define IOCTL_OF_32_BITS 54
#define CLOSE_OF_32_BITS 6

/* A system call as a 32-bit program makes it: -1 with errno for an error. A kernel without IA32_EMULATION kills for it. */
long call_of_32_bits(long number, unsigned long first, unsigned long second, unsigned long third);

/* Whether the kernel takes such calls; a child tries. */
bool takes_calls_of_32_bits(void);

#endif
