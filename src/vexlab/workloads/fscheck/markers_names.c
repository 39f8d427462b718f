// SPDX-License-Identifier: Apache-2.0
/* Names of every kind and length, to be found again. */
#include "fscheck/markers.h"

static void symlink_target(char *target, int len)
{
	for (int i = 0; i < len; i++)
		target[i] = 'a' + (i * 7 + len) % 26;
	target[len] = '\0';
}

void symlinks_make(void)
{
	int longest = profile_within("symlink_max", 1000);
	char name[16], target[1024];

	for (int len = 1; len < longest; len += len < 70 ? 1 : 59) {
		symlink_target(target, len);
		snprintf(name, sizeof(name), "s%d", len);
		OK(symlink(target, name));
	}
}

void symlinks_verify(void)
{
	int longest = profile_within("symlink_max", 1000);
	char name[16], target[1024], got[1024];

	for (int len = 1; len < longest; len += len < 70 ? 1 : 59) {
		symlink_target(target, len);
		snprintf(name, sizeof(name), "s%d", len);
		EQ(OK(readlink(name, got, sizeof(got))), len);
		BYTES(got, target, len);
		EQ(look(name).st_size, len);
	}
}

static int links_count(void)
{
	return profile_within("dir_entries", profile_within("link_max", 51) - 1);
}

void links_make(void)
{
	char name[16];

	make("f", 100, 1);
	for (int i = 0; i < links_count(); i++) {
		snprintf(name, sizeof(name), "l%d", i);
		OK(link("f", name));
	}
	OK(unlink("l7"));
}

void links_verify(void)
{
	char last[16];

	EQ(look("f").st_nlink, links_count());
	snprintf(last, sizeof(last), "l%d", links_count() - 1);
	EQ(look(last).st_ino, look("f").st_ino);
	expect_made("l0", 100, 1);
	expect_missing("l7");
	EQ(entries("."), links_count());
}

/* 700 names of 5 to 244 bytes, or fewer and shorter ones: where a directory takes few it may be for their bytes. */
static int names_count(void)
{
	return profile_within("dir_entries", 4 * 700) / 4;
}

static const char *name_of(int number)
{
	unsigned char width = 5 + number % (profile_within("name_max", 245) - 5);
	static char name[300];

	snprintf(name, sizeof(name), "d/%0*d", width, number);
	return name;
}

void names_make(void)
{
	OK(mkdir("d", 0755));
	for (int i = 0; i < names_count(); i++)
		put(name_of(i), name_of(i));
	for (int i = 0; i < names_count(); i += 7)
		OK(unlink(name_of(i)));
}

void names_verify(void)
{
	EQ(entries("d"), names_count() - (names_count() + 6) / 7);
	for (int i = 0; i < names_count(); i++) {
		if (i % 7)
			expect_text(name_of(i), name_of(i));
		else
			expect_missing(name_of(i));
	}
}
