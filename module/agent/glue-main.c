/* dovering-agent: the agent's logic as a Dovecot service. */

#include "lib.h"
#include "lib-signals.h"
#include "master-service.h"
#include "master-service-settings.h"
#include "master-interface.h"

#include "agent.h"
#include "glue-connection.h"
#include "glue-hello.h"
#include "glue-ioloop.h"
#include "glue-start.h"
#include "store-redis.h"

#include <sodium.h>

static struct event_category event_category_dovering = {
	.name = "dovering",
};
static struct event *agent_event;
static bool store_failure_logged;

static struct node_settings *settings;
static struct glue_keys keys;
static struct loop *loop;
static struct redis_client *redis;
static struct store *store;
static struct agent *agent;

/* -- What the rooms below say */

static void agent_log(enum agent_log_level level, const char *text,
		      void *context ATTR_UNUSED)
{
	switch (level) {
	case AGENT_LOG_DEBUG:
		e_debug(agent_event, "%s", text);
		break;
	case AGENT_LOG_INFO:
		e_info(agent_event, "%s", text);
		break;
	case AGENT_LOG_WARNING:
		e_warning(agent_event, "%s", text);
		break;
	case AGENT_LOG_ERROR:
		e_error(agent_event, "%s", text);
		break;
	}
}

static void store_event(enum redis_event event, const char *text,
			void *context ATTR_UNUSED)
{
	switch (event) {
	case REDIS_CONNECTED:
		e_info(agent_event, "store: connected to %s", text);
		store_failure_logged = FALSE;
		break;
	case REDIS_FAILED_OVER:
		e_warning(agent_event, "store: %s", text);
		break;
	case REDIS_DISCONNECTED:
		e_error(agent_event, "store: %s", text);
		break;
	case REDIS_CONNECT_FAILED:
		/* it tries every second or two: once until it has worked */
		if (store_failure_logged)
			e_debug(agent_event, "store: %s", text);
		else
			e_error(agent_event, "store: %s", text);
		store_failure_logged = TRUE;
		break;
	}
}

/* -- Parts, in the order in which they need each other */

/* As root: TLS files are read here. */
static void store_init(const char *config_path)
{
	const struct redis_settings set = {
		.url = settings->store,
		.user = settings->store_user,
		.password = keys.store_password,
		.ca_file = settings->store_ca_file,
		.cert_file = settings->store_cert_file,
		.key_file = settings->store_key_file,
	};
	const struct redis_client_callbacks callbacks = {
		.event = store_event,
	};
	struct ring_error error;

	if (redis_client_init(loop, &set, &callbacks, &redis, &error) < 0)
		i_fatal("%s: %s", config_path, error.text);
	store = store_redis_init(loop, redis, settings->cluster,
				 settings->user_expire_secs, 0);
}

static void main_init(const char *config_path)
{
	settings = glue_start_settings(config_path);
	glue_start_keys(settings, &keys);
	loop = glue_ioloop_init();
	store_init(config_path);
	glue_start_drop_privileges(settings);
}

static void main_start(void)
{
	struct agent_params params = {
		.loop = loop,
		.store = store,
		.settings = settings,
		.log = agent_log,
	};
	struct ring_error error;

	memcpy(params.ring_public_key, keys.ring_public,
	       sizeof(params.ring_public_key));
	if (agent_init(&params, &agent, &error) < 0)
		i_fatal("%s", error.text);
	glue_connections_init(agent, settings);
	glue_hello_init(master_service_settings_get(master_service)->base_dir);
}

static void main_deinit(void)
{
	glue_hello_deinit();
	/* first: what agent_deinit() answers must not reach auth, which will
	   ask the next agent and let the login wait */
	glue_connections_deinit();
	agent_deinit(&agent);
	store_free(&store);
	redis_client_deinit(&redis);
	glue_ioloop_deinit(&loop);
	glue_keys_free(&keys);
	node_settings_free(&settings);
}

static void sig_hup(const siginfo_t *si ATTR_UNUSED, void *context ATTR_UNUSED)
{
	/* Dovecot's master starts the next one, with the settings of then */
	master_service_stop(master_service);
}

int main(int argc, char *argv[])
{
	const enum master_service_flags service_flags =
		MASTER_SERVICE_FLAG_NO_IDLE_DIE |
		MASTER_SERVICE_FLAG_DONT_SEND_STATS |
		MASTER_SERVICE_FLAG_NO_SSL_INIT;
	const char *config_path, *error;

	if (getenv(MASTER_IS_PARENT_ENV) == NULL) {
		fprintf(stderr, "dovering-agent is started by Dovecot: put "
			"service dovering-agent into its configuration\n");
		return FATAL_DEFAULT;
	}
	config_path = glue_start_config_path(&argc, argv);
	master_service = master_service_init("dovering-agent", service_flags,
					     &argc, &argv, "");
	if (master_getopt(master_service) > 0)
		return FATAL_DEFAULT;
	if (master_service_settings_read_simple(master_service,
						NULL, &error) < 0)
		i_fatal("Error reading configuration: %s", error);
	master_service_init_log(master_service);
	agent_event = event_create(NULL);
	event_add_category(agent_event, &event_category_dovering);

	main_init(config_path);
	main_start();
	lib_signals_set_handler(SIGHUP, LIBSIG_FLAGS_SAFE, sig_hup, NULL);
	master_service_init_finish(master_service);

	master_service_run(master_service, glue_connection_create);

	main_deinit();
	event_unref(&agent_event);
	master_service_deinit(&master_service);
	return 0;
}
