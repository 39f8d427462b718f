// SPDX-License-Identifier: Apache-2.0
/* fsseq: does sequences of operations, on one filesystem or on two in step. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fsseq/compare.h"
#include "lib/json.h"

#define CHUNK 500

static const char usage[] =
	"fsseq gen [--without LIST] SEED COUNT        prints a program\n"
	"fsseq run PROGRAM DIR                        does it in DIR; prints each answer, then the tree\n"
	"fsseq tree DIR                               prints the tree\n"
	"fsseq probe DIR                              prints what the filesystem lacks, for --without\n"
	"fsseq compare [--drop] [--without LIST] [--chunk N] SEED COUNT DIR_A DIR_B\n"
	"        programs of N operations (default 500) with seeds from SEED on, COUNT operations in all, in both\n"
	"        directories; a line of JSON at the end; exit status 1 where they differ\n"
	"fsseq try [--drop] PROGRAMS DIR_A DIR_B      does programs, with lines \"end\" in between, in both, up to the first\n"
	"        in which they differ; a line of JSON at the end; exit status 1 where they differ\n"
	"fsseq shrink [--drop] PROGRAM DIR_A DIR_B    prints the shortest program found that still differs\n"
	"\n"
	"--drop     drop the caches and compare the trees again\n"
	"--without  a list of exchange, noreplace, allocate, keep, punch, zero, xattr; what either directory lacks is\n"
	"           left out by itself. PROGRAM may be - for the standard input.\n";

struct options {
	bool drop;
	unsigned int lacking;
	size_t chunk;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static bool read_program(const char *path, struct program *program)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	bool good;

	if (!file) {
		fprintf(stderr, "fsseq: %s: %s\n", path, strerror(errno));
		return false;
	}
	good = program_read(program, file);
	if (file != stdin)
		fclose(file);
	return good;
}

static void print_program(const struct program *program)
{
	char text[4 * TEXT_ROOM * TEXTS];

	for (size_t i = 0; i < program->count; i++) {
		op_print(&program->op[i], text, sizeof(text));
		puts(text);
	}
}

static int gen(const struct options *options, const char *seed, const char *count)
{
	struct program program = { 0 };

	generate(&program, strtoull(seed, NULL, 10), strtoull(count, NULL, 10), options->lacking);
	print_program(&program);
	return 0;
}

static void print_tree(struct place *place)
{
	struct text text = { 0 };

	tree_lines(place, &text);
	fwrite(text.bytes, 1, text.len, stdout);
	free(text.bytes);
}

static bool here(struct place *place, const char *path)
{
	struct stat st;

	if (stat(path, &st) || !place_open(place, path, st.st_nlink != 1)) {
		fprintf(stderr, "fsseq: %s: %s\n", path, strerror(errno));
		return false;
	}
	return true;
}

static int run(const char *path, const char *dir)
{
	struct program program = { 0 };
	struct place place;
	char text[64];

	umask(022);
	if (!read_program(path, &program) || !here(&place, dir))
		return 2;
	for (size_t i = 0; i < program.count; i++) {
		struct answer answer = execute(&place, &program.op[i]);

		answer_print(&answer, text, sizeof(text));
		printf("%zu %s\n", i, text);
	}
	puts("tree");
	print_tree(&place);
	place_close(&place);
	return 0;
}

static int tree(const char *dir)
{
	struct place place;

	if (!here(&place, dir))
		return 2;
	print_tree(&place);
	place_close(&place);
	return 0;
}

static unsigned int lacking_of(const char *dir)
{
	struct place place;
	unsigned int lacking = 0;

	if (here(&place, dir)) {
		lacking = lacks(place.dirfd);
		place_close(&place);
	}
	return lacking;
}

static int probe(const char *dir)
{
	char text[200];

	lacks_print(lacking_of(dir), text, sizeof(text));
	puts(text);
	return 0;
}

/* What was done of how many programs, and the one in which they differ: seed and count make it again. */
struct outcome {
	const struct difference *difference;
	uint64_t seed;
	size_t count;
	size_t programs;
	size_t done;
	double took;
};

static void report(const struct outcome *outcome, const struct program *program, unsigned int lacking)
{
	const struct difference *difference = outcome->difference;
	char text[4 * TEXT_ROOM * TEXTS];
	struct json json = { 0 };

	json_open(&json);
	json_bool(&json, "differ", difference != NULL);
	json_int(&json, "programs", outcome->programs);
	json_int(&json, "operations", outcome->done);
	json_ms(&json, "seconds", outcome->took);
	json_ms(&json, "per_second", outcome->took > 0 ? outcome->done / outcome->took : 0);
	lacks_print(lacking, text, sizeof(text));
	json_str(&json, "without", text);
	if (difference) {
		json_int(&json, "seed", outcome->seed);
		json_int(&json, "count", outcome->count);
		json_int(&json, "index", difference->index);
		if (difference->index >= 0)
			op_print(&program->op[difference->index], text, sizeof(text));
		json_str(&json, "operation", difference->index >= 0 ? text : "the tree at the end");
		json_str(&json, "a", difference->a);
		json_str(&json, "b", difference->b);
	}
	json_close(&json);
	json_print(&json);
	free(json.text);
}

/* Where they differ in the program: counts what was done of it, or all of it. */
static bool pair_differs(struct pair *pair, const struct program *program, struct outcome *outcome)
{
	static struct difference difference;
	bool found = differ(pair, program, &difference);

	outcome->programs++;
	outcome->done += found && difference.index >= 0 ? (size_t)difference.index + 1 : program->count;
	outcome->difference = found ? &difference : NULL;
	outcome->count = program->count;
	return found;
}

static bool pair_opened(struct pair *pair, char **dirs)
{
	if (pair_open(pair, dirs[0], dirs[1]))
		return true;
	fprintf(stderr, "fsseq: a directory cannot be written: %s\n", strerror(errno));
	return false;
}

static int compare(const struct options *options, char **args)
{
	uint64_t seed = strtoull(args[0], NULL, 10);
	size_t count = strtoull(args[1], NULL, 10);
	struct pair pair = { .drop = options->drop };
	struct outcome outcome = { 0 };
	struct program program = { 0 };
	double start = seconds();
	unsigned int lacking;
	bool differs = false;

	if (!pair_opened(&pair, args + 2))
		return 2;
	lacking = options->lacking | lacking_of(args[2]) | lacking_of(args[3]);
	for (; !differs && outcome.done < count; seed++) {
		size_t left = count - outcome.done;

		program.count = 0;
		generate(&program, seed, left < options->chunk ? left : options->chunk, lacking);
		outcome.seed = seed;
		differs = pair_differs(&pair, &program, &outcome);
	}
	outcome.took = seconds() - start;
	report(&outcome, &program, lacking);
	return differs;
}

static int try(const struct options *options, char **args)
{
	FILE *file = strcmp(args[0], "-") ? fopen(args[0], "r") : stdin;
	struct pair pair = { .drop = options->drop };
	struct outcome outcome = { 0 };
	struct program program = { 0 };
	double start = seconds();
	bool differs = false;

	if (!file) {
		fprintf(stderr, "fsseq: %s: %s\n", args[0], strerror(errno));
		return 2;
	}
	if (!pair_opened(&pair, args + 1))
		return 2;
	while (!differs && !feof(file)) {
		program.count = 0;
		if (!program_read(&program, file))
			return 2;
		if (program.count)
			differs = pair_differs(&pair, &program, &outcome);
	}
	outcome.took = seconds() - start;
	report(&outcome, &program, options->lacking);
	return differs;
}

static int shorten(const struct options *options, char **args)
{
	struct pair pair = { .drop = options->drop };
	struct program program = { 0 };

	if (!read_program(args[0], &program) || !pair_open(&pair, args[1], args[2]))
		return 2;
	shrink(&pair, &program);
	print_program(&program);
	return 0;
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "drop", no_argument, NULL, 'd' },
		{ "without", required_argument, NULL, 'w' },
		{ "chunk", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'd')
			options->drop = true;
		else if (option == 'w')
			options->lacking = lacks_of_names(optarg);
		else if (option == 'c')
			options->chunk = strtoull(optarg, NULL, 10);
		else
			return -1;
	}
	return optind;
}

int main(int argc, char **argv)
{
	struct options options = { .chunk = CHUNK };
	const char *verb = argc > 1 ? argv[1] : "";
	char **args;
	int first, left;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	first = argc > 1 ? parse_options(argc - 1, argv + 1, &options) : -1;
	args = argv + 1 + first;
	left = argc - 1 - first;
	if (first < 1 || !options.chunk)
		goto wrong;
	if (!strcmp(verb, "gen") && left == 2)
		return gen(&options, args[0], args[1]);
	if (!strcmp(verb, "run") && left == 2)
		return run(args[0], args[1]);
	if (!strcmp(verb, "tree") && left == 1)
		return tree(args[0]);
	if (!strcmp(verb, "probe") && left == 1)
		return probe(args[0]);
	if (!strcmp(verb, "compare") && left == 4)
		return compare(&options, args);
	if (!strcmp(verb, "try") && left == 3)
		return try(&options, args);
	if (!strcmp(verb, "shrink") && left == 3)
		return shorten(&options, args);
wrong:
	fputs(usage, stderr);
	return 2;
}
