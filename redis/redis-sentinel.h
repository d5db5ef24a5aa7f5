#ifndef REDIS_SENTINEL_H
#define REDIS_SENTINEL_H

/* Where is the master? All sentinels are asked at once, when
   redis_sentinel_ask() says so and each REDIS_SENTINEL_POLL_MSECS: one of them
   may be cut off together with the old master, and name it for a long time.
   As soon as a majority of those configured agrees, its answer counts. If none
   does until all have answered or had their time, the newest configuration
   counts, and is not called a majority's.

   A sentinel gets AUTH if it asks for it (NOAUTH); TLS as the URL says. */

#include "redis-login.h"

#define REDIS_SENTINEL_POLL_MSECS 2000

struct redis_sentinel;
struct redis_tls;

struct redis_sentinel_settings {
	const struct redis_address *addresses;
	unsigned int addresses_count;
	const char *master_name;
	struct redis_tls *tls;
	const struct redis_login *login;
	/* Once a round; master is NULL if there is only an error. */
	void (*located)(const struct redis_address *master, bool majority,
			const char *error, void *context);
	void *context;
};

/* What the settings point to must stay. */
struct redis_sentinel *
redis_sentinel_init(struct loop *loop,
		    const struct redis_sentinel_settings *settings);
void redis_sentinel_deinit(struct redis_sentinel **sentinel);

/* Begin a round now, if none is under way. */
void redis_sentinel_ask(struct redis_sentinel *sentinel);
/* Of the master, as the last answer that counted has it. */
unsigned int redis_sentinel_replicas(const struct redis_sentinel *sentinel);

#endif
