#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "lease-cache.h"

#define BUCKETS_MIN 256

/* A place in a list with a head; next == NULL: in none. */
struct link {
	struct link *prev, *next;
};

struct entry {
	struct link by_use;	/* first: used longest ago */
	struct link by_queue;
	struct entry *chain;
	uint64_t used_msecs;
	struct lease_cache_entry lease;
	char bytes[];		/* key, NUL, host, NUL */
};

struct lease_cache {
	uint64_t expire_msecs;
	unsigned int max_count, count, bucket_count;
	struct entry **buckets;
	struct link by_use, by_queue;
	/* Users choose their names: nobody outside may foresee the bucket. */
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

#define ENTRY(link, member) \
	((struct entry *)(void *)((char *)(link) - \
				  offsetof(struct entry, member)))

static void link_init(struct link *head)
{
	head->prev = head->next = head;
}

static void link_append(struct link *head, struct link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

static void link_remove(struct link *link)
{
	if (link->next == NULL)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

static struct entry **
bucket(const struct lease_cache *cache, const void *key, size_t size)
{
	uint8_t bytes[crypto_shorthash_BYTES];
	uint64_t hash;

	(void)crypto_shorthash(bytes, key, size, cache->hash_key);
	memcpy(&hash, bytes, sizeof(hash));
	return &cache->buckets[hash & (cache->bucket_count - 1)];
}

/* Where the pointer to the entry is, or where it would be. */
static struct entry **
find(const struct lease_cache *cache, const void *key, size_t size)
{
	struct entry **p = bucket(cache, key, size);

	while (*p != NULL && ((*p)->lease.key_size != size ||
			      memcmp((*p)->lease.key, key, size) != 0))
		p = &(*p)->chain;
	return p;
}

static void remove_at(struct lease_cache *cache, struct entry **p)
{
	struct entry *entry = *p;

	*p = entry->chain;
	link_remove(&entry->by_use);
	link_remove(&entry->by_queue);
	free(entry);
	cache->count--;
}

static void grow(struct lease_cache *cache)
{
	struct entry **old = cache->buckets, *entry, *next, **p;
	unsigned int i, old_count = cache->bucket_count;

	cache->bucket_count = old_count * 2;
	cache->buckets = mem_calloc(cache->bucket_count, sizeof(*old));
	for (i = 0; i < old_count; i++) {
		for (entry = old[i]; entry != NULL; entry = next) {
			next = entry->chain;
			p = bucket(cache, entry->lease.key,
				   entry->lease.key_size);
			entry->chain = *p;
			*p = entry;
		}
	}
	free(old);
}

static bool
is_expired(const struct lease_cache *cache, const struct entry *entry,
	   uint64_t now_msecs)
{
	return now_msecs > entry->used_msecs &&
		now_msecs - entry->used_msecs > cache->expire_msecs;
}

static void remove_oldest(struct lease_cache *cache)
{
	struct entry *entry = ENTRY(cache->by_use.next, by_use);

	remove_at(cache, find(cache, entry->lease.key, entry->lease.key_size));
}

/* Called before each put: two out for one in keeps up with any load. */
static void make_room(struct lease_cache *cache, uint64_t now_msecs)
{
	unsigned int i;

	for (i = 0; i < 2 && cache->count > 0; i++) {
		if (!is_expired(cache, ENTRY(cache->by_use.next, by_use),
				now_msecs))
			break;
		remove_oldest(cache);
	}
	if (cache->count >= cache->max_count)
		remove_oldest(cache);
	if (cache->count >= cache->bucket_count)
		grow(cache);
}

/* The live entry, NULL if there is none. */
static struct entry *
find_live(struct lease_cache *cache, const void *key, size_t size,
	  uint64_t now_msecs)
{
	struct entry **p = find(cache, key, size);

	if (*p == NULL)
		return NULL;
	if (is_expired(cache, *p, now_msecs)) {
		remove_at(cache, p);
		return NULL;
	}
	return *p;
}

static void
touch(struct lease_cache *cache, struct entry *entry, uint64_t now_msecs)
{
	entry->used_msecs = now_msecs;
	link_remove(&entry->by_use);
	link_append(&cache->by_use, &entry->by_use);
}

static void queue(struct lease_cache *cache, struct entry *entry)
{
	if (entry->by_queue.next == NULL)
		link_append(&cache->by_queue, &entry->by_queue);
}

static struct entry *entry_new(const struct lease_cache_entry *lease)
{
	size_t host_size = strlen(lease->host) + 1;
	struct entry *entry;

	entry = mem_calloc(1, sizeof(*entry) + lease->key_size + 1 + host_size);
	memcpy(entry->bytes, lease->key, lease->key_size);
	memcpy(entry->bytes + lease->key_size + 1, lease->host, host_size);
	entry->lease = *lease;
	entry->lease.key = entry->bytes;
	entry->lease.host = entry->bytes + lease->key_size + 1;
	return entry;
}

struct lease_cache *
lease_cache_init(uint64_t expire_msecs, unsigned int max_count)
{
	struct lease_cache *cache = mem_calloc(1, sizeof(*cache));

	cache->expire_msecs = expire_msecs;
	cache->max_count = max_count;
	cache->bucket_count = BUCKETS_MIN;
	cache->buckets = mem_calloc(BUCKETS_MIN, sizeof(*cache->buckets));
	link_init(&cache->by_use);
	link_init(&cache->by_queue);
	crypto_shorthash_keygen(cache->hash_key);
	return cache;
}

void lease_cache_deinit(struct lease_cache **_cache)
{
	struct lease_cache *cache = *_cache;

	if (cache == NULL)
		return;
	*_cache = NULL;
	while (cache->count > 0)
		remove_oldest(cache);
	free(cache->buckets);
	free(cache);
}

unsigned int lease_cache_count(const struct lease_cache *cache)
{
	return cache->count;
}

const struct lease_cache_entry *
lease_cache_find(struct lease_cache *cache, const void *key, size_t size,
		 uint64_t now_msecs)
{
	struct entry *entry = find_live(cache, key, size, now_msecs);

	return entry == NULL ? NULL : &entry->lease;
}

void lease_cache_put(struct lease_cache *cache,
		     const struct lease_cache_entry *lease, uint64_t now_msecs)
{
	struct entry *entry, **p;
	bool is_used = lease->is_used;

	entry = find_live(cache, lease->key, lease->key_size, now_msecs);
	if (entry != NULL && strcmp(entry->lease.host, lease->host) == 0) {
		entry->lease.generation = lease->generation;
		entry->lease.is_used |= is_used;
		touch(cache, entry, now_msecs);
		return;
	}
	p = find(cache, lease->key, lease->key_size);
	if (*p != NULL)
		remove_at(cache, p);
	make_room(cache, now_msecs);

	entry = entry_new(lease);
	p = bucket(cache, entry->lease.key, entry->lease.key_size);
	entry->chain = *p;
	*p = entry;
	entry->used_msecs = now_msecs;
	link_append(&cache->by_use, &entry->by_use);
	cache->count++;
}

void lease_cache_drop(struct lease_cache *cache,
		      const struct lease_cache_entry *lease)
{
	struct entry **p = find(cache, lease->key, lease->key_size);

	if (*p != NULL && (*p)->lease.generation == lease->generation &&
	    strcmp((*p)->lease.host, lease->host) == 0)
		remove_at(cache, p);
}

void lease_cache_seen(struct lease_cache *cache, const void *key, size_t size,
		      uint64_t now_msecs)
{
	struct entry *entry = find_live(cache, key, size, now_msecs);

	if (entry == NULL)
		return;
	entry->lease.is_used = true;
	touch(cache, entry, now_msecs);
	queue(cache, entry);
}

void lease_cache_queue(struct lease_cache *cache, const void *key,
		       size_t size, uint64_t now_msecs)
{
	struct entry *entry = find_live(cache, key, size, now_msecs);

	if (entry != NULL)
		queue(cache, entry);
}

void lease_cache_queue_all(struct lease_cache *cache, uint64_t now_msecs)
{
	struct link *link;
	struct entry *entry;

	for (link = cache->by_use.next; link != &cache->by_use;
	     link = link->next) {
		entry = ENTRY(link, by_use);
		if (entry->lease.is_used &&
		    !is_expired(cache, entry, now_msecs))
			queue(cache, entry);
	}
}

bool lease_cache_has_queued(const struct lease_cache *cache)
{
	return cache->by_queue.next != &cache->by_queue;
}

const struct lease_cache_entry *
lease_cache_queue_next(struct lease_cache *cache, uint64_t now_msecs)
{
	struct entry *entry;

	while (lease_cache_has_queued(cache)) {
		entry = ENTRY(cache->by_queue.next, by_queue);
		link_remove(&entry->by_queue);
		if (!is_expired(cache, entry, now_msecs))
			return &entry->lease;
	}
	return NULL;
}
