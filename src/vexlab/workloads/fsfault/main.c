// SPDX-License-Identifier: Apache-2.0
/* fsfault: the n-th allocation, or the n-th request, of an operation fails, for each n until none is left. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fsfault/fsfault.h"
#include "lib/child.h"
#include "lib/json.h"

static const char usage[] =
	"fsfault list [--calls FILE]            names the operations\n"
	"fsfault run [options] DIRECTORY        disturbs them in a directory of the filesystem, or its mount point\n"
	"--operation NAME (repeatable; all files' without) --io --device DEV --type FS --options O --module NAME\n"
	"--image FILE --params P --calls FILE --check COMMAND --most N --limit SECONDS --seen\n";

#define MOST 64
#define NEVER (1u << 20)

struct place place = { .options = "", .params = "" };

static struct {
	enum fault fault;
	const char *chosen[MOST];
	size_t chosen_count;
	const char *check;
	unsigned int most;
	double limit;
	bool seen, probed;
} request = { .most = 2000, .limit = 1e9 };

static int kmsg = -1;
static bool failed;

/* Tells the kernel's log what begins, so that the stacks in it can be told apart. */
static void announce(const char *operation, unsigned int nth)
{
	char text[96];
	int len = snprintf(text, sizeof(text), "fsfault: %s %u\n", operation, nth);

	if (kmsg >= 0 && write(kmsg, text, len) != len)
		perror("/dev/kmsg");
}

static const char *name_of(int error)
{
	const char *name = error ? strerrorname_np(error) : "";

	return name ? name : "UNKNOWN";
}

/* Whatever failed, the filesystem must go on: the same again, undisturbed, then what the caller has checked. */
static void after(const struct operation *operation, char *problem, size_t room)
{
	int result;

	if (!operation->setup()) {
		snprintf(problem, room, "it cannot be prepared again: %s", strerror(errno));
		return;
	}
	result = operation->run();
	if (result)
		snprintf(problem, room, "it fails undisturbed: %s", name_of(result));
	operation->undo();
}

/* The check may unmount, so that we must not stand there. */
static void checked(char *problem, size_t room)
{
	char line[256] = "";
	char where[256];
	FILE *output;
	int status;

	if (!getcwd(where, sizeof(where)) || chdir("/")) {
		snprintf(problem, room, "there is no working directory any more: %s", strerror(errno));
		return;
	}
	output = popen(request.check, "r");

	while (output && !*line && fgets(line, sizeof(line), output))
		line[strcspn(line, "\n")] = 0;
	status = output ? pclose(output) : -1;
	if (status)
		snprintf(problem, room, "the check fails: %s", *line ? line : "it says nothing");
	else if (chdir(where))
		snprintf(problem, room, "the directory is gone after the check: %s", strerror(errno));
}

struct attempt {
	const char *operation;
	unsigned int nth;
	bool injected;
	int result;
	char problem[320];
};

static void attempt(const struct operation *operation, struct attempt *made)
{
	const char *wrong = NULL;

	made->problem[0] = 0;
	made->result = 0;
	made->injected = false;
	if (!operation->setup()) {
		snprintf(made->problem, sizeof(made->problem), "it cannot be prepared: %s", strerror(errno));
		return;
	}
	announce(made->operation, made->nth);
	if (request.probed && !failed_begin())
		fprintf(stderr, "the stack of failure %u of %s is not seen: %s\n", made->nth, made->operation, strerror(errno));
	if (!inject_arm(request.fault, made->nth)) {
		failed_print(made->operation, made->nth, place.module);
		snprintf(made->problem, sizeof(made->problem), "nothing can be injected: %s", strerror(errno));
		return;
	}
	made->result = operation->run();
	made->injected = inject_disarm(request.fault);
	announce("-", 0);
	if (request.probed)
		failed_print(made->operation, made->nth, place.module);
	if (operation->settled)
		wrong = operation->settled(made->result);
	if (wrong)
		snprintf(made->problem, sizeof(made->problem), "%s", wrong);
	else if (made->result && !made->injected)
		snprintf(made->problem, sizeof(made->problem), "it fails, and nothing was injected");
	operation->undo();
}

static void tell(const struct attempt *made)
{
	struct json json = { 0 };

	failed |= made->problem[0] != 0;
	json_open(&json);
	json_str(&json, "operation", made->operation);
	json_int(&json, "nth", made->nth);
	json_bool(&json, "injected", made->injected);
	json_str(&json, "errno", name_of(made->result));
	json_str(&json, "problem", made->problem);
	json_close(&json);
	json_print(&json);
}

/* The end of an operation's attempts: `why` tells where it was not done. */
static void tell_end(const char *operation, unsigned int points, bool complete, const char *why)
{
	struct json json = { 0 };

	json_open(&json);
	json_str(&json, "end", operation);
	json_int(&json, "points", points);
	json_bool(&json, "complete", complete);
	json_str(&json, "skipped", why);
	json_close(&json);
	json_print(&json);
}

/* Undisturbed, twice: what is only allocated by the first is there then. False where it cannot be done here. */
static bool possible(const struct operation *operation, char *why, size_t room)
{
	for (int round = 0; round < 2; round++) {
		int result;

		if (!operation->setup()) {
			snprintf(why, room, "it cannot be prepared: %s", strerror(errno));
			operation->undo();
			return false;
		}
		if (request.seen && round && !seen_begin())
			fprintf(stderr, "no events of allocations: %s\n", strerror(errno));
		result = operation->run();
		if (request.seen && round)
			seen_print(operation->name, place.module);
		operation->undo();
		if (result) {
			snprintf(why, room, "%s", name_of(result));
			return false;
		}
	}
	return true;
}

static void disturb(const struct operation *operation, double end)
{
	struct attempt made = { .operation = operation->name };
	char why[160] = "";
	unsigned int points = 0;

	if (!possible(operation, why, sizeof(why))) {
		tell_end(operation->name, 0, false, why);
		return;
	}
	for (made.nth = 1; made.nth <= request.most && seconds() < end; made.nth++) {
		attempt(operation, &made);
		/* A filesystem that lost a write may refuse all others until it is mounted again. */
		if (!made.problem[0] && made.injected && request.check && request.fault == IO)
			checked(made.problem, sizeof(made.problem));
		if (!made.problem[0] && made.injected)
			after(operation, made.problem, sizeof(made.problem));
		if (!made.problem[0] && made.injected && request.check && request.fault == ALLOCATION)
			checked(made.problem, sizeof(made.problem));
		if (made.injected || made.problem[0])
			tell(&made);
		if (!made.injected)
			break;
		points++;
	}
	tell_end(operation->name, points, made.nth <= request.most && seconds() < end, "");
}

static bool is_chosen(const char *name, bool without)
{
	for (size_t i = 0; i < request.chosen_count; i++)
		if (!strcmp(request.chosen[i], name))
			return true;
	return without && !request.chosen_count;
}

static bool stand_in(const char *directory)
{
	if (!chdir(directory))
		return true;
	fprintf(stderr, "%s: %s\n", directory, strerror(errno));
	return false;
}

static void run_all(void)
{
	double end = seconds() + request.limit;

	if (!stand_in("/"))
		return;
	for (const struct operation *each = system_operations; each->name; each++)
		if (is_chosen(each->name, false))
			disturb(each, end);
	if (!stand_in(place.directory))
		return;
	for (const struct operation *each = file_operations; each->name; each++)
		if (is_chosen(each->name, !calls_count()))
			disturb(each, end);
	for (size_t i = 0; i < calls_count(); i++)
		if (is_chosen(call_at(i)->name, true))
			disturb(call_at(i), end);
}

static void list(void)
{
	for (const struct operation *each = system_operations; each->name; each++)
		puts(each->name);
	for (const struct operation *each = file_operations; each->name; each++)
		puts(each->name);
	for (size_t i = 0; i < calls_count(); i++)
		puts(call_at(i)->name);
}

static const struct option options[] = {
	{ "device", 1, NULL, 'd' }, { "type", 1, NULL, 't' },	   { "options", 1, NULL, 'o' },
	{ "module", 1, NULL, 'm' }, { "image", 1, NULL, 'i' },	   { "params", 1, NULL, 'p' },
	{ "calls", 1, NULL, 'c' },  { "check", 1, NULL, 'k' },	   { "operation", 1, NULL, 'O' },
	{ "most", 1, NULL, 'n' },   { "limit", 1, NULL, 'l' },	   { "io", 0, NULL, 'I' },
	{ "seen", 0, NULL, 's' },   { NULL, 0, NULL, 0 },
};

static bool take(int option)
{
	switch (option) {
	case 'd': place.device = optarg; return true;
	case 't': place.fstype = optarg; return true;
	case 'o': place.options = optarg; return true;
	case 'm': place.module = optarg; return true;
	case 'i': place.image = optarg; return true;
	case 'p': place.params = optarg; return true;
	case 'c': return calls_read(optarg);
	case 'k': request.check = optarg; return true;
	case 'O':
		if (request.chosen_count == MOST)
			return false;
		request.chosen[request.chosen_count++] = optarg;
		return true;
	case 'n': request.most = atoi(optarg); return true;
	case 'l': request.limit = atof(optarg); return true;
	case 'I': request.fault = IO; return true;
	case 's': request.seen = true; return true;
	default: return false;
	}
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!take(option)) {
			fprintf(stderr, "%s", usage);
			return 2;
		}
	}
	if (optind < argc && !strcmp(argv[optind], "list")) {
		list();
		return 0;
	}
	if (optind + 2 != argc || strcmp(argv[optind], "run")) {
		fprintf(stderr, "%s", usage);
		return 2;
	}
	place.directory = argv[optind + 1];
	if (!inject_setup(request.fault, place.device)) {
		fprintf(stderr, "this kernel injects no faults: %s\n", strerror(errno));
		return 3;
	}
	kmsg = open("/dev/kmsg", O_WRONLY);
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		perror("mlockall");
		return 3;
	}
	request.probed = request.seen && request.fault == ALLOCATION && failed_setup();
	if (request.seen && request.fault == ALLOCATION && !request.probed)
		fprintf(stderr, "no probes of failures, the log alone tells of them: %s\n", strerror(errno));
	run_all();
	if (request.probed)
		failed_end();
	return failed;
}
