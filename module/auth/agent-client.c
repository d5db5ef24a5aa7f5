#include "dovecot-compat.h"
#include "connection.h"
#include "hash.h"
#include "ioloop.h"
#include "llist.h"
#include "ostream.h"
#include "str.h"
#include "strescape.h"
#include "strnum.h"

#include "line.h"
#include "agent-client.h"

#include <unistd.h>

/* The agent answers within its hold_timeout; so much more lets its own reason
   win against ours. */
#define ANSWER_GRACE_MSECS 500
#define HOLD_TIMEOUT_DEFAULT_MSECS (30 * 1000)
#define PROXY_REFRESH_DEFAULT_SECS 60
/* Dovecot's master holds the listening socket, so connecting succeeds while an
   agent is being started: pauses are for one that ends at once, and for a
   socket that is missing. */
#define RECONNECT_MIN_MSECS 50
#define RECONNECT_MAX_MSECS 1000

struct agent_request {
	struct agent_request *prev, *next;
	struct agent_client *client;
	unsigned int id;
	char *line;
	struct timeout *to;
	agent_reply_callback_t *callback;
	void *context;
};

struct agent_client {
	struct connection conn;		/* first: connection.h casts */
	struct connection_list *list;
	char *path, *node;
	struct timeout *to_reconnect;
	/* oldest first, and by id */
	struct agent_request *requests, *requests_tail;
	HASH_TABLE(void *, struct agent_request *) requests_by_id;
	unsigned int last_id;
	unsigned int hold_timeout_msecs, proxy_refresh_secs;
	unsigned int reconnect_msecs;
	bool greeted;			/* HELLO came on this connection */
	bool loss_logged;
};

/* -- Requests */

static void agent_request_finish(struct agent_request *request,
				 const struct agent_reply *reply)
{
	struct agent_client *client = request->client;

	DLLIST2_REMOVE(&client->requests, &client->requests_tail, request);
	hash_table_remove(client->requests_by_id, POINTER_CAST(request->id));
	timeout_remove(&request->to);
	request->callback(reply, request->context);
	i_free(request->line);
	i_free(request);
}

static void agent_request_fail(struct agent_request *request,
			       const char *reason)
{
	const struct agent_reply reply = {
		.kind = AGENT_REPLY_FAIL,
		.node = "",
		.reason = reason,
	};
	agent_request_finish(request, &reply);
}

static void agent_request_timeout(struct agent_request *request)
{
	struct agent_client *client = request->client;

	agent_request_fail(request, t_strdup_printf(
		"no answer from dovering-agent at %s in time (%s)",
		client->path, client->greeted ? "it is connected" :
		"it is not running, or does not answer at all"));
}

static struct agent_request *
agent_request_find(struct agent_client *client, const char *id_str)
{
	unsigned int id;

	if (id_str == NULL || str_to_uint(id_str, &id) < 0)
		return NULL;
	return hash_table_lookup(client->requests_by_id, POINTER_CAST(id));
}

static void agent_request_send(struct agent_request *request)
{
	if (request->client->greeted)
		o_stream_nsend_str(request->client->conn.output, request->line);
}

static void append_pair(string_t *str, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	str_printfa(str, "\t%s=", name);
	str_append_tabescaped(str, value);
}

static const char *
route_line(unsigned int id, const struct agent_route_fields *fields)
{
	string_t *str = t_str_new(256);

	str_printfa(str, "ROUTE\t%u", id);
	append_pair(str, "user", fields->user);
	append_pair(str, "service", fields->service);
	append_pair(str, "tag", fields->tag);
	append_pair(str, "host", fields->host);
	append_pair(str, "peer", fields->peer);
	append_pair(str, "hop", fields->hop);
	if (fields->peek)
		str_append(str, "\tpeek");
	str_append_c(str, '\n');
	return str_c(str);
}

static void agent_request_too_long(struct agent_request *request)
{
	agent_request_fail(request,
		"user name, host or tag is too long for a line to the agent");
}

void agent_client_route(struct agent_client *client,
			const struct agent_route_fields *fields,
			agent_reply_callback_t *callback, void *context)
{
	struct agent_request *request;

	request = i_new(struct agent_request, 1);
	request->client = client;
	/* 0 is no key for a hash table of pointers */
	if (++client->last_id == 0)
		client->last_id++;
	request->id = client->last_id;
	request->callback = callback;
	request->context = context;
	request->line = i_strdup(route_line(request->id, fields));
	DLLIST2_APPEND(&client->requests, &client->requests_tail, request);
	hash_table_insert(client->requests_by_id, POINTER_CAST(request->id),
			  request);

	if (strlen(request->line) > NODE_LINE_MAX_BYTES) {
		/* the agent would end the connection for it, all others'
		   requests with it, again and again */
		request->to = timeout_add_short(0, agent_request_too_long,
						request);
		return;
	}
	request->to = timeout_add(client->hold_timeout_msecs +
				  ANSWER_GRACE_MSECS,
				  agent_request_timeout, request);
	agent_request_send(request);
	agent_client_connect(client);
}

/* -- What the agent says */

struct reply_field {
	const char *name;
	size_t offset;
};
#define FIELD(name) { #name "=", offsetof(struct agent_reply, name) }
static const struct reply_field reply_fields[] = {
	FIELD(host),
	FIELD(address),
	FIELD(port),
	FIELD(key),
	FIELD(generation),
	FIELD(reason),
};
static const struct {
	const char *verb;
	enum agent_reply_kind kind;
} reply_verbs[] = {
	{ "PROXY", AGENT_REPLY_PROXY },
	{ "LOCAL", AGENT_REPLY_LOCAL },
	{ "PASS", AGENT_REPLY_PASS },
	{ "FAIL", AGENT_REPLY_FAIL },
};

static void reply_set_field(struct agent_reply *reply, const char *arg)
{
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(reply_fields); i++) {
		size_t len = strlen(reply_fields[i].name);

		if (strncmp(arg, reply_fields[i].name, len) == 0) {
			*(const char **)PTR_OFFSET(reply,
				reply_fields[i].offset) = arg + len;
			return;
		}
	}
	/* a newer minor version says more: no harm */
}

static bool reply_is_whole(const struct agent_reply *reply)
{
	in_port_t port;

	switch (reply->kind) {
	case AGENT_REPLY_PROXY:
		if (reply->address == NULL || *reply->address == '\0')
			return FALSE;
		if (reply->port != NULL &&
		    net_str2port(reply->port, &port) < 0)
			return FALSE;
		/* fall through */
	case AGENT_REPLY_LOCAL:
		return reply->key != NULL && reply->generation != NULL;
	case AGENT_REPLY_PASS:
		return TRUE;
	case AGENT_REPLY_FAIL:
		return reply->reason != NULL;
	}
	i_unreached();
}

static int agent_client_input_reply(struct agent_client *client,
				    const char *const *args,
				    enum agent_reply_kind kind)
{
	struct agent_request *request;
	struct agent_reply reply;

	i_zero(&reply);
	reply.kind = kind;
	reply.node = client->node;
	reply.proxy_refresh_secs = client->proxy_refresh_secs;
	for (unsigned int i = 2; args[1] != NULL && args[i] != NULL; i++)
		reply_set_field(&reply, args[i]);

	if (!reply_is_whole(&reply)) {
		e_error(client->conn.event, "agent's answer lacks a field: %s",
			t_strarray_join(args, " "));
		return -1;
	}
	/* none: it has timed out here a moment ago */
	request = agent_request_find(client, args[1]);
	if (request != NULL)
		agent_request_finish(request, &reply);
	return 1;
}

static void agent_client_resend(struct agent_client *client)
{
	struct agent_request *request;

	/* oldest first: it has the least time left */
	for (request = client->requests; request != NULL;
	     request = request->next) {
		if (strlen(request->line) <= NODE_LINE_MAX_BYTES)
			agent_request_send(request);
	}
}

static void hello_set_number(const char *arg, const char *name,
			     unsigned int *value)
{
	size_t len = strlen(name);
	unsigned int number;

	if (strncmp(arg, name, len) == 0 &&
	    str_to_uint(arg + len, &number) == 0 && number > 0)
		*value = number;
}

static int agent_client_input_hello(struct agent_client *client,
				    const char *const *args)
{
	if (args[1] == NULL || *args[1] == '\0') {
		e_error(client->conn.event, "agent's HELLO names no node");
		return -1;
	}
	i_free(client->node);
	client->node = i_strdup(args[1]);
	for (args += 2; *args != NULL; args++) {
		hello_set_number(*args, "hold_timeout_msecs=",
				 &client->hold_timeout_msecs);
		hello_set_number(*args, "proxy_refresh_secs=",
				 &client->proxy_refresh_secs);
	}
	if (client->loss_logged)
		e_info(client->conn.event, "agent is back");
	client->loss_logged = FALSE;
	client->reconnect_msecs = RECONNECT_MIN_MSECS;
	client->greeted = TRUE;
	agent_client_resend(client);
	return 1;
}

static int agent_client_input_args(struct connection *conn,
				   const char *const *args)
{
	struct agent_client *client =
		container_of(conn, struct agent_client, conn);
	unsigned int i;

	if (strcmp(args[0], "HELLO") == 0)
		return agent_client_input_hello(client, args);
	if (strcmp(args[0], "ERROR") == 0) {
		e_error(conn->event, "agent ends the connection: %s",
			args[1] == NULL ? "" : args[1]);
		return -1;
	}
	for (i = 0; i < N_ELEMENTS(reply_verbs); i++) {
		if (strcmp(args[0], reply_verbs[i].verb) == 0)
			return agent_client_input_reply(client, args,
							reply_verbs[i].kind);
	}
	e_error(conn->event, "agent says what this version does not know: %s",
		args[0]);
	return -1;
}

/* -- The connection */

static void agent_client_reconnect(struct agent_client *client)
{
	timeout_remove(&client->to_reconnect);
	agent_client_connect(client);
}

static void agent_client_connect_later(struct agent_client *client)
{
	client->to_reconnect = timeout_add_short(client->reconnect_msecs,
						 agent_client_reconnect,
						 client);
	client->reconnect_msecs = I_MIN(client->reconnect_msecs * 2,
					RECONNECT_MAX_MSECS);
}

static void agent_client_log_loss(struct agent_client *client,
				  const char *what)
{
	/* once until it is back: there is a try each second */
	if (client->loss_logged)
		return;
	client->loss_logged = TRUE;
	e_warning(client->conn.event,
		  "%s; logins wait for it (is there a service dovering-agent, "
		  "and does it run?)", what);
}

void agent_client_connect(struct agent_client *client)
{
	if (client->conn.fd_in != -1 || client->to_reconnect != NULL)
		return;
	client->greeted = FALSE;
	if (connection_client_connect(&client->conn) < 0) {
		agent_client_log_loss(client,
			t_strdup_printf("connect() failed: %m"));
		agent_client_connect_later(client);
	}
}

static void agent_client_connected(struct connection *conn, bool success)
{
	if (!success)
		return;
	/* VERSION went before */
	o_stream_nsend_str(conn->output, t_strdup_printf(
		"HELLO\tpassdb\t%ld\n", (long)getpid()));
}

static void agent_client_destroy(struct connection *conn)
{
	struct agent_client *client =
		container_of(conn, struct agent_client, conn);
	const char *what = t_strdup_printf("agent has gone: %s",
					   connection_disconnect_reason(conn));

	client->greeted = FALSE;
	connection_disconnect(conn);
	/* A restart is an everyday thing, and nobody may be waiting. */
	if (client->requests != NULL ||
	    client->reconnect_msecs > RECONNECT_MIN_MSECS)
		agent_client_log_loss(client, what);
	agent_client_connect_later(client);
}

static const struct connection_settings agent_client_settings = {
	.service_name_in = NODE_PROTOCOL_NAME,
	.service_name_out = NODE_PROTOCOL_NAME,
	.major_version = NODE_PROTOCOL_MAJOR,
	.minor_version = NODE_PROTOCOL_MINOR,
	.input_max_size = NODE_LINE_MAX_BYTES,
	/* bounded by the number of requests that auth lets in */
	.output_max_size = SIZE_MAX,
	.client = TRUE,
};

static const struct connection_vfuncs agent_client_vfuncs = {
	.destroy = agent_client_destroy,
	.client_connected = agent_client_connected,
	.input_args = agent_client_input_args,
};

struct agent_client *agent_client_init(const char *path)
{
	struct agent_client *client;

	client = i_new(struct agent_client, 1);
	client->path = i_strdup(path);
	client->node = i_strdup("");
	client->hold_timeout_msecs = HOLD_TIMEOUT_DEFAULT_MSECS;
	client->proxy_refresh_secs = PROXY_REFRESH_DEFAULT_SECS;
	client->reconnect_msecs = RECONNECT_MIN_MSECS;
	hash_table_create_direct(&client->requests_by_id, default_pool, 0);
	client->list = connection_list_init(&agent_client_settings,
					    &agent_client_vfuncs);
	connection_init_client_unix(client->list, &client->conn, client->path);
	return client;
}

void agent_client_deinit(struct agent_client **_client)
{
	struct agent_client *client = *_client;

	*_client = NULL;
	while (client->requests != NULL)
		agent_request_fail(client->requests, "auth is shutting down");
	hash_table_destroy(&client->requests_by_id);
	timeout_remove(&client->to_reconnect);
	connection_deinit(&client->conn);
	connection_list_deinit(&client->list);
	i_free(client->node);
	i_free(client->path);
	i_free(client);
}
