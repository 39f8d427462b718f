// SPDX-License-Identifier: Apache-2.0
/* What a filesystem does not offer, found by trying. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsseq/program.h"

static const struct {
	const char *name;
	unsigned int bit;
} table[] = {
	{ "exchange", WITHOUT_EXCHANGE }, { "noreplace", WITHOUT_NOREPLACE }, { "allocate", WITHOUT_ALLOCATE },
	{ "keep", WITHOUT_KEEP }, { "punch", WITHOUT_PUNCH }, { "zero", WITHOUT_ZERO }, { "xattr", WITHOUT_XATTR },
};

#define ENTRIES (sizeof(table) / sizeof(*table))

unsigned int lacks(int dirfd)
{
	int fd = openat(dirfd, "fsseq-a", O_CREAT | O_RDWR, 0600);
	unsigned int lacking = 0;

	if (fd < 0)
		return 0;
	close(openat(dirfd, "fsseq-b", O_CREAT | O_RDWR, 0600));
	ftruncate(fd, 65536);
	if (fallocate(fd, 0, 0, 4096))
		lacking |= WITHOUT_ALLOCATE;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 65536, 4096))
		lacking |= WITHOUT_KEEP;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096))
		lacking |= WITHOUT_PUNCH;
	if (fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096))
		lacking |= WITHOUT_ZERO;
	if (fsetxattr(fd, "user.fsseq", "x", 1, 0))
		lacking |= WITHOUT_XATTR;
	if (renameat2(dirfd, "fsseq-a", dirfd, "fsseq-b", RENAME_EXCHANGE))
		lacking |= WITHOUT_EXCHANGE;
	if (renameat2(dirfd, "fsseq-a", dirfd, "fsseq-c", RENAME_NOREPLACE))
		lacking |= WITHOUT_NOREPLACE;
	unlinkat(dirfd, "fsseq-a", 0);
	unlinkat(dirfd, "fsseq-b", 0);
	unlinkat(dirfd, "fsseq-c", 0);
	close(fd);
	return lacking;
}

unsigned int lacks_of_names(const char *names)
{
	unsigned int lacking = 0;

	for (size_t i = 0; i < ENTRIES; i++) {
		const char *at = strstr(names, table[i].name);
		size_t len = strlen(table[i].name);

		if (at && (at == names || at[-1] == ',') && (!at[len] || at[len] == ','))
			lacking |= table[i].bit;
	}
	return lacking;
}

void lacks_print(unsigned int lacking, char *text, size_t room)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < ENTRIES; i++)
		if (lacking & table[i].bit)
			len += snprintf(text + len, room - len, "%s%s", len ? "," : "", table[i].name);
}
