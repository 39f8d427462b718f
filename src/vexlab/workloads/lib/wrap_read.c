// SPDX-License-Identifier: Apache-2.0
/* Calls that need no capability and are only counted. The linker puts these in place of the calls. */
#include <unistd.h>

#include "lib/counted.h"

DECLARE(ssize_t, read, int fd, void *data, size_t len)
{
	return __real_read(fd, data, len);
}

DECLARE(ssize_t, pread64, int fd, void *data, size_t len, off64_t offset)
{
	return __real_pread64(fd, data, len, offset);
}

DECLARE(off64_t, lseek64, int fd, off64_t offset, int whence)
{
	return __real_lseek64(fd, offset, whence);
}
