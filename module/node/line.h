#ifndef NODE_LINE_H
#define NODE_LINE_H

/* The agent's line protocol: the form of a line. docs/agent-protocol.md has
   the verbs.

   A line is fields separated by TAB and ended by LF. A field's bytes NUL,
   \001, TAB, CR and LF are escaped as Dovecot's str_tabescape() does:
   \001 followed by 0, 1, t, r, n. Every other byte stands for itself. */

#include <stdbool.h>
#include <stddef.h>

#include "ring-error.h"

#define NODE_LINE_MAX_BYTES 8192
#define NODE_LINE_FIELDS_MAX 32
#define NODE_PROTOCOL_NAME "dovering-agent"
#define NODE_PROTOCOL_MAJOR 1
#define NODE_PROTOCOL_MINOR 0

/* One field; value may hold any bytes, NUL included, and has a NUL behind. */
struct node_field {
	char *value;
	size_t size;
};

struct node_line {
	struct node_field fields[NODE_LINE_FIELDS_MAX];
	unsigned int count;
};

/* Split a line, given without its LF, in place: fields point into buf, which
   must have one byte more than size. Returns 0, or -1 with the error: a broken
   escape, a control byte that should have been escaped, too many fields. */
int node_line_parse(char *buf, size_t size, struct node_line *line,
		    struct ring_error *error)
	__attribute__((warn_unused_result));

/* The value behind "name=" in the fields from `first` on, NULL if there is
   none; *size_r may be NULL. */
const char *node_line_get(const struct node_line *line, unsigned int first,
			  const char *name, size_t *size_r);

/* Write a line step by step; after an overflow nothing more is written and
   end() says so. */
struct node_line_writer {
	char buf[NODE_LINE_MAX_BYTES];
	size_t size;
	bool overflow;
};
void node_line_begin(struct node_line_writer *writer, const char *verb);
void node_line_add(struct node_line_writer *writer, const void *value,
		   size_t size);
void node_line_add_str(struct node_line_writer *writer, const char *value);
/* name=value */
void node_line_add_pair(struct node_line_writer *writer, const char *name,
			const void *value, size_t size);
/* Adds the LF. Returns false if the line was too long. */
bool node_line_end(struct node_line_writer *writer);

#endif
