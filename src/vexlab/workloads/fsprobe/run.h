/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FSPROBE_RUN_H
#define FSPROBE_RUN_H

#include "fsprobe/probe.h"

extern const struct group *const groups[];
extern const size_t group_count;

/* This probe's directory; its files' names begin with it where probes have no directories of their own. */
extern char probe_dir[12];

enum after { GO_ON, USED_UP };

/* Takes note of a capability that does not work, so that nothing else relies on it. */
void do_without(const char *name);
/* Whether the list "a,b,c" holds the name. */
bool list_holds(const char *list, const char *name);

/* Runs a probe below the working directory and says what it found; USED_UP where the machine is no good any more. */
enum after run_probe(const struct probe *probe, unsigned int number);

/* Removes what the probes themselves leave, once they have all been run. */
void end_probes(void);

/* fsprobe put and fsprobe look: files that must be the same after an unmount or a power cut. */
int put_files(const char *dir);
int look_at_files(const char *dir);

/* fsprobe loop: a loop device of this many bytes on a disk, with sectors of this size. */
int make_loop(const char *disk, const char *bytes, const char *sector);
int drop_loop(const char *device);

#endif
