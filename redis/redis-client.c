#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "memory.h"
#include "redis-backoff.h"
#include "redis-client.h"
#include "redis-login.h"
#include "redis-sentinel.h"
#include "redis-tls.h"
#include "redis-url.h"

#define CLIENT_DEFAULT_MSECS 2000

struct redis_client {
	struct loop *loop;
	unsigned int refs;	/* the owner's, and functions under way */
	bool ended;
	struct redis_url url;
	char *user;
	struct redis_tls *tls;
	unsigned int connect_timeout_msecs, reconnect_max_msecs;
	struct redis_client_callbacks callbacks;

	struct redis_sentinel *sentinel;	/* NULL: the URL names it */
	bool locating;	/* the sentinels are being asked where to go */
	struct redis_conn *conn;
	struct redis_conn *lost;	/* over, and being deinitialised */
	struct redis_address address;	/* conn's */
	struct redis_login login;
	bool connected;
	uint64_t connected_msecs;
	unsigned int serial;
	struct redis_address last_master;	/* once there was one */
	struct loop_timeout *retry;
	unsigned int failures;
	struct ring_error last_error;
	/* Commands that wait for a connection. */
	struct redis_queue waiting;
};

static void client_unref(struct redis_client *client)
{
	if (--client->refs > 0)
		return;
	free(client->user);
	free(client);
}

static void client_event(struct redis_client *client, enum redis_event event,
			 const char *text)
{
	if (client->callbacks.event != NULL && !client->ended)
		client->callbacks.event(event, text,
					client->callbacks.context);
}

static void client_try(void *context);

static void client_retry_later(struct redis_client *client)
{
	unsigned int pause;

	if (client->ended || client->retry != NULL || client->conn != NULL ||
	    client->locating)
		return;
	pause = redis_backoff_msecs(client->loop, client->failures,
				    client->reconnect_max_msecs);
	client->failures++;
	client->retry = loop_timeout_add(client->loop, pause, client_try,
					 client);
}

/* The attempt or the connection is over. Commands that fail by that may be
   given again in their callbacks: they wait for the next connection. */
static void client_lost(struct redis_client *client, const char *reason)
{
	bool was_connected = client->connected;

	client->refs++;
	client->lost = client->conn;
	client->conn = NULL;
	client->connected = false;
	/* One that did not last is as good as none. */
	if (was_connected &&
	    loop_now_msecs(client->loop) - client->connected_msecs >=
	    client->reconnect_max_msecs)
		client->failures = 0;
	ring_error_set(&client->last_error, 0, "%s", reason);
	client_retry_later(client);
	client_event(client, was_connected ? REDIS_DISCONNECTED :
		     REDIS_CONNECT_FAILED, client->last_error.text);
	redis_conn_deinit(&client->lost);
	client_unref(client);
}

static void client_conn_closed(const char *reason, void *context)
{
	client_lost(context, reason);
}

static void client_followed(struct redis_client *client)
{
	char from[REDIS_ADDRESS_TEXT_MAX_BYTES];
	char to[REDIS_ADDRESS_TEXT_MAX_BYTES];
	struct redis_address old = client->last_master;
	struct ring_error text;

	client->last_master = client->address;
	if (old.host[0] == '\0' ||
	    redis_address_equals(&old, &client->address))
		return;
	redis_address_print(&old, from);
	redis_address_print(&client->address, to);
	ring_error_set(&text, 0, "the master of %s was %s and is now %s",
		       client->url.master_name, from, to);
	client_event(client, REDIS_FAILED_OVER, text.text);
}

static void client_send_waiting(struct redis_client *client)
{
	struct redis_request *request;

	while ((request = redis_queue_pop(&client->waiting)) != NULL)
		redis_conn_send(client->conn, request);
}

static void client_login_done(const char *error, void *context)
{
	struct redis_client *client = context;
	char where[REDIS_ADDRESS_TEXT_MAX_BYTES];
	struct ring_error reason;

	if (client->conn == NULL)
		return;	/* it is over already */
	redis_address_print(&client->address, where);
	if (error != NULL) {
		ring_error_set(&reason, 0, "%s: %s", where, error);
		client_lost(client, reason.text);
		return;
	}
	client->refs++;
	client->connected = true;
	client->connected_msecs = loop_now_msecs(client->loop);
	client->serial++;
	client->last_error.text[0] = '\0';
	client_send_waiting(client);
	client_followed(client);
	client_event(client, REDIS_CONNECTED, where);
	client_unref(client);
}

static void client_connect(struct redis_client *client,
			   const struct redis_address *address)
{
	struct redis_conn_callbacks callbacks = {
		.closed = client_conn_closed,
		.context = client
	};

	client->address = *address;
	client->conn = redis_conn_init(client->loop, address, client->tls,
				       &callbacks);
	redis_login_send(&client->login, client->conn);
}

static void client_try(void *context)
{
	struct redis_client *client = context;

	client->retry = NULL;
	if (client->sentinel == NULL) {
		client_connect(client, &client->url.addresses[0]);
	} else {
		client->locating = true;
		redis_sentinel_ask(client->sentinel);
	}
}

static void client_located(const struct redis_address *master, bool majority,
			   const char *error, void *context)
{
	struct redis_client *client = context;
	char to[REDIS_ADDRESS_TEXT_MAX_BYTES];
	struct ring_error reason;

	if (client->locating) {
		client->locating = false;
		if (master != NULL)
			client_connect(client, master);
		else
			client_lost(client, error);
	} else if (client->conn != NULL && majority &&
		   !redis_address_equals(master, &client->address)) {
		/* The old one may go on answering, cut off from the rest. */
		redis_address_print(master, to);
		ring_error_set(&reason, 0, "the sentinels say that the master "
			       "is %s now", to);
		client_lost(client, reason.text);
	}
}

static void client_finish_late(struct redis_client *client)
{
	struct redis_request *request;

	while ((request = redis_queue_pop_late(&client->waiting)) != NULL)
		redis_request_finish(&request, REDIS_UNAVAILABLE, NULL);
}

static void client_waiting_expired(void *context)
{
	struct redis_client *client = context;

	client->refs++;
	redis_queue_expire(&client->waiting, false);
	client_finish_late(client);
	client_unref(client);
}

static int client_check_tls(const struct redis_settings *settings,
			    const struct redis_url *url,
			    struct ring_error *error)
{
	const char *const files[][2] = {
		{ "store_ca_file", settings->ca_file },
		{ "store_cert_file", settings->cert_file },
		{ "store_key_file", settings->key_file }
	};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]) && !url->tls; i++) {
		if (files[i][1] == NULL || files[i][1][0] == '\0')
			continue;
		ring_error_set(error, 0, "%s is set, but store does not ask "
			       "for TLS: use rediss:// or rediss+sentinel://",
			       files[i][0]);
		return -1;
	}
	return 0;
}

static int client_check(const struct redis_settings *settings,
			struct redis_url *url_r, struct ring_error *error)
{
	if (settings->url == NULL || settings->url[0] == '\0') {
		ring_error_set(error, 0, "store: not set; for example "
			       "redis://127.0.0.1:6379/0");
		return -1;
	}
	if (redis_url_parse(settings->url, url_r, error) < 0)
		return -1;
	if (settings->user != NULL && settings->user[0] != '\0' &&
	    settings->password == NULL) {
		ring_error_set(error, 0, "store_user: is set, but "
			       "store_password_file is not");
		return -1;
	}
	return client_check_tls(settings, url_r, error);
}

static void client_init_sentinel(struct redis_client *client)
{
	struct redis_sentinel_settings settings = {
		.addresses = client->url.addresses,
		.addresses_count = client->url.addresses_count,
		.master_name = client->url.master_name,
		.tls = client->tls,
		.login = &client->login,
		.located = client_located,
		.context = client
	};

	client->sentinel = redis_sentinel_init(client->loop, &settings);
}

int redis_client_init(struct loop *loop, const struct redis_settings *settings,
		      const struct redis_client_callbacks *callbacks,
		      struct redis_client **client_r, struct ring_error *error)
{
	struct redis_client *client;
	struct redis_tls *tls = NULL;
	struct redis_url url;

	*client_r = NULL;
	if (client_check(settings, &url, error) < 0)
		return -1;
	if (url.tls && redis_tls_init(settings->ca_file, settings->cert_file,
				      settings->key_file, &tls, error) < 0)
		return -1;

	client = mem_calloc(1, sizeof(*client));
	client->loop = loop;
	client->refs = 1;
	client->url = url;
	client->tls = tls;
	/* "" is a setting that is not set */
	if (settings->user != NULL && *settings->user != '\0')
		client->user = mem_strdup(settings->user);
	client->connect_timeout_msecs = settings->connect_timeout_msecs != 0 ?
		settings->connect_timeout_msecs : CLIENT_DEFAULT_MSECS;
	client->reconnect_max_msecs = settings->reconnect_max_msecs != 0 ?
		settings->reconnect_max_msecs : CLIENT_DEFAULT_MSECS;
	if (callbacks != NULL)
		client->callbacks = *callbacks;
	client->login.loop = loop;
	client->login.user = client->user;
	client->login.password = settings->password;
	client->login.db = url.db;
	client->login.timeout_msecs = client->connect_timeout_msecs;
	client->login.done = client_login_done;
	client->login.context = client;
	ring_error_set(&client->last_error, 0, "not connected yet");
	redis_queue_init(&client->waiting, loop, client_waiting_expired,
			 client);
	if (url.type == REDIS_URL_SENTINEL)
		client_init_sentinel(client);
	client->retry = loop_timeout_add(loop, 0, client_try, client);
	*client_r = client;
	return 0;
}

void redis_client_deinit(struct redis_client **_client)
{
	struct redis_client *client = *_client;
	struct redis_request *request;

	if (client == NULL)
		return;
	*_client = NULL;
	client->ended = true;
	client->connected = false;
	loop_timeout_remove(client->loop, &client->retry);
	redis_sentinel_deinit(&client->sentinel);
	redis_conn_deinit(&client->lost);
	redis_conn_deinit(&client->conn);
	client_finish_late(client);
	while ((request = redis_queue_pop(&client->waiting)) != NULL)
		redis_request_finish(&request, REDIS_UNAVAILABLE, NULL);
	redis_queue_deinit(&client->waiting);
	redis_tls_deinit(&client->tls);
	client_unref(client);
}

bool redis_client_is_connected(const struct redis_client *client)
{
	return client->connected;
}

unsigned int redis_client_connection_serial(const struct redis_client *client)
{
	return client->serial;
}

const char *redis_client_last_error(const struct redis_client *client)
{
	return client->last_error.text;
}

unsigned int redis_client_sentinel_replicas(const struct redis_client *client)
{
	return client->sentinel == NULL ? 0 :
		redis_sentinel_replicas(client->sentinel);
}

void redis_client_command(struct redis_client *client,
			  const struct redis_command *command,
			  unsigned int timeout_msecs,
			  redis_callback_t *callback, void *context)
{
	redis_client_pipeline(client, command, 1, timeout_msecs, callback,
			      context);
}

/* All go the same way at once: to the connection, or to the queue, which goes
   to a connection as a whole. So nothing comes between them. */
void redis_client_pipeline(struct redis_client *client,
			   const struct redis_command *commands,
			   unsigned int count, unsigned int timeout_msecs,
			   redis_callback_t *callback, void *context)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct redis_request *request =
			redis_request_init(client->loop, &commands[i],
					   timeout_msecs, callback, context);

		if (client->connected)
			redis_conn_send(client->conn, request);
		else
			redis_queue_append(&client->waiting, request);
	}
}
