// SPDX-License-Identifier: Apache-2.0
/*
 * modload FILE [PARAMETER...]: loads a module by one call of finit_module(2), and tells how the kernel answered.
 *
 * kmod's insmod is linked with libraries that an emulated machine translates anew each time. busybox's calls
 * init_module(2) where the kernel refused, so that a module whose init fails only once is loaded all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What these errors mean here, as in insmod(8); the kernel's log says more. */
static const char *meaning(int error)
{
	switch (error) {
	case ENOEXEC:
		return "Invalid module format";
	case ENOENT:
		return "Unknown symbol in module, or unknown parameter (see dmesg)";
	case ESRCH:
		return "Module has wrong symbol version";
	case EINVAL:
		return "Invalid parameters";
	default:
		return strerror(error);
	}
}

static char *joined(char **words, int count)
{
	size_t size = 1;
	char *text;
	int i;

	for (i = 0; i < count; i++)
		size += strlen(words[i]) + 1;
	text = calloc(1, size);
	for (i = 0; text && i < count; i++) {
		strcat(text, words[i]);
		strcat(text, " ");
	}
	return text;
}

int main(int argc, char **argv)
{
	char *parameters;
	int fd;

	if (argc < 2) {
		fprintf(stderr, "usage: modload FILE [PARAMETER...]\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "modload: could not load module %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	parameters = joined(argv + 2, argc - 2);
	if (!parameters || syscall(SYS_finit_module, fd, parameters, 0)) {
		fprintf(stderr, "modload: could not insert module %s: %s\n", argv[1], meaning(errno));
		return 1;
	}
	return 0;
}
