// SPDX-License-Identifier: Apache-2.0
/*
 * Where an operation allocates, and where an allocation of it fails, as ftrace's events tell (Documentation/trace/
 * ftrace.rst and kprobetrace.rst). The kernel's log has only some of the failures: none of those with __GFP_NOWARN.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsfault/fsfault.h"
#include "lib/json.h"

#define TRACING "/sys/kernel/tracing/"
#define FRAMES 48

/* Who decides whether an allocation fails: should_failslab by an errno, should_fail_alloc_page by true. */
static const struct {
	const char *name, *probe;
} deciding[] = {
	{ "vexlab_failslab", "r:vexlab_failslab should_failslab failed=$retval:s32" },
	{ "vexlab_failpage", "r:vexlab_failpage should_fail_alloc_page failed=$retval:u8" },
};
#define DECIDING (sizeof(deciding) / sizeof(deciding[0]))

static bool write_to(const char *file, const char *text, int flags)
{
	char path[160];
	int fd;
	bool done;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | flags);
	if (fd < 0)
		return false;
	done = !*text || write(fd, text, strlen(text)) > 0;
	close(fd);
	return done;
}

static bool put(const char *file, const char *text)
{
	return write_to(file, text, O_TRUNC);
}

/* Where opening it anew would end all probes. */
static bool add(const char *file, const char *text)
{
	return write_to(file, text, O_APPEND);
}

/* Notes what happens to this task, with stacks, from now on. */
static bool begin(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return put("trace", "") && put("set_event_pid", pid) && put("options/stacktrace", "1") &&
	       put("options/sym-offset", "1") && put("tracing_on", "1");
}

static bool allocations(const char *value)
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
	return put("tracing_on", "0") && put("buffer_size_kb", "8192") && allocations("1") && begin();
}

static bool of_probe(size_t which, const char *file, const char *text)
{
	char path[96];

	snprintf(path, sizeof(path), "events/kprobes/%s/%s", deciding[which].name, file);
	return put(path, text);
}

void failed_end(void)
{
	char gone[64];

	for (size_t i = 0; i < DECIDING; i++) {
		of_probe(i, "enable", "0");
		snprintf(gone, sizeof(gone), "-:%s", deciding[i].name);
		add("kprobe_events", gone);
	}
}

bool failed_setup(void)
{
	bool done = put("tracing_on", "0");

	for (size_t i = 0; i < DECIDING && done; i++)
		done = add("kprobe_events", deciding[i].probe) && of_probe(i, "filter", "failed!=0") &&
		       of_probe(i, "enable", "1");
	if (!done)
		failed_end();
	return done;
}

bool failed_begin(void)
{
	return begin();
}

struct stack {
	char *frame[FRAMES];
	size_t count;
	bool inside; /* a frame is the module's */
	bool never;  /* __GFP_NOFAIL: the kernel waits until there is memory */
};

/* Prints a stack under `key`; with `nth` it is a failure, else an allocation, which counts below the module alone. */
static void print(const char *key, const char *operation, unsigned int nth, struct stack *stack)
{
	struct json json = { 0 };

	if (stack->count && (nth || (stack->inside && !stack->never))) {
		json_open(&json);
		json_str(&json, key, operation);
		if (nth)
			json_int(&json, "nth", nth);
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
 * fsfault-123  [000] .....  1.5: vexlab_failslab: (kmalloc+0x1/0x2 <- should_failslab) failed=-12
 * fsfault-123  [000] .....  1.5: <stack trace>
 *  => vexfs_fill_super+0x12/0x340 [vexfs]
 */
static void print_all(const char *key, const char *operation, unsigned int nth, const char *module)
{
	struct stack stack = { 0 };
	char line[1024], mark[80];
	bool never = false;
	FILE *trace;

	put("tracing_on", "0");
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
			print(key, operation, nth, &stack);
			if (!strstr(line, "<stack trace>"))
				never = strstr(line, "__GFP_NOFAIL") != NULL;
		}
	}
	print(key, operation, nth, &stack);
	if (trace)
		fclose(trace);
	put("trace", "");
	put("set_event_pid", "");
}

void seen_print(const char *operation, const char *module)
{
	allocations("0");
	print_all("seen", operation, 0, module);
}

void failed_print(const char *operation, unsigned int nth, const char *module)
{
	print_all("failed", operation, nth, module);
}
