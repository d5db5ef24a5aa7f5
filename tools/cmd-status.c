#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool-output.h"
#include "tool-ring.h"

/* What the agent keeps in state_dir: for when the store is away. */
#define STATE_FILE_ACTIVE "ring.active"

/* Everything that status shows, gathered before anything is printed. */
struct status {
	enum tool_status exit;
	struct tool_state state;
	struct tool_record local;	/* this node's; without a store's */
	const struct ring_record *record;	/* that is shown; may be NULL */
	const char *store;		/* "ok" or "away" */
	uint64_t *counts;		/* users per host; NULL = not known */
	uint64_t strangers;
	char **warnings;
	unsigned int warning_count;
};

__attribute__((format(printf, 2, 3)))
static void warn(struct status *status, const char *format, ...)
{
	char text[RING_ERROR_MAX_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	status->warnings = mem_resize(status->warnings,
				      status->warning_count + 1,
				      sizeof(*status->warnings));
	status->warnings[status->warning_count++] =
		tool_escape(text, strlen(text));
}

static void add_exit(struct status *status, enum tool_status exit)
{
	if (status->exit == TOOL_DONE)
		status->exit = exit;
}

/* This node's own copy, verified like any other. */
static void load_local(struct tool *tool, struct status *status)
{
	char *path = tool_printf("%s/%s", tool->settings->state_dir,
				 STATE_FILE_ACTIVE);
	FILE *file = fopen(path, "re");

	if (file != NULL) {
		(void)fclose(file);
		if (tool_record_read(path, &status->local.text) == TOOL_DONE)
			tool_record_check(tool, &status->local);
	}
	if (status->local.record != NULL) {
		status->record = status->local.record;
		warn(status, "shown is the ring of this node's %s, epoch "
		     "%"PRIu64, path, status->record->epoch);
	}
	free(path);
}

static void judge_ring(struct status *status)
{
	const struct tool_state *state = &status->state;

	if (state->active.fault[0] != '\0') {
		warn(status, "THE RING IN THE STORE IS NOT IN ORDER: %s",
		     state->active.fault);
		add_exit(status, TOOL_NO);
	} else if (state->active.record == NULL) {
		warn(status, "the store has no ring%s", state->outdated[0] ==
		     '\0' ? ": begin with dovering init" : "");
		add_exit(status, TOOL_NO);
	}
	if (state->outdated[0] != '\0') {
		warn(status, "THE STORE HAS LOST THE NEWEST RING: %s",
		     state->outdated);
		add_exit(status, TOOL_NO);
	}
	if (state->prepared.fault[0] != '\0') {
		warn(status, "WHAT IS PREPARED IN THE STORE IS NOT IN ORDER: "
		     "%s", state->prepared.fault);
		add_exit(status, TOOL_NO);
	} else if (state->prepared.record != NULL) {
		warn(status, "epoch %"PRIu64" is prepared by %s and waits to "
		     "become active", state->prepared.id.epoch,
		     state->prepared.record->publisher);
	}
}

static void judge_beats(struct status *status)
{
	unsigned int i;

	for (i = 0; i < status->state.nodes.count; i++) {
		const struct tool_node *beat = &status->state.nodes.nodes[i];

		if (!beat->is_alive)
			continue;
		if (beat->complaint[0] != '\0')
			warn(status, "node %s: %s", beat->name,
			     beat->complaint);
		if (status->record != NULL &&
		    ring_record_node(status->record, beat->name) == NULL)
			warn(status, "node %s is alive, but not in the ring: "
			     "see dovering node add", beat->name);
	}
}

static void judge_hosts(struct status *status)
{
	const struct ring_record *record = status->record;
	unsigned int i;

	for (i = 0; i < record->host_count; i++) {
		const struct ring_host *host = &record->hosts[i];

		if (ring_record_node(record, host->node) == NULL)
			warn(status, "host %s: no agent speaks for it, its "
			     "node %s is not in the ring: see dovering node "
			     "add", host->name, host->node);
	}
}

static void judge_nodes(struct status *status)
{
	const struct ring_record *record = status->record;
	const struct tool_node *beat;
	unsigned int i;

	judge_beats(status);
	if (record == NULL)
		return;
	judge_hosts(status);
	for (i = 0; i < record->node_count; i++) {
		beat = tool_nodes_find(&status->state.nodes,
				       record->nodes[i].name);
		if (beat == NULL)
			warn(status, "node %s is not alive: no heartbeat",
			     record->nodes[i].name);
		else if (!beat->is_alive)
			warn(status, "node %s is not alive: its last heartbeat "
			     "was %"PRId64" secs ago", beat->name,
			     beat->age_msecs / 1000);
	}
}

static void count_users(struct tool *tool, struct status *status)
{
	struct tool_reply reply;

	if (status->record == NULL)
		return;
	reply = tool_store_count(tool, status->record, &status->counts,
				 &status->strangers);
	if (reply.status != STORE_OK) {
		warn(status, "can't count the users: %s %s",
		     store_status_name(reply.status), reply.error);
		free(status->counts);
		status->counts = NULL;
		add_exit(status, TOOL_UNREACHABLE);
	}
	if (status->strangers > 0)
		warn(status, "%"PRIu64" users have leases on hosts that the "
		     "ring does not have", status->strangers);
}

static void gather(struct tool *tool, struct status *status)
{
	status->exit = tool_state_load(tool, &status->state);
	status->store = "ok";
	if (status->exit == TOOL_DONE) {
		judge_ring(status);
		status->record = status->state.active.record;
		count_users(tool, status);
		if (status->record == NULL)
			load_local(tool, status);
		judge_nodes(status);
	} else if (status->exit != TOOL_CONFIG) {
		status->store = "away";
		warn(status, "THE STORE IS AWAY: users and live nodes are not "
		     "known: %s", tool->store_error);
		load_local(tool, status);
	}
}

static json_t *json_hosts(const struct status *status)
{
	const struct ring_record *record = status->record;
	json_t *hosts = json_array();
	unsigned int i;

	for (i = 0; record != NULL && i < record->host_count; i++) {
		json_t *host = tool_json_host(&record->hosts[i]);

		(void)json_object_set_new(host, "users",
			status->counts == NULL ? json_null() :
			tool_json_number(status->counts[i]));
		(void)json_array_append_new(hosts, host);
	}
	return hosts;
}

static json_t *json_agent(const char *name, const struct tool_node *beat,
			  const struct ring_node *node)
{
	json_t *agent = json_object();

#define SET(name, value) (void)json_object_set_new(agent, name, value)
	SET("node", tool_json_text(name, strlen(name)));
	SET("alive", json_boolean(beat != NULL && beat->is_alive));
	SET("in_ring", json_boolean(node != NULL));
	SET("role", node == NULL ? json_null() :
		json_string(ring_role_name(node->role)));
	if (beat != NULL) {
		SET("epoch", tool_json_number(beat->active.epoch));
		SET("prepared_epoch", tool_json_number(beat->prepared.epoch));
		SET("age_msecs", json_integer(beat->age_msecs));
		SET("complaint", tool_json_text(beat->complaint,
						strlen(beat->complaint)));
	}
#undef SET
	return agent;
}

static const struct ring_node *node_of(const struct status *status,
				       const char *name)
{
	return status->record == NULL ? NULL :
		ring_record_node(status->record, name);
}

/* The ring's nodes, then whoever else sends heartbeats. */
static void each_agent(const struct status *status,
		       void (*visit)(const char *name,
				     const struct tool_node *beat,
				     const struct ring_node *node,
				     void *context),
		       void *context)
{
	const struct tool_nodes *beats = &status->state.nodes;
	const struct ring_record *record = status->record;
	unsigned int i;

	for (i = 0; record != NULL && i < record->node_count; i++) {
		const char *name = record->nodes[i].name;

		visit(name, tool_nodes_find(beats, name), &record->nodes[i],
		      context);
	}
	for (i = 0; i < beats->count; i++) {
		if (node_of(status, beats->nodes[i].name) == NULL)
			visit(beats->nodes[i].name, &beats->nodes[i], NULL,
			      context);
	}
}

static void append_agent(const char *name, const struct tool_node *beat,
			 const struct ring_node *node, void *context)
{
	(void)json_array_append_new(context, json_agent(name, beat, node));
}

static void print_json(const struct tool *tool, const struct status *status)
{
	json_t *json = json_object(), *agents = json_array();
	json_t *warnings = json_array(), *store = json_object();
	uint64_t prepared = status->state.prepared.id.epoch;
	unsigned int i;

	each_agent(status, append_agent, agents);
	for (i = 0; i < status->warning_count; i++)
		(void)json_array_append_new(warnings, tool_json_text(
			status->warnings[i], strlen(status->warnings[i])));
	(void)json_object_set_new(store, "url",
				  json_string(tool->settings->store));
	(void)json_object_set_new(store, "state", json_string(status->store));
#define SET(name, value) (void)json_object_set_new(json, name, value)
	SET("epoch", status->record == NULL ? json_null() :
		tool_json_number(status->record->epoch));
	SET("hosts", json_hosts(status));
	SET("agents", agents);
	SET("prepared_epoch", prepared == 0 ? json_null() :
		tool_json_number(prepared));
	SET("cluster", json_string(tool->settings->cluster));
	SET("store", store);
	SET("warnings", warnings);
#undef SET
	tool_json_end(&json);
}

static void print_hosts(const struct status *status)
{
	static const char *const headings[] = {
		"HOST", "ADDRESS", "STATE", "WEIGHT", "TAG", "USERS", NULL};
	const struct ring_record *record = status->record;
	struct tool_table *table = tool_table_new(headings);
	unsigned int i;

	for (i = 0; i < record->host_count; i++) {
		const struct ring_host *host = &record->hosts[i];

		tool_table_add(table, "%s", host->name);
		tool_table_add(table, "%s", host->address);
		tool_table_add(table, "%s", ring_host_state_name(host->state));
		tool_table_add(table, "%"PRIu32, host->weight);
		tool_table_add(table, "%s", host->tag);
		if (status->counts == NULL)
			tool_table_add(table, "?");
		else
			tool_table_add(table, "%"PRIu64, status->counts[i]);
	}
	tool_table_end(&table);
}

static void add_agent_row(const char *name, const struct tool_node *beat,
			  const struct ring_node *node, void *context)
{
	struct tool_table *table = context;

	tool_table_add(table, "%s", name);
	tool_table_add(table, "%s", node == NULL ? "" :
					ring_role_name(node->role));
	if (beat == NULL) {
		tool_table_add(table, "no");
		tool_table_add(table, "%s", "");
		tool_table_add(table, "%s", "");
		return;
	}
	tool_table_add(table, "%s", beat->is_alive ? "yes" : "no");
	tool_table_add(table, "%"PRIu64, beat->active.epoch);
	tool_table_add(table, "%"PRId64".%"PRId64" secs ago",
		       beat->age_msecs / 1000, beat->age_msecs % 1000 / 100);
}

static void print_tables(const struct tool *tool, const struct status *status)
{
	static const char *const headings[] = {"NODE", "ROLE", "ALIVE",
					       "EPOCH", "HEARTBEAT", NULL};
	struct tool_table *agents = tool_table_new(headings);
	unsigned int i;

	for (i = 0; i < status->warning_count; i++)
		printf("WARNING: %s\n", status->warnings[i]);
	printf("cluster %s, store %s: %s\n", tool->settings->cluster,
	       tool->settings->store, status->store);
	if (status->record != NULL) {
		printf("epoch %"PRIu64"\n\n", status->record->epoch);
		print_hosts(status);
		putchar('\n');
	}
	each_agent(status, add_agent_row, agents);
	tool_table_end(&agents);
}

static enum tool_status run(struct tool *tool, const struct tool_args *args)
{
	struct status status = {.exit = TOOL_DONE};
	unsigned int i;

	(void)args;
	gather(tool, &status);
	if (status.exit != TOOL_CONFIG) {
		if (tool->json)
			print_json(tool, &status);
		else
			print_tables(tool, &status);
	}
	for (i = 0; i < status.warning_count; i++)
		free(status.warnings[i]);
	free(status.warnings);
	free(status.counts);
	tool_record_free(&status.local);
	tool_state_free(&status.state);
	return status.exit;
}

const struct tool_command tool_cmd_status[] = {
	{"status", "", 0, 0, NULL,
	 "ring, hosts with their users, nodes, store; warnings first", run},
	{.name = NULL},
};
