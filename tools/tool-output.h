#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

/* What commands print: tables for people, JSON for programs. */

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "ring-record.h"

/* Columns as wide as their widest cell, one space-padded line a row. */
struct tool_table;

/* Headings end with NULL. */
struct tool_table *tool_table_new(const char *const *headings);
/* Cells from left to right; a row is complete when each heading has one. Bytes
   that could move a terminal's cursor are escaped. */
void tool_table_add(struct tool_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Print and free. */
void tool_table_end(struct tool_table **table);

/* Any bytes as printable text: control bytes and what is no UTF-8 as \xNN. The
   caller frees. */
char *tool_escape(const void *bytes, size_t size);

/* Any bytes as a JSON string; what is no UTF-8 is escaped as tool_escape()
   does. */
json_t *tool_json_text(const void *bytes, size_t size);
json_t *tool_json_number(uint64_t number);
/* Print a value and a newline, and free it. */
void tool_json_end(json_t **json);

/* Parts of a record that several commands show. */
json_t *tool_json_host(const struct ring_host *host);
json_t *tool_json_node(const struct ring_node *node);
/* "143", or "143 pop3=1110"; the caller frees. */
char *tool_host_ports(const struct ring_host *host);
/* ADDRESS:PORT or [ADDRESS]:PORT; the caller frees. */
char *tool_node_address(const struct ring_node *node);

#endif
