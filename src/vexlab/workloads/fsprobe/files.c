// SPDX-License-Identifier: Apache-2.0
/* Files that are neither regular nor directories. */
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "fsprobe/probe.h"

static void fifo(void)
{
	char text[6] = "";
	int fd;

	ASK(mkfifo(at("p"), 0600));
	forget();
	HOLDS(S_ISFIFO(look(at("p")).st_mode), "its mode is 0%o", look(at("p")).st_mode);
	fd = MUST(open(at("p"), O_RDWR | O_NONBLOCK | O_CLOEXEC));
	MUST(write(fd, "hello", 5));
	HOLDS(read(fd, text, 5) == 5 && !strcmp(text, "hello"), "it carries \"%s\"", text);
	works();
}

static void unix_socket(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = NEED(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int peer = NEED(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", at("s"));
	ASK(bind(fd, (struct sockaddr *)&name, sizeof(name)));
	HOLDS(S_ISSOCK(look(at("s")).st_mode), "its mode is 0%o", look(at("s")).st_mode);
	MUST(listen(fd, 1));
	MUST(connect(peer, (struct sockaddr *)&name, sizeof(name)));
	works();
}

static void expect_device(const char *name, unsigned int major, unsigned int minor)
{
	struct stat st;

	forget();
	st = look(name);
	HOLDS(S_ISCHR(st.st_mode), "its mode is 0%o", st.st_mode);
	HOLDS(major(st.st_rdev) == major && minor(st.st_rdev) == minor, "its number is %u:%u, not %u:%u",
	      major(st.st_rdev), minor(st.st_rdev), major, minor);
}

static void device_node(void)
{
	ASK(mknod(at("c"), S_IFCHR | 0600, makedev(1, 3)));
	expect_device(at("c"), 1, 3);
	works();
}

static void wide_devices(void)
{
	NEED(mknod(at("c"), S_IFCHR | 0600, makedev(1, 3)));
	ASK(mknod(at("w"), S_IFCHR | 0600, makedev(4095, 1048575)));
	expect_device(at("w"), 4095, 1048575);
	works();
}

static const struct probe files_probes[] = {
	PROBE(fifo, fifo, .needs = ""),
	PROBE(socket, unix_socket, .needs = ""),
	PROBE(device_node, device_node, .needs = ""),
	PROBE(wide_devices, wide_devices, .needs = "device_node"),
};

GROUP(files);
