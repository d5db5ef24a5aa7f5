/* The ring record: load, prepare, activate, withdraw. */

#include <string.h>

#include "memory.h"
#include "store-redis-private.h"

static void store_done_rings(struct store_op *op,
			     const struct store_answer *answer)
{
	struct store_rings reply;
	struct store_answer broken;

	memset(&reply, 0, sizeof(reply));
	if (answer->status == STORE_OK &&
	    (!store_field_bytes(answer, 0, &reply.active,
				&reply.active_size) ||
	     !store_field_bytes(answer, 1, &reply.prepared,
				&reply.prepared_size))) {
		memset(&reply, 0, sizeof(reply));
		store_answer_broken(&broken, "not two records");
		answer = &broken;
	}
	if (reply.active == NULL)
		reply.active = reply.prepared = "";
	reply.status = answer->status;
	reply.error = answer->error.text;
	op->callback.rings(&reply, op->context);
}

void store_redis_ring_load(struct store *store,
			   store_rings_callback_t *callback, void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };
	struct store_op *op;

	store_args_ring_key(&args, redis, "active");
	store_args_ring_key(&args, redis, "prepared");
	op = store_op_new(redis, STORE_SCRIPT_RING_LOAD, &args,
			  store_done_rings);
	op->callback.rings = callback;
	op->context = context;
	store_op_send(op);
}

/* Fields 0 to 3: active and prepared epoch, missing nodes, why not. */
static bool parse_publish(const struct store_answer *answer,
			  struct store_publish_reply *reply, const char **why)
{
	return store_field_number(answer, 0, &reply->active_epoch) &&
		store_field_number(answer, 1, &reply->prepared_epoch) &&
		store_field_text(answer, 2, &reply->missing) &&
		store_field_text(answer, 3, why);
}

void store_done_publish(struct store_op *op,
			const struct store_answer *answer)
{
	struct store_publish_reply reply;
	struct store_answer broken;
	const char *why = "";

	memset(&reply, 0, sizeof(reply));
	if (answer->status <= STORE_SPLIT &&
	    !parse_publish(answer, &reply, &why)) {
		memset(&reply, 0, sizeof(reply));
		store_answer_broken(&broken, "not a publisher's");
		answer = &broken;
	}
	reply.status = answer->status;
	if (reply.missing == NULL)
		reply.missing = "";
	reply.error = *why != '\0' ? why : answer->error.text;
	op->callback.publish(&reply, op->context);
}

static void publish_send(struct store_redis *redis,
			 enum store_script_id script, struct store_args *args,
			 store_publish_callback_t *callback, void *context)
{
	struct store_op *op = store_op_new(redis, script, args,
					   store_done_publish);

	op->callback.publish = callback;
	op->context = context;
	store_op_send(op);
}

void store_redis_ring_prepare(struct store *store,
			      const struct store_epoch *expected,
			      const struct store_epoch *epoch,
			      const char *text, size_t size,
			      store_publish_callback_t *callback,
			      void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };

	store_args_ring_key(&args, redis, "state");
	store_args_ring_key(&args, redis, "active");
	store_args_ring_key(&args, redis, "prepared");
	store_args_epoch(&args, expected);
	store_args_epoch(&args, epoch);
	store_args_bytes(&args, text, size);
	publish_send(redis, STORE_SCRIPT_RING_PREPARE, &args, callback,
		     context);
}

void store_redis_ring_activate(struct store *store,
			       const struct store_epoch *epoch,
			       store_publish_callback_t *callback,
			       void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };

	store_args_ring_key(&args, redis, "state");
	store_args_ring_key(&args, redis, "active");
	store_args_ring_key(&args, redis, "prepared");
	store_args_ring_key(&args, redis, "nodes");
	store_args_epoch(&args, epoch);
	publish_send(redis, STORE_SCRIPT_RING_ACTIVATE, &args, callback,
		     context);
}

void store_redis_ring_withdraw(struct store *store,
			       const struct store_epoch *epoch,
			       store_publish_callback_t *callback,
			       void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };

	store_args_ring_key(&args, redis, "state");
	store_args_ring_key(&args, redis, "prepared");
	store_args_epoch(&args, epoch);
	publish_send(redis, STORE_SCRIPT_RING_WITHDRAW, &args, callback,
		     context);
}
