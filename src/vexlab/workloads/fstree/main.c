// SPDX-License-Identifier: Apache-2.0
/* fstree: what a tree is, what it must be, and whether the two agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fstree/entry.h"

static const char usage[] =
	"fstree manifest [--holes] DIR     prints a line of JSON for each name below DIR\n"
	"fstree fill SEED COUNT DIR        makes COUNT names in the empty DIR and prints the manifest to expect; where there\n"
	"                                  are no directories their names begin with sSEED., and DIR may hold others\n"
	"fstree verify [--own PREFIX] MANIFEST DIR\n"
	"                                  prints each difference and a last line; exit status 1 where there is one; with\n"
	"                                  --own, names in DIR that do not begin with PREFIX are none\n";

static void print(const struct tree *tree)
{
	struct json json = { 0 };

	for (size_t i = 0; i < tree->count; i++) {
		entry_print(&json, &tree->entry[i]);
		json_put(&json);
	}
	free(json.text);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	bool holes = argc == 4 && !strcmp(argv[2], "--holes");
	struct tree tree = { 0 };
	bool good;

	if (!strcmp(verb, "verify") && argc == 4)
		return verify(argv[2], argv[3], NULL);
	if (!strcmp(verb, "verify") && argc == 6 && !strcmp(argv[2], "--own"))
		return verify(argv[4], argv[5], argv[3]);
	if (!strcmp(verb, "manifest") && (argc == 3 || holes)) {
		good = tree_scan(&tree, argv[argc - 1], holes);
		for (size_t i = 0; i < tree.count; i++)
			tree.entry[i].untold |= untold_keys() & UNTOLD_MTIME; /* others change by what somebody does */
	} else if (!strcmp(verb, "fill") && argc == 5) {
		good = fill(&tree, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), argv[4]);
	} else {
		fputs(usage, stderr);
		return 2;
	}
	print(&tree);
	return good ? 0 : 1;
}
