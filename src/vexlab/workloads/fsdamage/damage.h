/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_DAMAGE_H
#define VEXLAB_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings {
	const char *pristine;	/* the sound image */
	const char *work;	/* the file behind the device */
	const char *device;
	const char *point;	/* where it is mounted */
	const char *type;
	const char *options;
	const char *module;	/* whose references must go back to what they were; "" for none */
	const char *use;	/* a command that is run on the mounted image, or "" */
	int every;		/* so many damages, then the sound image */
	int limit_s;		/* for one damage */
};

#define MOST_PARTS 16

struct patch {
	char kind;		/* W write, X exclusive or, C copy from elsewhere in the image */
	uint64_t offset;
	uint64_t from;
	size_t len;
	uint8_t *data;
};

/* As VexFS describes it: a sum over ranges, its own bytes taken for zero. */
struct seal {
	uint64_t offset;
	bool big_endian;
	uint32_t init;
	int ranges;
	struct { uint64_t offset, length; } range[2];
};

struct damage {
	int number;
	char name[160];
	bool use;		/* the command is to be run on it */
	bool length;		/* a length is wrong, no name: names must stay what they are */
	uint64_t hidden;	/* offset of a block that no file may show; 0 for none */
	int patches, seals;
	struct patch patch[MOST_PARTS];
	struct seal seal[MOST_PARTS];
};

/* Reads the next damage of the plan; false at its end. Ends the program where the plan makes no sense. */
bool plan_next(struct damage *damage);

/* Prints the numbers of the blocks of 4096 bytes that hold anything but zeros. */
int image_blocks(const char *path);
/* Makes the work file what the pristine one is. */
void image_restore(const struct settings *settings);
/* Writes the damage to the work file and makes the checksums right. */
void image_damage(const struct settings *settings, const struct damage *damage);

/* What a child tells its parent, in shared memory. */
struct outcome {
	char step[64];
	char path[96];
	char mount[24];		/* the error, empty where it was mounted */
	char wrong[256];	/* what must never happen, the first time it did */
	int errors[134];	/* by errno; of reading and walking, of changing */
	int entries;
	int changes;
	bool noticed;
};

extern struct outcome *outcome;
extern bool names_are_sound;

/* Notes what is being done, so that a hang can be told. */
void step(const char *what, const char *path);
/* Notes an operation's error. Returns whether it failed. */
bool failed(long result);
__attribute__((format(printf, 1, 2))) void wrong(const char *format, ...);

/* Mounts, walks, uses, empties and unmounts the image. */
void pass(const struct settings *settings, const struct damage *damage);
void walk(const char *point);
/* From now on no file may show the image's block at this offset; 0 ends it. */
void hide_block(const char *image, uint64_t offset);
void change(const char *point);
void empty(const char *point);

/* getdents64 on an open directory: calls back for each name but . and .. until it says false. */
struct name {
	const char *text;
	unsigned char type;
};
void each_name(int fd, bool (*visit)(void *arg, const struct name *name), void *arg);

/* False where the profile says that this capability is broken, whatever the image: what it does then is no news. */
bool usable(const char *capability);

#endif
