/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include <stdint.h>

/* The working directory and all below as one number: names, what stat tells, contents. */
uint64_t tree_digest(void);

#endif
