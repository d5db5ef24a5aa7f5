#ifndef STORE_H
#define STORE_H

/* What the cluster agrees on, as typed operations: the ring record, the nodes
   that are alive, and who owns whom (leases).

   An interface with two implementations: store-redis.c, where each operation
   is one Lua script and one round trip, and the fake one of the tests. Keys
   and scripts are described in docs/redis-keys.md.

   Promise: each callback is called exactly once, never from within the call,
   at the latest at timeout_msecs (renew and scan, which can be long: at
   timeout_msecs without progress) or when the store is freed: what is under
   way then is UNCERTAIN. A callback may start further operations, but not
   while the store is being freed; it must not free the store. Pointers in a
   reply are gone when the callback returns, what is passed in is copied. */

#include <stddef.h>

#include "loop.h"
#include "ring-record.h"

enum store_status {
	STORE_OK,
	STORE_NOTFOUND,		/* no such lease or record */
	/* The shard, or the store, has seen a newer ring than the caller's:
	   load it and repeat. Nothing was done. */
	STORE_OLDER,
	/* Somebody else's answer stands: another host or generation holds the
	   lease; or, when publishing, the ring has changed meanwhile. The
	   reply says what is there. Nothing was done. */
	STORE_CONFLICT,
	/* The same epoch with another digest: two records are about. */
	STORE_SPLIT,
	STORE_REFUSED,		/* Redis said no (no rights, OOM, read-only) */
	STORE_UNAVAILABLE,	/* not sent: retry at will */
	/* Sent, reply lost: read before writing. Reads never answer it. */
	STORE_UNCERTAIN,
	STORE_BROKEN		/* an answer that makes no sense */
};

const char *store_status_name(enum store_status status);

/* The ring by which a caller acts. Scripts compare it with the shard's: a
   shard that is behind is raised by the same script. */
struct store_epoch {
	uint64_t epoch;
	uint8_t digest[RING_DIGEST_BYTES];
};

struct store_lease {
	const char *host;		/* name of a host of the ring */
	uint64_t generation;		/* rises with each change of host */
	uint64_t epoch;			/* of the ring when it was taken */
	uint64_t expires_msecs;		/* from now; 0 = does not run out */
};

struct store_lease_reply {
	enum store_status status;
	struct store_lease lease;	/* with OK and CONFLICT */
	bool is_new;			/* claim: there was none before */
	uint64_t store_epoch;		/* with OLDER and SPLIT: the shard's */
	const char *error;		/* for people; "" with OK */
};
typedef void store_lease_callback_t(const struct store_lease_reply *reply,
				    void *context);

/* A user's key, and the shard that ring_shard() gives for it. */
struct store_key {
	const void *key;
	size_t size;
	unsigned int shard;
};

struct store_renewal {
	struct store_key key;
	const char *host;
	uint64_t generation;
};
/* One answer per renewal, in the order given. */
typedef void store_renew_callback_t(unsigned int index, enum store_status status,
				    void *context);

/* The bytes of what the store holds: unverified. size 0 = there is none. */
struct store_rings {
	enum store_status status;
	const char *active, *prepared;
	size_t active_size, prepared_size;
	const char *error;
};
typedef void store_rings_callback_t(const struct store_rings *reply,
				    void *context);

struct store_publish_reply {
	enum store_status status;
	uint64_t active_epoch, prepared_epoch;	/* in the store now; 0 = none */
	/* activate, with OK: names of live nodes that have not acknowledged,
	   separated by spaces, and nothing was done: try again later. "" if the
	   record is the active one now. Never NULL. */
	const char *missing;
	const char *error;
};
typedef void store_publish_callback_t(const struct store_publish_reply *reply,
				      void *context);

/* What a node says of itself once a second. */
struct store_heartbeat {
	const char *node;
	const char *boot_id;			/* new at each start */
	struct store_epoch active, prepared;	/* held on disk; epoch 0 = none */
	/* Why the node refuses what the store offers; "" if it does not. */
	const char *complaint;
	unsigned int lease_msecs;		/* the node lease's length */
};
struct store_heartbeat_reply {
	enum store_status status;
	/* True if enough replicas have it (or there are none): only then does
	   the node lease reach from when the beat was sent. */
	bool is_confirmed;
	unsigned int replicas, replicas_acked;	/* known; that have it */
	const char *replication_id;
	/* What the store claims to hold; both fields zero = nothing. Cheap,
	   and not proven: another value than before means ring_load. A record
	   that somebody has altered by hand shows as another digest. */
	struct store_epoch active, prepared;
	/* The heartbeat before this one, under this node's name, had another
	   boot_id. Once after a start; again and again if two have one name. */
	bool was_another;
	const char *error;		/* with OK: why it is not confirmed */
};
typedef void store_heartbeat_callback_t(const struct store_heartbeat_reply *reply,
					void *context);

struct store_node {
	const char *name, *boot_id, *complaint;
	struct store_epoch active, prepared;
	int64_t age_msecs;			/* of its last heartbeat */
	bool is_alive;				/* node lease not run out */
};
struct store_nodes {
	enum store_status status;
	const struct store_node *nodes;		/* sorted by name */
	unsigned int count;
	const char *error;
};
typedef void store_nodes_callback_t(const struct store_nodes *reply,
				    void *context);

/* Called for each batch, then once with is_end. A lease can be seen twice
   while others change; counts are for people. */
struct store_scan_batch {
	enum store_status status;
	const struct store_lease *leases;
	const struct store_key *keys;
	unsigned int count;
	bool is_end;
	const char *error;
};
typedef void store_scan_callback_t(const struct store_scan_batch *batch,
				   void *context);

struct store;
struct store_vfuncs {
	void (*free)(struct store *store);

	/* The ring. prepare: compare-and-set, the active record must still
	   be `expected` (epoch 0 = there is none) and nothing else prepared,
	   else CONFLICT; the same record again is OK, and repairs its text if
	   that was altered in the store. activate: the prepared record `epoch`
	   becomes the active one if each live node has acknowledged it; again
	   is OK. NOTFOUND if it is neither prepared nor active, SPLIT if
	   another of this epoch is. */
	void (*ring_load)(struct store *store, store_rings_callback_t *callback,
			  void *context);
	void (*ring_prepare)(struct store *store,
			     const struct store_epoch *expected,
			     const struct store_epoch *epoch,
			     const char *text, size_t size,
			     store_publish_callback_t *callback, void *context);
	void (*ring_activate)(struct store *store,
			      const struct store_epoch *epoch,
			      store_publish_callback_t *callback,
			      void *context);
	/* Take back a prepared record that can not become active: some live
	   node refuses it. OK if it is prepared no more; CONFLICT if it is the
	   active one by now, or another is prepared. */
	void (*ring_withdraw)(struct store *store,
			      const struct store_epoch *epoch,
			      store_publish_callback_t *callback,
			      void *context);

	void (*heartbeat)(struct store *store,
			  const struct store_heartbeat *beat,
			  store_heartbeat_callback_t *callback, void *context);
	void (*nodes)(struct store *store, store_nodes_callback_t *callback,
		      void *context);
	/* A node that leaves says so: its lease ends at once. CONFLICT if it
	   has been started again meanwhile (another boot_id). */
	void (*node_leave)(struct store *store, const char *node,
			   const char *boot_id,
			   store_publish_callback_t *callback, void *context);

	/* Leases. claim: the live lease, its time renewed, or a new one for
	   `host`. peek: the live lease or NOTFOUND, nothing changed. */
	void (*claim)(struct store *store, const struct store_key *key,
		      const struct store_epoch *epoch, const char *host,
		      store_lease_callback_t *callback, void *context);
	void (*peek)(struct store *store, const struct store_key *key,
		     store_lease_callback_t *callback, void *context);
	/* Another host: only if `host` and `generation` still hold it;
	   NOTFOUND if the lease has run out, then claim. */
	void (*replace)(struct store *store, const struct store_key *key,
			const struct store_epoch *epoch, const char *host,
			uint64_t generation, const char *new_host,
			store_lease_callback_t *callback, void *context);
	/* Batches of any size, also 0: no callback then. A lease that the
	   store has lost is made again as it was; one that another holds is
	   CONFLICT. */
	void (*renew)(struct store *store, const struct store_epoch *epoch,
		      const struct store_renewal *renewals, unsigned int count,
		      store_renew_callback_t *callback, void *context);
	void (*release)(struct store *store, const struct store_key *key,
			const char *host, uint64_t generation,
			store_lease_callback_t *callback, void *context);
	/* All leases. A failure comes once, with is_end. */
	void (*scan)(struct store *store, store_scan_callback_t *callback,
		     void *context);
};

struct store {
	const struct store_vfuncs *v;
};

static inline void store_free(struct store **store)
{
	if (*store != 0)
		(*store)->v->free(*store);
	*store = 0;
}

#endif
