#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lease-cache.h"

#define EXPIRE 900000

static int setup(void **state)
{
	if (sodium_init() < 0)
		return -1;
	*state = lease_cache_init(EXPIRE, 1000);
	return 0;
}

static int teardown(void **state)
{
	struct lease_cache *cache = *state;

	lease_cache_deinit(&cache);
	return 0;
}

static struct lease_cache_entry
entry(const char *key, const char *host, uint64_t generation)
{
	struct lease_cache_entry entry = {
		.key = key,
		.key_size = strlen(key),
		.host = host,
		.generation = generation,
		.is_used = true,
	};

	return entry;
}

static void put(struct lease_cache *cache, const char *key, const char *host,
		uint64_t generation, uint64_t now)
{
	struct lease_cache_entry new = entry(key, host, generation);

	lease_cache_put(cache, &new, now);
}

static const char *
host_of(struct lease_cache *cache, const char *key, uint64_t now)
{
	const struct lease_cache_entry *found;

	found = lease_cache_find(cache, key, strlen(key), now);
	return found == NULL ? "(none)" : found->host;
}

static unsigned int queued(struct lease_cache *cache, uint64_t now)
{
	unsigned int count = 0;

	while (lease_cache_queue_next(cache, now) != NULL)
		count++;
	return count;
}

static void find__unknown__null(void **state)
{
	assert_string_equal(host_of(*state, "bob", 0), "(none)");
}

static void put__then_find__as_given(void **state)
{
	const struct lease_cache_entry *found;

	put(*state, "bob", "b1", 5, 100);
	found = lease_cache_find(*state, "bob", 3, 100);
	assert_non_null(found);
	assert_string_equal(found->host, "b1");
	assert_true(found->generation == 5);
	assert_string_equal(host_of(*state, "bobby", 100), "(none)");
	assert_string_equal(host_of(*state, "bo", 100), "(none)");
}

static void put__other_host__replaces(void **state)
{
	put(*state, "bob", "b1", 5, 100);
	put(*state, "bob", "b22", 6, 100);
	assert_string_equal(host_of(*state, "bob", 100), "b22");
	assert_int_equal(lease_cache_count(*state), 1);
}

/* Any bytes are a key, NUL among them. */
static void put__keys_that_differ_behind_a_nul__are_two(void **state)
{
	struct lease_cache_entry a = entry("x", "b1", 1), b = a;
	struct lease_cache *cache = *state;

	a.key = "x\0a";
	b.key = "x\0b";
	a.key_size = b.key_size = 3;
	b.host = "b2";
	lease_cache_put(cache, &a, 0);
	lease_cache_put(cache, &b, 0);
	assert_string_equal(lease_cache_find(cache, "x\0a", 3, 0)->host, "b1");
	assert_string_equal(lease_cache_find(cache, "x\0b", 3, 0)->host, "b2");
}

static void find__after_expiry__gone(void **state)
{
	put(*state, "bob", "b1", 5, 100);
	assert_string_equal(host_of(*state, "bob", 100 + EXPIRE), "b1");
	assert_string_equal(host_of(*state, "bob", 101 + EXPIRE), "(none)");
	assert_int_equal(lease_cache_count(*state), 0);
}

static void seen__counts_as_a_use(void **state)
{
	put(*state, "bob", "b1", 5, 100);
	lease_cache_seen(*state, "bob", 3, 500000);
	assert_string_equal(host_of(*state, "bob", 500000 + EXPIRE), "b1");
}

static void put__expired_ones__make_room(void **state)
{
	char key[16];
	unsigned int i;

	for (i = 0; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "u%u", i);
		put(*state, key, "b1", 1, 0);
	}
	for (i = 0; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "v%u", i);
		put(*state, key, "b1", 1, EXPIRE + 1);
	}
	assert_int_equal(lease_cache_count(*state), 100);
}

static void put__full__oldest_goes(void **state)
{
	char key[16];
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "u%u", i);
		put(*state, key, "b1", 1, i);
	}
	lease_cache_seen(*state, "u0", 2, 1000);
	put(*state, "one more", "b1", 1, 1001);
	assert_int_equal(lease_cache_count(*state), 1000);
	assert_string_equal(host_of(*state, "u0", 1001), "b1");
	assert_string_equal(host_of(*state, "u1", 1001), "(none)");
}

static void drop__other_generation__stays(void **state)
{
	struct lease_cache_entry old = entry("bob", "b1", 4);

	put(*state, "bob", "b1", 5, 100);
	lease_cache_drop(*state, &old);
	assert_string_equal(host_of(*state, "bob", 100), "b1");
	old.generation = 5;
	lease_cache_drop(*state, &old);
	assert_string_equal(host_of(*state, "bob", 100), "(none)");
}

static void seen__twice__queued_once(void **state)
{
	put(*state, "bob", "b1", 5, 100);
	assert_false(lease_cache_has_queued(*state));
	lease_cache_seen(*state, "bob", 3, 100);
	lease_cache_seen(*state, "bob", 3, 200);
	assert_int_equal(queued(*state, 200), 1);
	lease_cache_seen(*state, "bob", 3, 300);
	assert_int_equal(queued(*state, 300), 1);
}

static void seen__unknown__not_queued(void **state)
{
	lease_cache_seen(*state, "bob", 3, 100);
	assert_false(lease_cache_has_queued(*state));
}

static void queue__dropped_meanwhile__out(void **state)
{
	struct lease_cache_entry bob = entry("bob", "b1", 5);

	put(*state, "bob", "b1", 5, 100);
	lease_cache_seen(*state, "bob", 3, 100);
	lease_cache_drop(*state, &bob);
	assert_false(lease_cache_has_queued(*state));
}

static void queue_all__only_those_in_use(void **state)
{
	struct lease_cache_entry looked = entry("looked", "b1", 1);

	looked.is_used = false;
	put(*state, "old", "b1", 1, 0);
	put(*state, "bob", "b1", 1, EXPIRE);
	lease_cache_put(*state, &looked, EXPIRE);
	lease_cache_queue_all(*state, EXPIRE + 1);
	assert_int_equal(queued(*state, EXPIRE + 1), 1);
}

static void put__100000_keys__all_found(void **state)
{
	struct lease_cache *cache = lease_cache_init(EXPIRE, 1000000);
	char key[16];
	unsigned int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		(void)snprintf(key, sizeof(key), "u%u", i);
		put(cache, key, i % 2 == 0 ? "even" : "odd", i, i);
	}
	for (i = 0; i < 100000; i++) {
		(void)snprintf(key, sizeof(key), "u%u", i);
		assert_string_equal(host_of(cache, key, 100000),
				    i % 2 == 0 ? "even" : "odd");
	}
	lease_cache_deinit(&cache);
	assert_null(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(find__unknown__null),
		T(put__then_find__as_given),
		T(put__other_host__replaces),
		T(put__keys_that_differ_behind_a_nul__are_two),
		T(find__after_expiry__gone),
		T(seen__counts_as_a_use),
		T(put__expired_ones__make_room),
		T(put__full__oldest_goes),
		T(drop__other_generation__stays),
		T(seen__twice__queued_once),
		T(seen__unknown__not_queued),
		T(queue__dropped_meanwhile__out),
		T(queue_all__only_those_in_use),
		T(put__100000_keys__all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
