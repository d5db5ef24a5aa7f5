#ifndef GLUE_CONNECTION_H
#define GLUE_CONNECTION_H

/* The agent's connections: a session for each socket connection, and the FIFO
   by which login processes tell which proxied users are still there. */

#include "agent.h"

struct master_service_connection;

/* Both outlive the connections. */
void glue_connections_init(struct agent *agent,
			   const struct node_settings *settings);
/* Closes all. Their routes under way are answered to nobody: auth asks the
   next agent. */
void glue_connections_deinit(void);

/* Accepts it. */
void glue_connection_create(struct master_service_connection *conn);

/* Has any passdb said HELLO? */
bool glue_connections_passdb_seen(void);

#endif
