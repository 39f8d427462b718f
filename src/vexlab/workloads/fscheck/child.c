// SPDX-License-Identifier: Apache-2.0
/* Children of a check: other users, several at once, one in the background. */
#include <grp.h>
#include <sys/prctl.h>

#include "fscheck/check.h"

static pid_t begin(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork: %s", errno_name(errno));
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid: %s", errno_name(errno));
	if (WIFSIGNALED(status))
		fail("a child of the check died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (__atomic_load_n(&outcome->result, __ATOMIC_SEQ_CST) != PASS)
		_exit(1);
	if (WEXITSTATUS(status))
		fail("a child of the check exited with %d and no word", WEXITSTATUS(status));
}

void need_root(void)
{
	if (geteuid())
		skip("needs root, to act as several users");
}

void need_freed_blocks(void)
{
	if (profile_state("freed_blocks") == REFUSED_CLEANLY)
		need("freed_blocks");
}

void need_own_filesystem(void)
{
	if (settings.shared)
		skip("other programs use this filesystem (--shared), so that its counts say nothing");
}

int as_begin(uid_t uid, gid_t gid)
{
	pid_t pid;

	need_root();
	need("chmod"); /* what another user may do here is what the check has set */
	pid = begin();
	if (pid) {
		finish(pid);
		return 0;
	}
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		fail("becoming user %u: %s", uid, errno_name(errno));
	return 1;
}

void as_end(void)
{
	_exit(0);
}

int workers_begin(int count)
{
	pid_t pids[64];

	if (count > (int)ARRAY_SIZE(pids))
		fail("too many workers");
	for (int i = 0; i < count; i++) {
		pids[i] = begin();
		if (!pids[i])
			return i;
	}
	for (int i = 0; i < count; i++)
		finish(pids[i]);
	return -1;
}

pid_t background_begin(void)
{
	return begin();
}

void background_end(pid_t pid)
{
	finish(pid);
}
