#include <stdio.h>
#include <string.h>

#include "tool-ring.h"

#define WEIGHT_DEFAULT 100

static enum tool_status add_change(struct tool *tool,
				   struct ring_record *record, void *context)
{
	const struct ring_host *host = context;
	const struct ring_node *node = ring_record_node(record, host->node);
	struct ring_error error;

	(void)tool;
	if (ring_record_host(record, host->name) != NULL)
		return tool_fail(TOOL_NO, "host %s is in the ring already: "
				 "dovering host weight, up, drain and down "
				 "change it; to move it to another address, "
				 "remove it first", host->name);
	if (node != NULL && node->role != RING_ROLE_BACKEND)
		return tool_fail(TOOL_NO, "host %s: node %s is a director: "
				 "name a backend with --node, or add one with "
				 "dovering node add NAME ADDRESS:PORT --role "
				 "backend --key FILE", host->name, host->node);
	if (ring_record_set_host(record, host, &error) < 0)
		return tool_fail(TOOL_NO, "%s", error.text);
	if (node == NULL)
		tool_say("host %s: node %s, whose agent speaks for it, is not "
			 "in the ring yet: dovering node add %s ADDRESS:PORT "
			 "--role backend --key FILE", host->name, host->node,
			 host->node);
	return TOOL_DONE;
}

static void set_port(struct ring_host *host, enum ring_protocol protocol,
		     uint16_t port)
{
	/* the standard one is not written down */
	host->ports[protocol] = port == ring_protocol_port(protocol) ? 0 : port;
}

/* PROTO=N */
static bool parse_port(const char *text, enum ring_protocol *protocol_r,
		       uint16_t *port_r)
{
	const char *equals = strchr(text, '=');
	char name[16];
	uint64_t number;
	int ret;

	if (equals == NULL)
		return false;
	ret = snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
	if (ret < 0 || (size_t)ret >= sizeof(name) ||
	    !ring_protocol_parse(name, protocol_r) ||
	    !tool_parse_number(equals + 1, 1, UINT16_MAX, &number))
		return false;
	*port_r = (uint16_t)number;
	return true;
}

static enum tool_status set_ports(const struct tool_args *args,
				  struct ring_host *host, uint16_t imap_port)
{
	bool seen[RING_PROTOCOL_COUNT] = {false};
	enum ring_protocol protocol;
	unsigned int i;
	uint16_t port;

	if (imap_port != 0) {
		set_port(host, RING_PROTOCOL_IMAP, imap_port);
		seen[RING_PROTOCOL_IMAP] = true;
	}
	for (i = 0; i < args->option_count; i++) {
		const char *value = args->options[i].value;

		if (strcmp(args->options[i].name, "port") != 0)
			continue;
		if (!parse_port(value, &protocol, &port))
			return tool_usage(args, "--port \"%s\": expected imap, "
					  "pop3, lmtp, sieve, submission or "
					  "doveadm, \"=\" and a port from 1 to "
					  "65535", value);
		if (seen[protocol])
			return tool_usage(args, "--port %s: %s has a port "
					  "already", value,
					  ring_protocol_name(protocol));
		seen[protocol] = true;
		set_port(host, protocol, port);
	}
	return TOOL_DONE;
}

static enum tool_status set_name(const struct tool_args *args,
				 const char *what, const char *name,
				 char to[static RING_NAME_MAX + 1])
{
	if (!ring_name_is_valid(name))
		return tool_usage(args, "%s \"%s\": expected 1 to %d letters, "
				  "digits, \"-\", \"_\" or \".\"", what, name,
				  RING_NAME_MAX);
	strcpy(to, name);
	return TOOL_DONE;
}

static enum tool_status set_names(const struct tool_args *args,
				  struct ring_host *host)
{
	const char *node = tool_option(args, "node");
	const char *tag = tool_option(args, "tag");
	enum tool_status status;

	status = set_name(args, "NAME", args->words[0], host->name);
	if (status == TOOL_DONE)
		status = node == NULL ?
			set_name(args, "NAME", host->name, host->node) :
			set_name(args, "--node", node, host->node);
	if (status == TOOL_DONE && tag != NULL)
		status = set_name(args, "--tag", tag, host->tag);
	return status;
}

static enum tool_status run(struct tool *tool, const struct tool_args *args)
{
	const char *weight = tool_option(args, "weight");
	struct ring_host host = {.state = RING_HOST_UP};
	uint64_t number = WEIGHT_DEFAULT;
	enum tool_status status;
	uint16_t port;

	status = set_names(args, &host);
	if (status != TOOL_DONE)
		return status;
	if (!tool_parse_address(args->words[1], host.address, &port))
		return tool_usage(args, "ADDRESS[:PORT] \"%s\": expected a numeric "
				  "address, such as 10.0.0.1, 10.0.0.1:143 or "
				  "[2001:db8::1]:143", args->words[1]);
	if (weight != NULL &&
	    !tool_parse_number(weight, 0, RING_WEIGHT_MAX, &number))
		return tool_usage(args, "--weight \"%s\": expected a number from "
				  "0 to %d", weight, RING_WEIGHT_MAX);
	host.weight = (uint32_t)number;
	status = set_ports(args, &host, port);
	if (status != TOOL_DONE)
		return status;
	return tool_publish(tool, add_change, &host);
}

static const struct tool_option options[] = {
	{"weight", "N", false, false},	      {"tag", "T", false, false},
	{"node", "NODE", false, false},      {"port", "PROTO=N", true, false},
	{NULL, NULL, false, false},
};

const struct tool_command tool_cmd_host_add[] = {
	{"host add", "NAME ADDRESS[:PORT]", 2, 2, options,
	 "add a host; PORT is IMAP's, NODE (default NAME) its agent's node",
	 run},
	{.name = NULL},
};
