#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	bool is_new, is_confirmed;
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

static const bool fake_op_reads[FAKE_STORE_OP_COUNT] = {
	[FAKE_STORE_RING_LOAD] = true,
	[FAKE_STORE_NODES] = true,
	[FAKE_STORE_PEEK] = true,
	[FAKE_STORE_SCAN] = true
};

static const enum store_status fake_mode_status[] = {
	[FAKE_STORE_WORKS] = STORE_OK,
	[FAKE_STORE_AWAY] = STORE_UNAVAILABLE,
	[FAKE_STORE_REFUSES] = STORE_REFUSED,
	[FAKE_STORE_TALKS_NONSENSE] = STORE_BROKEN,
	[FAKE_STORE_UNCERTAIN_DONE] = STORE_OK,
	[FAKE_STORE_UNCERTAIN_LOST] = STORE_UNCERTAIN
};

static const char *const fake_errors[] = {
	[STORE_OK] = "",
	[STORE_NOTFOUND] = "fake store: not found",
	[STORE_OLDER] = "fake store: has seen a newer ring",
	[STORE_CONFLICT] = "fake store: conflict",
	[STORE_SPLIT] = "fake store: same epoch, other digest",
	[STORE_REFUSED] = "fake store: refuses",
	[STORE_UNAVAILABLE] = "fake store: away",
	[STORE_UNCERTAIN] = "fake store: reply lost",
	[STORE_BROKEN] = "fake store: talks nonsense"
};

static void *fake_realloc(void *memory, size_t size)
{
	memory = realloc(memory, size > 0 ? size : 1);
	if (memory == NULL)
		abort();
	return memory;
}

static void *fake_memdup(const void *data, size_t size)
{
	void *copy = fake_realloc(NULL, size);

	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

static void fake_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static bool epoch_equal(const struct store_epoch *a,
			const struct store_epoch *b)
{
	return a->epoch == b->epoch &&
		memcmp(a->digest, b->digest, RING_DIGEST_BYTES) == 0;
}

/* -- Operations under way -- */

static void fake_op_free(struct fake_op *op)
{
	unsigned int i;

	for (i = 0; i < op->count && op->leases != NULL; i++)
		free(op->leases[i].key);
	free(op->leases);
	free(op->nodes);
	free(op->statuses);
	free(op->active_text.text);
	free(op->prepared_text.text);
	free(op);
}

static void fake_op_end(struct fake_op *op)
{
	struct fake_op **p = &op->store->ops;

	while (*p != op)
		p = &(*p)->next;
	*p = op->next;
	if (op->is_lost)
		op->status = STORE_UNCERTAIN;
	if (op->is_read && op->status == STORE_UNCERTAIN)
		op->status = STORE_UNAVAILABLE;
	op->deliver(op);
	fake_op_free(op);
}

static void fake_op_due(void *context)
{
	struct fake_op *op = context;

	op->timeout = NULL;
	fake_op_end(op);
}

static struct fake_op *
fake_op_new(struct store *store, enum fake_store_op kind,
	    fake_deliver_t *deliver, void *context)
{
	struct fake_store *fake = (struct fake_store *)store;
	struct fake_op *op = calloc(1, sizeof(*op)), **p = &fake->ops;
	enum fake_store_mode mode = fake->op_modes[kind];

	if (op == NULL)
		abort();
	if (mode == FAKE_STORE_WORKS)
		mode = fake->mode;
	fake->calls[kind]++;
	op->store = fake;
	op->deliver = deliver;
	op->context = context;
	op->is_read = fake_op_reads[kind];
	op->is_lost = mode == FAKE_STORE_UNCERTAIN_DONE;
	op->status = fake_mode_status[mode];
	op->now_msecs = loop_now_msecs(fake->loop);
	while (*p != NULL)
		p = &(*p)->next;
	*p = op;
	op->timeout = loop_timeout_add(fake->loop, fake->reply_msecs,
				       fake_op_due, op);
	return op;
}

/* -- Leases -- */

static struct fake_lease *
lease_find(struct fake_data *data, const struct store_key *key,
	   uint64_t now_msecs)
{
	unsigned int i;

	for (i = 0; i < data->lease_count; i++) {
		struct fake_lease *lease = &data->leases[i];

		if (lease->size == key->size && lease->shard == key->shard &&
		    memcmp(lease->key, key->key, key->size) == 0)
			return lease->end_msecs > now_msecs ? lease : NULL;
	}
	return NULL;
}

static void lease_remove(struct fake_data *data, const struct store_key *key)
{
	struct fake_lease *lease = lease_find(data, key, 0);

	if (lease == NULL)
		return;
	free(lease->key);
	*lease = data->leases[--data->lease_count];
}

static struct fake_lease *
lease_put(struct fake_data *data, const struct store_key *key,
	  const char *host, uint64_t generation, uint64_t epoch, uint64_t now)
{
	struct fake_lease *lease;

	lease_remove(data, key);
	data->leases = fake_realloc(data->leases, (data->lease_count + 1) *
				    sizeof(*data->leases));
	lease = &data->leases[data->lease_count++];
	memset(lease, 0, sizeof(*lease));
	lease->key = fake_memdup(key->key, key->size);
	lease->size = key->size;
	lease->shard = key->shard;
	fake_copy(lease->host, sizeof(lease->host), host);
	lease->generation = generation;
	lease->epoch = epoch;
	lease->end_msecs = now + data->lease_msecs;
	return lease;
}

static struct fake_shard *
shard_of(struct fake_data *data, const struct store_key *key)
{
	return &data->shards[key->shard % RING_SHARDS];
}

/* The same comparison, and raise, as in the scripts. */
static enum store_status
shard_check(struct fake_shard *shard, const struct store_epoch *epoch)
{
	if (shard->epoch.epoch > epoch->epoch)
		return STORE_OLDER;
	if (shard->epoch.epoch == epoch->epoch &&
	    !epoch_equal(&shard->epoch, epoch))
		return STORE_SPLIT;
	shard->epoch = *epoch;
	return STORE_OK;
}

static uint64_t next_generation(struct fake_shard *shard, uint64_t now_msecs)
{
	if (shard->generation < now_msecs)
		shard->generation = now_msecs;
	else
		shard->generation++;
	return shard->generation;
}

static bool lease_is(const struct fake_lease *lease, const char *host,
		     uint64_t generation)
{
	return strcmp(lease->host, host) == 0 &&
		lease->generation == generation;
}

static void op_set_lease(struct fake_op *op, const struct fake_lease *lease)
{
	op->lease = *lease;
	op->left_msecs = lease->end_msecs - op->now_msecs;
}

static void deliver_lease(struct fake_op *op)
{
	struct store_lease_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = op->status;
	reply.error = fake_errors[op->status];
	reply.lease.host = "";
	if (op->status == STORE_OK || op->status == STORE_CONFLICT) {
		reply.lease.host = op->lease.host;
		reply.lease.generation = op->lease.generation;
		reply.lease.epoch = op->lease.epoch;
		reply.lease.expires_msecs = op->left_msecs;
		reply.is_new = op->is_new;
	} else if (op->status == STORE_OLDER || op->status == STORE_SPLIT) {
		reply.store_epoch = op->store_epoch;
	}
	op->callback.lease(&reply, op->context);
}

static void
fake_claim(struct store *store, const struct store_key *key,
	   const struct store_epoch *epoch, const char *host,
	   store_lease_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_CLAIM,
					 deliver_lease, context);
	struct fake_data *data = op->store->data;
	struct fake_shard *shard = shard_of(data, key);
	struct fake_lease *lease;

	op->callback.lease = callback;
	if (op->status != STORE_OK)
		return;
	op->store_epoch = shard->epoch.epoch;
	op->status = shard_check(shard, epoch);
	if (op->status != STORE_OK)
		return;
	lease = lease_find(data, key, op->now_msecs);
	if (lease == NULL) {
		lease = lease_put(data, key, host,
				  next_generation(shard, op->now_msecs),
				  epoch->epoch, op->now_msecs);
		op->is_new = true;
	}
	lease->end_msecs = op->now_msecs + data->lease_msecs;
	op_set_lease(op, lease);
}

static void
fake_peek(struct store *store, const struct store_key *key,
	  store_lease_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_PEEK,
					 deliver_lease, context);
	const struct fake_lease *lease;

	op->callback.lease = callback;
	if (op->status != STORE_OK)
		return;
	lease = lease_find(op->store->data, key, op->now_msecs);
	if (lease == NULL)
		op->status = STORE_NOTFOUND;
	else
		op_set_lease(op, lease);
}

static void
fake_replace(struct store *store, const struct store_key *key,
	     const struct store_epoch *epoch, const char *host,
	     uint64_t generation, const char *new_host,
	     store_lease_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_REPLACE,
					 deliver_lease, context);
	struct fake_data *data = op->store->data;
	struct fake_shard *shard = shard_of(data, key);
	struct fake_lease *lease;

	op->callback.lease = callback;
	if (op->status != STORE_OK)
		return;
	op->store_epoch = shard->epoch.epoch;
	op->status = shard_check(shard, epoch);
	if (op->status != STORE_OK)
		return;
	lease = lease_find(data, key, op->now_msecs);
	if (lease == NULL) {
		op->status = STORE_NOTFOUND;
	} else if (!lease_is(lease, host, generation)) {
		op->status = STORE_CONFLICT;
		op_set_lease(op, lease);
	} else {
		if (shard->generation < lease->generation)
			shard->generation = lease->generation;
		lease = lease_put(data, key, new_host,
				  next_generation(shard, op->now_msecs),
				  epoch->epoch, op->now_msecs);
		op_set_lease(op, lease);
	}
}

static void
fake_release(struct store *store, const struct store_key *key,
	     const char *host, uint64_t generation,
	     store_lease_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RELEASE,
					 deliver_lease, context);
	const struct fake_lease *lease;

	op->callback.lease = callback;
	if (op->status != STORE_OK)
		return;
	lease = lease_find(op->store->data, key, op->now_msecs);
	if (lease == NULL) {
		op->status = STORE_NOTFOUND;
		return;
	}
	op_set_lease(op, lease);
	if (lease_is(lease, host, generation))
		lease_remove(op->store->data, key);
	else
		op->status = STORE_CONFLICT;
}

static enum store_status
renew_one(struct fake_data *data, const struct store_epoch *epoch,
	  const struct store_renewal *renewal, uint64_t now_msecs)
{
	struct fake_shard *shard = shard_of(data, &renewal->key);
	enum store_status status = shard_check(shard, epoch);
	struct fake_lease *lease;

	if (status != STORE_OK)
		return status;
	lease = lease_find(data, &renewal->key, now_msecs);
	if (lease != NULL &&
	    !lease_is(lease, renewal->host, renewal->generation))
		return STORE_CONFLICT;
	if (lease == NULL) {
		if (shard->generation < renewal->generation)
			shard->generation = renewal->generation;
		lease = lease_put(data, &renewal->key, renewal->host,
				  renewal->generation, epoch->epoch, now_msecs);
	}
	lease->end_msecs = now_msecs + data->lease_msecs;
	return STORE_OK;
}

static void deliver_renew(struct fake_op *op)
{
	unsigned int i;

	for (i = 0; i < op->count; i++) {
		op->callback.renew(i, op->status != STORE_OK ?
				   op->status : op->statuses[i], op->context);
	}
}

static void
fake_renew(struct store *store, const struct store_epoch *epoch,
	   const struct store_renewal *renewals, unsigned int count,
	   store_renew_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RENEW,
					 deliver_renew, context);
	unsigned int i;

	op->callback.renew = callback;
	op->count = count;
	op->statuses = fake_realloc(NULL, count * sizeof(*op->statuses));
	for (i = 0; i < count && op->status == STORE_OK; i++) {
		op->statuses[i] = renew_one(op->store->data, epoch,
					    &renewals[i], op->now_msecs);
	}
}

static void deliver_scan(struct fake_op *op)
{
	struct store_scan_batch batch;
	struct store_lease lease;
	struct store_key key;
	unsigned int i;

	memset(&batch, 0, sizeof(batch));
	batch.status = op->status;
	batch.error = fake_errors[op->status];
	batch.leases = &lease;
	batch.keys = &key;
	for (i = 0; i < op->count && op->status == STORE_OK; i++) {
		const struct fake_lease *from = &op->leases[i];

		lease.host = from->host;
		lease.generation = from->generation;
		lease.epoch = from->epoch;
		lease.expires_msecs = from->end_msecs - op->now_msecs;
		key.key = from->key;
		key.size = from->size;
		key.shard = from->shard;
		batch.count = 1;
		op->callback.scan(&batch, op->context);
	}
	batch.count = 0;
	batch.is_end = true;
	op->callback.scan(&batch, op->context);
}

static void fake_scan(struct store *store, store_scan_callback_t *callback,
		      void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_SCAN, deliver_scan,
					 context);
	const struct fake_data *data = op->store->data;
	unsigned int i;

	op->callback.scan = callback;
	op->leases = fake_realloc(NULL, data->lease_count *
				  sizeof(*op->leases));
	for (i = 0; i < data->lease_count; i++) {
		struct fake_lease *copy = &op->leases[op->count];

		if (data->leases[i].end_msecs <= op->now_msecs)
			continue;
		*copy = data->leases[i];
		copy->key = fake_memdup(copy->key, copy->size);
		op->count++;
	}
}

/* -- The ring -- */

static void record_set(struct fake_record *record,
		       const struct store_epoch *claim,
		       const void *text, size_t size)
{
	free(record->text);
	record->text = fake_memdup(text, size);
	record->size = size;
	record->claim = *claim;
}

static void record_clear(struct fake_record *record)
{
	free(record->text);
	memset(record, 0, sizeof(*record));
}

static void deliver_rings(struct fake_op *op)
{
	struct store_rings reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = op->status;
	reply.error = fake_errors[op->status];
	reply.active = reply.prepared = "";
	if (op->status == STORE_OK) {
		reply.active = op->active_text.text;
		reply.active_size = op->active_text.size;
		reply.prepared = op->prepared_text.text;
		reply.prepared_size = op->prepared_text.size;
	}
	op->callback.rings(&reply, op->context);
}

static void fake_ring_load(struct store *store,
			   store_rings_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RING_LOAD,
					 deliver_rings, context);
	const struct fake_data *data = op->store->data;

	op->callback.rings = callback;
	record_set(&op->active_text, &data->active.claim, data->active.text,
		   data->active.size);
	record_set(&op->prepared_text, &data->prepared.claim,
		   data->prepared.text, data->prepared.size);
}

static void deliver_publish(struct fake_op *op)
{
	struct store_publish_reply reply;
	bool is_told = op->status <= STORE_SPLIT;

	memset(&reply, 0, sizeof(reply));
	reply.status = op->status;
	reply.error = fake_errors[op->status];
	reply.missing = is_told ? op->missing : "";
	if (is_told) {
		reply.active_epoch = op->active.epoch;
		reply.prepared_epoch = op->prepared.epoch;
	}
	op->callback.publish(&reply, op->context);
}

static void op_set_rings(struct fake_op *op)
{
	op->active = op->store->data->active.claim;
	op->prepared = op->store->data->prepared.claim;
}

static enum store_status
prepare(struct fake_data *data, const struct store_epoch *expected,
	const struct store_epoch *epoch, const char *text, size_t size)
{
	if (epoch_equal(&data->active.claim, epoch)) {
		record_set(&data->active, epoch, text, size);
		return STORE_OK;
	}
	if (data->prepared.claim.epoch != 0 &&
	    !epoch_equal(&data->prepared.claim, epoch))
		return STORE_CONFLICT;
	if (data->prepared.claim.epoch == 0 &&
	    (data->active.claim.epoch != expected->epoch ||
	     (expected->epoch != 0 &&
	      !epoch_equal(&data->active.claim, expected))))
		return STORE_CONFLICT;
	record_set(&data->prepared, epoch, text, size);
	return STORE_OK;
}

static void
fake_ring_prepare(struct store *store, const struct store_epoch *expected,
		  const struct store_epoch *epoch, const char *text,
		  size_t size, store_publish_callback_t *callback,
		  void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RING_PREPARE,
					 deliver_publish, context);

	op->callback.publish = callback;
	if (op->status == STORE_OK) {
		op->status = prepare(op->store->data, expected, epoch, text,
				     size);
	}
	op_set_rings(op);
}

static bool node_is_alive(const struct fake_node *node, uint64_t now_msecs)
{
	return node->lease_msecs > 0 &&
		now_msecs - node->beat_msecs <= node->lease_msecs;
}

static void find_missing(struct fake_op *op, const struct store_epoch *epoch)
{
	const struct fake_data *data = op->store->data;
	unsigned int i;

	for (i = 0; i < data->node_count; i++) {
		const struct fake_node *node = &data->nodes[i];
		size_t used = strlen(op->missing);

		if (!node_is_alive(node, op->now_msecs) ||
		    epoch_equal(&node->active, epoch) ||
		    epoch_equal(&node->prepared, epoch))
			continue;
		snprintf(op->missing + used, sizeof(op->missing) - used,
			 "%s%s", used > 0 ? " " : "", node->name);
	}
}

/* Is this the prepared record? If not: why not. */
static enum store_status
prepared_check(const struct fake_data *data, const struct store_epoch *epoch)
{
	if (data->prepared.claim.epoch == epoch->epoch) {
		return epoch_equal(&data->prepared.claim, epoch) ?
			STORE_OK : STORE_SPLIT;
	}
	if (data->active.claim.epoch == epoch->epoch)
		return STORE_SPLIT;
	if (data->active.claim.epoch > epoch->epoch)
		return STORE_OLDER;
	return data->prepared.claim.epoch != 0 ?
		STORE_CONFLICT : STORE_NOTFOUND;
}

static void
fake_ring_activate(struct store *store, const struct store_epoch *epoch,
		   store_publish_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RING_ACTIVATE,
					 deliver_publish, context);
	struct fake_data *data = op->store->data;

	op->callback.publish = callback;
	if (op->status == STORE_OK &&
	    !epoch_equal(&data->active.claim, epoch)) {
		op->status = prepared_check(data, epoch);
		if (op->status == STORE_OK)
			find_missing(op, epoch);
		if (op->status == STORE_OK && op->missing[0] == '\0') {
			record_set(&data->active, epoch, data->prepared.text,
				   data->prepared.size);
			record_clear(&data->prepared);
		}
	}
	op_set_rings(op);
}

static void
fake_ring_withdraw(struct store *store, const struct store_epoch *epoch,
		   store_publish_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RING_WITHDRAW,
					 deliver_publish, context);
	struct fake_data *data = op->store->data;

	op->callback.publish = callback;
	if (op->status == STORE_OK) {
		if (epoch_equal(&data->active.claim, epoch))
			op->status = STORE_CONFLICT;
		else if (epoch_equal(&data->prepared.claim, epoch))
			record_clear(&data->prepared);
		else if (data->prepared.claim.epoch != 0)
			op->status = STORE_CONFLICT;
	}
	op_set_rings(op);
}

/* -- Nodes -- */

static struct fake_node *node_find(struct fake_data *data, const char *name)
{
	unsigned int i;

	for (i = 0; i < data->node_count; i++) {
		if (strcmp(data->nodes[i].name, name) == 0)
			return &data->nodes[i];
	}
	return NULL;
}

static struct fake_node *node_get(struct fake_data *data, const char *name)
{
	struct fake_node *node = node_find(data, name);
	unsigned int i = data->node_count;

	if (node != NULL)
		return node;
	data->nodes = fake_realloc(data->nodes, (i + 1) *
				   sizeof(*data->nodes));
	for (; i > 0 && strcmp(data->nodes[i - 1].name, name) > 0; i--)
		data->nodes[i] = data->nodes[i - 1];
	data->node_count++;
	node = &data->nodes[i];
	memset(node, 0, sizeof(*node));
	fake_copy(node->name, sizeof(node->name), name);
	return node;
}

static void deliver_heartbeat(struct fake_op *op)
{
	struct store_heartbeat_reply reply;
	char replication_id[32];

	memset(&reply, 0, sizeof(reply));
	reply.status = op->status;
	reply.error = fake_errors[op->status];
	reply.replication_id = "";
	if (op->status == STORE_OK) {
		snprintf(replication_id, sizeof(replication_id), "fake%u",
			 op->incarnation);
		reply.replication_id = replication_id;
		reply.is_confirmed = op->is_confirmed;
		reply.replicas = op->replicas;
		reply.replicas_acked = op->acked;
		reply.active = op->active;
		reply.prepared = op->prepared;
		if (!op->is_confirmed)
			reply.error = "fake store: too few replicas have it";
	}
	op->callback.heartbeat(&reply, op->context);
}

static void
fake_heartbeat(struct store *store, const struct store_heartbeat *beat,
	       store_heartbeat_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_HEARTBEAT,
					 deliver_heartbeat, context);
	struct fake_store *fake = op->store;
	struct fake_node *node;

	op->callback.heartbeat = callback;
	if (op->status != STORE_OK)
		return;
	node = node_get(fake->data, beat->node);
	fake_copy(node->boot_id, sizeof(node->boot_id), beat->boot_id);
	fake_copy(node->complaint, sizeof(node->complaint), beat->complaint);
	node->active = beat->active;
	node->prepared = beat->prepared;
	node->beat_msecs = op->now_msecs;
	node->lease_msecs = beat->lease_msecs;
	op->incarnation = fake->data->incarnation;
	op->replicas = fake->replicas;
	op->acked = fake->acked;
	op->is_confirmed = fake->acked >= (fake->replicas + 1) / 2;
	op_set_rings(op);
}

static void deliver_nodes(struct fake_op *op)
{
	struct store_nodes reply;
	struct store_node *nodes;
	unsigned int i;

	memset(&reply, 0, sizeof(reply));
	reply.status = op->status;
	reply.error = fake_errors[op->status];
	nodes = fake_realloc(NULL, op->count * sizeof(*nodes));
	for (i = 0; i < op->count; i++) {
		const struct fake_node *from = &op->nodes[i];

		nodes[i].name = from->name;
		nodes[i].boot_id = from->boot_id;
		nodes[i].complaint = from->complaint;
		nodes[i].active = from->active;
		nodes[i].prepared = from->prepared;
		nodes[i].age_msecs = (int64_t)(op->now_msecs -
					       from->beat_msecs);
		nodes[i].is_alive = node_is_alive(from, op->now_msecs);
	}
	reply.nodes = nodes;
	reply.count = op->status == STORE_OK ? op->count : 0;
	op->callback.nodes(&reply, op->context);
	free(nodes);
}

static void fake_nodes(struct store *store, store_nodes_callback_t *callback,
		       void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_NODES,
					 deliver_nodes, context);
	const struct fake_data *data = op->store->data;

	op->callback.nodes = callback;
	op->count = data->node_count;
	op->nodes = fake_memdup(data->nodes, data->node_count *
				sizeof(*data->nodes));
}

static void
fake_node_leave(struct store *store, const char *name, const char *boot_id,
		store_publish_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_NODE_LEAVE,
					 deliver_publish, context);
	struct fake_node *node = node_find(op->store->data, name);

	op->callback.publish = callback;
	if (op->status == STORE_OK) {
		if (node == NULL)
			op->status = STORE_NOTFOUND;
		else if (strcmp(node->boot_id, boot_id) != 0)
			op->status = STORE_CONFLICT;
		else
			node->lease_msecs = 0;
	}
	op_set_rings(op);
}

/* -- The store -- */

static void data_clear(struct fake_data *data)
{
	unsigned int i;

	for (i = 0; i < data->lease_count; i++)
		free(data->leases[i].key);
	data->lease_count = 0;
	data->node_count = 0;
	memset(data->shards, 0, sizeof(data->shards));
	record_clear(&data->active);
	record_clear(&data->prepared);
}

static void fake_free(struct store *store)
{
	struct fake_store *fake = (struct fake_store *)store;

	while (fake->ops != NULL) {
		struct fake_op *op = fake->ops;

		loop_timeout_remove(fake->loop, &op->timeout);
		op->is_lost = true;
		fake_op_end(op);
	}
	if (--fake->data->refcount == 0) {
		data_clear(fake->data);
		free(fake->data->leases);
		free(fake->data->nodes);
		free(fake->data);
	}
	free(fake);
}

static const struct store_vfuncs fake_store_vfuncs = {
	.free = fake_free,
	.ring_load = fake_ring_load,
	.ring_prepare = fake_ring_prepare,
	.ring_activate = fake_ring_activate,
	.ring_withdraw = fake_ring_withdraw,
	.heartbeat = fake_heartbeat,
	.nodes = fake_nodes,
	.node_leave = fake_node_leave,
	.claim = fake_claim,
	.peek = fake_peek,
	.replace = fake_replace,
	.renew = fake_renew,
	.release = fake_release,
	.scan = fake_scan
};

static struct store *fake_store_new(struct loop *loop, struct fake_data *data)
{
	struct fake_store *fake = calloc(1, sizeof(*fake));

	if (fake == NULL)
		abort();
	fake->store.v = &fake_store_vfuncs;
	fake->loop = loop;
	fake->data = data;
	data->refcount++;
	return &fake->store;
}

struct store *fake_store_init(struct loop *loop, unsigned int lease_secs)
{
	struct fake_data *data = calloc(1, sizeof(*data));

	if (data == NULL)
		abort();
	data->lease_msecs = lease_secs * 1000;
	data->incarnation = 1;
	return fake_store_new(loop, data);
}

struct store *fake_store_init_other(struct store *store)
{
	struct fake_store *fake = (struct fake_store *)store;

	return fake_store_new(fake->loop, fake->data);
}

void fake_store_set_mode(struct store *store, enum fake_store_mode mode)
{
	((struct fake_store *)store)->mode = mode;
}

void fake_store_set_op_mode(struct store *store, enum fake_store_op op,
			    enum fake_store_mode mode)
{
	((struct fake_store *)store)->op_modes[op] = mode;
}

void fake_store_set_reply_msecs(struct store *store, unsigned int msecs)
{
	((struct fake_store *)store)->reply_msecs = msecs;
}

void fake_store_set_replicas(struct store *store, unsigned int replicas,
			     unsigned int acked)
{
	((struct fake_store *)store)->replicas = replicas;
	((struct fake_store *)store)->acked = acked;
}

unsigned int fake_store_calls(struct store *store, enum fake_store_op op)
{
	return ((struct fake_store *)store)->calls[op];
}

unsigned int fake_store_pending(struct store *store)
{
	const struct fake_op *op = ((struct fake_store *)store)->ops;
	unsigned int count = 0;

	for (; op != NULL; op = op->next)
		count++;
	return count;
}

void fake_store_lose_data(struct store *store)
{
	data_clear(((struct fake_store *)store)->data);
}

void fake_store_fail_over(struct store *store)
{
	((struct fake_store *)store)->data->incarnation++;
}

void fake_store_put_active(struct store *store, const struct store_epoch *claim,
			   const void *text, size_t size)
{
	record_set(&((struct fake_store *)store)->data->active, claim, text,
		   size);
}

void fake_store_put_prepared(struct store *store,
			     const struct store_epoch *claim,
			     const void *text, size_t size)
{
	record_set(&((struct fake_store *)store)->data->prepared, claim, text,
		   size);
}

void fake_store_put_shard(struct store *store, unsigned int shard,
			  const struct store_epoch *epoch)
{
	((struct fake_store *)store)->data->shards[shard].epoch = *epoch;
}

void fake_store_put_lease(struct store *store, const struct store_key *key,
			  const char *host, uint64_t generation)
{
	struct fake_store *fake = (struct fake_store *)store;

	lease_put(fake->data, key, host, generation, 0,
		  loop_now_msecs(fake->loop));
}

void fake_store_drop_lease(struct store *store, const struct store_key *key)
{
	lease_remove(((struct fake_store *)store)->data, key);
}

const char *fake_store_owner(struct store *store, const struct store_key *key)
{
	struct fake_store *fake = (struct fake_store *)store;
	const struct fake_lease *lease =
		lease_find(fake->data, key, loop_now_msecs(fake->loop));

	return lease != NULL ? lease->host : NULL;
}
