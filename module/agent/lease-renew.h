#ifndef LEASE_RENEW_H
#define LEASE_RENEW_H

/* Tells the store, in batches, which of the leases in the cache are in use:
   about once a second those of users who were seen, and all of them when the
   store has been away, since it may have come back empty.

   A lease that somebody else holds by now is dropped here: what the store says
   counts. */

#include "agent-log.h"
#include "lease-cache.h"
#include "node-lease.h"
#include "ring-keeper.h"

#define LEASE_RENEW_MSECS 1000
#define LEASE_RENEW_BATCH 512
#define LEASE_RENEW_QUESTIONS_MAX 512

struct lease_renew;

struct lease_renew_params {
	struct loop *loop;
	/* All outlive this. */
	struct store *store;
	struct node_lease *lease;
	struct lease_cache *cache;
	const struct ring_keeper *keeper;
	struct agent_log log;
	/* The store says that there is a newer ring than the one here. */
	void (*is_older)(void *context);
	void *context;
};

struct lease_renew *lease_renew_init(const struct lease_renew_params *params);
void lease_renew_deinit(struct lease_renew **renew);

/* A session of this user goes on: his lease is renewed. One that is not known
   here, because the agent is another than the one that let him in, is asked
   for; if too many are, when he is seen next. */
void lease_renew_seen(struct lease_renew *renew, const void *key, size_t size);
/* The store is at hand again: all leases that are in use are told to it. */
void lease_renew_all(struct lease_renew *renew);

#endif
