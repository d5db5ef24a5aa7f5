#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-store-private.h"

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

const char *const fake_store_errors[] = {
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

void *fake_realloc(void *memory, size_t size)
{
	memory = realloc(memory, size > 0 ? size : 1);
	if (memory == NULL)
		abort();
	return memory;
}

void *fake_memdup(const void *data, size_t size)
{
	void *copy = fake_realloc(NULL, size);

	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

void fake_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

bool fake_epoch_equal(const struct store_epoch *a,
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

struct fake_op *
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

/* -- The store -- */

static void data_clear(struct fake_data *data)
{
	unsigned int i;

	for (i = 0; i < data->lease_count; i++)
		free(data->leases[i].key);
	data->lease_count = 0;
	data->node_count = 0;
	memset(data->shards, 0, sizeof(data->shards));
	fake_record_clear(&data->active);
	fake_record_clear(&data->prepared);
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
	struct fake_data *data = ((struct fake_store *)store)->data;

	fake_record_set(&data->active, claim, text, size);
}

void fake_store_put_prepared(struct store *store,
			     const struct store_epoch *claim,
			     const void *text, size_t size)
{
	struct fake_data *data = ((struct fake_store *)store)->data;

	fake_record_set(&data->prepared, claim, text, size);
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

	fake_lease_put(fake->data, key, host, generation, 0,
		       loop_now_msecs(fake->loop));
}

void fake_store_drop_lease(struct store *store, const struct store_key *key)
{
	fake_lease_remove(((struct fake_store *)store)->data, key);
}

const char *fake_store_owner(struct store *store, const struct store_key *key)
{
	struct fake_store *fake = (struct fake_store *)store;
	const struct fake_lease *lease =
		fake_lease_find(fake->data, key, loop_now_msecs(fake->loop));

	return lease != NULL ? lease->host : NULL;
}
