// SPDX-License-Identifier: Apache-2.0
/*
 * vecdraw: vectors around centres, as embeddings of related things lie, written as fvecs (a 32-bit length, then its
 * binary32 components, again and again). The centres come from one seed, the vectors from another: queries that belong
 * to a collection have the collection's centres and vectors of their own.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/random.h"

#define MAX_DIM 4096

static const char usage[] =
	"vecdraw --count N --dim N --clusters N --spread PERCENT --centres SEED --seed SEED\n"
	"Components of centres are uniform in -1..1; PERCENT of 1 is the standard deviation around them.\n";

struct settings {
	unsigned long count, dim, clusters, spread, centres, seed;
};

/* Four uniform numbers of 16 bits are near enough to a normal distribution: of mean 0, standard deviation 1. */
static float normal(uint64_t *state)
{
	uint64_t bits = random64(state);
	int sum = (int)(bits & 0xffff) + (int)(bits >> 16 & 0xffff) + (int)(bits >> 32 & 0xffff) + (int)(bits >> 48);

	return (float)(sum - 131070) / 37837.2f; /* sqrt(4 / 12) * 65536 */
}

static float *make_centres(const struct settings *set)
{
	size_t numbers = set->clusters * set->dim, i;
	float *centres = calloc(numbers, sizeof(*centres));
	uint64_t state = set->centres;

	for (i = 0; centres && i < numbers; i++)
		centres[i] = (float)random_below(&state, 65537) / 32768.0f - 1.0f;
	return centres;
}

static int write_vectors(const struct settings *set, const float *centres)
{
	static float row[MAX_DIM];
	const float *centre;
	uint64_t state = mix64(set->seed + 1);
	uint32_t dim = set->dim;
	unsigned long n, i;

	for (n = 0; n < set->count; n++) {
		centre = centres + random_below(&state, set->clusters) * dim;
		for (i = 0; i < dim; i++)
			row[i] = centre[i] + normal(&state) * set->spread / 100.0f;
		if (fwrite(&dim, sizeof(dim), 1, stdout) != 1 || fwrite(row, sizeof(*row), dim, stdout) != dim)
			return -1;
	}
	return fflush(stdout);
}

static int parse(struct settings *set, int argc, char **argv)
{
	const struct option options[] = {
		{"count", required_argument, NULL, 0},    {"dim", required_argument, NULL, 1},
		{"clusters", required_argument, NULL, 2}, {"spread", required_argument, NULL, 3},
		{"centres", required_argument, NULL, 4},  {"seed", required_argument, NULL, 5},
		{NULL, 0, NULL, 0},
	};
	unsigned long *const fields[] = {&set->count, &set->dim, &set->clusters, &set->spread, &set->centres, &set->seed};
	char *end;
	int which;

	while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (which < 0 || which > 5)
			return -1;
		errno = 0;
		*fields[which] = strtoul(optarg, &end, 10);
		if (errno || *end || end == optarg)
			return -1;
	}
	return optind == argc && set->count && set->dim && set->dim <= MAX_DIM && set->clusters ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct settings set = {0};
	float *centres;
	int failed;

	if (parse(&set, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	centres = make_centres(&set);
	failed = !centres || write_vectors(&set, centres);
	if (failed)
		fprintf(stderr, "vecdraw: %s\n", strerror(errno));
	free(centres);
	return failed ? 1 : 0;
}
