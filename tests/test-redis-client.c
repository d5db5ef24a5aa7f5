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

#include "fixture-redis.h"
#include "fixture-client.h"
#include "loop-poll.h"
#include "redis-client.h"
#include "redis-hiredis.h"

static int setup(void **state)
{
	*state = fixture_client_init();
	return 0;
}

static int teardown(void **state)
{
	struct fixture_client *fixture = *state;

	fixture_client_deinit(&fixture);
	fixture_redis_stop_all();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(client__plain_server__connects),
		T(client__unix_socket_and_db__connects),
		T(client__name_of_host__is_resolved),
		T(client__wrong_command__is_an_error),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
