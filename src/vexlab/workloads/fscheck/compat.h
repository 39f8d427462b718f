/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_COMPAT_H
#define VEXLAB_COMPAT_H

#include <stddef.h>

#include "lib/call32.h"

/* Numbers of asm/unistd_32.h. */
#define OPEN_OF_32_BITS 5
#define GETDENTS_OF_32_BITS 141
#define GETDENTS64_OF_32_BITS 220

/* Memory below 4 GiB, zeroed. */
void *low_memory(size_t size);

/* Skips the check where the kernel takes no such calls. */
void need_calls_of_32_bits(void);

#endif
