/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OUTPUT_H
#define LIB_OUTPUT_H

/*
 * For a child that may never end: it gives up standard output and error. Whoever reads ours waits for the last that may
 * write it, so that a child stuck in the kernel would keep the parent's words back for as long as it is stuck.
 */
void let_go_of_output(void);

#endif
