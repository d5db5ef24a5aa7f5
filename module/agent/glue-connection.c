#include "lib.h"
#include "ioloop.h"
#include "istream.h"
#include "llist.h"
#include "master-service.h"
#include "ostream.h"
#include "strescape.h"

#include "agent-session.h"
#include "glue-connection.h"
#include "line.h"

#include <unistd.h>

/* Names of the listeners in the service block that are not for everybody. */
#define LISTENER_AUTH "dovering-auth"
#define LISTENER_NOTIFY "proxy-notify"

/* A peer that has so much unread has stopped reading: all the answers to
   AGENT_SESSION_ROUTES_MAX routes are less. */
#define OUTPUT_MAX_BYTES (16 * 1024 * 1024)

struct glue_connection {
	struct glue_connection *prev, *next;
	int fd;
	struct io *io;
	struct istream *input;
	struct timeout *to_destroy;

	/* a socket's */
	struct ostream *output;
	struct agent_session *session;
	/* the FIFO's: the rest of a line that was too long */
	bool skipping;
};

static struct agent *agent;
static const struct node_settings *settings;
static struct glue_connection *connections;
static bool passdb_seen;

static void glue_connection_destroy(struct glue_connection *conn)
{
	bool is_fifo = conn->session == NULL;

	DLLIST_REMOVE(&connections, conn);
	io_remove(&conn->io);
	timeout_remove(&conn->to_destroy);
	agent_session_deinit(&conn->session);
	i_stream_destroy(&conn->input);
	o_stream_destroy(&conn->output);
	if (close(conn->fd) < 0)
		i_error("close() failed: %m");
	i_free(conn);
	/* a FIFO is the listener itself, and counted by nobody */
	if (!is_fifo)
		master_service_client_connection_destroyed(master_service);
}

/* -- Sockets */

static void session_output(const void *data, size_t size, void *context)
{
	struct glue_connection *conn = context;

	if (o_stream_send(conn->output, data, size) == (ssize_t)size ||
	    conn->to_destroy != NULL)
		return;
	/* not from within the session */
	io_remove(&conn->io);
	conn->to_destroy = timeout_add_short(0, glue_connection_destroy, conn);
}

static void session_passdb_seen(void *context ATTR_UNUSED)
{
	passdb_seen = TRUE;
}

static void socket_input(struct glue_connection *conn)
{
	const unsigned char *data;
	struct ring_error error;
	size_t size;

	while (conn->to_destroy == NULL &&
	       i_stream_read_more(conn->input, &data, &size) > 0) {
		o_stream_cork(conn->output);
		if (agent_session_input(conn->session, data, size, &error) < 0) {
			i_error("A peer broke the protocol: %s", error.text);
			(void)o_stream_uncork_flush(conn->output);
			glue_connection_destroy(conn);
			return;
		}
		o_stream_uncork(conn->output);
		i_stream_skip(conn->input, size);
	}
	if (conn->to_destroy == NULL && conn->input->eof)
		glue_connection_destroy(conn);
}

static void socket_create(struct glue_connection *conn,
			  enum agent_socket socket)
{
	const struct agent_session_params params = {
		.agent = agent,
		.settings = settings,
		.socket = socket,
		.output = session_output,
		.passdb_seen = session_passdb_seen,
		.context = conn,
	};

	conn->output = o_stream_create_fd(conn->fd, OUTPUT_MAX_BYTES);
	o_stream_set_no_error_handling(conn->output, TRUE);
	conn->io = io_add(conn->fd, IO_READ, socket_input, conn);
	conn->session = agent_session_init(&params);
}

/* -- The FIFO */

static void notify_line(struct glue_connection *conn, const char *line)
{
	char *user = str_tabunescape(t_strdup_noconst(line));

	if (conn->skipping)
		conn->skipping = FALSE;
	else if (*user != '\0')
		agent_session_seen(agent, user, strlen(user));
}

static void notify_input(struct glue_connection *conn)
{
	const char *line;
	ssize_t ret;

	do {
		ret = i_stream_read(conn->input);
		while ((line = i_stream_next_line(conn->input)) != NULL) T_BEGIN {
			notify_line(conn, line);
		} T_END;
		if (ret == -2) {
			conn->skipping = TRUE;
			i_stream_skip(conn->input,
				      i_stream_get_data_size(conn->input));
		}
	} while (ret > 0 || ret == -2);
	if (conn->input->eof) {
		/* Dovecot's master keeps it open as long as it lives. */
		i_error("%s: unexpected end of the FIFO", LISTENER_NOTIFY);
		glue_connection_destroy(conn);
	}
}

/* -- All of them */

void glue_connection_create(struct master_service_connection *service_conn)
{
	const char *name = service_conn->name;
	struct glue_connection *conn;

	master_service_client_connection_accept(service_conn);
	conn = i_new(struct glue_connection, 1);
	conn->fd = service_conn->fd;
	conn->input = i_stream_create_fd(conn->fd, NODE_LINE_MAX_BYTES);
	DLLIST_PREPEND(&connections, conn);

	if (service_conn->fifo)
		conn->io = io_add(conn->fd, IO_READ, notify_input, conn);
	else if (strcmp(name, LISTENER_AUTH) == 0)
		socket_create(conn, AGENT_SOCKET_AUTH);
	else {
		/* The one with the fewer rights, for any other name too. */
		socket_create(conn, AGENT_SOCKET_MAIL);
	}
}

bool glue_connections_passdb_seen(void)
{
	return passdb_seen;
}

void glue_connections_init(struct agent *the_agent,
			   const struct node_settings *the_settings)
{
	agent = the_agent;
	settings = the_settings;
}

void glue_connections_deinit(void)
{
	while (connections != NULL)
		glue_connection_destroy(connections);
}
