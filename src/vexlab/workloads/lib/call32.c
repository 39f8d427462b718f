// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/call32.h"

/* arch/x86/entry/entry_64_compat.S */
long call_of_32_bits(long number, unsigned long first, unsigned long second, unsigned long third)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(number), "b"(first), "c"(second), "d"(third)
		     : "memory", "r8", "r9", "r10", "r11");
	result = (int)result;
	errno = result < 0 ? -result : 0;
	return result < 0 ? -1 : result;
}

bool takes_calls_of_32_bits(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(call_of_32_bits(CLOSE_OF_32_BITS, -1, 0, 0) == 0);
	/* Where it cannot be tried, whoever makes such calls will see. */
	return pid < 0 || waitpid(pid, &status, 0) != pid || WIFEXITED(status);
}
