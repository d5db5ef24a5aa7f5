/* The fake store's ring record and nodes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-store-private.h"

/* -- The ring -- */

void fake_record_set(struct fake_record *record,
		     const struct store_epoch *claim,
		     const void *text, size_t size)
{
	free(record->text);
	record->text = fake_memdup(text, size);
	record->size = size;
	record->claim = *claim;
}

void fake_record_clear(struct fake_record *record)
{
	free(record->text);
	memset(record, 0, sizeof(*record));
}

static void deliver_rings(struct fake_op *op)
{
	struct store_rings reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = op->status;
	reply.error = fake_store_errors[op->status];
	reply.active = reply.prepared = "";
	if (op->status == STORE_OK) {
		reply.active = op->active_text.text;
		reply.active_size = op->active_text.size;
		reply.prepared = op->prepared_text.text;
		reply.prepared_size = op->prepared_text.size;
	}
	op->callback.rings(&reply, op->context);
}

void fake_ring_load(struct store *store,
		    store_rings_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RING_LOAD,
					 deliver_rings, context);
	const struct fake_data *data = op->store->data;

	op->callback.rings = callback;
	fake_record_set(&op->active_text, &data->active.claim,
			data->active.text,
			data->active.size);
	fake_record_set(&op->prepared_text, &data->prepared.claim,
			data->prepared.text, data->prepared.size);
}

static void deliver_publish(struct fake_op *op)
{
	struct store_publish_reply reply;
	bool is_told = op->status <= STORE_SPLIT;

	memset(&reply, 0, sizeof(reply));
	reply.status = op->status;
	reply.error = fake_store_errors[op->status];
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
	if (fake_epoch_equal(&data->active.claim, epoch)) {
		fake_record_set(&data->active, epoch, text, size);
		return STORE_OK;
	}
	if (data->prepared.claim.epoch != 0 &&
	    !fake_epoch_equal(&data->prepared.claim, epoch))
		return STORE_CONFLICT;
	if (data->prepared.claim.epoch == 0 &&
	    (data->active.claim.epoch != expected->epoch ||
	     (expected->epoch != 0 &&
	      !fake_epoch_equal(&data->active.claim, expected))))
		return STORE_CONFLICT;
	fake_record_set(&data->prepared, epoch, text, size);
	return STORE_OK;
}

void
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
		    fake_epoch_equal(&node->active, epoch) ||
		    fake_epoch_equal(&node->prepared, epoch))
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
		return fake_epoch_equal(&data->prepared.claim, epoch) ?
			STORE_OK : STORE_SPLIT;
	}
	if (data->active.claim.epoch == epoch->epoch)
		return STORE_SPLIT;
	if (data->active.claim.epoch > epoch->epoch)
		return STORE_OLDER;
	return data->prepared.claim.epoch != 0 ?
		STORE_CONFLICT : STORE_NOTFOUND;
}

void
fake_ring_activate(struct store *store, const struct store_epoch *epoch,
		   store_publish_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RING_ACTIVATE,
					 deliver_publish, context);
	struct fake_data *data = op->store->data;

	op->callback.publish = callback;
	if (op->status == STORE_OK &&
	    !fake_epoch_equal(&data->active.claim, epoch)) {
		op->status = prepared_check(data, epoch);
		if (op->status == STORE_OK)
			find_missing(op, epoch);
		if (op->status == STORE_OK && op->missing[0] == '\0') {
			fake_record_set(&data->active, epoch,
					data->prepared.text,
					data->prepared.size);
			fake_record_clear(&data->prepared);
		}
	}
	op_set_rings(op);
}

void
fake_ring_withdraw(struct store *store, const struct store_epoch *epoch,
		   store_publish_callback_t *callback, void *context)
{
	struct fake_op *op = fake_op_new(store, FAKE_STORE_RING_WITHDRAW,
					 deliver_publish, context);
	struct fake_data *data = op->store->data;

	op->callback.publish = callback;
	if (op->status == STORE_OK) {
		if (fake_epoch_equal(&data->active.claim, epoch))
			op->status = STORE_CONFLICT;
		else if (fake_epoch_equal(&data->prepared.claim, epoch))
			fake_record_clear(&data->prepared);
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
	reply.error = fake_store_errors[op->status];
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
		reply.was_another = op->was_another;
		if (!op->is_confirmed)
			reply.error = "fake store: too few replicas have it";
	}
	op->callback.heartbeat(&reply, op->context);
}

void
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
	op->was_another = node->boot_id[0] != '\0' &&
		strcmp(node->boot_id, beat->boot_id) != 0;
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
	reply.error = fake_store_errors[op->status];
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

void fake_nodes(struct store *store, store_nodes_callback_t *callback,
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

void
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
