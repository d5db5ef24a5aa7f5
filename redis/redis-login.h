#ifndef REDIS_LOGIN_H
#define REDIS_LOGIN_H

/* What comes before the first command: AUTH, SELECT, is it a master (ROLE),
   and does it serve (PING: a server that still loads its data answers
   LOADING). An ACL user needs +auth +select +role +ping for that. */

#include "redis-conn.h"

struct redis_login {
	struct loop *loop;
	const char *user;	/* NULL: the default user */
	const char *password;	/* NULL: no AUTH; used in place */
	unsigned int db;
	unsigned int timeout_msecs;
	/* error is NULL if all is well. Called again for each step that is left
	   when the connection ends. */
	void (*done)(const char *error, void *context);
	void *context;
};

/* The login must stay as long as the connection. */
void redis_login_send(struct redis_login *login, struct redis_conn *conn);
/* AUTH alone; the callback gets its reply. */
void redis_login_send_auth(const struct redis_login *login,
			   struct redis_conn *conn,
			   redis_callback_t *callback, void *context);

#endif
