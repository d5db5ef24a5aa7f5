#ifndef REDIS_CLIENT_H
#define REDIS_CLIENT_H

/* One Redis, reached asynchronously, wherever it has gone.

   hiredis encodes and decodes; socket, TLS, deadlines, reconnects and Sentinel
   are here. The client connects by itself, again and again with growing,
   jittered pauses, and re-resolves the master through Sentinel when the store
   is one. Commands are pipelined in the order in which they were given.

   Promise: each command's callback is called exactly once, never from within
   the call that gives the command, at the latest at its deadline or in
   redis_client_deinit(). A reply that comes after its deadline ends the
   connection's claim on it: it is never taken for another command's.

   Nothing is logged here: connection_callback tells what happened. */

#include <stddef.h>

#include "loop.h"
#include "ring-error.h"

struct redis_client;
struct redisReply;	/* who looks into it includes redis-hiredis.h */

enum redis_status {
	REDIS_OK,		/* reply holds the answer */
	/* Redis answered with an error; reply holds it. Nothing was done, but
	   for scripts that wrote before they failed. */
	REDIS_ERROR,
	/* Not sent, or refused by a master that is none: retry at will. */
	REDIS_UNAVAILABLE,
	/* Sent, and the reply was lost or late: it may have been done. Read
	   before you write again. */
	REDIS_UNCERTAIN
};

/* The reply belongs to the client and is gone when the callback returns. NULL
   unless the status is REDIS_OK or REDIS_ERROR. */
typedef void redis_callback_t(enum redis_status status,
			      const struct redisReply *reply, void *context);

/* Where the store is and how to get in. Strings belong to the caller and are
   copied, but for `password`, which is used in place: it must stay where it
   is (sodium_malloc) as long as the client lives. */
struct redis_settings {
	/* redis://HOST:PORT/DB  rediss://HOST:PORT/DB
	   redis+unix:///PATH?db=N
	   redis+sentinel://H:P,H:P,.../MASTERNAME  (rediss+sentinel://: TLS to
	   the master; and to the sentinels) */
	const char *url;
	const char *user;		/* NULL or "": the default user */
	const char *password;		/* NULL: no AUTH */
	const char *ca_file;		/* NULL: the system's */
	const char *cert_file, *key_file;	/* NULL: no client certificate */
	unsigned int connect_timeout_msecs;	/* 0: 2000 */
	unsigned int reconnect_max_msecs;	/* longest pause; 0: 2000 */
};

enum redis_event {
	REDIS_CONNECTED,	/* ready for commands: authenticated, a master */
	REDIS_DISCONNECTED,	/* was connected; text says why it ended */
	REDIS_CONNECT_FAILED,	/* text says what and why */
	REDIS_FAILED_OVER	/* text: old and new master */
};

struct redis_client_callbacks {
	/* text: one line for a log, valid during the call; no secrets. */
	void (*event)(enum redis_event event, const char *text, void *context);
	void *context;
};

/* Check the settings and start to connect. Returns 0 and the client, or -1
   with the error, which names the setting (store, store_ca_file, ...). Files
   of TLS are read here, so that a process may drop its privileges after. */
int redis_client_init(struct loop *loop, const struct redis_settings *settings,
		      const struct redis_client_callbacks *callbacks,
		      struct redis_client **client_r, struct ring_error *error)
	__attribute__((warn_unused_result));
/* Calls back whatever is under way, then ends the connection. */
void redis_client_deinit(struct redis_client **client);

bool redis_client_is_connected(const struct redis_client *client);
/* Counts successful connects; a script loaded in an earlier one may be gone. */
unsigned int redis_client_connection_serial(const struct redis_client *client);
/* What keeps us from being connected; "" if nothing does. */
const char *redis_client_last_error(const struct redis_client *client);
/* The number of replicas that Sentinel knows of the master, alive or not;
   0 without Sentinel. */
unsigned int redis_client_sentinel_replicas(const struct redis_client *client);

/* One command. Waits for a connection if there is none, until the deadline:
   UNAVAILABLE then. The arguments are copied. */
struct redis_command {
	unsigned int argc;
	const char *const *argv;
	const size_t *sizes;
};
void redis_client_command(struct redis_client *client,
			  const struct redis_command *command,
			  unsigned int timeout_msecs,
			  redis_callback_t *callback, void *context);
/* Several commands on one connection with no reconnect between them; the
   callback is called for each reply in order, and at a loss for each command
   that has none. WAIT speaks only for its own connection. */
void redis_client_pipeline(struct redis_client *client,
			   const struct redis_command *commands,
			   unsigned int count, unsigned int timeout_msecs,
			   redis_callback_t *callback, void *context);

#endif
