// SPDX-License-Identifier: Apache-2.0
/* O_APPEND. */
#include "fscheck/check.h"

static void at_the_end(void)
{
	int fd, other;

	make("f", 100, 1);
	fd = opened("f", O_WRONLY | O_APPEND);
	OK(lseek(fd, 0, SEEK_SET));
	EQ(OK(write(fd, "abc", 3)), 3);
	EQ(lseek(fd, 0, SEEK_CUR), 103);
	other = opened("f", O_RDWR);
	EQ(OK(pwrite(other, "de", 2, 103)), 2);
	EQ(OK(write(fd, "f", 1)), 1);
	EQ(look("f").st_size, 106);
	expect_pattern(other, 0, 100, 1);
	OK(ftruncate(other, 50));
	EQ(OK(write(fd, "ghi", 3)), 3);
	EQ(look("f").st_size, 53);
	expect_pattern(other, 0, 50, 1);
	closed(other);
	closed(fd);
}

static void positioned(void)
{
	int fd;

	make("f", 10, 1);
	fd = opened("f", O_WRONLY | O_APPEND);
	/* Linux appends whatever the offset: pwrite(2), BUGS. */
	EQ(OK(pwrite(fd, "xyz", 3, 0)), 3);
	EQ(look("f").st_size, 13);
	closed(fd);
	fd = opened("f", O_RDONLY);
	expect_pattern(fd, 0, 10, 1);
	closed(fd);
}

static void switched(void)
{
	int fd = created("f", 0644);

	EQ(OK(write(fd, "0123456789", 10)), 10);
	OK(fcntl(fd, F_SETFL, O_APPEND));
	OK(lseek(fd, 2, SEEK_SET));
	EQ(OK(write(fd, "ab", 2)), 2);
	OK(fcntl(fd, F_SETFL, 0));
	OK(lseek(fd, 2, SEEK_SET));
	EQ(OK(write(fd, "cd", 2)), 2);
	closed(fd);
	expect_text("f", "01cd456789ab");
}

#define RECORD 60
#define RECORDS 300

static void concurrent(void)
{
	const int records = profile_within("file_size", 4 * RECORDS * RECORD) / (4 * RECORD);
	const long size = 4L * records * RECORD;
	char record[RECORD + 40];
	char *all = malloc(size);
	int next[4] = { 0 }, fd;

	closed(created("f", 0644));
	WORKERS(4, number) {
		fd = opened("f", O_WRONLY | O_APPEND);
		for (int i = 0; i < records; i++) {
			snprintf(record, sizeof(record), "%d %0*d\n", number, RECORD - 3, i);
			EQ(OK(write(fd, record, RECORD)), RECORD);
		}
		closed(fd);
	}
	EQ(look("f").st_size, size);
	fd = opened("f", O_RDONLY);
	EQ(read_all(fd, all, size, 0), size);
	for (int i = 0; i < 4 * records; i++) {
		int number = all[i * RECORD] - '0';

		HOLDS(number >= 0 && number < 4, "record %d is torn", i);
		snprintf(record, sizeof(record), "%d %0*d\n", number, RECORD - 3, next[number]++);
		BYTES(all + i * RECORD, record, RECORD);
	}
	closed(fd);
}

static void many_small(void)
{
	int fd = OK(open("f", O_CREAT | O_RDWR | O_APPEND, 0644));
	off_t most = file_bytes(400 * 700), size = 0;
	unsigned char data[700];

	for (int i = 0; i < 400; i++) {
		size_t len = 1 + i * 37 % sizeof(data);

		if (size + (off_t)len > most)
			break;
		pattern(data, len, size, 8);
		EQ(OK(write(fd, data, len)), len);
		size += len;
		if (i % 100 == 0)
			forget(fd);
	}
	EQ(look("f").st_size, size);
	forget(fd);
	expect_pattern(fd, 0, size, 8);
	closed(fd);
}

static const struct check append_checks[] = {
	{ "append", "at_the_end", "POSIX.1-2017 open(), O_APPEND; write()", at_the_end },
	{ "append", "positioned", "pwrite(2), BUGS", positioned },
	{ "append", "switched", "POSIX.1-2017 fcntl(), F_SETFL, O_APPEND", switched },
	{ "append", "concurrent", "POSIX.1-2017 write(), O_APPEND: no intervening modification", concurrent },
	{ "append", "many_small", "POSIX.1-2017 open(), O_APPEND", many_small },
};

FAMILY(append);
