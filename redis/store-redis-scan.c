/* All leases: SCAN, then a look at each key that it finds. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "redis-hiredis.h"
#include "store-redis-private.h"

#define SCAN_COUNT "500"

struct scan_found {
	char *key;
	size_t size;
	unsigned int shard;
	char host[RING_NAME_MAX + 1];
	struct store_lease lease;
	bool is_there;
};

/* One scan. Lives as long as any of its operations is under way. */
struct store_scan {
	struct store_redis *redis;
	store_scan_callback_t *callback;
	void *context;
	char cursor[24];
	struct scan_found *found;	/* of this batch */
	unsigned int count, left;
	/* The first failure: told when nothing is under way any more */
	enum store_status status;
	struct ring_error error;
};

static void scan_next(struct store_scan *scan);

static void scan_clear(struct store_scan *scan)
{
	unsigned int i;

	for (i = 0; i < scan->count; i++)
		free(scan->found[i].key);
	free(scan->found);
	scan->found = NULL;
	scan->count = 0;
}

/* Copies what is there, side by side. Returns their number. */
static unsigned int scan_collect(const struct store_scan *scan,
				 struct store_lease *leases,
				 struct store_key *keys)
{
	unsigned int i, n = 0;

	for (i = 0; i < scan->count; i++) {
		const struct scan_found *found = &scan->found[i];

		if (!found->is_there)
			continue;
		leases[n] = found->lease;
		leases[n].host = found->host;
		keys[n].key = found->key;
		keys[n].size = found->size;
		keys[n].shard = found->shard;
		n++;
	}
	return n;
}

static void scan_deliver(struct store_scan *scan)
{
	struct store_lease *leases =
		mem_calloc(1, (scan->count + 1) * sizeof(*leases));
	struct store_key *keys =
		mem_calloc(1, (scan->count + 1) * sizeof(*keys));
	struct store_scan_batch batch;

	memset(&batch, 0, sizeof(batch));
	batch.status = STORE_OK;
	batch.leases = leases;
	batch.keys = keys;
	batch.count = scan_collect(scan, leases, keys);
	batch.error = "";
	if (batch.count > 0)
		scan->callback(&batch, scan->context);
	free(leases);
	free(keys);
	scan_clear(scan);
}

static void scan_end(struct store_scan *scan)
{
	struct store_scan_batch batch;

	memset(&batch, 0, sizeof(batch));
	batch.status = scan->status;
	batch.error = scan->error.text;
	batch.is_end = true;
	scan->callback(&batch, scan->context);
	scan_clear(scan);
	free(scan);
}

/* Nothing of this batch is under way any more. */
static void scan_batch_end(struct store_scan *scan)
{
	if (scan->status == STORE_OK)
		scan_deliver(scan);
	if (scan->status == STORE_OK && strcmp(scan->cursor, "0") != 0)
		scan_next(scan);
	else
		scan_end(scan);
}

static void scan_fail(struct store_scan *scan,
		      const struct store_answer *answer)
{
	if (scan->status != STORE_OK)
		return;
	scan->status = answer->status;
	scan->error = answer->error;
}

static void scan_done_peek(struct store_op *op,
			   const struct store_answer *answer)
{
	struct store_scan *scan = op->context;
	struct scan_found *found = &scan->found[op->index];
	struct store_lease_reply reply;
	struct store_answer broken;

	store_parse_lease(answer, &reply, &broken);
	if (reply.status == STORE_OK) {
		found->lease = reply.lease;
		snprintf(found->host, sizeof(found->host), "%s",
			 reply.lease.host);
		found->is_there = true;
	} else if (reply.status != STORE_NOTFOUND &&
		   reply.status != STORE_BROKEN) {
		/* run out meanwhile, or no lease: nothing to count */
		scan_fail(scan, answer);
	}
	if (--scan->left == 0)
		scan_batch_end(scan);
}

/* Is it a lease's key, {cluster:SS}:lease:KEY? */
static bool scan_parse_key(const struct store_scan *scan, const char *name,
			   size_t size, struct scan_found *found)
{
	char prefix[RING_NAME_MAX + 32];
	int shard_at = snprintf(prefix, sizeof(prefix), "{%s:",
				scan->redis->cluster);
	char *end, hex[3];
	size_t skip = (size_t)shard_at + 2 + strlen("}:lease:");

	if (size < skip || memcmp(name, prefix, (size_t)shard_at) != 0)
		return false;
	memcpy(hex, name + shard_at, 2);
	hex[2] = '\0';
	found->shard = (unsigned int)strtoul(hex, &end, 16);
	if (end != hex + 2 ||
	    memcmp(name + shard_at + 2, "}:lease:", skip - 2 -
		   (size_t)shard_at) != 0)
		return false;
	found->size = size - skip;
	found->key = mem_calloc(1, found->size + 1);
	memcpy(found->key, name + skip, found->size);
	return true;
}

/* Two elements: the next cursor, and keys. */
static bool scan_parse(struct store_scan *scan, const struct redisReply *reply)
{
	const struct redisReply *keys;
	size_t i;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    (size_t)reply->element[0]->len >= sizeof(scan->cursor) ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY)
		return false;
	memcpy(scan->cursor, reply->element[0]->str,
	       (size_t)reply->element[0]->len + 1);
	keys = reply->element[1];
	scan->found = mem_calloc(1, (keys->elements + 1) *
				  sizeof(*scan->found));
	for (i = 0; i < keys->elements; i++) {
		const struct redisReply *key = keys->element[i];

		if (key->type != REDIS_REPLY_STRING)
			return false;
		if (scan_parse_key(scan, key->str, (size_t)key->len,
				   &scan->found[scan->count]))
			scan->count++;
	}
	return true;
}

static void scan_peek(struct store_scan *scan, unsigned int index)
{
	struct scan_found *found = &scan->found[index];
	struct store_key key = { found->key, found->size, found->shard };
	struct store_args args = { .count = 0 };
	struct store_op *op;

	store_args_lease_key(&args, scan->redis, &key);
	op = store_op_new(scan->redis, STORE_SCRIPT_PEEK, &args,
			  scan_done_peek);
	op->context = scan;
	op->index = index;
	store_op_send(op);
}

static void scan_done(struct store_op *op, const struct store_answer *answer)
{
	struct store_scan *scan = op->context;
	struct store_answer broken;
	unsigned int i;

	if (answer->status == STORE_OK && !scan_parse(scan, answer->reply)) {
		store_answer_broken(&broken, "not SCAN's");
		answer = &broken;
	}
	if (answer->status != STORE_OK)
		scan_fail(scan, answer);
	if (answer->status != STORE_OK || scan->count == 0) {
		scan_batch_end(scan);
		return;
	}
	scan->left = scan->count;
	for (i = 0; i < scan->count; i++)
		scan_peek(scan, i);
}

static void scan_next(struct store_scan *scan)
{
	struct store_args args = { .count = 0 };
	char pattern[RING_NAME_MAX + 64];
	struct store_op *op;

	snprintf(pattern, sizeof(pattern), "{%s:[0-9a-f][0-9a-f]}:lease:*",
		 scan->redis->cluster);
	store_args_text(&args, "SCAN");
	store_args_text(&args, scan->cursor);
	store_args_text(&args, "MATCH");
	store_args_text(&args, pattern);
	store_args_text(&args, "COUNT");
	store_args_text(&args, SCAN_COUNT);
	op = store_op_new(scan->redis, STORE_COMMAND_SCAN, &args, scan_done);
	op->context = scan;
	store_op_send(op);
}

void store_redis_scan(struct store *store, store_scan_callback_t *callback,
		      void *context)
{
	struct store_scan *scan = mem_calloc(1, sizeof(*scan));

	scan->redis = (struct store_redis *)store;
	scan->callback = callback;
	scan->context = context;
	snprintf(scan->cursor, sizeof(scan->cursor), "0");
	scan_next(scan);
}
