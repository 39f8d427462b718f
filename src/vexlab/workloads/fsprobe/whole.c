// SPDX-License-Identifier: Apache-2.0
/* What reaches beyond a directory. These come last, and only in a machine of our own. */
#include <linux/fs.h>
#include <linux/quota.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fsprobe/probe.h"

#define PAGES 8
#define PAGE 4096
#define BLOCKED_S 0.3

static void file_handles(void)
{
	struct {
		struct file_handle handle;
		unsigned char room[MAX_HANDLE_SZ];
	} id = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount, dir, fd;
	struct stat st;

	made(at("f"));
	ASK(name_to_handle_at(AT_FDCWD, at("f"), &id.handle, &mount, 0));
	dir = MUST(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	forget();
	trigger("open_by_handle_at");
	fd = open_by_handle_at(dir, &id.handle, O_RDONLY);
	if (fd < 0 && errno == ESTALE)
		refused(errno, "a handle is stale once its inode is not in memory");
	HOLDS(fd >= 0, "open_by_handle_at says %s", errno_name(errno));
	MUST(fstat(fd, &st));
	HOLDS(st.st_ino == look(at("f")).st_ino, "it opens inode %ju, not %ju", (uintmax_t)st.st_ino,
	      (uintmax_t)look(at("f")).st_ino);
	works();
}

static void quota(void)
{
	int dir = NEED(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dqblk usage;

	trigger("quotactl_fd(dir, Q_GETQUOTA, 0)");
	if (syscall(SYS_quotactl_fd, dir, QCMD(Q_GETQUOTA, USRQUOTA), 0, &usage))
		refused(errno, "%s", errno == ESRCH ? "it is not turned on" : "");
	works();
}

/* mkswap(8): the header of include/linux/swap.h, union swap_header, as version 1, at the end of the first page. */
static void make_swap(int fd)
{
	static const uint32_t info[] = { 1, PAGES - 1, 0 };

	NEED(pwrite(fd, info, sizeof(info), 1024));
	NEED(pwrite(fd, "SWAPSPACE2", 10, PAGE - 10));
	settle(fd);
}

static void swap_files(void)
{
	const char *name = at("f");
	int fd = created(name);

	fill(fd, PAGES * PAGE, 0, 1);
	make_swap(fd);
	NEED(fchmod(fd, 0600));
	trigger("swapon");
	if (swapon(name, 0))
		refused(errno, "%s", "");
	trigger("truncate of a file that is swapped to");
	if (!truncate(name, 0))
		note("a file that is swapped to can be cut off");
	MUST(swapoff(name));
	works();
}

static pid_t begin_writer(const char *name)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0644) < 0);
}

static void freeze(void)
{
	int dir = NEED(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), status;
	const char *name = at("f");
	bool blocked;
	pid_t writer;

	trigger("ioctl(dir, FIFREEZE)");
	if (ioctl(dir, FIFREEZE, 0))
		refused(errno, "%s", "");
	writer = begin_writer(name);
	blocked = !wait_for(writer, &status, BLOCKED_S);
	MUST(ioctl(dir, FITHAW, 0));
	HOLDS(blocked, "a file can be made while it is frozen");
	trigger("ioctl(dir, FITHAW)");
	HOLDS(wait_for(writer, &status, 5), "a writer that waited does not go on after the thaw");
	HOLDS(!access(name, F_OK), "what a writer waited to make is not there after the thaw");
	works();
}

static const struct probe whole_probes[] = {
	PROBE(file_handles, file_handles, .guest = true),
	PROBE(quota, quota, .needs = "", .guest = true),
	PROBE(swap_files, swap_files, .guest = true),
	PROBE(freeze, freeze, .needs = "create", .guest = true),
};

GROUP(whole);
