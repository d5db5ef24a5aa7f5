#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>

#include "memory.h"
#include "redis-buffer.h"
#include "redis-conn.h"
#include "redis-hiredis.h"
#include "redis-reader.h"
#include "redis-resolve.h"
#include "redis-socket.h"
#include "redis-tls.h"

#define CONN_BLOCK_BYTES (16 * 1024)	/* as much as a TLS record holds */
/* A server that owes answers and is silent for so long is not just slow. */
#define CONN_SILENCE_MSECS 1000

enum conn_state {
	CONN_RESOLVING,
	CONN_CONNECTING,	/* to one of the addresses */
	CONN_TLS_HANDSHAKE,
	CONN_OPEN,
	CONN_CLOSED		/* waits to be deinitialised */
};

struct redis_conn {
	struct loop *loop;
	unsigned int refs;	/* the owner's, and functions under way */
	enum conn_state state;
	struct redis_address address;
	struct redis_conn_callbacks callbacks;
	struct loop_timeout *begin;
	struct redis_resolve *resolve;
	struct addrinfo *addresses, *address_next;
	int connect_errno;
	struct redis_tls *tls;
	struct redis_tls_session *session;
	int fd;
	struct loop_io *io;
	struct redis_reader *reader;
	struct redis_buffer output;
	struct redis_queue pending;
	/* The one whose reply was a refusal. */
	struct redis_request *refused;
	bool wants_auth;
	/* Of the streams: given, written for sure, may have left, come in. */
	uint64_t out_bytes, written_bytes, left_bytes, in_bytes;
	uint64_t heard_msecs;
};

/* A server that answers so can't do anything for us now. */
static const char *const conn_refusals[] = {
	"READONLY ", "LOADING ", "NOAUTH ", "MASTERDOWN "
};

static void conn_unref_times(struct redis_conn *conn, unsigned int times)
{
	conn->refs -= times;
	if (conn->refs > 0)
		return;
	redis_reader_deinit(&conn->reader);
	free(conn);
}

static void conn_unref(struct redis_conn *conn)
{
	conn_unref_times(conn, 1);
}

static void conn_disconnect(struct redis_conn *conn)
{
	redis_tls_session_deinit(&conn->session);
	loop_io_remove(conn->loop, &conn->io);
	if (conn->fd >= 0)
		(void)close(conn->fd);
	conn->fd = -1;
}

/* Stop everything but the calling back. */
static void conn_close(struct redis_conn *conn)
{
	conn->state = CONN_CLOSED;
	loop_timeout_remove(conn->loop, &conn->begin);
	redis_resolve_deinit(&conn->resolve);
	if (conn->addresses != NULL)
		freeaddrinfo(conn->addresses);
	conn->addresses = conn->address_next = NULL;
	conn_disconnect(conn);
	redis_buffer_free(&conn->output);
	redis_queue_deinit(&conn->pending);
}

static void conn_fail(struct redis_conn *conn, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void conn_fail(struct redis_conn *conn, const char *format, ...)
{
	char where[REDIS_ADDRESS_TEXT_MAX_BYTES];
	char what[RING_ERROR_MAX_BYTES];
	struct ring_error error;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	redis_address_print(&conn->address, where);
	/* escapes what the server may have sent */
	ring_error_set(&error, 0, "%s: %s", where, what);
	conn_close(conn);
	conn->callbacks.closed(error.text, conn->callbacks.context);
}

static bool reply_is_refusal(const struct redisReply *reply)
{
	size_t i;

	if (reply->type != REDIS_REPLY_ERROR)
		return false;
	for (i = 0; i < sizeof(conn_refusals) / sizeof(conn_refusals[0]); i++) {
		if (strncmp(reply->str, conn_refusals[i],
			    strlen(conn_refusals[i])) == 0)
			return true;
	}
	/* a script's, before Redis 7 */
	return strncmp(reply->str, "ERR Error running script", 24) == 0 &&
		strstr(reply->str, " -READONLY ") != NULL;
}

static void conn_reply(struct redis_conn *conn, const struct redisReply *reply)
{
	bool is_error = reply->type == REDIS_REPLY_ERROR;
	struct redis_request *request = redis_queue_pop(&conn->pending);

	if (request == NULL) {
		conn_fail(conn, "%s", is_error ? reply->str :
			  "not Redis: an answer to no question");
	} else if (reply_is_refusal(reply)) {
		conn->refused = request;
		conn->wants_auth = strncmp(reply->str, "NOAUTH ", 7) == 0;
		conn_fail(conn, "%s%s", reply->str, conn->wants_auth ?
			  " (see store_password_file)" : "");
	} else {
		redis_request_finish(&request,
				     is_error ? REDIS_ERROR : REDIS_OK, reply);
	}
}

static void conn_replies(struct redis_conn *conn)
{
	struct redisReply *reply;
	const char *error;
	int ret = 0;

	while (conn->state == CONN_OPEN &&
	       (ret = redis_reader_next(conn->reader, &reply, &error)) > 0) {
		conn_reply(conn, reply);
		redis_reply_free(&reply);
	}
	if (conn->state == CONN_OPEN && ret < 0)
		conn_fail(conn, "not Redis: %s", error);
}

static const char *conn_error(struct redis_conn *conn)
{
	if (conn->session != NULL)
		return redis_tls_session_error(conn->session);
	return errno == 0 ? "the server closed the connection" :
		strerror(errno);
}

static void conn_read(struct redis_conn *conn)
{
	char block[CONN_BLOCK_BYTES];
	const char *error;
	ssize_t ret;

	while (conn->state == CONN_OPEN) {
		ret = conn->session != NULL ?
			redis_tls_read(conn->session, block, sizeof(block)) :
			redis_socket_read(conn->fd, block, sizeof(block));
		if (ret < 0)
			conn_fail(conn, "%s", conn_error(conn));
		if (ret <= 0)
			return;
		conn->in_bytes += (uint64_t)ret;
		conn->heard_msecs = loop_now_msecs(conn->loop);
		if (redis_reader_feed(conn->reader, block, (size_t)ret,
				      &error) < 0) {
			conn_fail(conn, "not Redis: %s", error);
			return;
		}
		conn_replies(conn);
	}
}

static ssize_t conn_write_some(struct redis_conn *conn)
{
	const char *bytes = redis_buffer_bytes(&conn->output);
	size_t size = redis_buffer_size(&conn->output);

	if (conn->session == NULL)
		return redis_socket_write(conn->fd, bytes, size);
	if (size > CONN_BLOCK_BYTES)
		size = CONN_BLOCK_BYTES;
	/* a record of it may be on its way, whatever the call returns */
	if (conn->left_bytes < conn->written_bytes + size)
		conn->left_bytes = conn->written_bytes + size;
	return redis_tls_write(conn->session, bytes, size);
}

static void conn_write(struct redis_conn *conn)
{
	ssize_t ret;

	while (redis_buffer_size(&conn->output) > 0) {
		ret = conn_write_some(conn);
		if (ret < 0)
			conn_fail(conn, "%s", conn_error(conn));
		if (ret <= 0)
			return;
		redis_buffer_consume(&conn->output, (size_t)ret);
		conn->written_bytes += (uint64_t)ret;
		if (conn->left_bytes < conn->written_bytes)
			conn->left_bytes = conn->written_bytes;
	}
	loop_io_set(conn->loop, conn->io, LOOP_READ);
}

static void conn_opened(struct redis_conn *conn)
{
	conn->state = CONN_OPEN;
	if (redis_buffer_size(&conn->output) > 0)
		loop_io_set(conn->loop, conn->io, LOOP_READ | LOOP_WRITE);
	else
		loop_io_set(conn->loop, conn->io, LOOP_READ);
}

static void conn_handshake(struct redis_conn *conn)
{
	switch (redis_tls_handshake(conn->session)) {
	case REDIS_TLS_DONE:
		conn_opened(conn);
		break;
	case REDIS_TLS_WANT_READ:
		loop_io_set(conn->loop, conn->io, LOOP_READ);
		break;
	case REDIS_TLS_WANT_WRITE:
		loop_io_set(conn->loop, conn->io, LOOP_WRITE);
		break;
	case REDIS_TLS_ERROR:
		conn_fail(conn, "TLS: %s",
			  redis_tls_session_error(conn->session));
		break;
	}
}

static void conn_connect_next(struct redis_conn *conn);

static void conn_connected(struct redis_conn *conn)
{
	int error = redis_socket_connected(conn->fd);

	if (error != 0) {
		conn->connect_errno = error;
		conn_disconnect(conn);
		conn_connect_next(conn);
		return;
	}
	if (conn->tls == NULL) {
		conn_opened(conn);
		return;
	}
	conn->state = CONN_TLS_HANDSHAKE;
	conn->session = redis_tls_session_init(conn->tls, conn->fd,
					       conn->address.host);
	conn_handshake(conn);
}

static void conn_io(void *context)
{
	struct redis_conn *conn = context;

	conn->refs++;
	switch (conn->state) {
	case CONN_CONNECTING:
		conn_connected(conn);
		break;
	case CONN_TLS_HANDSHAKE:
		conn_handshake(conn);
		break;
	case CONN_OPEN:
		conn_read(conn);
		if (conn->state == CONN_OPEN)
			conn_write(conn);
		break;
	case CONN_RESOLVING:
	case CONN_CLOSED:
		break;
	}
	conn_unref(conn);
}

static void conn_connect_next(struct redis_conn *conn)
{
	conn->state = CONN_CONNECTING;
	while (conn->fd < 0 && conn->address_next != NULL) {
		conn->fd = redis_socket_connect(conn->address_next);
		if (conn->fd < 0)
			conn->connect_errno = errno;
		conn->address_next = conn->address_next->ai_next;
	}
	if (conn->fd < 0) {
		conn_fail(conn, "connect: %s", strerror(conn->connect_errno));
		return;
	}
	conn->io = loop_io_add(conn->loop, conn->fd, LOOP_WRITE, conn_io, conn);
}

static void conn_resolved(struct addrinfo *addresses, const char *error,
			  void *context)
{
	struct redis_conn *conn = context;

	conn->resolve = NULL;
	if (addresses == NULL) {
		conn_fail(conn, "the name has no address: %s",
			  error != NULL ? error : "none found");
		return;
	}
	conn->addresses = conn->address_next = addresses;
	conn_connect_next(conn);
}

static void conn_begin(void *context)
{
	struct redis_conn *conn = context;

	conn->begin = NULL;
	if (conn->address.port != 0) {
		conn->resolve = redis_resolve_init(conn->loop,
						   conn->address.host,
						   conn->address.port,
						   conn_resolved, conn);
		return;
	}
	conn->fd = redis_socket_connect_unix(conn->address.host);
	conn->connect_errno = errno;
	conn_connect_next(conn);
}

/* A request is late. Has nothing been heard since it was sent, or not for
   long? Or has it not even left, so that it must be kept from leaving? */
static bool conn_hangs(struct redis_conn *conn)
{
	const struct redis_request *request;
	uint64_t now = loop_now_msecs(conn->loop);
	bool silent = now - conn->heard_msecs >= CONN_SILENCE_MSECS;

	for (request = conn->pending.head; request != NULL;
	     request = request->next) {
		if (request->callback != NULL &&
		    request->deadline_msecs <= now &&
		    (silent || request->in_bytes == conn->in_bytes ||
		     request->out_bytes >= conn->left_bytes))
			return true;
	}
	return false;
}

static const char *const conn_late_texts[] = {
	[CONN_RESOLVING] = "the name was not resolved in time",
	[CONN_CONNECTING] = "connect: no answer in time",
	[CONN_TLS_HANDSHAKE] = "TLS: the handshake did not end in time",
	[CONN_OPEN] = "no answer in time"
};

static void conn_finish_late(struct redis_conn *conn)
{
	struct redis_request *request;

	while ((request = redis_queue_pop_late(&conn->pending)) != NULL)
		redis_request_finish(&request, REDIS_UNCERTAIN, NULL);
}

static void conn_expired(void *context)
{
	struct redis_conn *conn = context;

	conn->refs++;
	/* if it was us who slept, the replies are there */
	conn_read(conn);
	if (conn->state != CONN_CLOSED) {
		if (conn_hangs(conn)) {
			conn_fail(conn, "%s", conn_late_texts[conn->state]);
		} else {
			redis_queue_expire(&conn->pending, true);
			conn_finish_late(conn);
		}
	}
	conn_unref(conn);
}

struct redis_conn *
redis_conn_init(struct loop *loop, const struct redis_address *address,
		struct redis_tls *tls,
		const struct redis_conn_callbacks *callbacks)
{
	struct redis_conn *conn = mem_calloc(1, sizeof(*conn));

	conn->loop = loop;
	conn->refs = 1;
	conn->state = CONN_RESOLVING;
	conn->address = *address;
	conn->tls = tls;
	conn->callbacks = *callbacks;
	conn->fd = -1;
	conn->reader = redis_reader_init();
	redis_queue_init(&conn->pending, loop, conn_expired, conn);
	conn->begin = loop_timeout_add(loop, 0, conn_begin, conn);
	return conn;
}

static void conn_finish_lost(struct redis_conn *conn)
{
	struct redis_request *request;

	conn_finish_late(conn);
	if (conn->refused != NULL)
		redis_request_finish(&conn->refused, REDIS_UNAVAILABLE, NULL);
	while ((request = redis_queue_pop(&conn->pending)) != NULL) {
		redis_request_finish(&request,
				     request->out_bytes < conn->left_bytes ?
				     REDIS_UNCERTAIN : REDIS_UNAVAILABLE,
				     NULL);
	}
}

/* What is called back in here may end the owner, which comes here again: the
   rest is called back then, and not after the owner is gone. */
void redis_conn_deinit(struct redis_conn **_conn)
{
	struct redis_conn *conn = *_conn;

	if (conn == NULL)
		return;
	conn->refs++;
	conn_close(conn);
	conn_finish_lost(conn);
	/* ours, and the owner's unless it was given back in between */
	conn_unref_times(conn, *_conn != NULL ? 2 : 1);
	*_conn = NULL;
}

void redis_conn_send(struct redis_conn *conn, struct redis_request *request)
{
	request->out_bytes = conn->out_bytes;
	request->in_bytes = conn->in_bytes;
	conn->out_bytes += request->size;
	redis_buffer_append(&conn->output, request->bytes, request->size);
	redis_request_wipe(request);
	redis_queue_append(&conn->pending, request);
	if (conn->state == CONN_OPEN)
		loop_io_set(conn->loop, conn->io, LOOP_READ | LOOP_WRITE);
}

bool redis_conn_wants_auth(const struct redis_conn *conn)
{
	return conn->wants_auth;
}
