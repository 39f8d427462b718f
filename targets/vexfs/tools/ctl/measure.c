// SPDX-License-Identifier: GPL-2.0
/*
 * `measure`: every query of a file, exactly and by index, with the time each
 * way takes. What is right is left to the caller to judge.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "collection.h"
#include "text.h"

struct measurement {
	const struct request	*rq;
	int			fd;
	uint32_t		dim;
	float			*queries;
	uint32_t		count;
	struct vexfs_vec_result	*results;	/* [count][k] */
	uint32_t		*found;		/* [count] */
	uint64_t		scanned;
};

static bool read_queries(struct measurement *m)
{
	struct input *in = input_open(m->rq->from, m->rq->format);
	float *more;
	int n;

	if (!in)
		return false;
	while ((n = input_next(in)) == 1) {
		if (input_dim(in) != m->dim) {
			complain("%s: the collection's vectors have %u "
				 "components, not %u", m->rq->from, m->dim,
				 input_dim(in));
			n = -1;
			break;
		}
		more = reallocarray(m->queries, m->count + 1,
				    m->dim * sizeof(float));
		if (!more) {
			complain("%s", strerror(ENOMEM));
			n = -1;
			break;
		}
		m->queries = more;
		memcpy(more + (size_t)m->count++ * m->dim, input_row(in),
		       m->dim * sizeof(float));
	}
	input_close(in);
	return !n && m->count;
}

static bool search_all(struct measurement *m, uint32_t probes)
{
	uint32_t i, k = m->rq->k;

	m->scanned = 0;
	for (i = 0; i < m->count; i++) {
		struct vexfs_vec_search search = {
			.version = VEXFS_API_VERSION, .dim = m->dim, .k = k,
			.flags = probes ? VEXFS_SEARCH_INDEX : 0,
			.probes = probes,
			.query = (uintptr_t)(m->queries + (size_t)i * m->dim),
			.results = (uintptr_t)(m->results + (size_t)i * k),
		};

		if (ioctl(m->fd, VEXFS_IOC_VEC_SEARCH, &search)) {
			failed(m->rq->path, "search");
			return false;
		}
		m->found[i] = search.found < k ? search.found : k;
		m->scanned += search.scanned;
	}
	return true;
}

static void print_way(const struct measurement *m, uint32_t probes,
		      double seconds)
{
	struct json js = { .out = stdout };
	uint32_t i, n;

	json_begin_object(&js, NULL);
	json_unsigned(&js, "probes", probes);
	json_double(&js, "seconds", seconds);
	json_unsigned(&js, "scanned", m->scanned);
	json_begin_array(&js, "answers");
	for (i = 0; i < m->count; i++) {
		json_begin_array(&js, NULL);
		for (n = 0; n < m->found[i]; n++)
			json_unsigned(&js, NULL,
				      m->results[(size_t)i * m->rq->k + n].id);
		json_end_array(&js);
	}
	json_end_array(&js);
	json_end_object(&js);
	putchar('\n');
}

static bool all_numbers(const struct request *rq)
{
	uint64_t probes;
	int i;

	for (i = 0; i < rq->value_count; i++)
		if (!parse_u64(rq->values[i], VEXFS_MAX_LISTS, &probes)) {
			complain_usage("'%s' is no number of lists up to %u",
				       rq->values[i], VEXFS_MAX_LISTS);
			return false;
		}
	return true;
}

static bool measure_way(struct measurement *m, const char *word)
{
	struct timespec begun, ended;
	uint64_t probes;

	parse_u64(word, VEXFS_MAX_LISTS, &probes);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	if (!search_all(m, probes))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &ended);
	print_way(m, probes, ended.tv_sec - begun.tv_sec +
		  (ended.tv_nsec - begun.tv_nsec) / 1e9);
	return true;
}

int ctl_measure(const struct request *rq)
{
	struct measurement m = { .rq = rq };
	struct vexfs_vec_info info;
	int i, status = CTL_FAILED;

	if (!rq->from || !rq->value_count) {
		complain_usage("measure needs --from QUERIES and numbers of "
			       "lists to look into, 0 for exact search");
		return CTL_USAGE;
	}
	if (!all_numbers(rq))
		return CTL_USAGE;
	m.fd = open_collection(rq->path, O_RDONLY, &info);
	if (m.fd < 0)
		return CTL_FAILED;
	m.dim = info.dim;
	if (!read_queries(&m))
		goto out;
	m.results = calloc((size_t)m.count * rq->k, sizeof(*m.results));
	m.found = calloc(m.count, sizeof(*m.found));
	if (!m.results || !m.found) {
		complain("%s", strerror(ENOMEM));
		goto out;
	}
	for (i = 0; i < rq->value_count; i++)
		if (!measure_way(&m, rq->values[i]))
			goto out;
	status = 0;
out:
	free(m.queries);
	free(m.results);
	free(m.found);
	close(m.fd);
	return status;
}
