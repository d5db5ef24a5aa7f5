#include "config.h"

#include <setjmp.h>
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
#include "memory.h"
#include "redis-hiredis.h"

#define CALL_WORDS_MAX 8

struct fixture_client *fixture_client_init(void)
{
	struct fixture_client *fixture = mem_calloc(1, sizeof(*fixture));

	fixture->loop = loop_poll_init();
	return fixture;
}

void fixture_client_deinit(struct fixture_client **_fixture)
{
	struct fixture_client *fixture = *_fixture;

	*_fixture = NULL;
	redis_client_deinit(&fixture->client);
	fixture_fake_deinit(&fixture->fake);
	loop_poll_deinit(&fixture->loop);
	free(fixture);
}

static void client_event(enum redis_event event, const char *text,
			 void *context)
{
	struct fixture_client *fixture = context;
	size_t used = strlen(fixture->texts);

	fixture->events[event]++;
	(void)snprintf(fixture->last_text, sizeof(fixture->last_text), "%s",
		       text);
	(void)snprintf(fixture->texts + used, sizeof(fixture->texts) - used,
		       "%s\n", text);
	switch (event) {
	case REDIS_CONNECTED:
		fixture->connected = true;
		break;
	case REDIS_DISCONNECTED:
		fixture->disconnected = true;
		break;
	case REDIS_CONNECT_FAILED:
		fixture->connect_failed = true;
		break;
	case REDIS_FAILED_OVER:
		fixture->failed_over = true;
		break;
	}
}

void fixture_client_fake(struct fixture_client *fixture,
			 const struct fixture_fake_settings *settings)
{
	fixture->fake = fixture_fake_init(fixture->loop, settings);
	(void)snprintf(fixture->url, sizeof(fixture->url),
		       "redis://127.0.0.1:%u",
		       fixture_fake_port(fixture->fake));
	fixture->settings.url = fixture->url;
}

static void client_turned(void *context)
{
	*(bool *)context = true;
}

void fixture_client_turn(struct fixture_client *fixture)
{
	bool turned = false;

	(void)loop_timeout_add(fixture->loop, 10, client_turned, &turned);
	(void)loop_poll_until(fixture->loop, &turned);
}

int fixture_client_setup(void **state)
{
	*state = fixture_client_init();
	return 0;
}

int fixture_client_teardown(void **state)
{
	struct fixture_client *fixture = *state;

	fixture_client_deinit(&fixture);
	fixture_redis_stop_all();
	return 0;
}

void fixture_client_begin(struct fixture_client *fixture)
{
	struct redis_client_callbacks callbacks = {
		.event = client_event,
		.context = fixture
	};
	struct ring_error error;

	if (redis_client_init(fixture->loop, &fixture->settings, &callbacks,
			      &fixture->client, &error) < 0)
		fail_msg("redis_client_init: %s", error.text);
}

void fixture_client_connect(struct fixture_client *fixture)
{
	fixture_client_begin(fixture);
	fixture_loop_until(fixture->loop, &fixture->connected, "connected");
	assert_true(redis_client_is_connected(fixture->client));
}

void fixture_call_back(enum redis_status status,
		       const struct redisReply *reply, void *context)
{
	struct fixture_call *call = context;

	call->done = true;
	call->times++;
	call->status = status;
	call->took_msecs = fixture_now_msecs() - call->given_msecs;
	assert_true((reply != NULL) ==
		    (status == REDIS_OK || status == REDIS_ERROR));
	if (reply == NULL)
		return;
	call->integer = reply->integer;
	if (reply->str != NULL)
		(void)snprintf(call->text, sizeof(call->text), "%s",
			       reply->str);
}

void fixture_call(struct fixture_client *fixture, struct fixture_call *call,
		  unsigned int timeout_msecs, ...)
{
	const char *words[CALL_WORDS_MAX], *word;
	size_t sizes[CALL_WORDS_MAX];
	struct redis_command command = { .argv = words, .sizes = sizes };
	va_list args;

	va_start(args, timeout_msecs);
	while ((word = va_arg(args, const char *)) != NULL) {
		assert_true(command.argc < CALL_WORDS_MAX);
		words[command.argc] = word;
		sizes[command.argc++] = strlen(word);
	}
	va_end(args);
	memset(call, 0, sizeof(*call));
	call->given_msecs = fixture_now_msecs();
	redis_client_command(fixture->client, &command, timeout_msecs,
			     fixture_call_back, call);
	assert_false(call->done);
}

void fixture_call_wait(struct fixture_client *fixture,
		       struct fixture_call *call)
{
	fixture_loop_until(fixture->loop, &call->done, "a command's callback");
	assert_int_equal(call->times, 1);
}
