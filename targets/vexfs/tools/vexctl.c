// SPDX-License-Identifier: GPL-2.0
/*
 * vexctl: work with the vector collections of a mounted VexFS.
 */

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "text.h"
#include "vector.h"

static const struct command {
	const char	*name;
	int		(*run)(const struct request *rq);
	const char	*arguments;
	const char	*purpose;
} commands[] = {
	{ "status", ctl_status, "PATH", "the filesystem PATH is on" },
	{ "create", ctl_create, "FILE --dim N [--metric M] [--meta-size N]",
	  "make a collection" },
	{ "add", ctl_add, "FILE [--meta TEXT] NUMBER...",
	  "add one vector" },
	{ "add-many", ctl_add_many, "FILE INPUT [--format F]",
	  "add the vectors of a file, - for standard input" },
	{ "get", ctl_get, "FILE ID...", "print vectors" },
	{ "delete", ctl_delete, "FILE ID...", "delete vectors" },
	{ "search", ctl_search, "FILE [-k N] NUMBER...",
	  "the nearest vectors: id and distance" },
	{ "stats", ctl_stats, "FILE", "what the collection is" },
	{ "dump", ctl_dump, "FILE", "print every vector" },
	{ "index", ctl_index, "FILE [--lists N] [--drop]",
	  "make an approximate index, or drop it" },
	{ "measure", ctl_measure, "FILE --from QUERIES PROBES...",
	  "time searches by index and exact (0)" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(void)
{
	size_t i;

	printf("Usage: %s COMMAND [options] ...\n"
	       "Work with the vector collections of a mounted VexFS.\n\n",
	       program);
	for (i = 0; i < COMMANDS; i++)
		printf("  %-9s %-42s %s\n", commands[i].name,
		       commands[i].arguments, commands[i].purpose);
	printf("\n"
	       "  -d, --dim N          components of a vector, 1 to %u\n"
	       "  -m, --metric M       euclidean (default), cosine, dot or manhattan\n"
	       "  -M, --meta-size N    room for metadata, up to %u bytes a vector\n"
	       "  -t, --meta TEXT      metadata of the vector\n"
	       "  -i, --from INPUT     add, search: take the vector from a file\n"
	       "  -r, --row N          which vector of INPUT, from 0\n"
	       "  -F, --format F       fvecs, npy or text; default: by the name\n"
	       "  -b, --batch N        vectors in one call, all of which are added or none\n"
	       "  -k, --count N        number of results, 1 to %u (default 10)\n"
	       "  -p, --probes N       search: by index, looking into N lists, 1 to %u\n"
	       "  -l, --lists N        index: number of lists; default: the square root\n"
	       "  -D, --drop           index: take it away\n"
	       "  -j, --json           JSON instead of text\n"
	       "  -h, --help           show this\n"
	       "  -V, --version        show the version\n"
	       "\n"
	       "A line of text is a vector: numbers, then, if wanted, | and metadata.\n"
	       "\n"
	       "Exit status: 0 done, %d failed, %d wrong usage.\n",
	       VEXFS_MAX_DIM, VEXFS_MAX_META, VEXFS_MAX_K, VEXFS_MAX_LISTS,
	       CTL_FAILED, CTL_USAGE);
}

static const struct option options[] = {
	{ "dim",	required_argument,	NULL, 'd' },
	{ "metric",	required_argument,	NULL, 'm' },
	{ "meta-size",	required_argument,	NULL, 'M' },
	{ "meta",	required_argument,	NULL, 't' },
	{ "from",	required_argument,	NULL, 'i' },
	{ "row",	required_argument,	NULL, 'r' },
	{ "format",	required_argument,	NULL, 'F' },
	{ "batch",	required_argument,	NULL, 'b' },
	{ "count",	required_argument,	NULL, 'k' },
	{ "probes",	required_argument,	NULL, 'p' },
	{ "lists",	required_argument,	NULL, 'l' },
	{ "drop",	no_argument,		NULL, 'D' },
	{ "json",	no_argument,		NULL, 'j' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ }
};

static bool set_number(uint32_t *to, uint32_t least, uint32_t most)
{
	uint64_t value;

	if (!parse_u64(optarg, most, &value) || value < least) {
		complain_usage("'%s' is no number from %u to %u", optarg,
			       least, most);
		return false;
	}
	*to = value;
	return true;
}

static bool set_metric(struct request *rq)
{
	int metric = metric_parse(optarg);

	if (metric < 0) {
		complain_usage("'%s' is no metric; there are euclidean, "
			       "cosine, dot and manhattan", optarg);
		return false;
	}
	rq->metric = metric;
	return true;
}

static bool set_option(struct request *rq, int option)
{
	switch (option) {
	case 'd':
		return set_number(&rq->dim, 1, VEXFS_MAX_DIM);
	case 'm':
		return set_metric(rq);
	case 'M':
		return set_number(&rq->meta_size, 0, VEXFS_MAX_META);
	case 't':
		rq->meta = optarg;
		return true;
	case 'i':
		rq->from = optarg;
		return true;
	case 'r':
		if (parse_u64(optarg, UINT64_MAX - 1, &rq->row))
			return true;
		complain_usage("'%s' is no row", optarg);
		return false;
	case 'F':
		rq->format = optarg;
		return true;
	case 'b':
		return set_number(&rq->batch, 1, VEXFS_MAX_ADD);
	case 'k':
		return set_number(&rq->k, 1, VEXFS_MAX_K);
	case 'p':
		return set_number(&rq->probes, 1, VEXFS_MAX_LISTS);
	case 'l':
		return set_number(&rq->lists, 1, VEXFS_MAX_LISTS);
	case 'D':
		rq->drop = true;
		return true;
	case 'j':
		rq->json = true;
		return true;
	default:
		complain("Try '%s --help'.", program);
		return false;
	}
}

/* A negative number is an operand: getopt would see an option. */
static char *as_operand(char *arg, bool *made)
{
	char *copy;

	*made = false;
	if (arg[0] != '-' || (!isdigit((unsigned char)arg[1]) &&
			      arg[1] != '.'))
		return arg;
	copy = malloc(strlen(arg) + 2);
	if (!copy)
		return arg;
	copy[0] = ' ';
	strcpy(copy + 1, arg);
	*made = true;
	return copy;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

static int run(int argc, char **argv)
{
	struct request rq = { .k = 10 };
	const struct command *command;
	int option;

	while ((option = getopt_long(argc, argv, "d:m:M:t:i:r:F:b:k:p:l:DjhV",
				     options, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			option == 'h' ? help() : print_version();
			return 0;
		}
		if (!set_option(&rq, option))
			return CTL_USAGE;
	}
	if (optind == argc) {
		complain_usage("no command given");
		return CTL_USAGE;
	}
	command = find_command(argv[optind]);
	if (!command) {
		complain_usage("'%s' is no command", argv[optind]);
		return CTL_USAGE;
	}
	if (++optind == argc) {
		complain_usage("usage: %s %s", command->name,
			       command->arguments);
		return CTL_USAGE;
	}
	rq.path = argv[optind++];
	rq.values = argv + optind;
	rq.value_count = argc - optind;
	return command->run(&rq);
}

int main(int argc, char **argv)
{
	bool *made = calloc(argc + 1, sizeof(*made));
	char **args = calloc(argc + 1, sizeof(*args));
	char **given = calloc(argc + 1, sizeof(*given));
	int i, status = CTL_FAILED;

	program = "vexctl";
	if (made && args && given) {
		for (i = 0; i < argc; i++)
			args[i] = given[i] = as_operand(argv[i], &made[i]);
		status = run(argc, args);
		/* getopt has put args in another order. */
		for (i = 0; i < argc; i++)
			if (made[i])
				free(given[i]);
	}
	free(made);
	free(args);
	free(given);
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output: %s", strerror(errno));
		status = CTL_FAILED;
	}
	return status;
}
