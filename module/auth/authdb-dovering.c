/* The passdb driver "dovering": asks the node's agent where a user who has
   been authenticated belongs, and writes the answer into the passdb's fields.

   It decides nothing, and it never vouches for anybody: a password is checked,
   or a user found, by a passdb before it. Whatever goes wrong is a temporary
   failure, never a login on the wrong host. */

#include "dovecot-compat.h"
#include "auth-fields.h"
#include "net.h"
#include "passdb.h"

#include "agent-client.h"

#define DEFAULT_SOCKET_NAME "dovering-auth"

struct dovering_passdb {
	struct passdb_module module;	/* first: auth casts */
	struct agent_client *client;	/* NULL in an auth-worker */
};

/* Allocated from the request's pool. */
struct dovering_lookup {
	struct auth_request *request;
	/* One of them; the other is NULL. */
	verify_plain_callback_t *verify_callback;
	lookup_credentials_callback_t *credentials_callback;
};

/* Where an earlier passdb sends the user. Ours replaces all of it: a stale
   part would send him elsewhere, or in a circle. */
static const char *const route_fields[] = {
	"proxy", "proxy_maybe", "proxy_always", "host", "hostip", "port",
};

static const char *find_field(struct auth_request *request, const char *name)
{
	return auth_fields_find(request->fields.extra_fields, name);
}

static void set_field(struct auth_request *request, const char *name,
		      const char *value)
{
	auth_request_set_field(request, name, value, NULL);
}

static void remove_route_fields(struct auth_request *request)
{
	for (unsigned int i = 0; i < N_ELEMENTS(route_fields); i++)
		auth_fields_remove(request->fields.extra_fields,
				   route_fields[i]);
}

/* Mechanisms like CRAM-MD5 and SCRAM fetch the password before they have seen
   a proof: anybody can get them so far, for any user who exists. Those of LMTP
   and doveadm have no mechanism, and Kerberos' has proved all before it asks.
   (wanted_credentials_scheme tells nothing: the first passdb that finds the
   user changes it.) */
static bool is_unproven(const struct dovering_lookup *lookup)
{
	const struct mech_module *mech = lookup->request->mech;

	return lookup->credentials_callback != NULL && mech != NULL &&
		mech->passdb_need != MECH_PASSDB_NEED_NOTHING;
}

/* -- The end of a lookup */

static void lookup_finish(struct dovering_lookup *lookup,
			  enum passdb_result result)
{
	struct auth_request *request = lookup->request;

	/* A passdb before us has said "continue-ok". If this block lacks
	   result_failure or result_internalfail = return-fail, that would
	   still stand, and let the user in here, unrouted. */
	if (result != PASSDB_RESULT_OK)
		request->passdb_success = FALSE;

	if (lookup->verify_callback != NULL)
		lookup->verify_callback(result, request);
	else if (is_unproven(lookup)) {
		/* none of our own; fails if none were found before */
		passdb_handle_credentials(result, NULL, NULL,
					  lookup->credentials_callback,
					  request);
	} else {
		/* nobody looks at them, and there are none after a passdb of
		   nopassword */
		lookup->credentials_callback(result, uchar_empty_ptr, 0,
					     request);
	}
	auth_request_unref(&request);
}

/* -- The agent's answer */

/* Backends tell a user's generations apart by it, and so do kicks. */
static void set_user_field(struct auth_request *request,
			   const struct agent_reply *reply)
{
	set_field(request, "user_dovering",
		  t_strconcat(reply->key, ":", reply->generation, NULL));
}

/* A proxy logs in by password, and after CRAM-MD5, SCRAM or Kerberos there is
   none, unless a passdb gave one for the backends (pass). 2.3.19's login
   process does not survive being told to proxy without. */
static bool has_password(struct auth_request *request)
{
	return request->mech == NULL || request->mech_password != NULL ||
		find_field(request, "pass") != NULL;
}

static enum passdb_result
apply_proxy(struct auth_request *request, const struct agent_reply *reply)
{
	if (!has_password(request)) {
		e_error(authdb_event(request),
			"not routed: %s leaves no password to log in to the "
			"backend with (auth_mechanisms = plain login, or set "
			"pass and master in a passdb before this one)",
			request->mech->mech_name);
		return PASSDB_RESULT_INTERNAL_FAILURE;
	}
	remove_route_fields(request);
	set_field(request, "proxy", "y");
	set_field(request, "host", reply->address);
	if (reply->port != NULL)
		set_field(request, "port", reply->port);
	set_field(request, "proxy_refresh",
		  dec2str(reply->proxy_refresh_secs));
	/* He is served there, or told to try again, but not sent on. */
	set_field(request, "forward_dovering_hop", reply->node);
	set_user_field(request, reply);
	return PASSDB_RESULT_OK;
}

static void apply_local(struct auth_request *request,
			const struct agent_reply *reply)
{
	remove_route_fields(request);
	set_user_field(request, reply);
}

static void lookup_reply(const struct agent_reply *reply, void *context)
{
	struct dovering_lookup *lookup = context;
	struct auth_request *request = lookup->request;
	enum passdb_result result = PASSDB_RESULT_OK;

	switch (reply->kind) {
	case AGENT_REPLY_PROXY:
		result = apply_proxy(request, reply);
		break;
	case AGENT_REPLY_LOCAL:
		apply_local(request, reply);
		break;
	case AGENT_REPLY_PASS:
		break;
	case AGENT_REPLY_FAIL:
		e_error(authdb_event(request), "not routed: %s",
			reply->reason);
		result = PASSDB_RESULT_INTERNAL_FAILURE;
		break;
	}
	lookup_finish(lookup, result);
}

/* -- The question */

/* Whose mail is opened: the name that the backend will see, without the
   master user who may follow it. */
static const char *owner_of(struct auth_request *request)
{
	const char *separator = request->set->master_user_separator;
	const char *destuser = find_field(request, "destuser");

	if (destuser == NULL || *destuser == '\0')
		return request->fields.user;
	return *separator == '\0' ? destuser : t_strcut(destuser, *separator);
}

static const char *peer_of(struct auth_request *request)
{
	if (request->fields.real_remote_ip.family == 0)
		return NULL;
	return net_ip2addr(&request->fields.real_remote_ip);
}

static void lookup_ask(struct dovering_lookup *lookup)
{
	struct auth_request *request = lookup->request;
	struct dovering_passdb *passdb =
		(struct dovering_passdb *)request->passdb->passdb;
	const struct agent_route_fields fields = {
		.user = owner_of(request),
		.service = dovecot_request_protocol(request),
		.tag = find_field(request, "director_tag"),
		.host = find_field(request, "host"),
		.peer = peer_of(request),
		.hop = find_field(request, "forward_dovering_hop"),
		.peek = is_unproven(lookup),
	};
	agent_client_route(passdb->client, &fields, lookup_reply, lookup);
}

/* Has anybody before us found this user, or checked his password? */
static bool lookup_may_ask(struct dovering_lookup *lookup,
			   enum passdb_result *result_r)
{
	struct auth_request *request = lookup->request;

	*result_r = PASSDB_RESULT_INTERNAL_FAILURE;
	if (request->fields.requested_login_user != NULL) {
		e_error(authdb_event(request),
			"driver = dovering does not belong into a passdb block "
			"with master = yes: it checks no password");
		return FALSE;
	}
	if (request->fields.skip_password_check)
		return TRUE;
	if (request->mech == NULL) {
		/* LMTP or doveadm asks, and no passdb before us knows him. */
		e_info(authdb_event(request), "not routed: unknown user");
		*result_r = PASSDB_RESULT_USER_UNKNOWN;
		return FALSE;
	}
	e_error(authdb_event(request),
		"refused: no passdb before this one has authenticated the user "
		"(give this block skip = unauthenticated, and those before it "
		"result_success = continue-ok and result_failure = return-fail)");
	return FALSE;
}

static void lookup_begin(struct auth_request *request,
			 verify_plain_callback_t *verify_callback,
			 lookup_credentials_callback_t *credentials_callback)
{
	struct dovering_lookup *lookup;
	enum passdb_result result;

	lookup = p_new(request->pool, struct dovering_lookup, 1);
	lookup->request = request;
	lookup->verify_callback = verify_callback;
	lookup->credentials_callback = credentials_callback;
	auth_request_ref(request);

	if (!lookup_may_ask(lookup, &result))
		lookup_finish(lookup, result);
	else if (request->auth_only) {
		/* A mail server asks for its SMTP AUTH: no mail is opened, and
		   auth drops all proxying. */
		lookup_finish(lookup, PASSDB_RESULT_OK);
	} else {
		lookup_ask(lookup);
	}
}

static void
dovering_verify_plain(struct auth_request *request,
		      const char *password ATTR_UNUSED,
		      verify_plain_callback_t *callback)
{
	lookup_begin(request, callback, NULL);
}

static void
dovering_lookup_credentials(struct auth_request *request,
			    lookup_credentials_callback_t *callback)
{
	lookup_begin(request, NULL, callback);
}

/* -- Life cycle */

static struct passdb_module *dovering_preinit(pool_t pool, const char *args)
{
	struct dovering_passdb *passdb;
	const char *path = *args == '\0' ? DEFAULT_SOCKET_NAME : args;

	if (strchr(path, '=') != NULL || strchr(path, ' ') != NULL) {
		i_fatal("passdb dovering: args = %s: this should be nothing "
			"but the path of the agent's socket "
			"(default "DEFAULT_SOCKET_NAME")", args);
	}
	passdb = p_new(pool, struct dovering_passdb, 1);
	/* the auth cache must never answer for us: who is where changes */
	passdb->module.default_cache_key = NULL;
	passdb->module.default_pass_scheme = "PLAIN";
	if (!worker) {
		if (*path != '/')
			path = t_strconcat(global_auth_settings->base_dir, "/",
					   path, NULL);
		passdb->client = agent_client_init(path);
	}
	return &passdb->module;
}

static void dovering_init(struct passdb_module *module)
{
	struct dovering_passdb *passdb = (struct dovering_passdb *)module;

	/* At once, not at the first login: the agent waits for our HELLO, and
	   warns when auth has dropped this passdb. */
	if (passdb->client != NULL)
		agent_client_connect(passdb->client);
}

static void dovering_deinit(struct passdb_module *module)
{
	struct dovering_passdb *passdb = (struct dovering_passdb *)module;

	if (passdb->client != NULL)
		agent_client_deinit(&passdb->client);
}

static struct passdb_module_interface passdb_dovering = {
	.name = "dovering",
	.preinit = dovering_preinit,
	.init = dovering_init,
	.deinit = dovering_deinit,
	.verify_plain = dovering_verify_plain,
	.lookup_credentials = dovering_lookup_credentials,
};

/* -- dovering-ticket: refuses every ticket, as long as nobody mints any. Its
   block may stand in the configuration already; a master password goes on to
   the next passdb with master = yes. */

static struct passdb_module *
ticket_preinit(pool_t pool, const char *args ATTR_UNUSED)
{
	return p_new(pool, struct passdb_module, 1);
}

static void ticket_init(struct passdb_module *module ATTR_UNUSED)
{
	if (!worker) {
		i_info("passdb dovering-ticket: this version of dovering has "
		       "no tickets yet: each is refused");
	}
}

static void ticket_verify_plain(struct auth_request *request,
				const char *password ATTR_UNUSED,
				verify_plain_callback_t *callback)
{
	callback(PASSDB_RESULT_USER_UNKNOWN, request);
}

static void
ticket_lookup_credentials(struct auth_request *request,
			  lookup_credentials_callback_t *callback)
{
	callback(PASSDB_RESULT_USER_UNKNOWN, NULL, 0, request);
}

static struct passdb_module_interface passdb_dovering_ticket = {
	.name = "dovering-ticket",
	.preinit = ticket_preinit,
	.init = ticket_init,
	.verify_plain = ticket_verify_plain,
	.lookup_credentials = ticket_lookup_credentials,
};

extern const char *authdb_dovering_version;
DOVECOT_MODULE_VERSION(authdb_dovering_version);
void authdb_dovering_init(void);
void authdb_dovering_deinit(void);

void authdb_dovering_init(void)
{
	passdb_register_module(&passdb_dovering);
	passdb_register_module(&passdb_dovering_ticket);
}

void authdb_dovering_deinit(void)
{
	passdb_unregister_module(&passdb_dovering_ticket);
	passdb_unregister_module(&passdb_dovering);
}
