/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PROFILE_H
#define LIB_PROFILE_H

#include <stdbool.h>

/*
 * What the filesystem under test can do, as it was probed before the run: PROFILE_FILE, or the file that the environment
 * variable PROFILE_VARIABLE names. A line for each capability, four words: NAME STATE LIMIT ERRNO, "-" for none
 * (src/vexlab/model/profile.py has the form, model/capabilities.py the names).
 */
#define PROFILE_FILE "/vexlab/profile"
#define PROFILE_VARIABLE "VEXLAB_PROFILE"

/* False where the capability is refused or broken; true as well where there is no profile, or none of this name. */
bool profile_works(const char *name);

/*
 * The limit of this capability in the table's unit; `otherwise` where there is no profile, no such name, no limit. It
 * was tried and works: more may or may not.
 */
long long profile_limit(const char *name, long long otherwise);

#endif
