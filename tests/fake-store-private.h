#ifndef FAKE_STORE_PRIVATE_H
#define FAKE_STORE_PRIVATE_H

/* What the files fake-store*.c share. */

#include "ring.h"
#include "fake-store.h"

#define FAKE_TEXT_MAX 1024

struct fake_lease {
	void *key;
	size_t size;
	unsigned int shard;
	char host[RING_NAME_MAX + 1];
	uint64_t generation, epoch, end_msecs;
};

struct fake_shard {
	struct store_epoch epoch;
	uint64_t generation;
};

struct fake_node {
	char name[RING_NAME_MAX + 1];
	char boot_id[FAKE_TEXT_MAX], complaint[FAKE_TEXT_MAX];
	struct store_epoch active, prepared;
	uint64_t beat_msecs;
	unsigned int lease_msecs;
};

struct fake_record {
	struct store_epoch claim;
	char *text;
	size_t size;
};

struct fake_data {
	unsigned int refcount, lease_msecs, incarnation;
	struct fake_lease *leases;
	unsigned int lease_count;
	struct fake_node *nodes;		/* sorted by name */
	unsigned int node_count;
	struct fake_shard shards[RING_SHARDS];
	struct fake_record active, prepared;
};

struct fake_op;
typedef void fake_deliver_t(struct fake_op *op);

/* One operation under way: its reply is made, and waits for its moment. */
struct fake_op {
	struct fake_op *next;
	struct fake_store *store;
	struct loop_timeout *timeout;
	fake_deliver_t *deliver;
	enum store_status status;
	bool is_read, is_lost;
	union {
		store_lease_callback_t *lease;
		store_renew_callback_t *renew;
		store_rings_callback_t *rings;
		store_publish_callback_t *publish;
		store_heartbeat_callback_t *heartbeat;
		store_nodes_callback_t *nodes;
		store_scan_callback_t *scan;
	} callback;
	void *context;

	/* the reply, by kind */
	struct fake_lease lease;
	bool is_new, is_confirmed, was_another;
	uint64_t store_epoch, left_msecs;
	struct store_epoch active, prepared;
	unsigned int replicas, acked, count, incarnation;
	struct fake_record active_text, prepared_text;
	char missing[FAKE_TEXT_MAX];
	enum store_status *statuses;
	struct fake_node *nodes;
	struct fake_lease *leases;
	uint64_t now_msecs;
};

struct fake_store {
	struct store store;
	struct loop *loop;
	struct fake_data *data;
	struct fake_op *ops;			/* in order of the calls */
	enum fake_store_mode mode, op_modes[FAKE_STORE_OP_COUNT];
	unsigned int reply_msecs, replicas, acked;
	unsigned int calls[FAKE_STORE_OP_COUNT];
};

extern const char *const fake_store_errors[];

void *fake_realloc(void *memory, size_t size);
void *fake_memdup(const void *data, size_t size);
void fake_copy(char *to, size_t size, const char *from);
bool fake_epoch_equal(const struct store_epoch *a,
		      const struct store_epoch *b);

/* Counts the call; the status is what the knobs say: work if it is OK. The
   reply is delivered when its time has come. */
struct fake_op *
fake_op_new(struct store *store, enum fake_store_op kind,
	    fake_deliver_t *deliver, void *context);

struct fake_lease *
fake_lease_find(struct fake_data *data, const struct store_key *key,
		uint64_t now_msecs);
void fake_lease_remove(struct fake_data *data, const struct store_key *key);
struct fake_lease *
fake_lease_put(struct fake_data *data, const struct store_key *key,
	       const char *host, uint64_t generation, uint64_t epoch,
	       uint64_t now_msecs);

void fake_record_set(struct fake_record *record,
		     const struct store_epoch *claim,
		     const void *text, size_t size);
void fake_record_clear(struct fake_record *record);

void fake_claim(struct store *store, const struct store_key *key,
		const struct store_epoch *epoch, const char *host,
		store_lease_callback_t *callback, void *context);
void fake_peek(struct store *store, const struct store_key *key,
	       store_lease_callback_t *callback, void *context);
void fake_replace(struct store *store, const struct store_key *key,
		  const struct store_epoch *epoch, const char *host,
		  uint64_t generation, const char *new_host,
		  store_lease_callback_t *callback, void *context);
void fake_release(struct store *store, const struct store_key *key,
		  const char *host, uint64_t generation,
		  store_lease_callback_t *callback, void *context);
void fake_renew(struct store *store, const struct store_epoch *epoch,
		const struct store_renewal *renewals, unsigned int count,
		store_renew_callback_t *callback, void *context);
void fake_scan(struct store *store, store_scan_callback_t *callback,
	       void *context);
void fake_ring_load(struct store *store, store_rings_callback_t *callback,
		    void *context);
void fake_ring_prepare(struct store *store, const struct store_epoch *expected,
		       const struct store_epoch *epoch, const char *text,
		       size_t size, store_publish_callback_t *callback,
		       void *context);
void fake_ring_activate(struct store *store, const struct store_epoch *epoch,
			store_publish_callback_t *callback, void *context);
void fake_ring_withdraw(struct store *store, const struct store_epoch *epoch,
			store_publish_callback_t *callback, void *context);
void fake_heartbeat(struct store *store, const struct store_heartbeat *beat,
		    store_heartbeat_callback_t *callback, void *context);
void fake_nodes(struct store *store, store_nodes_callback_t *callback,
		void *context);
void fake_node_leave(struct store *store, const char *name, const char *boot_id,
		     store_publish_callback_t *callback, void *context);

#endif
