// SPDX-License-Identifier: Apache-2.0
/*
 * fsdamage: one image damaged in many ways, each mounted, read, changed, emptied and unmounted by a child with a
 * deadline. Prints a line of JSON for each; the kernel's log is told of each beforehand, so that what it prints next is
 * known to come of it. A child that does not end is left as it is, for others to look at: exit status 3.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fsdamage/damage.h"
#include "lib/json.h"
#include "lib/output.h"

static const char usage[] =
	"fsdamage --pristine FILE --work FILE --device DEVICE --point DIR --type TYPE [--options O] [--module NAME]\n"
	"         [--use COMMAND] [--every N] [--limit SECONDS] <PLAN\n"
	"fsdamage --blocks FILE      prints the numbers of its blocks of 4096 bytes that are not zero\n";

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec + at.tv_nsec / 1e9;
}

static void tell_kernel(int number, const char *name)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[256];
	int len = snprintf(line, sizeof(line), "<6>vexlab: damage %d %s\n", number, name);

	if (fd < 0 || write(fd, line, len) != len)
		perror("/dev/kmsg");
	if (fd >= 0)
		close(fd);
}

/* How often the module is in use, -1 where the kernel does not say. */
static int references(const struct settings *settings)
{
	char path[256];
	int count = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", settings->module);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &count) != 1)
		count = -1;
	fclose(file);
	return count;
}

static void tell(const struct damage *damage, double began, pid_t stuck)
{
	struct json json = { 0 };

	json_open(&json);
	json_int(&json, "number", damage->number);
	json_str(&json, "name", damage->name);
	json_str(&json, "mount", outcome->mount);
	json_bool(&json, "noticed", outcome->noticed);
	json_str(&json, "wrong", outcome->wrong);
	json_int(&json, "entries", outcome->entries);
	json_begin(&json, "errors", '{');
	for (int i = 1; i < 134; i++)
		if (outcome->errors[i])
			json_int(&json, strerrorname_np(i) ?: "?", outcome->errors[i]);
	json_end(&json, '}');
	if (stuck) {
		json_int(&json, "stuck", stuck);
		json_str(&json, "step", outcome->step);
		json_str(&json, "path", outcome->path);
	}
	json_ms(&json, "ms", (now() - began) * 1000);
	json_close(&json);
	json_print(&json);
	free(json.text);
}

/* Waits for the child; false where it does not end in time. */
static bool wait_child(const struct settings *settings, pid_t pid, const sigset_t *signals)
{
	struct timespec left = { settings->limit_s, 0 };
	int status;

	for (double until = now() + settings->limit_s; now() < until;) {
		sigtimedwait(signals, NULL, &left);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (WIFSIGNALED(status)) {
				umount2(settings->point, MNT_DETACH);
				wrong("%s %s: the process was killed by signal %d", outcome->step, outcome->path,
				      WTERMSIG(status));
			}
			return true;
		}
		left.tv_sec = 1;
	}
	return false;
}

/* Returns whether the program may go on. */
static bool run(const struct settings *settings, const struct damage *damage, const sigset_t *signals)
{
	int before = references(settings);
	double began = now();
	pid_t pid;

	memset(outcome, 0, sizeof(*outcome));
	image_restore(settings);
	image_damage(settings, damage);
	tell_kernel(damage->number, damage->name);
	pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		sigprocmask(SIG_UNBLOCK, signals, NULL);
		let_go_of_output();
		pass(settings, damage);
		_exit(0);
	}
	if (!wait_child(settings, pid, signals)) {
		tell(damage, began, pid);
		return false;
	}
	if (references(settings) > before)
		wrong("the module is in use %d times more than before it was mounted", references(settings) - before);
	tell(damage, began, 0);
	return true;
}

static bool run_plan(const struct settings *settings, const sigset_t *signals)
{
	static const struct damage sound = { .number = -1, .name = "none", .use = true };
	struct damage damage = { 0 };
	int count = 0;

	if (!run(settings, &sound, signals))
		return false;
	while (plan_next(&damage)) {
		if (!run(settings, &damage, signals))
			return false;
		if (++count % settings->every == 0 && !run(settings, &sound, signals))
			return false;
	}
	return run(settings, &sound, signals);
}

int main(int argc, char **argv)
{
	static struct settings settings = { .options = "", .module = "", .use = "", .every = 50, .limit_s = 20 };
	static const struct option options[] = {
		{ "pristine", 1, NULL, 'p' }, { "work", 1, NULL, 'w' }, { "device", 1, NULL, 'd' },
		{ "point", 1, NULL, 'm' }, { "type", 1, NULL, 't' }, { "options", 1, NULL, 'o' },
		{ "module", 1, NULL, 'M' }, { "use", 1, NULL, 'u' }, { "every", 1, NULL, 'e' },
		{ "limit", 1, NULL, 'l' }, { "blocks", 1, NULL, 'b' }, { NULL, 0, NULL, 0 },
	};
	sigset_t signals;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p': settings.pristine = optarg; break;
		case 'w': settings.work = optarg; break;
		case 'd': settings.device = optarg; break;
		case 'm': settings.point = optarg; break;
		case 't': settings.type = optarg; break;
		case 'o': settings.options = optarg; break;
		case 'M': settings.module = optarg; break;
		case 'u': settings.use = optarg; break;
		case 'e': settings.every = atoi(optarg); break;
		case 'l': settings.limit_s = atoi(optarg); break;
		case 'b': return image_blocks(optarg);
		default: fputs(usage, stderr); return 2;
		}
	}
	if (!settings.pristine || !settings.work || !settings.device || !settings.point || !settings.type ||
	    settings.every < 1 || settings.limit_s < 1) {
		fputs(usage, stderr);
		return 2;
	}
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED)
		return 2;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return run_plan(&settings, &signals) ? 0 : 3;
}
