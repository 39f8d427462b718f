// SPDX-License-Identifier: Apache-2.0
/* How a probe says what it found, and what the probes share. */
#include <stdarg.h>

#include "fsprobe/run.h"

struct answer *answer;
struct settings settings;
char probe_dir[12];

const char *errno_name(int err)
{
	const char *name = err ? strerrorname_np(err) : "no error";

	return name ? name : "an unknown error";
}

static void say(enum state state, const char *format, va_list args)
{
	size_t len = strlen(answer->detail);

	answer->state = state;
	if (len && len + 2 < sizeof(answer->detail)) {
		memcpy(answer->detail + len, "; ", 3);
		len += 2;
	}
	vsnprintf(answer->detail + len, sizeof(answer->detail) - len, format, args);
}

#define SAY(state, format) do { \
	va_list args; \
	va_start(args, format); \
	say(state, format, args); \
	va_end(args); \
} while (0)

void note(const char *format, ...)
{
	SAY(STATE_NONE, format);
}

void works(void)
{
	answer->state = STATE_WORKS;
	answer->trigger[0] = '\0';
	_exit(0);
}

void works_to(long long limit, bool at_least, int err)
{
	answer->limited = true;
	answer->limit = limit;
	answer->at_least = at_least;
	answer->err = at_least ? 0 : err;
	works();
}

void refused(int err, const char *format, ...)
{
	answer->err = err;
	SAY(STATE_REFUSED, format);
	_exit(0);
}

void refused_silently(const char *format, ...)
{
	answer->silent = true;
	SAY(STATE_REFUSED, format);
	_exit(0);
}

void broken(const char *format, ...)
{
	SAY(STATE_BROKEN, format);
	_exit(0);
}

void unknown(const char *format, ...)
{
	answer->trigger[0] = '\0';
	SAY(STATE_UNKNOWN, format);
	_exit(0);
}

void trigger(const char *call)
{
	snprintf(answer->trigger, sizeof(answer->trigger), "%s", call);
}

void check_unchanged(uint64_t before, int err)
{
	if (tree_digest() != before) {
		answer->err = err;
		broken("it says %s, yet something changed", errno_name(err));
	}
	refused(err, "%s", "");
}

const char *at(const char *name)
{
	static char names[8][32];
	static unsigned int next;
	char *text = names[next++ % ARRAY_SIZE(names)];

	if (!settings.flat)
		return name;
	snprintf(text, sizeof(names[0]), "%s%.20s", probe_dir, name);
	return text;
}

int created(const char *name)
{
	return NEED(open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644));
}

void pattern(void *data, size_t len, off_t offset, unsigned int seed)
{
	unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++) {
		uint64_t place = offset + i;

		bytes[i] = (place * 31 + (place >> 9) * 7 + seed * 13) | 1;
	}
}

void fill(int fd, size_t len, off_t offset, unsigned int seed)
{
	unsigned char *data = malloc(len);

	if (!data)
		abort();
	pattern(data, len, offset, seed);
	errno = 0;
	if (write_all(fd, data, len, offset) != (ssize_t)len)
		unknown("it needs a file of %zu bytes: %s", (size_t)offset + len, errno_name(errno));
	free(data);
}

void made(const char *name)
{
	int fd = created(name);

	fill(fd, SMALL, 0, 1);
	NEED(close(fd));
}

const char *differs(int fd, size_t len, off_t offset, unsigned int seed)
{
	static char text[128];
	unsigned char *got = malloc(len), *wanted = calloc(1, len);
	ssize_t size;

	if (!got || !wanted)
		abort();
	if (seed)
		pattern(wanted, len, offset, seed);
	text[0] = '\0';
	errno = 0;
	size = read_all(fd, got, len, offset);
	if (size != (ssize_t)len)
		snprintf(text, sizeof(text), "%zd of %zu bytes at %lld can be read (%s)", size, len, (long long)offset,
			 errno_name(errno));
	for (size_t i = 0; !*text && i < len; i++)
		if (got[i] != wanted[i])
			snprintf(text, sizeof(text), "byte %lld is 0x%02x, not 0x%02x", (long long)offset + (long long)i,
				 got[i], wanted[i]);
	free(got);
	free(wanted);
	return text;
}

const char *file_differs(const char *name, size_t len, unsigned int seed)
{
	static char text[128];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		snprintf(text, sizeof(text), "open says %s", errno_name(errno));
		return text;
	}
	snprintf(text, sizeof(text), "%s", differs(fd, len, 0, seed));
	close(fd);
	if (st.st_size != (off_t)len)
		snprintf(text, sizeof(text), "its size is %lld, not %zu", (long long)st.st_size, len);
	return text;
}

void expect_file(const char *what, const char *name, size_t len)
{
	const char *wrong = file_differs(name, len, 1);

	HOLDS(!*wrong, "%s: %s", what, wrong);
}

void expect_missing(const char *name)
{
	struct stat st;

	HOLDS(lstat(name, &st) && errno == ENOENT, "what is gone can still be looked up");
	HOLDS(!has_entry(".", name), "what is gone is still listed");
}

struct stat look(const char *name)
{
	struct stat st;

	MUST(lstat(name, &st));
	return st;
}

bool has_entry(const char *dir, const char *name)
{
	struct names names;
	bool found = false;

	if (!names_read(AT_FDCWD, dir, &names))
		broken("the directory cannot be read: %s", errno_name(errno));
	for (size_t i = 0; i < names.count; i++)
		found |= !strcmp(names.name[i], name);
	names_free(&names);
	return found;
}

void forget(void)
{
	int fd;

	if (settings.cached)
		return;
	fd = MUST(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	MUST(syncfs(fd));
	close(fd);
	if (!settings.guest)
		return;
	fd = NEED(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
	NEED(write(fd, "3", 1));
	close(fd);
}

void settle(int fd)
{
	if (!settings.unsynced)
		NEED(fsync(fd));
}

size_t block_size(void)
{
	struct statvfs fs;

	NEED(statvfs(".", &fs));
	return fs.f_bsize >= 512 && fs.f_bsize <= 65536 ? fs.f_bsize : 4096;
}

int blocks_of(int count)
{
	int fd = created(at("f"));

	fill(fd, count * block_size(), 0, 1);
	settle(fd);
	return fd;
}

/* The bytes that are free; -1 where the filesystem does not count them. */
static long long free_bytes(void)
{
	struct statvfs fs;

	if (statvfs(".", &fs) || !fs.f_blocks)
		return -1;
	return (long long)fs.f_bfree * fs.f_frsize;
}

off_t with_gap(int fd, bool *sparse)
{
	static const off_t places[] = { 1 << 20, 1 << 18, 1 << 16, 1 << 15, 1 << 14 };
	long long before = free_bytes(), after;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (pwrite(fd, "x", 1, places[i]) != 1)
			continue;
		settle(fd);
		NEED(fstat(fd, &st));
		after = free_bytes();
		/* Some, such as minix, compute st_blocks from the size. */
		*sparse = st.st_blocks * 512 < places[i] / 2 || (after >= 0 && before - after < places[i] / 2);
		return places[i];
	}
	unknown("it needs a byte at offset %lld: %s", (long long)places[ARRAY_SIZE(places) - 1], errno_name(errno));
}
