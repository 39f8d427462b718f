// SPDX-License-Identifier: Apache-2.0
/* Makes each marker in a directory of its own, and looks for it there afterwards. */
#include "fscheck/run.h"

static const struct marker *current;
static bool verifying;

/* Ends the marker where it needs what does not work. */
static void demand(void)
{
	char words[128];

	snprintf(words, sizeof(words), "mkdir %s", current->needs);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		need(word);
}

static void work(void)
{
	demand();
	if (!verifying && mkdir(current->name, 0755))
		report(FAIL, errno, "making the marker's directory: %s", errno_name(errno));
	if (chdir(current->name))
		report(FAIL, errno, "entering the marker's directory: %s", errno_name(errno));
	if (verifying)
		current->verify();
	else
		current->make();
	if (!outcome->asserted && !verifying)
		asserted();
	if (!outcome->asserted)
		fail("the marker asserted nothing");
}

static bool each(const char *path, bool verify_them, double timeout)
{
	bool good = true;

	if (chdir(path)) {
		fprintf(stderr, "fscheck: %s: %s\n", path, strerror(errno));
		return false;
	}
	probe(timeout);
	verifying = verify_them;
	for (size_t i = 0; i < marker_count; i++) {
		const struct check line = { verifying ? "persist" : "mark", markers[i].name, markers[i].cite, NULL };
		double start = seconds();

		current = &markers[i];
		announce(line.family, line.name);
		guarded(work, timeout);
		print_outcome(&line, (seconds() - start) * 1000);
		good &= outcome->result != FAIL && outcome->result != TIMEOUT;
	}
	announce("end", "");
	return good;
}

bool mark(const char *path, double timeout)
{
	return each(path, false, timeout);
}

bool verify(const char *path, double timeout)
{
	return each(path, true, timeout);
}
