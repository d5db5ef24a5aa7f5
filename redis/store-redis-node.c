/* Nodes: heartbeat, nodes, node_leave. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "redis-hiredis.h"
#include "store-redis-private.h"

#define NODE_FIELDS 9
#define BOOT_ID_MAX 127

/* -- Heartbeats -- */

/* A heartbeat under way: the script's answer waits here for WAIT's. */
struct store_beat {
	void *context;
	bool is_repeated;
	struct store_heartbeat_reply reply;
	char replication_id[RING_NAME_MAX + 1];
	struct ring_error error;
};

/* Together with the master's own copy, the majority of all copies: what a
   later majority of the same Redis servers must have seen. */
static unsigned int acks_required(unsigned int replicas)
{
	return (replicas + 1) / 2;
}

/* Replicas that are away now count: they may be on the other side of a
   partition, electing a master. */
static unsigned int replicas_known(const struct store_redis *redis)
{
	unsigned int sentinel = redis_client_sentinel_replicas(redis->client);

	return sentinel > redis->replicas_seen ? sentinel :
		redis->replicas_seen;
}

static void replicas_note(struct store_redis *redis,
			  const char *replication_id, unsigned int connected)
{
	if (strcmp(redis->replication_id, replication_id) != 0) {
		snprintf(redis->replication_id, sizeof(redis->replication_id),
			 "%s", replication_id);
		redis->replicas_seen = 0;
	}
	if (redis->replicas_seen < connected)
		redis->replicas_seen = connected;
}

static void beat_fail(struct store_beat *beat,
		      const struct store_answer *answer)
{
	beat->reply.status = answer->status;
	beat->error = answer->error;
}

static void beat_finish(struct store_op *op, unsigned int acked)
{
	struct store_beat *beat = op->context;
	struct store_heartbeat_reply *reply = &beat->reply;
	unsigned int required;

	if (reply->status == STORE_OK) {
		reply->replicas = replicas_known(op->redis);
		reply->replicas_acked = acked;
		required = acks_required(reply->replicas);
		if (required > op->wait_replicas && !beat->is_repeated) {
			/* there are more replicas than we knew */
			beat->is_repeated = true;
			op->wait_replicas = required;
			op->is_kept = true;
			return;
		}
		reply->is_confirmed = acked >= required;
		if (!reply->is_confirmed && beat->error.text[0] == '\0') {
			ring_error_set(&beat->error, 0, "%u of %u replicas "
				       "have it, %u are needed", acked,
				       reply->replicas, required);
		}
	}
	reply->error = beat->error.text;
	reply->replication_id = beat->replication_id;
	op->callback.heartbeat(reply, beat->context);
	free(beat);
}

/* Fields 0 to 6: replication id, connected replicas, active, prepared, whether
   the beat before was another's. */
static bool beat_parse(struct store_op *op, const struct store_answer *answer)
{
	struct store_beat *beat = op->context;
	const char *id;
	uint64_t connected, was_another;

	if (!store_field_text(answer, 0, &id) ||
	    !ring_name_is_valid(id) ||
	    !store_field_number(answer, 1, &connected) ||
	    connected > UINT16_MAX ||
	    !store_field_epoch(answer, 2, &beat->reply.active) ||
	    !store_field_epoch(answer, 4, &beat->reply.prepared) ||
	    !store_field_number(answer, 6, &was_another))
		return false;
	beat->reply.was_another = was_another != 0;
	snprintf(beat->replication_id, sizeof(beat->replication_id), "%s", id);
	replicas_note(op->redis, id, (unsigned int)connected);
	return true;
}

static void store_done_beat(struct store_op *op,
			    const struct store_answer *answer)
{
	struct store_beat *beat = op->context;
	struct store_answer broken;

	memset(&beat->reply, 0, sizeof(beat->reply));
	beat->error.text[0] = '\0';
	if (answer->status == STORE_OK && !beat_parse(op, answer)) {
		memset(&beat->reply, 0, sizeof(beat->reply));
		store_answer_broken(&broken, "not a heartbeat's");
		answer = &broken;
	}
	if (answer->status != STORE_OK)
		beat_fail(beat, answer);
	if (op->wait_replicas == 0 || op->is_ending)
		beat_finish(op, 0);
}

static void store_waited_beat(struct store_op *op,
			      const struct store_answer *answer)
{
	struct store_beat *beat = op->context;
	unsigned int acked = 0;

	if (answer->status != STORE_OK && beat->reply.status == STORE_OK) {
		ring_error_set(&beat->error, 0, "WAIT: %s",
			       answer->error.text);
	} else if (answer->status == STORE_OK &&
		   answer->reply->type == REDIS_REPLY_INTEGER &&
		   answer->reply->integer > 0 &&
		   answer->reply->integer <= UINT16_MAX) {
		acked = (unsigned int)answer->reply->integer;
	}
	beat_finish(op, acked);
}

/* A word for the store: not empty, nothing in it that would end it. */
static const char *boot_id_word(const char *boot_id,
				char word[BOOT_ID_MAX + 1])
{
	size_t i;

	for (i = 0; boot_id[i] != '\0' && i < BOOT_ID_MAX; i++) {
		word[i] = boot_id[i] > ' ' && boot_id[i] < 0x7f ?
			boot_id[i] : '_';
	}
	if (i == 0)
		word[i++] = '-';
	word[i] = '\0';
	return word;
}

void store_redis_heartbeat(struct store *store,
			   const struct store_heartbeat *heartbeat,
			   store_heartbeat_callback_t *callback, void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_beat *beat = mem_calloc(1, sizeof(*beat));
	struct store_args args = { .count = 0 };
	char boot_id[BOOT_ID_MAX + 1];
	struct store_op *op;

	store_args_ring_key(&args, redis, "nodes");
	store_args_ring_key(&args, redis, "state");
	store_args_ring_key(&args, redis, "active");
	store_args_ring_key(&args, redis, "prepared");
	store_args_text(&args, heartbeat->node);
	store_args_text(&args, boot_id_word(heartbeat->boot_id, boot_id));
	store_args_number(&args, heartbeat->lease_msecs);
	store_args_epoch(&args, &heartbeat->active);
	store_args_epoch(&args, &heartbeat->prepared);
	store_args_text(&args, heartbeat->complaint);
	beat->context = context;
	op = store_op_new(redis, STORE_SCRIPT_HEARTBEAT, &args,
			  store_done_beat);
	op->waited = store_waited_beat;
	op->wait_replicas = acks_required(replicas_known(redis));
	op->callback.heartbeat = callback;
	op->context = beat;
	store_op_send(op);
}

/* -- The list of nodes -- */

static bool parse_node(const struct store_answer *answer, unsigned int i,
		       struct store_node *node)
{
	uint64_t age, is_alive;

	if (!store_field_text(answer, i, &node->name) ||
	    !ring_name_is_valid(node->name) ||
	    !store_field_text(answer, i + 1, &node->boot_id) ||
	    !store_field_number(answer, i + 2, &age) || age > INT64_MAX ||
	    !store_field_number(answer, i + 3, &is_alive) ||
	    !store_field_epoch(answer, i + 4, &node->active) ||
	    !store_field_epoch(answer, i + 6, &node->prepared) ||
	    !store_field_text(answer, i + 8, &node->complaint))
		return false;
	node->age_msecs = (int64_t)age;
	node->is_alive = is_alive != 0;
	return true;
}

static int node_compare(const void *a, const void *b)
{
	return strcmp(((const struct store_node *)a)->name,
		      ((const struct store_node *)b)->name);
}

static void store_done_nodes(struct store_op *op,
			     const struct store_answer *answer)
{
	struct store_nodes reply;
	struct store_node *nodes;
	unsigned int i;

	memset(&reply, 0, sizeof(reply));
	nodes = mem_calloc(1, (answer->count / NODE_FIELDS + 1) *
			    sizeof(*nodes));
	/* A name that no node can have was put there by somebody else: that
	   must not hide the others. */
	for (i = 0; i + NODE_FIELDS <= answer->count; i += NODE_FIELDS) {
		if (parse_node(answer, i, &nodes[reply.count]))
			reply.count++;
	}
	qsort(nodes, reply.count, sizeof(*nodes), node_compare);
	reply.status = answer->status;
	reply.error = answer->error.text;
	reply.nodes = nodes;
	if (answer->status != STORE_OK)
		reply.count = 0;
	op->callback.nodes(&reply, op->context);
	free(nodes);
}

void store_redis_nodes(struct store *store, store_nodes_callback_t *callback,
		       void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };
	struct store_op *op;

	store_args_ring_key(&args, redis, "nodes");
	op = store_op_new(redis, STORE_SCRIPT_NODES, &args, store_done_nodes);
	op->callback.nodes = callback;
	op->context = context;
	store_op_send(op);
}

void store_redis_node_leave(struct store *store, const char *node,
			    const char *boot_id,
			    store_publish_callback_t *callback, void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };
	char word[BOOT_ID_MAX + 1];
	struct store_op *op;

	store_args_ring_key(&args, redis, "nodes");
	store_args_ring_key(&args, redis, "state");
	store_args_text(&args, node);
	store_args_text(&args, boot_id_word(boot_id, word));
	op = store_op_new(redis, STORE_SCRIPT_NODE_LEAVE, &args,
			  store_done_publish);
	op->callback.publish = callback;
	op->context = context;
	store_op_send(op);
}
