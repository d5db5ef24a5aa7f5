#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "ring-decide.h"
#include "route.h"

#define LOG_AGAIN_MSECS 60000

struct routes {
	struct routes_params params;
	enum ring_store_failure on_store_failure;
	struct request *head;
	struct loop_timeout *to_wake;
	bool wake_all;

	/* What was said already */
	bool is_refusal_logged;
	uint64_t odd_epoch, odd_msecs;
	uint64_t broken_msecs;
	/* Since when the store has claimed this epoch, which nobody can load */
	uint64_t doubt_epoch, doubt_msecs;
};

struct request {
	struct request *prev, *next;
	struct routes *routes;	/* NULL = answered; the store is not done */
	agent_answer_callback_t *callback;
	void *context;

	/* What is asked */
	char *key, *service, *tag, *wanted, *peer, *hop;
	size_t key_size;
	bool is_peek;

	/* How long it may wait, and for what it waits now */
	uint64_t started_msecs;
	unsigned int hold_msecs;
	struct loop_timeout *to_hold, *to_retry;
	char why[RING_ERROR_MAX_BYTES];
	bool is_asking;		/* the store has not called back */
	bool is_held;		/* by the ring's verdict */
	uint64_t ticket;	/* a load of the ring; 0 = none */

	/* What has been tried */
	struct store_epoch asked;	/* the ring that the store was told */
	bool is_peeking;
	unsigned int older_count;
	bool was_uncertain;
	bool was_reloaded;	/* second hop */
	/* The store's word on his shard can't be used: a lease that is there
	   still counts (has_peeked: it was asked for), else as if away */
	bool is_distrusted, has_peeked;
	bool is_in_doubt;	/* others may act by a ring we can't get */
};

enum gate {
	GATE_OPEN,	/* ask the store */
	GATE_AWAY,	/* the store is away: on_store_failure */
	GATE_WAIT
};

static void request_step(struct request *request);

static uint64_t now(const struct routes *routes)
{
	return loop_now_msecs(routes->params.loop);
}

static void __attribute__((format(printf, 2, 3)))
say_why(struct request *request, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(request->why, sizeof(request->why), format, args);
	va_end(args);
}

/* -- Answers -- */

static void request_unref(struct request *request)
{
	if (request->is_asking)
		return;		/* the store's callback does it */
	free(request->key);
	free(request->service);
	free(request->tag);
	free(request->wanted);
	free(request->peer);
	free(request->hop);
	free(request);
}

/* The last thing that happens to a request. */
static void request_answer(struct request *request,
			   const struct agent_answer *answer)
{
	struct routes *routes = request->routes;
	struct loop *loop = routes->params.loop;

	loop_timeout_remove(loop, &request->to_hold);
	loop_timeout_remove(loop, &request->to_retry);
	if (request->prev != NULL)
		request->prev->next = request->next;
	else
		routes->head = request->next;
	if (request->next != NULL)
		request->next->prev = request->prev;
	request->routes = NULL;
	request->callback(answer, request->context);
	request_unref(request);
}

static void __attribute__((format(printf, 2, 3)))
request_fail(struct request *request, const char *format, ...)
{
	struct agent_answer answer = { .kind = AGENT_FAIL };
	char raw[2 * RING_ERROR_MAX_BYTES];
	struct ring_error reason;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	ring_error_set(&reason, 0, "%s", raw);	/* escapes */
	answer.reason = reason.text;
	request_answer(request, &answer);
}

static bool is_local(const struct request *request,
		     const struct ring_host *host)
{
	const char *own = request->routes->params.settings->host;

	return own != NULL && strcmp(own, host->name) == 0;
}

static void request_go(struct request *request, const struct ring_host *host,
		       uint64_t generation)
{
	enum ring_protocol protocol;
	struct agent_answer answer = {
		.kind = is_local(request, host) ? AGENT_LOCAL : AGENT_PROXY,
		.key = request->key,
		.key_size = request->key_size,
		.generation = generation,
		.reason = "",
	};

	if (answer.kind == AGENT_PROXY) {
		answer.host = host->name;
		answer.address = host->address;
		if (ring_protocol_parse(request->service, &protocol))
			answer.port = ring_host_port(host, protocol);
	}
	request_answer(request, &answer);
}

static void request_pass(struct request *request)
{
	const struct agent_answer answer = {
		.kind = AGENT_PASS,
		.reason = "",
	};

	agent_log(&request->routes->params.log, AGENT_LOG_DEBUG,
		  "host %s is not of the ring: left alone", request->wanted);
	request_answer(request, &answer);
}

/* -- Waiting -- */

static unsigned int waited(const struct request *request)
{
	return (unsigned int)(now(request->routes) - request->started_msecs);
}

static void hold_timeout(void *context)
{
	struct request *request = context;

	request->to_hold = NULL;
	request_fail(request, "%s (waited for %u ms)", request->why,
		     waited(request));
}

static void hold_at_most(struct request *request, unsigned int msecs)
{
	struct loop *loop = request->routes->params.loop;
	unsigned int passed = waited(request);

	if (request->to_hold != NULL && request->hold_msecs <= msecs)
		return;
	request->hold_msecs = msecs;
	loop_timeout_remove(loop, &request->to_hold);
	request->to_hold = loop_timeout_add(loop, passed < msecs ?
					    msecs - passed : 0, hold_timeout,
					    request);
}

static void retry_timeout(void *context)
{
	struct request *request = context;

	request->to_retry = NULL;
	request_step(request);
}

static void retry_in(struct request *request, uint64_t msecs)
{
	struct loop *loop = request->routes->params.loop;

	loop_timeout_remove(loop, &request->to_retry);
	request->to_retry = loop_timeout_add(loop, (unsigned int)msecs,
					     retry_timeout, request);
}

static void wait_for_load(struct request *request)
{
	request->ticket = ring_watch_load(request->routes->params.watch);
}

/* -- The ring's verdict -- */

/* A login that one of the ring's nodes has sent here is not sent on. */
static bool is_second_hop(const struct request *request,
			  const struct ring_record *record)
{
	const struct node_settings *settings =
		request->routes->params.settings;
	char address[RING_ADDRESS_MAX + 1];
	const struct ring_node *node;
	unsigned int i;

	if (*request->hop != '\0')
		return true;
	if (!ring_address_canonical(request->peer, address))
		return false;
	node = ring_record_node(record, settings->node);
	if (node == NULL || node->role != RING_ROLE_BACKEND)
		return false;
	for (i = 0; i < record->node_count; i++) {
		node = &record->nodes[i];
		if (node->role == RING_ROLE_DIRECTOR &&
		    strcmp(node->address, address) == 0)
			return true;
	}
	return false;
}

static void go_second_hop(struct request *request,
			  const struct ring_host *host, bool is_away)
{
	const struct routes_params *params = &request->routes->params;
	const char *own = params->settings->host;

	if (!is_away && !request->was_reloaded) {
		request->was_reloaded = true;
		say_why(request, "loading the ring: it was sent here, and is "
			"host %s's", host->name);
		wait_for_load(request);
		return;
	}
	request_fail(request, "%s%s has sent him here, to host %s, and his "
		     "host is %s",
		     *request->hop != '\0' ? "node " : "",
		     *request->hop != '\0' ? request->hop : request->peer,
		     own == NULL || *own == '\0' ? "(none)" : own, host->name);
}

static void log_refusal(struct routes *routes, const char *reason)
{
	if (routes->is_refusal_logged)
		return;
	routes->is_refusal_logged = true;
	agent_log(&routes->params.log, AGENT_LOG_ERROR,
		  "logins are refused: %s", reason);
}

/* The next try asks the store as if nothing had been. */
static void forgive(struct request *request)
{
	request->is_distrusted = false;
	request->has_peeked = false;
	request->is_in_doubt = false;
}

static void conclude(struct request *request,
		     const struct ring_question *question)
{
	const struct ring_decision decision = ring_decide(question);
	const struct ring_lease *lease = question->lease;
	bool is_away = question->store == RING_STORE_AWAY;
	uint64_t generation = 0;

	switch (decision.verdict) {
	case RING_GO:
		if (lease != NULL &&
		    strcmp(lease->host, decision.host->name) == 0)
			generation = lease->generation;
		if (is_second_hop(request, ring_record(question->active)) &&
		    !is_local(request, decision.host))
			go_second_hop(request, decision.host, is_away);
		else
			request_go(request, decision.host, generation);
		break;
	case RING_HOLD:
		request->is_held = true;
		say_why(request, "%s", ring_reason_text(decision.reason));
		/* Each try begins with an open mind. */
		forgive(request);
		request->older_count = 0;
		request->was_uncertain = false;
		retry_in(request, ROUTE_RETRY_MSECS);
		break;
	case RING_REFUSE:
		log_refusal(request->routes,
			    ring_reason_text(decision.reason));
		request_fail(request, "%s",
			     ring_reason_text(decision.reason));
		break;
	}
}

/* The host of the ring that an earlier passdb asked for. NULL, and true
   returned, if it asked for none; false if that host is not of the ring. */
static bool find_wanted(const struct request *request, const struct ring *ring,
			const struct ring_host **host_r)
{
	char address[RING_ADDRESS_MAX + 1];

	*host_r = NULL;
	if (*request->wanted == '\0')
		return true;
	*host_r = ring_host(ring, request->wanted);
	if (*host_r == NULL &&
	    ring_address_canonical(request->wanted, address))
		*host_r = ring_host_by_address(ring, address);
	return *host_r != NULL;
}

static void ask_question(const struct request *request,
			 struct ring_question *question_r)
{
	const struct routes *routes = request->routes;
	const struct ring *ring = ring_keeper_active(routes->params.keeper);
	const struct ring_host *wanted;

	memset(question_r, 0, sizeof(*question_r));
	(void)find_wanted(request, ring, &wanted);
	question_r->active = ring;
	question_r->prepared = ring_keeper_prepared(routes->params.keeper);
	question_r->on_store_failure = routes->on_store_failure;
	question_r->hash = ring_hash(ring, request->key, request->key_size);
	question_r->tag = request->tag;
	question_r->wanted = wanted == NULL ? NULL : wanted->name;
}

static const struct lease_cache_entry *cached(const struct request *request)
{
	const struct routes_params *params = &request->routes->params;

	return lease_cache_find(params->cache, request->key,
				request->key_size,
				node_lease_present_msecs(params->lease));
}

/* -- The store is away -- */

static void decide_away(struct request *request)
{
	const struct lease_cache_entry *entry = cached(request);
	struct ring_question question;
	struct ring_lease lease;

	ask_question(request, &question);
	question.store = RING_STORE_AWAY;
	if (entry != NULL) {
		lease.host = entry->host;
		lease.generation = entry->generation;
		question.lease = &lease;
	}
	conclude(request, &question);
}

/* refuse: as long as the node lease lasts the store may come back in time. */
static void step_away(struct request *request)
{
	const struct routes_params *params = &request->routes->params;
	uint64_t deadline = node_lease_deadline(params->lease);
	uint64_t now_msecs = now(request->routes);

	if (request->routes->on_store_failure == RING_STORE_FAILURE_REFUSE &&
	    !request->is_distrusted && now_msecs < deadline) {
		say_why(request, "store is away: %s",
			node_lease_away_reason(params->lease));
		retry_in(request, deadline - now_msecs);
		return;
	}
	if (request->is_in_doubt && cached(request) == NULL) {
		say_why(request, "store has seen another ring, which can't be "
			"loaded");
		forgive(request);
		retry_in(request, ROUTE_RETRY_MSECS);
		return;
	}
	decide_away(request);
}

/* -- Asking the store -- */

static void log_odd_shard(struct request *request, unsigned int shard,
			  const struct store_lease_reply *reply)
{
	struct routes *routes = request->routes;

	if (routes->odd_epoch == reply->store_epoch &&
	    routes->odd_msecs != 0 &&
	    now(routes) - routes->odd_msecs < LOG_AGAIN_MSECS)
		return;
	routes->odd_epoch = reply->store_epoch;
	routes->odd_msecs = now(routes);
	agent_log(&routes->params.log, AGENT_LOG_ERROR,
		  "store's shard %02x claims ring epoch %"PRIu64" (%s), and "
		  "there is no such record that is valid: its users are "
		  "treated as if the store were away", shard,
		  reply->store_epoch, store_status_name(reply->status));
}

/* His shard, or his lease, holds nonsense: that is one user's trouble, or a
   few users', and no reason to do without the store for all. */
static void answered_broken(struct request *request,
			    const struct store_lease_reply *reply)
{
	struct routes *routes = request->routes;

	if (routes->broken_msecs == 0 ||
	    now(routes) - routes->broken_msecs >= LOG_AGAIN_MSECS) {
		routes->broken_msecs = now(routes);
		agent_log(&routes->params.log, AGENT_LOG_ERROR,
			  "store makes no sense about user %.*s: %s; he is "
			  "treated as if the store were away",
			  (int)request->key_size, request->key, reply->error);
	}
	request->has_peeked = request->has_peeked || request->is_peeking;
	request->is_distrusted = true;
	request_step(request);
}

/* For how long one who is told of a ring that he can't get waits for it: a
   failover may have lost it, and those who have it put it back. */
static bool is_in_doubt(struct routes *routes, uint64_t epoch)
{
	if (routes->doubt_epoch != epoch || routes->doubt_msecs == 0) {
		routes->doubt_epoch = epoch;
		routes->doubt_msecs = now(routes);
	}
	return now(routes) - routes->doubt_msecs < ROUTE_DOUBT_MSECS;
}

static void answered_odd(struct request *request,
			 const struct store_lease_reply *reply)
{
	const struct routes_params *params = &request->routes->params;

	if (reply->status == STORE_OLDER &&
	    ++request->older_count <= ROUTE_OLDER_MAX) {
		say_why(request, "loading the ring: the store has seen epoch "
			"%"PRIu64, reply->store_epoch);
		wait_for_load(request);
		return;
	}
	log_odd_shard(request,
		      ring_shard(ring_hash(ring_keeper_active(params->keeper),
					   request->key, request->key_size)),
		      reply);
	request->is_in_doubt = is_in_doubt(request->routes,
					   reply->store_epoch);
	request->is_distrusted = true;
	request_step(request);
}

static void answered_failed(struct request *request,
			    const struct store_lease_reply *reply)
{
	struct routes_params *params = &request->routes->params;
	char reason[RING_ERROR_MAX_BYTES];

	/* A claim may be repeated: it finds its own lease. */
	if (reply->status == STORE_UNCERTAIN && !request->was_uncertain) {
		request->was_uncertain = true;
		request_step(request);
		return;
	}
	(void)snprintf(reason, sizeof(reason), "%s %s: %s",
		       request->is_peeking ? "peek" : "claim",
		       store_status_name(reply->status),
		       reply->error);
	node_lease_store_failed(params->lease, reason);
	request_step(request);
}

/* Was the answer overtaken by a pause, or by another ring? */
static bool is_overtaken(const struct request *request)
{
	const struct routes_params *params = &request->routes->params;

	return node_lease_state(params->lease) != NODE_LEASE_HELD ||
		!ring_watch_is_settled(params->watch) ||
		!store_epoch_equals(&request->asked,
				    ring_keeper_active_epoch(params->keeper));
}

static void remember(const struct request *request,
		     const struct store_lease *lease)
{
	const struct routes_params *params = &request->routes->params;
	const struct lease_cache_entry entry = {
		.key = request->key,
		.key_size = request->key_size,
		.host = lease->host,
		.generation = lease->generation,
		.is_used = !request->is_peek,
	};

	lease_cache_put(params->cache, &entry,
			node_lease_present_msecs(params->lease));
}

/* Can anybody be sent to the host that this entry names? */
static bool is_usable(const struct request *request,
		      const struct lease_cache_entry *entry)
{
	const struct ring_host *host;

	host = ring_host(ring_keeper_active(request->routes->params.keeper),
			 entry->host);
	return host != NULL && host->state != RING_HOST_DOWN;
}

/* The lease that locked him out has run out. True if he has to ask again. */
static bool has_come_free(struct request *request)
{
	const struct lease_cache_entry *entry = cached(request);

	if (entry == NULL || is_usable(request, entry))
		return false;
	lease_cache_drop(request->routes->params.cache, entry);
	return !request->is_peek;
}

static void answered_lease(struct request *request,
			   const struct store_lease *stored)
{
	const struct lease_cache_entry *entry;
	struct ring_question question;
	struct ring_lease lease;

	/* Also what was overtaken is better known than not. */
	if (stored != NULL)
		remember(request, stored);
	if (is_overtaken(request) ||
	    (stored == NULL && has_come_free(request))) {
		request_step(request);
		return;
	}
	ask_question(request, &question);
	question.store = RING_STORE_ANSWERED;
	if (stored != NULL) {
		lease.host = stored->host;
		lease.generation = stored->generation;
		question.lease = &lease;
	} else if ((entry = cached(request)) != NULL) {
		/* Lost by the store: it will be told of it */
		lease.host = entry->host;
		lease.generation = entry->generation;
		question.lease = &lease;
	}
	conclude(request, &question);
}

static void lease_callback(const struct store_lease_reply *reply,
			   void *context)
{
	struct request *request = context;

	request->is_asking = false;
	if (request->routes == NULL) {
		request_unref(request);
		return;
	}
	switch (reply->status) {
	case STORE_OK:
	case STORE_CONFLICT:
		answered_lease(request, &reply->lease);
		break;
	case STORE_NOTFOUND:
		if (request->is_distrusted)
			request_step(request);
		else
			answered_lease(request, NULL);
		break;
	case STORE_OLDER:
	case STORE_SPLIT:
		answered_odd(request, reply);
		break;
	case STORE_REFUSED:
	case STORE_UNAVAILABLE:
	case STORE_UNCERTAIN:
		answered_failed(request, reply);
		break;
	case STORE_BROKEN:
		answered_broken(request, reply);
		break;
	}
}

/* Whom to claim him for if he has no lease. A host that this agent remembers
   comes first: if the store has lost his lease, he is there still. */
static const struct ring_host *
candidate(const struct request *request, const struct ring_question *question)
{
	const struct lease_cache_entry *entry = cached(request);

	if (entry != NULL && is_usable(request, entry))
		return ring_host(question->active, entry->host);
	return ring_candidate(question->active, question->hash, question->tag,
			      question->wanted);
}

static void ask_store(struct request *request)
{
	const struct routes_params *params = &request->routes->params;
	const struct lease_cache_entry *entry;
	const struct ring_host *host;
	struct ring_question question;
	struct store_key key;

	ask_question(request, &question);
	host = candidate(request, &question);
	key.key = request->key;
	key.size = request->key_size;
	key.shard = ring_shard(question.hash);

	request->asked = *ring_keeper_active_epoch(params->keeper);
	request->is_asking = true;
	/* A claim renews what it finds: one who tries again and again would keep
	   the lease alive that locks him out. */
	entry = cached(request);
	request->is_peeking = request->is_peek || request->is_distrusted ||
		host == NULL ||
		(entry != NULL && !is_usable(request, entry));
	request->has_peeked = request->is_peeking;
	say_why(request, "store has not answered yet");
	if (request->is_peeking) {
		params->store->v->peek(params->store, &key, lease_callback,
				       request);
	} else {
		params->store->v->claim(params->store, &key, &request->asked,
					host->name, lease_callback, request);
	}
}

/* -- One step -- */

static enum gate gate_look(struct request *request)
{
	struct routes *routes = request->routes;
	struct ring_watch *watch = routes->params.watch;

	switch (node_lease_state(routes->params.lease)) {
	case NODE_LEASE_NONE:
		say_why(request, "dovering-agent has just started, and the "
			"store has not confirmed a heartbeat yet%s%s",
			*node_lease_away_reason(routes->params.lease) == '\0' ?
			"" : ": ",
			node_lease_away_reason(routes->params.lease));
		return GATE_WAIT;
	case NODE_LEASE_LAPSED:
		say_why(request, "this node's lease has run out in a pause, "
			"and the store has not confirmed a heartbeat since");
		return GATE_WAIT;
	case NODE_LEASE_AWAY:
		if (ring_watch_has_settled(watch))
			return GATE_AWAY;
		say_why(request, "dovering-agent has just started, and could "
			"not load the ring: %s",
			node_lease_away_reason(routes->params.lease));
		return GATE_WAIT;
	case NODE_LEASE_HELD:
		routes->is_refusal_logged = false;
		if (ring_watch_is_settled(watch))
			return GATE_OPEN;
		say_why(request, "the ring is being loaded");
		return GATE_WAIT;
	}
	return GATE_WAIT;
}

static void request_step(struct request *request)
{
	const struct routes_params *params = &request->routes->params;
	const struct ring *ring = ring_keeper_active(params->keeper);
	const struct ring_host *wanted;
	enum gate gate;

	if (request->is_asking ||
	    !ring_watch_is_loaded(params->watch, request->ticket))
		return;
	loop_timeout_remove(params->loop, &request->to_retry);
	request->is_held = false;
	gate = gate_look(request);
	if (gate == GATE_WAIT)
		return;
	if (ring_keeper_is_left_behind(params->keeper)) {
		say_why(request, "the others act by a ring that can't be used "
			"here: %s", ring_keeper_complaint(params->keeper));
		return;
	}
	if (ring == NULL) {
		say_why(request, "no ring yet: has one been published? "
			"(dovering init, dovering host add)");
		return;
	}
	if (!find_wanted(request, ring, &wanted)) {
		request_pass(request);
		return;
	}
	if (is_second_hop(request, ring_record(ring)))
		hold_at_most(request, ROUTE_HOP_HOLD_MSECS);
	if (gate == GATE_AWAY ||
	    (request->is_distrusted && request->has_peeked))
		step_away(request);
	else
		ask_store(request);
}

/* -- All of them -- */

static void wake_timeout(void *context)
{
	struct routes *routes = context;
	struct request *request, *next;
	bool is_all = routes->wake_all;

	routes->to_wake = NULL;
	routes->wake_all = false;
	/* A step ends at most its own request; what its callback adds comes
	   before the head. */
	for (request = routes->head; request != NULL; request = next) {
		next = request->next;
		if (is_all || !request->is_held)
			request_step(request);
	}
}

void routes_wake(struct routes *routes, bool is_all)
{
	if (is_all)
		routes->wake_all = true;
	if (routes->to_wake == NULL && routes->head != NULL)
		routes->to_wake = loop_timeout_add(routes->params.loop, 0,
						   wake_timeout, routes);
}

struct routes *routes_init(const struct routes_params *params)
{
	struct routes *routes = mem_calloc(1, sizeof(*routes));

	routes->params = *params;
	routes->on_store_failure = params->settings->on_store_failure ==
		NODE_STORE_FAILURE_REFUSE ? RING_STORE_FAILURE_REFUSE :
		RING_STORE_FAILURE_ROUTE;
	return routes;
}

void routes_deinit(struct routes **_routes)
{
	struct routes *routes = *_routes;

	if (routes == NULL)
		return;
	*_routes = NULL;
	while (routes->head != NULL)
		request_fail(routes->head, "dovering-agent is being stopped");
	loop_timeout_remove(routes->params.loop, &routes->to_wake);
	free(routes);
}

static struct request *
request_new(struct routes *routes, const struct agent_route *route,
	    agent_answer_callback_t *callback, void *context)
{
	struct request *request = mem_calloc(1, sizeof(*request));

	request->routes = routes;
	request->callback = callback;
	request->context = context;
	request->service = mem_strdup(route->service);
	request->tag = mem_strdup(route->tag);
	request->wanted = mem_strdup(route->host);
	request->peer = mem_strdup(route->peer);
	request->hop = mem_strdup(route->hop);
	request->is_peek = route->peek;
	request->started_msecs = now(routes);
	request->next = routes->head;
	if (request->next != NULL)
		request->next->prev = request;
	routes->head = request;
	return request;
}

static void request_set_key(struct request *request,
			    const struct agent_route *route)
{
	enum node_user_key kind = request->routes->params.settings->user_key;

	request->key = mem_calloc(1, route->user_size + 1);
	request->key_size = node_user_key(kind, route->user, route->user_size,
					  request->key);
}

void routes_add(struct routes *routes, const struct agent_route *route,
		agent_answer_callback_t *callback, void *context)
{
	struct request *request;

	request = request_new(routes, route, callback, context);
	if (route->user_size == 0) {
		request_fail(request, "user name is empty");
		return;
	}
	if (route->user_size > ROUTE_USER_MAX_BYTES) {
		request_fail(request, "user name has %zu bytes, more than %d",
			     route->user_size, ROUTE_USER_MAX_BYTES);
		return;
	}
	request_set_key(request, route);
	hold_at_most(request, routes->params.settings->hold_timeout_msecs);
	if (*request->hop != '\0')
		hold_at_most(request, ROUTE_HOP_HOLD_MSECS);
	request_step(request);
}
