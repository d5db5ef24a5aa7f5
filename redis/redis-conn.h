#ifndef REDIS_CONN_H
#define REDIS_CONN_H

/* One connection to one server, from the look-up of its name to its end.
   Requests may be given from the start: they are sent when it is open, and
   their deadlines are those of resolving, connecting and TLS too.

   It ends by itself when a deadline passes and nothing at all has come since
   the request was sent, or for a second (the server hangs), when the server is
   of no use (it says READONLY, LOADING, NOAUTH, ...), or when what it says is
   not Redis's protocol. A server that is alive but late keeps its connection;
   the late reply is thrown away when it comes. */

#include "redis-address.h"
#include "redis-request.h"

struct redis_conn;
struct redis_tls;

struct redis_conn_callbacks {
	/* The connection is over, and why; it must be deinitialised now, which
	   calls back the requests that have no reply. */
	void (*closed)(const char *reason, void *context);
	void *context;
};

/* Never fails and never calls back in here. tls must outlive the connection;
   NULL: none. */
struct redis_conn *
redis_conn_init(struct loop *loop, const struct redis_address *address,
		struct redis_tls *tls,
		const struct redis_conn_callbacks *callbacks);
/* Closes, and calls back each request that has no reply: UNCERTAIN if a byte
   of it may have left, UNAVAILABLE if not. *conn is NULL when all is done, and
   may be deinitialised again from within these callbacks. */
void redis_conn_deinit(struct redis_conn **conn);

/* The request belongs to the connection from now on. */
void redis_conn_send(struct redis_conn *conn, struct redis_request *request);
/* The server said that it wants AUTH first. */
bool redis_conn_wants_auth(const struct redis_conn *conn);

#endif
