/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PROFILE_H
#define LIB_PROFILE_H

#include <stdbool.h>

/*
 * What the filesystem under test can do, as it was probed before the run: PROFILE_FILE, or the file that the environment
 * variable PROFILE_VARIABLE names. A line for each capability, four words: NAME STATE LIMIT ERRNO, "-" for none
 * (src/vexlab/model/profile.py has the form, model/capabilities.py the names). It is read once.
 */
#define PROFILE_FILE "/vexlab/profile"
#define PROFILE_VARIABLE "VEXLAB_PROFILE"

/* DEADLY: it crashed or hung the kernel, so that nobody may do it again. UNKNOWN: not probed, or no profile. */
enum profile_state { UNKNOWN, WORKS, REFUSED_CLEANLY, BROKEN, DEADLY };

enum profile_state profile_state(const char *name);

/* False where the capability is refused, broken or deadly; true where nothing is known of it. */
bool profile_works(const char *name);

/*
 * The limit of this capability in the table's unit; `otherwise` where there is no profile, no such name, no limit. It
 * was tried and works: more may or may not.
 */
long long profile_limit(const char *name, long long otherwise);

/* Half of the limit, which is what a workload may use of it; `otherwise` where that is less or nothing is known. */
long long profile_half(const char *name, long long otherwise);

/* As many as `wanted`, or half of the limit where an error was seen at a limit below that. */
long long profile_within(const char *name, long long wanted);

/* The name of the error at the limit, or by which it was refused; "-" for none. */
const char *profile_errno(const char *name);

/* Whether any capability is in this state. */
bool profile_any(enum profile_state state);

#endif
