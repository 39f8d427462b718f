// SPDX-License-Identifier: Apache-2.0
/* How a check speaks: its first word counts, whichever of its processes says it. */
#include <stdarg.h>

#include "fscheck/run.h"

struct outcome *outcome;
struct settings settings;

const char *errno_name(int err)
{
	const char *name = err ? strerrorname_np(err) : "no error";

	return name ? name : "an unknown error";
}

void announce(const char *family, const char *name)
{
	char line[200];
	int len, log;

	if (!settings.announce)
		return;
	len = snprintf(line, sizeof(line), "<6>fscheck: %s%s%s\n", family, *name ? "." : "", name);
	log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (log < 0 || write(log, line, len) != len)
		fprintf(stderr, "fscheck: /dev/kmsg: %s\n", strerror(errno));
	close(log);
}

void asserted(void)
{
	__atomic_add_fetch(&outcome->asserted, 1, __ATOMIC_RELAXED);
}

void report(enum result result, int err, const char *format, ...)
{
	int none = PASS;
	va_list args;

	if (__atomic_compare_exchange_n(&outcome->result, &none, result, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		outcome->err = err;
		va_start(args, format);
		vsnprintf(outcome->detail, sizeof(outcome->detail), format, args);
		va_end(args);
	}
	_exit(1);
}

void expect_success(const char *what, long value, int err)
{
	asserted();
	if (value == -1)
		report(FAIL, err, "%s: expected success, got %s", what, errno_name(err));
}

static bool among(int err, const int *list)
{
	for (; *list; list++)
		if (*list == err)
			return true;
	return false;
}

static const char *names_of(const int *list)
{
	static char text[200];
	size_t len = 0;

	for (const int *err = list; *err; err++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s", err == list ? "" : " or ", errno_name(*err));
	return text;
}

void expect_failure(const char *what, long value, int err, const int *wanted)
{
	asserted();
	if (value != -1)
		report(FAIL, 0, "%s: expected %s, got success (%ld)", what, names_of(wanted), value);
	if (!among(err, wanted))
		report(FAIL, err, "%s: expected %s, got %s", what, names_of(wanted), errno_name(err));
}

void need(const char *capability)
{
	if (profile_works(capability))
		return;
	snprintf(outcome->needs, sizeof(outcome->needs), "%s", capability);
	report(profile_state(capability) == REFUSED_CLEANLY ? LACKS : BLOCKED, 0, "it needs %s", capability);
}

void need_room(const char *limit, long long wanted)
{
	if (profile_within(limit, wanted) == wanted)
		return;
	snprintf(outcome->needs, sizeof(outcome->needs), "%s", limit);
	report(LACKS, 0, "it needs %s of %lld", limit, wanted);
}

void expect_optional(const char *what, long value, int err, const int *allowed, uint64_t before)
{
	asserted();
	if (value != -1)
		return;
	if (!among(err, allowed))
		report(FAIL, err, "%s: expected success (or a refusal by %s), got %s", what, names_of(allowed),
		       errno_name(err));
	if (tree_digest() != before)
		report(FAIL, err, "%s: refused with %s, yet something changed", what, errno_name(err));
	report(REFUSED, err, "%s: refused with %s", what, errno_name(err));
}

void expect_equal(const char *what, long long got, long long wanted)
{
	asserted();
	if (got != wanted)
		report(FAIL, 0, "%s: expected %lld, got %lld", what, wanted, got);
}

void expect_bytes(const char *what, const void *got, const void *wanted, size_t len)
{
	const unsigned char *a = got, *b = wanted;

	asserted();
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i])
			report(FAIL, 0, "%s: byte %zu of %zu: expected 0x%02x, got 0x%02x", what, i, len, b[i], a[i]);
}
