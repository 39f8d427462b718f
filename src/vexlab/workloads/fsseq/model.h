/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_MODEL_H
#define VEXLAB_MODEL_H

#include "fsseq/program.h"

/*
 * What a program has probably made so far, so that a generator can meet it. It need not be right: it only steers
 * which paths are drawn.
 */
#define MODEL_DIR 1
#define MODEL_OTHER 2

void model_clear(void);
void model_make(const char *path, int type);
void model_remove(const char *path, int type);
void model_move(const char *from, const char *to, bool exchange);
/* One of the paths of these types, chosen by `pick`, or "" where there is none. */
const char *model_pick(int types, uint64_t pick);

#endif
