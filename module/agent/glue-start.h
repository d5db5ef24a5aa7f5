#ifndef GLUE_START_H
#define GLUE_START_H

/* What the agent does while it is still root, in this order: settings, keys,
   its folder, then root no more. Whatever is wrong ends the process with one
   line in Dovecot's log. */

#include "ring-record.h"
#include "settings.h"

/* Takes "--config FILE" or "--config=FILE" out of the arguments, which
   Dovecot's getopt() does not know; returns FILE or the default. Called before
   there is a log: what it complains of goes to stderr. */
const char *glue_start_config_path(int *argc, char *argv[]);

struct glue_keys {
	uint8_t ring_public[RING_PUBLIC_KEY_BYTES];
	char *store_password;	/* sodium_malloc(); NULL = none */
};
struct node_settings *glue_start_settings(const char *path);
void glue_start_keys(const struct node_settings *settings,
		     struct glue_keys *keys_r);
void glue_keys_free(struct glue_keys *keys);

/* Makes state_dir if it is missing, for the user whom the service block names,
   or AGENT_USER; then becomes that user. Nobody may look into the process
   from here on. */
void glue_start_drop_privileges(const struct node_settings *settings);

#endif
