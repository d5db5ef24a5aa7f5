#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "tool-output.h"
#include "tool-ring.h"

/* Longer than a node lease, so that a node that died is not waited for. */
#define ACTIVATE_TIMEOUT_MSECS 30000
#define ACTIVATE_PAUSE_MSECS 100
/* What the store says of epochs is not signed, and they end: whoever can write
   there could have them used up. Nobody is so far ahead of what is signed. */
#define EPOCH_LEAD_MAX 1000000

/* Names separated by spaces as "d1, b2". */
static char *with_commas(const char *names)
{
	char *text = mem_calloc(1, strlen(names) * 2 + 1), *out = text;

	for (; *names != '\0'; names++) {
		if (*names == ' ')
			*out++ = ',';
		*out++ = *names;
	}
	return text;
}

/* Show who is missing when that changes. */
static void show_missing(uint64_t epoch, const char *missing, char **shown)
{
	char *names;

	if (*shown != NULL && strcmp(*shown, missing) == 0)
		return;
	names = with_commas(missing);
	tool_say("prepared epoch %"PRIu64"; waiting for %s", epoch, names);
	free(names);
	free(*shown);
	*shown = mem_strdup(missing);
}

/* TOOL_DONE: it is active. TOOL_TRY_AGAIN: some nodes have not acknowledged
   it in time; *missing_r has their names, the caller frees. */
static enum tool_status wait_active(struct tool *tool,
				    const struct store_epoch *id,
				    char **missing_r)
{
	uint64_t end = loop_now_msecs(tool->loop) + ACTIVATE_TIMEOUT_MSECS;
	struct tool_reply reply;
	char *missing = NULL;

	*missing_r = NULL;
	for (;;) {
		free(missing);
		reply = tool_store_activate(tool, id, &missing);
		if (reply.status == STORE_OK && missing[0] == '\0')
			break;
		/* An activation whose reply was lost may be repeated. */
		if (reply.status != STORE_OK &&
		    reply.status != STORE_UNAVAILABLE &&
		    reply.status != STORE_UNCERTAIN)
			break;
		if (loop_now_msecs(tool->loop) >= end)
			break;
		if (reply.status == STORE_OK)
			show_missing(id->epoch, missing, missing_r);
		tool_store_sleep(tool, ACTIVATE_PAUSE_MSECS);
	}
	free(*missing_r);
	*missing_r = missing;
	if (reply.status == STORE_OK)
		return missing[0] == '\0' ? TOOL_DONE : TOOL_TRY_AGAIN;
	if (reply.status == STORE_NOTFOUND || reply.status == STORE_SPLIT)
		return tool_fail(TOOL_TRY_AGAIN, "epoch %"PRIu64" is prepared "
				 "no more: somebody has taken it back; run it "
				 "again", id->epoch);
	return tool_store_fail(tool, "prepared, but can't activate it",
			       &reply);
}

/* A live node does not take it: then nobody may act by it. */
static enum tool_status take_back(struct tool *tool,
				  const struct store_epoch *id,
				  const char *missing)
{
	struct tool_reply reply = tool_store_withdraw(tool, id);
	char *names = with_commas(missing);

	if (reply.status == STORE_OK) {
		tool_say("epoch %"PRIu64" is taken back, the ring is as it "
			 "was: not acknowledged within %d seconds by %s; see "
			 "dovering status", id->epoch,
			 ACTIVATE_TIMEOUT_MSECS / 1000, names);
	} else if (reply.status == STORE_CONFLICT) {
		tool_say("epoch %"PRIu64" was not acknowledged in time by %s, "
			 "and is settled meanwhile: look at dovering status, "
			 "then run it again if needed", id->epoch, names);
	} else {
		(void)tool_store_fail(tool, "not acknowledged in time, and "
				      "can't take it back", &reply);
	}
	free(names);
	return TOOL_TRY_AGAIN;
}

static enum tool_status activate(struct tool *tool,
				 const struct store_epoch *id)
{
	enum tool_status status;
	char *missing;

	status = wait_active(tool, id, &missing);
	if (status == TOOL_TRY_AGAIN && missing[0] != '\0')
		status = take_back(tool, id, missing);
	free(missing);
	return status;
}

/* Its own id is not to be trusted: what the nodes have taken may be what the
   store means. */
static struct tool_reply withdraw_any(struct tool *tool,
				      const struct tool_state *state)
{
	struct tool_reply reply = tool_store_withdraw(tool,
						      &state->prepared.id);
	unsigned int i;

	for (i = 0; i < state->nodes.count &&
	     reply.status == STORE_CONFLICT; i++)
		reply = tool_store_withdraw(tool,
					    &state->nodes.nodes[i].prepared);
	return reply;
}

static enum tool_status drop_prepared(struct tool *tool,
				      const struct tool_state *state)
{
	const char *fault = state->prepared.fault;
	struct tool_reply reply;

	tool_say("what is prepared in the store is not in order, and is taken "
		 "away: %s", fault[0] != '\0' ? fault :
		 "it is older than the active record");
	reply = withdraw_any(tool, state);
	/* A copy of the active one: nothing is prepared then. */
	if (reply.status == STORE_CONFLICT &&
	    state->prepared.id.epoch == state->active.id.epoch)
		return TOOL_DONE;
	if (reply.status != STORE_OK)
		return tool_store_fail(tool, "can't take it away", &reply);
	return TOOL_DONE;
}

/* Text that the store does not count as prepared is put there by hand, or
   settled meanwhile: neither is in our way. */
static enum tool_status finish(struct tool *tool,
			       const struct tool_record *prepared)
{
	struct tool_reply reply;
	char *missing;

	reply = tool_store_activate(tool, &prepared->id, &missing);
	free(missing);
	if (reply.status == STORE_NOTFOUND || reply.status == STORE_OLDER)
		return TOOL_DONE;
	tool_say("epoch %"PRIu64", prepared by %s, comes first",
		 prepared->id.epoch, prepared->record->publisher);
	return activate(tool, &prepared->id);
}

enum tool_status tool_finish_prepared(struct tool *tool,
				      struct tool_state *state)
{
	const struct tool_record *prepared = &state->prepared;
	enum tool_status status;

	if (prepared->text.data == NULL)
		return TOOL_DONE;
	if (prepared->record == NULL ||
	    prepared->id.epoch <= state->active.id.epoch)
		status = drop_prepared(tool, state);
	else
		status = finish(tool, prepared);
	if (status != TOOL_DONE)
		return status;
	tool_state_free(state);
	return tool_state_load(tool, state);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The newest epoch of what is signed. */
static uint64_t newest_signed(const struct tool *tool,
			      const struct tool_state *state,
			      const struct store_epoch *known)
{
	uint64_t newest = tool->settings->ring_min_epoch;

	if (known != NULL)
		newest = larger(newest, known->epoch);
	if (state->active.record != NULL)
		newest = larger(newest, state->active.id.epoch);
	if (state->prepared.record != NULL)
		newest = larger(newest, state->prepared.id.epoch);
	return newest;
}

/* The newest epoch that anything has seen. */
static uint64_t newest_epoch(const struct tool *tool,
			     const struct tool_state *state,
			     const struct store_epoch *known)
{
	uint64_t newest = newest_signed(tool, state, known), claimed;
	uint64_t limit = newest + EPOCH_LEAD_MAX;
	unsigned int i;

	/* of a record that is not in order, too */
	claimed = larger(state->active.id.epoch, state->prepared.id.epoch);
	if (claimed <= limit)
		newest = larger(newest, claimed);
	for (i = 0; i < state->nodes.count; i++) {
		const struct tool_node *node = &state->nodes.nodes[i];

		claimed = larger(node->active.epoch, node->prepared.epoch);
		if (claimed <= limit) {
			newest = larger(newest, claimed);
			continue;
		}
		tool_say("the store says that node %s has seen epoch %"PRIu64
			 ", and nobody has published that: has somebody "
			 "tampered with the store? It is not counted",
			 node->name, claimed);
	}
	return newest;
}

static void set_publisher(struct ring_record *record)
{
	const struct passwd *user = getpwuid(getuid());
	char machine[RING_NAME_MAX + 1] = "";

	(void)gethostname(machine, sizeof(machine) - 1);
	(void)snprintf(record->publisher, sizeof(record->publisher),
		       "%.*s@%s", RING_NAME_MAX,
		       user == NULL ? "?" : user->pw_name, machine);
	record->published_secs = (uint64_t)time(NULL);
}

static enum tool_status set_table_digest(struct ring_record *record)
{
	struct ring_error error;
	struct ring *ring;

	if (ring_build(record, &ring, &error) < 0)
		return tool_fail(TOOL_NO, "this would be no ring: %s",
				 error.text);
	ring_table_digest(ring, record->table_digest);
	ring_free(&ring);
	return TOOL_DONE;
}

/* The reply of prepare was lost: is ours there? */
static enum tool_status read_back(struct tool *tool,
				  const struct tool_bytes *text)
{
	struct tool_bytes active, prepared;
	struct tool_reply reply = tool_store_rings(tool, &active, &prepared);
	bool found;

	found = (active.size == text->size && active.data != NULL &&
		 memcmp(active.data, text->data, text->size) == 0) ||
		(prepared.size == text->size && prepared.data != NULL &&
		 memcmp(prepared.data, text->data, text->size) == 0);
	free(active.data);
	free(prepared.data);
	if (reply.status != STORE_OK)
		return tool_store_fail(tool, "can't read back what was "
				       "prepared", &reply);
	if (!found)
		return tool_fail(TOOL_TRY_AGAIN, "the store's answer was lost, "
				 "and the ring is as it was: run it again");
	return TOOL_DONE;
}

/* A publication: what is to stand there, and what it replaces. */
struct publication {
	const struct tool_state *state;
	/* A record that is known to be good, and may be the active one though
	   its text in the store was altered; NULL = none. */
	const struct store_epoch *known;
	struct store_epoch id;
	struct tool_bytes text;
};

/* Compare-and-set with what the store has. If its text was altered by hand,
   the store still counts by the record that was published: one that the nodes
   hold, or the one that is imported. */
static struct tool_reply prepare_any(struct tool *tool,
				     const struct publication *pub)
{
	const struct tool_state *state = pub->state;
	struct tool_reply reply = tool_store_prepare(
		tool, &state->active.id, &pub->id, &pub->text);
	unsigned int i;

	if (state->active.record != NULL && state->outdated[0] == '\0')
		return reply;
	if (reply.status == STORE_CONFLICT && pub->known != NULL)
		reply = tool_store_prepare(tool, pub->known, &pub->id,
					   &pub->text);
	for (i = 0; i < state->nodes.count &&
	     reply.status == STORE_CONFLICT; i++)
		reply = tool_store_prepare(tool, &state->nodes.nodes[i].active,
					   &pub->id, &pub->text);
	return reply;
}

static enum tool_status prepare(struct tool *tool,
				const struct publication *pub)
{
	struct tool_reply reply = prepare_any(tool, pub);

	switch (reply.status) {
	case STORE_OK:
		return TOOL_DONE;
	case STORE_UNCERTAIN:
		return read_back(tool, &pub->text);
	case STORE_CONFLICT:
	case STORE_OLDER:
	case STORE_SPLIT:
		return tool_fail(TOOL_TRY_AGAIN, "somebody else has changed "
				 "the ring meanwhile: look at it with dovering "
				 "ring show, then run this again");
	case STORE_BROKEN:
		tool_say("the store's own notes on the ring were altered: if "
			 "nobody is publishing now, save the ring with "
			 "dovering ring export, remove the key {%s:ring}:state "
			 "with redis-cli, and dovering ring import it",
			 tool->settings->cluster);
		return tool_store_fail(tool, "can't publish", &reply);
	default:
		return tool_store_fail(tool, "can't publish", &reply);
	}
}

static enum tool_status publish_signed(struct tool *tool,
				       const struct tool_state *state,
				       const struct store_epoch *known,
				       const struct ring_record *record)
{
	struct publication pub = {
		.state = state,
		.known = known,
		.id.epoch = record->epoch,
	};
	enum tool_status status;

	ring_record_digest(record, pub.id.digest);
	pub.text.data = ring_record_print(record, &pub.text.size);
	status = prepare(tool, &pub);
	if (status == TOOL_DONE)
		status = activate(tool, &pub.id);
	free(pub.text.data);
	return status;
}

static void print_epoch(const struct tool *tool, uint64_t epoch)
{
	json_t *json;

	if (!tool->json) {
		printf("epoch %"PRIu64" is active\n", epoch);
		return;
	}
	json = json_object();
	(void)json_object_set_new(json, "epoch", tool_json_number(epoch));
	tool_json_end(&json);
}

enum tool_status tool_publish_record(struct tool *tool,
				     const struct tool_state *state,
				     const struct store_epoch *known,
				     struct ring_record *record,
				     const uint8_t *secret)
{
	uint64_t newest = newest_epoch(tool, state, known);
	enum tool_status status;

	if (newest >= RING_EPOCH_MAX) {
		return tool_fail(TOOL_NO, "an epoch of %"PRIu64" has been "
				 "seen, and there is none after it: has "
				 "somebody tampered with the store? See "
				 "dovering status", newest);
	}
	if (state->active.id.epoch != 0)
		memcpy(record->previous, state->active.id.digest,
		       sizeof(record->previous));
	record->is_signed = false;
	record->epoch = newest + 1;
	set_publisher(record);
	status = set_table_digest(record);
	if (status != TOOL_DONE)
		return status;
	ring_record_sign(record, secret);
	status = publish_signed(tool, state, known, record);
	if (status == TOOL_DONE)
		print_epoch(tool, record->epoch);
	return status;
}

static enum tool_status change_and_publish(struct tool *tool,
					   struct tool_state *state,
					   tool_change_t *change,
					   void *context,
					   const uint8_t *secret)
{
	struct ring_record *record;
	enum tool_status status;

	if (state->outdated[0] != '\0') {
		return tool_fail(TOOL_NO, "the store's ring has epoch %"PRIu64
				 ", but %s: restore that one with dovering "
				 "ring import FILE (the node has it in "
				 "state_dir, file ring.active)",
				 state->active.id.epoch, state->outdated);
	}
	record = ring_record_dup(state->active.record);
	record->is_signed = false;
	status = change(tool, record, context);
	if (status == TOOL_DONE)
		status = tool_publish_record(tool, state, NULL, record,
					     secret);
	ring_record_free(&record);
	if (status != TOOL_NOTHING_TO_DO)
		return status;
	/* who reads JSON wants an answer all the same */
	if (tool->json)
		print_epoch(tool, state->active.id.epoch);
	return TOOL_DONE;
}

enum tool_status tool_publish(struct tool *tool, tool_change_t *change,
			      void *context)
{
	struct tool_state state = {.outdated = ""};
	enum tool_status status;
	uint8_t *secret;

	status = tool_ready(tool);
	if (status == TOOL_DONE)
		status = tool_ring_key_read(tool, &secret);
	if (status != TOOL_DONE)
		return status;
	status = tool_state_load(tool, &state);
	if (status == TOOL_DONE)
		status = tool_finish_prepared(tool, &state);
	tool_state_free(&state);
	if (status == TOOL_DONE)
		status = tool_state_need(tool, &state);
	if (status == TOOL_DONE)
		status = change_and_publish(tool, &state, change, context,
					    secret);
	tool_state_free(&state);
	sodium_free(secret);
	return status;
}
