// SPDX-License-Identifier: Apache-2.0
/* Runs checks one by one, each in a child that may crash or hang without taking the others with it. */
#include "fscheck/run.h"
#include "lib/capability.h"
#include "lib/json.h"
#include "lib/output.h"

#define UNKILLABLE_S 3.0

static const char *const result_names[] = { "pass", "fail", "refused", "skip", "timeout", "lacks", "blocked" };
/* Where a check could not even get a directory: the first one, and why. What comes after it cannot be asked either. */
static struct {
	char id[200];
	int err;
} *blocked;

static const struct check *current;
static unsigned int started; /* how many checks, the current one with them */
static char previous[200];

static void stop(pid_t pid, double timeout)
{
	bool failed = outcome->result != PASS;
	char stack[1000];
	int status;

	describe_hang(pid, stack, sizeof(stack));
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (wait_for(pid, &status, UNKILLABLE_S) && failed)
		return; /* one of its processes failed, another waited for it */
	outcome->result = TIMEOUT;
	outcome->err = 0;
	if (kill(pid, 0))
		snprintf(outcome->detail, sizeof(outcome->detail), "not done after %.0f s; killed; it was in: %s", timeout,
			 stack);
	else
		snprintf(outcome->detail, sizeof(outcome->detail), "not done after %.0f s and cannot be killed: %s",
			 timeout, stack);
}

bool guarded(void (*work)(void), double timeout)
{
	int status = 0;
	pid_t pid;

	*outcome = (struct outcome){ .result = PASS };
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		outcome->result = FAIL;
		snprintf(outcome->detail, sizeof(outcome->detail), "fork: %s", errno_name(errno));
		return true;
	}
	if (!pid) {
		setpgid(0, 0);
		umask(022);
		let_go_of_output();
		work();
		_exit(0);
	}
	if (!wait_for(pid, &status, timeout)) {
		stop(pid, timeout);
		return false;
	}
	kill(-pid, SIGKILL);
	if (outcome->result != PASS)
		return true;
	if (WIFSIGNALED(status)) {
		outcome->result = FAIL;
		snprintf(outcome->detail, sizeof(outcome->detail), "died of signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	} else if (WEXITSTATUS(status)) {
		outcome->result = FAIL;
		snprintf(outcome->detail, sizeof(outcome->detail), "exited with %d and no word", WEXITSTATUS(status));
	}
	return true;
}

void print_outcome(const struct check *check, double ms)
{
	struct json json = { 0 };

	json_open(&json);
	json_str(&json, "family", check->family);
	json_str(&json, "name", check->name);
	json_str(&json, "cite", check->cite);
	json_str(&json, "result", result_names[outcome->result]);
	json_str(&json, "detail", outcome->detail);
	if (outcome->err)
		json_str(&json, "errno", errno_name(outcome->err));
	if (*outcome->needs)
		json_str(&json, "needs", outcome->needs);
	json_ms(&json, "ms", ms);
	json_close(&json);
	json_print(&json);
	free(json.text);
}

/* Where no directory can be made all checks run in one, and what was there before them stays. */
static bool flat(void)
{
	return !profile_works("mkdir") || !profile_works("rmdir");
}

static struct names before;

static void title(char *text, size_t room)
{
	snprintf(text, room, "%s.%s", current->family, current->name);
}

/* The check's title; where names are shorter, its start and a number, for one that hung keeps its place. */
static void place(char *path, size_t room)
{
	char whole[200], number[16];
	long long most;
	size_t len;

	title(whole, sizeof(whole));
	len = strlen(whole);
	most = profile_within("name_max", len) == (long long)len ? (long long)len : profile_limit("name_max", len);
	snprintf(number, sizeof(number), "~%u", started);
	if (most == (long long)len)
		snprintf(path, room, "%s", whole);
	else
		snprintf(path, room, "%.*s%s", most > (int)strlen(number) ? (int)(most - strlen(number)) : 0, whole,
			 number);
}

/* The first that gets no directory has failed, for an earlier check left this behind; the same error then blocks. */
static void no_place(int err)
{
	if (blocked->err == err)
		report(SKIP, err, "blocked by what %s met: no directory can be made: %s", blocked->id, errno_name(err));
	if (!blocked->err) {
		title(blocked->id, sizeof(blocked->id));
		blocked->err = err;
	}
	report(FAIL, err, "making the check's directory: %s, %s%s", errno_name(err), *previous ? "after " : "the first one",
	       previous);
}

static void run_in_place(void)
{
	char path[200];

	place(path, sizeof(path));
	if (!flat() && (mkdir(path, 0755) || chdir(path)))
		no_place(errno);
	capability_forget();
	current->run();
	if (!outcome->asserted)
		fail("the check asserted nothing");
}

static bool was_there(const char *name)
{
	for (size_t i = 0; i < before.count; i++)
		if (!strcmp(before.name[i], name))
			return true;
	return false;
}

static void clean_flat(void)
{
	struct names now;

	if (!names_read(AT_FDCWD, ".", &now))
		report(FAIL, errno, "what the check left cannot be listed: %s", errno_name(errno));
	for (size_t i = 0; i < now.count; i++)
		if (!was_there(now.name[i]) && !tree_remove(AT_FDCWD, now.name[i]) && errno != ENOENT)
			report(FAIL, errno, "what the check left cannot be removed: %s", errno_name(errno));
}

static void clean_place(void)
{
	char path[200];

	if (flat()) {
		clean_flat();
		return;
	}
	place(path, sizeof(path));
	if (!tree_remove(AT_FDCWD, path) && errno != ENOENT) {
		if (errno == EUCLEAN)
			fail("a directory told a wrong type (d_type) of what the check left in it");
		report(FAIL, errno, "what the check left cannot be removed: %s", errno_name(errno));
	}
	if (!access(path, F_OK))
		fail("what the check left was removed and is still there");
}

/* A failure for want of a capability is none of the check's; what was avoided ended it by itself (avoid). */
static void excuse(void)
{
	struct capability_note note = capability_noted();

	if (outcome->result != FAIL || (note.use != LACKED && note.use != USED_BROKEN))
		return;
	if (note.use == LACKED && outcome->err != note.err)
		return; /* it failed for another reason */
	outcome->result = note.use == LACKED ? LACKS : BLOCKED;
	snprintf(outcome->needs, sizeof(outcome->needs), "%s", note.name);
}

static void avoid(const char *name)
{
	snprintf(outcome->needs, sizeof(outcome->needs), "%s", name);
	report(BLOCKED, 0, "it needs %s, which crashed or hung the kernel, or spoilt the filesystem, when it was probed", name);
}

bool watch(const char *dir)
{
	capability_avoided = avoid;
	return capability_watch(dir);
}

bool run_check(const struct check *check, double timeout)
{
	double start = seconds();
	struct outcome said;
	double ms;

	current = check;
	started++;
	announce(check->family, check->name);
	settings.until = start + timeout / 2;
	if (flat() && !names_read(AT_FDCWD, ".", &before))
		fprintf(stderr, "fscheck: the directory cannot be listed: %s\n", strerror(errno));
	guarded(run_in_place, timeout);
	excuse();
	ms = (seconds() - start) * 1000;
	said = *outcome;
	/* After a hang the directory's lock may be held for ever: the name stays, the next checks have others. */
	if (said.result != TIMEOUT && !settings.keep) {
		guarded(clean_place, timeout);
		if (said.result != PASS || outcome->result == PASS)
			*outcome = said;
	}
	print_outcome(check, ms);
	title(previous, sizeof(previous));
	return outcome->result != FAIL && outcome->result != TIMEOUT;
}

bool time_left(void)
{
	return seconds() < settings.until;
}

static struct settings *found;

static void find(void)
{
	find_granularity(found);
	if (unlink("granularity"))
		fail("unlink: %s", errno_name(errno));
}

void probe(double timeout)
{
	blocked = mmap(NULL, sizeof(*blocked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*found = settings;
	found->granularity = found->access_granularity = 1;
	guarded(find, timeout);
	settings = *found;
}
