#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent-rig.h"
#include "node-lease.h"

struct fixture {
	struct loop *loop;
	struct store *store;
	struct rig_log log;
	struct node_lease *lease;
	const char *complaint;
	unsigned int heard, changed;
};

static void fill(struct store_heartbeat *beat, void *context)
{
	const struct fixture *f = context;

	beat->complaint = f->complaint;
}

static void heard(const struct store_heartbeat_reply *reply, void *context)
{
	struct fixture *f = context;

	assert_true(reply->is_confirmed);
	f->heard++;
}

static void changed(void *context)
{
	struct fixture *f = context;

	f->changed++;
}

static void start(struct fixture *f)
{
	const struct node_lease_params params = {
		.loop = f->loop,
		.store = f->store,
		.node = "d1",
		.log = { rig_log_write, &f->log },
		.away_advice = "advice",
		.fill = fill,
		.heard = heard,
		.changed = changed,
		.context = f,
	};

	f->lease = node_lease_init(&params);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (sodium_init() < 0)
		return -1;
	f->loop = fake_loop_init(1000000);
	f->store = fake_store_init(f->loop, 900);
	f->complaint = "";
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	node_lease_deinit(&f->lease);
	store_free(&f->store);
	fake_loop_deinit(&f->loop);
	rig_log_clear(&f->log);
	free(f);
	return 0;
}

#define assert_state(f, state) \
	assert_int_equal(node_lease_state((f)->lease), state)

static unsigned int beats(const struct fixture *f)
{
	return fake_store_calls(f->store, FAKE_STORE_HEARTBEAT);
}

static uint64_t now(const struct fixture *f)
{
	return loop_now_msecs(f->loop);
}

static void start__no_beat_yet__none(void **state)
{
	assert_state((struct fixture *)*state, NODE_LEASE_NONE);
}

static void start__first_beat_confirmed__held(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 0);
	assert_state(f, NODE_LEASE_HELD);
	assert_int_equal(f->heard, 1);
	assert_int_equal(f->changed, 1);
}

static void start__store_away__none_and_said_once(void **state)
{
	struct fixture *f = *state;

	fake_store_set_mode(f->store, FAKE_STORE_AWAY);
	fake_loop_advance(f->loop, 10000);
	assert_state(f, NODE_LEASE_NONE);
	assert_int_equal(rig_log_count(&f->log, "store is away"), 1);
	assert_int_equal(rig_log_count(&f->log, "first heartbeat"), 1);
}

static void beat__all_is_well__one_a_second(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 10500);
	assert_int_equal(beats(f), 11);
	assert_int_equal(f->changed, 1);
	assert_int_equal(f->log.size, 0);
}

static void beat__slow_store__never_two_under_way(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	fake_store_set_reply_msecs(f->store, 1700);
	for (i = 0; i < 100; i++) {
		fake_loop_advance(f->loop, 100);
		if (i % 10 == 0)
			node_lease_beat_now(f->lease);
		assert_true(fake_store_pending(f->store) <= 1);
	}
	assert_state(f, NODE_LEASE_HELD);
}

static void beat__asked_for_now__sent_at_once(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 100);
	node_lease_beat_now(f->lease);
	fake_loop_advance(f->loop, 0);
	assert_int_equal(beats(f), 2);
}

/* SENDT: not from when the answer came. */
static void deadline__slow_answer__counts_from_sending(void **state)
{
	struct fixture *f = *state;
	uint64_t sent = now(f);

	fake_store_set_reply_msecs(f->store, 1500);
	fake_loop_advance(f->loop, 1500);
	assert_true(node_lease_deadline(f->lease) == sent + NODE_LEASE_MSECS);
}

/* RESUME: callbacks that are due have not run. */
static void pause__longer_than_the_lease__lapsed(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 100);
	fake_loop_sleep(f->loop, NODE_LEASE_MSECS - 101);
	assert_state(f, NODE_LEASE_HELD);
	fake_loop_sleep(f->loop, 1);
	assert_state(f, NODE_LEASE_LAPSED);
	fake_loop_advance(f->loop, 0);
	assert_state(f, NODE_LEASE_HELD);
}

/* The answer was in the socket all the time: it proves nothing any more. */
static void pause__answer_lies_waiting__still_lapsed(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 100);
	fake_store_set_reply_msecs(f->store, 500);
	node_lease_beat_now(f->lease);
	fake_loop_advance(f->loop, 0);
	fake_loop_sleep(f->loop, 20000);
	fake_loop_advance(f->loop, 0);
	assert_state(f, NODE_LEASE_LAPSED);
	fake_loop_advance(f->loop, 500);
	assert_state(f, NODE_LEASE_HELD);
}

static void store__answers_unconfirmed__away(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 100);
	fake_store_set_replicas(f->store, 2, 0);
	fake_loop_advance(f->loop, 1000);
	assert_state(f, NODE_LEASE_AWAY);
	assert_int_equal(rig_log_count(&f->log, "0 of 2 replicas"), 1);
	fake_store_set_replicas(f->store, 2, 1);
	fake_loop_advance(f->loop, 1000);
	assert_state(f, NODE_LEASE_HELD);
	assert_int_equal(rig_log_count(&f->log, "store is back"), 1);
}

static void store__fails_once__retried_soon(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 100);
	fake_store_set_mode(f->store, FAKE_STORE_AWAY);
	fake_loop_advance(f->loop, 900);
	assert_state(f, NODE_LEASE_AWAY);
	fake_store_set_mode(f->store, FAKE_STORE_WORKS);
	fake_loop_advance(f->loop, NODE_LEASE_RETRY_MSECS);
	assert_state(f, NODE_LEASE_HELD);
	assert_int_equal(f->changed, 3);
}

/* A beat sent before another operation failed does not speak against it. */
static void store__claim_fails_during_a_beat__next_beat_decides(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 100);
	fake_store_set_reply_msecs(f->store, 100);
	node_lease_beat_now(f->lease);
	fake_loop_advance(f->loop, 50);
	node_lease_store_failed(f->lease, "claim");
	fake_loop_advance(f->loop, 60);
	assert_state(f, NODE_LEASE_AWAY);
	fake_loop_advance(f->loop, 500);
	assert_state(f, NODE_LEASE_HELD);
}

/* It confirms beats and refuses the rest: no spinning, no flood of lines. */
static void store__fails_again_and_again__bounded(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		fake_loop_advance(f->loop, 10);
		if (node_lease_state(f->lease) == NODE_LEASE_HELD)
			node_lease_store_failed(f->lease, "claim refused");
	}
	assert_true(beats(f) <= 10000 / NODE_LEASE_RETRY_MSECS + 2);
	assert_int_equal(rig_log_count(&f->log, "store is away"), 1);
}

static void present__store_away__stands_still(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	fake_loop_advance(f->loop, 0);
	node_lease_store_failed(f->lease, "claim");
	fake_store_set_mode(f->store, FAKE_STORE_AWAY);
	before = node_lease_present_msecs(f->lease);
	fake_loop_advance(f->loop, 3600 * 1000);
	assert_true(node_lease_present_msecs(f->lease) == before);
	fake_store_set_mode(f->store, FAKE_STORE_WORKS);
	fake_loop_advance(f->loop, NODE_LEASE_RETRY_MSECS);
	assert_state(f, NODE_LEASE_HELD);
	assert_true(node_lease_present_msecs(f->lease) <= before + 250);
	fake_loop_advance(f->loop, 100);
	assert_true(node_lease_present_msecs(f->lease) >= before + 100);
}

static void deinit__store_at_hand__leaves(void **state)
{
	struct fixture *f = *state;

	fake_loop_advance(f->loop, 100);
	node_lease_deinit(&f->lease);
	assert_int_equal(fake_store_calls(f->store, FAKE_STORE_NODE_LEAVE), 1);
	fake_loop_advance(f->loop, 100);
}

static void deinit__beat_under_way__answer_is_nobodys(void **state)
{
	struct fixture *f = *state;

	fake_store_set_reply_msecs(f->store, 1000);
	fake_loop_advance(f->loop, 100);
	assert_int_equal(fake_store_pending(f->store), 1);
	node_lease_deinit(&f->lease);
	fake_loop_advance(f->loop, 2000);
	assert_int_equal(f->heard, 0);
}

static void boot_id__two_starts__differ(void **state)
{
	struct fixture *f = *state;
	char first[64];

	(void)snprintf(first, sizeof(first), "%s",
		       node_lease_boot_id(f->lease));
	assert_int_equal(strlen(first), 32);
	node_lease_deinit(&f->lease);
	start(f);
	assert_string_not_equal(first, node_lease_boot_id(f->lease));
}

static void ignore_beat(const struct store_heartbeat_reply *reply,
			void *context)
{
	(void)reply;
	(void)context;
}

static void beat_as(struct fixture *f, const char *boot_id)
{
	const struct store_heartbeat beat = {
		.node = "d1",
		.boot_id = boot_id,
		.complaint = "",
		.lease_msecs = NODE_LEASE_MSECS,
	};

	f->store->v->heartbeat(f->store, &beat, ignore_beat, NULL);
}

static void name__another_agent_has_it__said_once(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		fake_loop_advance(f->loop, NODE_LEASE_BEAT_MSECS);
		beat_as(f, "another");
	}
	assert_int_equal(rig_log_count(&f->log, "setting node = d1"), 1);
	assert_state(f, NODE_LEASE_HELD);
}

static void name__own_of_before_a_restart__nothing_said(void **state)
{
	struct fixture *f = *state;

	beat_as(f, "before");
	fake_loop_advance(f->loop, NODE_LEASE_BEAT_MSECS);
	beat_as(f, "before");
	fake_loop_advance(f->loop, 20 * NODE_LEASE_BEAT_MSECS);
	assert_int_equal(rig_log_count(&f->log, "setting node"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(start__no_beat_yet__none),
		T(start__first_beat_confirmed__held),
		T(start__store_away__none_and_said_once),
		T(beat__all_is_well__one_a_second),
		T(beat__slow_store__never_two_under_way),
		T(beat__asked_for_now__sent_at_once),
		T(deadline__slow_answer__counts_from_sending),
		T(pause__longer_than_the_lease__lapsed),
		T(pause__answer_lies_waiting__still_lapsed),
		T(store__answers_unconfirmed__away),
		T(store__fails_once__retried_soon),
		T(store__claim_fails_during_a_beat__next_beat_decides),
		T(store__fails_again_and_again__bounded),
		T(present__store_away__stands_still),
		T(deinit__store_at_hand__leaves),
		T(deinit__beat_under_way__answer_is_nobodys),
		T(boot_id__two_starts__differ),
		T(name__another_agent_has_it__said_once),
		T(name__own_of_before_a_restart__nothing_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
