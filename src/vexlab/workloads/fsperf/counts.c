// SPDX-License-Identifier: Apache-2.0
/* What the kernel counts: requests of a block device (Documentation/block/stat.rst) and memory (proc(5)). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fsperf/fsperf.h"

bool counts_path(char *path, unsigned long size, const char *dir)
{
	struct stat st;

	if (stat(dir, &st))
		return false;
	snprintf(path, size, "/sys/dev/block/%u:%u/stat", major(st.st_dev), minor(st.st_dev));
	return true;
}

static bool read_device(struct counts *counts, const char *path)
{
	long long field[17] = { 0 };
	FILE *file = fopen(path, "r");
	int got = 0;

	/* No block device below, as where this runs on the host: nothing is counted. */
	if (!file)
		return true;
	while (got < 17 && fscanf(file, "%lld", &field[got]) == 1)
		got++;
	fclose(file);
	/* reads, merged, sectors, ms, writes, merged, sectors, ms, in flight, ms, ms, 4 of discards, flushes, ms */
	counts->reads = field[0];
	counts->read_sectors = field[2];
	counts->writes = field[4];
	counts->write_sectors = field[6];
	counts->flushes = field[15];
	return got == 17;
}

static bool read_memory(struct counts *counts)
{
	/* Each CPU's share of the counters is added up first (Documentation/admin-guide/sysctl/vm.rst). */
	int refresh = open("/proc/sys/vm/stat_refresh", O_WRONLY);
	bool good = refresh >= 0 && write(refresh, "1", 1) == 1;
	char line[128];
	FILE *file;

	if (refresh >= 0)
		close(refresh);
	if (!good)
		return false;
	file = fopen("/proc/meminfo", "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "Slab: %lld kB", &counts->slab);
		sscanf(line, "MemFree: %lld kB", &counts->freed);
	}
	fclose(file);
	counts->slab *= 1024;
	counts->freed *= 1024;
	return true;
}

bool counts_read(struct counts *counts, const char *path, bool memory)
{
	memset(counts, 0, sizeof(*counts));
	return (!memory || read_memory(counts)) && read_device(counts, path);
}
