// SPDX-License-Identifier: Apache-2.0
/* fscrash: what a crash leaves of a program of operations, and whether it may. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fscrash/bench.h"
#include "fscrash/execute.h"
#include "fscrash/states.h"
#include "lib/json.h"

static const char usage[] =
	"fscrash list [options]                  prints the program\n"
	"fscrash run [options] DIR               records the program on --disk and checks --states of it, mounted on DIR\n"
	"fscrash write [options] DIR WITNESS     does the program in DIR; the block device WITNESS knows how far it came\n"
	"fscrash verify [options] DIR WITNESS    checks what DIR holds after a crash of write\n"
	"--seed N --count N --profile data|names|hooks --without NAMES --hook SCRIPT\n"
	"run: --states N --disk DEV --log DEV --cow DEV --size MIB --type FS --options O --mkfs CMD --fsck CMD --slack N\n"
	"     --limit SECONDS, in which states are left out where not all can be checked\n"
	"     --harmless WORDS, a part of what the kernel may say without a complaint; as often as there are such words\n";

struct request {
	struct bench bench;
	uint64_t seed;
	int count;
	int states;
	char profile;
	unsigned int lacks;
};

static bool option(struct request *request, int which)
{
	struct bench *bench = &request->bench;
	const char **words[] = { &bench->disk, &bench->log,  &bench->cow,  &bench->fstype, &bench->options,
				 &bench->mkfs, &bench->fsck, &bench->hook };

	if (which < 8) {
		*words[which] = optarg;
		return true;
	}
	switch (which) {
	case 8:
		request->seed = strtoull(optarg, NULL, 10);
		return true;
	case 9:
		request->count = atoi(optarg);
		return true;
	case 10:
		request->states = atoi(optarg);
		return true;
	case 11:
		request->profile = *optarg;
		return true;
	case 12:
		return model_lacks(optarg, &request->lacks);
	case 13:
		bench->sectors = strtoull(optarg, NULL, 10) << 11;
		return true;
	case 14:
		bench->slack = atol(optarg);
		return true;
	case 15:
		bench->limit_ms = atof(optarg) * 1000;
		return true;
	case 16:
		if (bench->harmless_count < MOST_HARMLESS)
			bench->harmless[bench->harmless_count++] = optarg;
		return true;
	default:
		return false;
	}
}

static const struct option options[] = {
	{ "disk", 1, NULL, 0 },	   { "log", 1, NULL, 1 },     { "cow", 1, NULL, 2 },	  { "type", 1, NULL, 3 },
	{ "options", 1, NULL, 4 }, { "mkfs", 1, NULL, 5 },    { "fsck", 1, NULL, 6 },	  { "hook", 1, NULL, 7 },
	{ "seed", 1, NULL, 8 },	   { "count", 1, NULL, 9 },   { "states", 1, NULL, 10 },  { "profile", 1, NULL, 11 },
	{ "without", 1, NULL, 12 }, { "size", 1, NULL, 13 },  { "slack", 1, NULL, 14 },	  { "limit", 1, NULL, 15 },
	{ "harmless", 1, NULL, 16 },
	{ NULL, 0, NULL, 0 },
};

static int run(struct request *request, const struct model *model)
{
	struct bench *bench = &request->bench;
	char why[WHY] = "";
	struct log log;

	if (!bench_prepare(bench, why) || !bench_record(bench, model, why) || !log_read(&log, bench->log, why, WHY)) {
		fprintf(stderr, "%s\n", *why ? why : strerror(errno));
		return 2;
	}
	return check_states(bench, model, &log, request->seed, request->states) ? 1 : 0;
}

#define SECTOR 512

static bool witness(int fd, int op, void *sector)
{
	memset(sector, 0, SECTOR);
	snprintf(sector, SECTOR, "o%d\n", op);
	return pwrite(fd, sector, SECTOR, 0) == SECTOR;
}

static int write_program(const struct request *request, const struct model *model, const char *device)
{
	int fd = open(device, O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
	struct executor ex;
	char text[200];
	void *sector;

	if (fd < 0 || posix_memalign(&sector, 4096, 4096) || !make_folders(request->bench.root) ||
	    !executor_open(&ex, model, request->bench.root, request->bench.hook)) {
		perror(device);
		return 2;
	}
	for (int i = 0; i < model->ops; i++) {
		if (!witness(fd, i, sector) || !execute(&ex, i)) {
			fprintf(stderr, "operation %d fails: %s: %s\n", i, op_text(&model->op[i], text, sizeof(text)),
				strerror(errno));
			return 1;
		}
	}
	/* what is unlinked stays open: the end comes from outside */
	witness(fd, model->ops, sector);
	for (;;)
		pause();
}

static int verify(const struct request *request, const struct model *model, const char *device)
{
	char sector[SECTOR] = "", why[WHY] = "", said[WHY], text[200] = "the end";
	const struct bench *bench = &request->bench;
	struct json json = { 0 };
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	int begun;
	bool good;

	if (fd < 0 || read(fd, sector, SECTOR) != SECTOR || sector[0] != 'o') {
		fprintf(stderr, "%s knows of no operation\n", device);
		return 2;
	}
	begun = atoi(sector + 1);
	if (begun < model->ops)
		op_text(&model->op[begun], text, sizeof(text));
	good = check_tree(model, bench->root, begun - 1, begun, why);
	if (good && *bench->hook && run_hook(bench->hook, "check", hooks_until(model, begun - 1),
					     hooks_until(model, begun), bench->root, said, sizeof(said))) {
		snprintf(why, sizeof(why), "%.390s", said);
		good = false;
	}
	json_open(&json);
	json_int(&json, "operation", begun);
	json_str(&json, "during", text);
	json_bool(&json, "ok", good);
	json_str(&json, "why", why);
	json_close(&json);
	json_print(&json);
	return good ? 0 : 1;
}

static int list(const struct model *model)
{
	char text[200];

	for (int i = 0; i < model->ops; i++)
		printf("%d: %s\n", i, op_text(&model->op[i], text, sizeof(text)));
	return 0;
}

int main(int argc, char **argv)
{
	struct request request = { .count = 300, .states = 100, .profile = 'd', .seed = 1 };
	struct bench *bench = &request.bench;
	const char *verb = argc > 1 ? argv[1] : "";
	struct rlimit files = { 4096, 4096 };
	struct model model;
	int which;

	bench->options = bench->fsck = bench->hook = "";
	optind = 2;
	while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!option(&request, which)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	setrlimit(RLIMIT_NOFILE, &files);
	model_make(&model, request.seed, request.count, request.profile, request.lacks);
	bench->root = argv[optind];
	if (!strcmp(verb, "list") && optind == argc)
		return list(&model);
	if (!strcmp(verb, "run") && optind == argc - 1 && bench->disk && bench->log && bench->cow && bench->mkfs &&
	    bench->fstype && bench->sectors)
		return run(&request, &model);
	if (!strcmp(verb, "write") && optind == argc - 2)
		return write_program(&request, &model, argv[optind + 1]);
	if (!strcmp(verb, "verify") && optind == argc - 2)
		return verify(&request, &model, argv[optind + 1]);
	fputs(usage, stderr);
	return 2;
}
