// SPDX-License-Identifier: GPL-2.0
/*
 * JSON output.
 */

#include <string.h>

#include "json.h"

static void put_escaped(FILE *out, const uint8_t *s, size_t len);

static void before_value(struct json *js, const char *name)
{
	if (js->more)
		fputs(", ", js->out);
	js->more = true;
	if (name) {
		put_escaped(js->out, (const uint8_t *)name, strlen(name));
		fputs(": ", js->out);
	}
}

/* Length of the UTF-8 sequence at s, 0 if it is none. */
static size_t utf8_len(const uint8_t *s, size_t len)
{
	static const struct {
		uint8_t		mask, lead, len;
		uint32_t	least;
	} forms[] = {
		{ 0xe0, 0xc0, 2, 0x80 },
		{ 0xf0, 0xe0, 3, 0x800 },
		{ 0xf8, 0xf0, 4, 0x10000 },
	};
	uint32_t code;
	size_t i, k;

	for (i = 0; i < 3; i++) {
		if ((s[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (forms[i].len > len)
			return 0;
		code = s[0] & ~forms[i].mask;
		for (k = 1; k < forms[i].len; k++) {
			if ((s[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[k] & 0x3f);
		}
		if (code < forms[i].least || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff))
			return 0;
		return forms[i].len;
	}
	return 0;
}

static void put_escaped(FILE *out, const uint8_t *s, size_t len)
{
	size_t i, n;

	fputc('"', out);
	for (i = 0; i < len; i += n) {
		n = 1;
		if (s[i] == '"' || s[i] == '\\') {
			fprintf(out, "\\%c", s[i]);
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			fprintf(out, "\\u%04x", s[i]);
		} else if (s[i] < 0x80) {
			fputc(s[i], out);
		} else {
			n = utf8_len(s + i, len - i);
			if (n) {
				fwrite(s + i, 1, n, out);
			} else {
				fprintf(out, "\\udc%02x", s[i]);
				n = 1;
			}
		}
	}
	fputc('"', out);
}

static void begin(struct json *js, const char *name, char bracket)
{
	before_value(js, name);
	fputc(bracket, js->out);
	js->more = false;
}

static void end(struct json *js, char bracket)
{
	fputc(bracket, js->out);
	js->more = true;
}

void json_begin_object(struct json *js, const char *name)
{
	begin(js, name, '{');
}

void json_end_object(struct json *js)
{
	end(js, '}');
}

void json_begin_array(struct json *js, const char *name)
{
	begin(js, name, '[');
}

void json_end_array(struct json *js)
{
	end(js, ']');
}

void json_bytes(struct json *js, const char *name, const void *value,
		size_t len)
{
	before_value(js, name);
	put_escaped(js->out, value, len);
}

void json_string(struct json *js, const char *name, const char *value)
{
	json_bytes(js, name, value, strlen(value));
}

void json_hex(struct json *js, const char *name, const void *value, size_t len)
{
	const uint8_t *p = value;

	before_value(js, name);
	fputc('"', js->out);
	while (len--)
		fprintf(js->out, "%02x", *p++);
	fputc('"', js->out);
}

void json_unsigned(struct json *js, const char *name, uint64_t value)
{
	before_value(js, name);
	fprintf(js->out, "%llu", (unsigned long long)value);
}

void json_signed(struct json *js, const char *name, int64_t value)
{
	before_value(js, name);
	fprintf(js->out, "%lld", (long long)value);
}

static void put_number(struct json *js, const char *name, double value,
		       int digits)
{
	before_value(js, name);
	/* Infinity and NaN are no JSON. */
	if (value - value == 0)
		fprintf(js->out, "%.*g", digits, value);
	else
		fputs("null", js->out);
}

void json_double(struct json *js, const char *name, double value)
{
	put_number(js, name, value, 17);
}

void json_float(struct json *js, const char *name, float value)
{
	put_number(js, name, value, 9);
}

void json_bool(struct json *js, const char *name, bool value)
{
	before_value(js, name);
	fputs(value ? "true" : "false", js->out);
}

void json_null(struct json *js, const char *name)
{
	before_value(js, name);
	fputs("null", js->out);
}
