#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "ring-key.h"
#include "secret-file.h"
#include "tool-ring.h"

static bool id_equals(const struct store_epoch *a, const struct store_epoch *b)
{
	return a->epoch == b->epoch &&
		memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

static int check_record(const struct tool *tool,
			const struct ring_record *record,
			struct ring_error *error)
{
	const struct node_settings *set = tool->settings;

	if (strcmp(record->cluster, set->cluster) != 0) {
		ring_error_set(error, 0, "it is of cluster %s, and the setting "
			       "cluster is %s", record->cluster, set->cluster);
		return -1;
	}
	if (record->epoch < set->ring_min_epoch) {
		ring_error_set(error, 0, "its epoch is %"PRIu64", and "
			       "ring_min_epoch is %"PRIu64, record->epoch,
			       set->ring_min_epoch);
		return -1;
	}
	return ring_record_verify(record, tool->ring_public_key, error);
}

void tool_record_check(const struct tool *tool, struct tool_record *record)
{
	struct ring_error error;

	if (record->text.data == NULL)
		return;
	if (ring_record_parse(record->text.data, record->text.size,
			      &record->record, &error) < 0) {
		(void)snprintf(record->fault, sizeof(record->fault),
			       "line %u: %.400s", error.line, error.text);
		return;
	}
	record->id.epoch = record->record->epoch;
	ring_record_digest(record->record, record->id.digest);
	if (check_record(tool, record->record, &error) < 0) {
		(void)snprintf(record->fault, sizeof(record->fault), "%s",
			       error.text);
		ring_record_free(&record->record);
	}
}

void tool_record_free(struct tool_record *record)
{
	free(record->text.data);
	if (record->record != NULL)
		ring_record_free(&record->record);
	memset(record, 0, sizeof(*record));
}

enum tool_status tool_record_read(const char *path, struct tool_bytes *text_r)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int failed = 0;

	memset(text_r, 0, sizeof(*text_r));
	if (file == NULL)
		return tool_fail(TOOL_NO, "can't open %s: %s", path,
				 strerror(errno));
	text_r->data = mem_calloc(1, RING_RECORD_MAX_BYTES + 2);
	text_r->size = fread(text_r->data, 1, RING_RECORD_MAX_BYTES + 1, file);
	if (ferror(file) != 0)
		failed = errno;
	if (file != stdin)
		(void)fclose(file);
	if (failed == 0 && text_r->size > 0 &&
	    text_r->size <= RING_RECORD_MAX_BYTES)
		return TOOL_DONE;
	if (failed != 0)
		tool_say("can't read %s: %s", path, strerror(failed));
	else
		tool_say("%s: expected a ring record, not %s", path,
			 text_r->size == 0 ? "nothing" : "that much");
	free(text_r->data);
	memset(text_r, 0, sizeof(*text_r));
	return TOOL_NO;
}

/* Whoever can write to the store can put an older record there, signed once:
   what the nodes hold gives him away. To publish on top of it would make his
   choice ours. */
static void check_outdated(struct tool_state *state)
{
	const struct store_epoch *id = &state->active.id;
	unsigned int i;

	for (i = 0; i < state->nodes.count; i++) {
		const struct tool_node *node = &state->nodes.nodes[i];

		if (node->active.epoch > id->epoch ||
		    (node->active.epoch == id->epoch && id->epoch != 0 &&
		     !id_equals(&node->active, id))) {
			(void)snprintf(
				state->outdated, sizeof(state->outdated),
				"node %s holds epoch %"PRIu64"%s", node->name,
				node->active.epoch,
				node->active.epoch == id->epoch ?
				" with another content" : "");
			return;
		}
	}
}

enum tool_status tool_state_load(struct tool *tool, struct tool_state *state_r)
{
	enum tool_status status;
	struct tool_reply reply;

	memset(state_r, 0, sizeof(*state_r));
	status = tool_ready(tool);
	if (status == TOOL_DONE)
		status = tool_store_open(tool);
	if (status != TOOL_DONE)
		return status;
	/* In this order: what is activated in between must not look as if
	   nodes held what the store has lost. */
	reply = tool_store_nodes(tool, &state_r->nodes);
	if (reply.status == STORE_OK)
		reply = tool_store_rings(tool, &state_r->active.text,
					 &state_r->prepared.text);
	if (reply.status != STORE_OK) {
		tool_state_free(state_r);
		return tool_store_fail(tool, "can't read the ring", &reply);
	}
	tool_record_check(tool, &state_r->active);
	tool_record_check(tool, &state_r->prepared);
	check_outdated(state_r);
	return TOOL_DONE;
}

void tool_state_free(struct tool_state *state)
{
	tool_record_free(&state->active);
	tool_record_free(&state->prepared);
	tool_nodes_free(&state->nodes);
	memset(state, 0, sizeof(*state));
}

enum tool_status tool_state_need(struct tool *tool, struct tool_state *state_r)
{
	enum tool_status status = tool_state_load(tool, state_r);

	if (status != TOOL_DONE)
		return status;
	if (state_r->active.fault[0] != '\0') {
		tool_say("the ring in the store is not in order: %s",
			 state_r->active.fault);
		tool_say("nodes go on with the ring that they have; restore "
			 "one with: dovering ring import FILE");
	} else if (state_r->active.record != NULL) {
		return TOOL_DONE;
	} else if (state_r->prepared.record != NULL) {
		tool_say("no ring is active yet, epoch %"PRIu64" is prepared: "
			 "any change will finish it",
			 state_r->prepared.id.epoch);
	} else if (state_r->outdated[0] != '\0') {
		tool_say("the store has no ring, but %s: restore it with: "
			 "dovering ring import FILE", state_r->outdated);
	} else {
		tool_say("the store has no ring: begin with dovering init, or "
			 "restore one with dovering ring import FILE");
	}
	tool_state_free(state_r);
	return TOOL_NO;
}

enum tool_status tool_ring_key_read(const struct tool *tool,
				    uint8_t **secret_r)
{
	const struct node_settings *set = tool->settings;
	uint8_t public[RING_PUBLIC_KEY_BYTES];
	struct ring_error error;

	if (node_secret_read_key("ring_secret_key_file",
				 set->ring_secret_key_file, secret_r,
				 &error) < 0)
		return tool_fail(TOOL_CONFIG, "%s", error.text);
	ring_key_public(*secret_r, public);
	if (memcmp(public, tool->ring_public_key, sizeof(public)) == 0)
		return TOOL_DONE;
	sodium_free(*secret_r);
	*secret_r = NULL;
	return tool_fail(TOOL_CONFIG, "ring_secret_key_file %s and "
			 "ring_public_key_file %s are not of one pair: no node "
			 "would take what is signed", set->ring_secret_key_file,
			 set->ring_public_key_file);
}
