#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

/* dovering.conf: `name = value`, `#` comments. A table in settings.c has each
   name with its kind, default and check; docs/dovering.conf.5 says what they
   mean. Unknown names, values of the wrong kind and names given twice are
   errors that name file and line. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring-error.h"

enum node_store_failure {
	NODE_STORE_FAILURE_ROUTE,
	NODE_STORE_FAILURE_REFUSE,
	NODE_STORE_FAILURE_FAILSAFE
};

/* What is hashed, leased and moved. */
enum node_user_key {
	NODE_USER_KEY_USER,	/* %Lu */
	NODE_USER_KEY_NAME,	/* %Ln: without the domain */
	NODE_USER_KEY_DOMAIN	/* %Ld: a domain together */
};

struct node_settings {
	char *cluster;
	char *node;	/* "" = not a node: an admin's machine */
	char *host;	/* "" = not a backend */
	char *store, *store_user, *store_password_file;
	char *store_ca_file, *store_cert_file, *store_key_file;
	char *ring_public_key_file, *ring_secret_key_file;
	char *node_secret_key_file, *state_dir;
	unsigned int user_expire_secs, kick_delay_msecs, hold_timeout_msecs;
	enum node_store_failure on_store_failure;
	enum node_user_key user_key;
	unsigned int health_interval_msecs;
	unsigned int health_fail_count, health_pass_count;
	unsigned int health_max_down_percent;
	char *health_user, *health_password_file;
	char *director;
	unsigned int ticket_lifetime_secs;
	char *agent_listen;
	uint64_t ring_min_epoch;
	char *flush_command, *ticket_networks;
};

#define NODE_SETTINGS_DEFAULT_FILE "/etc/dovering/dovering.conf"

/* Read a file. Returns 0 and settings that the caller frees, or -1 with the
   error, which begins with "FILE:LINE: ". */
int node_settings_read(const char *path, struct node_settings **settings_r,
		       struct ring_error *error)
	__attribute__((warn_unused_result));
/* The same from memory; path is for messages only. */
int node_settings_parse(const char *path, const char *text, size_t size,
			struct node_settings **settings_r,
			struct ring_error *error)
	__attribute__((warn_unused_result));
void node_settings_free(struct node_settings **settings);

/* A user's key: normalised by user_key into buf, which has room for size + 1
   bytes; returns the key's length. Bytes that are no ASCII letters stay as
   they are. %Ld of a name without a domain is the name. */
size_t node_user_key(enum node_user_key kind, const char *user, size_t size,
		     char *buf);

#endif
