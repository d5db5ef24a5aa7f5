#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "memory.h"
#include "redis-hiredis.h"
#include "store-redis-private.h"
#include "store-scripts.h"

#define STORE_DEFAULT_TIMEOUT_MSECS 2000
/* How long WAIT may hold up what comes behind it on the connection. */
#define STORE_WAIT_MSECS "200"
#define STORE_JITTER_PERCENT 10

static const struct {
	const char *text;
	unsigned int keys;
	bool is_read;		/* changes nothing: a lost reply is no riddle */
} store_scripts[STORE_SCRIPT_COUNT] = {
	[STORE_SCRIPT_CLAIM] = { store_script_claim, 2, false },
	[STORE_SCRIPT_PEEK] = { store_script_peek, 1, true },
	[STORE_SCRIPT_REPLACE] = { store_script_replace, 2, false },
	[STORE_SCRIPT_RENEW] = { store_script_renew, 2, false },
	[STORE_SCRIPT_RELEASE] = { store_script_release, 1, false },
	[STORE_SCRIPT_RING_LOAD] = { store_script_ring_load, 2, true },
	[STORE_SCRIPT_RING_PREPARE] = { store_script_ring_prepare, 3, false },
	[STORE_SCRIPT_RING_ACTIVATE] = { store_script_ring_activate, 4, false },
	[STORE_SCRIPT_RING_WITHDRAW] = { store_script_ring_withdraw, 2, false },
	[STORE_SCRIPT_HEARTBEAT] = { store_script_heartbeat, 4, false },
	[STORE_SCRIPT_NODES] = { store_script_nodes, 1, true },
	[STORE_SCRIPT_NODE_LEAVE] = { store_script_node_leave, 2, false },
	[STORE_COMMAND_SCAN] = { NULL, 0, true }
};

/* -- Arguments -- */

void store_args_bytes(struct store_args *args, const void *bytes, size_t size)
{
	if (args->count == STORE_ARGS_MAX)
		abort();
	args->argv[args->count] = bytes;
	args->sizes[args->count++] = size;
}

void store_args_text(struct store_args *args, const char *text)
{
	store_args_bytes(args, text, strlen(text));
}

/* Takes what stands at the room's end, size bytes with a NUL behind them. */
static void store_args_take_room(struct store_args *args, int size)
{
	if (size < 0 || args->used + (size_t)size >= sizeof(args->room))
		abort();
	store_args_bytes(args, args->room + args->used, (size_t)size);
	args->used += (size_t)size + 1;
}

void store_args_number(struct store_args *args, uint64_t number)
{
	store_args_take_room(args, snprintf(args->room + args->used,
					    sizeof(args->room) - args->used,
					    "%" PRIu64, number));
}

void store_args_epoch(struct store_args *args, const struct store_epoch *epoch)
{
	char hex[2 * RING_DIGEST_BYTES + 1];
	unsigned int i;

	store_args_number(args, epoch->epoch);
	for (i = 0; i < RING_DIGEST_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", epoch->digest[i]);
	store_args_take_room(args, snprintf(args->room + args->used,
					    sizeof(args->room) - args->used,
					    "%s", hex));
}

void store_args_ring_key(struct store_args *args,
			 const struct store_redis *redis, const char *name)
{
	store_args_take_room(args, snprintf(args->room + args->used,
					    sizeof(args->room) - args->used,
					    "{%s:ring}:%s", redis->cluster,
					    name));
}

void store_args_shard_key(struct store_args *args,
			  const struct store_redis *redis, unsigned int shard)
{
	store_args_take_room(args, snprintf(args->room + args->used,
					    sizeof(args->room) - args->used,
					    "{%s:%02x}:shard", redis->cluster,
					    shard));
}

void store_args_lease_key(struct store_args *args,
			  const struct store_redis *redis,
			  const struct store_key *key)
{
	char prefix[RING_NAME_MAX + 32];
	int size = snprintf(prefix, sizeof(prefix), "{%s:%02x}:lease:",
			    redis->cluster, key->shard);

	args->lease_key = mem_calloc(1, (size_t)size + key->size);
	memcpy(args->lease_key, prefix, (size_t)size);
	if (key->size > 0)
		memcpy(args->lease_key + size, key->key, key->size);
	store_args_bytes(args, args->lease_key, (size_t)size + key->size);
}

void store_args_ttl(struct store_args *args, struct store_redis *redis)
{
	uint64_t span = (uint64_t)redis->lease_msecs * STORE_JITTER_PERCENT /
		100;
	uint64_t jitter = loop_random(redis->loop) % (2 * span + 1);

	store_args_number(args, redis->lease_msecs - span + jitter);
}

/* -- Operations under way -- */

struct store_op *store_op_new(struct store_redis *redis,
			      enum store_script_id script,
			      struct store_args *args, store_done_t *done)
{
	struct store_op *op;
	size_t total = 0;
	unsigned int i;
	char *room;

	for (i = 0; i < args->count; i++)
		total += args->sizes[i];
	op = mem_calloc(1, sizeof(*op) + total);
	room = (char *)(op + 1);
	op->argc = 3;
	for (i = 0; i < args->count; i++, op->argc++) {
		op->argv[op->argc] = room;
		op->sizes[op->argc] = args->sizes[i];
		if (args->sizes[i] > 0)
			memcpy(room, args->argv[i], args->sizes[i]);
		room += args->sizes[i];
	}
	free(args->lease_key);
	args->lease_key = NULL;
	op->redis = redis;
	op->script = script;
	op->done = done;
	return op;
}

static void store_op_link(struct store_op *op)
{
	op->next = op->redis->ops;
	op->prev = &op->redis->ops;
	if (op->next != NULL)
		op->next->prev = &op->next;
	op->redis->ops = op;
}

static void store_op_unlink(struct store_op *op)
{
	*op->prev = op->next;
	if (op->next != NULL)
		op->next->prev = op->prev;
}

static void store_op_set(struct store_op *op, unsigned int i, const char *text)
{
	op->argv[i] = text;
	op->sizes[i] = strlen(text);
}

/* The command's first words; SCAN has no script and its own arguments. */
static struct redis_command store_op_command(struct store_op *op)
{
	struct redis_command command = { op->argc, op->argv, op->sizes };

	if (op->script == STORE_COMMAND_SCAN) {
		command.argc -= 3;
		command.argv += 3;
		command.sizes += 3;
		return command;
	}
	store_op_set(op, 0, op->is_loading ? "EVAL" : "EVALSHA");
	store_op_set(op, 1, op->is_loading ? store_scripts[op->script].text :
		     op->redis->shas[op->script]);
	snprintf(op->key_count, sizeof(op->key_count), "%u",
		 store_scripts[op->script].keys);
	store_op_set(op, 2, op->key_count);
	return command;
}

static void store_op_replied(enum redis_status status,
			     const struct redisReply *reply, void *context);

static void store_op_start(struct store_op *op)
{
	uint64_t now = loop_now_msecs(op->redis->loop);
	/* what is late already shall be told so, but never from in here */
	unsigned int left = op->deadline_msecs > now ?
		(unsigned int)(op->deadline_msecs - now) : 1;
	struct redis_command commands[2] = { store_op_command(op) };
	char replicas[16];
	const char *argv[3] = { "WAIT", replicas, STORE_WAIT_MSECS };
	size_t sizes[3] = { 4, 0, strlen(STORE_WAIT_MSECS) };

	op->is_script_done = false;
	if (op->wait_replicas == 0) {
		op->replies_left = 1;
		redis_client_command(op->redis->client, &commands[0], left,
				     store_op_replied, op);
		return;
	}
	sizes[1] = (size_t)snprintf(replicas, sizeof(replicas), "%u",
				    op->wait_replicas);
	commands[1].argc = 3;
	commands[1].argv = argv;
	commands[1].sizes = sizes;
	op->replies_left = 2;
	redis_client_pipeline(op->redis->client, commands, 2, left,
			      store_op_replied, op);
}

void store_op_send(struct store_op *op)
{
	op->deadline_msecs = loop_now_msecs(op->redis->loop) +
		op->redis->timeout_msecs;
	store_op_link(op);
	store_op_start(op);
}

static void store_op_answer(struct store_op *op, enum redis_status status,
			    const struct redisReply *reply,
			    struct store_answer *answer_r)
{
	if (status != REDIS_OK && status != REDIS_ERROR) {
		store_answer_none(answer_r, status,
				  redis_client_last_error(op->redis->client),
				  store_scripts[op->script].is_read);
	} else if (op->is_script_done || op->script == STORE_COMMAND_SCAN) {
		store_answer_raw(answer_r, reply);
	} else {
		store_answer_script(answer_r, reply);
	}
}

/* All replies of this round are in. */
static void store_op_end(struct store_op *op)
{
	if (op->is_kept) {
		op->is_kept = false;
		store_op_start(op);
		return;
	}
	store_op_unlink(op);
	free(op);
}

static void store_op_replied(enum redis_status status,
			     const struct redisReply *reply, void *context)
{
	struct store_op *op = context;
	bool is_last = --op->replies_left == 0;
	struct store_answer answer;

	if (op->is_ending) {
		/* the store is gone, and the caller has been told */
		if (is_last)
			free(op);
		return;
	}
	if (!op->is_script_done && !op->is_loading &&
	    store_reply_is_noscript(reply)) {
		/* it did nothing: once more, with its text */
		op->is_loading = op->is_kept = true;
	} else if (!op->is_kept) {
		store_op_answer(op, status, reply, &answer);
		if (op->is_script_done)
			op->waited(op, &answer);
		else
			op->done(op, &answer);
	}
	op->is_script_done = true;
	if (is_last)
		store_op_end(op);
}

/* -- The store -- */

/* The client calls back later for what is under way: those operations are
   left to it. */
static void store_redis_free(struct store *store)
{
	struct store_redis *redis = (struct store_redis *)store;
	struct store_answer answer;
	struct store_op *op;

	while ((op = redis->ops) != NULL) {
		store_op_unlink(op);
		op->is_ending = true;
		store_answer_none(&answer, REDIS_UNCERTAIN, "",
				  store_scripts[op->script].is_read);
		op->done(op, &answer);
	}
	free(redis);
}

static const struct store_vfuncs store_redis_vfuncs = {
	.free = store_redis_free,
	.ring_load = store_redis_ring_load,
	.ring_prepare = store_redis_ring_prepare,
	.ring_activate = store_redis_ring_activate,
	.ring_withdraw = store_redis_ring_withdraw,
	.heartbeat = store_redis_heartbeat,
	.nodes = store_redis_nodes,
	.node_leave = store_redis_node_leave,
	.claim = store_redis_claim,
	.peek = store_redis_peek,
	.replace = store_redis_replace,
	.renew = store_redis_renew,
	.release = store_redis_release,
	.scan = store_redis_scan
};

/* Redis names a script by the SHA-1 of its text. */
static void store_script_sha(const char *text, char sha_r[STORE_SHA_BYTES])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size, i;

	if (EVP_Digest(text, strlen(text), digest, &size, EVP_sha1(),
		       NULL) != 1 || size != 20)
		abort();
	for (i = 0; i < size; i++)
		snprintf(sha_r + 2 * i, 3, "%02x", digest[i]);
}

struct store *store_redis_init(struct loop *loop, struct redis_client *client,
			       const char *cluster, unsigned int lease_secs,
			       unsigned int timeout_msecs)
{
	struct store_redis *redis = mem_calloc(1, sizeof(*redis));
	unsigned int i;

	redis->store.v = &store_redis_vfuncs;
	redis->loop = loop;
	redis->client = client;
	snprintf(redis->cluster, sizeof(redis->cluster), "%s", cluster);
	redis->lease_msecs = lease_secs * 1000;
	redis->timeout_msecs = timeout_msecs > 0 ? timeout_msecs :
		STORE_DEFAULT_TIMEOUT_MSECS;
	for (i = 0; i < STORE_SCRIPT_COUNT; i++) {
		if (store_scripts[i].text != NULL)
			store_script_sha(store_scripts[i].text,
					 redis->shas[i]);
	}
	return &redis->store;
}
