// SPDX-License-Identifier: GPL-2.0
/*
 * `search`: the nearest vectors of a collection.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collection.h"
#include "text.h"
#include "vector.h"

static void print_results(const struct request *rq,
			  const struct vexfs_vec_search *search,
			  const struct vexfs_vec_result *results)
{
	struct json js = { .out = stdout };
	uint32_t i;

	if (!rq->json) {
		for (i = 0; i < search->found; i++)
			printf("%llu %.17g\n",
			       (unsigned long long)results[i].id,
			       vexfs_distance(&results[i]));
		return;
	}
	json_begin_object(&js, NULL);
	json_unsigned(&js, "scanned", search->scanned);
	json_begin_array(&js, "results");
	for (i = 0; i < search->found; i++) {
		json_begin_object(&js, NULL);
		json_unsigned(&js, "id", results[i].id);
		json_double(&js, "distance", vexfs_distance(&results[i]));
		json_end_object(&js);
	}
	json_end_array(&js);
	json_end_object(&js);
	putchar('\n');
}

int ctl_search(const struct request *rq)
{
	struct vexfs_vec_search search = {
		.version = VEXFS_API_VERSION, .k = rq->k,
		.flags = rq->probes ? VEXFS_SEARCH_INDEX : 0,
		.probes = rq->probes,
	};
	struct vexfs_vec_result *results;
	static float row[VEXFS_MAX_DIM];
	struct vexfs_vec_info info;
	int fd, status = CTL_FAILED;

	search.dim = read_one(rq, row);
	if (!search.dim)
		return CTL_USAGE;
	fd = open_collection(rq->path, O_RDONLY, &info);
	if (fd < 0)
		return CTL_FAILED;
	results = calloc(rq->k, sizeof(*results));
	if (!results)
		complain("%s", strerror(ENOMEM));
	if (!results || !dim_matches(rq->path, search.dim, &info))
		goto out;
	search.query = (uintptr_t)row;
	search.results = (uintptr_t)results;
	if (ioctl(fd, VEXFS_IOC_VEC_SEARCH, &search)) {
		status = failed(rq->path, "search");
	} else if (search.found > rq->k) {
		complain("%s: the kernel claims %u results for %u", rq->path,
			 search.found, rq->k);
	} else {
		print_results(rq, &search, results);
		status = 0;
	}
out:
	free(results);
	close(fd);
	return status;
}
