#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "node-lease.h"

#define BOOT_ID_BYTES 16
/* A store that fails again and again for the same reason is told once in: */
#define LOG_AGAIN_MSECS 60000

/* A beat under way. Its owner may be gone when the answer comes. */
struct beat {
	struct node_lease *lease;
	uint64_t sent_msecs;
	uint64_t serial;
};

struct node_lease {
	struct loop *loop;
	struct store *store;
	char *node, *away_advice;
	char boot_id[2 * BOOT_ID_BYTES + 1];
	struct agent_log log;
	void (*fill)(struct store_heartbeat *beat, void *context);
	void (*heard)(const struct store_heartbeat_reply *reply,
		      void *context);
	void (*changed)(void *context);
	void *context;

	struct loop_timeout *to_beat;
	struct beat *beat;		/* NULL = none under way */
	bool beat_again;
	uint64_t beat_serial;		/* of the last one sent */
	unsigned int others_count;	/* beats in a row upon another's */

	uint64_t deadline_msecs;	/* 0 = no beat confirmed yet */
	bool is_away, is_away_logged;
	uint64_t away_serial;		/* beats up to this one prove nothing */
	uint64_t away_since_msecs, away_total_msecs;
	char *away_reason;
	char *logged_reason;
	uint64_t logged_msecs;
};

static void beat_send(struct node_lease *lease);

static uint64_t now(const struct node_lease *lease)
{
	return loop_now_msecs(lease->loop);
}

static void beat_timeout(void *context)
{
	struct node_lease *lease = context;

	lease->to_beat = NULL;
	beat_send(lease);
}

static void beat_schedule(struct node_lease *lease, uint64_t msecs)
{
	loop_timeout_remove(lease->loop, &lease->to_beat);
	lease->to_beat = loop_timeout_add(lease->loop, (unsigned int)msecs,
					  beat_timeout, lease);
}

/* -- Away and back -- */

static void log_away(struct node_lease *lease)
{
	if (lease->logged_reason != NULL &&
	    strcmp(lease->logged_reason, lease->away_reason) == 0 &&
	    now(lease) - lease->logged_msecs < LOG_AGAIN_MSECS)
		return;
	free(lease->logged_reason);
	lease->logged_reason = mem_strdup(lease->away_reason);
	lease->logged_msecs = now(lease);
	lease->is_away_logged = true;
	agent_log(&lease->log, AGENT_LOG_ERROR, "store is away: %s; %s",
		  lease->away_reason, lease->deadline_msecs == 0 ?
		  "nothing is answered before it has confirmed a first "
		  "heartbeat" : lease->away_advice);
}

static void set_away(struct node_lease *lease, const char *reason)
{
	bool was_away = lease->is_away;

	lease->away_serial = lease->beat_serial;
	if (!was_away) {
		lease->is_away = true;
		lease->away_since_msecs = now(lease);
	}
	free(lease->away_reason);
	lease->away_reason = mem_strdup(reason);
	if (was_away)
		return;
	log_away(lease);
	lease->changed(lease->context);
}

static void set_back(struct node_lease *lease)
{
	uint64_t away_msecs = now(lease) - lease->away_since_msecs;

	lease->is_away = false;
	lease->away_total_msecs += away_msecs;
	free(lease->away_reason);
	lease->away_reason = mem_strdup("");
	if (lease->is_away_logged) {
		agent_log(&lease->log, AGENT_LOG_INFO,
			  "store is back after %"PRIu64" ms", away_msecs);
	}
	lease->is_away_logged = false;
}

void node_lease_store_failed(struct node_lease *lease, const char *reason)
{
	set_away(lease, reason);
	/* Not at once: a store that confirms beats and refuses the rest would
	   make us spin. */
	if (lease->beat == NULL)
		beat_schedule(lease, NODE_LEASE_RETRY_MSECS);
	else
		lease->beat_again = true;
}

/* -- Beats -- */

static void beat_failed(struct node_lease *lease,
			const struct store_heartbeat_reply *reply)
{
	char reason[RING_ERROR_MAX_BYTES];

	if (reply->status != STORE_OK) {
		(void)snprintf(reason, sizeof(reason), "heartbeat %s: %s",
			       store_status_name(reply->status),
			       reply->error);
	} else {
		(void)snprintf(reason, sizeof(reason), "heartbeat not "
			       "confirmed: %u of %u replicas have it%s%s",
			       reply->replicas_acked, reply->replicas,
			       *reply->error == '\0' ? "" : "; ",
			       reply->error);
	}
	set_away(lease, reason);
}

static bool has_rival(const struct node_lease *lease)
{
	return lease->others_count >= NODE_LEASE_OTHERS_MAX;
}

/* A settings file that was copied from another node. What one of the two has
   on disk is taken for both, so a ring may become active without the other. */
static void look_for_rival(struct node_lease *lease, bool was_another)
{
	bool had_rival = has_rival(lease);

	lease->others_count = !was_another ? 0 :
		had_rival ? NODE_LEASE_OTHERS_MAX : lease->others_count + 1;
	if (!had_rival && has_rival(lease)) {
		agent_log(&lease->log, AGENT_LOG_ERROR,
			  "setting node = %s: another agent sends heartbeats "
			  "under this name, too; give each node a name of its "
			  "own", lease->node);
	}
}

static void beat_confirmed(struct node_lease *lease, const struct beat *beat,
			   const struct store_heartbeat_reply *reply)
{
	uint64_t deadline = beat->sent_msecs + NODE_LEASE_MSECS;
	bool is_first = lease->deadline_msecs == 0;
	bool is_back = lease->is_away && beat->serial > lease->away_serial;

	look_for_rival(lease, reply->was_another);
	if (deadline > lease->deadline_msecs)
		lease->deadline_msecs = deadline;
	if (is_back)
		set_back(lease);
	if (is_first || is_back)
		lease->changed(lease->context);
	lease->heard(reply, lease->context);
}

/* When the next one goes out, from when the last one did. */
static void beat_next(struct node_lease *lease, uint64_t sent_msecs)
{
	uint64_t passed = now(lease) - sent_msecs;

	if (lease->beat != NULL || lease->to_beat != NULL)
		return;
	if (lease->beat_again && !lease->is_away)
		beat_schedule(lease, 0);
	else if (lease->is_away)
		beat_schedule(lease, NODE_LEASE_RETRY_MSECS);
	else if (passed >= NODE_LEASE_BEAT_MSECS)
		beat_schedule(lease, 0);
	else
		beat_schedule(lease, NODE_LEASE_BEAT_MSECS - passed);
	lease->beat_again = false;
}

static void beat_callback(const struct store_heartbeat_reply *reply,
			  void *context)
{
	struct beat *beat = context;
	struct node_lease *lease = beat->lease;

	if (lease != NULL) {
		lease->beat = NULL;
		if (reply->status == STORE_OK && reply->is_confirmed)
			beat_confirmed(lease, beat, reply);
		else
			beat_failed(lease, reply);
		beat_next(lease, beat->sent_msecs);
	}
	free(beat);
}

static void beat_send(struct node_lease *lease)
{
	struct store_heartbeat heartbeat = {
		.node = lease->node,
		.boot_id = lease->boot_id,
		.complaint = "",
		.lease_msecs = NODE_LEASE_MSECS,
	};
	struct beat *beat = mem_calloc(1, sizeof(*beat));

	lease->fill(&heartbeat, lease->context);
	if (*heartbeat.complaint == '\0' && has_rival(lease)) {
		heartbeat.complaint = "two agents send heartbeats under this "
			"name: see setting node on each";
	}
	beat->lease = lease;
	beat->serial = ++lease->beat_serial;
	beat->sent_msecs = now(lease);
	lease->beat = beat;
	lease->store->v->heartbeat(lease->store, &heartbeat, beat_callback,
				   beat);
}

void node_lease_beat_now(struct node_lease *lease)
{
	if (lease->beat != NULL)
		lease->beat_again = true;
	else
		beat_schedule(lease, 0);
}

/* -- Start and end -- */

struct node_lease *node_lease_init(const struct node_lease_params *params)
{
	struct node_lease *lease = mem_calloc(1, sizeof(*lease));
	uint8_t id[BOOT_ID_BYTES];

	lease->loop = params->loop;
	lease->store = params->store;
	lease->node = mem_strdup(params->node);
	lease->away_advice = mem_strdup(params->away_advice);
	lease->log = params->log;
	lease->fill = params->fill;
	lease->heard = params->heard;
	lease->changed = params->changed;
	lease->context = params->context;
	lease->away_reason = mem_strdup("");
	randombytes_buf(id, sizeof(id));
	(void)sodium_bin2hex(lease->boot_id, sizeof(lease->boot_id), id,
			     sizeof(id));
	beat_schedule(lease, 0);
	return lease;
}

static void left(const struct store_publish_reply *reply, void *context)
{
	/* If it failed, the node lease runs out by itself. */
	(void)reply;
	(void)context;
}

void node_lease_deinit(struct node_lease **_lease)
{
	struct node_lease *lease = *_lease;

	if (lease == NULL)
		return;
	*_lease = NULL;
	if (lease->deadline_msecs != 0 && !lease->is_away) {
		lease->store->v->node_leave(lease->store, lease->node,
					    lease->boot_id, left, NULL);
	}
	if (lease->beat != NULL)
		lease->beat->lease = NULL;
	loop_timeout_remove(lease->loop, &lease->to_beat);
	free(lease->logged_reason);
	free(lease->away_reason);
	free(lease->away_advice);
	free(lease->node);
	free(lease);
}

enum node_lease_state node_lease_state(struct node_lease *lease)
{
	if (lease->deadline_msecs == 0)
		return NODE_LEASE_NONE;
	if (lease->is_away)
		return NODE_LEASE_AWAY;
	if (now(lease) < lease->deadline_msecs)
		return NODE_LEASE_HELD;
	node_lease_beat_now(lease);
	return NODE_LEASE_LAPSED;
}

uint64_t node_lease_deadline(const struct node_lease *lease)
{
	return lease->deadline_msecs;
}

const char *node_lease_away_reason(const struct node_lease *lease)
{
	return lease->away_reason;
}

uint64_t node_lease_present_msecs(const struct node_lease *lease)
{
	uint64_t end = lease->is_away ? lease->away_since_msecs : now(lease);

	return end - lease->away_total_msecs;
}

const char *node_lease_boot_id(const struct node_lease *lease)
{
	return lease->boot_id;
}
