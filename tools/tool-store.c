#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "loop-poll.h"
#include "secret-file.h"
#include "store-redis.h"
#include "tool-store.h"

/* An admin waits that long before he is told that nobody answers; Sentinel
   needs about two seconds to name another master. */
#define OPERATION_TIMEOUT_MSECS 4000

static const char *or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static void ignore_event(enum redis_event event, const char *text,
			 void *context)
{
	/* What matters is in the answer to an operation. */
	(void)event;
	(void)text;
	(void)context;
}

enum tool_status tool_store_open(struct tool *tool)
{
	const struct node_settings *set = tool->settings;
	const struct redis_client_callbacks callbacks = {
		.event = ignore_event};
	struct redis_settings redis = {
		.url = set->store,
		.user = or_null(set->store_user),
		.ca_file = or_null(set->store_ca_file),
		.cert_file = or_null(set->store_cert_file),
		.key_file = or_null(set->store_key_file),
		.connect_timeout_msecs = OPERATION_TIMEOUT_MSECS / 2,
	};
	struct ring_error error;

	if (tool->store != NULL)
		return TOOL_DONE;
	if (set->store_password_file[0] != '\0' &&
	    node_secret_read_password("store_password_file",
				      set->store_password_file,
				      &tool->password, &error) < 0)
		return tool_fail(TOOL_CONFIG, "%s", error.text);
	redis.password = tool->password;
	tool->loop = loop_poll_init();
	if (redis_client_init(tool->loop, &redis, &callbacks, &tool->client,
			      &error) < 0)
		return tool_fail(TOOL_CONFIG, "%s: %s", tool->config,
				 error.text);
	tool->store = store_redis_init(tool->loop, tool->client, set->cluster,
				       set->user_expire_secs,
				       OPERATION_TIMEOUT_MSECS);
	return TOOL_DONE;
}

void tool_store_close(struct tool *tool)
{
	store_free(&tool->store);
	if (tool->client != NULL)
		redis_client_deinit(&tool->client);
	if (tool->loop != NULL)
		loop_poll_deinit(&tool->loop);
	if (tool->password != NULL)
		sodium_free(tool->password);
	tool->password = NULL;
}

/* What each status means for who called the tool. */
static enum tool_status exit_status(enum store_status status)
{
	switch (status) {
	case STORE_OK:
		return TOOL_DONE;
	case STORE_NOTFOUND:
		return TOOL_NO;
	case STORE_OLDER:
	case STORE_CONFLICT:
	case STORE_SPLIT:
	case STORE_UNCERTAIN:
		return TOOL_TRY_AGAIN;
	case STORE_REFUSED:
	case STORE_UNAVAILABLE:
	case STORE_BROKEN:
		break;
	}
	return TOOL_UNREACHABLE;
}

enum tool_status tool_store_fail(struct tool *tool, const char *what,
				 const struct tool_reply *reply)
{
	const char *why = reply->error;

	if (reply->status == STORE_UNAVAILABLE &&
	    redis_client_last_error(tool->client)[0] != '\0')
		why = redis_client_last_error(tool->client);
	(void)snprintf(tool->store_error, sizeof(tool->store_error),
		       "%s%s%.480s", store_status_name(reply->status),
		       why[0] == '\0' ? "" : ": ", why);
	return tool_fail(exit_status(reply->status), "%s: store %s: %s", what,
			 tool->settings->store, tool->store_error);
}

/* One operation under way. Each kind of answer has its own part. */
struct operation {
	bool done;
	struct tool_reply reply;

	struct tool_bytes *active, *prepared;
	struct tool_nodes *nodes;
	char *missing;
	uint64_t active_epoch;
	struct tool_lease *lease;
	const struct ring_record *record;
	uint64_t *counts, strangers;
};

static void finish(struct operation *op, enum store_status status,
		   const char *error)
{
	op->reply.status = status;
	(void)snprintf(op->reply.error, sizeof(op->reply.error), "%s",
		       error == NULL ? "" : error);
	op->done = true;
}

static void wait_for(struct tool *tool, struct operation *op)
{
	/* The store promises an answer: without one it is broken. */
	if (!loop_poll_until(tool->loop, &op->done))
		finish(op, STORE_BROKEN, "no answer");
}

static void sleep_over(void *context)
{
	*(bool *)context = true;
}

void tool_store_sleep(struct tool *tool, unsigned int msecs)
{
	bool done = false;

	(void)loop_timeout_add(tool->loop, msecs, sleep_over, &done);
	(void)loop_poll_until(tool->loop, &done);
}

static void copy_bytes(struct tool_bytes *to, const char *data, size_t size)
{
	to->data = size == 0 ? NULL : mem_dup(data, size);
	to->size = size;
}

static void rings_done(const struct store_rings *reply, void *context)
{
	struct operation *op = context;

	if (reply->status == STORE_OK) {
		copy_bytes(op->active, reply->active, reply->active_size);
		copy_bytes(op->prepared, reply->prepared,
			   reply->prepared_size);
	}
	finish(op, reply->status, reply->error);
}

struct tool_reply
tool_store_rings(struct tool *tool, struct tool_bytes *active_r,
		 struct tool_bytes *prepared_r)
{
	struct operation op = {.active = active_r, .prepared = prepared_r};

	memset(active_r, 0, sizeof(*active_r));
	memset(prepared_r, 0, sizeof(*prepared_r));
	tool->store->v->ring_load(tool->store, rings_done, &op);
	wait_for(tool, &op);
	if (op.reply.status == STORE_NOTFOUND)
		op.reply.status = STORE_OK;
	return op.reply;
}

static void copy_node(struct tool_node *to, const struct store_node *from)
{
	(void)snprintf(to->name, sizeof(to->name), "%s", from->name);
	to->complaint = mem_strdup(from->complaint == NULL ? "" :
							from->complaint);
	to->active = from->active;
	to->prepared = from->prepared;
	to->age_msecs = from->age_msecs;
	to->is_alive = from->is_alive;
}

static void nodes_done(const struct store_nodes *reply, void *context)
{
	struct operation *op = context;
	struct tool_nodes *nodes = op->nodes;
	unsigned int i;

	if (reply->status == STORE_OK) {
		nodes->count = reply->count;
		nodes->nodes = mem_calloc(1, nodes->count *
					   sizeof(*nodes->nodes));
		for (i = 0; i < nodes->count; i++)
			copy_node(&nodes->nodes[i], &reply->nodes[i]);
	}
	finish(op, reply->status, reply->error);
}

struct tool_reply tool_store_nodes(struct tool *tool,
				   struct tool_nodes *nodes_r)
{
	struct operation op = {.nodes = nodes_r};

	memset(nodes_r, 0, sizeof(*nodes_r));
	tool->store->v->nodes(tool->store, nodes_done, &op);
	wait_for(tool, &op);
	if (op.reply.status == STORE_NOTFOUND)
		op.reply.status = STORE_OK;
	return op.reply;
}

void tool_nodes_free(struct tool_nodes *nodes)
{
	unsigned int i;

	for (i = 0; i < nodes->count; i++)
		free(nodes->nodes[i].complaint);
	free(nodes->nodes);
	memset(nodes, 0, sizeof(*nodes));
}

const struct tool_node *tool_nodes_find(const struct tool_nodes *nodes,
					const char *name)
{
	unsigned int i;

	for (i = 0; i < nodes->count; i++) {
		if (strcmp(nodes->nodes[i].name, name) == 0)
			return &nodes->nodes[i];
	}
	return NULL;
}

static void publish_done(const struct store_publish_reply *reply,
			 void *context)
{
	struct operation *op = context;

	op->missing = mem_strdup(reply->missing == NULL ? "" :
							   reply->missing);
	op->active_epoch = reply->active_epoch;
	finish(op, reply->status, reply->error);
}

struct tool_reply
tool_store_prepare(struct tool *tool, const struct store_epoch *expected,
		   const struct store_epoch *epoch,
		   const struct tool_bytes *text)
{
	struct operation op = {.done = false};

	tool->store->v->ring_prepare(tool->store, expected, epoch, text->data,
				     text->size, publish_done, &op);
	wait_for(tool, &op);
	free(op.missing);
	return op.reply;
}

struct tool_reply
tool_store_activate(struct tool *tool, const struct store_epoch *epoch,
		    char **missing_r)
{
	struct operation op = {.done = false};

	tool->store->v->ring_activate(tool->store, epoch, publish_done, &op);
	wait_for(tool, &op);
	*missing_r = op.missing == NULL ? mem_strdup("") : op.missing;
	return op.reply;
}

struct tool_reply tool_store_withdraw(struct tool *tool,
				      const struct store_epoch *epoch)
{
	struct operation op = {.done = false};

	tool->store->v->ring_withdraw(tool->store, epoch, publish_done, &op);
	wait_for(tool, &op);
	free(op.missing);
	return op.reply;
}

static void lease_done(const struct store_lease_reply *reply, void *context)
{
	struct operation *op = context;

	if (reply->status == STORE_OK) {
		(void)snprintf(op->lease->host, sizeof(op->lease->host), "%s",
			       reply->lease.host);
		op->lease->generation = reply->lease.generation;
		op->lease->epoch = reply->lease.epoch;
		op->lease->expires_msecs = reply->lease.expires_msecs;
	}
	finish(op, reply->status, reply->error);
}

struct tool_reply tool_store_peek(struct tool *tool,
				  const struct store_key *key,
				  struct tool_lease *lease_r)
{
	struct operation op = {.lease = lease_r};

	memset(lease_r, 0, sizeof(*lease_r));
	tool->store->v->peek(tool->store, key, lease_done, &op);
	wait_for(tool, &op);
	return op.reply;
}

static void count_batch(const struct store_scan_batch *batch, void *context)
{
	struct operation *op = context;
	unsigned int i;

	for (i = 0; i < batch->count && batch->status == STORE_OK; i++) {
		const struct ring_host *host =
			ring_record_host(op->record, batch->leases[i].host);

		if (host == NULL)
			op->strangers++;
		else
			op->counts[host - op->record->hosts]++;
	}
	if (batch->is_end)
		finish(op, batch->status, batch->error);
}

struct tool_reply
tool_store_count(struct tool *tool, const struct ring_record *record,
		 uint64_t **counts_r, uint64_t *strangers_r)
{
	struct operation op = {.record = record};

	op.counts = mem_calloc(1, record->host_count * sizeof(*op.counts));
	tool->store->v->scan(tool->store, count_batch, &op);
	wait_for(tool, &op);
	*counts_r = op.counts;
	*strangers_r = op.strangers;
	return op.reply;
}
