// SPDX-License-Identifier: Apache-2.0
/* JSON lines, written and (flat objects only) read. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"

static void grow(struct json *json, size_t more)
{
	if (json->len + more < json->room)
		return;
	json->room = (json->len + more) * 2 + 256;
	json->text = realloc(json->text, json->room);
	if (!json->text)
		abort();
}

static void add(struct json *json, const char *text, size_t len)
{
	grow(json, len);
	memcpy(json->text + json->len, text, len);
	json->len += len;
}

__attribute__((format(printf, 2, 3))) static void addf(struct json *json, const char *format, ...)
{
	char text[64];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	add(json, text, len);
}

static void quote(struct json *json, const unsigned char *bytes, size_t len)
{
	add(json, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '"' || bytes[i] == '\\')
			addf(json, "\\%c", bytes[i]);
		else if (bytes[i] < 0x20 || bytes[i] >= 0x7f)
			addf(json, "\\u%04x", bytes[i]);
		else
			add(json, (const char *)bytes + i, 1);
	}
	add(json, "\"", 1);
}

static void name(struct json *json, const char *key)
{
	if (json->comma)
		add(json, ",", 1);
	json->comma = true;
	if (!key)
		return;
	quote(json, (const unsigned char *)key, strlen(key));
	add(json, ":", 1);
}

void json_open(struct json *json)
{
	json->len = 0;
	json->comma = false;
	add(json, "{", 1);
}

void json_close(struct json *json)
{
	add(json, "}", 1);
}

void json_bytes(struct json *json, const char *key, const void *value, size_t len)
{
	name(json, key);
	quote(json, value, len);
}

void json_str(struct json *json, const char *key, const char *value)
{
	json_bytes(json, key, value, strlen(value));
}

void json_int(struct json *json, const char *key, long long value)
{
	name(json, key);
	addf(json, "%lld", value);
}

void json_hex(struct json *json, const char *key, uint64_t value)
{
	name(json, key);
	addf(json, "\"%016llx\"", (unsigned long long)value);
}

void json_ms(struct json *json, const char *key, double value)
{
	name(json, key);
	addf(json, "%.1f", value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	name(json, key);
	addf(json, "%s", value ? "true" : "false");
}

void json_begin(struct json *json, const char *key, char bracket)
{
	name(json, key);
	add(json, &bracket, 1);
	json->comma = false;
}

void json_end(struct json *json, char bracket)
{
	add(json, &bracket, 1);
	json->comma = true;
}

void json_put(struct json *json)
{
	add(json, "\n", 1);
	fwrite(json->text, 1, json->len, stdout);
	json->len = 0;
}

void json_print(struct json *json)
{
	json_put(json);
	fflush(stdout);
}

static const char *skip_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

static const char *skip_value(const char *at)
{
	int depth = 0;

	while (*at && (depth || (*at != ',' && *at != '}' && *at != ']'))) {
		if (*at == '"') {
			at = skip_string(at);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		if (*at == '}' || *at == ']')
			depth--;
		at++;
	}
	return at;
}

const char *json_member(const char *line, const char *key, size_t *len)
{
	size_t wanted = strlen(key);
	const char *at = strchr(line, '{');

	while (at && *at && *at != '}') {
		const char *start = strchr(at, '"');
		const char *end, *value;

		if (!start)
			return NULL;
		end = skip_string(start);
		value = strchr(end, ':');
		if (!value)
			return NULL;
		value++;
		while (*value == ' ')
			value++;
		at = skip_value(value);
		if ((size_t)(end - start) == wanted + 2 && !memcmp(start + 1, key, wanted)) {
			*len = at - value;
			return value;
		}
	}
	return NULL;
}

char *json_member_str(const char *line, const char *key)
{
	size_t len, out = 0;
	const char *raw = json_member(line, key, &len);
	char *text;

	if (!raw || *raw != '"')
		return NULL;
	text = malloc(len);
	if (!text)
		abort();
	for (size_t i = 1; i + 1 < len; i++) {
		char digits[5] = "";

		if (raw[i] != '\\') {
			text[out++] = raw[i];
		} else if (raw[++i] == 'u') {
			memcpy(digits, raw + i + 1, 4);
			text[out++] = (char)strtoul(digits, NULL, 16);
			i += 4;
		} else {
			text[out++] = raw[i];
		}
	}
	text[out] = '\0';
	return text;
}
