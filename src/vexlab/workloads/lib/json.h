/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_JSON_H
#define VEXLAB_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line of JSON that grows. Bytes of 0x80 and more are written as code points U+0080..U+00FF, so names stay bytes. */
struct json {
	char *text;
	size_t len;
	size_t room;
	bool comma;
};

void json_open(struct json *json);
void json_close(struct json *json);
void json_str(struct json *json, const char *key, const char *value);
void json_bytes(struct json *json, const char *key, const void *value, size_t len);
void json_int(struct json *json, const char *key, long long value);
void json_hex(struct json *json, const char *key, uint64_t value);
void json_ms(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);
void json_begin(struct json *json, const char *key, char bracket);
void json_end(struct json *json, char bracket);
/* Writes the line to stdout at once, in one write, and forgets it. */
void json_print(struct json *json);
/* As json_print, but leaves it in stdio's buffer. */
void json_put(struct json *json);

/* The raw text of a member of a one-line object, or NULL; its length in *len. */
const char *json_member(const char *line, const char *key, size_t *len);
/* A string member as bytes, malloc'ed, NUL-terminated; NULL where there is none. */
char *json_member_str(const char *line, const char *key);

#endif
