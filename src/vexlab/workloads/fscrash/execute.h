/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FSCRASH_EXECUTE_H
#define VEXLAB_FSCRASH_EXECUTE_H

#include "fscrash/model.h"

#define NAME_XATTR "user.fscrash"

/* Makes the actors' folders in `root`, and settles them. */
bool make_folders(const char *root);

/* Does a model's operations in `root`, one after the other; what is open stays so from one to the next. */
struct executor {
	const struct model *model;
	const char *root;
	const char *hook;
	int actor[ACTORS];
	int *fd;
	int hooks;
};

bool executor_open(struct executor *ex, const struct model *model, const char *root, const char *hook);
/* Does operation `at`; false with errno where it fails, which no operation of a program may. */
bool execute(struct executor *ex, int at);
void executor_close(struct executor *ex);
/* Runs `sh HOOK VERB NUMBER NUMBER FOLDER`; what it prints goes to `text`. The exit status is returned. */
int run_hook(const char *hook, const char *verb, int a, int b, const char *folder, char *text, size_t room);

#endif
