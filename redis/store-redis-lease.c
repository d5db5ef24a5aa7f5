/* Leases: claim, peek, replace, renew, release. */

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "store-redis-private.h"

/* Fields 0 to 4: host, generation, epoch, time left, is it new. */
static bool parse_lease(const struct store_answer *answer,
			struct store_lease_reply *reply)
{
	uint64_t is_new;

	if (!store_field_text(answer, 0, &reply->lease.host) ||
	    !store_field_number(answer, 1, &reply->lease.generation) ||
	    !store_field_number(answer, 2, &reply->lease.epoch) ||
	    !store_field_number(answer, 3, &reply->lease.expires_msecs) ||
	    !store_field_number(answer, 4, &is_new))
		return false;
	reply->is_new = is_new != 0;
	return ring_name_is_valid(reply->lease.host);
}

static bool parse_lease_answer(const struct store_answer *answer,
			       struct store_lease_reply *reply)
{
	switch (answer->status) {
	case STORE_OK:
	case STORE_CONFLICT:
		return parse_lease(answer, reply);
	case STORE_OLDER:
	case STORE_SPLIT:
		return store_field_number(answer, 0, &reply->store_epoch);
	default:
		return true;
	}
}

void store_parse_lease(const struct store_answer *answer,
		       struct store_lease_reply *reply,
		       struct store_answer *broken)
{
	memset(reply, 0, sizeof(*reply));
	if (!parse_lease_answer(answer, reply)) {
		memset(reply, 0, sizeof(*reply));
		store_answer_broken(broken, "not a lease");
		answer = broken;
	}
	if (reply->lease.host == NULL)
		reply->lease.host = "";
	reply->status = answer->status;
	reply->error = answer->error.text;
}

static void store_done_lease(struct store_op *op,
			     const struct store_answer *answer)
{
	struct store_lease_reply reply;
	struct store_answer broken;

	store_parse_lease(answer, &reply, &broken);
	op->callback.lease(&reply, op->context);
}

static void lease_send(struct store_redis *redis, enum store_script_id script,
		       struct store_args *args,
		       store_lease_callback_t *callback, void *context)
{
	struct store_op *op = store_op_new(redis, script, args,
					   store_done_lease);

	op->callback.lease = callback;
	op->context = context;
	store_op_send(op);
}

void store_redis_claim(struct store *store, const struct store_key *key,
		       const struct store_epoch *epoch, const char *host,
		       store_lease_callback_t *callback, void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };

	store_args_lease_key(&args, redis, key);
	store_args_shard_key(&args, redis, key->shard);
	store_args_epoch(&args, epoch);
	store_args_text(&args, host);
	store_args_ttl(&args, redis);
	lease_send(redis, STORE_SCRIPT_CLAIM, &args, callback, context);
}

void store_redis_peek(struct store *store, const struct store_key *key,
		      store_lease_callback_t *callback, void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };

	store_args_lease_key(&args, redis, key);
	lease_send(redis, STORE_SCRIPT_PEEK, &args, callback, context);
}

void store_redis_replace(struct store *store, const struct store_key *key,
			 const struct store_epoch *epoch, const char *host,
			 uint64_t generation, const char *new_host,
			 store_lease_callback_t *callback, void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };

	store_args_lease_key(&args, redis, key);
	store_args_shard_key(&args, redis, key->shard);
	store_args_epoch(&args, epoch);
	store_args_text(&args, host);
	store_args_number(&args, generation);
	store_args_text(&args, new_host);
	store_args_ttl(&args, redis);
	lease_send(redis, STORE_SCRIPT_REPLACE, &args, callback, context);
}

void store_redis_release(struct store *store, const struct store_key *key,
			 const char *host, uint64_t generation,
			 store_lease_callback_t *callback, void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_args args = { .count = 0 };

	store_args_lease_key(&args, redis, key);
	store_args_text(&args, host);
	store_args_number(&args, generation);
	lease_send(redis, STORE_SCRIPT_RELEASE, &args, callback, context);
}

/* -- Renewals -- */

/* Each renewal is a script of its own: they are in shards of all kinds. So many
   are under way at once: a login's claim comes in between, and a deadline is
   that of one script, not of a hundred thousand. Answers are kept until all
   are there. */
#define RENEW_WINDOW 500U

struct store_renew {
	store_renew_callback_t *callback;
	void *context;
	unsigned int count, left, next;
	struct store_op **ops;		/* from `next` on not sent yet */
	enum store_status statuses[];
};

/* The store does not serve: what is not sent yet is not going to be. */
static void renew_give_up(struct store_renew *renew)
{
	for (; renew->next < renew->count; renew->next++) {
		renew->statuses[renew->next] = STORE_UNAVAILABLE;
		free(renew->ops[renew->next]);
		renew->left--;
	}
}

static void renew_end(struct store_renew *renew)
{
	unsigned int i;

	for (i = 0; i < renew->count; i++)
		renew->callback(i, renew->statuses[i], renew->context);
	free(renew->ops);
	free(renew);
}

static void store_done_renew(struct store_op *op,
			     const struct store_answer *answer)
{
	struct store_renew *renew = op->context;

	renew->statuses[op->index] = answer->status;
	renew->left--;
	if (answer->status == STORE_UNAVAILABLE ||
	    answer->status == STORE_UNCERTAIN)
		renew_give_up(renew);
	else if (renew->next < renew->count)
		store_op_send(renew->ops[renew->next++]);
	if (renew->left == 0)
		renew_end(renew);
}

static struct store_op *
renew_op_new(struct store_redis *redis, const struct store_epoch *epoch,
	     const struct store_renewal *renewal)
{
	struct store_args args = { .count = 0 };

	store_args_lease_key(&args, redis, &renewal->key);
	store_args_shard_key(&args, redis, renewal->key.shard);
	store_args_epoch(&args, epoch);
	store_args_text(&args, renewal->host);
	store_args_number(&args, renewal->generation);
	store_args_ttl(&args, redis);
	return store_op_new(redis, STORE_SCRIPT_RENEW, &args,
			    store_done_renew);
}

void store_redis_renew(struct store *store, const struct store_epoch *epoch,
		       const struct store_renewal *renewals,
		       unsigned int count, store_renew_callback_t *callback,
		       void *context)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_renew *renew;
	unsigned int i;

	if (count == 0)
		return;
	renew = mem_calloc(1, sizeof(*renew) +
			    count * sizeof(renew->statuses[0]));
	renew->callback = callback;
	renew->context = context;
	renew->count = renew->left = count;
	renew->ops = mem_calloc(1, count * sizeof(*renew->ops));
	for (i = 0; i < count; i++) {
		renew->ops[i] = renew_op_new(redis, epoch, &renewals[i]);
		renew->ops[i]->context = renew;
		renew->ops[i]->index = i;
	}
	while (renew->next < count && renew->next < RENEW_WINDOW)
		store_op_send(renew->ops[renew->next++]);
}
