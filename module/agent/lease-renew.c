#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "lease-renew.h"

/* Renewals under way; keys and hosts are its own. Its owner may be gone when
   the answers come. */
struct batch {
	struct lease_renew *renew;
	unsigned int count, answered, put_off;
	enum store_status failure;	/* STORE_OK = none */
	bool is_older;
	struct store_renewal renewals[LEASE_RENEW_BATCH];
};

/* Whose lease is it that this session has? Its owner may be gone, too. */
struct question {
	struct question *prev, *next;
	struct lease_renew *renew;
	struct store_key key;		/* its bytes are its own */
};

struct lease_renew {
	struct lease_renew_params params;
	struct loop_timeout *to_tick;
	struct batch *batch;		/* NULL = none under way */
	struct question *questions;
	unsigned int question_count;
};

static void tick_schedule(struct lease_renew *renew, unsigned int msecs);

static void batch_free(struct batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->count; i++) {
		free((void *)batch->renewals[i].key.key);
		free((char *)batch->renewals[i].host);
	}
	free(batch);
}

static struct batch *batch_take(struct lease_renew *renew)
{
	const struct ring *ring = ring_keeper_active(renew->params.keeper);
	uint64_t now = node_lease_present_msecs(renew->params.lease);
	struct batch *batch = mem_calloc(1, sizeof(*batch));
	const struct lease_cache_entry *entry;
	struct store_renewal *to;

	batch->renew = renew;
	while (batch->count < LEASE_RENEW_BATCH) {
		entry = lease_cache_queue_next(renew->params.cache, now);
		if (entry == NULL)
			break;
		to = &batch->renewals[batch->count++];
		to->key.key = mem_dup(entry->key, entry->key_size);
		to->key.size = entry->key_size;
		to->key.shard = ring_shard(ring_hash(ring, entry->key,
						     entry->key_size));
		to->host = mem_strdup(entry->host);
		to->generation = entry->generation;
	}
	return batch;
}

static void forget(struct lease_renew *renew,
		   const struct store_renewal *renewal)
{
	const struct lease_cache_entry entry = {
		.key = renewal->key.key,
		.key_size = renewal->key.size,
		.host = renewal->host,
		.generation = renewal->generation,
	};

	lease_cache_drop(renew->params.cache, &entry);
	agent_log(&renew->params.log, AGENT_LOG_DEBUG,
		  "lease of %.*s on %s, generation %"PRIu64", is another's now",
		  (int)renewal->key.size, (const char *)renewal->key.key,
		  renewal->host, renewal->generation);
}

static void
answered(struct batch *batch, unsigned int index, enum store_status status)
{
	const struct store_renewal *renewal = &batch->renewals[index];
	struct lease_renew *renew = batch->renew;

	switch (status) {
	case STORE_OK:
		return;
	case STORE_CONFLICT:
	case STORE_NOTFOUND:
		forget(renew, renewal);
		return;
	case STORE_BROKEN:
		/* His key, or his shard: not the store. He is queued again when
		   his session is seen again. */
		return;
	case STORE_OLDER:
	case STORE_SPLIT:
		batch->is_older = true;
		break;
	case STORE_REFUSED:
	case STORE_UNAVAILABLE:
	case STORE_UNCERTAIN:
		batch->failure = status;
		break;
	}
	/* Not told: it waits for the next batch */
	batch->put_off++;
	lease_cache_queue(renew->params.cache, renewal->key.key,
			  renewal->key.size,
			  node_lease_present_msecs(renew->params.lease));
}

static void batch_done(struct lease_renew *renew, const struct batch *batch)
{
	char reason[64];

	renew->batch = NULL;
	/* Full speed while it leads to something: those of one shard who have
	   to wait must not hold up the others */
	tick_schedule(renew, batch->failure != STORE_OK ||
		      batch->put_off > batch->count / 2 ||
		      !lease_cache_has_queued(renew->params.cache) ||
		      batch->count < LEASE_RENEW_BATCH ?
		      LEASE_RENEW_MSECS : 0);
	if (batch->failure != STORE_OK) {
		(void)snprintf(reason, sizeof(reason), "renewals: %s",
			       store_status_name(batch->failure));
		node_lease_store_failed(renew->params.lease, reason);
	} else if (batch->is_older) {
		renew->params.is_older(renew->params.context);
	}
}

static void
batch_callback(unsigned int index, enum store_status status, void *context)
{
	struct batch *batch = context;

	if (batch->renew != NULL && index < batch->count)
		answered(batch, index, status);
	if (++batch->answered < batch->count)
		return;
	if (batch->renew != NULL)
		batch_done(batch->renew, batch);
	batch_free(batch);
}

static bool can_ask_store(struct lease_renew *renew)
{
	return ring_keeper_active(renew->params.keeper) != NULL &&
		node_lease_state(renew->params.lease) == NODE_LEASE_HELD;
}

static bool can_send(struct lease_renew *renew)
{
	return renew->batch == NULL &&
		lease_cache_has_queued(renew->params.cache) &&
		can_ask_store(renew);
}

static void tick(void *context)
{
	struct lease_renew *renew = context;
	struct store *store = renew->params.store;
	struct batch *batch;

	renew->to_tick = NULL;
	if (!can_send(renew)) {
		if (renew->batch == NULL)
			tick_schedule(renew, LEASE_RENEW_MSECS);
		return;
	}
	batch = batch_take(renew);
	if (batch->count == 0) {
		batch_free(batch);
		tick_schedule(renew, LEASE_RENEW_MSECS);
		return;
	}
	renew->batch = batch;
	store->v->renew(store, ring_keeper_active_epoch(renew->params.keeper),
			batch->renewals, batch->count, batch_callback, batch);
}

static void tick_schedule(struct lease_renew *renew, unsigned int msecs)
{
	loop_timeout_remove(renew->params.loop, &renew->to_tick);
	renew->to_tick = loop_timeout_add(renew->params.loop, msecs, tick,
					  renew);
}

/* -- Sessions of before -- */

static void question_unlink(struct question *question)
{
	struct lease_renew *renew = question->renew;

	if (question->prev != NULL)
		question->prev->next = question->next;
	else
		renew->questions = question->next;
	if (question->next != NULL)
		question->next->prev = question->prev;
	renew->question_count--;
}

static void take_over(struct lease_renew *renew, const struct store_key *key,
		      const struct store_lease *lease)
{
	uint64_t now = node_lease_present_msecs(renew->params.lease);
	const struct lease_cache_entry entry = {
		.key = key->key,
		.key_size = key->size,
		.host = lease->host,
		.generation = lease->generation,
		.is_used = true,
	};

	lease_cache_put(renew->params.cache, &entry, now);
	lease_cache_queue(renew->params.cache, key->key, key->size, now);
}

static void question_callback(const struct store_lease_reply *reply,
			      void *context)
{
	struct question *question = context;

	if (question->renew != NULL) {
		question_unlink(question);
		/* Of what failed we hear again when the session is seen. */
		if (reply->status == STORE_OK)
			take_over(question->renew, &question->key,
				  &reply->lease);
	}
	free((void *)question->key.key);
	free(question);
}

static void ask_whose(struct lease_renew *renew, const void *key, size_t size)
{
	const struct ring *ring = ring_keeper_active(renew->params.keeper);
	struct store *store = renew->params.store;
	struct question *question = mem_calloc(1, sizeof(*question));

	question->renew = renew;
	question->key.key = mem_dup(key, size);
	question->key.size = size;
	question->key.shard = ring_shard(ring_hash(ring, key, size));
	question->next = renew->questions;
	if (question->next != NULL)
		question->next->prev = question;
	renew->questions = question;
	renew->question_count++;
	store->v->peek(store, &question->key, question_callback, question);
}

void lease_renew_seen(struct lease_renew *renew, const void *key, size_t size)
{
	uint64_t now = node_lease_present_msecs(renew->params.lease);

	if (lease_cache_find(renew->params.cache, key, size, now) != NULL)
		lease_cache_seen(renew->params.cache, key, size, now);
	else if (renew->question_count < LEASE_RENEW_QUESTIONS_MAX &&
		 can_ask_store(renew))
		ask_whose(renew, key, size);
}

/* -- Start and end -- */

struct lease_renew *lease_renew_init(const struct lease_renew_params *params)
{
	struct lease_renew *renew = mem_calloc(1, sizeof(*renew));

	renew->params = *params;
	tick_schedule(renew, LEASE_RENEW_MSECS);
	return renew;
}

void lease_renew_deinit(struct lease_renew **_renew)
{
	struct lease_renew *renew = *_renew;
	struct question *question;

	if (renew == NULL)
		return;
	*_renew = NULL;
	if (renew->batch != NULL)
		renew->batch->renew = NULL;
	for (question = renew->questions; question != NULL;
	     question = question->next)
		question->renew = NULL;
	loop_timeout_remove(renew->params.loop, &renew->to_tick);
	free(renew);
}

void lease_renew_all(struct lease_renew *renew)
{
	lease_cache_queue_all(renew->params.cache,
			      node_lease_present_msecs(renew->params.lease));
	if (renew->batch == NULL)
		tick_schedule(renew, 0);
}
