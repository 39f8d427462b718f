// SPDX-License-Identifier: Apache-2.0
/*
 * fsfuzz: calls to a filesystem that nobody would make, thousands a second, without asking the host. A child makes them;
 * its parent tells how it goes, a line of JSON a second, and of what no call may do. A child that cannot even be killed
 * hangs in the kernel: it is left as it is, for others to look at, with exit status 3.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fsfuzz/fuzz.h"
#include "lib/child.h"
#include "lib/json.h"
#include "lib/output.h"
#include "lib/random.h"

#define MOST_WRONGS 32
#define KILL_S 8
#define COMPLAINT 5	/* exit status: the kernel has complained */

static const char usage[] =
	"fsfuzz run --point DIR --table FILE --magic HEX --seed N --seconds N [--limit N] [--threads N] [--calls]\n"
	"           [--times N] [--blind] [--corpus FILE] [--save FILE]\n"
	"fsfuzz replay --point DIR --table FILE --magic HEX --times N [--seconds N] [--limit N] FILE\n";

struct settings {
	const char *point, *table, *magic, *corpus, *save, *file;
	uint64_t seed;
	int seconds, limit, threads, times;
	bool calls, blind;
};

struct shared *shared;

/* Gives what went wrong to the parent, once for each kind, and waits until that has told it. */
static void tell_wrong(const struct program *program)
{
	static char told[MOST_WRONGS][sizeof(wrong)];
	static int count;

	for (int i = 0; i < count; i++)
		if (!strcmp(told[i], wrong))
			return;
	if (count == MOST_WRONGS)
		return;
	memcpy(told[count++], wrong, sizeof(wrong));
	memcpy(shared->wrong, wrong, sizeof(wrong));
	program_print(program, shared->program, sizeof(shared->program));
	atomic_fetch_add(&shared->wrongs, 1);
	while (atomic_load(&shared->wrongs))
		usleep(1000);
}

/* `state` is NULL where programs are only run again, and nothing is learnt from them. */
static bool try(const struct program *program, uint64_t *state)
{
	static struct outcome outcomes[MOST_OPS];
	bool fresh;

	trace_put(program);
	execute(program, outcomes);
	fresh = cover_end();
	atomic_fetch_add(&shared->programs, 1);
	if (wrong[0])
		tell_wrong(program);
	corpus_take(program, outcomes, fresh);
	if (state)
		walk_take(program, outcomes, state);
	shared->signatures = signatures();
	shared->corpus = corpus_size();
	shared->cover = cover_count();
	clean_up();
	if (complaint_heard())
		_exit(COMPLAINT);
	return !wrong[0];
}

static void run(const struct settings *settings)
{
	static struct program program, other;
	uint64_t state = settings->seed;
	struct choice choice = { &state, settings->calls, settings->blind, settings->threads };
	double until = seconds() + settings->seconds;
	FILE *corpus = settings->corpus ? fopen(settings->corpus, "re") : NULL;

	/* What was kept earlier is tried: so it is known again how calls end, and what adds nothing is not kept twice. */
	while (corpus && seconds() < until && program_read(&program, corpus))
		try(&program, &state);
	if (corpus)
		fclose(corpus);
	for (int tried = 0; seconds() < until && (!settings->times || tried < settings->times); tried++) {
		bool walked = !settings->blind && !random_below(&state, 4) && walk_next(&program, &state);
		bool kept = !walked && !settings->blind && random_below(&state, 100) < 75 &&
			    corpus_pick(&program, &state);

		if (kept)
			mutate(&program, corpus_pick(&other, &state) ? &other : NULL, &choice);
		else if (!walked)
			generate(&program, &choice);
		try(&program, &state);
	}
	if (settings->save)
		corpus_save(settings->save);
}

static void replay(const struct settings *settings)
{
	static struct program program;
	double until = seconds() + settings->seconds;

	for (int turn = 0; turn < settings->times && seconds() < until; turn++) {
		FILE *file = fopen(settings->file, "re");

		while (file && program_read(&program, file))
			if (!try(&program, NULL)) {
				fclose(file);
				return;
			}
		if (file)
			fclose(file);
	}
}

static _Noreturn void child(const struct settings *settings)
{
	let_go_of_output();
	if (!execute_start(settings->point, settings->threads))
		_exit(2);
	shared->has_cover = cover_start();
	complaint_start();
	if (settings->file)
		replay(settings);
	else
		run(settings);
	_exit(0);
}

static void say(const char *state, double since, pid_t stuck, int signal)
{
	char *tail = strcmp(state, "running") && strcmp(state, "wrong") ? trace_text() : NULL;
	struct json json = { 0 };

	json_open(&json);
	json_str(&json, "state", state);
	json_int(&json, "programs", shared->programs);
	json_int(&json, "calls", shared->calls);
	json_int(&json, "succeeded", shared->succeeded);
	json_int(&json, "signatures", shared->signatures);
	json_int(&json, "corpus", shared->corpus);
	if (shared->has_cover)
		json_int(&json, "cover", shared->cover);
	json_ms(&json, "ms", (seconds() - since) * 1000);
	if (stuck)
		json_int(&json, "stuck", stuck);
	if (signal)
		json_int(&json, "signal", signal);
	if (tail)
		json_str(&json, "tail", tail);
	free(tail);
	if (shared->wrongs) {
		json_str(&json, "wrong", shared->wrong);
		json_str(&json, "program", shared->program);
	}
	json_close(&json);
	json_print(&json);
	free(json.text);
}

/* Watches the child; returns the exit status. */
static int watch(const struct settings *settings, pid_t pid)
{
	double start = seconds(), told = start, moved = start;
	uint64_t last = 0;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		double now = seconds();

		if (shared->calls != last)
			moved = now;
		last = shared->calls;
		if (shared->wrongs) {
			say("wrong", start, 0, 0);
			atomic_store(&shared->wrongs, 0);
		}
		if (now - told > 1) {
			say("running", start, 0, 0);
			told = now;
		}
		if (now - moved > settings->limit) {
			kill(pid, SIGKILL);
			if (wait_for(pid, &status, KILL_S)) {
				say("slow", start, 0, 0);
				return 4;
			}
			say("stuck", start, pid, 0);
			return 3;
		}
		usleep(20000);
	}
	if (WIFSIGNALED(status)) {
		say("killed", start, 0, WTERMSIG(status));
		return 4;
	}
	say(WEXITSTATUS(status) == COMPLAINT ? "complaint" : WEXITSTATUS(status) ? "failed" : "done", start, 0, 0);
	return WEXITSTATUS(status);
}

static bool read_words(struct settings *settings, int argc, char **argv)
{
	static const struct option options[] = {
		{ "point", 1, NULL, 'p' }, { "table", 1, NULL, 't' }, { "magic", 1, NULL, 'm' },
		{ "seed", 1, NULL, 's' }, { "seconds", 1, NULL, 'S' }, { "limit", 1, NULL, 'l' },
		{ "threads", 1, NULL, 'T' }, { "calls", 0, NULL, 'c' }, { "blind", 0, NULL, 'b' },
		{ "corpus", 1, NULL, 'C' }, { "save", 1, NULL, 'V' }, { "times", 1, NULL, 'n' }, { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p': settings->point = optarg; break;
		case 't': settings->table = optarg; break;
		case 'm': settings->magic = optarg; break;
		case 's': settings->seed = strtoull(optarg, NULL, 10); break;
		case 'S': settings->seconds = atoi(optarg); break;
		case 'l': settings->limit = atoi(optarg); break;
		case 'T': settings->threads = atoi(optarg); break;
		case 'n':
			settings->times = atoi(optarg);
			if (settings->times <= 0)
				return false;
			break;
		case 'c': settings->calls = true; break;
		case 'b': settings->blind = true; break;
		case 'C': settings->corpus = optarg; break;
		case 'V': settings->save = optarg; break;
		default: return false;
		}
	}
	if (optind < argc && !strcmp(argv[optind], "replay"))
		settings->file = argv[optind + 1];
	else if (optind == argc || strcmp(argv[optind], "run"))
		return false;
	return settings->point && settings->table && settings->magic && strlen(settings->magic) == 32 &&
	       settings->seconds > 0 && settings->limit > 0 && settings->threads > 0 &&
	       settings->threads <= MOST_THREADS && (settings->file ? settings->times > 0 : optind + 1 == argc);
}

int main(int argc, char **argv)
{
	struct settings settings = { .seconds = 60, .limit = 30, .threads = 1 };
	pid_t pid;

	if (!read_words(&settings, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !table_read(settings.table) || !trace_start(settings.magic))
		return 2;
	pid = fork();
	if (!pid)
		child(&settings);
	return pid < 0 ? 2 : watch(&settings, pid);
}
