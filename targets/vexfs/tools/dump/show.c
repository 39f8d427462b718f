// SPDX-License-Identifier: GPL-2.0
/*
 * How the views show a structure and its fields, as text and as JSON.
 */

#include <stdio.h>
#include <string.h>

#include "dump.h"

void print_text(const uint8_t *data, size_t len)
{
	for (; len && *data; len--, data++)
		putchar(*data < ' ' || *data == 0x7f ? '?' : *data);
}

static void show_field(struct view *v, const struct field *f,
		       const uint8_t *data)
{
	const uint8_t *p = data + f->offset;
	size_t i;

	if (v->json) {
		if (f->encoding == BYTES)
			json_hex(&v->js, f->name, p, f->size);
		else if (f->encoding == TEXT)
			json_bytes(&v->js, f->name, p,
				   strnlen((const char *)p, f->size));
		else
			json_unsigned(&v->js, f->name, field_number(f, data));
		return;
	}
	printf("%-20s ", f->name);
	if (f->encoding == TEXT)
		print_text(p, f->size);
	else if (f->encoding == BYTES && all_zero(p, f->size))
		printf("zero");
	else if (f->encoding == BYTES)
		for (i = 0; i < f->size; i++)
			printf("%02x", p[i]);
	else if (strstr(f->name, "csum") || strstr(f->name, "magic"))
		printf("0x%08llx", (unsigned long long)field_number(f, data));
	else
		printf("%llu", (unsigned long long)field_number(f, data));
	putchar('\n');
}

void show_struct(struct view *v, enum structure structure, const void *data)
{
	const struct field *f;

	for (f = structure_fields[structure]; f->name; f++)
		if (f->size)
			show_field(v, f, data);
}

void show_check(struct view *v, const char *what, bool good)
{
	if (v->json)
		json_bool(&v->js, what, good);
	else
		printf("%-20s %s\n", what, good ? "yes" : "NO");
}

void view_begin(struct view *v)
{
	if (v->json)
		json_begin_object(&v->js, NULL);
}

int view_end(struct view *v, int err)
{
	if (v->json) {
		json_end_object(&v->js);
		putchar('\n');
	}
	return err;
}
