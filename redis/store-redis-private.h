#ifndef STORE_REDIS_PRIVATE_H
#define STORE_REDIS_PRIVATE_H

/* What the files store-redis*.c share: operations under way. */

#include "redis-client.h"
#include "store-redis.h"
#include "store-reply.h"

enum store_script_id {
	STORE_SCRIPT_CLAIM,
	STORE_SCRIPT_PEEK,
	STORE_SCRIPT_REPLACE,
	STORE_SCRIPT_RENEW,
	STORE_SCRIPT_RELEASE,
	STORE_SCRIPT_RING_LOAD,
	STORE_SCRIPT_RING_PREPARE,
	STORE_SCRIPT_RING_ACTIVATE,
	STORE_SCRIPT_RING_WITHDRAW,
	STORE_SCRIPT_HEARTBEAT,
	STORE_SCRIPT_NODES,
	STORE_SCRIPT_NODE_LEAVE,
	STORE_COMMAND_SCAN,		/* no script */
	STORE_SCRIPT_COUNT
};

#define STORE_SHA_BYTES 41

struct store_redis {
	struct store store;
	struct loop *loop;
	struct redis_client *client;
	char cluster[RING_NAME_MAX + 1];
	unsigned int lease_msecs, timeout_msecs;
	char shas[STORE_SCRIPT_COUNT][STORE_SHA_BYTES];
	struct store_op *ops;			/* under way */

	/* What heartbeats have seen of replicas under this replication id */
	char replication_id[RING_NAME_MAX + 1];
	unsigned int replicas_seen;
};

/* Arguments of a script, in order: first its keys, then the rest. Texts that
   are added are used in place until store_op_send(), numbers and so on have
   room here. */
#define STORE_ARGS_MAX 16
struct store_args {
	const char *argv[STORE_ARGS_MAX];
	size_t sizes[STORE_ARGS_MAX];
	unsigned int count;
	char room[1024];
	size_t used;
	char *lease_key;			/* freed by store_op_send() */
};

void store_args_bytes(struct store_args *args, const void *bytes, size_t size);
void store_args_text(struct store_args *args, const char *text);
void store_args_number(struct store_args *args, uint64_t number);
/* Two arguments: epoch and digest. */
void store_args_epoch(struct store_args *args, const struct store_epoch *epoch);
/* Key NAME of the ring's slot: {cluster:ring}:NAME */
void store_args_ring_key(struct store_args *args,
			 const struct store_redis *redis, const char *name);
/* {cluster:SS}:shard */
void store_args_shard_key(struct store_args *args,
			  const struct store_redis *redis, unsigned int shard);
/* {cluster:SS}:lease:KEY; one of them in a list of arguments */
void store_args_lease_key(struct store_args *args,
			  const struct store_redis *redis,
			  const struct store_key *key);
/* A lease's time in ms with some jitter: leases that were taken together
   shall not end together. */
void store_args_ttl(struct store_args *args, struct store_redis *redis);

/* One script that runs, or will. */
struct store_op;
typedef void store_done_t(struct store_op *op,
			  const struct store_answer *answer);

struct store_op {
	struct store_op *next, **prev;
	struct store_redis *redis;
	enum store_script_id script;
	store_done_t *done;
	uint64_t deadline_msecs;
	bool is_loading;		/* EVAL: Redis did not know it */
	bool is_kept;			/* sent again by its own done() */
	bool is_ending;			/* the store is being freed */
	unsigned int replies_left;

	/* Heartbeat: WAIT for so many; 0 = do not. done() is called for the
	   script's reply, then waited() for WAIT's. */
	unsigned int wait_replicas;
	store_done_t *waited;
	bool is_script_done;

	union {
		store_lease_callback_t *lease;
		store_rings_callback_t *rings;
		store_publish_callback_t *publish;
		store_heartbeat_callback_t *heartbeat;
		store_nodes_callback_t *nodes;
	} callback;
	void *context;			/* the callback's, or done()'s */
	unsigned int index;		/* within a batch */

	/* EVALSHA, sha, number of keys, then keys and arguments; those are
	   copied behind the struct. */
	unsigned int argc;
	const char *argv[STORE_ARGS_MAX + 3];
	size_t sizes[STORE_ARGS_MAX + 3];
	char key_count[8];
};

/* A new operation, not sent yet: set callback and context, then send. The
   arguments are copied. It frees itself after done(). */
struct store_op *store_op_new(struct store_redis *redis,
			      enum store_script_id script,
			      struct store_args *args, store_done_t *done);
void store_op_send(struct store_op *op);

/* done() for operations that answer a publisher: calls op->callback. */
void store_done_publish(struct store_op *op,
			const struct store_answer *answer);
/* Parse a lease; status and error become those of the answer, or BROKEN, with
   `broken` as room for the error. */
void store_parse_lease(const struct store_answer *answer,
		       struct store_lease_reply *reply,
		       struct store_answer *broken);

/* The operations, one file each group. */
void store_redis_ring_load(struct store *store,
			   store_rings_callback_t *callback, void *context);
void store_redis_ring_prepare(struct store *store,
			      const struct store_epoch *expected,
			      const struct store_epoch *epoch,
			      const char *text, size_t size,
			      store_publish_callback_t *callback,
			      void *context);
void store_redis_ring_activate(struct store *store,
			       const struct store_epoch *epoch,
			       store_publish_callback_t *callback,
			       void *context);
void store_redis_ring_withdraw(struct store *store,
			       const struct store_epoch *epoch,
			       store_publish_callback_t *callback,
			       void *context);
void store_redis_heartbeat(struct store *store,
			   const struct store_heartbeat *beat,
			   store_heartbeat_callback_t *callback,
			   void *context);
void store_redis_nodes(struct store *store, store_nodes_callback_t *callback,
		       void *context);
void store_redis_node_leave(struct store *store, const char *node,
			    const char *boot_id,
			    store_publish_callback_t *callback,
			    void *context);
void store_redis_claim(struct store *store, const struct store_key *key,
		       const struct store_epoch *epoch, const char *host,
		       store_lease_callback_t *callback, void *context);
void store_redis_peek(struct store *store, const struct store_key *key,
		      store_lease_callback_t *callback, void *context);
void store_redis_replace(struct store *store, const struct store_key *key,
			 const struct store_epoch *epoch, const char *host,
			 uint64_t generation, const char *new_host,
			 store_lease_callback_t *callback, void *context);
void store_redis_renew(struct store *store, const struct store_epoch *epoch,
		       const struct store_renewal *renewals,
		       unsigned int count, store_renew_callback_t *callback,
		       void *context);
void store_redis_release(struct store *store, const struct store_key *key,
			 const char *host, uint64_t generation,
			 store_lease_callback_t *callback, void *context);
void store_redis_scan(struct store *store, store_scan_callback_t *callback,
		      void *context);

#endif
