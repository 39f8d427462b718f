// SPDX-License-Identifier: Apache-2.0
/* fsprobe: finds out what a filesystem can do, and how far. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile.h"

static const char usage[] =
	"fsprobe known NAME [LIMIT]\n"
	"\n"
	"known   what an earlier probe found (the file /vexlab/profile): exit status 0 where NAME works, 1 where it does not;\n"
	"        prints its limit, LIMIT (default 0) where none is known\n";

static int known(const char *name, const char *otherwise)
{
	printf("%lld\n", profile_limit(name, atoll(otherwise)));
	return profile_works(name) ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "known") && (argc == 3 || argc == 4))
		return known(argv[2], argc == 4 ? argv[3] : "0");
	fputs(usage, stderr);
	return 2;
}
