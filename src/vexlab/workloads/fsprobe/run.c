// SPDX-License-Identifier: Apache-2.0
/* Runs a probe in a child that may crash or hang, and says what it found, also to the kernel's log. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fsprobe/run.h"
#include "lib/json.h"
#include "lib/output.h"

#define TIMEOUT_S 15.0
#define UNKILLABLE_S 3.0
#define WRITES "p-writes"

static const char *const states[] = { "none", "works", "refused", "broken", "unknown" };

/* Console lines end up in the kernel's log as one record each, whatever other CPUs print. */
static void tell_log(const char *text, size_t len)
{
	char line[960];
	int log;

	if (!settings.announce)
		return;
	len = snprintf(line, sizeof(line), "<6>fsprobe: %.*s", (int)len, text);
	log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (log < 0 || write(log, line, len < sizeof(line) ? len : sizeof(line) - 1) < 0)
		fprintf(stderr, "fsprobe: /dev/kmsg: %s\n", strerror(errno));
	close(log);
}

static void print(struct json *json)
{
	json_close(json);
	tell_log(json->text, json->len);
	json_print(json);
	free(json->text);
}

static void print_begin(const struct probe *probe)
{
	struct json json = { 0 };

	json_open(&json);
	json_str(&json, "begin", probe->name);
	print(&json);
}

static void print_answer(const struct probe *probe, double ms)
{
	struct json json = { 0 };

	json_open(&json);
	json_str(&json, "name", probe->name);
	json_str(&json, "state", states[answer->state]);
	if (answer->limited)
		json_int(&json, "limit", answer->limit);
	if (answer->at_least)
		json_bool(&json, "at_least", true);
	if (answer->err)
		json_str(&json, "errno", errno_name(answer->err));
	if (answer->deadly)
		json_bool(&json, "deadly", true);
	if (answer->silent)
		json_bool(&json, "silent", true);
	if (*answer->detail)
		json_str(&json, "detail", answer->detail);
	if (*answer->trigger)
		json_str(&json, "trigger", answer->trigger);
	json_ms(&json, "ms", ms);
	print(&json);
}

static const struct probe *current;

static void work(void)
{
	if (!settings.flat) {
		NEED(mkdir(probe_dir, 0755));
		NEED(chdir(probe_dir));
	}
	current->run();
	unknown("the probe came to no answer");
}

static void clean(void)
{
	struct names names;

	if (!settings.flat) {
		tree_remove(AT_FDCWD, probe_dir);
		_exit(0);
	}
	if (!names_read(AT_FDCWD, ".", &names))
		_exit(0);
	for (size_t i = 0; i < names.count; i++)
		if (!strncmp(names.name[i], probe_dir, strlen(probe_dir)))
			tree_remove(AT_FDCWD, names.name[i]);
	_exit(0);
}

static void set_broken(bool deadly, const char *format, const char *what)
{
	answer->deadly = deadly;
	answer->state = STATE_BROKEN;
	answer->err = 0;
	snprintf(answer->detail, sizeof(answer->detail), format, what);
}

/* The innermost function in which a task hangs, of "[<0>] f+0x1/0x2 [<0>] g+0x3/0x4". */
static void hang_place(pid_t pid, char *function, size_t room)
{
	char stack[500];
	const char *first;
	size_t len;

	describe_hang(pid, stack, sizeof(stack));
	first = strchr(stack, ' ');
	len = first ? strcspn(first + 1, "+ ") : 0;
	snprintf(function, room, "%.*s", (int)len, len ? first + 1 : "");
}

/* Runs `what` in a child; USED_UP where the kernel killed it, or where it cannot be killed. */
static enum after guarded(void (*what)(void), bool cleaning)
{
	char function[100];
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		answer->state = STATE_UNKNOWN;
		snprintf(answer->detail, sizeof(answer->detail), "fork says %s", errno_name(errno));
		return GO_ON;
	}
	if (!pid) {
		setpgid(0, 0);
		umask(022);
		let_go_of_output();
		what();
	}
	if (!wait_for(pid, &status, TIMEOUT_S)) {
		hang_place(pid, function, sizeof(function));
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		set_broken(true, *function ? "it hangs in %s" : "it hangs%s", function);
		return wait_for(pid, &status, UNKILLABLE_S) ? GO_ON : USED_UP;
	}
	kill(-pid, SIGKILL);
	if (!WIFSIGNALED(status))
		return GO_ON;
	set_broken(WTERMSIG(status) == SIGKILL, cleaning ? "what it left behind cannot be removed: %s" : "the process dies of %s",
		   WTERMSIG(status) == SIGKILL ? "SIGKILL" : sigdescr_np(WTERMSIG(status)));
	return WTERMSIG(status) == SIGKILL ? USED_UP : GO_ON;
}

/* What others do without where a basic capability does not work. */
static const struct {
	const char *name;
	bool *flag;
} reliances[] = {
	{ "mkdir", &settings.flat },
	{ "rmdir", &settings.flat },
	{ "unlink", &settings.flat },
	{ "unlink", &settings.keep },
	{ "syncfs", &settings.cached },
	{ "reread", &settings.cached },
	{ "fsync", &settings.unsynced },
};

#define NAMES 100
static char missing[NAMES][32];
static size_t missing_count;

void do_without(const char *name)
{
	if (missing_count < NAMES)
		snprintf(missing[missing_count++], sizeof(missing[0]), "%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(reliances); i++)
		if (!strcmp(name, reliances[i].name))
			*reliances[i].flag = true;
}

bool is_missing(const char *name)
{
	for (size_t i = 0; i < missing_count; i++)
		if (!strcmp(missing[i], name))
			return true;
	return false;
}

bool list_holds(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

static const char *missing_need(const struct probe *probe)
{
	for (size_t i = 0; i < missing_count; i++)
		if (list_holds(probe->needs ? probe->needs : FILES, missing[i]))
			return missing[i];
	return NULL;
}

static enum after ask(const struct probe *probe)
{
	const char *need = missing_need(probe);
	bool flat = settings.flat;
	enum after after;

	answer->state = STATE_UNKNOWN;
	if (need)
		snprintf(answer->detail, sizeof(answer->detail), "it needs %s", need);
	else if (probe->guest && !settings.guest)
		snprintf(answer->detail, sizeof(answer->detail), "only asked in a machine of its own (--guest)");
	if (*answer->detail)
		return GO_ON;
	answer->state = STATE_NONE;
	settings.flat |= probe->basic;
	after = guarded(work, false);
	if (after == GO_ON && !settings.keep)
		after = guarded(clean, true);
	settings.flat = flat;
	return after;
}

/* Whether the filesystem still takes writes: one that met an error in its own structures makes itself read-only. */
static bool takes_writes(void)
{
	static bool did;
	int fd;

	if (is_missing("create"))
		return true;
	fd = open(WRITES, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return !did || (errno != EROFS && errno != EIO && errno != EUCLEAN);
	did = true;
	close(fd);
	return true;
}

void end_probes(void)
{
	if (!settings.keep)
		unlink(WRITES);
}

enum after run_probe(const struct probe *probe, unsigned int number)
{
	double start = seconds();
	enum after after;

	*answer = (struct answer){ .state = STATE_NONE };
	current = probe;
	snprintf(probe_dir, sizeof(probe_dir), "p%02u", number);
	print_begin(probe);
	after = ask(probe);
	if (after == GO_ON && !takes_writes()) {
		set_broken(true, "afterwards the filesystem takes no writes: %s", errno_name(errno));
		after = USED_UP;
	}
	if (answer->state == STATE_REFUSED || answer->state == STATE_BROKEN)
		do_without(probe->name);
	print_answer(probe, (seconds() - start) * 1000);
	return after;
}
