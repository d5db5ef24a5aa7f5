/* The fake store's leases. */

#include <stdlib.h>
#include <string.h>

#include "fake-store-private.h"

struct fake_lease *
fake_lease_find(struct fake_data *data, const struct store_key *key,
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

void fake_lease_remove(struct fake_data *data, const struct store_key *key)
{
	struct fake_lease *lease = fake_lease_find(data, key, 0);

	if (lease == NULL)
		return;
	free(lease->key);
	*lease = data->leases[--data->lease_count];
}

struct fake_lease *
fake_lease_put(struct fake_data *data, const struct store_key *key,
	       const char *host, uint64_t generation, uint64_t epoch,
	       uint64_t now_msecs)
{
	struct fake_lease *lease;

	fake_lease_remove(data, key);
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
	lease->end_msecs = now_msecs + data->lease_msecs;
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
	    !fake_epoch_equal(&shard->epoch, epoch))
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
	reply.error = fake_store_errors[op->status];
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

void
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
	lease = fake_lease_find(data, key, op->now_msecs);
	if (lease == NULL) {
		lease = fake_lease_put(data, key, host,
				       next_generation(shard, op->now_msecs),
				       epoch->epoch, op->now_msecs);
		op->is_new = true;
	}
	lease->end_msecs = op->now_msecs + data->lease_msecs;
	op_set_lease(op, lease);
}

void
fake_peek(struct store *store, const struct store_key *key,
	  store_lease_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_PEEK,
					 deliver_lease, context);
	const struct fake_lease *lease;

	op->callback.lease = callback;
	if (op->status != STORE_OK)
		return;
	lease = fake_lease_find(op->store->data, key, op->now_msecs);
	if (lease == NULL)
		op->status = STORE_NOTFOUND;
	else
		op_set_lease(op, lease);
}

void
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
	lease = fake_lease_find(data, key, op->now_msecs);
	if (lease == NULL) {
		op->status = STORE_NOTFOUND;
	} else if (!lease_is(lease, host, generation)) {
		op->status = STORE_CONFLICT;
		op_set_lease(op, lease);
	} else {
		if (shard->generation < lease->generation)
			shard->generation = lease->generation;
		lease = fake_lease_put(data, key, new_host,
				       next_generation(shard, op->now_msecs),
				       epoch->epoch, op->now_msecs);
		op_set_lease(op, lease);
	}
}

void
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
	lease = fake_lease_find(op->store->data, key, op->now_msecs);
	if (lease == NULL) {
		op->status = STORE_NOTFOUND;
		return;
	}
	op_set_lease(op, lease);
	if (lease_is(lease, host, generation))
		fake_lease_remove(op->store->data, key);
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
	lease = fake_lease_find(data, &renewal->key, now_msecs);
	if (lease != NULL &&
	    !lease_is(lease, renewal->host, renewal->generation))
		return STORE_CONFLICT;
	if (lease == NULL) {
		if (shard->generation < renewal->generation)
			shard->generation = renewal->generation;
		lease = fake_lease_put(data, &renewal->key, renewal->host,
				       renewal->generation, epoch->epoch,
				       now_msecs);
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

void
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
	batch.error = fake_store_errors[op->status];
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

void fake_scan(struct store *store, store_scan_callback_t *callback,
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
