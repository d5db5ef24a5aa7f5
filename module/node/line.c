#include <string.h>

#include "line.h"

/* \001 and the letter behind it, for each byte that is escaped. */
static const struct {
	char byte, letter;
} escapes[] = {
	{'\0', '0'}, {'\001', '1'}, {'\t', 't'}, {'\r', 'r'}, {'\n', 'n'},
};
#define ESCAPES_COUNT (sizeof(escapes) / sizeof(escapes[0]))

static bool escape_letter(char byte, char *letter_r)
{
	size_t i;

	for (i = 0; i < ESCAPES_COUNT; i++) {
		if (escapes[i].byte == byte) {
			*letter_r = escapes[i].letter;
			return true;
		}
	}
	return false;
}

static bool escaped_byte(char letter, char *byte_r)
{
	size_t i;

	for (i = 0; i < ESCAPES_COUNT; i++) {
		if (escapes[i].letter == letter) {
			*byte_r = escapes[i].byte;
			return true;
		}
	}
	return false;
}

/* Unescape one field in place; NULL if all is well, else what is wrong. */
static const char *field_unescape(struct node_field *field)
{
	size_t in, out = 0;
	char unused;

	for (in = 0; in < field->size; in++) {
		char byte = field->value[in];

		if (byte == '\001') {
			if (in + 1 == field->size ||
			    !escaped_byte(field->value[++in], &byte))
				return "\\001 with none of 0, 1, t, r, n "
					"behind it";
		} else if (escape_letter(byte, &unused)) {
			return "a NUL, CR or LF that is not escaped";
		}
		field->value[out++] = byte;
	}
	field->value[out] = '\0';
	field->size = out;
	return NULL;
}

int node_line_parse(char *buf, size_t size, struct node_line *line,
		    struct ring_error *error)
{
	char *end = buf + size, *p = buf, *tab;
	const char *fault;

	line->count = 0;
	for (;;) {
		struct node_field *field = &line->fields[line->count];

		if (line->count == NODE_LINE_FIELDS_MAX) {
			ring_error_set(error, 0, "more than %d fields",
				       NODE_LINE_FIELDS_MAX);
			return -1;
		}
		tab = memchr(p, '\t', (size_t)(end - p));
		field->value = p;
		field->size = (size_t)((tab == NULL ? end : tab) - p);
		line->count++;
		fault = field_unescape(field);
		if (fault != NULL) {
			ring_error_set(error, 0, "field %u has %s",
				       line->count, fault);
			return -1;
		}
		if (tab == NULL)
			return 0;
		p = tab + 1;
	}
}

const char *node_line_get(const struct node_line *line, unsigned int first,
			  const char *name, size_t *size_r)
{
	size_t length = strlen(name);
	unsigned int i;

	for (i = first; i < line->count; i++) {
		const struct node_field *field = &line->fields[i];

		if (field->size > length && field->value[length] == '=' &&
		    memcmp(field->value, name, length) == 0) {
			if (size_r != NULL)
				*size_r = field->size - length - 1;
			return field->value + length + 1;
		}
	}
	return NULL;
}

static void put(struct node_line_writer *writer, char byte)
{
	if (writer->size == sizeof(writer->buf))
		writer->overflow = true;
	if (!writer->overflow)
		writer->buf[writer->size++] = byte;
}

static void put_escaped(struct node_line_writer *writer, const char *value,
			size_t size)
{
	char letter;
	size_t i;

	for (i = 0; i < size && !writer->overflow; i++) {
		if (escape_letter(value[i], &letter)) {
			put(writer, '\001');
			put(writer, letter);
		} else {
			put(writer, value[i]);
		}
	}
}

void node_line_begin(struct node_line_writer *writer, const char *verb)
{
	writer->size = 0;
	writer->overflow = false;
	put_escaped(writer, verb, strlen(verb));
}

void node_line_add(struct node_line_writer *writer, const void *value,
		   size_t size)
{
	put(writer, '\t');
	put_escaped(writer, value, size);
}

void node_line_add_str(struct node_line_writer *writer, const char *value)
{
	node_line_add(writer, value, strlen(value));
}

void node_line_add_pair(struct node_line_writer *writer, const char *name,
			const void *value, size_t size)
{
	node_line_add(writer, name, strlen(name));
	put(writer, '=');
	put_escaped(writer, value, size);
}

bool node_line_end(struct node_line_writer *writer)
{
	put(writer, '\n');
	return !writer->overflow;
}
