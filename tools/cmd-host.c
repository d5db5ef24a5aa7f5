#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool-output.h"
#include "tool-ring.h"

struct host_change {
	const char *name;
	bool set_state;
	enum ring_host_state state;
	uint32_t weight;
};

static enum tool_status no_host(const char *name)
{
	return tool_fail(TOOL_NO, "host %s is not in the ring; see dovering "
			 "host list", name);
}

/* An admin may take the last one down, but not without being told. */
static void warn_if_nobody(const struct ring_record *record, const char *tag)
{
	unsigned int i;

	for (i = 0; i < record->host_count; i++) {
		const struct ring_host *host = &record->hosts[i];

		if (host->state == RING_HOST_UP && host->weight > 0 &&
		    strcmp(host->tag, tag) == 0)
			return;
	}
	tool_say("no host%s%s is left that takes new users",
		 tag[0] == '\0' ? "" : " of tag ", tag);
}

static enum tool_status set_change(struct tool *tool,
				   struct ring_record *record, void *context)
{
	const struct host_change *change = context;
	const struct ring_host *old = ring_record_host(record, change->name);
	struct ring_error error;
	struct ring_host host;

	(void)tool;
	if (old == NULL)
		return no_host(change->name);
	host = *old;
	if (change->set_state) {
		host.state = change->state;
	} else {
		host.weight = change->weight;
		/* it was calibrated for the weight of before */
		host.effective = 0;
	}
	if (host.state == old->state && host.weight == old->weight) {
		tool_say("host %s is so already, nothing to publish",
			 host.name);
		return TOOL_NOTHING_TO_DO;
	}
	if (ring_record_set_host(record, &host, &error) < 0)
		return tool_fail(TOOL_NO, "%s", error.text);
	warn_if_nobody(record, host.tag);
	return TOOL_DONE;
}

static enum tool_status run_state(struct tool *tool,
				  const struct tool_args *args)
{
	struct host_change change = {.name = args->words[0], .set_state = true};

	/* "host up": the command is the state's name */
	if (!ring_host_state_parse(strchr(args->command->name, ' ') + 1,
				   &change.state))
		return TOOL_USAGE;
	return tool_publish(tool, set_change, &change);
}

static enum tool_status run_weight(struct tool *tool,
				   const struct tool_args *args)
{
	struct host_change change = {.name = args->words[0]};
	uint64_t number;

	if (!tool_parse_number(args->words[1], 0, RING_WEIGHT_MAX, &number))
		return tool_usage(args, "N \"%s\": expected a weight from 0 to %d",
				  args->words[1], RING_WEIGHT_MAX);
	change.weight = (uint32_t)number;
	return tool_publish(tool, set_change, &change);
}

static enum tool_status remove_change(struct tool *tool,
				      struct ring_record *record,
				      void *context)
{
	const char *name = context;
	const struct ring_host *host = ring_record_host(record, name);
	struct ring_error error;
	struct tool_reply reply;
	uint64_t *counts, strangers, users;

	if (host == NULL)
		return no_host(name);
	reply = tool_store_count(tool, record, &counts, &strangers);
	users = counts[host - record->hosts];
	free(counts);
	if (reply.status != STORE_OK)
		return tool_store_fail(tool, "can't count the users",
				       &reply);
	if (users > 0)
		return tool_fail(TOOL_NO, "host %s has %"PRIu64" user%s: first "
				 "dovering host drain %s (or down), then "
				 "remove it when dovering status shows none",
				 name, users, users == 1 ? "" : "s", name);
	if (ring_record_remove_host(record, name, &error) < 0)
		return tool_fail(TOOL_NO, "%s", error.text);
	return TOOL_DONE;
}

static enum tool_status run_remove(struct tool *tool,
				   const struct tool_args *args)
{
	return tool_publish(tool, remove_change, (void *)args->words[0]);
}

static void list_json(const struct ring_record *record)
{
	json_t *json = json_object(), *hosts = json_array();
	unsigned int i;

	for (i = 0; i < record->host_count; i++)
		(void)json_array_append_new(hosts,
					    tool_json_host(&record->hosts[i]));
	(void)json_object_set_new(json, "epoch",
				  tool_json_number(record->epoch));
	(void)json_object_set_new(json, "hosts", hosts);
	tool_json_end(&json);
}

static void list_table(const struct ring_record *record)
{
	static const char *const headings[] = {
		"HOST", "ADDRESS", "PORTS", "STATE", "WEIGHT", "TAG", "NODE",
		NULL};
	struct tool_table *table = tool_table_new(headings);
	unsigned int i;

	for (i = 0; i < record->host_count; i++) {
		const struct ring_host *host = &record->hosts[i];
		char *ports = tool_host_ports(host);

		tool_table_add(table, "%s", host->name);
		tool_table_add(table, "%s", host->address);
		tool_table_add(table, "%s", ports);
		tool_table_add(table, "%s", ring_host_state_name(host->state));
		tool_table_add(table, "%"PRIu32, host->weight);
		tool_table_add(table, "%s", host->tag);
		tool_table_add(table, "%s", host->node);
		free(ports);
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
		list_json(state.active.record);
	else
		list_table(state.active.record);
	tool_state_free(&state);
	return TOOL_DONE;
}

const struct tool_command tool_cmd_host[] = {
	{"host remove", "NAME", 1, 1, NULL,
	 "remove a host that has no users", run_remove},
	{"host up", "NAME", 1, 1, NULL,
	 "let a host take users", run_state},
	{"host drain", "NAME", 1, 1, NULL,
	 "let a host keep whom it has and get nobody new", run_state},
	{"host down", "NAME", 1, 1, NULL,
	 "let a host own nobody", run_state},
	{"host weight", "NAME N", 2, 2, NULL,
	 "change a host's share of the users", run_weight},
	{"host list", "", 0, 0, NULL, "the ring's hosts", run_list},
	{.name = NULL},
};
