#ifndef FAKE_STORE_H
#define FAKE_STORE_H

/* The store in memory, for tests: does what redis/store.h says, by the clock
   of the loop it is given, and fails on demand.

   An operation does its work when it is called, its reply comes
   reply_msecs later; replies come in the order of the calls. */

#include "store.h"

enum fake_store_mode {
	FAKE_STORE_WORKS,
	FAKE_STORE_AWAY,		/* UNAVAILABLE, nothing done */
	FAKE_STORE_REFUSES,		/* REFUSED, nothing done */
	FAKE_STORE_TALKS_NONSENSE,	/* BROKEN, nothing done */
	FAKE_STORE_UNCERTAIN_DONE,	/* done, the reply is lost */
	FAKE_STORE_UNCERTAIN_LOST	/* not done, and nobody can know */
};

enum fake_store_op {
	FAKE_STORE_RING_LOAD,
	FAKE_STORE_RING_PREPARE,
	FAKE_STORE_RING_ACTIVATE,
	FAKE_STORE_RING_WITHDRAW,
	FAKE_STORE_HEARTBEAT,
	FAKE_STORE_NODES,
	FAKE_STORE_NODE_LEAVE,
	FAKE_STORE_CLAIM,
	FAKE_STORE_PEEK,
	FAKE_STORE_REPLACE,
	FAKE_STORE_RENEW,
	FAKE_STORE_RELEASE,
	FAKE_STORE_SCAN,
	FAKE_STORE_OP_COUNT
};

/* Freed by store_free(). */
struct store *fake_store_init(struct loop *loop, unsigned int lease_secs);
/* A second way to the same data, with knobs of its own: another agent's, or a
   hand of the test that goes on while the agent's store is away. The data ends
   with the last of them. */
struct store *fake_store_init_other(struct store *store);

/* Knobs of one way. They hold for operations that are called from now on. */
void fake_store_set_mode(struct store *store, enum fake_store_mode mode);
/* Only operations of this kind; FAKE_STORE_WORKS takes it back. */
void fake_store_set_op_mode(struct store *store, enum fake_store_op op,
			    enum fake_store_mode mode);
void fake_store_set_reply_msecs(struct store *store, unsigned int msecs);
/* What heartbeats say of replicas: confirmed if at least half have it. At
   first 0 of 0. */
void fake_store_set_replicas(struct store *store, unsigned int replicas,
			     unsigned int acked);
/* How often the operation was called; a batch counts once. */
unsigned int fake_store_calls(struct store *store, enum fake_store_op op);
/* How many replies are still to come. */
unsigned int fake_store_pending(struct store *store);

/* The data, by hand. */
/* FLUSHALL: ring, nodes, leases and shards are gone. */
void fake_store_lose_data(struct store *store);
/* A failover: another replication id, all data kept. */
void fake_store_fail_over(struct store *store);
/* Text of any bytes, under any claim; size 0 and epoch 0 = nothing. */
void fake_store_put_active(struct store *store, const struct store_epoch *claim,
			   const void *text, size_t size);
void fake_store_put_prepared(struct store *store,
			     const struct store_epoch *claim,
			     const void *text, size_t size);
void fake_store_put_shard(struct store *store, unsigned int shard,
			  const struct store_epoch *epoch);
void fake_store_put_lease(struct store *store, const struct store_key *key,
			  const char *host, uint64_t generation);
void fake_store_drop_lease(struct store *store, const struct store_key *key);
/* The host that holds a live lease, until the next change; NULL if none. */
const char *fake_store_owner(struct store *store, const struct store_key *key);

#endif
