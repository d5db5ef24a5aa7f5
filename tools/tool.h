#ifndef TOOL_H
#define TOOL_H

/* dovering, the admin tool: what its commands share.

   Each command is a row of a table in its own cmd-*.c file; dovering.c finds
   it, checks the arguments against the row and runs it. Store operations are
   asynchronous below; here each one runs the loop until it has its answer, so
   a command reads from top to bottom.

   Everything that is for a program goes to stdout, everything that is said to
   a person on the way to stderr, a line each. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "loop.h"
#include "redis-client.h"
#include "ring-record.h"
#include "ring.h"
#include "settings.h"
#include "store.h"

/* The tool's exit statuses; scripts depend on them. */
enum tool_status {
	TOOL_DONE = 0,
	TOOL_NO = 1,		/* not found, not healthy, would break */
	TOOL_USAGE = 64,
	TOOL_UNREACHABLE = 69,	/* the store can't be used */
	TOOL_TRY_AGAIN = 75,
	TOOL_CONFIG = 78
};

struct tool {
	const char *config;
	bool json;
	/* From tool_settings_read() on. */
	struct node_settings *settings;
	/* From tool_ready() on. */
	bool has_ring_public_key;
	uint8_t ring_public_key[RING_PUBLIC_KEY_BYTES];

	/* From the first tool_store_open() on. */
	struct loop *loop;
	struct redis_client *client;
	struct store *store;
	char *password;
	/* What the store's last failure was, for those who go on without it. */
	char store_error[RING_ERROR_MAX_BYTES];
};

struct tool_option {
	const char *name;	/* without the dashes; NULL ends a table */
	const char *value;	/* its name in the help; NULL: a flag */
	bool repeats, required;
};

struct tool_option_given {
	const char *name, *value;
};

struct tool_args {
	const struct tool_command *command;
	char *const *words;
	int count;
	const struct tool_option_given *options;
	unsigned int option_count;
};

struct tool_command {
	const char *name;	/* "host add"; NULL ends a table */
	const char *words;	/* of the usage: "NAME ADDRESS[:PORT]" */
	int words_min, words_max;
	const struct tool_option *options;	/* NULL: none */
	const char *help;			/* a line, without a dot */
	/* Checks the arguments' values, and only then reads any file. */
	enum tool_status (*run)(struct tool *tool,
				const struct tool_args *args);
};

extern const struct tool_command tool_cmd_init[];
extern const struct tool_command tool_cmd_node[];
extern const struct tool_command tool_cmd_node_key[];
extern const struct tool_command tool_cmd_host_add[];
extern const struct tool_command tool_cmd_host[];
extern const struct tool_command tool_cmd_status[];
extern const struct tool_command tool_cmd_user_show[];
extern const struct tool_command tool_cmd_ring[];

/* Say it on stderr, as one line with control bytes escaped. */
void tool_say(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* The same, and return the status. */
enum tool_status tool_fail(enum tool_status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* TOOL_USAGE, with the command's usage below the line. */
enum tool_status tool_usage(const struct tool_args *args,
			    const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Read the settings; the same, and ring.pub too. Nothing happens when they are
   there already. TOOL_CONFIG after saying why not. */
enum tool_status tool_settings_read(struct tool *tool);
enum tool_status tool_ready(struct tool *tool);

/* The value of an option, NULL if it was not given ("" for a flag). */
const char *tool_option(const struct tool_args *args, const char *name);
/* A decimal number in min..max; false if it is none. */
bool tool_parse_number(const char *text, uint64_t min, uint64_t max,
		       uint64_t *number_r);
/* ADDRESS, ADDRESS:PORT, [ADDRESS] or [ADDRESS]:PORT; numeric. address gets
   the canonical form. *port_r = 0 if there is none. */
bool tool_parse_address(const char *text, char *address, uint16_t *port_r);

/* asprintf(); memory that runs out ends the process. */
char *tool_printf(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
