#ifndef AGENT_H
#define AGENT_H

/* The agent's logic: the node's view of ring, store and leases. Free of
   Dovecot, sockets and clocks: it runs in whatever loop and store it is given,
   so tests drive it with a fake clock and a fake store. */

#include "loop.h"
#include "settings.h"
#include "store.h"

struct agent;

enum agent_log_level {
	AGENT_LOG_DEBUG,
	AGENT_LOG_INFO,
	AGENT_LOG_WARNING,
	AGENT_LOG_ERROR
};

struct agent_params {
	struct loop *loop;
	struct store *store;			/* the caller's, outlives us */
	const struct node_settings *settings;	/* likewise */
	uint8_t ring_public_key[RING_PUBLIC_KEY_BYTES];
	/* One line; text is gone after the call. */
	void (*log)(enum agent_log_level level, const char *text, void *context);
	void *log_context;
};

/* One login, LMTP recipient or doveadm lookup. */
struct agent_route {
	const char *user;	/* the owner, as the passdb chain left him */
	size_t user_size;
	const char *service;	/* "imap", ...: picks the port */
	const char *tag;	/* director_tag, "" = none */
	const char *host;	/* an earlier passdb's, "" = none */
	const char *peer;	/* the real remote address, "" = not known */
	/* The node that has proxied this login to us, "" = none that says so */
	const char *hop;
	bool peek;		/* no proof of the password yet: do not claim */
};

enum agent_answer_kind {
	AGENT_PROXY,		/* proxy to address:port */
	AGENT_LOCAL,		/* the owner is this node's host */
	AGENT_PASS,		/* `host` is outside the ring: leave it alone */
	AGENT_FAIL		/* temporary failure; reason says why */
};

struct agent_answer {
	enum agent_answer_kind kind;
	const char *host, *address;	/* with PROXY */
	uint16_t port;			/* 0 = service unknown to the ring */
	const char *key;		/* the user's key, with PROXY and LOCAL */
	size_t key_size;
	uint64_t generation;		/* 0 = no lease (store away, or peek) */
	const char *reason;		/* for people */
};
typedef void agent_answer_callback_t(const struct agent_answer *answer,
				     void *context);

/* Load what state_dir holds, start to beat and to follow the ring. Returns 0
   and the agent, or -1 with the error (state_dir unusable). */
int agent_init(const struct agent_params *params, struct agent **agent_r,
	       struct ring_error *error)
	__attribute__((warn_unused_result));
/* Answers every held request with AGENT_FAIL, leaves the cluster if the store
   is at hand, frees. */
void agent_deinit(struct agent **agent);

/* The callback is called exactly once, at the latest after hold_timeout (5
   seconds on a second hop); it may be called before this returns. Strings are
   copied. */
void agent_route(struct agent *agent, const struct agent_route *route,
		 agent_answer_callback_t *callback, void *context);

/* A proxied session of this user goes on (proxy-notify): renews the lease that
   this agent gave him, if it is the same still, or that the store says he has,
   if he was let in by an agent before this one. */
void agent_session_seen(struct agent *agent, const char *user, size_t size);

#endif
