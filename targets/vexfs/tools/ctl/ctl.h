/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_CTL_H
#define VEXFS_CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "json.h"
#include "uapi/vexfs.h"

/* Exit status. */
#define CTL_FAILED	1
#define CTL_USAGE	2

struct request {
	const char	*path;		/* the collection, or any file */
	char		**values;	/* operands after it */
	int		value_count;
	bool		json;
	uint32_t	dim;
	uint32_t	metric;
	uint32_t	meta_size;
	const char	*meta;
	const char	*from;
	const char	*format;
	uint64_t	row;
	uint32_t	k;
	uint32_t	batch;		/* 0: as suits */
	uint32_t	lists;		/* of an index, 0: as suits */
	uint32_t	probes;		/* lists to search, 0: exactly */
	bool		drop;
};

int ctl_status(const struct request *rq);
int ctl_create(const struct request *rq);
int ctl_add(const struct request *rq);
int ctl_add_many(const struct request *rq);
int ctl_get(const struct request *rq);
int ctl_delete(const struct request *rq);
int ctl_search(const struct request *rq);
int ctl_stats(const struct request *rq);
int ctl_dump(const struct request *rq);
int ctl_index(const struct request *rq);
int ctl_measure(const struct request *rq);

/* input.c: vectors from a file, one after another. */
struct input;

/* format: fvecs, npy, text or NULL to tell from the name. NULL: complained. */
struct input *input_open(const char *path, const char *format);
void input_close(struct input *in);
/*
 * The next vector: 1, 0 at the end, -1 if the file is damaged (complained).
 * The row and the metadata (text only) belong to the input and stay as they
 * are until the next call.
 */
int input_next(struct input *in);
const float *input_row(const struct input *in);
uint32_t input_dim(const struct input *in);
const char *input_meta(const struct input *in, uint32_t *len);

/*
 * Numbers in text, between blanks, commas or brackets. Number of values, -1
 * for what is no number or not finite in binary32.
 */
int parse_vector(const char *text, float *row, uint32_t room);

#endif
