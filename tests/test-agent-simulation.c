#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent-rig.h"

/* Three agents, their stores failing, slow, lying or silent at random, pauses,
   restarts and changes of the ring, all from a seed.

   With on_store_failure = refuse an agent never answers by what it only
   remembers. So whatever happens, each answer that names a host must name the
   one that holds the user's lease at that moment (I1), each request is
   answered once and in time (I5), and when all is well again the agents agree
   (I4) within seconds (I7). */

#define AGENTS 3
#define USERS 24
#define STEPS 1500
#define SLOTS 256
#define HOLD_MSECS 8000
#define LAST_EPOCH 9

struct slot {
	struct simulation *sim;
	unsigned int user;
	uint64_t asked_msecs;
	bool is_waiting, is_peek;
};

struct simulation {
	struct loop *loop;
	struct store *hand;
	struct agent *agents[AGENTS];
	struct store *stores[AGENTS];
	struct node_settings settings[AGENTS];
	char *dirs[AGENTS];
	struct rig_log log;
	struct slot slots[SLOTS];
	uint64_t epoch, slept_msecs;
	unsigned int answered, gone;
	/* of the last answer */
	char host[64];
	uint64_t random;
};

/* The same in each run */
static struct store_key keys[USERS];
static char users[USERS][16];

static unsigned int pick(struct simulation *sim, unsigned int below)
{
	sim->random ^= sim->random << 13;
	sim->random ^= sim->random >> 7;
	sim->random ^= sim->random << 17;
	return (unsigned int)((sim->random >> 11) % below);
}

static void answered(const struct agent_answer *answer, void *context)
{
	struct slot *slot = context;
	struct simulation *sim = slot->sim;
	uint64_t passed = loop_now_msecs(sim->loop) - slot->asked_msecs;
	const char *owner, *host = answer->host;

	assert_true(slot->is_waiting);
	slot->is_waiting = false;
	sim->answered++;
	assert_true(passed <= HOLD_MSECS + sim->slept_msecs);
	sim->host[0] = '\0';
	if (answer->kind == AGENT_FAIL)
		return;
	assert_int_not_equal(answer->kind, AGENT_PASS);
	if (answer->kind == AGENT_LOCAL)
		host = "b1";
	sim->gone++;
	(void)snprintf(sim->host, sizeof(sim->host), "%s", host);
	owner = fake_store_owner(sim->hand, &keys[slot->user]);
	if (slot->is_peek && owner == NULL)
		return;
	if (owner == NULL || strcmp(owner, host) != 0) {
		fail_msg("I1: %s is sent to %s, and %s holds his lease",
			 users[slot->user], host,
			 owner == NULL ? "nobody" : owner);
	}
}

static void ask(struct simulation *sim, unsigned int agent, unsigned int user,
		bool is_peek)
{
	struct agent_route route = rig_login(users[user]);
	unsigned int i;

	for (i = 0; i < SLOTS && sim->slots[i].is_waiting; i++) ;
	if (i == SLOTS)
		return;
	route.peek = is_peek;
	sim->slots[i].sim = sim;
	sim->slots[i].user = user;
	sim->slots[i].asked_msecs = loop_now_msecs(sim->loop);
	sim->slots[i].is_waiting = true;
	sim->slots[i].is_peek = is_peek;
	agent_route(sim->agents[agent], &route, answered, &sim->slots[i]);
}

static void start(struct simulation *sim, unsigned int i)
{
	struct agent_params params;
	struct ring_error error;

	memset(&params, 0, sizeof(params));
	params.loop = sim->loop;
	params.store = sim->stores[i];
	params.settings = &sim->settings[i];
	memcpy(params.ring_public_key, rig_public_key(),
	       sizeof(params.ring_public_key));
	params.log = rig_log_write;
	params.log_context = &sim->log;
	if (agent_init(&params, &sim->agents[i], &error) < 0)
		fail_msg("%s", error.text);
}

static void sim_init(struct simulation *sim, uint64_t seed)
{
	static const char *const names[AGENTS] = { "d1", "d2", "b1" };
	const struct rig_ring *ring = rig_ring(RIG_RING_PLAIN, 7);
	unsigned int i;

	memset(sim, 0, sizeof(*sim));
	sim->random = seed * 0x9e3779b97f4a7c15ULL;
	sim->loop = fake_loop_init(1000000);
	sim->hand = fake_store_init(sim->loop, 100000);
	fake_store_put_active(sim->hand, &ring->id, ring->text, ring->size);
	sim->epoch = 7;
	for (i = 0; i < AGENTS; i++) {
		sim->stores[i] = fake_store_init_other(sim->hand);
		sim->dirs[i] = rig_dir_new();
		sim->settings[i].cluster = (char *)"mail";
		sim->settings[i].node = (char *)names[i];
		sim->settings[i].host = (char *)(i == 2 ? "b1" : "");
		sim->settings[i].state_dir = sim->dirs[i];
		sim->settings[i].user_expire_secs = 100000;
		sim->settings[i].hold_timeout_msecs = HOLD_MSECS;
		sim->settings[i].on_store_failure = NODE_STORE_FAILURE_REFUSE;
		start(sim, i);
	}
}

static void sim_deinit(struct simulation *sim)
{
	unsigned int i;

	for (i = 0; i < AGENTS; i++) {
		agent_deinit(&sim->agents[i]);
		store_free(&sim->stores[i]);
		rig_dir_free(&sim->dirs[i]);
	}
	store_free(&sim->hand);
	fake_loop_deinit(&sim->loop);
	rig_log_clear(&sim->log);
}

/* -- What happens -- */

static void break_store(struct simulation *sim)
{
	static const enum fake_store_mode modes[] = {
		FAKE_STORE_WORKS, FAKE_STORE_WORKS, FAKE_STORE_WORKS,
		FAKE_STORE_AWAY, FAKE_STORE_REFUSES, FAKE_STORE_TALKS_NONSENSE,
		FAKE_STORE_UNCERTAIN_DONE, FAKE_STORE_UNCERTAIN_LOST,
	};
	struct store *store = sim->stores[pick(sim, AGENTS)];
	enum fake_store_mode mode = modes[pick(sim, 8)];

	switch (pick(sim, 4)) {
	case 0:
		fake_store_set_mode(store, mode);
		break;
	case 1:
		fake_store_set_op_mode(store, (enum fake_store_op)
				       pick(sim, FAKE_STORE_OP_COUNT), mode);
		break;
	case 2:
		fake_store_set_reply_msecs(store, pick(sim, 5) * 200);
		break;
	default:
		fake_store_set_replicas(store, 2, pick(sim, 3));
		break;
	}
}

static void mend_stores(struct simulation *sim)
{
	unsigned int i, op;

	for (i = 0; i < AGENTS; i++) {
		fake_store_set_mode(sim->stores[i], FAKE_STORE_WORKS);
		for (op = 0; op < FAKE_STORE_OP_COUNT; op++) {
			fake_store_set_op_mode(sim->stores[i],
					       (enum fake_store_op)op,
					       FAKE_STORE_WORKS);
		}
		fake_store_set_reply_msecs(sim->stores[i], 5);
		fake_store_set_replicas(sim->stores[i], 2, 2);
	}
}

static void published(const struct store_publish_reply *reply, void *context)
{
	struct simulation *sim = context;

	if (reply->status == STORE_OK)
		sim->epoch++;
}

/* Hosts join and none goes: who has a lease on one that is gone is held. */
static const struct rig_ring *nth_ring(uint64_t epoch)
{
	return rig_ring(epoch > 7 ? RIG_RING_B4 : RIG_RING_PLAIN, epoch);
}

static void publish(struct simulation *sim)
{
	const struct rig_ring *next;

	if (sim->epoch >= LAST_EPOCH)
		return;
	next = nth_ring(sim->epoch + 1);
	sim->hand->v->ring_prepare(sim->hand, &nth_ring(sim->epoch)->id,
				   &next->id, next->text, next->size,
				   published, sim);
}

static void restart(struct simulation *sim)
{
	unsigned int i = pick(sim, AGENTS);

	agent_deinit(&sim->agents[i]);
	start(sim, i);
}

static void nap(struct simulation *sim)
{
	unsigned int msecs = pick(sim, 15000);

	fake_loop_sleep(sim->loop, msecs);
	sim->slept_msecs += msecs;
}

static void step(struct simulation *sim)
{
	unsigned int what = pick(sim, 1000);

	if (what < 500)
		fake_loop_advance(sim->loop, pick(sim, 400));
	else if (what < 850)
		ask(sim, pick(sim, AGENTS), pick(sim, USERS),
		    pick(sim, 8) == 0);
	else if (what < 930)
		break_store(sim);
	else if (what < 960)
		mend_stores(sim);
	else if (what < 985)
		nap(sim);
	else if (what < 997)
		publish(sim);
	else
		restart(sim);
}

/* -- When it is over -- */

static void check_recovery(struct simulation *sim)
{
	unsigned int i, user;
	char first[64];

	mend_stores(sim);
	fake_loop_advance(sim->loop, HOLD_MSECS + 2000);
	for (i = 0; i < SLOTS; i++)
		assert_false(sim->slots[i].is_waiting);
	for (user = 0; user < USERS; user++) {
		for (i = 0; i < AGENTS; i++) {
			ask(sim, i, user, false);
			fake_loop_advance(sim->loop, 20);
			assert_string_not_equal(sim->host, "");
			if (i == 0)
				memcpy(first, sim->host, sizeof(first));
			assert_string_equal(sim->host, first);
		}
	}
}

static void run(uint64_t seed)
{
	struct simulation sim;
	unsigned int i;

	sim_init(&sim, seed);
	for (i = 0; i < STEPS; i++)
		step(&sim);
	check_recovery(&sim);
	/* it was no trip through failures only */
	assert_true(sim.gone > 50);
	sim_deinit(&sim);
}

static void simulation__anything_happens__owner_is_one(void **state)
{
	const char *seed = getenv("AGENT_SIMULATION_SEED");
	uint64_t i;

	(void)state;
	for (i = 0; i < USERS; i++) {
		(void)snprintf(users[i], sizeof(users[i]), "u%u",
			       (unsigned int)i);
		keys[i] = rig_key(users[i]);
	}
	if (seed != NULL) {
		run(strtoull(seed, NULL, 10));
	} else for (i = 1; i <= 8; i++) {
		print_message("seed %u\n", (unsigned int)i);
		run(i);
	}
	rig_rings_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simulation__anything_happens__owner_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
