#ifndef STORE_REDIS_H
#define STORE_REDIS_H

/* The store in Redis: Lua scripts by EVALSHA, loaded again on NOSCRIPT. */

#include "redis-client.h"
#include "store.h"

/* The client must outlive the store. Times: of a lease, and of one operation
   (0: 2000). Never fails. */
struct store *store_redis_init(struct loop *loop, struct redis_client *client,
			       const char *cluster, unsigned int lease_secs,
			       unsigned int timeout_msecs);

#endif
