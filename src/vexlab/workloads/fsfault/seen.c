// SPDX-License-Identifier: Apache-2.0
/* The allocations of an operation that nothing disturbs, as ftrace's events tell them (Documentation/trace/ftrace.rst). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsfault/fsfault.h"
#include "lib/json.h"

#define TRACING "/sys/kernel/tracing/"
#define FRAMES 48

static bool put(const char *file, const char *text)
{
	char path[160];
	int fd;
	bool done;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return false;
	done = !*text || write(fd, text, strlen(text)) > 0;
	close(fd);
	return done;
}

static bool enable(const char *value)
{
	/* Those for a node are events of their own up to 6.2. */
	static const char *const events[] = { "kmalloc", "kmem_cache_alloc", "mm_page_alloc", "kmalloc_node",
					      "kmem_cache_alloc_node" };
	char file[96];
	bool done = true;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		snprintf(file, sizeof(file), "events/kmem/%s/enable", events[i]);
		if (!put(file, value) && i < 3)
			done = false;
	}
	return done;
}

bool seen_begin(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return put("tracing_on", "0") && put("buffer_size_kb", "8192") && put("trace", "") &&
	       put("set_event_pid", pid) && put("options/stacktrace", "1") && put("options/sym-offset", "1") &&
	       enable("1") && put("tracing_on", "1");
}

struct stack {
	char *frame[FRAMES];
	size_t count;
	bool inside; /* a frame is the module's */
	bool never;  /* __GFP_NOFAIL: the kernel waits until there is memory */
};

static void print(const char *operation, struct stack *stack)
{
	struct json json = { 0 };

	if (stack->count && stack->inside && !stack->never) {
		json_open(&json);
		json_str(&json, "seen", operation);
		json_begin(&json, "frames", '[');
		for (size_t i = 0; i < stack->count; i++)
			json_str(&json, NULL, stack->frame[i]);
		json_end(&json, ']');
		json_close(&json);
		json_print(&json);
	}
	for (size_t i = 0; i < stack->count; i++)
		free(stack->frame[i]);
	memset(stack, 0, sizeof(*stack));
}

/*
 * fsfault-123  [000] .....  1.5: kmalloc: call_site=f+0x1/0x2 ptr=1 bytes_req=2 bytes_alloc=8 gfp_flags=GFP_KERNEL
 * fsfault-123  [000] .....  1.5: <stack trace>
 *  => vexfs_fill_super+0x12/0x340 [vexfs]
 */
void seen_print(const char *operation, const char *module)
{
	struct stack stack = { 0 };
	char line[1024], mark[80];
	bool never = false;
	FILE *trace;

	put("tracing_on", "0");
	enable("0");
	snprintf(mark, sizeof(mark), "[%s]", module);
	trace = fopen(TRACING "trace", "r");
	while (trace && fgets(line, sizeof(line), trace)) {
		char *frame = strstr(line, "=> ");

		line[strcspn(line, "\n")] = 0;
		if (frame && frame - line <= 2 && stack.count < FRAMES) {
			stack.inside |= strstr(frame, mark) != NULL;
			stack.never |= never;
			stack.frame[stack.count++] = strdup(frame + 3);
		} else if (!frame) {
			print(operation, &stack);
			if (!strstr(line, "<stack trace>"))
				never = strstr(line, "__GFP_NOFAIL") != NULL;
		}
	}
	print(operation, &stack);
	if (trace)
		fclose(trace);
	put("trace", "");
	put("set_event_pid", "");
}
