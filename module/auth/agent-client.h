#ifndef AGENT_CLIENT_H
#define AGENT_CLIENT_H

/* auth's one connection to the node's agent (docs/agent-protocol.md), in
   auth's ioloop.

   A request waits for its answer, whatever becomes of the connection: an agent
   that is restarted is connected to again, and is asked again what the one
   before has not answered. It waits at most for the hold_timeout that the
   agent told in its HELLO (30 seconds before the first one).

   The callback is called exactly once, never from within the call that asks;
   agent_client_deinit() answers what is left with AGENT_REPLY_FAIL. */

struct agent_client;

enum agent_reply_kind {
	AGENT_REPLY_PROXY,	/* proxy to address:port */
	AGENT_REPLY_LOCAL,	/* the owner's backend is this node */
	AGENT_REPLY_PASS,	/* host is outside the ring: leave it alone */
	AGENT_REPLY_FAIL	/* temporary failure; reason says why */
};

/* What the agent said. Strings are gone when the callback returns. */
struct agent_reply {
	enum agent_reply_kind kind;
	const char *node;		/* the agent's; "" before its HELLO */
	unsigned int proxy_refresh_secs;	/* likewise */
	/* PROXY: name and address of the backend; port NULL = not known */
	const char *host, *address, *port;
	const char *key, *generation;	/* PROXY, LOCAL */
	const char *reason;		/* FAIL */
};
typedef void agent_reply_callback_t(const struct agent_reply *reply,
				    void *context);

/* One login. NULL or "" = not known. */
struct agent_route_fields {
	const char *user;
	const char *service, *tag, *host, *peer, *hop;
	bool peek;		/* no proof of the password yet */
};

/* Connects only in agent_client_connect(), or when first asked. */
struct agent_client *agent_client_init(const char *path);
void agent_client_deinit(struct agent_client **client);

void agent_client_connect(struct agent_client *client);
void agent_client_route(struct agent_client *client,
			const struct agent_route_fields *fields,
			agent_reply_callback_t *callback, void *context);

#endif
