/* The fake loop and the fake store: the store's contract, then the knobs. */

#include <stdio.h>
#include <string.h>

#include "fake-loop.h"
#include "fake-store.h"
#include "store-contract.h"

static struct loop *loop;
static const struct store_epoch none;

static void fake_turn(struct store_rig *rig)
{
	(void)rig;
	fake_loop_advance(loop, 1);
}

static void fake_clear(struct store_rig *rig)
{
	fake_store_lose_data(rig->store);
}

static struct store_rig rig = { NULL, fake_turn, fake_clear, NULL };

static int setup(void **state)
{
	loop = fake_loop_init(1763781234000ULL);
	rig.store = fake_store_init(loop, 900);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_free(&rig.store);
	fake_loop_deinit(&loop);
	return 0;
}

static void claim__time_is_over__new_lease(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease got;

	(void)state;
	rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	fake_loop_advance(loop, 890000);
	got = rig_claim(&rig, &key, rig_epoch(7, 1), "b2");
	assert_string_equal(got.host, "b1");
	fake_loop_advance(loop, 890000);
	assert_string_equal(fake_store_owner(rig.store, &key), "b1");
	fake_loop_advance(loop, 11000);
	assert_null(fake_store_owner(rig.store, &key));
	assert_true(rig_claim(&rig, &key, rig_epoch(7, 1), "b2").is_new);
}

static void mode__each__its_status(void **state)
{
	static const struct {
		enum fake_store_mode mode;
		enum store_status claim, peek;
		bool is_done;
	} modes[] = {
		{ FAKE_STORE_AWAY, STORE_UNAVAILABLE,
		  STORE_UNAVAILABLE, false },
		{ FAKE_STORE_REFUSES, STORE_REFUSED, STORE_REFUSED, false },
		{ FAKE_STORE_TALKS_NONSENSE, STORE_BROKEN,
		  STORE_BROKEN, false },
		{ FAKE_STORE_UNCERTAIN_DONE, STORE_UNCERTAIN,
		  STORE_UNAVAILABLE, true },
		{ FAKE_STORE_UNCERTAIN_LOST, STORE_UNCERTAIN,
		  STORE_UNAVAILABLE, false },
		{ FAKE_STORE_WORKS, STORE_OK, STORE_OK, true },
	};
	struct store_key key = rig_key("alice");
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		fake_store_drop_lease(rig.store, &key);
		fake_store_set_mode(rig.store, modes[i].mode);
		assert_int_equal(rig_claim(&rig, &key, rig_epoch(7, 1),
					   "b1").status, modes[i].claim);
		assert_true((fake_store_owner(rig.store, &key) != NULL) ==
			    modes[i].is_done);
		assert_int_equal(rig_peek(&rig, &key).status, modes[i].peek);
	}
}

static void mode__of_one_op__leaves_others(void **state)
{
	struct store_key key = rig_key("alice");

	(void)state;
	fake_store_set_op_mode(rig.store, FAKE_STORE_CLAIM,
			       FAKE_STORE_REFUSES);
	assert_int_equal(rig_claim(&rig, &key, rig_epoch(7, 1), "b1").status,
			 STORE_REFUSED);
	assert_int_equal(rig_peek(&rig, &key).status, STORE_NOTFOUND);
	assert_int_equal(fake_store_calls(rig.store, FAKE_STORE_CLAIM), 1);
}

static void reply__slow__comes_at_its_time(void **state)
{
	struct store_key key = rig_key("alice");
	struct store_epoch epoch = rig_epoch(7, 1);
	struct rig_lease got = { .calls = 0 };

	(void)state;
	fake_store_set_reply_msecs(rig.store, 1500);
	rig.store->v->claim(rig.store, &key, &epoch, "b1", rig_got_lease,
			    &got);
	fake_loop_advance(loop, 1499);
	assert_int_equal(got.calls, 0);
	assert_int_equal(fake_store_pending(rig.store), 1);
	fake_loop_advance(loop, 1);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.status, STORE_OK);
}

static void free__under_way__uncertain(void **state)
{
	struct store_key key = rig_key("alice");
	struct store_epoch epoch = rig_epoch(7, 1);
	struct store *other = fake_store_init_other(rig.store);
	struct rig_lease got = { .calls = 0 };

	(void)state;
	other->v->claim(other, &key, &epoch, "b1", rig_got_lease, &got);
	store_free(&other);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.status, STORE_UNCERTAIN);
	assert_string_equal(fake_store_owner(rig.store, &key), "b1");
}

static void heartbeat__few_replicas__not_confirmed(void **state)
{
	static const struct {
		unsigned int replicas, acked;
		bool is_confirmed;
	} table[] = {
		{ 0, 0, true }, { 1, 0, false }, { 1, 1, true },
		{ 2, 0, false }, { 2, 1, true }, { 3, 1, false },
		{ 3, 2, true },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		fake_store_set_replicas(rig.store, table[i].replicas,
					table[i].acked);
		assert_true(rig_beat(&rig, "d1", none, none,
				     6000).is_confirmed ==
			    table[i].is_confirmed);
	}
}

static void nodes__silent_for_its_lease__not_alive(void **state)
{
	(void)state;
	rig_beat(&rig, "d1", none, none, 6000);
	fake_loop_advance(loop, 5900);
	assert_true(rig_nodes(&rig).nodes[0].is_alive);
	fake_loop_advance(loop, 200);
	assert_false(rig_nodes(&rig).nodes[0].is_alive);
}

static void put__by_hand__is_served(void **state)
{
	struct store_epoch claim = rig_epoch(7, 9);
	struct store_key key = rig_key("alice");
	struct rig_rings rings;
	struct rig_beat before, after;

	(void)state;
	before = rig_beat(&rig, "d1", none, none, 6000);
	fake_store_put_active(rig.store, &claim, "x\0y", 3);
	fake_store_put_shard(rig.store, key.shard, &claim);
	fake_store_put_lease(rig.store, &key, "b9", 4);
	fake_store_fail_over(rig.store);
	rings = rig_load(&rig);
	assert_int_equal(rings.active_size, 3);
	assert_memory_equal(rings.active, "x\0y", 3);
	after = rig_beat(&rig, "d1", none, none, 6000);
	assert_memory_equal(&after.active, &claim, sizeof(claim));
	assert_string_not_equal(after.replication_id, before.replication_id);
	assert_int_equal(rig_peek(&rig, &key).generation, 4);
	assert_int_equal(rig_claim(&rig, &key, rig_epoch(7, 1), "b1").status,
			 STORE_SPLIT);
}

/* -- The loop -- */

struct tick {
	unsigned int count, order;
	uint64_t at_msecs;
};
static unsigned int tick_order;

static void tick(void *context)
{
	struct tick *t = context;

	t->count++;
	t->order = ++tick_order;
	t->at_msecs = loop_now_msecs(loop);
}

static void advance__several_due__in_order_and_on_time(void **state)
{
	struct tick late = { 0, 0, 0 }, early = late, same = late;
	uint64_t start = loop_now_msecs(loop);

	(void)state;
	loop_timeout_add(loop, 200, tick, &late);
	loop_timeout_add(loop, 100, tick, &early);
	loop_timeout_add(loop, 200, tick, &same);
	fake_loop_advance(loop, 150);
	assert_int_equal(early.count, 1);
	assert_int_equal(early.at_msecs, start + 100);
	assert_int_equal(late.count, 0);
	fake_loop_advance(loop, 1000);
	assert_int_equal(late.at_msecs, start + 200);
	assert_int_equal(same.order, late.order + 1);
	assert_int_equal(loop_now_msecs(loop), start + 1150);
}

static void sleep__over_a_timeout__runs_late(void **state)
{
	struct tick t = { 0, 0, 0 };
	uint64_t start = loop_now_msecs(loop);

	(void)state;
	loop_timeout_add(loop, 100, tick, &t);
	fake_loop_sleep(loop, 5000);
	assert_int_equal(t.count, 0);
	fake_loop_advance(loop, 0);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.at_msecs, start + 5000);
}

static void fire__registered_event__called(void **state)
{
	struct tick t = { 0, 0, 0 };
	struct loop_io *io = loop_io_add(loop, 5, LOOP_READ, tick, &t);

	(void)state;
	assert_true(fake_loop_fire(loop, 5, LOOP_READ));
	assert_false(fake_loop_fire(loop, 5, LOOP_WRITE));
	assert_int_equal(t.count, 1);
	loop_io_remove(loop, &io);
	assert_null(io);
	assert_int_equal(fake_loop_io_count(loop), 0);
}

static void status_name__any__has_one(void **state)
{
	int i;

	(void)state;
	for (i = STORE_OK; i <= STORE_BROKEN; i++) {
		assert_string_not_equal(store_status_name((enum store_status)i),
					"unknown");
	}
	assert_string_equal(store_status_name((enum store_status)99),
			    "unknown");
}

#define KNOB(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KNOB(claim__time_is_over__new_lease),
		KNOB(mode__each__its_status),
		KNOB(mode__of_one_op__leaves_others),
		KNOB(reply__slow__comes_at_its_time),
		KNOB(free__under_way__uncertain),
		KNOB(heartbeat__few_replicas__not_confirmed),
		KNOB(nodes__silent_for_its_lease__not_alive),
		KNOB(put__by_hand__is_served),
		KNOB(advance__several_due__in_order_and_on_time),
		KNOB(sleep__over_a_timeout__runs_late),
		KNOB(fire__registered_event__called),
		cmocka_unit_test(status_name__any__has_one),
	};

	return _cmocka_run_group_tests("store contract, fake",
				       store_contract_tests,
				       store_contract_test_count, setup,
				       teardown) +
		cmocka_run_group_tests(tests, NULL, NULL);
}
