// SPDX-License-Identifier: GPL-2.0
/*
 * Vectors from files: .fvecs (a length and its binary32 values, again and
 * again), .npy (NumPy, two dimensions, binary32 or binary64) and text (a
 * vector a line, metadata after a bar, # starts a comment).
 */

#define _GNU_SOURCE
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "text.h"

enum format { FVECS, NPY, TEXT };

struct input {
	FILE		*file;
	const char	*path;
	enum format	format;
	uint64_t	row_number;	/* from 1, for messages */
	float		row[VEXFS_MAX_DIM];
	uint32_t	dim;
	char		*line;
	size_t		line_room;
	const char	*meta;
	uint32_t	meta_len;
	uint64_t	npy_left;	/* rows */
	bool		npy_double;
};

static const char *const formats[] = {
	[FVECS] = "fvecs", [NPY] = "npy", [TEXT] = "text",
};

static bool is_finite(float value)
{
	return value - value == 0;
}

int parse_vector(const char *text, float *row, uint32_t room)
{
	uint32_t n = 0;
	char *end;

	for (;;) {
		while (isspace((unsigned char)*text) || *text == ',' ||
		       *text == '[' || *text == ']')
			text++;
		if (!*text)
			return n;
		if (n == room)
			return -1;
		row[n] = strtof(text, &end);
		if (end == text || !is_finite(row[n]))
			return -1;
		n++;
		text = end;
		if (*text && !isspace((unsigned char)*text) && *text != ',' &&
		    *text != ']')
			return -1;
	}
}

static int damaged(const struct input *in, const char *what)
{
	complain("%s, vector %llu: %s", in->path,
		 (unsigned long long)in->row_number, what);
	return -1;
}

static enum format guess_format(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot && !strcmp(dot, ".fvecs"))
		return FVECS;
	return dot && !strcmp(dot, ".npy") ? NPY : TEXT;
}

static bool parse_format(const char *name, enum format *format)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(name, formats[i])) {
			*format = i;
			return true;
		}
	complain_usage("'%s' is no format; there are fvecs, npy and text",
		       name);
	return false;
}

/* "'shape': (100, 128)" or "(128,)": rows and columns. */
static bool npy_shape(struct input *in, const char *header)
{
	unsigned long long a, b;
	const char *at = strstr(header, "'shape':");
	int n;

	if (!at)
		return false;
	n = sscanf(at, "'shape': (%llu, %llu", &a, &b);
	if (n < 1)
		return false;
	in->npy_left = n == 2 ? a : 1;
	if ((n == 2 ? b : a) > VEXFS_MAX_DIM)
		return false;
	in->dim = n == 2 ? b : a;
	return in->dim > 0;
}

static bool npy_header(struct input *in)
{
	static const char magic[] = "\x93NUMPY";
	uint8_t head[12];
	char *header;
	uint32_t len;
	bool good;

	if (fread(head, 1, 10, in->file) != 10 || memcmp(head, magic, 6)) {
		complain("%s: no NumPy file", in->path);
		return false;
	}
	len = head[8] | head[9] << 8;
	if (head[6] >= 2) {
		/* Version 2 has a length of four bytes. */
		if (fread(head + 10, 1, 2, in->file) != 2)
			len = UINT32_MAX;
		else
			len |= (uint32_t)head[10] << 16 |
			       (uint32_t)head[11] << 24;
	}
	if (len > 65536) {
		complain("%s: its header is too long", in->path);
		return false;
	}
	header = calloc(1, len + 1);
	good = header && fread(header, 1, len, in->file) == len;
	if (good && strstr(header, "'<f8'"))
		in->npy_double = true;
	else if (good)
		good = strstr(header, "'<f4'");
	if (good)
		good = strstr(header, "'fortran_order': False") &&
		       npy_shape(in, header);
	free(header);
	if (!good)
		complain("%s: not an array of rows of up to %u binary32 or "
			 "binary64 numbers", in->path, VEXFS_MAX_DIM);
	return good;
}

struct input *input_open(const char *path, const char *format)
{
	struct input *in = calloc(1, sizeof(*in));

	if (!in) {
		complain("%s", strerror(ENOMEM));
		return NULL;
	}
	in->path = path;
	in->format = guess_format(path);
	if (format && !parse_format(format, &in->format))
		goto fail;
	in->file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!in->file) {
		complain("%s: %s", path, strerror(errno));
		goto fail;
	}
	if (in->format == NPY && !npy_header(in))
		goto fail;
	return in;
fail:
	input_close(in);
	return NULL;
}

void input_close(struct input *in)
{
	if (in->file && in->file != stdin)
		fclose(in->file);
	free(in->line);
	free(in);
}

static int check_row(struct input *in)
{
	uint32_t i;

	for (i = 0; i < in->dim; i++)
		if (!is_finite(in->row[i]))
			return damaged(in, "a component is not finite");
	return 1;
}

/* Little-endian binary32, in place. */
static void to_host(float *row, uint32_t dim)
{
	uint32_t i, bits;

	for (i = 0; i < dim; i++) {
		memcpy(&bits, &row[i], sizeof(bits));
		bits = le32toh(bits);
		memcpy(&row[i], &bits, sizeof(bits));
	}
}

static int next_fvecs(struct input *in)
{
	uint32_t dim;
	size_t n;

	n = fread(&dim, 1, sizeof(dim), in->file);
	if (!n && feof(in->file))
		return 0;
	dim = le32toh(dim);
	if (n != sizeof(dim))
		return damaged(in, "cut off");
	if (!dim || dim > VEXFS_MAX_DIM)
		return damaged(in, "its length is out of range");
	if (fread(in->row, sizeof(float), dim, in->file) != dim)
		return damaged(in, "cut off");
	in->dim = dim;
	to_host(in->row, dim);
	return check_row(in);
}

static int next_npy(struct input *in)
{
	double value;
	uint64_t bits;
	uint32_t i;

	if (!in->npy_left)
		return 0;
	in->npy_left--;
	if (!in->npy_double) {
		if (fread(in->row, sizeof(float), in->dim, in->file) !=
		    in->dim)
			return damaged(in, "cut off");
		to_host(in->row, in->dim);
		return check_row(in);
	}
	for (i = 0; i < in->dim; i++) {
		if (fread(&bits, sizeof(bits), 1, in->file) != 1)
			return damaged(in, "cut off");
		bits = le64toh(bits);
		memcpy(&value, &bits, sizeof(value));
		/* Beyond binary32 the conversion would be undefined. */
		if (!(value >= -3.4028234663852886e38 &&
		      value <= 3.4028234663852886e38))
			return damaged(in, "a component is not finite");
		in->row[i] = value;
	}
	return 1;
}

static int next_text(struct input *in)
{
	ssize_t len;
	char *bar;
	int n;

	do {
		len = getline(&in->line, &in->line_room, in->file);
		if (len < 0)
			return ferror(in->file) ? damaged(in, "read error") : 0;
		if ((size_t)len != strlen(in->line))
			return damaged(in, "a NUL in a text file");
		in->line[strcspn(in->line, "\r\n")] = '\0';
		bar = in->line + strspn(in->line, " \t");
	} while (!*bar || *bar == '#');
	bar = strchr(in->line, '|');
	in->meta = NULL;
	in->meta_len = 0;
	if (bar) {
		*bar++ = '\0';
		in->meta = bar + (*bar == ' ');
		in->meta_len = strlen(in->meta);
	}
	n = parse_vector(in->line, in->row, VEXFS_MAX_DIM);
	if (n <= 0)
		return damaged(in, "not a list of numbers");
	if (in->meta_len > VEXFS_MAX_META)
		return damaged(in, "its metadata are too long");
	in->dim = n;
	return 1;
}

int input_next(struct input *in)
{
	in->row_number++;
	switch (in->format) {
	case FVECS:
		return next_fvecs(in);
	case NPY:
		return next_npy(in);
	default:
		return next_text(in);
	}
}

const float *input_row(const struct input *in)
{
	return in->row;
}

uint32_t input_dim(const struct input *in)
{
	return in->dim;
}

const char *input_meta(const struct input *in, uint32_t *len)
{
	*len = in->meta_len;
	return in->meta;
}
