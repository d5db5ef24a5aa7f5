#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "ring-key.h"
#include "tool-output.h"
#include "tool-ring.h"

static enum tool_status read_public_key(const char *path, uint8_t *public)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char text[2 * RING_KEY_TEXT_BYTES];
	struct ring_error error;
	bool failed;
	size_t size;
	int ret;

	if (file == NULL)
		return tool_fail(TOOL_NO, "--key: can't open %s: %s", path,
				 strerror(errno));
	size = fread(text, 1, sizeof(text), file);
	failed = ferror(file) != 0;
	if (failed)
		(void)tool_fail(TOOL_NO, "--key: can't read %s: %s", path,
				strerror(errno));
	if (file != stdin)
		(void)fclose(file);
	if (failed)
		return TOOL_NO;
	ret = ring_key_parse_public(text, size, public, &error);
	/* somebody may have given us the secret half */
	sodium_memzero(text, sizeof(text));
	if (ret < 0)
		return tool_fail(TOOL_NO, "--key %s: %s; dovering node key on "
				 "that node prints it", path, error.text);
	return TOOL_DONE;
}

static enum tool_status add_change(struct tool *tool,
				   struct ring_record *record, void *context)
{
	const struct ring_node *node = context;
	struct ring_error error;

	(void)tool;
	if (ring_record_node(record, node->name) != NULL)
		return tool_fail(TOOL_NO, "node %s is in the ring already: "
				 "remove it first to change it", node->name);
	if (ring_record_set_node(record, node, &error) < 0)
		return tool_fail(TOOL_NO, "%s", error.text);
	return TOOL_DONE;
}

static enum tool_status run_add(struct tool *tool,
				const struct tool_args *args)
{
	const char *role = tool_option(args, "role");
	const char *key = tool_option(args, "key");
	struct ring_node node = {.key_count = 1};
	enum tool_status status;

	if (!ring_name_is_valid(args->words[0]))
		return tool_usage(args, "NAME \"%s\": expected 1 to %d letters, "
				  "digits, \"-\", \"_\" or \".\"",
				  args->words[0], RING_NAME_MAX);
	strcpy(node.name, args->words[0]);
	if (!tool_parse_address(args->words[1], node.address, &node.port) ||
	    node.port == 0)
		return tool_usage(args, "ADDRESS:PORT \"%s\": expected a numeric "
				  "address and a port, such as 10.0.0.1:7420 "
				  "or [2001:db8::1]:7420", args->words[1]);
	if (!ring_role_parse(role, &node.role))
		return tool_usage(args, "--role \"%s\": expected director or "
				  "backend", role);
	status = read_public_key(key, node.keys[0]);
	if (status != TOOL_DONE)
		return status;
	return tool_publish(tool, add_change, &node);
}

static enum tool_status remove_change(struct tool *tool,
				      struct ring_record *record,
				      void *context)
{
	struct ring_error error;

	(void)tool;
	if (ring_record_remove_node(record, context, &error) < 0)
		return tool_fail(TOOL_NO, "%s", error.text);
	return TOOL_DONE;
}

static enum tool_status run_remove(struct tool *tool,
				   const struct tool_args *args)
{
	return tool_publish(tool, remove_change, (void *)args->words[0]);
}

static bool is_alive(const struct tool_state *state, const char *name)
{
	const struct tool_node *beat = tool_nodes_find(&state->nodes, name);

	return beat != NULL && beat->is_alive;
}

static void list_json(const struct tool_state *state)
{
	const struct ring_record *record = state->active.record;
	json_t *json = json_object(), *nodes = json_array();
	unsigned int i;

	for (i = 0; i < record->node_count; i++) {
		json_t *node = tool_json_node(&record->nodes[i]);

		(void)json_object_set_new(node, "alive", json_boolean(
			is_alive(state, record->nodes[i].name)));
		(void)json_array_append_new(nodes, node);
	}
	(void)json_object_set_new(json, "epoch",
				  tool_json_number(record->epoch));
	(void)json_object_set_new(json, "nodes", nodes);
	tool_json_end(&json);
}

static void list_table(const struct tool_state *state)
{
	static const char *const headings[] = {"NODE", "ROLE", "AGENT",
					       "ALIVE", "KEYS", NULL};
	const struct ring_record *record = state->active.record;
	struct tool_table *table = tool_table_new(headings);
	unsigned int i;

	for (i = 0; i < record->node_count; i++) {
		const struct ring_node *node = &record->nodes[i];
		char *address = tool_node_address(node);

		tool_table_add(table, "%s", node->name);
		tool_table_add(table, "%s", ring_role_name(node->role));
		tool_table_add(table, "%s", address);
		tool_table_add(table, "%s", is_alive(state, node->name) ?
			       "yes" : "no");
		tool_table_add(table, "%u", node->key_count);
		free(address);
	}
	tool_table_end(&table);
}

static enum tool_status run_list(struct tool *tool,
				 const struct tool_args *args)
{
	struct tool_state state;
	enum tool_status status = tool_state_need(tool, &state);

	(void)args;
	if (status != TOOL_DONE)
		return status;
	if (tool->json)
		list_json(&state);
	else
		list_table(&state);
	tool_state_free(&state);
	return TOOL_DONE;
}

static const struct tool_option add_options[] = {
	{"role", "director|backend", false, true},
	{"key", "FILE", false, true},
	{NULL, NULL, false, false},
};

const struct tool_command tool_cmd_node[] = {
	{"node add", "NAME ADDRESS:PORT", 2, 2, add_options,
	 "add a node: its agent's address, role and public key", run_add},
	{"node remove", "NAME", 1, 1, NULL,
	 "remove a node that no host needs", run_remove},
	{"node list", "", 0, 0, NULL, "the ring's nodes", run_list},
	{.name = NULL},
};
