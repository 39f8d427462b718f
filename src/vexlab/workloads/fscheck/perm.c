// SPDX-License-Identifier: Apache-2.0
/* File access permissions (POSIX.1-2017 4.5), as several users. */
#include <grp.h>

#include "fscheck/check.h"

static void give(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	OK(chown(path, uid, gid));
	OK(chmod(path, mode));
}

static void try_open(const char *path, int flags, bool allowed)
{
	if (allowed)
		closed(OK(open(path, flags)));
	else
		FAILS(open(path, flags), EACCES);
}

static void classes(void)
{
	static const mode_t modes[] = { 0400, 0200, 0600, 0040, 0020, 0060, 0004, 0002, 0006, 0777, 0077, 0007, 0700, 0 };

	need_root();
	make("f", 10, 1);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		give("f", USER_A, GROUP_A, modes[i]);
		/* The first class that matches decides, even where a later one would allow more. */
		AS(USER_A, GROUP_B) {
			try_open("f", O_RDONLY, modes[i] & 0400);
			try_open("f", O_WRONLY, modes[i] & 0200);
		}
		AS(USER_B, GROUP_A) {
			try_open("f", O_RDONLY, modes[i] & 0040);
			try_open("f", O_WRONLY, modes[i] & 0020);
		}
		AS(USER_B, GROUP_B) {
			try_open("f", O_RDONLY, modes[i] & 0004);
			try_open("f", O_WRONLY, modes[i] & 0002);
			try_open("f", O_RDWR, (modes[i] & 0006) == 0006);
		}
	}
}

static void other_groups(void)
{
	pid_t pid;

	need_root();
	make("f", 10, 1);
	give("f", USER_A, GROUP_A, 0640);
	pid = background_begin();
	if (!pid) {
		const gid_t groups[] = { 77, GROUP_A };

		OK(setgroups(2, groups));
		OK(setresgid(GROUP_B, GROUP_B, GROUP_B));
		OK(setresuid(USER_B, USER_B, USER_B));
		try_open("f", O_RDONLY, true);
		try_open("f", O_WRONLY, false);
		as_end();
	}
	background_end(pid);
}

static void root_may(void)
{
	need_root();
	make("f", 10, 1);
	give("f", USER_A, GROUP_A, 0);
	closed(OK(open("f", O_RDWR)));
	OK(mkdir("d", 0755));
	give("d", USER_A, GROUP_A, 0);
	make("d/f", 10, 1);
	EQ(entries("d"), 1);
	EQ(access("f", X_OK), -1);
	EQ(errno, EACCES);
}

static void directory_search(void)
{
	struct stat st;

	need_root();
	OK(mkdir("d", 0755));
	make("d/f", 10, 1);
	OK(mkdir("d/e", 0755));
	make("d/e/g", 10, 1);
	OK(chmod("d", 0744));
	AS(USER_A, GROUP_A) {
		EQ(entries("d"), 2);
		FAILS(open("d/f", O_RDONLY), EACCES);
		FAILS(stat("d/f", &st), EACCES);
		FAILS(open("d/e/g", O_RDONLY), EACCES);
		FAILS(chdir("d"), EACCES);
	}
	OK(chmod("d", 0711));
	AS(USER_A, GROUP_A) {
		closed(OK(open("d/f", O_RDONLY)));
		closed(OK(open("d/e/g", O_RDONLY)));
		OK(chdir("d"));
		FAILS(open(".", O_RDONLY), EACCES);
	}
}

static void directory_write(void)
{
	need_root();
	OK(mkdir("d", 0755));
	make("d/f", 10, 1);
	AS(USER_A, GROUP_A) {
		FAILS(open("d/g", O_CREAT | O_RDWR, 0644), EACCES);
		FAILS(mknod("d/p", S_IFIFO | 0644, 0), EACCES);
		FAILS(symlink("x", "d/s"), EACCES);
		FAILS(unlink("d/f"), EACCES);
		FAILS(rename("d/f", "d/g"), EACCES);
		FAILS(unlink("d/missing"), ENOENT);
	}
	EQ(entries("d"), 1);
	OK(chmod("d", 0722));
	AS(USER_A, GROUP_A)
		FAILS(open("d/g", O_CREAT | O_RDWR, 0644), EACCES);
	OK(chmod("d", 0733));
	AS(USER_A, GROUP_A)
		closed(OK(open("d/g", O_CREAT | O_RDWR, 0644)));
	EQ(look("d/g").st_uid, USER_A);
	EQ(look("d/g").st_gid, GROUP_A);
}

static void open_stays_open(void)
{
	int fd;

	make("f", 10, 1);
	fd = opened("f", O_RDWR);
	OK(chmod("f", 0));
	EQ(OK(pwrite(fd, "x", 1, 10)), 1);
	EQ(look_fd(fd).st_size, 11);
	expect_pattern(fd, 0, 10, 1);
	closed(fd);
}

static void execute_bit(void)
{
	need_root();
	put("script", "#!/nonexistent\n");
	OK(chmod("script", 0644));
	AS(USER_A, GROUP_A) {
		FAILS(execl("./script", "script", NULL), EACCES);
		EQ(access("script", X_OK), -1);
	}
	OK(chmod("script", 0755));
	EQ(access("script", X_OK), 0);
	AS(USER_A, GROUP_A) {
		EQ(access("script", X_OK), 0);
		EQ(access("script", W_OK), -1);
	}
}

static void real_user(void)
{
	need("chmod");
	need_root();
	make("f", 10, 1);
	OK(chmod("f", 0600));
	OK(setresuid(USER_A, 0, 0));
	EQ(access("f", R_OK), -1);
	EQ(errno, EACCES);
	EQ(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
	EQ(access("f", F_OK), 0);
}

static void chmod_all_bits(void)
{
	need("chmod");
	make("f", 10, 1);
	OK(mkdir("d", 0755));
	for (mode_t mode = 0; mode <= 07777; mode += mode < 16 ? 1 : 13) {
		OK(chmod("f", mode));
		EQ(look("f").st_mode, S_IFREG | mode);
		OK(chmod("d", mode));
		EQ(look("d").st_mode, S_IFDIR | mode);
	}
	OK(chmod("d", 0755));
	OK(chmod("f", 07777));
	EQ(look("f").st_mode & 07777, 07777);
	expect_made("f", 10, 1);
}

static void chmod_errors(void)
{
	make("f", 10, 1);
	OK(chmod("f", 0644));
	if (can("symlink"))
		OK(symlink("a", "a"));
	FAILS(chmod("missing", 0600), ENOENT);
	FAILS(chmod("f/x", 0600), ENOTDIR);
	if (can("symlink"))
		FAILS(chmod("a", 0600), ELOOP);
	AS(USER_A, GROUP_A)
		FAILS(chmod("f", 0666), EPERM);
	EQ(look("f").st_mode & 07777, 0644);
}

static void umask_applies(void)
{
	need("modes");
	umask(077);
	closed(created("f", 0777));
	OK(mkdir("d", 0777));
	if (can("fifo"))
		OK(mkfifo("p", 0666));
	EQ(look("f").st_mode & 0777, 0700);
	EQ(look("d").st_mode & 0777, 0700);
	if (can("fifo"))
		EQ(look("p").st_mode & 0777, 0600);
	if (!can("chmod"))
		return;
	OK(chmod("f", 0666));
	EQ(look("f").st_mode & 0777, 0666);
}

static void sticky_unlink(void)
{
	need_root();
	OK(mkdir("d", 0755));
	OK(chmod("d", 01777));
	make("d/f", 10, 1);
	give("d/f", USER_A, GROUP_A, 0666);
	make("d/g", 10, 2);
	give("d/g", USER_A, GROUP_A, 0666);
	OK(mkdir("d/sub", 0777));
	give("d/sub", USER_A, GROUP_A, 0777);
	AS(USER_B, GROUP_A) {
		FAILS(unlink("d/f"), EPERM, EACCES);
		FAILS(rmdir("d/sub"), EPERM, EACCES);
		FAILS(rename("d/f", "d/h"), EPERM, EACCES);
		make("d/mine", 5, 3);
		FAILS(rename("d/mine", "d/f"), EPERM, EACCES);
		OK(unlink("d/mine"));
	}
	expect_made("d/f", 10, 1);
	AS(USER_A, GROUP_B) {
		OK(unlink("d/f"));
		OK(rmdir("d/sub"));
	}
	give("d", USER_B, GROUP_B, 01777);
	AS(USER_B, GROUP_B)
		OK(unlink("d/g"));
	EQ(entries("d"), 0);
}

static const struct check perm_checks[] = {
	{ "perm", "classes", "POSIX.1-2017 4.5 File Access Permissions", classes },
	{ "perm", "other_groups", "POSIX.1-2017 4.5 File Access Permissions, supplementary groups", other_groups },
	{ "perm", "root_may", "capabilities(7), CAP_DAC_OVERRIDE", root_may },
	{ "perm", "directory_search", "POSIX.1-2017 4.13 Pathname Resolution; EACCES", directory_search },
	{ "perm", "directory_write", "POSIX.1-2017 open(), unlink(), rename() EACCES", directory_write },
	{ "perm", "open_stays_open", "POSIX.1-2017 chmod(): open descriptors are not affected", open_stays_open },
	{ "perm", "execute_bit", "POSIX.1-2017 exec EACCES; access()", execute_bit },
	{ "perm", "real_user", "POSIX.1-2017 access(), faccessat()", real_user },
	{ "perm", "chmod_all_bits", "POSIX.1-2017 chmod()", chmod_all_bits },
	{ "perm", "chmod_errors", "POSIX.1-2017 chmod() ERRORS", chmod_errors },
	{ "perm", "umask_applies", "POSIX.1-2017 umask()", umask_applies },
	{ "perm", "sticky_directory", "POSIX.1-2017 unlink(), rename() EPERM, S_ISVTX", sticky_unlink },
};

FAMILY(perm);
