#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "ring-watch.h"

/* An operation under way. The watch may be gone when the answer comes. */
struct call {
	struct ring_watch *watch;
};

struct ring_watch {
	struct ring_watch_params params;

	struct call *load;		/* NULL = none under way */
	bool load_again;
	uint64_t load_started, load_ended;	/* serials */
	uint64_t load_ended_well;
	uint64_t load_msecs;			/* when the last one began */
	uint64_t settled_by;			/* the load that settles it */
	bool has_settled;

	struct call *publish;		/* activate, nodes or prepare */
	struct store_epoch claimed_active, claimed_prepared;
	char *missing;				/* as logged last */

	bool is_empty, is_older;	/* than ours */
	uint64_t empty_since_msecs, older_since_msecs;
};

static void load_start(struct ring_watch *watch);

static uint64_t now(const struct ring_watch *watch)
{
	return loop_now_msecs(watch->params.loop);
}

static struct call *call_new(struct ring_watch *watch)
{
	struct call *call = mem_calloc(1, sizeof(*call));

	call->watch = watch;
	return call;
}

/* -- Loading -- */

/* The store has nothing, and we have: its data was lost. */
static void note_empty(struct ring_watch *watch,
		       const struct store_rings *reply)
{
	const struct store_epoch *ours =
		ring_keeper_active_epoch(watch->params.keeper);
	bool is_empty = reply->active_size == 0 && ours->epoch != 0;

	if (is_empty && !watch->is_empty) {
		watch->empty_since_msecs = now(watch);
		agent_log(&watch->params.log, AGENT_LOG_WARNING,
			  "store has no ring: it has lost its data; the ring "
			  "of epoch %"PRIu64" stays, and is put back",
			  ours->epoch);
	}
	watch->is_empty = is_empty;
}

static void load_callback(const struct store_rings *reply, void *context)
{
	struct call *call = context;
	struct ring_watch *watch = call->watch;
	char reason[RING_ERROR_MAX_BYTES];
	bool changed = false;

	free(call);
	if (watch == NULL)
		return;
	watch->load = NULL;
	watch->load_ended = watch->load_started;
	if (reply->status == STORE_OK || reply->status == STORE_NOTFOUND) {
		watch->load_ended_well = watch->load_ended;
		changed = ring_keeper_offer(watch->params.keeper, reply);
		note_empty(watch, reply);
		if (ring_watch_is_settled(watch))
			watch->has_settled = true;
	} else {
		(void)snprintf(reason, sizeof(reason), "ring load %s: %s",
			       store_status_name(reply->status),
			       reply->error);
		node_lease_store_failed(watch->params.lease, reason);
	}
	if (watch->load_again)
		load_start(watch);
	/* What is prepared counts only once the others have heard of it. */
	if (changed)
		node_lease_beat_now(watch->params.lease);
	watch->params.loaded(changed, watch->params.context);
}

static void load_start(struct ring_watch *watch)
{
	struct store *store = watch->params.store;

	watch->load_again = false;
	watch->load_started++;
	watch->load_msecs = now(watch);
	watch->load = call_new(watch);
	store->v->ring_load(store, load_callback, watch->load);
}

uint64_t ring_watch_load(struct ring_watch *watch)
{
	if (watch->load == NULL) {
		load_start(watch);
		return watch->load_started;
	}
	watch->load_again = true;
	return watch->load_started + 1;
}

bool ring_watch_is_loaded(const struct ring_watch *watch, uint64_t ticket)
{
	return watch->load_ended >= ticket;
}

bool ring_watch_is_settled(const struct ring_watch *watch)
{
	return watch->settled_by != 0 &&
		watch->load_ended_well >= watch->settled_by;
}

bool ring_watch_has_settled(const struct ring_watch *watch)
{
	return watch->has_settled;
}

/* -- Prepared becomes active -- */

static void log_missing(struct ring_watch *watch, const char *missing)
{
	if (*missing == '\0' ||
	    strcmp(watch->missing, missing) == 0)
		return;
	free(watch->missing);
	watch->missing = mem_strdup(missing);
	agent_log(&watch->params.log, AGENT_LOG_INFO,
		  "ring: epoch %"PRIu64" is prepared and waits for: %s",
		  watch->claimed_prepared.epoch, missing);
}

static void
activate_callback(const struct store_publish_reply *reply, void *context)
{
	struct call *call = context;
	struct ring_watch *watch = call->watch;

	free(call);
	if (watch == NULL)
		return;
	watch->publish = NULL;
	/* Whatever else it says will be seen in the next beat. */
	log_missing(watch, reply->missing);
	if (reply->status == STORE_OK &&
	    *reply->missing == '\0')
		watch->settled_by = ring_watch_load(watch);
}

static void activate(struct ring_watch *watch, const struct store_epoch *epoch)
{
	struct store *store = watch->params.store;

	watch->publish = call_new(watch);
	store->v->ring_activate(store, epoch, activate_callback,
				watch->publish);
}

/* -- A store that has lost our ring gets it back -- */

static void
put_back_callback(const struct store_publish_reply *reply, void *context)
{
	struct call *call = context;
	struct ring_watch *watch = call->watch;
	const struct store_epoch *ours;

	free(call);
	if (watch == NULL)
		return;
	watch->publish = NULL;
	ours = ring_keeper_active_epoch(watch->params.keeper);
	if (reply->status != STORE_OK)
		return;		/* somebody was first, or it went away */
	agent_log(&watch->params.log, AGENT_LOG_WARNING,
		  "ring: epoch %"PRIu64" is put back into the store, which "
		  "had lost it", ours->epoch);
	activate(watch, ours);
}

static bool somebody_has_newer(const struct ring_watch *watch,
			       const struct store_nodes *nodes)
{
	const struct store_epoch *ours =
		ring_keeper_active_epoch(watch->params.keeper);
	unsigned int i;

	for (i = 0; i < nodes->count; i++) {
		if (nodes->nodes[i].is_alive &&
		    nodes->nodes[i].active.epoch > ours->epoch)
			return true;
	}
	return false;
}

static void nodes_callback(const struct store_nodes *reply, void *context)
{
	static const struct store_epoch none;
	struct call *call = context;
	struct ring_watch *watch = call->watch;
	const char *text;
	size_t size;

	free(call);
	if (watch == NULL)
		return;
	watch->publish = NULL;
	text = ring_keeper_active_text(watch->params.keeper, &size);
	if (reply->status != STORE_OK || somebody_has_newer(watch, reply) ||
	    ring_keeper_is_left_behind(watch->params.keeper) || text == NULL)
		return;
	watch->publish = call_new(watch);
	watch->params.store->v->ring_prepare(watch->params.store,
		watch->is_empty ? &none : &watch->claimed_active,
		ring_keeper_active_epoch(watch->params.keeper), text, size,
		put_back_callback, watch->publish);
}

static void put_back(struct ring_watch *watch)
{
	struct store *store = watch->params.store;

	watch->publish = call_new(watch);
	store->v->nodes(store, nodes_callback, watch->publish);
}

/* -- Heartbeats -- */

static bool needs_load(const struct ring_watch *watch,
		       const struct store_heartbeat_reply *reply)
{
	return !ring_watch_is_settled(watch) || watch->is_empty ||
		!store_epoch_equals(&reply->active, &watch->claimed_active) ||
		!store_epoch_equals(&reply->prepared,
				    &watch->claimed_prepared) ||
		now(watch) - watch->load_msecs >= RING_WATCH_LOAD_MSECS;
}

/* Claims that are new: until they are judged, the ring here may be old. */
static bool unsettles(const struct ring_watch *watch,
		      const struct store_heartbeat_reply *reply)
{
	return watch->settled_by == 0 ||
		!store_epoch_equals(&reply->active, &watch->claimed_active);
}

static bool can_activate(const struct ring_watch *watch,
			 const struct store_heartbeat_reply *reply)
{
	const struct ring_keeper *keeper = watch->params.keeper;

	return reply->prepared.epoch != 0 &&
		!store_epoch_equals(&reply->prepared, &reply->active) &&
		(store_epoch_equals(&reply->prepared,
				    ring_keeper_prepared_epoch(keeper)) ||
		 store_epoch_equals(&reply->prepared,
				    ring_keeper_active_epoch(keeper)));
}

/* A failover has lost the last activation, which we have acted by; or somebody
   has put an older record there. Nobody would ever agree again: those who
   have ours refuse the older one. */
static void note_older(struct ring_watch *watch,
		       const struct store_heartbeat_reply *reply)
{
	const struct store_epoch *ours =
		ring_keeper_active_epoch(watch->params.keeper);
	bool is_older = reply->active.epoch != 0 &&
		reply->active.epoch < ours->epoch;

	if (is_older && !watch->is_older)
		watch->older_since_msecs = now(watch);
	watch->is_older = is_older;
}

static bool can_put_back(const struct ring_watch *watch,
			 const struct store_heartbeat_reply *reply)
{
	uint64_t empty_by = watch->empty_since_msecs + RING_WATCH_EMPTY_MSECS;
	uint64_t older_by = watch->older_since_msecs + RING_WATCH_EMPTY_MSECS;

	return reply->prepared.epoch == 0 &&
		((watch->is_empty && now(watch) >= empty_by) ||
		 (watch->is_older && now(watch) >= older_by));
}

void ring_watch_heard(struct ring_watch *watch,
		      const struct store_heartbeat_reply *reply)
{
	uint64_t ticket;

	if (needs_load(watch, reply)) {
		ticket = ring_watch_load(watch);
		if (unsettles(watch, reply))
			watch->settled_by = ticket;
	}
	watch->claimed_active = reply->active;
	watch->claimed_prepared = reply->prepared;
	note_older(watch, reply);
	if (watch->publish != NULL)
		return;
	if (can_activate(watch, reply))
		activate(watch, &reply->prepared);
	else if (can_put_back(watch, reply))
		put_back(watch);
}

/* -- Start and end -- */

struct ring_watch *ring_watch_init(const struct ring_watch_params *params)
{
	struct ring_watch *watch = mem_calloc(1, sizeof(*watch));

	watch->params = *params;
	watch->missing = mem_strdup("");
	return watch;
}

void ring_watch_deinit(struct ring_watch **_watch)
{
	struct ring_watch *watch = *_watch;

	if (watch == NULL)
		return;
	*_watch = NULL;
	if (watch->load != NULL)
		watch->load->watch = NULL;
	if (watch->publish != NULL)
		watch->publish->watch = NULL;
	free(watch->missing);
	free(watch);
}
