// SPDX-License-Identifier: Apache-2.0
/* fscheck: asks a filesystem, operation by operation, for what POSIX and Linux promise. */
#include <getopt.h>

#include "fscheck/run.h"
#include "lib/json.h"

#define TIMEOUT_S 60.0
#define FILL_MIB 2048
#define ANSWER 42

static const char usage[] =
	"fscheck list [--json]\n"
	"fscheck run [--family F]... [--check N]... [--timeout S] [--shared] [--keep] [--fill MIB] [--announce] DIR\n"
	"fscheck mark [--timeout S] [--announce] DIR\n"
	"fscheck verify [--timeout S] [--announce] DIR\n"
	"fscheck readonly [--timeout S] [--announce] DIR\n"
	"fscheck prove DIR MAJOR:MINOR FSTYPE\n"
	"\n"
	"run     prints a line of JSON for each check as it ends; exit status 1 where one failed\n"
	"mark    makes state in DIR that verify expects after unmounting, fsck and mounting\n"
	"readonly asks the same DIR, mounted read-only, to change: everything must say EROFS\n"
	"--check   a name, or family.name; --family and --check are repeatable\n"
	"--announce  tells the kernel's log (/dev/kmsg) which check begins\n"
	"--shared  other programs use the filesystem: its counts of free blocks and inodes say nothing\n"
	"--keep    what a check leaves stays in its directory, for fsck and for a comparison\n"
	"--fill    the largest free space in MiB that a check may fill (default 2048)\n";

#define SELECTED 64

struct selection {
	const char *family[SELECTED], *name[SELECTED];
	int families, names;
	double timeout;
	bool json;
};

static bool wanted(const struct selection *selection, const struct check *check)
{
	bool family = !selection->families, name = !selection->names;
	char id[128];

	snprintf(id, sizeof(id), "%s.%s", check->family, check->name);

	for (int i = 0; i < selection->families; i++)
		family |= !strcmp(selection->family[i], check->family);
	for (int i = 0; i < selection->names; i++)
		name |= !strcmp(selection->name[i], check->name) || !strcmp(selection->name[i], id);
	return family && name;
}

static int list(const struct selection *selection)
{
	struct json json = { 0 };

	for (size_t f = 0; f < family_count; f++)
		for (size_t i = 0; i < families[f]->count; i++) {
			const struct check *check = &families[f]->checks[i];

			if (!wanted(selection, check))
				continue;
			if (!selection->json) {
				printf("%-10s %-32s %s\n", check->family, check->name, check->cite);
				continue;
			}
			json_open(&json);
			json_str(&json, "family", check->family);
			json_str(&json, "name", check->name);
			json_str(&json, "cite", check->cite);
			json_close(&json);
			json_put(&json);
		}
	return 0;
}

static int run(const struct selection *selection, const char *path)
{
	size_t ran = 0;
	bool good = true;

	if (chdir(path) || !watch(".")) {
		fprintf(stderr, "fscheck: %s: %s\n", path, strerror(errno));
		return 2;
	}
	probe(selection->timeout);
	for (size_t f = 0; f < family_count; f++)
		for (size_t i = 0; i < families[f]->count; i++)
			if (wanted(selection, &families[f]->checks[i])) {
				good &= run_check(&families[f]->checks[i], selection->timeout);
				ran++;
			}
	announce("end", "");
	if (!ran) {
		fprintf(stderr, "fscheck: no check has this name\n");
		return 2;
	}
	return good ? 0 : 1;
}

static int parse_options(int argc, char **argv, struct selection *selection)
{
	static const struct option options[] = {
		{ "family", required_argument, NULL, 'f' }, { "check", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' }, { "shared", no_argument, NULL, 's' },
		{ "announce", no_argument, NULL, 'a' },
		{ "keep", no_argument, NULL, 'k' },
		{ "fill", required_argument, NULL, 'l' }, { "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f' && selection->families < SELECTED)
			selection->family[selection->families++] = optarg;
		else if (option == 'c' && selection->names < SELECTED)
			selection->name[selection->names++] = optarg;
		else if (option == 't')
			selection->timeout = atof(optarg);
		else if (option == 'a')
			settings.announce = true;
		else if (option == 's')
			settings.shared = true;
		else if (option == 'k')
			settings.keep = true;
		else if (option == 'l')
			settings.fill_mib = strtoul(optarg, NULL, 10);
		else if (option == 'j')
			selection->json = true;
		else
			return -1;
	}
	return optind;
}

int main(int argc, char **argv)
{
	struct selection selection = { .timeout = TIMEOUT_S };
	static char program[PATH_MAX];
	const char *verb = argc > 1 ? argv[1] : "";
	int first, left;

	/* What the check that executes a copy of this program on the filesystem expects of it. */
	if (!strcmp(verb, "answer")) {
		if (argc > 2)
			pause();
		return ANSWER;
	}
	settings.fill_mib = FILL_MIB;
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		snprintf(program, sizeof(program), "%s", argv[0]);
	settings.program = program;
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED || argc < 2)
		goto wrong;
	first = parse_options(argc - 1, argv + 1, &selection) + 1;
	left = argc - first;
	if (first < 1)
		goto wrong;
	if (!strcmp(verb, "list") && !left)
		return list(&selection);
	if (!strcmp(verb, "run") && left == 1)
		return run(&selection, argv[first]);
	if (!strcmp(verb, "mark") && left == 1)
		return mark(argv[first], selection.timeout) ? 0 : 1;
	if (!strcmp(verb, "verify") && left == 1)
		return verify(argv[first], selection.timeout) ? 0 : 1;
	if (!strcmp(verb, "readonly") && left == 1)
		return readonly(argv[first], selection.timeout) ? 0 : 1;
	if (!strcmp(verb, "prove") && left == 3)
		return prove(argv[first], argv[first + 1], argv[first + 2]) ? 0 : 1;
wrong:
	fputs(usage, stderr);
	return 2;
}
