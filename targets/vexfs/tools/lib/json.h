/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes JSON. name is NULL for the elements of an array. Bytes that are not
 * UTF-8 are written as the lone surrogates Python's surrogateescape knows.
 */
#ifndef VEXFS_JSON_H
#define VEXFS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE	*out;
	bool	more;		/* a comma comes before the next value */
};

void json_begin_object(struct json *js, const char *name);
void json_end_object(struct json *js);
void json_begin_array(struct json *js, const char *name);
void json_end_array(struct json *js);
void json_string(struct json *js, const char *name, const char *value);
void json_bytes(struct json *js, const char *name, const void *value,
		size_t len);
void json_hex(struct json *js, const char *name, const void *value, size_t len);
void json_unsigned(struct json *js, const char *name, uint64_t value);
void json_signed(struct json *js, const char *name, int64_t value);
/* null if it is not finite. */
void json_double(struct json *js, const char *name, double value);
/* Nine digits: they give the same binary32 again. */
void json_float(struct json *js, const char *name, float value);
void json_bool(struct json *js, const char *name, bool value);
void json_null(struct json *js, const char *name);

#endif
