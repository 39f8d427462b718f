// SPDX-License-Identifier: Apache-2.0
/* Programs from a seed: few names, so that operations meet. */
#include <limits.h>
#include <string.h>

#include "fsseq/model.h"
#include "lib/profile.h"
#include "lib/random.h"
#include "lib/rare.h"

static const unsigned char weights[OPS] = {
	[OP_OPEN] = 30, [OP_CLOSE] = 6, [OP_WRITE] = 24, [OP_APPEND] = 6, [OP_READ] = 14, [OP_TRUNCATE] = 6,
	[OP_FTRUNCATE] = 8, [OP_RENAME] = 16, [OP_LINK] = 7, [OP_SYMLINK] = 5, [OP_UNLINK] = 12, [OP_MKDIR] = 14,
	[OP_RMDIR] = 6, [OP_CHMOD] = 4, [OP_CHOWN] = 3, [OP_SETXATTR] = 10, [OP_GETXATTR] = 5, [OP_REMOVEXATTR] = 3,
	[OP_LISTXATTR] = 2, [OP_UTIMENS] = 4, [OP_FSYNC] = 2, [OP_ALLOCATE] = 5, [OP_STORE] = 5, [OP_READDIR] = 5,
	[OP_STAT] = 8, [OP_READLINK] = 2, [OP_STATFS] = 1,
};

/* What an operation with a size or an offset is called where calls are counted, see lib/inputs.h. */
static const char *const calls[OPS] = {
	[OP_WRITE] = "pwrite", [OP_APPEND] = "write", [OP_READ] = "pread", [OP_TRUNCATE] = "truncate",
	[OP_FTRUNCATE] = "truncate", [OP_ALLOCATE] = "fallocate",
};

/* Percent of sizes and offsets that are of a kind seldom had, where such are known; the most binary digits of them. */
#define STEERED 25
#define SIZE_DIGITS 18
#define OFFSET_DIGITS 24

static uint64_t state;

static uint64_t below(uint64_t limit)
{
	return random_below(&state, limit);
}

static bool chance(int percent)
{
	return below(100) < (uint64_t)percent;
}

static bool opened[SLOTS];
/* Bytes of a name, of a symbolic link's target, of a file: half of what the filesystem can. */
static long long longest, furthest, largest;

static const char *recall(int types)
{
	return model_pick(types, below(1000));
}

static void name(char *text)
{
	size_t len;

	if (chance(98)) {
		*text++ = 'a' + below(6);
		*text = '\0';
		return;
	}
	len = chance(20) ? 255 : 20 + below(100);
	if ((long long)len > longest)
		len = longest;
	memset(text, 'n', len);
	text[len] = '\0';
}

/* Any path: of what was made, or a name in a directory that was. */
static void path(char *text)
{
	const char *known = recall(chance(35) ? MODEL_DIR : MODEL_OTHER);

	if (chance(1)) {
		strcpy(text, ".");
		return;
	}
	strcpy(text, known);
	if (chance(65) && *text)
		return;
	strcpy(text, chance(45) ? "" : recall(MODEL_DIR));
	if (*text)
		strcat(text, "/");
	name(text + strlen(text));
}

/* A path of a file or of a directory that was made, or any. */
static void path_of(char *text, int types)
{
	const char *known = recall(types);

	if (chance(85) && *known)
		strcpy(text, known);
	else
		path(text);
}

/* A path for something new. */
static void path_new(char *text)
{
	if (chance(15)) {
		path(text);
		return;
	}
	strcpy(text, chance(40) ? "" : recall(MODEL_DIR));
	if (*text)
		strcat(text, "/");
	name(text + strlen(text));
}

static int slot(void)
{
	int pick = below(SLOTS);

	for (int i = 0; i < SLOTS && !opened[pick] && chance(95); i++)
		pick = (pick + 1) % SLOTS;
	return pick;
}

static long long common_size(void)
{
	static const long long borders[] = { 0, 1, 511, 512, 1024, 4095, 4096, 4097, 8192, 12288, 16384, 49152, 65536 };

	return chance(35) ? borders[below(sizeof(borders) / sizeof(*borders))] : (long long)below(70000);
}

static long long size(void)
{
	/* Not larger: a filesystem without SEEK_DATA of its own has its holes read and hashed at the end. */
	long long wanted = chance(2) ? (1LL << (18 + below(6))) + (long long)below(9000) : common_size();

	return wanted > largest ? wanted % largest : wanted;
}

static long long length(void)
{
	return chance(20) ? 4096 : 1 + (long long)below(chance(20) ? 20000 : 5000);
}

/* The number that was drawn, or one of as many digits as such numbers seldom had in earlier runs. */
static long long steered(enum opcode code, const char *kind, long long drawn)
{
	int digits;

	if (!calls[code] || !rare_known() || !chance(STEERED))
		return drawn;
	digits = rare_digits(calls[code], kind, *kind == 's' ? SIZE_DIGITS : OFFSET_DIGITS, below(1000));
	if (digits < 0)
		return drawn;
	drawn = digits ? (1LL << (digits - 1)) + (long long)below(1ULL << (digits - 1)) : 0;
	return drawn > largest ? drawn % largest : drawn;
}

static void word(struct op *op, const char *text)
{
	snprintf(op->word, sizeof(op->word), "%s", text);
}

static void open_flags(struct op *op)
{
	char *at = op->word;

	*at++ = "rwbbbbbbbb"[below(10)];
	if (chance(75)) {
		*at++ = 'c';
		if (chance(10))
			*at++ = 'x';
	}
	if (chance(8))
		*at++ = 't';
	if (chance(12))
		*at++ = 'a';
	if (chance(5))
		*at++ = 'n';
	if (chance(2))
		*at++ = 'd';
	*at = '\0';
}

static void xattr_name(char *text)
{
	strcpy(text, chance(50) ? "user.p" : "user.pq");
}

static void numbers(struct op *op)
{
	op->number[0] = slot();
	if (op->code == OP_CLOSE)
		opened[op->number[0]] = false;
	if (op->code == OP_APPEND) {
		op->number[1] = steered(op->code, "size", length());
		op->number[2] = below(1000);
		return;
	}
	op->number[1] = steered(op->code, op->code == OP_FTRUNCATE ? "size" : "offset", size());
	op->number[2] = steered(op->code, "size", length());
	if (op->code != OP_FTRUNCATE && op->number[1] + op->number[2] > largest) {
		op->number[1] %= largest;
		op->number[2] = largest - op->number[1];
	}
	op->number[3] = below(1000);
}

static void fill_arguments(struct op *op)
{
	static const int ids[] = { 0, 1, 1000, 65534, 70000 };


	switch (op->code) {
	case OP_CHMOD:
		op->number[0] = chance(15) ? (long long)below(010000) : (long long)(0400 | below(0400));
		break;
	case OP_CHOWN:
		op->number[0] = ids[below(5)];
		op->number[1] = ids[below(5)];
		break;
	case OP_SETXATTR:
		xattr_name(op->text[1]);
		op->number[0] = chance(10) ? 0 : below(200);
		op->number[1] = below(1000);
		word(op, chance(70) ? "any" : chance(50) ? "create" : "replace");
		break;
	case OP_GETXATTR:
	case OP_REMOVEXATTR:
		xattr_name(op->text[1]);
		break;
	case OP_UTIMENS:
		op->number[0] = 1000000000 + below(1000000);
		op->number[1] = below(1000000000);
		break;
	case OP_TRUNCATE:
		path_of(op->text[0], MODEL_OTHER);
		op->number[0] = steered(op->code, "size", size());
		break;
	case OP_MKDIR:
		path_new(op->text[0]);
		op->number[0] = chance(80) ? 0755 : 0700;
		model_make(op->text[0], MODEL_DIR);
		break;
	case OP_UNLINK:
		path_of(op->text[0], MODEL_OTHER);
		model_remove(op->text[0], MODEL_OTHER);
		break;
	case OP_READDIR:
		path_of(op->text[0], MODEL_DIR);
		break;
	case OP_RMDIR:
		path_of(op->text[0], MODEL_DIR);
		model_remove(op->text[0], MODEL_DIR);
		break;
	default:
		break;
	}
}

static void fill_rename(struct op *op, unsigned int lacking)
{
	int types = chance(35) ? MODEL_DIR : MODEL_OTHER;

	path_of(op->text[0], types);
	word(op, "plain");
	if (chance(20) && !(lacking & WITHOUT_EXCHANGE)) {
		word(op, "exchange");
		path_of(op->text[1], chance(50) ? MODEL_DIR : MODEL_OTHER);
		model_move(op->text[0], op->text[1], true);
		return;
	}
	if (chance(15) && !(lacking & WITHOUT_NOREPLACE))
		word(op, "noreplace");
	if (chance(30))
		path_of(op->text[1], types);
	else
		path_new(op->text[1]);
	model_move(op->text[0], op->text[1], false);
}

static void fill_symlink(struct op *op)
{
	path(op->text[0]);
	if (chance(20)) {
		size_t len = 40 + below(200);

		if ((long long)len > furthest)
			len = furthest;

		memset(op->text[0], 't', len);
		op->text[0][len] = '\0';
	}
	path_new(op->text[1]);
	model_make(op->text[1], MODEL_OTHER);
}

static void fill(struct op *op, unsigned int lacking)
{
	switch (op->code) {
	case OP_OPEN:
		open_flags(op);
		if (strchr(op->word, 'c') && chance(50))
			path_new(op->text[0]);
		else
			path_of(op->text[0], MODEL_OTHER);
		op->number[0] = below(SLOTS);
		op->number[1] = chance(90) ? 0644 : 0600;
		opened[op->number[0]] = true;
		if (strchr(op->word, 'c') && !strchr(op->word, 'd'))
			model_make(op->text[0], MODEL_OTHER);
		break;
	case OP_RENAME:
		fill_rename(op, lacking);
		break;
	case OP_LINK:
		path_of(op->text[0], MODEL_OTHER);
		path_new(op->text[1]);
		model_make(op->text[1], MODEL_OTHER);
		break;
	case OP_SYMLINK:
		fill_symlink(op);
		break;
	case OP_ALLOCATE:
		op->number[0] = slot();
		op->number[1] = steered(op->code, "offset", below(70000));
		op->number[2] = steered(op->code, "size", length());
		word(op, "plain");
		if (chance(30) && !(lacking & WITHOUT_KEEP))
			word(op, "keep");
		else if (chance(50) && !(lacking & WITHOUT_PUNCH))
			word(op, "punch");
		else if (chance(30) && !(lacking & WITHOUT_ZERO))
			word(op, "zero");
		break;
	default:
		if (op_kinds[op->code].args[0] == 's')
			numbers(op);
		else if (op_kinds[op->code].args[0] == 'p')
			path(op->text[0]);
		fill_arguments(op);
	}
}

static bool possible(enum opcode code, unsigned int lacking)
{
	if (code == OP_ALLOCATE)
		return !(lacking & WITHOUT_ALLOCATE);
	if (code == OP_SETXATTR || code == OP_GETXATTR || code == OP_REMOVEXATTR || code == OP_LISTXATTR)
		return !(lacking & WITHOUT_XATTR);
	return true;
}

void generate(struct program *program, uint64_t seed, size_t count, unsigned int lacking)
{
	unsigned int total = 0;

	longest = profile_half("name_max", 255);
	furthest = profile_half("symlink_max", 4095);
	largest = profile_half("file_sparse", profile_half("file_size", LLONG_MAX));
	if (largest < 1)
		largest = 1;
	state = mix64(seed + 1);
	model_clear();
	memset(opened, 0, sizeof(opened));
	for (int code = 0; code < OPS; code++)
		total += weights[code];
	while (program->count < count) {
		unsigned int pick = below(total);
		int code = 0;

		while (pick >= weights[code])
			pick -= weights[code++];
		if (possible(code, lacking))
			fill(program_add(program, code), lacking);
	}
}
