#ifndef LEASE_CACHE_H
#define LEASE_CACHE_H

/* What this agent knows of users: the leases that it got or saw, by key.

   While the store is away these are the leases that count here, and when it
   comes back without its data they are written again. An entry goes
   expire_msecs after its last use. Time is an argument; a caller whose clock
   stands still while the store is away keeps all of them for so long.

   Bounded: above max_count the entry that was used longest ago goes. A user
   who is forgotten so goes by the ring while the store is away; an agent
   that serves more users than that at a time needs a larger bound. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_CACHE_MAX 1000000

struct lease_cache;

struct lease_cache_entry {
	const void *key;
	size_t key_size;
	const char *host;
	uint64_t generation;
	/* Somebody logged in here by it (not only looked): worth renewing. */
	bool is_used;
};

struct lease_cache *
lease_cache_init(uint64_t expire_msecs, unsigned int max_count);
void lease_cache_deinit(struct lease_cache **cache);

unsigned int lease_cache_count(const struct lease_cache *cache);
/* NULL if there is none. Good until the next call that changes the cache. */
const struct lease_cache_entry *
lease_cache_find(struct lease_cache *cache, const void *key, size_t size,
		 uint64_t now_msecs);
/* What the store has answered; is_used = by a claim. Counts as a use. */
void lease_cache_put(struct lease_cache *cache,
		     const struct lease_cache_entry *entry,
		     uint64_t now_msecs);
/* Forget it, if it is this host's and generation's still. */
void lease_cache_drop(struct lease_cache *cache,
		      const struct lease_cache_entry *entry);

/* Renewals. seen: the user has a session; queues him, if he is known. queue:
   the same without counting as a use. queue_all: all that are used; then the
   store gets back what it may have lost. Nobody is queued twice. */
void lease_cache_seen(struct lease_cache *cache, const void *key, size_t size,
		      uint64_t now_msecs);
void lease_cache_queue(struct lease_cache *cache, const void *key,
		       size_t size, uint64_t now_msecs);
void lease_cache_queue_all(struct lease_cache *cache, uint64_t now_msecs);
bool lease_cache_has_queued(const struct lease_cache *cache);
/* Takes the one that waits longest out of the queue; NULL if it is empty.
   Good until the next call that changes the cache. */
const struct lease_cache_entry *
lease_cache_queue_next(struct lease_cache *cache, uint64_t now_msecs);

#endif
