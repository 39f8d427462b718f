/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FSCRASH_CHECK_H
#define VEXLAB_FSCRASH_CHECK_H

#include "fscrash/model.h"

#define WHY 400

/*
 * Whether what stands in `root` may be there after a crash when all operations up to `done` had returned and `begun`
 * was the last to be begun (done or done + 1). The first contradiction is told in `why`.
 */
bool check_tree(const struct model *model, const char *root, int done, int begun, char why[WHY]);
/* The same for one file, whose bytes are read from `fd`. */
bool check_file(const struct model *model, int file, int fd, int done, int begun, char why[WHY]);
/* The number of hooks that were done up to operation `op`. */
int hooks_until(const struct model *model, int op);

#endif
