// SPDX-License-Identifier: Apache-2.0
/* fsprobe: finds out what a filesystem can do, and how far. */
#include <getopt.h>
#include <sys/mman.h>

#include "fsprobe/run.h"
#include "lib/profile.h"

static const char usage[] =
	"fsprobe list\n"
	"fsprobe run [--only NAME,...] [--skip NAME,...] [--without NAME,...] [--guest] [--announce] DIR\n"
	"fsprobe put DIR; fsprobe look DIR\n"
	"fsprobe loop DISK BYTES SECTOR; fsprobe unloop DEVICE\n"
	"fsprobe known NAME [LIMIT]\n"
	"\n"
	"run     prints a line of JSON before each probe, {\"begin\": NAME}, and one with what it found; exit status 3 where\n"
	"        the kernel killed a probe or it cannot be killed: what is left must be asked in another machine\n"
	"--guest     this machine serves nothing else: caches are dropped, the filesystem frozen, files swapped to\n"
	"--announce  the lines go to the kernel's log as well (/dev/kmsg)\n"
	"--without   these do not work: what relies on them is not asked, or asked in another way\n"
	"put     makes files of which look says whether they are whole\n"
	"loop    makes a loop device of that many bytes, with sectors of that size, and prints its name\n"
	"known   what an earlier probe found (/vexlab/profile): exit status 0 where NAME works, 1 where it does not; prints\n"
	"        its limit, LIMIT (default 0) where none is known\n";

struct selection {
	const char *only, *skip;
};

extern const struct group basic_group, names_group, files_group, attributes_group, times_group, data_group, space_group,
	limits_group, whole_group;

const struct group *const groups[] = {
	&basic_group, &names_group, &files_group, &attributes_group, &times_group,
	&data_group, &space_group, &limits_group, &whole_group,
};
const size_t group_count = ARRAY_SIZE(groups);

static void do_without_each(char *names)
{
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
		do_without(name);
}

static int list(void)
{
	for (size_t g = 0; g < group_count; g++)
		for (size_t i = 0; i < groups[g]->count; i++)
			puts(groups[g]->probes[i].name);
	return 0;
}

static int run(const struct selection *selection, const char *path)
{
	unsigned int number = 0, ran = 0;

	if (chdir(path)) {
		fprintf(stderr, "fsprobe: %s: %s\n", path, strerror(errno));
		return 2;
	}
	for (size_t g = 0; g < group_count; g++)
		for (size_t i = 0; i < groups[g]->count; i++, number++) {
			const struct probe *probe = &groups[g]->probes[i];

			if ((selection->only && !list_holds(selection->only, probe->name)) ||
			    list_holds(selection->skip, probe->name))
				continue;
			ran++;
			if (run_probe(probe, number) == USED_UP)
				return 3;
		}
	end_probes();
	if (!ran)
		fputs("fsprobe: no probe has this name\n", stderr);
	return ran ? 0 : 2;
}

static int known(const char *name, const char *otherwise)
{
	printf("%lld\n", profile_limit(name, atoll(otherwise)));
	return profile_works(name) ? 0 : 1;
}

static int parse_options(int argc, char **argv, struct selection *selection)
{
	static const struct option options[] = {
		{ "only", required_argument, NULL, 'o' }, { "skip", required_argument, NULL, 's' },
		{ "guest", no_argument, NULL, 'g' }, { "announce", no_argument, NULL, 'a' },
		{ "without", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			selection->only = optarg;
		else if (option == 's')
			selection->skip = optarg;
		else if (option == 'g')
			settings.guest = true;
		else if (option == 'a')
			settings.announce = true;
		else if (option == 'w')
			do_without_each(optarg);
		else
			return -1;
	}
	return optind;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	struct selection selection = { 0 };
	int first;

	answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answer == MAP_FAILED || argc < 2)
		goto wrong;
	if (!strcmp(verb, "list") && argc == 2)
		return list();
	if (!strcmp(verb, "known") && (argc == 3 || argc == 4))
		return known(argv[2], argc == 4 ? argv[3] : "0");
	if (!strcmp(verb, "put") && argc == 3)
		return put_files(argv[2]);
	if (!strcmp(verb, "look") && argc == 3)
		return look_at_files(argv[2]);
	if (!strcmp(verb, "loop") && argc == 5)
		return make_loop(argv[2], argv[3], argv[4]);
	if (!strcmp(verb, "unloop") && argc == 3)
		return drop_loop(argv[2]);
	first = strcmp(verb, "run") ? -1 : parse_options(argc - 1, argv + 1, &selection);
	if (first > 0 && first + 2 == argc)
		return run(&selection, argv[first + 1]);
wrong:
	fputs(usage, stderr);
	return 2;
}
