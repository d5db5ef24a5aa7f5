#include "lib.h"
#include "ioloop.h"
#include "net.h"

#include "glue-connection.h"
#include "glue-hello.h"

#include <unistd.h>

/* auth starts when somebody first needs it. On an idle node we are the first:
   it is called up shortly before the minute is over. */
#define CALL_AUTH_MSECS (55 * 1000)
#define WARN_MSECS (5 * 1000)
/* open to all processes by Dovecot's default */
#define AUTH_SOCKET_NAME "auth-userdb"

static char *auth_path;
static struct timeout *to_hello;
static int auth_fd = -1;

static void close_auth(void)
{
	if (auth_fd != -1 && close(auth_fd) < 0)
		i_error("close(%s) failed: %m", auth_path);
	auth_fd = -1;
}

static void warn_if_silent(void *context ATTR_UNUSED)
{
	timeout_remove(&to_hello);
	close_auth();
	if (glue_connections_passdb_seen())
		return;
	i_warning("No passdb { driver = dovering } has said HELLO within a "
		  "minute: LOGINS ARE NOT ROUTED. Does the configuration have "
		  "that block, and does it stand behind a passdb that checks "
		  "passwords? Dovecot drops one with skip = unauthenticated "
		  "that comes first (see: doveconf -n passdb)");
}

static void call_auth(void *context ATTR_UNUSED)
{
	timeout_remove(&to_hello);
	if (glue_connections_passdb_seen())
		return;
	auth_fd = net_connect_unix(auth_path);
	to_hello = timeout_add(WARN_MSECS, warn_if_silent, (void *)NULL);
}

void glue_hello_init(const char *base_dir)
{
	auth_path = i_strconcat(base_dir, "/"AUTH_SOCKET_NAME, NULL);
	to_hello = timeout_add(CALL_AUTH_MSECS, call_auth, (void *)NULL);
}

void glue_hello_deinit(void)
{
	timeout_remove(&to_hello);
	close_auth();
	i_free(auth_path);
}
