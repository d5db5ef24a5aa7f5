#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent-rig.h"
#include "route.h"
#include "ring-watch.h"

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig_init(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig_deinit(rig);
	free(rig);
	return 0;
}

static int free_rings(void **state)
{
	(void)state;
	rig_rings_free();
	return 0;
}

static const struct rig_ring *plain(void)
{
	return rig_ring(RIG_RING_PLAIN, 7);
}

#define assert_fails(answer, part) do { \
	assert_int_equal((answer)->count, 1); \
	assert_int_equal((answer)->kind, AGENT_FAIL); \
	if (strstr((answer)->reason, part) == NULL) \
		fail_msg("reason is \"%s\", not \"%s\"", (answer)->reason, \
			 part); \
} while (0)
#define assert_proxied(answer, name) do { \
	if ((answer)->count == 1 && (answer)->kind == AGENT_FAIL) \
		fail_msg("%s", (answer)->reason); \
	assert_int_equal((answer)->count, 1); \
	assert_int_equal((answer)->kind, AGENT_PROXY); \
	assert_string_equal((answer)->host, name); \
} while (0)

/* -- Start -- */

static void start__ring_in_store__routes_by_it(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, rig_ring_host(RIG_RING_PLAIN, "bob"));
	assert_int_equal(answer.port, 1143);
	assert_int_equal(strncmp(answer.address, "127.0.0.3", 9), 0);
	assert_memory_equal(answer.key, "bob", 3);
	assert_int_equal(answer.key_size, 3);
	assert_true(answer.generation > 0);
}

static void start__no_ring_anywhere__held_then_fails(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start(rig);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 29999);
	assert_int_equal(answer.count, 0);
	fake_loop_advance(rig->loop, 1);
	assert_fails(&answer, "no ring yet");
}

static void start__ring_published_while_held__answered(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start(rig);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 3000);
	rig_put_active(rig, plain());
	fake_loop_advance(rig->loop, 1000);
	assert_int_equal(answer.kind, AGENT_PROXY);
	assert_int_equal(answer.count, 1);
}

/* It has a ring, and no right to use it. */
static void restart__store_away__held_until_confirmed(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer, late;

	rig_start_with_ring(rig, plain());
	rig_stop(rig);
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	rig_start(rig);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 30000);
	assert_fails(&answer, "not confirmed a heartbeat");
	rig_ask(rig, &route, &late);
	fake_store_set_mode(rig->store, FAKE_STORE_WORKS);
	fake_loop_advance(rig->loop, 300);
	assert_int_equal(late.count, 1);
	assert_int_equal(late.kind, AGENT_PROXY);
}

static void restart__first_beat_unconfirmed__held(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	rig_stop(rig);
	fake_store_set_replicas(rig->store, 2, 0);
	rig_start(rig);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 29000);
	assert_int_equal(answer.count, 0);
	rig_stop(rig);
}

/* A beat got through, and then nothing: the ring on disk may be an old one. */
static void restart__ring_can_not_be_loaded__held(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	rig_stop(rig);
	fake_store_set_op_mode(rig->store, FAKE_STORE_RING_LOAD,
			       FAKE_STORE_AWAY);
	rig_start(rig);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 30000);
	assert_fails(&answer, "load the ring");
}

static void restart__ring_changed_meanwhile__new_one_is_used(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_B4, "b4");
	struct agent_route route = rig_login(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	rig_stop(rig);
	rig_put_active(rig, rig_ring(RIG_RING_B4, 8));
	fake_store_set_reply_msecs(rig->store, 50);
	rig_start(rig);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 500);
	assert_proxied(&answer, "b4");
}

static void start__failsafe__refused_by_name(void **state)
{
	struct rig *rig = *state;
	struct agent_params params;
	struct ring_error error;
	struct agent *agent;

	memset(&params, 0, sizeof(params));
	rig->settings.on_store_failure = NODE_STORE_FAILURE_FAILSAFE;
	params.settings = &rig->settings;
	assert_int_equal(agent_init(&params, &agent, &error), -1);
	assert_non_null(strstr(error.text, "on_store_failure = failsafe"));
}

static void start__state_dir_missing__error_names_it(void **state)
{
	struct rig *rig = *state;
	struct agent_params params;
	struct ring_error error;
	struct agent *agent;

	memset(&params, 0, sizeof(params));
	rig->settings.state_dir = (char *)"/nowhere/at/all";
	params.settings = &rig->settings;
	params.log = rig_log_write;
	params.log_context = &rig->log;
	assert_int_equal(agent_init(&params, &agent, &error), -1);
	assert_non_null(strstr(error.text, "state_dir"));
	rig->settings.state_dir = rig->dir;
}

static void start__names_not_of_the_ring__warned_of(void **state)
{
	static const struct {
		const char *node, *host, *warning;
	} cases[] = {
		{ "d1", "", NULL },
		{ "b1", "b1", NULL },
		{ "d9", "", "W setting node = d9" },
		{ "b1", "b9", "W setting host = b9: the ring has no" },
		{ "b1", "b2", "W setting host = b2: the ring says" },
	};
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig->settings.node = (char *)cases[i].node;
		rig->settings.host = (char *)cases[i].host;
		rig_start_with_ring(rig, plain());
		assert_int_equal(rig_log_count(&rig->log, "W setting"),
				 cases[i].warning == NULL ? 0 : 1);
		if (cases[i].warning != NULL)
			assert_int_equal(rig_log_count(&rig->log,
						       cases[i].warning), 1);
		rig_stop(rig);
		rig_log_clear(&rig->log);
	}
}

static void deinit__requests_held_and_under_way__all_answered(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer held, asking;

	rig_start(rig);
	rig_ask(rig, &route, &held);
	rig_put_active(rig, plain());
	fake_loop_advance(rig->loop, 1500);
	assert_int_equal(held.count, 1);
	fake_store_set_reply_msecs(rig->store, 100);
	rig_ask(rig, &route, &asking);
	rig_stop(rig);
	assert_fails(&asking, "being stopped");
	fake_loop_advance(rig->loop, 1000);
	assert_int_equal(asking.count, 1);
}

/* -- Where to -- */

static void route__again__same_host_and_generation(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer first, second;

	rig_start_with_ring(rig, plain());
	rig_ask(rig, &route, &first);
	fake_loop_advance(rig->loop, 5000);
	rig_ask(rig, &route, &second);
	assert_proxied(&second, first.host);
	assert_true(second.generation == first.generation);
}

static void route__lease_differs_from_ring__lease_wins(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_put_lease(rig->hand, &key, "b3", 77);
	route.host = "b2";
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b3");
	assert_true(answer.generation == 77);
}

static void route__owner_is_this_host__local(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b1", RIG_RING_PLAIN, "b1"));
	struct rig_answer answer;

	rig->settings.node = rig->settings.host = (char *)"b1";
	rig_start_with_ring(rig, plain());
	rig_ask(rig, &route, &answer);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.kind, AGENT_LOCAL);
	assert_true(answer.generation > 0);
	assert_int_equal(answer.key_size, route.user_size);
}

static void route__services__ports(void **state)
{
	static const struct {
		const char *service;
		uint16_t port;
	} cases[] = {
		{ "imap", 1143 }, { "pop3", 110 }, { "lmtp", 24 },
		{ "xmpp", 0 }, { "", 0 },
	};
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;
	unsigned int i;

	rig_start_with_ring(rig, plain());
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		route.service = cases[i].service;
		rig_ask(rig, &route, &answer);
		assert_int_equal(answer.kind, AGENT_PROXY);
		assert_int_equal(answer.port, cases[i].port);
	}
}

static void check_key(struct rig *rig, enum node_user_key kind,
		      const char *user, const char *key)
{
	struct agent_route route = rig_login(user);
	struct rig_answer answer;

	rig->settings.user_key = kind;
	rig_ask(rig, &route, &answer);
	assert_int_equal(answer.kind, AGENT_PROXY);
	assert_int_equal(answer.key_size, strlen(key));
	assert_memory_equal(answer.key, key, strlen(key));
}

static void route__user_key__normalises(void **state)
{
	struct rig *rig = *state;

	rig_start_with_ring(rig, plain());
	check_key(rig, NODE_USER_KEY_USER, "Bob@Example.COM",
		  "bob@example.com");
	check_key(rig, NODE_USER_KEY_NAME, "Bob@Example.COM", "bob");
	check_key(rig, NODE_USER_KEY_DOMAIN, "Bob@Example.COM",
		  "example.com");
	check_key(rig, NODE_USER_KEY_DOMAIN, "Bob", "bob");
	/* never empty: that would be one key for many */
	check_key(rig, NODE_USER_KEY_NAME, "@example.com", "@example.com");
}

static void route__name_of_any_bytes__works(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("");
	struct rig_answer first, second;
	char name[256];
	unsigned int i;

	for (i = 0; i < sizeof(name); i++)
		name[i] = (char)i;
	route.user = name;
	route.user_size = sizeof(name);
	rig_start_with_ring(rig, plain());
	rig_ask(rig, &route, &first);
	rig_ask(rig, &route, &second);
	assert_int_equal(first.kind, AGENT_PROXY);
	assert_int_equal(first.key_size, sizeof(name));
	assert_string_equal(first.host, second.host);
	assert_true(first.generation == second.generation);
}

static void route__name_empty_or_too_long__fails(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("");
	struct rig_answer answer;
	char name[1025];

	rig_start_with_ring(rig, plain());
	rig_route(rig, &route, &answer);
	assert_fails(&answer, "user name is empty");
	memset(name, 'x', sizeof(name));
	route.user = name;
	route.user_size = 1025;
	rig_route(rig, &route, &answer);
	assert_fails(&answer, "1025 bytes");
	route.user_size = 1024;
	rig_ask(rig, &route, &answer);
	assert_int_equal(answer.kind, AGENT_PROXY);
}

static void route__host_outside_the_ring__passed_without_lease(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	route.host = "10.9.8.7";
	rig_ask(rig, &route, &answer);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.kind, AGENT_PASS);
	assert_int_equal(fake_store_calls(rig->store, FAKE_STORE_CLAIM), 0);
}

static void route__host_of_the_ring__wish_is_granted(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b1", RIG_RING_PLAIN, "b1"));
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	route.host = "127.0.0.33";
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b3");
	/* and stays, without the wish */
	route.host = "";
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b3");
}

static void route__tag_without_hosts__fails(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	route.tag = "nosuch";
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 30000);
	assert_fails(&answer, "tag");
	assert_null(fake_store_owner(rig->hand, &(struct store_key){ 0 }));
}

static void peek__no_lease__by_the_ring_and_none_is_made(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b2", RIG_RING_PLAIN, "b2");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	route.peek = true;
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b2");
	assert_true(answer.generation == 0);
	assert_null(fake_store_owner(rig->hand, &key));
}

static void peek__lease__by_the_lease(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b2", RIG_RING_PLAIN, "b2");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_put_lease(rig->hand, &key, "b1", 5);
	route.peek = true;
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b1");
}

/* -- Rings that change -- */

/* Let time pass until the agent has called this operation once more. */
static void advance_to_next(struct rig *rig, enum fake_store_op op)
{
	unsigned int i, calls = fake_store_calls(rig->store, op);

	for (i = 0; fake_store_calls(rig->store, op) == calls; i++) {
		assert_true(i < 60000);
		fake_loop_advance(rig->loop, 1);
	}
}

/* The shard has heard of a ring that is active since the last beat. */
static void ring__shard_is_ahead__loaded_and_repeated(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_B4, "b4");
	const struct rig_ring *next = rig_ring(RIG_RING_B4, 8);
	struct agent_route route = rig_login(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	rig_put_active(rig, next);
	fake_store_put_shard(rig->hand, rig_key(user).shard, &next->id);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b4");
	assert_int_equal(rig_log_count(&rig->log, "claims ring epoch"), 0);
}

static void ring__shard_claims_what_is_not__as_if_away(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct store_epoch hostile = { .epoch = RING_EPOCH_MAX };
	struct agent_route route = rig_login(user);
	struct rig_answer answer;
	unsigned int i, loads;

	rig_start_with_ring(rig, plain());
	fake_store_put_shard(rig->hand, rig_key(user).shard, &hostile);
	/* it may come true yet */
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, ROUTE_DOUBT_MSECS - 1);
	assert_int_equal(answer.count, 0);
	fake_loop_advance(rig->loop, ROUTE_RETRY_MSECS);
	assert_proxied(&answer, "b1");
	/* and is not waited for again */
	loads = fake_store_calls(rig->store, FAKE_STORE_RING_LOAD);
	for (i = 1; i <= 3; i++) {
		rig_ask(rig, &route, &answer);
		assert_proxied(&answer, "b1");
		assert_true(answer.generation == 0);
		assert_int_equal(fake_store_calls(rig->store,
						  FAKE_STORE_RING_LOAD),
				 loads + 2 * i);
	}
	assert_int_equal(rig_log_count(&rig->log, "claims ring epoch"), 1);
	assert_int_equal(rig_log_count(&rig->log, "store is away"), 0);
}

static void ring__shard_claims_what_is_not_and_refuse__fails(void **state)
{
	struct rig *rig = *state;
	struct store_epoch hostile = { .epoch = 99 };
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig->settings.on_store_failure = NODE_STORE_FAILURE_REFUSE;
	rig_start_with_ring(rig, plain());
	fake_store_put_shard(rig->hand, rig_key("bob").shard, &hostile);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, ROUTE_DOUBT_MSECS + ROUTE_RETRY_MSECS);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.kind, AGENT_FAIL);
}

static void ring__shard_has_another_of_this_epoch__as_if_away(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_put_shard(rig->hand, rig_key(user).shard,
			     &rig_ring(RIG_RING_B4, 7)->id);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, ROUTE_DOUBT_MSECS + ROUTE_RETRY_MSECS);
	assert_proxied(&answer, "b1");
	assert_int_equal(rig_log_count(&rig->log, "claims ring epoch"), 1);
}

static void ring__shard_claims_what_is_not__lease_counts(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct store_epoch hostile = { .epoch = RING_EPOCH_MAX };
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_put_lease(rig->hand, &key, "b3", 5);
	fake_store_put_shard(rig->hand, key.shard, &hostile);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b3");
	assert_true(answer.generation == 5);
}

static void put_prepared(struct rig *rig, const struct rig_ring *ring)
{
	fake_store_put_prepared(rig->hand, &ring->id, ring->text, ring->size);
}

/* Who is asked gets what the store says of nodes. */
struct peeked {
	unsigned int count, alive;
	uint64_t active, prepared;	/* the lowest among the live ones */
	char complaint[600];
};

static void peeked(const struct store_nodes *reply, void *context)
{
	struct peeked *to = context;
	const struct store_node *node;
	unsigned int i;

	memset(to, 0, sizeof(*to));
	to->active = to->prepared = UINT64_MAX;
	to->count = reply->count;
	for (i = 0; i < reply->count; i++) {
		node = &reply->nodes[i];
		if (!node->is_alive)
			continue;
		to->alive++;
		if (node->active.epoch < to->active)
			to->active = node->active.epoch;
		if (node->prepared.epoch < to->prepared)
			to->prepared = node->prepared.epoch;
		if (*node->complaint != '\0')
			(void)snprintf(to->complaint, sizeof(to->complaint),
				       "%s", node->complaint);
	}
}

static void ask_nodes(struct rig *rig, struct peeked *to)
{
	rig->hand->v->nodes(rig->hand, peeked, to);
	fake_loop_advance(rig->loop, 0);
}

static void ring__prepared_then_active__on_both_nodes(void **state)
{
	struct rig *rig = *state, *other;
	struct peeked nodes;

	other = rig_other(rig, "b1", "b1");
	rig_start_with_ring(rig, plain());
	rig_start(other);
	fake_loop_advance(rig->loop, 2000);
	put_prepared(rig, rig_ring(RIG_RING_B4, 8));
	fake_loop_advance(rig->loop, 4000);
	ask_nodes(rig, &nodes);
	assert_int_equal(nodes.alive, 2);
	assert_int_equal(nodes.active, 8);
	assert_int_equal(rig_log_count(&rig->log, "8 is prepared here"), 1);
	assert_int_equal(rig_log_count(&other->log, "8 is active here"), 1);
}

/* The other node is silent, but its lease may last. */
static void ring__one_node_is_silent__active_after_its_lease(void **state)
{
	struct rig *rig = *state, *other;
	struct peeked nodes;

	other = rig_other(rig, "b1", "b1");
	rig_start_with_ring(rig, plain());
	rig_start(other);
	fake_loop_advance(rig->loop, 2000);
	fake_store_set_mode(other->store, FAKE_STORE_AWAY);
	put_prepared(rig, rig_ring(RIG_RING_B4, 8));
	fake_loop_advance(rig->loop, 3000);
	ask_nodes(rig, &nodes);
	assert_int_equal(nodes.active, 7);
	assert_int_equal(rig_log_count(&rig->log, "waits for: b1"), 1);
	fake_loop_advance(rig->loop, 4000);
	ask_nodes(rig, &nodes);
	assert_int_equal(nodes.alive, 1);
	assert_int_equal(nodes.active, 8);
	/* it comes back, and learns */
	fake_store_set_mode(other->store, FAKE_STORE_WORKS);
	fake_loop_advance(rig->loop, 2000);
	ask_nodes(rig, &nodes);
	assert_int_equal(nodes.alive, 2);
	assert_int_equal(nodes.active, 8);
}

static void ring__forged_in_store__logged_once_and_shown(void **state)
{
	struct rig *rig = *state;
	const struct rig_ring *bad = rig_ring(RIG_RING_STRANGER, 8);
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;
	struct peeked nodes;

	rig_start_with_ring(rig, plain());
	rig_put_active(rig, bad);
	fake_loop_advance(rig->loop, 20000);
	assert_int_equal(rig_log_count(&rig->log, "refused"), 1);
	ask_nodes(rig, &nodes);
	assert_non_null(strstr(nodes.complaint, "signature"));
	assert_int_equal(nodes.active, 7);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, rig_ring_host(RIG_RING_PLAIN, "bob"));

	rig_put_active(rig, plain());
	fake_loop_advance(rig->loop, 2500);
	ask_nodes(rig, &nodes);
	assert_string_equal(nodes.complaint, "");
}

/* The claim is as before, the bytes are not. */
static void ring__altered_behind_its_claim__found(void **state)
{
	struct rig *rig = *state;
	char *text = malloc(plain()->size);
	struct peeked nodes;

	rig_start_with_ring(rig, plain());
	memcpy(text, plain()->text, plain()->size);
	text[plain()->size / 2] ^= 1;
	fake_store_put_active(rig->hand, &plain()->id, text, plain()->size);
	free(text);
	fake_loop_advance(rig->loop, RING_WATCH_LOAD_MSECS + 3000);
	ask_nodes(rig, &nodes);
	assert_non_null(strstr(nodes.complaint, "refused"));
	assert_int_equal(nodes.active, 7);
	assert_int_equal(rig_log_count(&rig->log, "refused"), 1);
}

static void ring__older_in_store__complained_of(void **state)
{
	struct rig *rig = *state;
	struct peeked nodes;

	rig_start_with_ring(rig, rig_ring(RIG_RING_PLAIN, 8));
	rig_put_active(rig, plain());
	fake_loop_advance(rig->loop, 2000);
	ask_nodes(rig, &nodes);
	assert_int_equal(nodes.active, 8);
	assert_non_null(strstr(nodes.complaint, "epoch 8 has been seen"));
}

/* A failover has lost the last activation, and d1 has acted by it already. */
static void ring__failover_lost_it__put_back(void **state)
{
	struct rig *rig = *state, *other;
	const struct rig_ring *next = rig_ring(RIG_RING_B4, 8);
	const char *user = rig_user_of("b1", RIG_RING_B4, "b4");
	struct agent_route route = rig_login(user);
	struct rig_answer answer, others;
	struct peeked nodes;

	other = rig_other(rig, "d2", "");
	rig_start_with_ring(rig, next);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b4");
	rig_put_active(rig, plain());
	rig_start(other);
	fake_loop_advance(rig->loop, 100);

	/* d2 knows of the older one only: it must not act by it */
	rig_ask(other, &route, &others);
	fake_loop_advance(rig->loop, 12000);
	assert_proxied(&others, "b4");
	ask_nodes(rig, &nodes);
	assert_int_equal(nodes.active, 8);
	rig_ask(other, &route, &others);
	assert_proxied(&others, "b4");
	assert_true(others.generation > 0);
	assert_int_equal(rig_log_count(&rig->log, "is put back"), 1);
}

/* The same, and he has no lease yet: two rings, two answers, unless the one
   who is behind waits. */
static void ring__failover_lost_it__nobody_goes_by_the_older(void **state)
{
	struct rig *rig = *state, *other;
	const struct rig_ring *next = rig_ring(RIG_RING_B4, 8);
	const char *user = rig_user_of("b1", RIG_RING_B4, "b4");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer, others;

	other = rig_other(rig, "d2", "");
	rig_start_with_ring(rig, next);
	rig_ask(rig, &route, &answer);		/* the shard is at 8 */
	rig_put_active(rig, plain());
	fake_store_drop_lease(rig->hand, &key);
	rig_start(other);
	fake_loop_advance(rig->loop, 100);
	rig_ask(other, &route, &others);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 12000);
	assert_proxied(&others, "b4");
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b4");
}

/* Signed and newer, and this machine can't compute it: others may act by it. */
static void ring__other_table_here__nothing_is_answered(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	rig_put_active(rig, rig_ring(RIG_RING_WRONG_TABLE, 8));
	fake_loop_advance(rig->loop, 2000);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 30000);
	assert_fails(&answer, "can't be used here");
}

/* d1 once took a record that was then published anew, under the same epoch,
   while it was away. The others act by that one. */
static void ring__another_of_the_prepared_epoch__nothing_is_answered(
	void **state)
{
	struct rig *rig = *state;
	const struct rig_ring *mine = rig_ring(RIG_RING_PLAIN, 8);
	const struct rig_ring *theirs = rig_ring(RIG_RING_B4, 8);
	const char *user = rig_user_of("b1", RIG_RING_B4, "b4");
	struct agent_route route = rig_login(user);
	static const struct store_epoch none;
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_set_op_mode(rig->store, FAKE_STORE_RING_ACTIVATE,
			       FAKE_STORE_AWAY);
	put_prepared(rig, mine);
	fake_loop_advance(rig->loop, 2000);
	fake_store_put_prepared(rig->hand, &none, "", 0);
	rig_put_active(rig, theirs);
	fake_loop_advance(rig->loop, 2000);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 30000);
	assert_fails(&answer, "can't be used here");
	/* the next one is for all */
	rig_put_active(rig, rig_ring(RIG_RING_B4, 9));
	fake_loop_advance(rig->loop, 2000);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b4");
}

static void ring__store_restarted_empty__put_back(void **state)
{
	struct rig *rig = *state, *other;
	struct peeked nodes;

	other = rig_other(rig, "b1", "b1");
	rig_start_with_ring(rig, plain());
	rig_start(other);
	fake_loop_advance(rig->loop, 2000);
	fake_store_lose_data(rig->hand);
	fake_loop_advance(rig->loop, 6000);
	/* a node without state learns it from the store */
	rig_stop(other);
	rig_dir_free(&other->dir);
	other->dir = other->settings.state_dir = rig_dir_new();
	rig_start(other);
	fake_loop_advance(rig->loop, 2000);
	ask_nodes(rig, &nodes);
	assert_int_equal(nodes.alive, 2);
	assert_int_equal(nodes.active, 7);
	assert_true(rig_log_count(&rig->log, "put back into the store") +
		    rig_log_count(&other->log, "put back into the store") > 0);
}

/* The one that knows only the older ring must not be the one to restore. */
static void ring__store_empty_and_another_is_ahead__newest_wins(void **state)
{
	struct rig *rig = *state, *other;
	struct peeked nodes;

	other = rig_other(rig, "b1", "b1");
	rig_start_with_ring(rig, plain());
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	rig_put_active(rig, rig_ring(RIG_RING_B4, 8));
	rig_start(other);
	fake_loop_advance(rig->loop, 1000);
	fake_store_lose_data(rig->hand);
	fake_store_set_mode(rig->store, FAKE_STORE_WORKS);
	fake_loop_advance(rig->loop, 8000);
	ask_nodes(rig, &nodes);
	assert_int_equal(nodes.alive, 2);
	assert_int_equal(nodes.active, 8);
}

/* The claim was answered by the ring here, a beat has shown a newer one, and
   that is being loaded. */
static void ring__newer_one_shown_during_a_claim__waited_for(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b2", RIG_RING_PLAIN, "b2"));
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_set_reply_msecs(rig->store, 100);
	rig_put_active(rig, rig_ring(RIG_RING_B2_DOWN, 8));
	advance_to_next(rig, FAKE_STORE_HEARTBEAT);
	fake_loop_advance(rig->loop, 50);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 1000);
	assert_int_equal(answer.count, 0);
	rig_stop(rig);
}

/* A load under way has read the store before he came. */
static void ring__load_under_way__does_not_count(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b1", RIG_RING_B4, "b4"));
	struct rig_answer answer;

	rig->settings.node = (char *)"b3";
	rig->settings.host = (char *)"b4";
	rig_start_with_ring(rig, plain());
	fake_store_set_reply_msecs(rig->store, 100);
	advance_to_next(rig, FAKE_STORE_RING_LOAD);
	fake_loop_advance(rig->loop, RING_WATCH_LOAD_MSECS - 100);
	fake_store_set_reply_msecs(rig->store, 300);
	advance_to_next(rig, FAKE_STORE_RING_LOAD);
	rig_put_active(rig, rig_ring(RIG_RING_B4, 8));
	fake_store_set_reply_msecs(rig->store, 100);
	route.hop = "d1";
	route.peek = true;
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 2000);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.kind, AGENT_LOCAL);
}

/* -- The store is away -- */

static void away__known_user__where_he_is(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_put_lease(rig->hand, &key, "b3", 77);
	rig_ask(rig, &route, &answer);
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	/* far beyond user_expire */
	fake_loop_advance(rig->loop, 2 * 3600 * 1000);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b3");
	assert_true(answer.generation == 77);
	assert_int_equal(rig_log_count(&rig->log, "store is away"), 1);
}

static void away__unknown_user__by_the_ring(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b2", RIG_RING_PLAIN, "b2"));
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b2");
	assert_true(answer.generation == 0);
}

static void away__prepared_ring_agrees__answered(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b1", RIG_RING_B4, "b1"));
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_set_op_mode(rig->store, FAKE_STORE_RING_ACTIVATE,
			       FAKE_STORE_AWAY);
	put_prepared(rig, rig_ring(RIG_RING_B4, 8));
	fake_loop_advance(rig->loop, 2000);
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b1");
}

static void away__prepared_ring_disagrees__held(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b1", RIG_RING_B4, "b4"));
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_set_op_mode(rig->store, FAKE_STORE_RING_ACTIVATE,
			       FAKE_STORE_AWAY);
	put_prepared(rig, rig_ring(RIG_RING_B4, 8));
	fake_loop_advance(rig->loop, 2000);
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 10000);
	assert_int_equal(answer.count, 0);
	/* when it is back it says which ring counts, and keeps the lease */
	fake_store_set_mode(rig->store, FAKE_STORE_WORKS);
	fake_loop_advance(rig->loop, 3000);
	assert_proxied(&answer, "b1");
	assert_true(answer.generation > 0);
}

/* An old master that nobody follows goes on answering. */
static void away__heartbeat_unconfirmed__store_is_not_believed(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_set_replicas(rig->store, 2, 0);
	fake_loop_advance(rig->loop, 1000);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b1");
	assert_int_equal(fake_store_calls(rig->store, FAKE_STORE_CLAIM), 0);
}

static void away__refuse_and_unconfirmed__refused(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig->settings.on_store_failure = NODE_STORE_FAILURE_REFUSE;
	rig_start_with_ring(rig, plain());
	fake_store_set_replicas(rig->store, 2, 0);
	fake_loop_advance(rig->loop, 6000);
	rig_ask(rig, &route, &answer);
	assert_fails(&answer, "on_store_failure = refuse");
	rig_ask(rig, &route, &answer);
	assert_int_equal(rig_log_count(&rig->log, "logins are refused:"), 1);
}

static void away__refuse__waits_till_the_deadline(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig->settings.on_store_failure = NODE_STORE_FAILURE_REFUSE;
	rig_start_with_ring(rig, plain());	/* sent at 0, now is 100 */
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 5899);
	assert_int_equal(answer.count, 0);
	fake_loop_advance(rig->loop, 1);
	assert_fails(&answer, "refuse");
}

static void away__refuse_and_back_in_time__answered(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig->settings.on_store_failure = NODE_STORE_FAILURE_REFUSE;
	rig_start_with_ring(rig, plain());
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 3000);
	fake_store_set_mode(rig->store, FAKE_STORE_WORKS);
	fake_loop_advance(rig->loop, 300);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.kind, AGENT_PROXY);
	assert_true(answer.generation > 0);
}

static void claim__reply_lost_once__repeated(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer, again;

	rig_start_with_ring(rig, plain());
	fake_store_set_op_mode(rig->store, FAKE_STORE_CLAIM,
			       FAKE_STORE_UNCERTAIN_DONE);
	rig_route(rig, &route, &answer);
	fake_store_set_op_mode(rig->store, FAKE_STORE_CLAIM,
			       FAKE_STORE_WORKS);
	fake_loop_advance(rig->loop, 0);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.kind, AGENT_PROXY);
	assert_true(answer.generation > 0);
	rig_ask(rig, &route, &again);
	assert_true(answer.generation == again.generation);
	assert_int_equal(rig_log_count(&rig->log, "store is away"), 0);
}

static void claim__fails_for_good__as_away(void **state)
{
	static const enum fake_store_mode modes[] = {
		FAKE_STORE_AWAY, FAKE_STORE_REFUSES,
		FAKE_STORE_UNCERTAIN_LOST,
	};
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b1", RIG_RING_PLAIN, "b1"));
	struct rig_answer answer;
	unsigned int i;

	rig_start_with_ring(rig, plain());
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		fake_store_set_op_mode(rig->store, FAKE_STORE_CLAIM, modes[i]);
		rig_ask(rig, &route, &answer);
		assert_proxied(&answer, "b1");
		assert_true(answer.generation == 0);
		assert_int_equal(rig_log_count(&rig->log, "store is away"),
				 i + 1);
		fake_store_set_op_mode(rig->store, FAKE_STORE_CLAIM,
				       FAKE_STORE_WORKS);
		fake_loop_advance(rig->loop, 1000);
	}
	assert_int_equal(rig_log_count(&rig->log, "store is back"), i);
}

/* One user's key makes no sense: that must not take the store from the others,
   nor the leases of those who are there. */
static void claim__one_key_is_broken__store_stays(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct rig_answer answer;
	unsigned int i;

	rig_start_with_ring(rig, plain());
	fake_store_set_op_mode(rig->store, FAKE_STORE_CLAIM,
			       FAKE_STORE_TALKS_NONSENSE);
	fake_store_set_op_mode(rig->store, FAKE_STORE_PEEK,
			       FAKE_STORE_TALKS_NONSENSE);
	for (i = 0; i < 3; i++) {
		rig_ask(rig, &route, &answer);
		assert_proxied(&answer, "b1");
		assert_true(answer.generation == 0);
	}
	assert_int_equal(rig_log_count(&rig->log, "store is away"), 0);
	assert_int_equal(rig_log_count(&rig->log, "makes no sense"), 1);
}

/* The shard is broken, his lease is not. */
static void claim__shard_is_broken__lease_counts(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_put_lease(rig->hand, &key, "b3", 5);
	fake_store_set_op_mode(rig->store, FAKE_STORE_CLAIM,
			       FAKE_STORE_TALKS_NONSENSE);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b3");
}

static void renew__one_key_is_broken__store_stays(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;
	unsigned int calls;

	rig_start_with_ring(rig, plain());
	rig_ask(rig, &route, &answer);
	fake_store_set_op_mode(rig->store, FAKE_STORE_RENEW,
			       FAKE_STORE_TALKS_NONSENSE);
	calls = fake_store_calls(rig->store, FAKE_STORE_RENEW);
	agent_session_seen(rig->agent, "bob", 3);
	fake_loop_advance(rig->loop, 30000);
	assert_int_equal(rig_log_count(&rig->log, "store is away"), 0);
	assert_int_equal(fake_store_calls(rig->store, FAKE_STORE_RENEW),
			 calls + 1);
}

/* -- Pauses -- */

static void pause__longer_than_the_lease__beat_comes_first(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_set_reply_msecs(rig->store, 100);
	fake_loop_sleep(rig->loop, 20000);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 99);
	assert_int_equal(answer.count, 0);
	assert_int_equal(fake_store_calls(rig->store, FAKE_STORE_CLAIM), 0);
	fake_loop_advance(rig->loop, 1000);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.kind, AGENT_PROXY);
}

/* Asleep between claim and answer, while the cluster went on to a ring in
   which his host is another. */
static void pause__in_the_middle_of_a_claim__asked_again(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_B4, "b4");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_set_reply_msecs(rig->store, 100);
	rig_ask(rig, &route, &answer);
	fake_loop_sleep(rig->loop, 20000);
	rig_put_active(rig, rig_ring(RIG_RING_B4, 8));
	fake_store_put_lease(rig->hand, &key, "b4", 99);
	fake_loop_advance(rig->loop, 0);	/* the late answer */
	assert_int_equal(answer.count, 0);
	fake_loop_advance(rig->loop, 2000);
	assert_proxied(&answer, "b4");
	assert_true(answer.generation == 99);
}

/* Asleep, and the store is not there any more: `refuse` must refuse. */
static void pause__then_store_away_and_refuse__refused(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig->settings.on_store_failure = NODE_STORE_FAILURE_REFUSE;
	rig_start_with_ring(rig, plain());
	rig_ask(rig, &route, &answer);
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	fake_loop_sleep(rig->loop, 20000);
	rig_ask(rig, &route, &answer);
	assert_fails(&answer, "refuse");
}

/* -- Leases -- */

static void lease__session_goes_on__renewed(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("Bob");
	struct store_key key = rig_key("bob");
	struct rig_answer answer;
	unsigned int i;

	rig_start_with_ring(rig, plain());
	rig_ask(rig, &route, &answer);
	for (i = 0; i < 10; i++) {
		fake_loop_advance(rig->loop, 300000);
		assert_non_null(fake_store_owner(rig->hand, &key));
		agent_session_seen(rig->agent, "Bob", 3);
	}
	fake_loop_advance(rig->loop, 902000);
	assert_null(fake_store_owner(rig->hand, &key));
}

/* The agent is another, the sessions in Dovecot's proxies are the same. */
static void lease__session_outlives_the_agent__renewed(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;
	unsigned int i;

	rig_start_with_ring(rig, plain());
	fake_store_put_lease(rig->hand, &key, "b3", 5);
	rig_ask(rig, &route, &answer);
	rig_stop(rig);
	rig_start(rig);
	fake_loop_advance(rig->loop, 100);
	for (i = 0; i < 30; i++) {
		agent_session_seen(rig->agent, user, strlen(user));
		fake_loop_advance(rig->loop, 60000);
	}
	assert_non_null(fake_store_owner(rig->hand, &key));
	assert_string_equal(fake_store_owner(rig->hand, &key), "b3");
}

/* Names that nobody has a lease for make neither leases nor memory. */
static void lease__unknown_names_are_seen__nothing_is_made(void **state)
{
	struct rig *rig = *state;
	struct store_key key = rig_key("nobody9");
	char user[16];
	unsigned int i;

	rig_start_with_ring(rig, plain());
	for (i = 0; i < 5000; i++) {
		(void)snprintf(user, sizeof(user), "nobody%u", i);
		agent_session_seen(rig->agent, user, strlen(user));
	}
	assert_true(fake_store_calls(rig->store, FAKE_STORE_PEEK) <= 512);
	fake_loop_advance(rig->loop, 2000);
	assert_null(fake_store_owner(rig->hand, &key));
	agent_session_seen(rig->agent, "nobody", 6);
	rig_stop(rig);		/* with a question under way */
	fake_loop_advance(rig->loop, 1000);
}

static void lease__many_seen_in_a_second__one_batch(void **state)
{
	struct rig *rig = *state;
	struct agent_route route;
	struct rig_answer answer;
	char user[16];
	unsigned int i, calls;

	rig_start_with_ring(rig, plain());
	for (i = 0; i < 200; i++) {
		(void)snprintf(user, sizeof(user), "u%u", i);
		route = rig_login(user);
		rig_ask(rig, &route, &answer);
		agent_session_seen(rig->agent, user, strlen(user));
		agent_session_seen(rig->agent, user, strlen(user));
	}
	calls = fake_store_calls(rig->store, FAKE_STORE_RENEW);
	fake_loop_advance(rig->loop, 3000);
	assert_int_equal(fake_store_calls(rig->store, FAKE_STORE_RENEW),
			 calls + 1);
}

static void lease__another_holds_it__forgotten(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_put_lease(rig->hand, &key, "b2", 5);
	rig_ask(rig, &route, &answer);
	fake_store_put_lease(rig->hand, &key, "b3", UINT32_MAX);
	agent_session_seen(rig->agent, user, strlen(user));
	fake_loop_advance(rig->loop, 2000);
	assert_string_equal(fake_store_owner(rig->hand, &key), "b3");
	assert_int_equal(rig_log_count(&rig->log, "D lease of"), 1);
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b1");
}

static void lease__store_back_without_data__told_again(void **state)
{
	struct rig *rig = *state;
	struct store_key key;
	struct agent_route route;
	struct rig_answer answer;
	char user[16];
	unsigned int i;

	rig_start_with_ring(rig, plain());
	for (i = 0; i < 700; i++) {	/* more than a batch */
		(void)snprintf(user, sizeof(user), "u%u", i);
		route = rig_login(user);
		rig_ask(rig, &route, &answer);
	}
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	fake_loop_advance(rig->loop, 3600 * 1000);
	fake_store_lose_data(rig->hand);
	fake_store_set_mode(rig->store, FAKE_STORE_WORKS);
	fake_loop_advance(rig->loop, 2000);
	for (i = 0; i < 700; i += 50) {
		(void)snprintf(user, sizeof(user), "u%u", i);
		key = rig_key(user);
		assert_non_null(fake_store_owner(rig->hand, &key));
	}
}

/* He is open on b3: the next login must not take a new lease by the ring. */
static void lease__lost_by_the_store__claimed_where_he_is(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	fake_store_put_lease(rig->hand, &key, "b3", 5);
	rig_ask(rig, &route, &answer);
	fake_store_drop_lease(rig->hand, &key);
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b3");
	assert_string_equal(fake_store_owner(rig->hand, &key), "b3");
}

/* -- Holding -- */

static void hold__host_is_down__fails_at_the_timeout(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b2", RIG_RING_PLAIN, "b2");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, rig_ring(RIG_RING_B2_DOWN, 8));
	fake_store_put_lease(rig->hand, &key, "b2", 5);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 29999);
	assert_int_equal(answer.count, 0);
	fake_loop_advance(rig->loop, 1);
	assert_fails(&answer, "down");
	assert_fails(&answer, "30000 ms");
}

/* A client that tries again and again must not keep the lease alive that locks
   him out. */
static void hold__client_keeps_trying__lease_runs_out(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;
	unsigned int i;

	rig_start_with_ring(rig, rig_ring(RIG_RING_B2_DOWN, 7));
	fake_store_put_lease(rig->hand, &key, "b2", 5);
	for (i = 0; i < 31; i++) {
		rig_route(rig, &route, &answer);
		fake_loop_advance(rig->loop, 30000);
		if (answer.kind != AGENT_FAIL)
			break;
	}
	assert_proxied(&answer, "b1");
	assert_string_equal(fake_store_owner(rig->hand, &key), "b1");
}

/* The same with a mechanism that looks before it has proof. */
static void hold__peeks_keep_coming__lease_runs_out(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_PLAIN, "b1");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;
	unsigned int i;

	rig_start_with_ring(rig, rig_ring(RIG_RING_B2_DOWN, 7));
	fake_store_put_lease(rig->hand, &key, "b2", 5);
	route.peek = true;
	for (i = 0; i < 31; i++) {
		rig_route(rig, &route, &answer);
		fake_loop_advance(rig->loop, 30000);
		if (answer.kind != AGENT_FAIL)
			break;
	}
	assert_proxied(&answer, "b1");
	assert_null(fake_store_owner(rig->hand, &key));
}

static void hold__host_comes_up__answered(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b2", RIG_RING_PLAIN, "b2");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer answer;

	rig_start_with_ring(rig, rig_ring(RIG_RING_B2_DOWN, 8));
	fake_store_put_lease(rig->hand, &key, "b2", 5);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 3000);
	rig_put_active(rig, rig_ring(RIG_RING_PLAIN, 9));
	advance_to_next(rig, FAKE_STORE_RING_LOAD);
	fake_loop_advance(rig->loop, 0);
	assert_proxied(&answer, "b2");
}

/* A process that slept through the timeout does not answer late with a host. */
static void hold__store_says_nothing__fails_at_the_timeout(void **state)
{
	struct rig *rig = *state;
	struct agent_route route = rig_login("bob");
	struct rig_answer answer;

	rig->settings.hold_timeout_msecs = 1000;
	rig_start_with_ring(rig, plain());
	fake_store_set_reply_msecs(rig->store, 1500);
	rig_ask(rig, &route, &answer);
	fake_loop_advance(rig->loop, 1000);
	assert_fails(&answer, "not answered yet");
	fake_loop_advance(rig->loop, 3000);
	assert_int_equal(answer.count, 1);
}

/* -- The second hop -- */

static void start_backend(struct rig *rig)
{
	rig->settings.node = rig->settings.host = (char *)"b1";
	rig_start_with_ring(rig, plain());
}

static void hop__owner_is_here__local(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b1", RIG_RING_PLAIN, "b1"));
	struct rig_answer answer;

	start_backend(rig);
	route.hop = "d1";
	rig_ask(rig, &route, &answer);
	assert_int_equal(answer.kind, AGENT_LOCAL);
}

static void hop__owner_is_elsewhere__one_reload_then_fails(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b2", RIG_RING_PLAIN, "b2"));
	struct rig_answer answer;
	unsigned int loads;

	start_backend(rig);
	loads = fake_store_calls(rig->store, FAKE_STORE_RING_LOAD);
	route.hop = "d1";
	rig_ask(rig, &route, &answer);
	assert_fails(&answer, "node d1 has sent him here, to host b1, and "
		     "his host is b2");
	assert_int_equal(fake_store_calls(rig->store, FAKE_STORE_RING_LOAD),
			 loads + 1);
}

/* The director had the newer ring. */
static void hop__ring_was_old_here__reload_helps(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b1", RIG_RING_B4, "b4");
	struct agent_route route = rig_login(user);
	struct rig_answer answer;

	rig->settings.node = (char *)"b3";
	rig->settings.host = (char *)"b4";
	rig_start_with_ring(rig, plain());
	rig_put_active(rig, rig_ring(RIG_RING_B4, 8));
	fake_store_put_shard(rig->hand, rig_key(user).shard,
			     &rig_ring(RIG_RING_B4, 8)->id);
	route.hop = "d1";
	rig_ask(rig, &route, &answer);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.kind, AGENT_LOCAL);
}

static void hop__known_by_the_directors_address__not_sent_on(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b2", RIG_RING_PLAIN, "b2"));
	struct rig_answer answer;

	start_backend(rig);
	route.peer = "127.0.0.22";
	rig_ask(rig, &route, &answer);
	assert_fails(&answer, "127.0.0.22 has sent him here");
	route.peer = "10.1.1.1";
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b2");
	route.peer = "no address";
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b2");
}

/* imapc of a backend comes to a director: a first hop. */
static void hop__ring_node_comes_to_a_director__routed(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b2", RIG_RING_PLAIN, "b2"));
	struct rig_answer answer;

	rig_start_with_ring(rig, plain());
	route.peer = "127.0.0.31";
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b2");
	route.peer = "127.0.0.22";
	rig_ask(rig, &route, &answer);
	assert_proxied(&answer, "b2");
}

static void hop__store_away__not_sent_on(void **state)
{
	struct rig *rig = *state;
	struct agent_route route =
		rig_login(rig_user_of("b2", RIG_RING_PLAIN, "b2"));
	struct rig_answer answer;

	start_backend(rig);
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	route.hop = "d1";
	rig_ask(rig, &route, &answer);
	assert_fails(&answer, "his host is b2");
}

static void hop__held__at_most_5_seconds(void **state)
{
	struct rig *rig = *state;
	const char *user = rig_user_of("b2", RIG_RING_PLAIN, "b2");
	struct agent_route route = rig_login(user);
	struct store_key key = rig_key(user);
	struct rig_answer by_hop, by_peer;

	rig->settings.node = rig->settings.host = (char *)"b1";
	rig_start_with_ring(rig, rig_ring(RIG_RING_B2_DOWN, 8));
	fake_store_put_lease(rig->hand, &key, "b2", 5);
	route.hop = "d1";
	rig_ask(rig, &route, &by_hop);
	route.hop = "";
	route.peer = "127.0.0.21";
	rig_ask(rig, &route, &by_peer);
	fake_loop_advance(rig->loop, 4999);
	assert_int_equal(by_hop.count + by_peer.count, 0);
	fake_loop_advance(rig->loop, 1);
	assert_fails(&by_hop, "down");
	assert_fails(&by_peer, "down");
}

/* -- I4, I2 -- */

static void agreement__2000_users_two_agents__one_answer(void **state)
{
	struct rig *rig = *state, *other, *one;
	struct agent_route route;
	struct rig_answer first, second;
	char user[32];
	unsigned int i;

	other = rig_other(rig, "d2", "");
	rig_start_with_ring(rig, plain());
	rig_start(other);
	fake_loop_advance(rig->loop, 100);
	for (i = 0; i < 2000; i++) {
		(void)snprintf(user, sizeof(user), "user%u@example.com", i);
		route = rig_login(user);
		one = loop_random(rig->loop) % 2 == 0 ? rig : other;
		route.peek = i % 10 == 0;
		rig_ask(one, &route, &first);
		route.peek = false;
		rig_ask(one == rig ? other : rig, &route, &second);
		assert_proxied(&first, second.host);
		assert_int_equal(first.port, second.port);
	}
	/* and without the store */
	fake_store_set_mode(rig->store, FAKE_STORE_AWAY);
	fake_store_set_mode(other->store, FAKE_STORE_AWAY);
	for (i = 0; i < 4000; i += 20) {
		(void)snprintf(user, sizeof(user), "user%u@example.com", i);
		route = rig_login(user);
		rig_ask(rig, &route, &first);
		rig_ask(other, &route, &second);
		assert_proxied(&first, second.host);
	}
}

/* A callback may ask again. */
struct chain {
	struct rig *rig;
	unsigned int left, answers;
};

static void chained(const struct agent_answer *answer, void *context)
{
	struct chain *chain = context;
	struct agent_route route = rig_login("bob");

	assert_int_equal(answer->kind, AGENT_FAIL);
	chain->answers++;
	route.user_size = 0;
	if (chain->left-- > 0)
		agent_route(chain->rig->agent, &route, chained, chain);
}

static void route__callback_asks_again__all_answered(void **state)
{
	struct chain chain = { .rig = *state, .left = 10 };
	struct agent_route route = rig_login("bob");

	rig_start(chain.rig);
	agent_route(chain.rig->agent, &route, chained, &chain);
	fake_loop_advance(chain.rig->loop, 30000);
	assert_int_equal(chain.answers, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(start__ring_in_store__routes_by_it),
		T(start__no_ring_anywhere__held_then_fails),
		T(start__ring_published_while_held__answered),
		T(restart__store_away__held_until_confirmed),
		T(restart__first_beat_unconfirmed__held),
		T(restart__ring_can_not_be_loaded__held),
		T(restart__ring_changed_meanwhile__new_one_is_used),
		T(start__failsafe__refused_by_name),
		T(start__state_dir_missing__error_names_it),
		T(start__names_not_of_the_ring__warned_of),
		T(deinit__requests_held_and_under_way__all_answered),
		T(route__again__same_host_and_generation),
		T(route__lease_differs_from_ring__lease_wins),
		T(route__owner_is_this_host__local),
		T(route__services__ports),
		T(route__user_key__normalises),
		T(route__name_of_any_bytes__works),
		T(route__name_empty_or_too_long__fails),
		T(route__host_outside_the_ring__passed_without_lease),
		T(route__host_of_the_ring__wish_is_granted),
		T(route__tag_without_hosts__fails),
		T(peek__no_lease__by_the_ring_and_none_is_made),
		T(peek__lease__by_the_lease),
		T(ring__shard_is_ahead__loaded_and_repeated),
		T(ring__shard_claims_what_is_not__as_if_away),
		T(ring__shard_claims_what_is_not_and_refuse__fails),
		T(ring__shard_has_another_of_this_epoch__as_if_away),
		T(ring__shard_claims_what_is_not__lease_counts),
		T(ring__prepared_then_active__on_both_nodes),
		T(ring__one_node_is_silent__active_after_its_lease),
		T(ring__forged_in_store__logged_once_and_shown),
		T(ring__altered_behind_its_claim__found),
		T(ring__older_in_store__complained_of),
		T(ring__failover_lost_it__put_back),
		T(ring__failover_lost_it__nobody_goes_by_the_older),
		T(ring__other_table_here__nothing_is_answered),
		T(ring__another_of_the_prepared_epoch__nothing_is_answered),
		T(ring__store_restarted_empty__put_back),
		T(ring__store_empty_and_another_is_ahead__newest_wins),
		T(ring__newer_one_shown_during_a_claim__waited_for),
		T(ring__load_under_way__does_not_count),
		T(away__known_user__where_he_is),
		T(away__unknown_user__by_the_ring),
		T(away__prepared_ring_agrees__answered),
		T(away__prepared_ring_disagrees__held),
		T(away__heartbeat_unconfirmed__store_is_not_believed),
		T(away__refuse_and_unconfirmed__refused),
		T(away__refuse__waits_till_the_deadline),
		T(away__refuse_and_back_in_time__answered),
		T(claim__reply_lost_once__repeated),
		T(claim__fails_for_good__as_away),
		T(claim__one_key_is_broken__store_stays),
		T(claim__shard_is_broken__lease_counts),
		T(renew__one_key_is_broken__store_stays),
		T(pause__longer_than_the_lease__beat_comes_first),
		T(pause__in_the_middle_of_a_claim__asked_again),
		T(pause__then_store_away_and_refuse__refused),
		T(lease__session_goes_on__renewed),
		T(lease__session_outlives_the_agent__renewed),
		T(lease__unknown_names_are_seen__nothing_is_made),
		T(lease__many_seen_in_a_second__one_batch),
		T(lease__another_holds_it__forgotten),
		T(lease__store_back_without_data__told_again),
		T(lease__lost_by_the_store__claimed_where_he_is),
		T(hold__host_is_down__fails_at_the_timeout),
		T(hold__client_keeps_trying__lease_runs_out),
		T(hold__peeks_keep_coming__lease_runs_out),
		T(hold__host_comes_up__answered),
		T(hold__store_says_nothing__fails_at_the_timeout),
		T(hop__owner_is_here__local),
		T(hop__owner_is_elsewhere__one_reload_then_fails),
		T(hop__ring_was_old_here__reload_helps),
		T(hop__known_by_the_directors_address__not_sent_on),
		T(hop__ring_node_comes_to_a_director__routed),
		T(hop__store_away__not_sent_on),
		T(hop__held__at_most_5_seconds),
		T(agreement__2000_users_two_agents__one_answer),
		T(route__callback_asks_again__all_answered),
	};

	return cmocka_run_group_tests(tests, NULL, free_rings);
}
