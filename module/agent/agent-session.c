#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-session.h"
#include "memory.h"
#include "line.h"

/* Dovecot's own default would be never; a third of user_expire lets two
   refreshes be lost before a lease runs out under a session. */
#define PROXY_REFRESH_MAX_SECS 60

enum session_state {
	/* Nothing yet: only the peer's version counts. */
	SESSION_WANTS_VERSION,
	/* We understand each other; auth has not said who it is. */
	SESSION_WANTS_HELLO,
	SESSION_READY,
	/* The peer has been told what it did wrong. */
	SESSION_BROKEN
};

struct agent_session {
	struct agent_session_params params;
	unsigned int refcount;		/* the owner's, and one a route */
	unsigned int route_count;
	enum session_state state;
	bool ended;			/* the owner has gone */
	size_t size;
	char buf[NODE_LINE_MAX_BYTES + 1];
};

struct session_route {
	struct agent_session *session;
	uint64_t id;
};

static void session_unref(struct agent_session *session)
{
	assert(session->refcount > 0);
	if (--session->refcount == 0)
		free(session);
}

/* -- What we say */

/* False, and nothing sent, if the line is too long. */
static bool session_send(struct agent_session *session,
			 struct node_line_writer *writer)
{
	if (!node_line_end(writer))
		return false;
	if (!session->ended)
		session->params.output(writer->buf, writer->size,
				       session->params.context);
	return true;
}

static void add_number(struct node_line_writer *writer, const char *name,
		       uint64_t number)
{
	char buf[24];
	int size = snprintf(buf, sizeof(buf), "%"PRIu64, number);

	node_line_add_pair(writer, name, buf, (size_t)size);
}

static void add_string(struct node_line_writer *writer, const char *name,
		       const char *value)
{
	node_line_add_pair(writer, name, value, strlen(value));
}

static void begin_answer(struct node_line_writer *writer, const char *verb,
			 uint64_t id)
{
	char buf[24];
	int size = snprintf(buf, sizeof(buf), "%"PRIu64, id);

	node_line_begin(writer, verb);
	node_line_add(writer, buf, (size_t)size);
}

static void send_version(struct agent_session *session)
{
	struct node_line_writer writer;
	char buf[24];

	node_line_begin(&writer, "VERSION");
	node_line_add_str(&writer, NODE_PROTOCOL_NAME);
	snprintf(buf, sizeof(buf), "%d", NODE_PROTOCOL_MAJOR);
	node_line_add_str(&writer, buf);
	snprintf(buf, sizeof(buf), "%d", NODE_PROTOCOL_MINOR);
	node_line_add_str(&writer, buf);
	(void)session_send(session, &writer);
}

static void send_fail(struct agent_session *session, uint64_t id,
		      const char *reason)
{
	struct node_line_writer writer;
	struct ring_error cut;

	/* a reason is for people: one line of bounded length */
	ring_error_set(&cut, 0, "%s", reason);
	begin_answer(&writer, "FAIL", id);
	add_string(&writer, "reason", cut.text);
	(void)session_send(session, &writer);
}

/* Says so to the peer; returns -1 for the caller to return. */
static int session_break(struct agent_session *session,
			 const struct ring_error *error)
{
	struct node_line_writer writer;

	session->state = SESSION_BROKEN;
	node_line_begin(&writer, "ERROR");
	node_line_add_str(&writer, error->text);
	(void)session_send(session, &writer);
	return -1;
}

/* -- ROUTE */

static void
send_answer(struct agent_session *session, uint64_t id,
	    const struct agent_answer *answer)
{
	struct node_line_writer writer;

	switch (answer->kind) {
	case AGENT_PROXY:
		begin_answer(&writer, "PROXY", id);
		add_string(&writer, "host", answer->host);
		add_string(&writer, "address", answer->address);
		if (answer->port != 0)
			add_number(&writer, "port", answer->port);
		break;
	case AGENT_LOCAL:
		begin_answer(&writer, "LOCAL", id);
		break;
	case AGENT_PASS:
		begin_answer(&writer, "PASS", id);
		(void)session_send(session, &writer);
		return;
	case AGENT_FAIL:
		send_fail(session, id, answer->reason == NULL ? "" :
			  answer->reason);
		return;
	}
	node_line_add_pair(&writer, "key", answer->key, answer->key_size);
	add_number(&writer, "generation", answer->generation);
	/* A key can be nearly as long as the line that it came by. */
	if (!session_send(session, &writer))
		send_fail(session, id, "the user's key is too long for a line");
}

static void route_answered(const struct agent_answer *answer, void *context)
{
	struct session_route *route = context;
	struct agent_session *session = route->session;

	session->route_count--;
	if (!session->ended && session->state == SESSION_READY)
		send_answer(session, route->id, answer);
	session_unref(session);
	free(route);
}

static const char *get_string(const struct node_line *line, const char *name)
{
	const char *value = node_line_get(line, 2, name, NULL);

	return value == NULL ? "" : value;
}

static bool has_flag(const struct node_line *line, const char *name)
{
	unsigned int i;

	for (i = 2; i < line->count; i++) {
		if (strcmp(line->fields[i].value, name) == 0)
			return true;
	}
	return false;
}

static int verb_route(struct agent_session *session,
		      const struct node_line *line, uint64_t id,
		      struct ring_error *error)
{
	struct agent_route ask;
	struct session_route *route;

	if (session->state != SESSION_READY) {
		ring_error_set(error, 0, "ROUTE before HELLO");
		return session_break(session, error);
	}
	ask.user = node_line_get(line, 2, "user", &ask.user_size);
	if (ask.user == NULL || ask.user_size == 0) {
		ring_error_set(error, 0, "ROUTE without user=");
		return session_break(session, error);
	}
	if (session->route_count == AGENT_SESSION_ROUTES_MAX) {
		send_fail(session, id, "too many requests under way");
		return 0;
	}
	ask.service = get_string(line, "service");
	ask.tag = get_string(line, "tag");
	ask.host = get_string(line, "host");
	ask.peer = get_string(line, "peer");
	ask.hop = get_string(line, "hop");
	ask.peek = has_flag(line, "peek");

	route = mem_calloc(1, sizeof(*route));
	route->session = session;
	route->id = id;
	session->refcount++;
	session->route_count++;
	agent_route(session->params.agent, &ask, route_answered, route);
	return 0;
}

/* -- The other verbs */

static unsigned int proxy_refresh_secs(const struct node_settings *settings)
{
	unsigned int secs = settings->user_expire_secs / 3;

	if (secs > PROXY_REFRESH_MAX_SECS)
		secs = PROXY_REFRESH_MAX_SECS;
	return secs == 0 ? 1 : secs;
}

static int verb_hello(struct agent_session *session,
		      const struct node_line *line, uint64_t id,
		      struct ring_error *error)
{
	const struct node_settings *settings = session->params.settings;
	struct node_line_writer writer;

	(void)id;
	if (session->state != SESSION_WANTS_HELLO) {
		ring_error_set(error, 0, "HELLO for the second time");
		return session_break(session, error);
	}
	if (line->count < 3 || strcmp(line->fields[1].value, "passdb") != 0) {
		ring_error_set(error, 0, "HELLO of something that is no "
			       "passdb: expected HELLO, passdb, its pid");
		return session_break(session, error);
	}
	session->state = SESSION_READY;

	node_line_begin(&writer, "HELLO");
	node_line_add_str(&writer, settings->node);
	add_number(&writer, "hold_timeout_msecs", settings->hold_timeout_msecs);
	add_number(&writer, "proxy_refresh_secs", proxy_refresh_secs(settings));
	(void)session_send(session, &writer);
	if (session->params.passdb_seen != NULL)
		session->params.passdb_seen(session->params.context);
	return 0;
}

static int verb_not_yet(struct agent_session *session,
			const struct node_line *line, uint64_t id,
			struct ring_error *error)
{
	char reason[64];

	(void)error;
	snprintf(reason, sizeof(reason), "%s is not supported by this version",
		 line->fields[0].value);
	send_fail(session, id, reason);
	return 0;
}

struct session_verb {
	const char *name;
	enum agent_socket socket;
	bool has_id;		/* a decimal, in its second field */
	int (*call)(struct agent_session *session,
		    const struct node_line *line, uint64_t id,
		    struct ring_error *error);
};
static const struct session_verb verbs[] = {
	{ "HELLO", AGENT_SOCKET_AUTH, false, verb_hello },
	{ "ROUTE", AGENT_SOCKET_AUTH, true, verb_route },
	{ "VERIFY", AGENT_SOCKET_AUTH, true, verb_not_yet },
	{ "ADMIT", AGENT_SOCKET_MAIL, true, verb_not_yet },
	{ "MINT", AGENT_SOCKET_MAIL, true, verb_not_yet },
};
#define VERBS_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const char *const socket_names[] = {
	[AGENT_SOCKET_AUTH] = "dovering-auth",
	[AGENT_SOCKET_MAIL] = "dovering",
};

/* -- Lines */

/* Digits only, no sign, no more than 64 bits. */
static bool parse_number(const struct node_field *field, uint64_t *number_r)
{
	uint64_t number = 0;
	size_t i;

	if (field->size == 0 || field->size > 20)
		return false;
	for (i = 0; i < field->size; i++) {
		unsigned int digit = (unsigned char)field->value[i] - '0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*number_r = number;
	return true;
}

static int handle_version(struct agent_session *session,
			  const struct node_line *line,
			  struct ring_error *error)
{
	uint64_t major, minor;

	if (line->count != 4 ||
	    strcmp(line->fields[0].value, "VERSION") != 0 ||
	    strcmp(line->fields[1].value, NODE_PROTOCOL_NAME) != 0 ||
	    !parse_number(&line->fields[2], &major) ||
	    !parse_number(&line->fields[3], &minor)) {
		ring_error_set(error, 0, "the first line is not VERSION, "
			       NODE_PROTOCOL_NAME", major, minor");
		return session_break(session, error);
	}
	if (major != NODE_PROTOCOL_MAJOR) {
		ring_error_set(error, 0, "protocol version %"PRIu64" instead "
			       "of %d: module and agent are of different "
			       "releases; install both from one and restart "
			       "Dovecot", major, NODE_PROTOCOL_MAJOR);
		return session_break(session, error);
	}
	session->state = SESSION_WANTS_HELLO;
	return 0;
}

static const struct session_verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS_COUNT; i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

static int wrong_socket(struct agent_session *session,
			const struct session_verb *verb, uint64_t id,
			struct ring_error *error)
{
	ring_error_set(error, 0, "%s belongs to the socket %s, and this is %s",
		       verb->name, socket_names[verb->socket],
		       socket_names[session->params.socket]);
	if (!verb->has_id)
		return session_break(session, error);
	send_fail(session, id, error->text);
	return 0;
}

static int handle_verb(struct agent_session *session,
		       const struct node_line *line,
		       struct ring_error *error)
{
	const struct session_verb *verb = find_verb(line->fields[0].value);
	uint64_t id = 0;

	if (verb == NULL) {
		ring_error_set(error, 0, "unknown verb %.32s",
			       line->fields[0].value);
		return session_break(session, error);
	}
	if (verb->has_id &&
	    (line->count < 2 || !parse_number(&line->fields[1], &id))) {
		ring_error_set(error, 0, "%s without a decimal id",
			       verb->name);
		return session_break(session, error);
	}
	if (verb->socket != session->params.socket)
		return wrong_socket(session, verb, id, error);
	return verb->call(session, line, id, error);
}

static int handle_line(struct agent_session *session, char *buf, size_t size,
		       struct ring_error *error)
{
	struct node_line line;
	unsigned int i;

	if (node_line_parse(buf, size, &line, error) < 0)
		return session_break(session, error);
	for (i = 0; i < line.count; i++) {
		/* strings below end at a NUL */
		if (memchr(line.fields[i].value, '\0',
			   line.fields[i].size) != NULL) {
			ring_error_set(error, 0, "field %u has a NUL", i + 1);
			return session_break(session, error);
		}
	}
	if (session->state == SESSION_WANTS_VERSION)
		return handle_version(session, &line, error);
	return handle_verb(session, &line, error);
}

/* Take bytes up to the end of a line. Returns how many; *whole_r tells if the
   line is complete, without its LF. */
static size_t take_bytes(struct agent_session *session, const char *data,
			 size_t size, bool *whole_r)
{
	size_t room = NODE_LINE_MAX_BYTES - session->size;
	size_t take = size < room ? size : room;
	const char *lf = memchr(data, '\n', take);

	*whole_r = lf != NULL;
	if (lf != NULL)
		take = (size_t)(lf - data);
	memcpy(session->buf + session->size, data, take);
	session->size += take;
	return lf != NULL ? take + 1 : take;
}

static int input_bytes(struct agent_session *session, const char *data,
		       size_t size, struct ring_error *error)
{
	size_t taken, line_size;
	bool whole;

	while (size > 0) {
		taken = take_bytes(session, data, size, &whole);
		data += taken;
		size -= taken;
		if (whole) {
			line_size = session->size;
			session->size = 0;
			if (handle_line(session, session->buf, line_size,
					error) < 0)
				return -1;
		} else if (session->size == NODE_LINE_MAX_BYTES) {
			ring_error_set(error, 0, "a line of more than %d bytes",
				       NODE_LINE_MAX_BYTES);
			return session_break(session, error);
		}
	}
	return 0;
}

int agent_session_input(struct agent_session *session, const void *data,
			size_t size, struct ring_error *error)
{
	int ret;

	if (session->state == SESSION_BROKEN) {
		ring_error_set(error, 0, "input after an error");
		return -1;
	}
	/* an answer from within agent_route() must not free it under us */
	session->refcount++;
	ret = input_bytes(session, data, size, error);
	session_unref(session);
	return ret;
}

/* -- Life cycle */

struct agent_session *
agent_session_init(const struct agent_session_params *params)
{
	struct agent_session *session = mem_calloc(1, sizeof(*session));

	session->params = *params;
	session->refcount = 1;
	session->state = SESSION_WANTS_VERSION;
	send_version(session);
	return session;
}

void agent_session_deinit(struct agent_session **_session)
{
	struct agent_session *session = *_session;

	if (session == NULL)
		return;
	*_session = NULL;
	session->ended = true;
	session_unref(session);
}
