#ifndef RING_WATCH_H
#define RING_WATCH_H

/* Follows the ring in the store: loads what is new, helps a prepared ring to
   become active, and puts a lost one back.

   Heartbeats say what the store holds. What differs from the ring here is
   loaded and judged by the ring keeper; a whole load now and then finds
   what was altered behind those claims. While this node has a prepared ring on
   disk and has said so in a beat, it asks the store to activate it: any agent
   may finish what an admin's tool has begun.

   A store that has no ring any more (restarted empty), or an older one than
   ours (a failover has lost the last activation), gets ours back, after the
   other nodes have had time to show whether they have a newer one. */

#include "agent-log.h"
#include "node-lease.h"
#include "ring-keeper.h"

#define RING_WATCH_LOAD_MSECS 15000
#define RING_WATCH_EMPTY_MSECS 2000

struct ring_watch;

struct ring_watch_params {
	struct loop *loop;
	/* All outlive this; the node lease has been told to call heard(). */
	struct store *store;
	struct ring_keeper *keeper;
	struct node_lease *lease;
	struct agent_log log;
	/* A load has ended; true if the rings here are others now. */
	void (*loaded)(bool changed, void *context);
	void *context;
};

struct ring_watch *ring_watch_init(const struct ring_watch_params *params);
void ring_watch_deinit(struct ring_watch **watch);

/* A confirmed heartbeat. */
void ring_watch_heard(struct ring_watch *watch,
		      const struct store_heartbeat_reply *reply);

/* True once what the store claims to hold has been loaded and judged: what it
   offered since has been taken or refused. */
bool ring_watch_is_settled(const struct ring_watch *watch);
/* True if that was so at any time since this process began. */
bool ring_watch_has_settled(const struct ring_watch *watch);

/* Load the ring; a load that began earlier does not count. Returns a ticket:
   is_loaded() says whether that load has ended, well or not. */
uint64_t ring_watch_load(struct ring_watch *watch);
bool ring_watch_is_loaded(const struct ring_watch *watch, uint64_t ticket);

#endif
