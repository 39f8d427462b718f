/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_RARE_H
#define LIB_RARE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which sizes and offsets calls seldom or never had in earlier runs: RARE_FILE, or the file that the environment
 * variable RARE_VARIABLE names. A line for each, three words: OPERATION KIND DIGITS, such as "pwrite size 18". Operations
 * are those of lib/inputs.h, KIND is "size" or "offset", DIGITS the number of binary digits (0 is the number 0).
 * src/vexlab/model/inputs.py has the form. Without the file nothing is known.
 */
#define RARE_FILE "/run/vexlab-rare"
#define RARE_VARIABLE "VEXLAB_RARE"

bool rare_known(void);

/* A number of digits, no more than `most`, that this kind seldom had, chosen by `pick`; -1 where there is none. */
int rare_digits(const char *operation, const char *kind, int most, uint64_t pick);

#endif
