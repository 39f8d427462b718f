// SPDX-License-Identifier: Apache-2.0
/*
 * The states a power cut may leave: all that a completed flush covers, FUA writes that had ended, and of the rest any
 * part, in whole sectors. The base device is brought forward along the log; each state is a layer above it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fscrash/states.h"
#include "lib/json.h"
#include "lib/random.h"

#define MOST_FAILURES 2
#define MOST_TRIES 24
#define MOST_SHOWN 12
#define EMPTIED_EVERY 8
#define LEAST_STATES 8
#define COMMIT_LAG 3 /* operations until a commit begun in one of them is through */

/* Whether the entry is on the disk after a crash at the state's cut, whatever happens. */
static bool durable(const struct log *log, const struct state *state, int at)
{
	return at <= state->cut && log->write[at].flags & W_FUA;
}

static bool open_to_chance(const struct log *log, const struct state *state, int at)
{
	return log_has_data(&log->write[at]) && !durable(log, state, at);
}

static int last_flush(const struct log *log, int cut)
{
	while (cut > 0 && !(log->write[cut].flags & W_FLUSH))
		cut--;
	return cut;
}

static void state_open(const struct log *log, struct state *state, int cut, uint64_t seed)
{
	*state = (struct state){ .cut = cut, .seed = seed, .flush = last_flush(log, cut), .end = cut, .begun = -1 };
	/* a FUA write that was under way may be there in part */
	if (cut + 1 < log->count && log->write[cut + 1].flags & W_FUA)
		state->end++;
	for (int i = cut; i >= 0 && state->begun < 0; i--)
		state->begun = log->write[i].mark;
	state->done = state->begun - 1;
	if (state->begun < 0)
		state->done = -1;
	state->part = calloc(state->end - state->flush + 1, sizeof(enum part));
	if (!state->part)
		abort();
}

/* Some lose nearly all, some nearly nothing: one write that overtook or stayed behind is what finds a lost order. */
static void state_draw(const struct log *log, struct state *state)
{
	static const int keeps[] = { 3, 10, 25, 50, 50, 75, 90, 97, 100 };
	uint64_t random = state->seed;
	int keep = keeps[random_below(&random, sizeof(keeps) / sizeof(*keeps))];

	for (int i = state->flush; i <= state->end; i++) {
		bool there = (int)random_below(&random, 100) < keep;
		bool torn = random_below(&random, 6) == 0 && keep < 100 &&
			    log->write[i].sectors > WHOLE_SECTORS;

		state->part[i - state->flush] = torn ? P_TORN : there ? P_WHOLE : P_MISSING;
	}
}

static bool write_state(const struct log *log, const struct state *state, const char *node)
{
	int fd = open(node, O_WRONLY | O_DIRECT | O_CLOEXEC);
	bool good = fd >= 0;

	for (int i = state->flush; i <= state->end && good; i++) {
		enum part part = durable(log, state, i) ? P_WHOLE : state->part[i - state->flush];

		good = log_apply(log, i, fd, part, state->seed + i);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

static bool examine_mounted(struct bench *bench, const struct model *model, const struct state *state, char why[WHY])
{
	char said[WHY];

	if (!check_tree(model, bench->root, state->done, state->begun, why) || !bench_kept(bench, why))
		return false;
	if (!*bench->hook || !run_hook(bench->hook, "check", hooks_until(model, state->done),
				       hooks_until(model, state->begun), bench->root, said, sizeof(said)))
		return true;
	snprintf(why, WHY, "%.390s", said);
	return false;
}

/* How much is asked: fsck where the time allows, fsck always, and whether everything is given back. */
enum depth { D_QUICK, D_FSCK, D_EMPTIED };

/* Makes the state, lets the filesystem recover, and asks everything of it. */
static bool examine(struct bench *bench, const struct model *model, const struct log *log, const struct state *state,
		    enum depth depth, char why[WHY])
{
	char node[NODE_ROOM], other[WHY];
	bool good;

	if (!bench_layer(bench, "fscrash-state", node, why))
		exit(3);
	bench_quiet(bench, other);
	if (!write_state(log, state, node)) {
		fprintf(stderr, "a state cannot be written: %s\n", strerror(errno));
		exit(3);
	}
	good = bench_mount(bench, node, why);
	if (good) {
		good = examine_mounted(bench, model, state, why);
		good = bench_unmount(bench, good ? why : other) && good;
	}
	good = good && bench_quiet(bench, why);
	good = good && bench_fsck(bench, node, depth != D_QUICK, why);
	good = good && (depth != D_EMPTIED || bench_emptied(bench, node, why));
	if (!dm_remove("fscrash-state")) {
		snprintf(why, WHY, "its device stays in use after unmount");
		exit(3);
	}
	return good;
}

/* Finds the fewest missing writes with which the state still fails, by halves. */
static void shrink(struct bench *bench, const struct model *model, const struct log *log, struct state *state,
		   enum depth depth, char why[WHY])
{
	int room = state->end - state->flush + 1, tries = 0;
	enum part *keep = malloc(room * sizeof(*keep));
	char wrong[WHY];

	if (!keep)
		abort();
	for (int step = room; step > 0 && tries < MOST_TRIES; step /= 2) {
		for (int from = 0; from < room && tries < MOST_TRIES; from += step) {
			bool changed = false;

			memcpy(keep, state->part, room * sizeof(*keep));
			for (int i = from; i < from + step && i < room; i++) {
				changed |= state->part[i] != P_WHOLE && open_to_chance(log, state, state->flush + i);
				state->part[i] = P_WHOLE;
			}
			if (!changed)
				continue;
			tries++;
			if (examine(bench, model, log, state, depth, wrong))
				memcpy(state->part, keep, room * sizeof(*keep));
			else
				memcpy(why, wrong, WHY);
		}
	}
	free(keep);
}

static void print_state(const struct model *model, const struct log *log, const struct state *state, int number,
			bool good, const char *why)
{
	static struct json json;
	char text[200] = "mount";
	int missing = 0;

	json_open(&json);
	json_int(&json, "state", number);
	json_int(&json, "cut", state->cut);
	json_int(&json, "operation", state->begun);
	json_bool(&json, "ok", good);
	if (!good) {
		json_str(&json, "why", why);
		if (state->begun >= model->ops)
			snprintf(text, sizeof(text), "unmount");
		else if (state->begun >= 0)
			op_text(&model->op[state->begun], text, sizeof(text));
		json_str(&json, "during", text);
		json_begin(&json, "missing", '[');
		for (int i = state->flush; i <= state->end; i++) {
			const struct write *write = &log->write[i];
			enum part part = state->part[i - state->flush];

			if (!open_to_chance(log, state, i) || part == P_WHOLE || missing++ >= MOST_SHOWN)
				continue;
			snprintf(text, sizeof(text), "%llu+%llu%s", (unsigned long long)write->sector,
				 (unsigned long long)write->sectors, part == P_TORN ? " torn" : "");
			json_str(&json, NULL, text);
		}
		json_end(&json, ']');
		json_int(&json, "missing_count", missing);
	}
	json_close(&json);
	json_print(&json);
}

struct plan {
	int cut;
	bool least;
	uint64_t seed;
};

static int by_cut(const void *a, const void *b)
{
	const struct plan *one = a, *two = b;

	return one->cut != two->cut ? (one->cut > two->cut) - (one->cut < two->cut) : two->least - one->least;
}

/* Commits that may have come in the midst of a change of names: FUA writes soon after one began. */
static int find_commits(const struct model *model, const struct log *log, int *cut)
{
	int count = 0, since = COMMIT_LAG;

	for (int i = 0; i < log->count; i++) {
		int mark = log->write[i].mark;

		if (mark >= 0)
			since = mark < model->ops && op_names(&model->op[mark]) ? 0 : since + 1;
		else if (log->write[i].flags & W_FUA && since < COMMIT_LAG)
			cut[count++] = i;
	}
	return count;
}

/* The last moments before each flush. */
static int find_edges(const struct log *log, int *cut)
{
	int count = 0;

	for (int i = 1; i <= log->count; i++)
		if (i == log->count || log->write[i].flags & W_FLUSH)
			cut[count++] = i - 1;
	return count;
}

/*
 * Three of four states have the least that may be there: two right after a commit amid names, one just before a flush, when
 * most was promised, with nothing of what it would cover. Of the fourth parts are drawn.
 */
static struct plan *make_plan(const struct model *model, const struct log *log, uint64_t seed, int count)
{
	struct plan *plan = calloc(count, sizeof(*plan));
	int *commit = malloc((log->count + 1) * sizeof(int));
	int *edge = malloc((log->count + 1) * sizeof(int));
	int commits, edges;

	if (!plan || !commit || !edge)
		abort();
	commits = find_commits(model, log, commit);
	edges = find_edges(log, edge);
	for (int i = 0; i < count; i++) {
		int part = i % 4;

		plan[i].seed = random64(&seed);
		plan[i].least = part < 3;
		plan[i].cut = (int)random_below(&seed, log->count);
		if (part < 2 && commits)
			plan[i].cut = commit[(long)(i / 4 * 2 + part) * commits / (count / 2 + 2)];
		else if (part < 3)
			plan[i].cut = edge[(long)(i / 4) * edges / (count / 4 + 1)];
	}
	free(commit);
	free(edge);
	qsort(plan, count, sizeof(*plan), by_cut);
	return plan;
}

/*
 * Whether a state is left out, since at the pace so far the time does not suffice for all: those that are checked are
 * spread over the whole program.
 */
static bool left_out(const struct bench *bench, double begun, int checked, int left, uint64_t *random)
{
	double elapsed = now_ms() - begun;
	double room = bench->limit_ms - elapsed;

	if (!bench->limit_ms || checked < LEAST_STATES)
		return false;
	return random_below(random, 1000) * elapsed / checked * left > room * 1000;
}

int check_states(struct bench *bench, const struct model *model, const struct log *log, uint64_t seed, int count)
{
	struct plan *plan = make_plan(model, log, seed, count);
	int fd = open(bench->base, O_WRONLY | O_DIRECT | O_CLOEXEC);
	int failures = 0, applied = 0, checked = 0;
	double begun = now_ms();
	struct json json = { 0 };

	for (int i = 0; i < count && failures < MOST_FAILURES; i++) {
		enum depth depth;
		struct state state;
		char why[WHY] = "";
		bool good;

		if (i && plan[i].least && plan[i].cut == plan[i - 1].cut && plan[i - 1].least)
			continue;
		if (left_out(bench, begun, checked, count - i, &seed))
			continue;
		state_open(log, &state, plan[i].cut, plan[i].seed);
		if (!plan[i].least)
			state_draw(log, &state);
		for (; applied < state.flush; applied++)
			if (!log_apply(log, applied, fd, P_WHOLE, 0))
				exit(3);
		depth = checked++ % EMPTIED_EVERY ? D_QUICK : D_EMPTIED;
		good = examine(bench, model, log, &state, depth, why);
		if (!good) {
			failures++;
			shrink(bench, model, log, &state, depth == D_QUICK ? D_FSCK : depth, why);
		}
		print_state(model, log, &state, i, good, why);
		free(state.part);
	}
	close(fd);
	json_open(&json);
	json_int(&json, "states", checked);
	json_int(&json, "failures", failures);
	json_int(&json, "operations", model->ops);
	json_int(&json, "writes", log->count);
	json_ms(&json, "ms", now_ms() - begun);
	json_ms(&json, "fsck_ms", bench->fsck_ms);
	json_close(&json);
	json_print(&json);
	free(json.text);
	free(plan);
	return failures;
}
