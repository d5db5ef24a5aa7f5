/* The store in Redis, against real servers: the contract of all stores, plain
   and under the rules of Redis Cluster, then what is its own. */

#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store-contract.h"
#include "fixture-client.h"
#include "fixture-redis.h"
#include "loop-poll.h"
#include "redis-hiredis.h"
#include "store-redis.h"

#define LEASE_SECS 900
#define TIMEOUT_MSECS 2000
#define TEXT_MAX 4096

static struct fixture_redis *server;
static struct fixture_client *fixture;
static struct store_rig rig;
static const struct store_epoch none;

/* -- Setup -- */

static void wake(void *context)
{
	*(struct loop_timeout **)context = NULL;
}

static void poll_turn(struct store_rig *r)
{
	struct fixture_client *client = r->context;
	struct loop_timeout *timeout = NULL;

	/* so that the poll ends once all is answered */
	timeout = loop_timeout_add(client->loop, 1, wake, &timeout);
	(void)loop_poll_once(client->loop);
	loop_timeout_remove(client->loop, &timeout);
}

/* A command by another way; its answer as text, which must be no error. */
static const char *ask_v(const struct fixture_redis *redis, int argc,
			 const char *const *argv)
{
	static char text[TEXT_MAX];
	struct redisReply *reply;

	switch (argc) {
	case 1:
		reply = fixture_redis_command(redis, "%s", argv[0]);
		break;
	case 2:
		reply = fixture_redis_command(redis, "%s %s", argv[0],
					      argv[1]);
		break;
	case 3:
		reply = fixture_redis_command(redis, "%s %s %s", argv[0],
					      argv[1], argv[2]);
		break;
	default:
		reply = fixture_redis_command(redis, "%s %s %s %s", argv[0],
					      argv[1], argv[2], argv[3]);
		break;
	}
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", argv[0], reply->str);
	if (reply->type == REDIS_REPLY_INTEGER)
		snprintf(text, sizeof(text), "%lld", reply->integer);
	else
		snprintf(text, sizeof(text), "%s",
			 reply->str != NULL ? reply->str : "");
	freeReplyObject(reply);
	return text;
}

#define ask(...) \
	ask_v(server, sizeof((const char *[]){ __VA_ARGS__ }) / \
	      sizeof(const char *), (const char *[]){ __VA_ARGS__ })

static void flush(struct store_rig *r)
{
	(void)r;
	ask("FLUSHALL");
}

static void begin(unsigned int lease_secs, unsigned int timeout_msecs)
{
	fixture = fixture_client_init();
	fixture->settings.url = server->url;
	fixture_client_connect(fixture);
	rig.store = store_redis_init(fixture->loop, fixture->client, "mail",
				     lease_secs, timeout_msecs);
	rig.turn = poll_turn;
	rig.clear = flush;
	rig.context = fixture;
}

static void end(void)
{
	store_free(&rig.store);
	fixture_client_deinit(&fixture);
}

static void restart_store(unsigned int lease_secs, unsigned int timeout_msecs)
{
	end();
	begin(lease_secs, timeout_msecs);
}

static int setup(void **state)
{
	server = fixture_redis_start(NULL, NULL);
	begin(LEASE_SECS, TIMEOUT_MSECS);
	*state = &rig;
	return 0;
}

static int setup_cluster(void **state)
{
	char port[16];
	const char *const options[] = {
		"--cluster-enabled", "yes", "--cluster-port", port, NULL
	};
	struct redisReply *reply;

	/* else it would take port + 10000, which may be none */
	snprintf(port, sizeof(port), "%u", fixture_free_port());
	server = fixture_redis_start(NULL, options);
	reply = fixture_redis_command(server,
				      "CLUSTER ADDSLOTSRANGE 0 16383");
	freeReplyObject(reply);
	fixture_redis_wait_for(server, "CLUSTER INFO", "cluster_state:ok");
	begin(LEASE_SECS, TIMEOUT_MSECS);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (fixture != NULL)
		end();
	fixture_redis_stop_all();
	return 0;
}

static int start_empty(void **state)
{
	(void)state;
	ask("FLUSHALL");
	return 0;
}

/* -- Scripts -- */

static void script__flushed__loaded_again(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_scan scan;

	(void)state;
	assert_int_equal(rig_claim(&rig, &key, rig_epoch(7, 1), "b1").status,
			 STORE_OK);
	ask("SCRIPT", "FLUSH");
	assert_int_equal(rig_claim(&rig, &key, rig_epoch(7, 1), "b2").status,
			 STORE_OK);
	ask("SCRIPT", "FLUSH");
	scan = rig_scan(&rig);
	assert_int_equal(scan.count, 1);
	ask("SCRIPT", "FLUSH");
	assert_int_equal(rig_beat(&rig, "d1", none, none, 6000).status,
			 STORE_OK);
}

static void script__loaded__one_round_trip(void **state)
{
	struct store_key key = rig_key("alice");
	char before[TEXT_MAX];
	const char *after;

	(void)state;
	rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	snprintf(before, sizeof(before), "%s", ask("INFO", "commandstats"));
	rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	after = ask("INFO", "commandstats");
	assert_non_null(strstr(before, "cmdstat_eval:calls=1,"));
	assert_non_null(strstr(before, "cmdstat_evalsha:calls=1,"));
	assert_non_null(strstr(after, "cmdstat_eval:calls=1,"));
	assert_non_null(strstr(after, "cmdstat_evalsha:calls=2,"));
}

static void keys__of_a_user__in_one_slot(void **state)
{
	struct store_key key = rig_key("{alice}");
	char slot[32];

	(void)state;
	rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	assert_string_equal(ask("EXISTS", "{mail:3f}:lease:{alice}"), "1");
	assert_string_equal(ask("EXISTS", "{mail:3f}:shard"), "1");
	snprintf(slot, sizeof(slot), "%s",
		 ask("CLUSTER", "KEYSLOT", "{mail:3f}:lease:{alice}"));
	assert_string_equal(ask("CLUSTER", "KEYSLOT", "{mail:3f}:shard"),
			    slot);
}

/* -- Leases -- */

static void claim__time__about_user_expire(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease got;
	unsigned int i, differing = 0;
	uint64_t first = 0;

	(void)state;
	for (i = 0; i < 20; i++) {
		got = rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
		assert_in_range(got.expires_msecs,
				LEASE_SECS * 900 - 1000, LEASE_SECS * 1100);
		if (i == 0)
			first = got.expires_msecs;
		else if (got.expires_msecs != first)
			differing++;
	}
	assert_true(differing > 0);
}

static void claim__run_out__new_and_higher_generation(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first, got;
	unsigned long long end_msecs = fixture_now_msecs() + 10000;

	(void)state;
	restart_store(1, TIMEOUT_MSECS);
	first = rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	while (rig_peek(&rig, &key).status == STORE_OK) {
		if (fixture_now_msecs() > end_msecs)
			fail_msg("a lease of one second does not end");
	}
	got = rig_claim(&rig, &key, rig_epoch(7, 1), "b2");
	assert_true(got.is_new);
	assert_string_equal(got.host, "b2");
	assert_true(got.generation > first.generation);
}

static void claim__lease_without_end__has_none_after(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease got;

	(void)state;
	rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	ask("PERSIST", "{mail:3f}:lease:alice");
	got = rig_claim(&rig, &key, rig_epoch(7, 1), "b2");
	assert_string_equal(got.host, "b1");
	assert_int_equal(got.expires_msecs, 0);
	assert_int_equal(rig_renew(&rig, &key, rig_epoch(7, 1), "b1",
				   got.generation), STORE_OK);
	assert_int_equal(rig_peek(&rig, &key).expires_msecs, 0);
}

static void claim__counter_ahead_of_time__goes_on_from_it(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease got;

	(void)state;
	ask("HSET", "{mail:3f}:shard", "generation", "9000000000000");
	got = rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	assert_true(got.generation == 9000000000001ULL);
}

static void claim__out_of_memory__refused_but_renewals_work(void **state)
{
	struct store_key key = rig_key("alice"), other = rig_key("bob");
	struct rig_lease first, got;

	(void)state;
	first = rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	ask("CONFIG", "SET", "maxmemory-policy", "noeviction");
	ask("CONFIG", "SET", "maxmemory", "1");
	got = rig_claim(&rig, &other, rig_epoch(7, 1), "b2");
	assert_int_equal(got.status, STORE_REFUSED);
	assert_non_null(strstr(got.error, "OOM"));
	assert_int_equal(rig_peek(&rig, &other).status, STORE_NOTFOUND);
	assert_int_equal(rig_claim(&rig, &key, rig_epoch(7, 1), "b2").status,
			 STORE_OK);
	assert_int_equal(rig_renew(&rig, &key, rig_epoch(7, 1), "b1",
				   first.generation), STORE_OK);
	ask("CONFIG", "SET", "maxmemory", "0");
}

static void claim__became_a_replica__nothing_done(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease got;

	(void)state;
	restart_store(LEASE_SECS, 300);
	ask("REPLICAOF", "127.0.0.1", "1");
	got = rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	/* the client takes a server that is no master for being away */
	assert_true(got.status == STORE_REFUSED ||
		    got.status == STORE_UNAVAILABLE);
	assert_string_not_equal(got.error, "");
	ask("REPLICAOF", "NO", "ONE");
	assert_string_equal(ask("EXISTS", "{mail:3f}:lease:alice"), "0");
}

static void claim__two_agents_race__one_host(void **state)
{
	struct fixture_client *other = fixture_client_init();
	struct store *store;
	struct rig_lease one, two;
	struct store_epoch epoch = rig_epoch(7, 1);
	char name[16];
	unsigned int i, turns, one_won = 0;

	(void)state;
	other->settings.url = server->url;
	fixture_client_connect(other);
	store = store_redis_init(other->loop, other->client, "mail",
				 LEASE_SECS, TIMEOUT_MSECS);
	for (i = 0; i < 100; i++) {
		struct store_key key;
		struct store_rig other_rig = { store, poll_turn, NULL, other };

		snprintf(name, sizeof(name), "user%u", i);
		key = rig_key(name);
		one.calls = two.calls = 0;
		store->v->claim(i % 2 == 0 ? store : rig.store, &key, &epoch,
				"b1", rig_got_lease, &one);
		store->v->claim(i % 2 == 0 ? rig.store : store, &key, &epoch,
				"b2", rig_got_lease, &two);
		for (turns = 0; one.calls + two.calls < 2; turns++) {
			assert_true(turns < 5000);
			poll_turn(i % 3 == 0 ? &rig : &other_rig);
			poll_turn(i % 3 == 0 ? &other_rig : &rig);
		}
		assert_int_equal(one.status, STORE_OK);
		assert_int_equal(two.status, STORE_OK);
		assert_string_equal(one.host, two.host);
		assert_int_equal(one.generation, two.generation);
		assert_true(one.is_new != two.is_new);
		one_won += one.is_new;
	}
	assert_in_range(one_won, 1, 100);
	store_free(&store);
	fixture_client_deinit(&other);
}

static void scan__many__all_seen(void **state)
{
	struct store_epoch epoch = rig_epoch(7, 1);
	static struct store_renewal renewals[5000];
	static char names[5000][16];
	struct { enum store_status last; unsigned int calls; } got = { 0, 0 };
	unsigned int i;
	struct rig_scan scan;

	(void)state;
	restart_store(LEASE_SECS, 20000);
	for (i = 0; i < 5000; i++) {
		snprintf(names[i], sizeof(names[i]), "u%u", i);
		renewals[i].key = rig_key(names[i]);
		renewals[i].key.shard = i % 256;
		renewals[i].host = "b1";
		renewals[i].generation = 1;
	}
	rig.store->v->renew(rig.store, &epoch, renewals, 5000, rig_got_status,
			    &got);
	for (i = 0; got.calls < 5000 && i < 100000; i++)
		poll_turn(&rig);
	assert_int_equal(got.calls, 5000);
	assert_int_equal(got.last, STORE_OK);
	/* what is none of ours is not counted */
	ask("SET", "{other:3f}:lease:eve", "b1 1 1");
	ask("SET", "{mail:3f}:lease:mallory", "nonsense");
	scan = rig_scan(&rig);
	assert_int_equal(scan.status, STORE_OK);
	/* nothing else changes, and no rehashing is left to do: once each */
	assert_in_range(scan.count, 5000, 5100);
	assert_int_equal(scan.ends, 1);
	assert_true(scan.batches > 5);
}

/* -- What somebody has put there -- */

static void hostile__content__an_answer(void **state)
{
	static const struct {
		const char *argv[4];
		enum store_status claim, renew, peek;
	} table[] = {
		{ { "HSET", "{mail:3f}:shard", "epoch", "9223372036854775808" },
		  STORE_OLDER, STORE_OLDER, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "epoch",
		    "18446744073709551615" },
		  STORE_OLDER, STORE_OLDER, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "epoch",
		    "99999999999999999999" },
		  STORE_BROKEN, STORE_OLDER, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "epoch", "1e99" },
		  STORE_BROKEN, STORE_BROKEN, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "epoch", "0x10" },
		  STORE_BROKEN, STORE_BROKEN, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "epoch", "-1" },
		  STORE_BROKEN, STORE_BROKEN, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "epoch", "nan" },
		  STORE_BROKEN, STORE_BROKEN, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "epoch", "7" },
		  STORE_SPLIT, STORE_SPLIT, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "generation", "x" },
		  STORE_BROKEN, STORE_BROKEN, STORE_NOTFOUND },
		{ { "HSET", "{mail:3f}:shard", "generation",
		    "9007199254740991" },
		  STORE_BROKEN, STORE_BROKEN, STORE_NOTFOUND },
		{ { "SET", "{mail:3f}:shard", "x", NULL },
		  STORE_BROKEN, STORE_BROKEN, STORE_NOTFOUND },
		{ { "SET", "{mail:3f}:lease:alice", "", NULL },
		  STORE_BROKEN, STORE_BROKEN, STORE_BROKEN },
		{ { "SET", "{mail:3f}:lease:alice", "b1", NULL },
		  STORE_BROKEN, STORE_BROKEN, STORE_BROKEN },
		{ { "SET", "{mail:3f}:lease:alice", "b1 x 7", NULL },
		  STORE_BROKEN, STORE_BROKEN, STORE_BROKEN },
		{ { "SET", "{mail:3f}:lease:alice", "b1 5 7 ", NULL },
		  STORE_BROKEN, STORE_BROKEN, STORE_BROKEN },
		{ { "SET", "{mail:3f}:lease:alice", "../x 5 7", NULL },
		  STORE_BROKEN, STORE_BROKEN, STORE_BROKEN },
		{ { "SET", "{mail:3f}:lease:alice", "b1 9007199254740991 7",
		    NULL },
		  STORE_BROKEN, STORE_BROKEN, STORE_BROKEN },
		{ { "LPUSH", "{mail:3f}:lease:alice", "x", NULL },
		  STORE_BROKEN, STORE_BROKEN, STORE_BROKEN },
	};
	struct store_key key = rig_key("alice");
	unsigned int i;
	int argc;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rig_lease got;

		ask("FLUSHALL");
		argc = table[i].argv[3] != NULL ? 4 : 3;
		ask_v(server, argc, table[i].argv);
		/* twice: no error that goes on for ever, no repair by guess */
		got = rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
		if (got.status != table[i].claim)
			fail_msg("%s %s: %s", table[i].argv[1],
				 table[i].argv[2],
				 store_status_name(got.status));
		assert_string_not_equal(got.error, "");
		assert_int_equal(rig_renew(&rig, &key, rig_epoch(7, 1), "b1",
					   5), table[i].renew);
		assert_int_equal(rig_peek(&rig, &key).status, table[i].peek);
		assert_int_equal(rig_scan(&rig).status, STORE_OK);
	}
}

static void hostile__ring_keys__an_answer(void **state)
{
	static const char *const keys[] = {
		"{mail:ring}:state", "{mail:ring}:active",
		"{mail:ring}:prepared", "{mail:ring}:nodes"
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		ask("FLUSHALL");
		ask("LPUSH", keys[i], "x");
		/* whatever is answered: it is answered, and never OK where it
		   would have to be read */
		rig_load(&rig);
		rig_beat(&rig, "d1", none, none, 6000);
		rig_nodes(&rig);
		rig_prepare(&rig, none, rig_epoch(1, 1), "one");
		rig_activate(&rig, rig_epoch(1, 1));
		rig_withdraw(&rig, rig_epoch(1, 1));
		rig_leave(&rig, "d1", "boot1");
	}
	ask("FLUSHALL");
	ask("LPUSH", "{mail:ring}:state", "x");
	assert_int_equal(rig_prepare(&rig, none, rig_epoch(1, 1),
				     "one").status, STORE_BROKEN);
	assert_int_equal(rig_beat(&rig, "d1", none, none, 6000).status,
			 STORE_BROKEN);
	ask("FLUSHALL");
	ask("LPUSH", "{mail:ring}:active", "x");
	assert_int_equal(rig_load(&rig).status, STORE_BROKEN);
	assert_int_equal(rig_beat(&rig, "d1", none, none, 6000).status,
			 STORE_OK);
	ask("FLUSHALL");
	ask("HSET", "{mail:ring}:state", "active_epoch", "1e5");
	assert_int_equal(rig_prepare(&rig, none, rig_epoch(1, 1),
				     "one").status, STORE_BROKEN);
}

static void hostile__nodes__others_are_seen(void **state)
{
	struct rig_nodes got;

	(void)state;
	rig_beat(&rig, "d1", none, none, 60000);
	ask("HSET", "{mail:ring}:nodes", "d2", "nonsense");
	ask("HSET", "{mail:ring}:nodes", "no name!", "x 1 1 1 1 1 1 ");
	got = rig_nodes(&rig);
	assert_int_equal(got.status, STORE_OK);
	assert_int_equal(got.count, 2);
	assert_true(got.nodes[0].is_alive);
	assert_string_equal(got.nodes[1].name, "d2");
	assert_false(got.nodes[1].is_alive);
	assert_string_not_equal(got.nodes[1].complaint, "");
	rig_prepare(&rig, none, rig_epoch(1, 1), "one");
	assert_string_equal(rig_activate(&rig, rig_epoch(1, 1)).missing, "d1");
}

static void altered__active__shows_and_can_be_repaired(void **state)
{
	struct store_epoch one = rig_epoch(1, 1), two = rig_epoch(2, 2);
	struct rig_beat first, second;

	(void)state;
	rig_prepare(&rig, none, one, "one");
	rig_activate(&rig, one);
	ask("SET", "{mail:ring}:active", "onf");
	first = rig_beat(&rig, "d1", one, none, 6000);
	assert_int_equal(first.active.epoch, 1);
	assert_memory_not_equal(first.active.digest, one.digest,
				RING_DIGEST_BYTES);
	ask("SET", "{mail:ring}:active", "ong");
	second = rig_beat(&rig, "d1", one, none, 6000);
	assert_memory_not_equal(first.active.digest, second.active.digest,
				RING_DIGEST_BYTES);
	assert_int_equal(rig_load(&rig).active_size, 3);
	ask("DEL", "{mail:ring}:active");
	second = rig_beat(&rig, "d1", one, none, 6000);
	assert_memory_not_equal(one.digest, second.active.digest,
				RING_DIGEST_BYTES);
	/* a publisher who has the good one */
	assert_int_equal(rig_prepare(&rig, one, one, "one").status, STORE_OK);
	first = rig_beat(&rig, "d1", one, none, 6000);
	assert_memory_equal(&first.active, &one, sizeof(one));
	/* and one who goes on from it */
	ask("SET", "{mail:ring}:active", "onf");
	assert_int_equal(rig_prepare(&rig, one, two, "two").status, STORE_OK);
}

static void altered__state_gone__published_again(void **state)
{
	struct store_epoch one = rig_epoch(1, 1);
	struct rig_beat got;

	(void)state;
	rig_prepare(&rig, none, one, "one");
	rig_activate(&rig, one);
	ask("DEL", "{mail:ring}:state");
	got = rig_beat(&rig, "d1", one, none, 6000);
	assert_int_equal(got.active.epoch, 0);
	assert_memory_not_equal(got.active.digest, none.digest,
				RING_DIGEST_BYTES);
	assert_int_equal(rig_prepare(&rig, one, one, "one").status, STORE_OK);
	assert_string_equal(rig_activate(&rig, one).missing, "");
	got = rig_beat(&rig, "d1", one, none, 6000);
	assert_memory_equal(&got.active, &one, sizeof(one));
	/* without a text there is nothing to take a word for */
	ask("FLUSHALL");
	assert_int_equal(rig_prepare(&rig, one, rig_epoch(2, 2),
				     "two").status, STORE_CONFLICT);
}

static void altered__prepared__not_activated(void **state)
{
	struct store_epoch one = rig_epoch(1, 1);

	(void)state;
	rig_prepare(&rig, none, one, "one");
	ask("SET", "{mail:ring}:prepared", "onf");
	assert_int_equal(rig_activate(&rig, one).status, STORE_BROKEN);
	assert_int_equal(rig_prepare(&rig, none, one, "one").status, STORE_OK);
	assert_int_equal(rig_activate(&rig, one).status, STORE_OK);
	assert_memory_equal(rig_load(&rig).active, "one", 3);
}

static void load__record_too_long__broken(void **state)
{
	(void)state;
	ask("SETRANGE", "{mail:ring}:active", "4194304", "x");
	assert_int_equal(rig_load(&rig).status, STORE_BROKEN);
}

/* -- Nodes -- */

static void activate__node_lease_run_out__goes_on(void **state)
{
	struct store_epoch one = rig_epoch(1, 1);
	struct rig_publish got;
	unsigned long long end_msecs = fixture_now_msecs() + 10000;

	(void)state;
	rig_beat(&rig, "d1", none, none, 300);
	rig_prepare(&rig, none, one, "one");
	assert_string_equal(rig_activate(&rig, one).missing, "d1");
	do {
		got = rig_activate(&rig, one);
		assert_int_equal(got.status, STORE_OK);
		assert_true(fixture_now_msecs() < end_msecs);
	} while (got.missing[0] != '\0');
	assert_int_equal(got.active_epoch, 1);
}

static void activate__node_silent_for_weeks__forgotten(void **state)
{
	char value[512], zeros[65];

	(void)state;
	memset(zeros, '0', 64);
	zeros[64] = '\0';
	snprintf(value, sizeof(value), "boot 1000 6000 0 %s 0 %s ", zeros,
		 zeros);
	ask("HSET", "{mail:ring}:nodes", "old", value);
	rig_beat(&rig, "d1", none, rig_epoch(1, 1), 60000);
	assert_int_equal(rig_nodes(&rig).count, 2);
	rig_prepare(&rig, none, rig_epoch(1, 1), "one");
	rig_activate(&rig, rig_epoch(1, 1));
	assert_int_equal(rig_nodes(&rig).count, 1);
}

/* A failover to a server whose clock is behind: a node that is gone must not
   live on until that clock has caught up. */
static void activate__node_of_the_future__not_waited_for(void **state)
{
	struct store_epoch one = rig_epoch(1, 1);
	char value[512], zeros[65];

	(void)state;
	memset(zeros, '0', 64);
	zeros[64] = '\0';
	snprintf(value, sizeof(value), "boot %llu 6000 0 %s 0 %s ",
		 (unsigned long long)time(NULL) * 1000 + 3600000, zeros,
		 zeros);
	ask("HSET", "{mail:ring}:nodes", "gone", value);
	rig_prepare(&rig, none, one, "one");
	assert_string_equal(rig_activate(&rig, one).missing, "");
	assert_false(rig_nodes(&rig).nodes[0].is_alive);
}

static void heartbeat__odd_boot_id__kept_in_its_place(void **state)
{
	struct rig_beat got = { .calls = 0 };
	struct store_heartbeat beat = {
		.node = "d1", .boot_id = "a b\n", .complaint = "c d",
		.lease_msecs = 6000
	};
	unsigned int turns;

	(void)state;
	rig.store->v->heartbeat(rig.store, &beat, rig_got_beat, &got);
	for (turns = 0; got.calls == 0 && turns < 5000; turns++)
		poll_turn(&rig);
	assert_int_equal(got.status, STORE_OK);
	assert_string_equal(rig_nodes(&rig).nodes[0].boot_id, "a_b_");
	assert_string_equal(rig_nodes(&rig).nodes[0].complaint, "c d");
	assert_int_equal(rig_leave(&rig, "d1", "a b\n").status, STORE_OK);
}

static struct fixture_redis *start_replica(void)
{
	char port[16];
	const char *options[] = {
		"--replicaof", "127.0.0.1", port,
		"--repl-diskless-sync-delay", "0", NULL
	};
	struct fixture_redis *replica;

	snprintf(port, sizeof(port), "%u", server->port);
	replica = fixture_redis_start(NULL, options);
	fixture_redis_wait_for(replica, "INFO replication",
			       "master_link_status:up");
	return replica;
}

/* A replica counts from its first acknowledgement on. */
static struct rig_beat beat_until_acked(unsigned int acked)
{
	unsigned long long end_msecs = fixture_now_msecs() + 20000;
	struct rig_beat got;

	do {
		got = rig_beat(&rig, "d1", none, none, 6000);
		if (fixture_now_msecs() > end_msecs)
			fail_msg("never %u acks: %s", acked, got.error);
	} while (got.acked < acked);
	return got;
}

static void heartbeat__replicas__confirmed_by_half_of_them(void **state)
{
	struct fixture_redis *one, *two;
	struct rig_beat got;

	(void)state;
	ask("CONFIG", "SET", "repl-diskless-sync-delay", "0");
	got = rig_beat(&rig, "d1", none, none, 6000);
	assert_true(got.is_confirmed);
	assert_int_equal(got.replicas, 0);
	one = start_replica();
	two = start_replica();
	fixture_redis_wait_for(server, "INFO replication",
			       "connected_slaves:2");
	got = beat_until_acked(1);
	assert_true(got.is_confirmed);
	assert_int_equal(got.replicas, 2);
	/* a store that has not met them yet asks once more, by itself */
	restart_store(LEASE_SECS, TIMEOUT_MSECS);
	got = rig_beat(&rig, "d1", none, none, 6000);
	assert_true(got.is_confirmed);
	assert_int_equal(got.replicas, 2);
	beat_until_acked(2);
	fixture_redis_signal(one, SIGSTOP);
	got = rig_beat(&rig, "d1", none, none, 6000);
	assert_true(got.is_confirmed);
	assert_int_equal(got.acked, 1);
	fixture_redis_signal(two, SIGSTOP);
	got = rig_beat(&rig, "d1", none, none, 6000);
	assert_int_equal(got.status, STORE_OK);
	assert_false(got.is_confirmed);
	assert_int_equal(got.acked, 0);
	assert_string_not_equal(got.error, "");
	/* away is not forgotten */
	fixture_redis_kill(one);
	fixture_redis_kill(two);
	fixture_redis_wait_for(server, "INFO replication",
			       "connected_slaves:0");
	got = rig_beat(&rig, "d1", none, none, 6000);
	assert_false(got.is_confirmed);
	assert_int_equal(got.replicas, 2);
	fixture_redis_restart(one);
	assert_true(beat_until_acked(1).is_confirmed);
}

/* -- Redis away, or not willing -- */

static void server__stopped__uncertain_and_reads_unavailable(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease got;

	(void)state;
	restart_store(LEASE_SECS, 300);
	fixture_redis_signal(server, SIGSTOP);
	got = rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	assert_int_equal(got.status, STORE_UNCERTAIN);
	assert_string_not_equal(got.error, "");
	fixture_redis_signal(server, SIGCONT);
	/* the client may have given up the connection meanwhile */
	while (rig_peek(&rig, &key).status == STORE_UNAVAILABLE)
		;
	fixture_redis_signal(server, SIGSTOP);
	assert_int_equal(rig_peek(&rig, &key).status, STORE_UNAVAILABLE);
	assert_int_equal(rig_scan(&rig).status, STORE_UNAVAILABLE);
	fixture_redis_signal(server, SIGCONT);
}

static void server__killed__unavailable(void **state)
{
	struct store_key key = rig_key("alice");

	(void)state;
	restart_store(LEASE_SECS, 300);
	fixture_redis_kill(server);
	/* the first may have been on its way */
	rig_peek(&rig, &key);
	assert_int_equal(rig_claim(&rig, &key, rig_epoch(7, 1), "b1").status,
			 STORE_UNAVAILABLE);
	assert_int_equal(rig_beat(&rig, "d1", none, none, 6000).status,
			 STORE_UNAVAILABLE);
	assert_int_equal(rig_renew(&rig, &key, rig_epoch(7, 1), "b1", 1),
			 STORE_UNAVAILABLE);
	assert_int_equal(rig_scan(&rig).status, STORE_UNAVAILABLE);
	assert_int_equal(rig_nodes(&rig).status, STORE_UNAVAILABLE);
	assert_int_equal(rig_load(&rig).status, STORE_UNAVAILABLE);
}

static void renew__server_goes_away__all_answered_soon(void **state)
{
	struct store_epoch epoch = rig_epoch(7, 1);
	static struct store_renewal renewals[5000];
	struct { enum store_status last; unsigned int calls; } got = { 0, 0 };
	unsigned long long start_msecs;
	unsigned int i;

	(void)state;
	restart_store(LEASE_SECS, 500);
	for (i = 0; i < 5000; i++) {
		renewals[i].key = rig_key("alice");
		renewals[i].host = "b1";
		renewals[i].generation = 1;
	}
	fixture_redis_signal(server, SIGSTOP);
	start_msecs = fixture_now_msecs();
	rig.store->v->renew(rig.store, &epoch, renewals, 5000, rig_got_status,
			    &got);
	for (i = 0; got.calls < 5000 && i < 100000; i++)
		poll_turn(&rig);
	assert_int_equal(got.calls, 5000);
	assert_int_equal(got.last, STORE_UNAVAILABLE);
	assert_true(fixture_now_msecs() - start_msecs < 10000);
	/* and with the store under them freed */
	fixture_redis_signal(server, SIGCONT);
	got.calls = 0;
	rig.store->v->renew(rig.store, &epoch, renewals, 5000, rig_got_status,
			    &got);
	poll_turn(&rig);
	store_free(&rig.store);
	assert_int_equal(got.calls, 5000);
}

static void free__under_way__each_called_once(void **state)
{
	struct store_key key = rig_key("alice");
	struct store_epoch epoch = rig_epoch(7, 1);
	struct store_heartbeat beat = {
		.node = "d1", .boot_id = "b", .complaint = "",
		.lease_msecs = 6000
	};
	struct rig_lease claim = { .calls = 0 }, peek = { .calls = 0 };
	struct rig_beat got = { .calls = 0 };
	struct rig_publish publish = { .calls = 0 };

	(void)state;
	rig.store->v->claim(rig.store, &key, &epoch, "b1", rig_got_lease,
			    &claim);
	rig.store->v->peek(rig.store, &key, rig_got_lease, &peek);
	rig.store->v->heartbeat(rig.store, &beat, rig_got_beat, &got);
	rig.store->v->ring_prepare(rig.store, &none, &epoch, "x", 1,
				   rig_got_publish, &publish);
	store_free(&rig.store);
	assert_int_equal(claim.calls, 1);
	assert_int_equal(claim.status, STORE_UNCERTAIN);
	assert_int_equal(peek.status, STORE_UNAVAILABLE);
	assert_int_equal(got.status, STORE_UNCERTAIN);
	assert_int_equal(publish.status, STORE_UNCERTAIN);
	poll_turn(&rig);
	poll_turn(&rig);
	assert_int_equal(claim.calls + peek.calls + got.calls + publish.calls,
			 4);
}

static void run_all_operations(enum store_status expected)
{
	struct store_key key = rig_key("alice");
	struct rig_lease lease;

	lease = rig_claim(&rig, &key, rig_epoch(7, 1), "b1");
	assert_int_equal(lease.status, expected);
	if (expected != STORE_OK)
		return;
	assert_int_equal(rig_peek(&rig, &key).status, STORE_OK);
	lease = rig_replace(&rig, &key, rig_epoch(7, 1), "b1",
			    lease.generation, "b2");
	assert_int_equal(lease.status, STORE_OK);
	assert_int_equal(rig_renew(&rig, &key, rig_epoch(7, 1), "b2",
				   lease.generation), STORE_OK);
	assert_int_equal(rig_scan(&rig).count, 1);
	assert_int_equal(rig_release(&rig, &key, "b2",
				     lease.generation).status, STORE_OK);
	assert_int_equal(rig_beat(&rig, "d1", none, none, 6000).status,
			 STORE_OK);
	assert_int_equal(rig_nodes(&rig).count, 1);
	assert_int_equal(rig_load(&rig).status, STORE_OK);
	rig_prepare(&rig, none, rig_epoch(1, 1), "one");
	rig_withdraw(&rig, rig_epoch(1, 1));
	rig_prepare(&rig, none, rig_epoch(1, 1), "one");
	rig_beat(&rig, "d1", none, rig_epoch(1, 1), 6000);
	assert_string_equal(rig_activate(&rig, rig_epoch(1, 1)).missing, "");
	assert_int_equal(rig_leave(&rig, "d1", "boot1").status, STORE_OK);
}

/* The example of docs/redis-keys.md: enough, and not for other keys. */
static void acl__as_documented__enough_and_no_more(void **state)
{
	struct redisReply *reply;
	char password[] = "secret";
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		reply = fixture_redis_command(server, "ACL SETUSER agent on "
			">secret resetkeys %s resetchannels -@all +eval "
			"+evalsha +get +set +del +strlen +getrange +hget "
			"+hset +hmget +hdel +hgetall +pttl +pexpire +type "
			"+time +info +wait +scan +ping +auth +select +role",
			i == 0 ? "~{mail:*" : "~{news:*");
		assert_string_equal(reply->str, "OK");
		freeReplyObject(reply);
		store_free(&rig.store);
		fixture_client_deinit(&fixture);
		fixture = fixture_client_init();
		fixture->settings.url = server->url;
		fixture->settings.user = "agent";
		fixture->settings.password = password;
		fixture_client_connect(fixture);
		rig.store = store_redis_init(fixture->loop, fixture->client,
					     "mail", LEASE_SECS,
					     TIMEOUT_MSECS);
		rig.context = fixture;
		run_all_operations(i == 0 ? STORE_OK : STORE_REFUSED);
	}
}

#define FLUSHED(test) cmocka_unit_test_setup(test, start_empty)
#define OWN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWN(script__flushed__loaded_again),
		OWN(script__loaded__one_round_trip),
		OWN(claim__time__about_user_expire),
		OWN(claim__run_out__new_and_higher_generation),
		OWN(claim__lease_without_end__has_none_after),
		OWN(claim__counter_ahead_of_time__goes_on_from_it),
		OWN(claim__out_of_memory__refused_but_renewals_work),
		OWN(claim__became_a_replica__nothing_done),
		OWN(claim__two_agents_race__one_host),
		OWN(scan__many__all_seen),
		OWN(hostile__content__an_answer),
		OWN(hostile__ring_keys__an_answer),
		OWN(hostile__nodes__others_are_seen),
		OWN(altered__active__shows_and_can_be_repaired),
		OWN(altered__state_gone__published_again),
		OWN(altered__prepared__not_activated),
		OWN(load__record_too_long__broken),
		OWN(activate__node_lease_run_out__goes_on),
		OWN(activate__node_silent_for_weeks__forgotten),
		OWN(activate__node_of_the_future__not_waited_for),
		OWN(heartbeat__odd_boot_id__kept_in_its_place),
		OWN(heartbeat__replicas__confirmed_by_half_of_them),
		OWN(server__stopped__uncertain_and_reads_unavailable),
		OWN(server__killed__unavailable),
		OWN(renew__server_goes_away__all_answered_soon),
		OWN(free__under_way__each_called_once),
		OWN(acl__as_documented__enough_and_no_more),
	};
	const struct CMUnitTest cluster_tests[] = {
		FLUSHED(keys__of_a_user__in_one_slot),
	};
	int failed = 0;

	failed += _cmocka_run_group_tests("store contract, Redis",
					  store_contract_tests,
					  store_contract_test_count, setup,
					  teardown);
	failed += _cmocka_run_group_tests("store contract, Redis Cluster",
					  store_contract_tests,
					  store_contract_test_count,
					  setup_cluster, teardown);
	failed += cmocka_run_group_tests(cluster_tests, setup_cluster,
					 teardown);
	failed += cmocka_run_group_tests(tests, NULL, NULL);
	return failed;
}
