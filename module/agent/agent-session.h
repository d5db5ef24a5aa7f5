#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

/* One connection to the agent: the line protocol of docs/agent-protocol.md,
   bytes in and bytes out. Knows no socket: whoever has one feeds it.

   Which verbs it takes depends on the socket that the peer came by, not on
   what it says of itself.

   A session may end while routes are under way: their answers then go
   nowhere. */

#include "agent.h"

/* More than that under way on one connection are refused, one by one. Dovecot
   bounds its own logins; this bounds what a broken peer costs. */
#define AGENT_SESSION_ROUTES_MAX 16384

enum agent_socket {
	AGENT_SOCKET_AUTH,	/* dovering-auth: auth alone may connect */
	AGENT_SOCKET_MAIL	/* dovering: any process may */
};

struct agent_session;

struct agent_session_params {
	struct agent *agent;			/* outlives us */
	const struct node_settings *settings;	/* likewise */
	enum agent_socket socket;
	/* Whole lines. Must not end the session, but may be called from within
	   init and input. */
	void (*output)(const void *data, size_t size, void *context);
	/* A passdb has said HELLO. May be NULL. */
	void (*passdb_seen)(void *context);
	void *context;
};

/* Sends our VERSION. */
struct agent_session *
agent_session_init(const struct agent_session_params *params);
/* Nothing is called after this. */
void agent_session_deinit(struct agent_session **session);

/* Any number of bytes. Returns 0, or -1 if the peer has broken the protocol:
   it has been told (ERROR), error says it for a log, and the connection should
   be closed when the output is written. Input after that is dropped. */
int agent_session_input(struct agent_session *session, const void *data,
			size_t size, struct ring_error *error)
	__attribute__((warn_unused_result));

#endif
