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
#include "redis-client.h"
#include "redis-hiredis.h"

static int group_teardown(void **state)
{
	(void)state;
	fixture_threads_end();
	return 0;
}

static void client__plain_server__connects(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call call;

	f->settings.url = redis->url;
	fixture_client_connect(f);
	assert_int_equal(redis_client_connection_serial(f->client), 1);
	assert_string_equal(redis_client_last_error(f->client), "");
	fixture_call(f, &call, 1000, "SET", "key", "value", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_OK);
	assert_string_equal(call.text, "OK");
	fixture_call(f, &call, 1000, "GET", "key", NULL);
	assert_false(call.done);
	fixture_call_wait(f, &call);
	assert_string_equal(call.text, "value");
}

static void client__unix_socket_and_db__connects(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call call;
	char url[160];

	(void)snprintf(url, sizeof(url), "redis+unix://%s?db=3", redis->socket);
	f->settings.url = url;
	fixture_client_connect(f);
	fixture_call(f, &call, 1000, "CLIENT", "LIST", NULL);
	fixture_call_wait(f, &call);
	assert_non_null(strstr(call.text, " db=3 "));
}

static void client__name_of_host__is_resolved(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	char url[160];

	(void)snprintf(url, sizeof(url), "redis://localhost:%u", redis->port);
	f->settings.url = url;
	fixture_client_connect(f);
}

static void client__wrong_command__is_an_error(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call call;

	f->settings.url = redis->url;
	fixture_client_connect(f);
	fixture_call(f, &call, 1000, "NOSUCHCOMMAND", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_ERROR);
	assert_non_null(strstr(call.text, "unknown command"));
	assert_true(redis_client_is_connected(f->client));
}

static void client__acl_user__gets_in(void **state)
{
	static const char *const options[] = {
		"--user", "router", "on", ">opensesame", "~*", "+auth",
		"+select", "+role", "+ping", "+get", NULL
	};
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start("other", options);
	struct fixture_call call;

	f->settings.url = redis->url;
	f->settings.user = "router";
	f->settings.password = "opensesame";
	fixture_client_connect(f);
	fixture_call(f, &call, 1000, "GET", "key", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_OK);
	fixture_call(f, &call, 1000, "SET", "key", "1", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_ERROR);
	assert_int_equal(strncmp(call.text, "NOPERM ", 7), 0);
}

static void client__password_alone__gets_in(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start("opensesame", NULL);

	f->settings.url = redis->url;
	f->settings.password = "opensesame";
	fixture_client_connect(f);
}

/* Starts a server with a password, and expects these words. */
static void expect_refusal(struct fixture_client *f, const char *words)
{
	struct fixture_redis *redis = fixture_redis_start("opensesame", NULL);

	f->settings.url = redis->url;
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, "a refusal");
	assert_non_null(strstr(f->last_text, words));
	assert_string_equal(redis_client_last_error(f->client), f->last_text);
	assert_false(redis_client_is_connected(f->client));
}

static void client__wrong_password__is_said_but_not_shown(void **state)
{
	struct fixture_client *f = *state;

	f->settings.password = "wr0ngsecret";
	expect_refusal(f, "AUTH: WRONGPASS");
	assert_non_null(strstr(f->last_text, "(see store_user and "));
	assert_null(strstr(f->texts, "wr0ngsecret"));
}

static void client__password_missing__is_said(void **state)
{
	expect_refusal(*state, "NOAUTH Authentication required. (see "
		       "store_password_file)");
}

static void client__password_needless__is_said(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);

	f->settings.url = redis->url;
	f->settings.password = "n33dless";
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, "a refusal");
	assert_non_null(strstr(f->last_text, "AUTH: "));
	assert_null(strstr(f->texts, "n33dless"));
}

/* Until the server has the command that blocks. */
static void wait_blocked(struct fixture_client *f,
			 const struct fixture_redis *redis)
{
	unsigned long long end = fixture_now_msecs() + 10000;
	redisReply *reply;
	bool blocked = false;

	while (!blocked) {
		assert_true(fixture_now_msecs() < end);
		fixture_client_turn(f);
		reply = fixture_redis_command(redis, "INFO clients");
		blocked = strstr(reply->str, "blocked_clients:1") != NULL;
		freeReplyObject(reply);
	}
}

static void client__server_restarted__waiting_command_is_done(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call blocked, waiting;

	f->settings.url = redis->url;
	f->settings.reconnect_max_msecs = 100;
	fixture_client_connect(f);
	fixture_call(f, &blocked, 10000, "BLPOP", "nothing", "0", NULL);
	wait_blocked(f, redis);
	fixture_redis_kill(redis);
	fixture_call_wait(f, &blocked);
	assert_int_equal(blocked.status, REDIS_UNCERTAIN);
	assert_int_equal(f->events[REDIS_DISCONNECTED], 1);
	assert_false(redis_client_is_connected(f->client));
	assert_string_not_equal(redis_client_last_error(f->client), "");

	fixture_call(f, &waiting, 15000, "PING", NULL);
	f->connect_failed = false;
	fixture_loop_until(f->loop, &f->connect_failed, "a refused connect");
	assert_non_null(strstr(f->last_text, "Connection refused"));
	fixture_redis_restart(redis);
	fixture_call_wait(f, &waiting);
	assert_int_equal(waiting.status, REDIS_OK);
	assert_int_equal(redis_client_connection_serial(f->client), 2);
	assert_int_equal(f->events[REDIS_CONNECTED], 2);
}

static void client__no_server__unavailable_at_the_deadline(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_call call;
	char url[64];

	(void)snprintf(url, sizeof(url), "redis://127.0.0.1:%u",
		       fixture_free_port());
	f->settings.url = url;
	fixture_client_begin(f);
	fixture_call(f, &call, 200, "PING", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_UNAVAILABLE);
	assert_in_range(call.took_msecs, 200, 2000);
}

static void client__server_hangs__uncertain_then_comes_back(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call hung, waiting;

	f->settings.url = redis->url;
	f->settings.connect_timeout_msecs = 300;
	fixture_client_connect(f);
	fixture_redis_signal(redis, SIGSTOP);
	fixture_call(f, &hung, 200, "INCR", "counter", NULL);
	fixture_call_wait(f, &hung);
	assert_int_equal(hung.status, REDIS_UNCERTAIN);
	assert_in_range(hung.took_msecs, 200, 2000);
	assert_false(redis_client_is_connected(f->client));
	assert_non_null(strstr(f->last_text, "no answer in time"));

	/* a stopped process still has its port: nobody logs us in there */
	fixture_loop_until(f->loop, &f->connect_failed, "a login too late");
	fixture_call(f, &waiting, 10000, "INCR", "counter", NULL);
	fixture_redis_signal(redis, SIGCONT);
	fixture_call_wait(f, &waiting);
	assert_int_equal(waiting.status, REDIS_OK);
	/* the first had left: it was done */
	assert_int_equal(waiting.integer, 2);
}

static void client__output_stuck__unavailable_for_what_never_left(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call first, big, last;
	size_t size = 32 * 1024 * 1024;
	char *value = calloc(1, size + 1);

	assert_non_null(value);
	memset(value, 'x', size);
	f->settings.url = redis->url;
	fixture_client_connect(f);
	fixture_redis_signal(redis, SIGSTOP);
	fixture_call(f, &first, 500, "SET", "first", "1", NULL);
	fixture_call(f, &big, 500, "SET", "big", value, NULL);
	fixture_call(f, &last, 500, "SET", "last", "1", NULL);
	free(value);
	fixture_call_wait(f, &last);
	assert_int_equal(first.status, REDIS_UNCERTAIN);
	assert_int_equal(big.status, REDIS_UNCERTAIN);
	assert_int_equal(last.status, REDIS_UNAVAILABLE);
	fixture_redis_signal(redis, SIGCONT);
	fixture_call(f, &last, 10000, "EXISTS", "last", NULL);
	fixture_call_wait(f, &last);
	assert_int_equal(last.integer, 0);
}

static void client__late_reply__is_thrown_away(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call first, late, next;

	f->settings.url = redis->url;
	fixture_client_connect(f);
	fixture_call(f, &first, 5000, "BLPOP", "none", "0.1", NULL);
	fixture_call(f, &late, 300, "BLPOP", "none", "0.6", NULL);
	fixture_call(f, &next, 5000, "ECHO", "mine", NULL);
	fixture_call_wait(f, &late);
	assert_int_equal(late.status, REDIS_UNCERTAIN);
	assert_int_equal(first.status, REDIS_OK);
	assert_false(next.done);
	fixture_call_wait(f, &next);
	assert_int_equal(next.status, REDIS_OK);
	assert_string_equal(next.text, "mine");
	assert_int_equal(late.times, 1);
	assert_int_equal(redis_client_connection_serial(f->client), 1);
}

static void client__became_replica__refused_as_unavailable(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call call;

	f->settings.url = redis->url;
	fixture_client_connect(f);
	/* of nobody */
	freeReplyObject(fixture_redis_command(redis, "REPLICAOF 127.0.0.1 1"));
	fixture_call(f, &call, 1000, "SET", "key", "value", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_UNAVAILABLE);
	assert_int_equal(f->events[REDIS_DISCONNECTED], 1);
	assert_non_null(strstr(f->last_text, "READONLY"));
	fixture_loop_until(f->loop, &f->connect_failed, "a refusal");
	assert_non_null(strstr(f->last_text, "replica, not the master"));
	freeReplyObject(fixture_redis_command(redis, "REPLICAOF NO ONE"));
	fixture_call(f, &call, 10000, "SET", "key", "value", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_OK);
}

static void client__script_on_replica__refused_as_unavailable(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call call;

	f->settings.url = redis->url;
	fixture_client_connect(f);
	freeReplyObject(fixture_redis_command(redis, "REPLICAOF 127.0.0.1 1"));
	fixture_call(f, &call, 1000, "EVAL",
		     "return redis.call('set', KEYS[1], 'x')", "1", "key",
		     NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.status, REDIS_UNAVAILABLE);
}

#define PIPELINE_COUNT 1000

struct order {
	unsigned int count;
	bool done;
};

static void order_reply(enum redis_status status,
			const struct redisReply *reply, void *context)
{
	struct order *order = context;

	assert_int_equal(status, REDIS_OK);
	assert_int_equal(reply->integer, ++order->count);
	order->done = order->count == 2 * PIPELINE_COUNT;
}

static void client__pipeline_of_1000__answers_in_order(void **state)
{
	static const char *const words[] = { "INCR", "counter" };
	static const size_t sizes[] = { 4, 7 };
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	static struct redis_command commands[PIPELINE_COUNT];
	struct order order = { 0 };
	unsigned int i;

	for (i = 0; i < PIPELINE_COUNT; i++) {
		commands[i].argc = 2;
		commands[i].argv = words;
		commands[i].sizes = sizes;
	}
	f->settings.url = redis->url;
	fixture_client_begin(f);
	/* one half waits for the connection, the other finds it */
	redis_client_pipeline(f->client, commands, PIPELINE_COUNT, 10000,
			      order_reply, &order);
	fixture_loop_until(f->loop, &f->connected, "connected");
	redis_client_pipeline(f->client, commands, PIPELINE_COUNT, 10000,
			      order_reply, &order);
	assert_int_equal(order.count, 0);
	fixture_loop_until(f->loop, &order.done, "2000 replies");
	assert_int_equal(f->events[REDIS_CONNECTED], 1);
}

static void client__binary_arguments__arrive(void **state)
{
	static const char value[] = "a\0b\r\n$5\r\n\xff";
	const char *words[] = { "SET", "key", value };
	size_t sizes[] = { 3, 3, sizeof(value) };
	struct redis_command command = { 3, words, sizes };
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call call = { 0 };

	f->settings.url = redis->url;
	fixture_client_connect(f);
	redis_client_command(f->client, &command, 1000, fixture_call_back,
			     &call);
	fixture_call_wait(f, &call);
	fixture_call(f, &call, 1000, "STRLEN", "key", NULL);
	fixture_call_wait(f, &call);
	assert_int_equal(call.integer, sizeof(value));
}

static void client__deinit__calls_back_each_once(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call sent, given;

	f->settings.url = redis->url;
	fixture_client_connect(f);
	fixture_call(f, &sent, 5000, "BLPOP", "nothing", "0", NULL);
	wait_blocked(f, redis);
	fixture_call(f, &given, 5000, "PING", NULL);
	redis_client_deinit(&f->client);
	assert_null(f->client);
	assert_int_equal(sent.times, 1);
	assert_int_equal(sent.status, REDIS_UNCERTAIN);
	assert_int_equal(given.times, 1);
	assert_int_equal(given.status, REDIS_UNAVAILABLE);
	/* nothing is left to wait for */
	assert_false(loop_poll_once(f->loop));
}

static void client__deinit_before_the_first_turn__is_clean(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_call call;

	f->settings.url = "redis://127.0.0.1:1";
	fixture_client_begin(f);
	fixture_call(f, &call, 5000, "PING", NULL);
	redis_client_deinit(&f->client);
	assert_int_equal(call.status, REDIS_UNAVAILABLE);
	assert_false(loop_poll_once(f->loop));
}

struct ending {
	struct fixture_client *f;
	struct fixture_call *others;	/* which must be over then */
	unsigned int others_count;
	bool done;
};

static void end_all(enum redis_status status, const struct redisReply *reply,
		    void *context)
{
	struct ending *ending = context;
	unsigned int i;

	(void)status;
	(void)reply;
	redis_client_deinit(&ending->f->client);
	for (i = 0; i < ending->others_count; i++)
		assert_int_equal(ending->others[i].times, 1);
	ending->done = true;
}

static void end_at(struct fixture_client *f, struct ending *ending,
		   const char *word, unsigned int timeout_msecs)
{
	const char *words[] = { word, "nothing", "0" };
	size_t sizes[] = { strlen(word), 7, 1 };
	struct redis_command command = { 3, words, sizes };

	ending->f = f;
	redis_client_command(f->client, &command, timeout_msecs, end_all,
			     ending);
}

/* The callback of one command ends the client: the others are called back
   before that returns. */
static void expect_clean_end(struct fixture_client *f, struct ending *ending)
{
	fixture_loop_until(f->loop, &ending->done, "a callback");
	assert_false(loop_poll_once(f->loop));
}

static void client__deinit_in_a_reply__others_are_called_first(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call calls[2];
	struct ending ending = { .others = calls, .others_count = 2 };

	f->settings.url = redis->url;
	fixture_client_connect(f);
	end_at(f, &ending, "NOSUCHCOMMAND", 1000);
	fixture_call(f, &calls[0], 1000, "PING", NULL);
	fixture_call(f, &calls[1], 1000, "PING", NULL);
	expect_clean_end(f, &ending);
	assert_int_equal(calls[0].status, REDIS_UNCERTAIN);
}

static void client__deinit_at_a_loss__others_are_called_first(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call calls[2];
	struct ending ending = { .others = calls, .others_count = 2 };

	f->settings.url = redis->url;
	fixture_client_connect(f);
	end_at(f, &ending, "BLPOP", 10000);
	fixture_call(f, &calls[0], 10000, "PING", NULL);
	fixture_call(f, &calls[1], 10000, "PING", NULL);
	wait_blocked(f, redis);
	fixture_redis_kill(redis);
	expect_clean_end(f, &ending);
	assert_int_equal(calls[1].status, REDIS_UNCERTAIN);
}

static void client__deinit_at_a_deadline__others_are_called_first(
	void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call calls[2];
	struct ending ending = { .others = calls, .others_count = 2 };

	f->settings.url = redis->url;
	fixture_client_connect(f);
	end_at(f, &ending, "BLPOP", 100);
	fixture_call(f, &calls[0], 100, "PING", NULL);
	fixture_call(f, &calls[1], 10000, "PING", NULL);
	expect_clean_end(f, &ending);
}

static void client__deinit_while_waiting__others_are_called_first(
	void **state)
{
	struct fixture_client *f = *state;
	struct fixture_call calls[2];
	struct ending ending = { .others = calls, .others_count = 2 };

	f->settings.url = "redis://127.0.0.1:1";
	fixture_client_begin(f);
	end_at(f, &ending, "PING", 100);
	fixture_call(f, &calls[0], 100, "PING", NULL);
	fixture_call(f, &calls[1], 10000, "PING", NULL);
	expect_clean_end(f, &ending);
	assert_int_equal(calls[1].status, REDIS_UNAVAILABLE);
}

static void end_at_event(enum redis_event event, const char *text,
			 void *context)
{
	struct ending *ending = context;

	(void)text;
	if (event == REDIS_CONNECTED)
		end_all(REDIS_OK, NULL, ending);
}

static void client__deinit_in_an_event__is_clean(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call call;
	struct ending ending = { .f = f, .others = &call, .others_count = 1 };
	struct redis_client_callbacks callbacks = { end_at_event, &ending };
	struct ring_error error;

	f->settings.url = redis->url;
	assert_int_equal(redis_client_init(f->loop, &f->settings, &callbacks,
					   &f->client, &error), 0);
	fixture_call(f, &call, 1000, "PING", NULL);
	expect_clean_end(f, &ending);
	/* given to the connection, and not yet written */
	assert_int_equal(call.status, REDIS_UNAVAILABLE);
}

static void client__silent_after_half_the_replies__is_dropped(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct fixture_call first, hung;

	f->settings.url = redis->url;
	fixture_client_connect(f);
	fixture_call(f, &first, 5000, "PING", NULL);
	fixture_call(f, &hung, 1500, "BLPOP", "nothing", "0", NULL);
	fixture_call_wait(f, &first);
	fixture_redis_signal(redis, SIGSTOP);
	fixture_call_wait(f, &hung);
	assert_int_equal(hung.status, REDIS_UNCERTAIN);
	assert_int_equal(f->events[REDIS_DISCONNECTED], 1);
}

struct retry {
	struct fixture_client *f;
	unsigned int calls;
	enum redis_status last;
	bool done;
};

static void retry_once(enum redis_status status,
		       const struct redisReply *reply, void *context)
{
	const char *words[] = { "PING" };
	size_t sizes[] = { 4 };
	struct redis_command command = { 1, words, sizes };
	struct retry *retry = context;

	(void)reply;
	retry->last = status;
	retry->done = ++retry->calls == 2;
	if (!retry->done)
		redis_client_command(retry->f->client, &command, 10000,
				     retry_once, retry);
}

static void client__retry_in_a_callback__goes_to_the_next_connection(
	void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);
	struct retry retry = { .f = f };
	const char *words[] = { "SHUTDOWN", "NOSAVE" };
	size_t sizes[] = { 8, 6 };
	struct redis_command command = { 2, words, sizes };

	f->settings.url = redis->url;
	f->settings.reconnect_max_msecs = 100;
	fixture_client_connect(f);
	redis_client_command(f->client, &command, 5000, retry_once, &retry);
	fixture_loop_until(f->loop, &f->disconnected, "the end");
	assert_int_equal(retry.calls, 1);
	assert_int_equal(retry.last, REDIS_UNCERTAIN);
	fixture_redis_kill(redis);
	fixture_redis_restart(redis);
	fixture_loop_until(f->loop, &retry.done, "the second answer");
	assert_int_equal(retry.last, REDIS_OK);
}

#define BIG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BIGGER BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG

static const struct {
	struct fixture_fake_settings fake;
	const char *words;
	unsigned int limit_msecs;	/* 0: it does not matter */
} hostile[] = {
	{ { .first = "HTTP/1.1 400 Bad Request\r\n\r\n" },
	  .words = "not Redis: Protocol error" },
	{ { .first = "\x80\x81\x82\r\n" },
	  .words = "not Redis: Protocol error" },
	{ { .first = "+OK\r\n" },
	  .words = "not answered in time", .limit_msecs = 100 },
	{ { .first = "" }, .words = "no answer in time", .limit_msecs = 100 },
	{ { .first = "-DENIED in protected mode\r\n", .unasked = true },
	  .words = "DENIED" },
	{ { .first = "-ERR max number of clients reached\r\n",
	    .close = true }, .words = "max number of clients" },
	{ { .first = "+OK\r\n", .close = true },
	  .words = "closed the connection" },
	{ { .first = "+", .again = BIGGER },
	  .words = "a line of more than 64 KiB" },
	{ { .first = "$", .again = "0000" },
	  .words = "a line of more than 64 KiB" },
	{ { .first = "$536870912\r\n", .again = BIGGER },
	  .words = "more than 64 MiB" },
	{ { .first = "*1000000\r\n", .again = ":123456789012345\r\n" },
	  .words = "AUTH: an answer of another kind" },
	{ { .first = "*1000000\r\n", .again = "$1024\r\n" BIGGER "\r\n" },
	  .words = "more than 64 MiB" },
	{ { .first = "*2147483647\r\n" },
	  .words = "more than a million values" },
	{ { .first = "*1000000\r\n", .again = "*1000000\r\n" },
	  .words = "more than a million values" },
	{ { .first = "*1\r\n", .again = "*1\r\n" }, .words = "not Redis" },
	{ { .first = "$-2147483648\r\n" }, .words = "not Redis" },
	{ { .first = "+OK\r\n:1\r\n+PONG\r\n" },
	  .words = "ROLE: an answer of another kind" },
	{ { .first = "+OK\r\n*0\r\n" },
	  .words = "ROLE: an answer of another kind" },
	{ { .first = "+OK\r\n*1\r\n*0\r\n" },
	  .words = "ROLE: an answer of another kind" },
	{ { .first = "+OK\r\n*1\r\n$8\r\nsentinel\r\n" },
	  .words = "redis+sentinel://" },
	{ { .first = "+OK\r\n*1\r\n$5\r\nslave\r\n" }, .words = "replica" },
	{ { .first = "+OK\r\n*1\r\n$6\r\nmaster\r\n-LOADING data\r\n" },
	  .words = "LOADING data" },
	{ { .first = "+OK\r\n*1\r\n$6\r\nmaster\r\n-MASTERDOWN x\r\n" },
	  .words = "MASTERDOWN x" },
	{ { .first = "-ERR unknown command AUTH, args: 's3cret'\r\n" },
	  .words = "AUTH: refused" },
	{ { .first = "-ERR \x1b[2J\r\n" }, .words = "AUTH: ERR \\x1b[2J" }
};

static void expect_hostile(void **state, size_t i)
{
	struct fixture_client *f;

	assert_int_equal(fixture_client_setup(state), 0);
	f = *state;
	fixture_client_fake(f, &hostile[i].fake);
	f->settings.password = "s3cret";
	f->settings.connect_timeout_msecs = hostile[i].limit_msecs;
	if (hostile[i].limit_msecs == 0)
		f->settings.connect_timeout_msecs = 15000;
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, hostile[i].words);
	if (strstr(f->texts, hostile[i].words) == NULL)
		fail_msg("%zu: expected '%s', got '%s'", i, hostile[i].words,
			 f->texts);
	assert_null(strstr(f->texts, "s3cret"));
	assert_int_equal(f->events[REDIS_CONNECTED], 0);
	assert_int_equal(fixture_client_teardown(state), 0);
}

static void client__hostile_server__costs_the_connection_only(void **state)
{
	size_t i;

	assert_int_equal(fixture_client_teardown(state), 0);
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		expect_hostile(state, i);
	assert_int_equal(fixture_client_setup(state), 0);
}

static void client__answer_to_no_question__ends_the_connection(void **state)
{
	const struct fixture_fake_settings settings = {
		.first = "*1\r\n$6\r\nmaster\r\n+PONG\r\n+HELLO\r\n"
	};
	struct fixture_client *f = *state;

	fixture_client_fake(f, &settings);
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->disconnected, "the end");
	assert_non_null(strstr(f->texts, "an answer to no question"));
}

static void client__accepts_and_hangs_up__is_tried_with_pauses(void **state)
{
	const struct fixture_fake_settings settings = {
		.first = "*1\r\n$6\r\nmaster\r\n+PONG\r\n", .close = true
	};
	unsigned long long end = fixture_now_msecs() + 1000;
	struct fixture_client *f = *state;

	fixture_client_fake(f, &settings);
	fixture_client_begin(f);
	while (fixture_now_msecs() < end)
		fixture_client_turn(f);
	/* 50, 100, 200, 400, ... and not hundreds */
	assert_in_range(fixture_fake_accepted(f->fake), 2, 12);
}

static const struct {
	struct redis_settings settings;
	const char *words;
} bad_settings[] = {
	{ { .url = NULL }, "store: not set" },
	{ { .url = "nonsense" }, "store: expected redis://" },
	{ { .url = "redis://h", .user = "u" }, "store_user: " },
	{ { .url = "redis://h", .ca_file = "x" }, "store_ca_file is set" },
	{ { .url = "redis://h", .cert_file = "x" }, "store_cert_file is set" },
	{ { .url = "redis://h", .key_file = "x" }, "store_key_file is set" },
	{ { .url = "rediss://h", .ca_file = "/nonexistent" },
	  "store_ca_file: /nonexistent: No such file" },
	{ { .url = "rediss://h", .cert_file = "x" },
	  "store_key_file is not" },
	{ { .url = "rediss://h", .cert_file = "/nonexistent",
	    .key_file = "x" }, "store_cert_file: /nonexistent: No such file" }
};

static void client__bad_settings__are_named(void **state)
{
	struct fixture_client *f = *state;
	struct ring_error error;
	size_t i;

	for (i = 0; i < sizeof(bad_settings) / sizeof(bad_settings[0]); i++) {
		assert_int_equal(redis_client_init(f->loop,
						   &bad_settings[i].settings,
						   NULL, &f->client, &error),
				 -1);
		assert_null(f->client);
		if (strstr(error.text, bad_settings[i].words) == NULL)
			fail_msg("%zu: %s", i, error.text);
	}
	assert_false(loop_poll_once(f->loop));
}

static void client__name_unknown__is_said(void **state)
{
	struct fixture_client *f = *state;

	f->settings.url = "redis://no-such-host.invalid";
	f->settings.connect_timeout_msecs = 15000;
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, "a failure");
	assert_non_null(strstr(f->last_text, "no-such-host.invalid:6379: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown( \
		name, fixture_client_setup, fixture_client_teardown)
		T(client__plain_server__connects),
		T(client__unix_socket_and_db__connects),
		T(client__name_of_host__is_resolved),
		T(client__wrong_command__is_an_error),
		T(client__acl_user__gets_in),
		T(client__password_alone__gets_in),
		T(client__wrong_password__is_said_but_not_shown),
		T(client__password_missing__is_said),
		T(client__password_needless__is_said),
		T(client__server_restarted__waiting_command_is_done),
		T(client__no_server__unavailable_at_the_deadline),
		T(client__server_hangs__uncertain_then_comes_back),
		T(client__output_stuck__unavailable_for_what_never_left),
		T(client__late_reply__is_thrown_away),
		T(client__became_replica__refused_as_unavailable),
		T(client__script_on_replica__refused_as_unavailable),
		T(client__pipeline_of_1000__answers_in_order),
		T(client__binary_arguments__arrive),
		T(client__deinit__calls_back_each_once),
		T(client__deinit_before_the_first_turn__is_clean),
		T(client__deinit_in_a_reply__others_are_called_first),
		T(client__deinit_at_a_loss__others_are_called_first),
		T(client__deinit_at_a_deadline__others_are_called_first),
		T(client__deinit_while_waiting__others_are_called_first),
		T(client__deinit_in_an_event__is_clean),
		T(client__silent_after_half_the_replies__is_dropped),
		T(client__retry_in_a_callback__goes_to_the_next_connection),
		T(client__hostile_server__costs_the_connection_only),
		T(client__answer_to_no_question__ends_the_connection),
		T(client__accepts_and_hangs_up__is_tried_with_pauses),
		T(client__bad_settings__are_named),
		T(client__name_unknown__is_said),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, group_teardown);
}
