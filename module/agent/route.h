#ifndef ROUTE_H
#define ROUTE_H

/* The requests under way: where does this login go?

   Each request is a small state machine that is stepped by what happens. It

	waits for the gate	node lease confirmed, ring loaded and judged
	asks the store		claim, or peek without proof of a password
	loads the ring		the store has seen a newer one
	is held			the ring's verdict: his host can't take him yet

   and ends with one answer. The gate is looked at when a request comes, when
   the store's answer is there, and so after any pause: an answer that was
   overtaken by the node lease's end or by another ring is asked for again. */

#include "agent-log.h"
#include "lease-cache.h"
#include "node-lease.h"
#include "ring-keeper.h"
#include "ring-watch.h"

#define ROUTE_USER_MAX_BYTES 1024
#define ROUTE_RETRY_MSECS 500
#define ROUTE_HOP_HOLD_MSECS 5000
/* How often one request believes a store that claims a newer ring */
#define ROUTE_OLDER_MAX 2
/* How long such a claim is given to come true before it counts as nonsense */
#define ROUTE_DOUBT_MSECS 6000

struct routes;

/* All outlive the routes. */
struct routes_params {
	struct loop *loop;
	struct store *store;
	const struct node_settings *settings;
	const struct ring_keeper *keeper;
	struct node_lease *lease;
	struct ring_watch *watch;
	struct lease_cache *cache;
	struct agent_log log;
};

struct routes *routes_init(const struct routes_params *params);
/* Answers all with AGENT_FAIL. */
void routes_deinit(struct routes **routes);

/* See agent_route(). */
void routes_add(struct routes *routes, const struct agent_route *route,
		agent_answer_callback_t *callback, void *context);
/* Soon look again at those that wait for the gate or for a load; is_all: at
   those that are held by the ring's verdict, too. */
void routes_wake(struct routes *routes, bool is_all);

#endif
