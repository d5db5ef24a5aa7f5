#ifndef FIXTURE_CLIENT_H
#define FIXTURE_CLIENT_H

/* A redis_client with a loop of its own, that writes down what happens. */

#include "fixture-fake.h"
#include "redis-client.h"

struct fixture_call {
	bool done;
	unsigned int times;	/* that it was called back */
	enum redis_status status;
	char text[512];		/* the reply's, if it has one */
	long long integer;
	unsigned long long took_msecs, given_msecs;
};

struct fixture_client {
	struct loop *loop;
	struct redis_settings settings;
	struct redis_client *client;
	unsigned int events[REDIS_FAILED_OVER + 1];	/* by kind */
	char last_text[512];	/* of the last event */
	char texts[8192];	/* of all, as far as they fit */
	char url[128];
	struct fixture_fake *fake;	/* NULL but for tests with one */
	bool connected, disconnected, connect_failed, failed_over;
};

struct fixture_client *fixture_client_init(void);
void fixture_client_deinit(struct fixture_client **fixture);
/* The same for cmocka; the teardown stops all servers, too. */
int fixture_client_setup(void **state);
int fixture_client_teardown(void **state);

/* With the settings as they are. Fails the test if they are refused. */
void fixture_client_begin(struct fixture_client *fixture);
/* And wait until it is connected. */
void fixture_client_connect(struct fixture_client *fixture);

/* Start a fake, and let the settings name it. */
void fixture_client_fake(struct fixture_client *fixture,
			 const struct fixture_fake_settings *settings);
/* Give the loop a few milliseconds. */
void fixture_client_turn(struct fixture_client *fixture);

/* The words end in NULL. */
void fixture_call(struct fixture_client *fixture, struct fixture_call *call,
		  unsigned int timeout_msecs, ...)
	__attribute__((sentinel));
void fixture_call_wait(struct fixture_client *fixture,
		       struct fixture_call *call);
/* For commands given without fixture_call(). */
void fixture_call_back(enum redis_status status,
		       const struct redisReply *reply, void *context);

#endif
