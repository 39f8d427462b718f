// SPDX-License-Identifier: Apache-2.0
/* Files that must be the same after an unmount or a power cut. They are plain, as not every filesystem has more. */
#include "fsprobe/run.h"
#include "lib/json.h"

#define PUT_FILES 5

static void place(int number, size_t *size, char name[16])
{
	*size = number * (SMALL / (PUT_FILES - 1)); /* the first is empty */
	snprintf(name, 16, "put%d", number);
}

static int answer_files(const char *wrong, const char *name)
{
	struct json json = { 0 };

	json_open(&json);
	json_bool(&json, "whole", !*wrong);
	json_str(&json, "wrong", wrong);
	json_str(&json, "file", name);
	json_close(&json);
	json_print(&json);
	return *wrong ? 1 : 0;
}

int put_files(const char *dir)
{
	unsigned char data[SMALL];
	char name[16] = "";
	size_t size;
	int fd;

	if (chdir(dir))
		return answer_files(errno_name(errno), dir);
	for (int i = 0; i < PUT_FILES; i++) {
		place(i, &size, name);
		pattern(data, size, 0, 1);
		fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
		if (fd < 0 || write_all(fd, data, size, 0) != (ssize_t)size || close(fd))
			return answer_files(errno_name(errno), name);
	}
	return answer_files("", "");
}

int look_at_files(const char *dir)
{
	const char *wrong = "";
	char name[16] = "";
	size_t size;

	if (chdir(dir))
		return answer_files(errno_name(errno), dir);
	for (int i = 0; i < PUT_FILES && !*wrong; i++) {
		place(i, &size, name);
		wrong = file_differs(name, size, 1);
	}
	return answer_files(wrong, *wrong ? name : "");
}
