#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "agent-log.h"
#include "memory.h"
#include "lease-cache.h"
#include "lease-renew.h"
#include "node-lease.h"
#include "ring-keeper.h"
#include "ring-watch.h"
#include "route.h"

struct agent {
	const struct node_settings *settings;
	struct agent_log log;
	struct ring_keeper *keeper;
	struct lease_cache *cache;
	struct node_lease *lease;
	struct ring_watch *watch;
	struct lease_renew *renew;
	struct routes *routes;
};

static const char *const away_advice[] = {
	[NODE_STORE_FAILURE_ROUTE] =
		"logins go on by the leases known here and by the ring "
		"(on_store_failure = route)",
	[NODE_STORE_FAILURE_REFUSE] =
		"logins are refused once the node lease has run out "
		"(on_store_failure = refuse)",
};

/* -- What the parts tell each other -- */

static void lease_fill(struct store_heartbeat *beat, void *context)
{
	const struct agent *agent = context;

	beat->active = *ring_keeper_active_epoch(agent->keeper);
	beat->prepared = *ring_keeper_prepared_epoch(agent->keeper);
	beat->complaint = ring_keeper_complaint(agent->keeper);
}

static void lease_heard(const struct store_heartbeat_reply *reply,
			void *context)
{
	struct agent *agent = context;

	ring_watch_heard(agent->watch, reply);
	routes_wake(agent->routes, false);
}

static void lease_changed(void *context)
{
	struct agent *agent = context;

	if (node_lease_state(agent->lease) == NODE_LEASE_HELD)
		lease_renew_all(agent->renew);
	routes_wake(agent->routes, true);
}

/* A name mistyped in the settings shows nowhere else before users end up
   where they should not. */
static void check_names(const struct agent *agent)
{
	const struct ring *ring = ring_keeper_active(agent->keeper);
	const char *node = agent->settings->node, *own = agent->settings->host;
	const struct ring_host *host;

	if (ring == NULL)
		return;
	if (ring_record_node(ring_record(ring), node) == NULL) {
		agent_log(&agent->log, AGENT_LOG_WARNING,
			  "setting node = %s: the ring has no such node; add "
			  "it (dovering node add), or correct the setting",
			  node);
	}
	if (own == NULL || *own == '\0')
		return;
	host = ring_host(ring, own);
	if (host == NULL) {
		agent_log(&agent->log, AGENT_LOG_WARNING,
			  "setting host = %s: the ring has no such host; add "
			  "it (dovering host add), or correct the setting",
			  own);
	} else if (strcmp(host->node, node) != 0) {
		agent_log(&agent->log, AGENT_LOG_WARNING,
			  "setting host = %s: the ring says that it is node "
			  "%s's host, and setting node is %s", own, host->node,
			  node);
	}
}

static void ring_loaded(bool changed, void *context)
{
	struct agent *agent = context;

	if (changed)
		check_names(agent);
	routes_wake(agent->routes, changed);
}

static void ring_is_older(void *context)
{
	struct agent *agent = context;

	(void)ring_watch_load(agent->watch);
}

/* -- Start and end -- */

static int open_keeper(struct agent *agent, const struct agent_params *params,
		       const struct agent_log *log, struct ring_error *error)
{
	struct ring_keeper_params keeper = {
		.state_dir = params->settings->state_dir,
		.cluster = params->settings->cluster,
		.min_epoch = params->settings->ring_min_epoch,
		.log = *log,
	};

	memcpy(keeper.public_key, params->ring_public_key,
	       sizeof(keeper.public_key));
	return ring_keeper_init(&keeper, &agent->keeper, error);
}

static void start_lease(struct agent *agent, const struct agent_params *params,
			const struct agent_log *log)
{
	const struct node_lease_params lease = {
		.loop = params->loop,
		.store = params->store,
		.node = params->settings->node,
		.log = *log,
		.away_advice =
			away_advice[params->settings->on_store_failure],
		.fill = lease_fill,
		.heard = lease_heard,
		.changed = lease_changed,
		.context = agent,
	};

	agent->lease = node_lease_init(&lease);
}

static void start_watch(struct agent *agent, const struct agent_params *params,
			const struct agent_log *log)
{
	const struct ring_watch_params watch = {
		.loop = params->loop,
		.store = params->store,
		.keeper = agent->keeper,
		.lease = agent->lease,
		.log = *log,
		.loaded = ring_loaded,
		.context = agent,
	};

	agent->watch = ring_watch_init(&watch);
}

static void start_renew(struct agent *agent, const struct agent_params *params,
			const struct agent_log *log)
{
	const struct lease_renew_params renew = {
		.loop = params->loop,
		.store = params->store,
		.lease = agent->lease,
		.cache = agent->cache,
		.keeper = agent->keeper,
		.log = *log,
		.is_older = ring_is_older,
		.context = agent,
	};

	agent->renew = lease_renew_init(&renew);
}

static void start_routes(struct agent *agent,
			 const struct agent_params *params,
			 const struct agent_log *log)
{
	const struct routes_params routes = {
		.loop = params->loop,
		.store = params->store,
		.settings = params->settings,
		.keeper = agent->keeper,
		.lease = agent->lease,
		.watch = agent->watch,
		.cache = agent->cache,
		.log = *log,
	};

	agent->routes = routes_init(&routes);
}

int agent_init(const struct agent_params *params, struct agent **agent_r,
	       struct ring_error *error)
{
	const struct agent_log log = {
		.write = params->log,
		.context = params->log_context,
	};
	struct agent *agent;

	if (params->settings->on_store_failure ==
	    NODE_STORE_FAILURE_FAILSAFE) {
		ring_error_set(error, 0, "setting on_store_failure = failsafe "
			       "is not in this version: use route or refuse");
		return -1;
	}
	if (sodium_init() < 0) {
		ring_error_set(error, 0, "libsodium does not start");
		return -1;
	}
	agent = mem_calloc(1, sizeof(*agent));
	agent->settings = params->settings;
	agent->log = log;
	if (open_keeper(agent, params, &log, error) < 0) {
		free(agent);
		return -1;
	}
	agent->cache = lease_cache_init(
		(uint64_t)params->settings->user_expire_secs * 1000,
		LEASE_CACHE_MAX);
	/* No callback comes before all of them are there. */
	start_lease(agent, params, &log);
	start_watch(agent, params, &log);
	start_renew(agent, params, &log);
	start_routes(agent, params, &log);
	check_names(agent);
	*agent_r = agent;
	return 0;
}

void agent_deinit(struct agent **_agent)
{
	struct agent *agent = *_agent;

	if (agent == NULL)
		return;
	*_agent = NULL;
	routes_deinit(&agent->routes);
	lease_renew_deinit(&agent->renew);
	ring_watch_deinit(&agent->watch);
	node_lease_deinit(&agent->lease);
	lease_cache_deinit(&agent->cache);
	ring_keeper_deinit(&agent->keeper);
	free(agent);
}

void agent_route(struct agent *agent, const struct agent_route *route,
		 agent_answer_callback_t *callback, void *context)
{
	routes_add(agent->routes, route, callback, context);
}

void agent_session_seen(struct agent *agent, const char *user, size_t size)
{
	char key[ROUTE_USER_MAX_BYTES + 1];

	if (size == 0 || size > ROUTE_USER_MAX_BYTES)
		return;
	size = node_user_key(agent->settings->user_key, user, size, key);
	lease_renew_seen(agent->renew, key, size);
}
