#ifndef NODE_LEASE_H
#define NODE_LEASE_H

/* The node lease: what lets this node answer for the cluster at all.

   A heartbeat is sent each second, never two at a time. One that the store
   confirms (written, and held by enough replicas) lets the node act until
   NODE_LEASE_MSECS after that beat was *sent*. Whoever is about to answer asks
   for the state at that moment: a process that slept finds its lease lapsed
   before it can say anything, however many callbacks are due.

   Time is the loop's clock (CLOCK_BOOTTIME), which goes on in sleep. */

#include "agent-log.h"
#include "loop.h"
#include "store.h"

#define NODE_LEASE_MSECS 6000
#define NODE_LEASE_BEAT_MSECS 1000
#define NODE_LEASE_RETRY_MSECS 250
/* So many beats in a row come upon another's: two agents have one name. One
   that was started again comes upon its own of before, once or twice. */
#define NODE_LEASE_OTHERS_MAX 5

struct node_lease;

enum node_lease_state {
	/* No beat confirmed since this process began: answer nothing. */
	NODE_LEASE_NONE,
	/* The deadline is ahead, and the store does what it is asked. */
	NODE_LEASE_HELD,
	/* The deadline has passed, and nobody knows yet whether the store is
	   there: a pause. Answer nothing; a beat is on its way. */
	NODE_LEASE_LAPSED,
	/* The store is away: on_store_failure decides. */
	NODE_LEASE_AWAY
};

struct node_lease_params {
	struct loop *loop;
	struct store *store;	/* outlives the node lease */
	const char *node;	/* copied */
	struct agent_log log;
	/* What follows in the line that says that the store is away */
	const char *away_advice;	/* copied */

	/* Before each beat: set active, prepared and complaint; what complaint
	   points to must stay until this returns to the loop. */
	void (*fill)(struct store_heartbeat *beat, void *context);
	/* A beat was confirmed, and the state is up to date. */
	void (*heard)(const struct store_heartbeat_reply *reply, void *context);
	/* The store went away or came back, or the first beat was confirmed;
	   called before heard. */
	void (*changed)(void *context);
	void *context;
};

/* Sends the first beat. */
struct node_lease *node_lease_init(const struct node_lease_params *params);
/* Leaves the cluster if the store is at hand. */
void node_lease_deinit(struct node_lease **lease);

/* Reads the clock. A lease found lapsed sends a beat. */
enum node_lease_state node_lease_state(struct node_lease *lease);
/* When this node's right to act ends, by the loop's clock; 0 before the first
   confirmed beat. */
uint64_t node_lease_deadline(const struct node_lease *lease);
/* Why the store is away; "" if it is not. */
const char *node_lease_away_reason(const struct node_lease *lease);

/* Another operation has failed: the store is away until a beat that is sent
   after this is confirmed. */
void node_lease_store_failed(struct node_lease *lease, const char *reason);
/* Send a beat now, or as soon as the one under way has ended. */
void node_lease_beat_now(struct node_lease *lease);

/* The loop's clock without the times that the store was away: by it, what
   the store would have renewed does not grow old meanwhile. */
uint64_t node_lease_present_msecs(const struct node_lease *lease);
const char *node_lease_boot_id(const struct node_lease *lease);

#endif
