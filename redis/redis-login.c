#include "config.h"

#include <stdio.h>
#include <string.h>

#include "redis-hiredis.h"
#include "redis-login.h"

/* hint: the settings to look at; may be empty. */
static void login_failed(struct redis_login *login, const char *command,
			 const struct redisReply *reply, const char *hint)
{
	const char *text = reply->str != NULL ? reply->str :
		"an answer of another kind";
	struct ring_error error;

	/* An old server repeats what it does not know. */
	if (login->password != NULL && *login->password != '\0' &&
	    strstr(text, login->password) != NULL)
		text = "refused (its words would show the password)";
	ring_error_set(&error, 0, "%s: %s%s", command, text, hint);
	login->done(error.text, login->context);
}

/* The connection may live on, and have nothing to live for; or it is the
   connection's end that brings this, and the owner knows. */
static void login_late(struct redis_login *login)
{
	login->done("the login was not answered in time", login->context);
}

static bool reply_is_status(const struct redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STATUS &&
		strcmp(reply->str, text) == 0;
}

static void login_auth(enum redis_status status,
		       const struct redisReply *reply, void *context)
{
	if (reply == NULL)
		login_late(context);
	else if (status != REDIS_OK || !reply_is_status(reply, "OK"))
		login_failed(context, "AUTH", reply,
			     " (see store_user and store_password_file)");
}

static void login_select(enum redis_status status,
			 const struct redisReply *reply, void *context)
{
	if (reply == NULL)
		login_late(context);
	else if (status != REDIS_OK || !reply_is_status(reply, "OK"))
		login_failed(context, "SELECT", reply,
			     " (see the end of store's URL)");
}

static const char *reply_role(const struct redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
	    reply->element[0]->type != REDIS_REPLY_STRING)
		return NULL;
	return reply->element[0]->str;
}

static void login_role(enum redis_status status,
		       const struct redisReply *reply, void *context)
{
	struct redis_login *login = context;
	const char *role;

	if (reply == NULL) {
		login_late(login);
		return;
	}
	role = reply_role(reply);
	if (status != REDIS_OK || role == NULL)
		login_failed(login, "ROLE", reply, "");
	else if (strcmp(role, "sentinel") == 0)
		login->done("this is a sentinel: name it in a URL that begins "
			    "with redis+sentinel://", login->context);
	else if (strcmp(role, "master") != 0)
		login->done("this is a replica, not the master",
			    login->context);
}

static void login_ping(enum redis_status status,
		       const struct redisReply *reply, void *context)
{
	struct redis_login *login = context;

	if (reply == NULL) {
		login_late(login);
		return;
	}
	if (status != REDIS_OK || !reply_is_status(reply, "PONG"))
		login_failed(login, "PING", reply, "");
	else
		login->done(NULL, login->context);
}

static void login_send(const struct redis_login *login,
		       struct redis_conn *conn, const char *const *words,
		       redis_callback_t *callback, void *context)
{
	redis_conn_send(conn, redis_request_init_words(login->loop, words,
			login->timeout_msecs, callback, context));
}

void redis_login_send_auth(const struct redis_login *login,
			   struct redis_conn *conn,
			   redis_callback_t *callback, void *context)
{
	const char *with_user[] = { "AUTH", login->user, login->password,
				    NULL };
	const char *alone[] = { "AUTH", login->password, NULL };

	login_send(login, conn, login->user != NULL ? with_user : alone,
		   callback, context);
}

void redis_login_send(struct redis_login *login, struct redis_conn *conn)
{
	static const char *const role[] = { "ROLE", NULL };
	static const char *const ping[] = { "PING", NULL };
	char db[16];
	const char *select[] = { "SELECT", db, NULL };

	if (login->password != NULL)
		redis_login_send_auth(login, conn, login_auth, login);
	if (login->db != 0) {
		(void)snprintf(db, sizeof(db), "%u", login->db);
		login_send(login, conn, select, login_select, login);
	}
	login_send(login, conn, role, login_role, login);
	login_send(login, conn, ping, login_ping, login);
}
