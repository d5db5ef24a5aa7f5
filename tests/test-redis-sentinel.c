#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixture-client.h"
#include "fixture-redis.h"
#include "loop-poll.h"

#define REPLICAS_COUNT 2
#define SENTINELS_COUNT 3
#define DOWN_AFTER_MSECS 500

struct cluster {
	struct fixture_redis *master, *replicas[REPLICAS_COUNT];
	struct fixture_redis *sentinels[SENTINELS_COUNT];
	char url[160];
};

static void start_replicas(struct cluster *c, const char *password)
{
	char port[16], connected[32];
	const char *options[] = {
		"--replicaof", "127.0.0.1", port, NULL
	};
	unsigned int i;

	(void)snprintf(port, sizeof(port), "%u", c->master->port);
	for (i = 0; i < REPLICAS_COUNT; i++) {
		c->replicas[i] = fixture_redis_start(password, options);
		fixture_redis_wait_for(c->replicas[i], "INFO replication",
				       "master_link_status:up");
	}
	(void)snprintf(connected, sizeof(connected), "connected_slaves:%u",
		       REPLICAS_COUNT);
	fixture_redis_wait_for(c->master, "INFO replication", connected);
}

static void start_sentinels(struct cluster *c, const char *password)
{
	unsigned int i;

	for (i = 0; i < SENTINELS_COUNT; i++)
		c->sentinels[i] = fixture_sentinel_start(c->master, "mail", 2,
							 DOWN_AFTER_MSECS,
							 password);
	(void)snprintf(c->url, sizeof(c->url),
		       "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u,"
		       "127.0.0.1:%u/mail", c->sentinels[0]->port,
		       c->sentinels[1]->port, c->sentinels[2]->port);
}

/* The whole of it; returns when the sentinels know each other and all else. */
static void start_cluster(struct cluster *c, const char *password)
{
	unsigned int i;

	c->master = fixture_redis_start(password, NULL);
	start_replicas(c, password);
	start_sentinels(c, NULL);
	for (i = 0; i < SENTINELS_COUNT; i++)
		fixture_redis_wait_for(c->sentinels[i], "INFO sentinel",
				       "slaves=2,sentinels=3");
}

static const struct fixture_redis *
new_master(const struct cluster *c, const struct fixture_client *f)
{
	char to[32];
	unsigned int i;

	for (i = 0; i < REPLICAS_COUNT; i++) {
		(void)snprintf(to, sizeof(to), "now 127.0.0.1:%u",
			       c->replicas[i]->port);
		if (strstr(f->texts, to) != NULL)
			return c->replicas[i];
	}
	return NULL;
}

static void sentinel__master_killed__followed_to_the_new_one(void **state)
{
	struct fixture_client *f = *state;
	struct cluster c;
	struct fixture_call before, after;
	char from[32];

	start_cluster(&c, "s3cret");
	f->settings.url = c.url;
	f->settings.password = "s3cret";
	fixture_client_connect(f);
	assert_int_equal(redis_client_sentinel_replicas(f->client), 2);
	fixture_call(f, &before, 5000, "SET", "key", "value", NULL);
	fixture_call_wait(f, &before);
	assert_int_equal(before.status, REDIS_OK);
	fixture_call(f, &before, 5000, "WAIT", "2", "2000", NULL);
	fixture_call_wait(f, &before);
	assert_int_equal(before.integer, 2);
	assert_int_equal(f->events[REDIS_FAILED_OVER], 0);

	fixture_redis_kill(c.master);
	fixture_loop_until(f->loop, &f->disconnected, "the loss");
	fixture_call(f, &after, 18000, "GET", "key", NULL);
	fixture_call_wait(f, &after);
	assert_int_equal(after.status, REDIS_OK);
	assert_string_equal(after.text, "value");
	assert_int_equal(f->events[REDIS_FAILED_OVER], 1);
	(void)snprintf(from, sizeof(from), "was 127.0.0.1:%u", c.master->port);
	assert_non_null(strstr(f->texts, from));
	assert_non_null(new_master(&c, f));
	assert_int_equal(redis_client_connection_serial(f->client), 2);
	assert_null(strstr(f->texts, "s3cret"));
}

static void sentinel__old_master_stands_still__idle_client_follows(void **state)
{
	struct fixture_client *f = *state;
	struct cluster c;
	struct fixture_call call;

	start_cluster(&c, NULL);
	f->settings.url = c.url;
	fixture_client_connect(f);
	/* no command is under way: only the sentinels can tell */
	fixture_redis_signal(c.master, SIGSTOP);
	fixture_loop_until(f->loop, &f->failed_over, "the failover");
	assert_int_equal(f->events[REDIS_DISCONNECTED], 1);
	assert_non_null(strstr(f->texts, "the sentinels say that the master"));
	/* it wakes, and thinks that it is the master still: nobody is there */
	fixture_redis_signal(c.master, SIGCONT);
	fixture_call(f, &call, 10000, "SET", "key", "value", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_OK);
	fixture_redis_wait_for(new_master(&c, f), "GET key", "value");
}

static void sentinel__most_are_dead__the_last_one_is_believed(void **state)
{
	struct fixture_client *f = *state;
	struct cluster c;

	c.master = fixture_redis_start(NULL, NULL);
	start_sentinels(&c, NULL);
	fixture_redis_kill(c.sentinels[0]);
	fixture_redis_signal(c.sentinels[1], SIGSTOP);
	f->settings.url = c.url;
	f->settings.connect_timeout_msecs = 500;
	fixture_client_connect(f);
}

static void sentinel__all_dead__each_is_named_and_tried_again(void **state)
{
	struct fixture_client *f = *state;
	struct cluster c;
	unsigned int i;
	char name[32];

	c.master = fixture_redis_start(NULL, NULL);
	start_sentinels(&c, NULL);
	for (i = 0; i < SENTINELS_COUNT; i++)
		fixture_redis_kill(c.sentinels[i]);
	f->settings.url = c.url;
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, "a failure");
	for (i = 0; i < SENTINELS_COUNT; i++) {
		(void)snprintf(name, sizeof(name), "sentinel 127.0.0.1:%u: ",
			       c.sentinels[i]->port);
		assert_non_null(strstr(f->last_text, name));
	}
	fixture_redis_restart(c.sentinels[1]);
	fixture_loop_until(f->loop, &f->connected, "connected");
}

static void sentinel__name_unknown__is_said(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *master = fixture_redis_start(NULL, NULL);
	struct fixture_redis *sentinel =
		fixture_sentinel_start(master, "mail", 1, 5000, NULL);

	(void)snprintf(f->url, sizeof(f->url),
		       "redis+sentinel://127.0.0.1:%u/other", sentinel->port);
	f->settings.url = f->url;
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, "a failure");
	assert_non_null(strstr(f->last_text, "No such master"));
}

static void sentinel__wants_a_password__gets_it(void **state)
{
	struct fixture_client *f = *state;
	struct cluster c;

	c.master = fixture_redis_start("s3cret", NULL);
	start_sentinels(&c, "s3cret");
	f->settings.url = c.url;
	f->settings.password = "s3cret";
	fixture_client_connect(f);
}

static void sentinel__wants_another_password__is_said(void **state)
{
	struct fixture_client *f = *state;
	struct cluster c;

	c.master = fixture_redis_start("s3cret", NULL);
	start_sentinels(&c, "another");
	f->settings.url = c.url;
	f->settings.password = "s3cret";
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, "a failure");
	assert_non_null(strstr(f->last_text, "WRONGPASS"));
	assert_null(strstr(f->texts, "s3cret"));
}

static void sentinel__is_a_redis__is_said(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);

	(void)snprintf(f->url, sizeof(f->url),
		       "redis+sentinel://127.0.0.1:%u/mail", redis->port);
	f->settings.url = f->url;
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, "a failure");
	assert_non_null(strstr(f->last_text, "unknown command"));
}

/* What a sentinel says that names this port; config-epoch as if it knew best.
   The text must stay. */
static void lie(char text[160], unsigned int port)
{
	(void)snprintf(text, 160, "*6\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n"
		       "$4\r\nport\r\n$5\r\n%05u\r\n"
		       "$12\r\nconfig-epoch\r\n$3\r\n999\r\n", port);
}

static void sentinel__one_lies__the_majority_wins(void **state)
{
	struct fixture_client *f = *state;
	struct cluster c;
	char text[160];
	const struct fixture_fake_settings liar = { .first = text };
	struct fixture_call call;

	c.master = fixture_redis_start(NULL, NULL);
	start_sentinels(&c, NULL);
	lie(text, fixture_free_port());
	fixture_client_fake(f, &liar);
	(void)snprintf(c.url, sizeof(c.url),
		       "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u,"
		       "127.0.0.1:%u/mail", fixture_fake_port(f->fake),
		       c.sentinels[0]->port, c.sentinels[1]->port);
	f->settings.url = c.url;
	fixture_client_connect(f);
	assert_int_equal(f->events[REDIS_CONNECT_FAILED], 0);
	fixture_call(f, &call, 1000, "PING", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_OK);
}

static void sentinel__names_a_replica__is_refused(void **state)
{
	struct fixture_client *f = *state;
	const char *options[] = { "--replicaof", "127.0.0.1", "1", NULL };
	struct fixture_redis *replica = fixture_redis_start(NULL, options);
	char text[160];
	const struct fixture_fake_settings liar = { .first = text };

	lie(text, replica->port);
	fixture_client_fake(f, &liar);
	(void)snprintf(f->url, sizeof(f->url),
		       "redis+sentinel://127.0.0.1:%u/mail",
		       fixture_fake_port(f->fake));
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, "a refusal");
	assert_non_null(strstr(f->last_text, "replica, not the master"));
}

static const char *const garbage[] = {
	"SSH-2.0-OpenSSH_9.2\r\n", "*0\r\n", ":1\r\n", "$-1\r\n",
	"*2\r\n$2\r\nip\r\n*0\r\n", "*1\r\n$2\r\nip\r\n",
	"*4\r\n$2\r\nip\r\n$1\r\nx\r\n$4\r\nport\r\n$6\r\n999999\r\n",
	"*4\r\n$2\r\nip\r\n$5\r\n/sock\r\n$4\r\nport\r\n$1\r\n1\r\n",
	"*4\r\n$4\r\nport\r\n$1\r\n1\r\n$2\r\nip\r\n$0\r\n\r\n"
};

static void sentinel__says_garbage__is_said(void **state)
{
	struct fixture_client *f;
	size_t i;

	assert_int_equal(fixture_client_teardown(state), 0);
	for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		const struct fixture_fake_settings fake = {
			.first = garbage[i]
		};

		assert_int_equal(fixture_client_setup(state), 0);
		f = *state;
		fixture_client_fake(f, &fake);
		(void)snprintf(f->url, sizeof(f->url),
			       "redis+sentinel://127.0.0.1:%u/mail",
			       fixture_fake_port(f->fake));
		fixture_client_begin(f);
		fixture_loop_until(f->loop, &f->connect_failed, garbage[i]);
		assert_non_null(strstr(f->last_text, "sentinel 127.0.0.1:"));
		assert_int_equal(fixture_client_teardown(state), 0);
	}
	assert_int_equal(fixture_client_setup(state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown( \
		name, fixture_client_setup, fixture_client_teardown)
		T(sentinel__master_killed__followed_to_the_new_one),
		T(sentinel__old_master_stands_still__idle_client_follows),
		T(sentinel__most_are_dead__the_last_one_is_believed),
		T(sentinel__all_dead__each_is_named_and_tried_again),
		T(sentinel__name_unknown__is_said),
		T(sentinel__wants_a_password__gets_it),
		T(sentinel__wants_another_password__is_said),
		T(sentinel__is_a_redis__is_said),
		T(sentinel__one_lies__the_majority_wins),
		T(sentinel__names_a_replica__is_refused),
		T(sentinel__says_garbage__is_said),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
