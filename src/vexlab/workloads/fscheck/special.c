// SPDX-License-Identifier: Apache-2.0
/* Files that are more than bytes: devices, pipes, programs. */
#include <sys/sysmacros.h>

#include "fscheck/check.h"

static void special_files(void)
{
	static const struct {
		const char *name;
		mode_t type;
		unsigned int major, minor;
	} nodes[] = {
		{ "fifo", S_IFIFO, 0, 0 }, { "sock", S_IFSOCK, 0, 0 },
		{ "char", S_IFCHR, 1, 3 }, { "block", S_IFBLK, 254, 17 },
		{ "big", S_IFCHR, 511, 65535 }, { "huge", S_IFBLK, 300, 262143 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		struct stat st;

		if (geteuid() && (nodes[i].type == S_IFCHR || nodes[i].type == S_IFBLK))
			continue;
		if ((nodes[i].major > 255 || nodes[i].minor > 255) && !can("wide_devices"))
			continue;
		OK(mknod(nodes[i].name, nodes[i].type | 0640, makedev(nodes[i].major, nodes[i].minor)));
		st = look(nodes[i].name);
		EQ(st.st_mode, nodes[i].type | 0640);
		EQ(st.st_size, 0);
		if (nodes[i].major) {
			EQ(major(st.st_rdev), nodes[i].major);
			EQ(minor(st.st_rdev), nodes[i].minor);
		}
		FAILS(mknod(nodes[i].name, S_IFIFO | 0644, 0), EEXIST);
	}
	FAILS(open("sock", O_RDONLY), ENXIO);
}

static void widest_device(void)
{
	need_root();
	/* Linux has minor numbers of 20 bits; XFS keeps 18 of them and says so. */
	OPTIONAL(mknod("c", S_IFCHR | 0640, makedev(4095, 1048575)), EINVAL);
	EQ(major(look("c").st_rdev), 4095);
	EQ(minor(look("c").st_rdev), 1048575);
}

static void fifo_carries(void)
{
	char text[6] = "";
	pid_t writer;
	int fd;

	OK(mkfifo("p", 0600));
	FAILS(open("p", O_WRONLY | O_NONBLOCK), ENXIO);
	writer = background_begin();
	if (!writer) {
		fd = opened("p", O_WRONLY);
		OK(write(fd, "hello", 5));
		closed(fd);
		as_end();
	}
	fd = opened("p", O_RDONLY);
	EQ(OK(read(fd, text, 5)), 5);
	BYTES(text, "hello", 5);
	background_end(writer);
	closed(fd);
	EQ(look("p").st_size, 0);
}

static void copy_program(const char *path)
{
	static char piece[1 << 16];
	int from = opened(settings.program, O_RDONLY), to = created(path, 0755);
	ssize_t len;

	while ((len = read(from, piece, sizeof(piece))) > 0)
		EQ(write(to, piece, len), len);
	EQ(len, 0);
	closed(from);
	forget(to);
	closed(to);
}

/* Runs the copy: to its end, and its exit status; or, with an argument, until it runs, and its process id. */
static int run_copy(const char *path, const char *argument)
{
	int started[2], status;
	char byte;
	pid_t pid;

	OK(pipe2(started, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		execl(path, path, "answer", argument, NULL);
		_exit(errno == EACCES ? 126 : 127);
	}
	closed(started[1]);
	/* The other end is closed by exec, so that nobody opens the file for writing before. */
	EQ(read(started[0], &byte, 1), 0);
	closed(started[0]);
	if (argument)
		return pid;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void execute(void)
{
	need("chmod");
	copy_program("program");
	EQ(run_copy("./program", NULL), 42);
	OK(chmod("program", 0644));
	EQ(run_copy("./program", NULL), 126);
}

static void text_busy(void)
{
	int fd, pid, err;

	copy_program("program");
	pid = run_copy("./program", "wait");
	fd = open("program", O_WRONLY);
	err = fd < 0 ? errno : 0;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	HOLDS(err == ETXTBSY, "opening a running program for writing: expected ETXTBSY, got %s", errno_name(err));
	closed(OK(open("program", O_WRONLY)));
}

static const struct check special_checks[] = {
	{ "special", "special_files", "POSIX.1-2017 mknod(); makedev(3)", special_files },
	{ "special", "widest_device", "mknod(2) EINVAL; makedev(3)", widest_device },
	{ "special", "fifo_carries", "POSIX.1-2017 mkfifo(); open() ENXIO", fifo_carries },
	{ "special", "execute", "POSIX.1-2017 exec, EACCES", execute },
	{ "special", "text_busy", "open(2) ETXTBSY", text_busy },
};

FAMILY(special);
