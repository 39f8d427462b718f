/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CHILD_H
#define LIB_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The monotonic clock. */
double seconds(void);

/* Waits for the child's end; false where it has not come after so many seconds in which this guest ran. */
bool wait_for(pid_t pid, int *status, double timeout);

/* Where a task hangs: its kernel stack, as far as we may read it, on one line. */
void describe_hang(pid_t pid, char *text, size_t room);

#endif
