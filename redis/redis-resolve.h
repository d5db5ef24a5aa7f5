#ifndef REDIS_RESOLVE_H
#define REDIS_RESOLVE_H

/* Names to addresses without making the loop wait.

   A numeric address is answered by the next turn of the loop. A name is given
   to getaddrinfo_a(3), whose threads ask, and a timeout looks after it: no
   callback ever runs in another thread. */

#include <stdint.h>

#include "loop.h"

struct addrinfo;
struct redis_resolve;

/* Called once, with the addresses, which are the callback's to free with
   freeaddrinfo(), or with NULL and an error. The lookup is gone by then. */
typedef void redis_resolve_callback_t(struct addrinfo *addresses,
				      const char *error, void *context);

struct redis_resolve *
redis_resolve_init(struct loop *loop, const char *host, uint16_t port,
		   redis_resolve_callback_t *callback, void *context);
/* Nothing happens if *resolve is NULL. */
void redis_resolve_deinit(struct redis_resolve **resolve);

#endif
