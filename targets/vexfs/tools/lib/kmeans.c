// SPDX-License-Identifier: GPL-2.0
/*
 * Centroids by k-means on a sample, and the list of each vector.
 *
 * Components are rounded to small integers: the products of such are summed
 * eight at a time, which is many times faster where the processor is emulated,
 * and which list a vector falls into need not be exact.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ivf.h"
#include "uapi/vexfs.h"

#define ROUNDS		5
#define PER_LIST	24u		/* sampled vectors */
#define SAMPLE_BYTES	(64u << 20)
#define CHUNK		256u		/* rows read at a time */
#define LANES		8u
#define WIDEST		8191		/* of a rounded component */
#define GROUPED		128u		/* lists, from which on they are grouped */
#define LOOKED_INTO	2u		/* one of so many groups */

struct training {
	struct ivf	*ivf;
	ivf_rows_fn	rows;
	void		*arg;
	uint32_t	width;		/* dim, rounded up to LANES */
	double		unit;		/* of the rounded components */
	int		widest;
	float		*buf;		/* [CHUNK][dim] */
	int16_t		*row;		/* [width] */
	int16_t		*sample;	/* [sampled][width] */
	uint32_t	sampled;
	int16_t		*means;		/* [lists][width] */
	int64_t		*norms;		/* of means */
	int32_t		*sums;		/* [lists][width] */
	uint32_t	*sizes;
	uint32_t	random;
	uint32_t	groups;		/* of means that are near each other */
	uint32_t	*heads;		/* the mean each group is around */
	uint32_t	*starts;	/* [groups + 1] in members */
	uint32_t	*members;	/* means, group by group */
	int64_t		*offs;		/* of the heads from one row */
};

uint32_t ivf_lists(uint64_t count)
{
	uint32_t lists = sqrt((double)count);

	if (lists > VEXFS_IVF_LISTS_MAX)
		return VEXFS_IVF_LISTS_MAX;
	return lists ? lists : 1;
}

/* The same at each run, so that an index is. */
static uint32_t draw(struct training *t, uint32_t below)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 17;
	t->random ^= t->random << 5;
	return t->random % below;
}

__attribute__((optimize("O3")))
static int32_t dot(const int16_t *a, const int16_t *b, uint32_t width)
{
	int32_t sum = 0;
	uint32_t i;

	for (i = 0; i < width; i++)
		sum += (int32_t)a[i] * b[i];
	return sum;
}

/* To length 1, where only the direction counts. */
static void normalize(const struct training *t, float *row)
{
	double sum = 0;
	uint32_t i;

	if (t->ivf->metric != VEXFS_METRIC_COSINE)
		return;
	for (i = 0; i < t->ivf->dim; i++)
		sum += (double)row[i] * row[i];
	if (!(sum > 0))
		return;
	sum = sqrt(sum);
	for (i = 0; i < t->ivf->dim; i++)
		row[i] /= sum;
}

static void round_row(const struct training *t, const float *row, int16_t *to)
{
	double value;
	uint32_t i;

	for (i = 0; i < t->ivf->dim; i++) {
		value = row[i] / t->unit;
		if (value > t->widest)
			value = t->widest;
		if (value < -t->widest)
			value = -t->widest;
		to[i] = value < 0 ? value - 0.5 : value + 0.5;
	}
}

static int start(struct training *t)
{
	const struct ivf *ivf = t->ivf;
	uint64_t most, wanted = (uint64_t)ivf->lists * PER_LIST;

	t->width = ROUND_UP(ivf->dim, LANES);
	t->widest = sqrt((1 << 30) / t->width);
	if (t->widest > WIDEST)
		t->widest = WIDEST;
	most = SAMPLE_BYTES / (t->width * sizeof(int16_t));
	if (wanted < 1024)
		wanted = 1024;
	if (wanted > most)
		wanted = most > ivf->lists ? most : ivf->lists;
	t->sampled = wanted < ivf->count ? wanted : ivf->count;
	t->random = 2463534242u;
	t->buf = calloc(CHUNK, ivf->dim * sizeof(float));
	t->row = calloc(t->width, sizeof(int16_t));
	t->sample = calloc(t->sampled, t->width * sizeof(int16_t));
	t->means = calloc(ivf->lists, t->width * sizeof(int16_t));
	t->norms = calloc(ivf->lists, sizeof(int64_t));
	t->sums = calloc(ivf->lists, t->width * sizeof(int32_t));
	t->sizes = calloc(ivf->lists, sizeof(uint32_t));
	t->groups = ivf->lists < GROUPED ? 0 : sqrt(ivf->lists);
	t->heads = calloc(t->groups + 1, sizeof(uint32_t));
	t->starts = calloc(t->groups + 2, sizeof(uint32_t));
	t->members = calloc(ivf->lists, sizeof(uint32_t));
	t->offs = calloc(t->groups + 1, sizeof(int64_t));
	if (!t->heads || !t->starts || !t->members || !t->offs)
		return -ENOMEM;
	return t->buf && t->row && t->sample && t->means && t->norms &&
	       t->sums && t->sizes ? 0 : -ENOMEM;
}

static void end(struct training *t)
{
	free(t->buf);
	free(t->row);
	free(t->sample);
	free(t->means);
	free(t->norms);
	free(t->sums);
	free(t->sizes);
	free(t->heads);
	free(t->starts);
	free(t->members);
	free(t->offs);
}

static int sampled_row(struct training *t, uint32_t i)
{
	uint64_t at = (uint64_t)i * t->ivf->count / t->sampled;
	int err = t->rows(t->arg, at, 1, t->buf);

	if (!err)
		normalize(t, t->buf);
	return err;
}

/* Every n-th vector; the largest component gives the unit. */
static int take_sample(struct training *t)
{
	uint32_t i, k, dim = t->ivf->dim;
	float most = 0;
	int err = 0;

	for (i = 0; i < t->sampled && !err; i++) {
		err = sampled_row(t, i);
		for (k = 0; k < dim && !err; k++)
			most = fmaxf(most, fabsf(t->buf[k]));
	}
	t->unit = most > 0 ? (double)most / t->widest : 1;
	for (i = 0; i < t->sampled && !err; i++) {
		err = sampled_row(t, i);
		if (!err)
			round_row(t, t->buf, t->sample + (size_t)i * t->width);
	}
	return err;
}

static void set_mean(struct training *t, uint32_t list, const int16_t *row)
{
	int16_t *mean = t->means + (size_t)list * t->width;

	memmove(mean, row, t->width * sizeof(*row));
	t->norms[list] = dot(mean, mean, t->width);
}

static void first_means(struct training *t)
{
	uint32_t list;

	for (list = 0; list < t->ivf->lists; list++)
		set_mean(t, list, t->sample +
			 (size_t)draw(t, t->sampled) * t->width);
}

/* Less where the mean is nearer: the square of the distance but for a constant. */
static int64_t off(const struct training *t, const int16_t *row, uint32_t list)
{
	return t->norms[list] -
	       2 * (int64_t)dot(row, t->means + (size_t)list * t->width,
				t->width);
}

static uint32_t nearest(const struct training *t, const int16_t *row)
{
	int64_t least = INT64_MAX, this;
	uint32_t list, best = 0;

	for (list = 0; list < t->ivf->lists; list++) {
		this = off(t, row, list);
		if (this < least) {
			least = this;
			best = list;
		}
	}
	return best;
}

static uint32_t nearest_head(const struct training *t)
{
	uint32_t group, best = 0;

	for (group = 1; group < t->groups; group++)
		if (t->offs[group] < t->offs[best])
			best = group;
	return best;
}

static void measure_heads(const struct training *t, const int16_t *row)
{
	uint32_t group;

	for (group = 0; group < t->groups; group++)
		t->offs[group] = off(t, row, t->heads[group]);
}

/* Puts means together, so that for most vectors most need not be looked at. */
static void group_means(struct training *t)
{
	uint32_t list, group, *of = t->sizes;

	if (!t->groups)
		return;
	memset(t->starts, 0, (t->groups + 2) * sizeof(*t->starts));
	for (group = 0; group < t->groups; group++)
		t->heads[group] = draw(t, t->ivf->lists);
	for (list = 0; list < t->ivf->lists; list++) {
		measure_heads(t, t->means + (size_t)list * t->width);
		of[list] = nearest_head(t);
		t->starts[of[list] + 2]++;
	}
	for (group = 0; group < t->groups; group++)
		t->starts[group + 2] += t->starts[group + 1];
	for (list = 0; list < t->ivf->lists; list++)
		t->members[t->starts[of[list] + 1]++] = list;
}

/* The nearest mean of the groups whose heads are the nearest. */
static uint32_t nearly_nearest(const struct training *t, const int16_t *row)
{
	uint32_t looked = t->groups / LOOKED_INTO, group, i, best = 0;
	int64_t least = INT64_MAX, this;

	if (!t->groups)
		return nearest(t, row);
	measure_heads(t, row);
	for (; looked; looked--) {
		group = nearest_head(t);
		for (i = t->starts[group]; i < t->starts[group + 1]; i++) {
			this = off(t, row, t->members[i]);
			if (this < least) {
				least = this;
				best = t->members[i];
			}
		}
		t->offs[group] = INT64_MAX;
	}
	return best;
}

static void new_mean(struct training *t, uint32_t list)
{
	const int32_t *sum = t->sums + (size_t)list * t->width;
	uint32_t i, n = t->sizes[list];

	if (!n) {
		set_mean(t, list, t->sample +
			 (size_t)draw(t, t->sampled) * t->width);
		return;
	}
	for (i = 0; i < t->width; i++)
		t->row[i] = sum[i] / (int32_t)n;
	set_mean(t, list, t->row);
}

static void improve(struct training *t)
{
	size_t words = (size_t)t->ivf->lists * t->width;
	const int16_t *row;
	uint32_t i, k, list;
	int32_t *sum;

	group_means(t);
	memset(t->sums, 0, words * sizeof(*t->sums));
	memset(t->sizes, 0, t->ivf->lists * sizeof(*t->sizes));
	for (i = 0; i < t->sampled; i++) {
		row = t->sample + (size_t)i * t->width;
		list = nearly_nearest(t, row);
		sum = t->sums + (size_t)list * t->width;
		for (k = 0; k < t->width; k++)
			sum[k] += row[k];
		t->sizes[list]++;
	}
	for (list = 0; list < t->ivf->lists; list++)
		new_mean(t, list);
}

static int sort_all(struct training *t)
{
	struct ivf *ivf = t->ivf;
	uint32_t at, i, n;
	int err = 0;

	group_means(t);
	memset(t->row, 0, t->width * sizeof(*t->row));
	for (at = 0; at < ivf->count && !err; at += n) {
		n = ivf->count - at < CHUNK ? ivf->count - at : CHUNK;
		err = t->rows(t->arg, at, n, t->buf);
		for (i = 0; i < n && !err; i++) {
			normalize(t, t->buf + (size_t)i * ivf->dim);
			round_row(t, t->buf + (size_t)i * ivf->dim, t->row);
			ivf->list_of[at + i] = nearly_nearest(t, t->row);
		}
	}
	return err;
}

int ivf_train(struct ivf *ivf, ivf_rows_fn rows, void *arg)
{
	struct training t = { .ivf = ivf, .rows = rows, .arg = arg };
	uint32_t i, k;
	int err = start(&t);

	ivf->centroids = calloc(ivf->lists, ivf->dim * sizeof(float));
	ivf->list_of = calloc(ivf->count, sizeof(uint32_t));
	if (!ivf->centroids || !ivf->list_of)
		err = -ENOMEM;
	if (!err)
		err = take_sample(&t);
	if (!err)
		first_means(&t);
	for (i = 0; i < ROUNDS && !err; i++)
		improve(&t);
	if (!err)
		err = sort_all(&t);
	for (i = 0; i < ivf->lists && !err; i++)
		for (k = 0; k < ivf->dim; k++)
			ivf->centroids[(size_t)i * ivf->dim + k] =
				t.means[(size_t)i * t.width + k] * t.unit;
	end(&t);
	if (err)
		ivf_end(ivf);
	return err;
}

void ivf_end(struct ivf *ivf)
{
	free(ivf->centroids);
	free(ivf->list_of);
	ivf->centroids = NULL;
	ivf->list_of = NULL;
}
