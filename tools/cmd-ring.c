#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "ring-diff.h"
#include "tool-output.h"
#include "tool-ring.h"

#define HEX_BYTES (2 * RING_DIGEST_BYTES + 1)

static char *hex(char text[static HEX_BYTES], const uint8_t *digest)
{
	return sodium_bin2hex(text, HEX_BYTES, digest, RING_DIGEST_BYTES);
}

static char *utc(char *text, size_t size, uint64_t secs)
{
	time_t when = (time_t)secs;
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		(void)snprintf(text, size, "%"PRIu64, secs);
	return text;
}

static void show_json(const struct tool_record *active)
{
	const struct ring_record *record = active->record;
	json_t *json = json_object(), *hosts = json_array();
	json_t *nodes = json_array();
	char digest[HEX_BYTES];
	unsigned int i;

	for (i = 0; i < record->host_count; i++)
		(void)json_array_append_new(hosts,
					    tool_json_host(&record->hosts[i]));
	for (i = 0; i < record->node_count; i++)
		(void)json_array_append_new(nodes,
					    tool_json_node(&record->nodes[i]));
#define SET(name, value) (void)json_object_set_new(json, name, value)
	SET("cluster", json_string(record->cluster));
	SET("epoch", tool_json_number(record->epoch));
	SET("digest", json_string(hex(digest, active->id.digest)));
	SET("previous", json_string(hex(digest, record->previous)));
	SET("table", json_string(hex(digest, record->table_digest)));
	SET("published_secs", tool_json_number(record->published_secs));
	SET("publisher", json_string(record->publisher));
	SET("nodes", nodes);
	SET("hosts", hosts);
#undef SET
	tool_json_end(&json);
}

static void show_table(const struct tool_record *active)
{
	static const char *const headings[] = {"WHAT", "NAME", "ADDRESS",
					       "STATE", "WEIGHT", "TAG",
					       "NODE", NULL};
	const struct ring_record *record = active->record;
	struct tool_table *table = tool_table_new(headings);
	char digest[HEX_BYTES], when[64];
	unsigned int i;

	printf("cluster %s, epoch %"PRIu64", published %s by %s\ndigest %s\n",
	       record->cluster, record->epoch,
	       utc(when, sizeof(when), record->published_secs),
	       record->publisher, hex(digest, active->id.digest));
	for (i = 0; i < record->node_count; i++) {
		const struct ring_node *node = &record->nodes[i];
		char *address = tool_node_address(node);

		tool_table_add(table, "%s", ring_role_name(node->role));
		tool_table_add(table, "%s", node->name);
		tool_table_add(table, "%s", address);
		for (int column = 3; column < 7; column++)
			tool_table_add(table, "%s", "");
		free(address);
	}
	for (i = 0; i < record->host_count; i++) {
		const struct ring_host *host = &record->hosts[i];

		tool_table_add(table, "host");
		tool_table_add(table, "%s", host->name);
		tool_table_add(table, "%s", host->address);
		tool_table_add(table, "%s", ring_host_state_name(host->state));
		tool_table_add(table, "%"PRIu32, host->weight);
		tool_table_add(table, "%s", host->tag);
		tool_table_add(table, "%s", host->node);
	}
	tool_table_end(&table);
}

static enum tool_status run_show(struct tool *tool,
				 const struct tool_args *args)
{
	struct tool_state state;
	enum tool_status status = tool_state_need(tool, &state);

	(void)args;
	if (status != TOOL_DONE)
		return status;
	if (tool->json)
		show_json(&state.active);
	else
		show_table(&state.active);
	tool_state_free(&state);
	return TOOL_DONE;
}

static enum tool_status run_export(struct tool *tool,
				   const struct tool_args *args)
{
	struct tool_state state;
	enum tool_status status = tool_state_need(tool, &state);

	(void)args;
	if (status != TOOL_DONE)
		return status;
	(void)fwrite(state.active.text.data, 1, state.active.text.size,
		     stdout);
	tool_state_free(&state);
	return TOOL_DONE;
}

static bool hosts_equal(const struct ring_host *a, const struct ring_host *b)
{
	return a->state == b->state && a->weight == b->weight &&
		a->effective == b->effective && strcmp(a->tag, b->tag) == 0 &&
		strcmp(a->node, b->node) == 0 &&
		strcmp(a->address, b->address) == 0 &&
		memcmp(a->ports, b->ports, sizeof(a->ports)) == 0;
}

static bool nodes_equal(const struct ring_node *a, const struct ring_node *b)
{
	return a->port == b->port && a->role == b->role &&
		strcmp(a->address, b->address) == 0 &&
		a->key_count == b->key_count &&
		memcmp(a->keys, b->keys,
		       a->key_count * sizeof(a->keys[0])) == 0;
}

/* What is only in `a`, or differs; `b` may be NULL. */
static unsigned int say_hosts(const struct ring_record *a,
			      const struct ring_record *b, bool differing,
			      const char *change)
{
	unsigned int i, count = 0;

	for (i = 0; i < a->host_count; i++) {
		const struct ring_host *other = b == NULL ? NULL :
			ring_record_host(b, a->hosts[i].name);

		if (differing ? other != NULL &&
		    !hosts_equal(&a->hosts[i], other) : other == NULL) {
			tool_say("host %s %s", a->hosts[i].name, change);
			count++;
		}
	}
	return count;
}

static unsigned int say_nodes(const struct ring_record *a,
			      const struct ring_record *b, bool differing,
			      const char *change)
{
	unsigned int i, count = 0;

	for (i = 0; i < a->node_count; i++) {
		const struct ring_node *other = b == NULL ? NULL :
			ring_record_node(b, a->nodes[i].name);

		if (differing ? other != NULL &&
		    !nodes_equal(&a->nodes[i], other) : other == NULL) {
			tool_say("node %s %s", a->nodes[i].name, change);
			count++;
		}
	}
	return count;
}

static void say_share_moved(const struct ring_record *before,
			    const struct ring_record *after)
{
	struct ring *old = NULL, *new = NULL;
	struct ring_error error;
	struct ring_diff *diff;

	if (before != NULL && ring_build(before, &old, &error) == 0 &&
	    ring_build(after, &new, &error) == 0) {
		diff = ring_diff(old, new);
		tool_say("%.2f %% of all users change their host",
			 100.0 * diff->slots_moved / RING_SLOTS);
		ring_diff_free(&diff);
	}
	if (old != NULL)
		ring_free(&old);
	if (new != NULL)
		ring_free(&new);
}

static void say_changes(const struct ring_record *before,
			const struct ring_record *after)
{
	unsigned int count = 0;

	if (before != NULL) {
		count += say_nodes(before, after, false, "is removed");
		count += say_hosts(before, after, false, "is removed");
		count += say_nodes(after, before, true, "changes");
		count += say_hosts(after, before, true, "changes");
	}
	count += say_nodes(after, before, false, "is added");
	count += say_hosts(after, before, false, "is added");
	if (count == 0)
		tool_say("the same hosts and nodes as before");
	else
		say_share_moved(before, after);
}

static enum tool_status import_over(struct tool *tool,
				    const struct tool_state *state,
				    const struct tool_record *file,
				    const uint8_t *secret)
{
	const struct ring_record *active = state->active.record;
	struct ring_record *record;
	enum tool_status status;

	/* Another seed would move every user at once. */
	if (active != NULL && memcmp(active->seed, file->record->seed,
				     RING_SEED_BYTES) != 0)
		return tool_fail(TOOL_NO, "this ring has another seed than the "
				 "one in the store, so it is another cluster's "
				 "or from before a dovering init: every user "
				 "would move");
	record = ring_record_dup(file->record);
	record->is_signed = false;
	memcpy(record->previous, file->id.digest, sizeof(record->previous));
	say_changes(active, record);
	status = tool_publish_record(tool, state, &file->id, record, secret);
	ring_record_free(&record);
	return status;
}

static enum tool_status import_file(struct tool *tool,
				    const struct tool_record *file,
				    const uint8_t *secret)
{
	struct tool_state state;
	enum tool_status status = tool_state_load(tool, &state);

	if (status == TOOL_DONE)
		status = tool_finish_prepared(tool, &state);
	if (status == TOOL_DONE && state.active.fault[0] != '\0')
		tool_say("what is in the store is replaced: it is not in "
			 "order: %s", state.active.fault);
	if (status == TOOL_DONE)
		status = import_over(tool, &state, file, secret);
	tool_state_free(&state);
	return status;
}

static enum tool_status run_import(struct tool *tool,
				   const struct tool_args *args)
{
	struct tool_record file = {.fault = ""};
	enum tool_status status;
	uint8_t *secret = NULL;

	status = tool_ready(tool);
	if (status == TOOL_DONE)
		status = tool_record_read(args->words[0], &file.text);
	if (status != TOOL_DONE)
		return status;
	tool_record_check(tool, &file);
	if (file.record == NULL)
		status = tool_fail(TOOL_NO, "%s: %s", args->words[0],
				   file.fault);
	if (status == TOOL_DONE)
		status = tool_ring_key_read(tool, &secret);
	if (status == TOOL_DONE)
		status = import_file(tool, &file, secret);
	if (secret != NULL)
		sodium_free(secret);
	tool_record_free(&file);
	return status;
}

const struct tool_command tool_cmd_ring[] = {
	{"ring show", "", 0, 0, NULL, "the ring's record", run_show},
	{"ring export", "", 0, 0, NULL,
	 "print the record as it is signed, to keep or to import", run_export},
	{"ring import", "FILE", 1, 1, NULL,
	 "publish an exported record's content anew, also into an empty store",
	 run_import},
	{.name = NULL},
};
