#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tool-output.h"
#include "tool.h"

struct tool_table {
	unsigned int columns;
	char **cells;		/* row by row; the headings are the first */
	size_t count, room;
};

/* Length of the UTF-8 sequence at p, 0 if there is none that a terminal should
   see. Stricter than a terminal needs: JSON is made of it too. */
static size_t utf8_length(const unsigned char *p, size_t size)
{
	static const struct {
		unsigned char first, last, second_min, second_max, length;
	} forms[] = {
		{0xc2, 0xc2, 0xa0, 0xbf, 2},	/* below are C1 controls */
		{0xc3, 0xdf, 0x80, 0xbf, 2},	{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},	{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},	{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},	{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	size_t i, n;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (forms[i].length > size || p[1] < forms[i].second_min ||
		    p[1] > forms[i].second_max)
			return 0;
		for (n = 2; n < forms[i].length; n++) {
			if ((p[n] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

char *tool_escape(const void *bytes, size_t size)
{
	const unsigned char *in = bytes, *end = in + size;
	char *text = mem_calloc(1, size * 4 + 1), *out = text;

	while (in < end) {
		size_t length = 1;

		if (*in < 0x20 || *in >= 0x7f)
			length = utf8_length(in, (size_t)(end - in));
		if (length == 0) {
			out += sprintf(out, "\\x%02x", *in++);
			continue;
		}
		memcpy(out, in, length);
		out += length;
		in += length;
	}
	*out = '\0';
	return text;
}

static void table_append(struct tool_table *table, char *cell)
{
	if (table->count == table->room) {
		table->room = table->room * 2 + 64;
		table->cells = mem_resize(table->cells, table->room,
					  sizeof(*table->cells));
	}
	table->cells[table->count++] = cell;
}

struct tool_table *tool_table_new(const char *const *headings)
{
	struct tool_table *table = mem_calloc(1, sizeof(*table));

	for (; *headings != NULL; headings++) {
		table_append(table, mem_strdup(*headings));
		table->columns++;
	}
	return table;
}

void tool_table_add(struct tool_table *table, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	table_append(table, tool_escape(text, strlen(text)));
	free(text);
}

/* How many columns of a terminal a text takes, near enough. */
static size_t width(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++) {
		if ((*text & 0xc0) != 0x80)
			count++;
	}
	return count;
}

static size_t column_width(const struct tool_table *table, size_t column)
{
	size_t i, most = 0;

	for (i = column; i < table->count; i += table->columns) {
		if (width(table->cells[i]) > most)
			most = width(table->cells[i]);
	}
	return most;
}

void tool_table_end(struct tool_table **_table)
{
	struct tool_table *table = *_table;
	size_t *widths = mem_calloc(1, table->columns * sizeof(*widths));
	size_t i, column, pad = 0;

	*_table = NULL;
	for (column = 0; column < table->columns; column++)
		widths[column] = column_width(table, column);
	for (i = 0; i < table->count; i++) {
		column = i % table->columns;
		/* an empty cell would look like a shift of the row */
		const char *cell = table->cells[i][0] == '\0' ? "-" :
								table->cells[i];
		printf("%*s%s", (int)pad, "", cell);
		pad = widths[column] + 2 - width(cell);
		if (column + 1 == table->columns) {
			putchar('\n');
			pad = 0;
		}
		free(table->cells[i]);
	}
	free(widths);
	free(table->cells);
	free(table);
}

static json_t *checked(json_t *json)
{
	if (json == NULL)
		abort();
	return json;
}

json_t *tool_json_text(const void *bytes, size_t size)
{
	json_t *json = json_stringn(bytes, size);
	char *text;

	if (json != NULL)
		return json;
	text = tool_escape(bytes, size);
	json = checked(json_string(text));
	free(text);
	return json;
}

json_t *tool_json_number(uint64_t number)
{
	return checked(json_integer((json_int_t)number));
}

void tool_json_end(json_t **json)
{
	if (json_dumpf(*json, stdout, JSON_COMPACT) == 0)
		putchar('\n');
	json_decref(*json);
	*json = NULL;
}

static json_t *json_base64(const uint8_t *bytes, size_t size)
{
	char text[sodium_base64_ENCODED_LEN(RING_PUBLIC_KEY_BYTES,
					    sodium_base64_VARIANT_ORIGINAL)];

	return checked(json_string(sodium_bin2base64(
		text, sizeof(text), bytes, size,
		sodium_base64_VARIANT_ORIGINAL)));
}

json_t *tool_json_host(const struct ring_host *host)
{
	json_t *ports = checked(json_object());
	enum ring_protocol i;

	for (i = 0; i < RING_PROTOCOL_COUNT; i++) {
		(void)json_object_set_new(ports, ring_protocol_name(i),
			tool_json_number(ring_host_port(host, i)));
	}
	return checked(json_pack(
		"{ss ss ss sI ss ss so}", "name", host->name, "address",
		host->address, "state", ring_host_state_name(host->state),
		"weight", (json_int_t)host->weight, "tag", host->tag, "node",
		host->node, "ports", ports));
}

json_t *tool_json_node(const struct ring_node *node)
{
	json_t *keys = checked(json_array());
	unsigned int i;

	for (i = 0; i < node->key_count; i++) {
		(void)json_array_append_new(keys, json_base64(node->keys[i],
			RING_PUBLIC_KEY_BYTES));
	}
	return checked(json_pack("{ss ss sI ss so}", "name", node->name,
				 "address", node->address, "port",
				 (json_int_t)node->port, "role",
				 ring_role_name(node->role), "keys", keys));
}

char *tool_host_ports(const struct ring_host *host)
{
	char *text = tool_printf("%u", ring_host_port(host,
						      RING_PROTOCOL_IMAP));
	enum ring_protocol i;

	for (i = 0; i < RING_PROTOCOL_COUNT; i++) {
		char *longer;

		if (i == RING_PROTOCOL_IMAP || host->ports[i] == 0)
			continue;
		longer = tool_printf("%s %s=%u", text, ring_protocol_name(i),
				     host->ports[i]);
		free(text);
		text = longer;
	}
	return text;
}

char *tool_node_address(const struct ring_node *node)
{
	bool v6 = strchr(node->address, ':') != NULL;

	return tool_printf("%s%s%s:%u", v6 ? "[" : "", node->address,
			   v6 ? "]" : "", node->port);
}
