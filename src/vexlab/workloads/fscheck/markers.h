/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FSCHECK_MARKERS_H
#define FSCHECK_MARKERS_H

#include "fscheck/run.h"

/* Markers that have a file of their own; all are listed in markers.c. */
void symlinks_make(void);
void symlinks_verify(void);
void links_make(void);
void links_verify(void);
void names_make(void);
void names_verify(void);
void tree_make(void);
void tree_verify(void);
void moves_make(void);
void moves_verify(void);
void exchanges_make(void);
void exchanges_verify(void);
void changed_directories_make(void);
void changed_directories_verify(void);
void plain_make(void);
void plain_verify(void);

#endif
