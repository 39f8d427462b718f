// SPDX-License-Identifier: Apache-2.0
/* fsperf: the same work in turn on several filesystems, each phase measured: time, requests to the disk, memory. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fsperf/fsperf.h"
#include "lib/json.h"
#include "lib/profile.h"

#define MOST_THREADS 16
#define MOST_SIDES 4

static const char usage[] =
	"fsperf [-r ROUNDS] [-n COUNT] [-t THREADS,…] [-agmq] PHASE,… DIR…\n"
	"Each round does each phase in each DIR in turn, the other way round in every other round, and prints a line of\n"
	"JSON for each. COUNT operations are divided among the threads, each with a directory of its own.\n"
	"What the profile says does not work is left out on all sides; of its limits half are used.\n"
	"  -a  apart: each round does all phases in one DIR before the next\n"
	"  -g  grow: each round goes on where the last one ended, with other names and blocks\n"
	"  -m  ask what memory holds as well\n"
	"  -q  do not print the first round, which warms up\n";

struct options {
	long rounds;
	long count;
	int threads[8];
	int n_threads;
	bool apart;
	bool grow;
	bool memory;
	bool quiet_first;
};

struct side {
	const char *dir;
	char counts[64];
	int dirs[MOST_THREADS];
	bool shared;	/* they are all one */
};

struct worker {
	pthread_t thread;
	pthread_barrier_t *start;
	const struct phase *phase;
	struct job job;
	long long begun, ended;	/* ns */
	int why;		/* errno */
};

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Processor time of all threads of this program, ns. */
static long long used(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	if (worker->start)
		pthread_barrier_wait(worker->start);
	worker->begun = now();
	errno = 0;
	if (!worker->phase->work(&worker->job))
		worker->why = errno ? errno : EIO;
	worker->ended = now();
	return NULL;
}

/* Runs a phase. Returns the nanoseconds from the first start to the last end; -1 with errno where a thread failed. */
static long long run(struct worker *workers, int n)
{
	pthread_barrier_t start;
	long long begun, ended;
	int why;

	if (n == 1) {
		work(workers);
	} else {
		pthread_barrier_init(&start, NULL, n);
		for (int i = 0; i < n; i++) {
			workers[i].start = &start;
			why = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
			if (why) {
				fprintf(stderr, "fsperf: no thread: %s\n", strerror(why));
				exit(1);
			}
		}
		for (int i = 0; i < n; i++)
			pthread_join(workers[i].thread, NULL);
		pthread_barrier_destroy(&start);
	}
	begun = workers->begun;
	ended = workers->ended;
	why = workers->why;
	for (int i = 1; i < n; i++) {
		begun = workers[i].begun < begun ? workers[i].begun : begun;
		ended = workers[i].ended > ended ? workers[i].ended : ended;
		why = why ? why : workers[i].why;
	}
	errno = why;
	return why ? -1 : ended - begun;
}

static void print(const struct phase *phase, long round, int side, int threads, long done, long long ns,
		  long long cpu, const struct counts *a, const struct counts *b)
{
	struct json json = { 0 };

	json_open(&json);
	json_int(&json, "round", round);
	json_int(&json, "side", side);
	json_str(&json, "phase", phase->name);
	json_int(&json, "threads", threads);
	json_int(&json, "count", done);
	json_int(&json, "ns", ns);
	json_int(&json, "cpu_ns", cpu);
	json_int(&json, "reads", b->reads - a->reads);
	json_int(&json, "read_sectors", b->read_sectors - a->read_sectors);
	json_int(&json, "writes", b->writes - a->writes);
	json_int(&json, "write_sectors", b->write_sectors - a->write_sectors);
	json_int(&json, "flushes", b->flushes - a->flushes);
	json_int(&json, "slab_bytes", b->slab - a->slab);
	json_int(&json, "taken_bytes", a->freed - b->freed);
	json_close(&json);
	json_print(&json);
	free(json.text);
}

/* A limit is one where an error was seen; else the search ended there. */
static long half(const char *name, long otherwise)
{
	return strcmp(profile_errno(name), "-") ? (long)profile_half(name, otherwise) : otherwise;
}

static long most_blocks(void)
{
	long blocks = half("file_size", LONG_MAX) / 4096;

	return blocks ? blocks : 1;
}

/* So many operations may each thread do: names it has room for, in a directory that `users` share, in all rounds. */
static long within(const struct options *options, const struct phase *phase, long share, int users)
{
	long names = half("dir_entries", LONG_MAX) / users / (options->grow ? options->rounds : 1);

	if (phase->file || phase->alone || share < names)
		return share;
	return names ? names : 1;
}

static bool measure(const struct phase *phase, const struct options *options, long round, struct side *side, int number,
		    int threads)
{
	int n = phase->alone ? 1 : threads;
	struct worker workers[MOST_THREADS] = { 0 };
	struct counts before, after;
	long share = within(options, phase, options->count / n, side->shared ? n : 1), done = 0;
	long long ns, cpu;

	if (phase->needs && !profile_works(phase->needs))
		return true;
	for (int i = 0; i < n; i++) {
		workers[i].phase = phase;
		workers[i].job = (struct job){
			.dir = side->dirs[i],
			.thread = i,
			.shared = side->shared,
			.most = most_blocks(),
			.base = options->grow ? round * share : 0,
			.count = share,
			.round = round,
			.done = share,
		};
	}
	if (!counts_read(&before, side->counts, options->memory))
		goto failed;
	cpu = used();
	ns = run(workers, n);
	cpu = used() - cpu;
	if (ns < 0 || !counts_read(&after, side->counts, options->memory))
		goto failed;
	for (int i = 0; i < n; i++)
		done += workers[i].job.done;
	if (round || !options->quiet_first)
		print(phase, round, number, threads, done, ns, cpu, &before, &after);
	return true;
failed:
	fprintf(stderr, "fsperf: %s in %s, round %ld: %s\n", phase->name, side->dir, round, strerror(errno));
	return false;
}

static const struct phase *find_phase(const char *name)
{
	for (const struct phase *phase = phases; phase->name; phase++)
		if (!strcmp(phase->name, name))
			return phase;
	for (const struct phase *phase = io_phases; phase->name; phase++)
		if (!strcmp(phase->name, name))
			return phase;
	fprintf(stderr, "fsperf: there is no phase %s\n", name);
	exit(2);
}

static void open_side(struct side *side, const char *dir)
{
	char path[4096];

	side->dir = dir;
	if (!counts_path(side->counts, sizeof(side->counts), dir))
		goto failed;
	side->shared = !profile_works("mkdir");
	for (int i = 0; i < MOST_THREADS; i++) {
		snprintf(path, sizeof(path), side->shared ? "%s" : "%s/t%02d", dir, i);
		if (!side->shared && mkdir(path, 0755) && errno != EEXIST)
			goto failed;
		side->dirs[i] = open(path, O_RDONLY | O_DIRECTORY);
		if (side->dirs[i] < 0)
			goto failed;
	}
	return;
failed:
	fprintf(stderr, "fsperf: %s: %s\n", dir, strerror(errno));
	exit(1);
}

/* Each side in turn for one phase, or, where they are to be apart, for all of them. */
static bool one_round(const struct options *options, long round, const struct phase **list, struct side *sides, int n)
{
	for (int s = 0; s < n; s++) {
		int side = round % 2 ? n - 1 - s : s;

		for (const struct phase **phase = list; *phase; phase++)
			for (int t = 0; t < options->n_threads; t++)
				if (!measure(*phase, options, round, &sides[side], side, options->threads[t]))
					return false;
	}
	return true;
}

static bool all_rounds(const struct options *options, char *words, struct side *sides, int n)
{
	const struct phase *list[32] = { 0 };
	int n_phases = 0;

	for (char *word = strtok(words, ","); word && n_phases < 31; word = strtok(NULL, ","))
		list[n_phases++] = find_phase(word);
	for (long round = 0; round < options->rounds; round++) {
		if (options->apart) {
			if (!one_round(options, round, list, sides, n))
				return false;
			continue;
		}
		for (int t = 0; t < options->n_threads; t++) {
			struct options one = *options;

			one.threads[0] = options->threads[t];
			one.n_threads = 1;
			for (int p = 0; p < n_phases; p++)
				if (!one_round(&one, round, (const struct phase *[]){ list[p], NULL }, sides, n))
					return false;
		}
	}
	return true;
}

static bool parse(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "r:n:t:agmq")) > 0) {
		if (option == 'r')
			options->rounds = atol(optarg);
		else if (option == 'n')
			options->count = atol(optarg);
		else if (option == 'a')
			options->apart = true;
		else if (option == 'g')
			options->grow = true;
		else if (option == 'm')
			options->memory = true;
		else if (option == 'q')
			options->quiet_first = true;
		else if (option != 't')
			return false;
		if (option != 't')
			continue;
		options->n_threads = 0;
		for (char *word = strtok(optarg, ","); word && options->n_threads < 8; word = strtok(NULL, ","))
			options->threads[options->n_threads++] = atoi(word);
	}
	for (int i = 0; i < options->n_threads; i++)
		if (options->threads[i] < 1 || options->threads[i] > MOST_THREADS)
			return false;
	return options->rounds > 0 && options->count > 0 && argc - optind >= 2 && argc - optind <= 1 + MOST_SIDES;
}

int main(int argc, char **argv)
{
	struct options options = { .rounds = 1, .count = 1000, .threads = { 1 }, .n_threads = 1 };
	static struct side sides[MOST_SIDES];
	int n = 0;

	if (!parse(&options, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	for (int i = optind + 1; i < argc; i++)
		open_side(&sides[n++], argv[i]);
	return all_rounds(&options, argv[optind], sides, n) ? 0 : 1;
}
