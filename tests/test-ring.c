#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>

#include "ring-sample.h"

/* The first hash that falls on a slot. */
static uint64_t slot_hash(unsigned int slot)
{
	return (uint64_t)slot << (64 - RING_SLOT_BITS);
}

static unsigned int count_slots(const struct ring *ring, const char *tag,
				const char *name)
{
	unsigned int slot, count = 0;

	for (slot = 0; slot < RING_SLOTS; slot++) {
		const struct ring_host *host =
			ring_lookup(ring, slot_hash(slot), tag);

		count += host != NULL && strcmp(host->name, name) == 0;
	}
	return count;
}

/* Does each slot have the owner, by name, that it has in the other ring? */
static bool owners_equal(const struct ring *a, const struct ring *b)
{
	unsigned int slot;

	for (slot = 0; slot < RING_SLOTS; slot++) {
		if (strcmp(ring_lookup(a, slot_hash(slot), "")->name,
			   ring_lookup(b, slot_hash(slot), "")->name) != 0)
			return false;
	}
	return true;
}

static bool digests_equal(const struct ring *a, const struct ring *b)
{
	uint8_t digest_a[RING_DIGEST_BYTES], digest_b[RING_DIGEST_BYTES];

	ring_table_digest(a, digest_a);
	ring_table_digest(b, digest_b);
	return memcmp(digest_a, digest_b, sizeof(digest_a)) == 0;
}

static void build__members_in_any_order__gives_one_ring(void **state)
{
	static const char *const names[] = {"b1", "b2", "b3", "b10", "a"};
	struct ring_record *forth = sample_record(), *back = sample_record();
	struct ring *ring_forth, *ring_back;
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		sample_host(forth, names[i], "10.0.0.1", 100 + i, "");
		sample_host(back, names[4 - i], "10.0.0.1", 104 - i, "");
	}
	ring_forth = sample_build(forth);
	ring_back = sample_build(back);
	assert_true(digests_equal(ring_forth, ring_back));
	assert_true(owners_equal(ring_forth, ring_back));
	ring_free(&ring_forth);
	ring_free(&ring_back);
	ring_record_free(&forth);
	ring_record_free(&back);
}

/* A record whose hosts' owners' slots are counted against their weights: over
   some seeds, each host's count is within three standard deviations of what
   tossing a coin for each slot would give. The race is better than that. */
static void check_shares(const uint32_t *weights, unsigned int count)
{
	const unsigned int rounds = 8;
	struct ring_record *record = sample_hosts(weights, count);
	uint64_t total = 0, owned[32] = {0};
	unsigned int i, slot, round;

	for (i = 0; i < count; i++)
		total += weights[i];
	for (round = 0; round < rounds; round++) {
		struct ring *ring;

		record->seed[0] = (uint8_t)round;
		ring = sample_build(record);
		for (slot = 0; slot < RING_SLOTS; slot++)
			owned[ring_lookup(ring, slot_hash(slot), "") -
			      ring_record(ring)->hosts]++;
		ring_free(&ring);
	}
	for (i = 0; i < count; i++) {
		double share = (double)weights[i] / (double)total;
		double mean = share * rounds * RING_SLOTS;
		double off = (double)owned[i] - mean;

		if (off * off > 9 * mean * (1 - share))
			fail_msg("weight %u: %.0f slots, expected %.0f",
				 weights[i], (double)owned[i], mean);
	}
	ring_record_free(&record);
}

static void shares__weights_far_apart__follow_them(void **state)
{
	static const uint32_t weights[] = {1, 10, 100, 1000};

	(void)state;
	check_shares(weights, 4);
}

static void shares__fifty_and_two_hundred__follow_them(void **state)
{
	uint32_t weights[20];
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++)
		weights[i] = i % 2 == 0 ? 50 : 200;
	check_shares(weights, 20);
}

static void shares__effective_weight__is_what_counts(void **state)
{
	static const uint32_t weights[] = {100, 100};
	struct ring_record *record = sample_hosts(weights, 2);
	struct ring *ring;
	unsigned int count;

	(void)state;
	sample_find(record, "h0000")->effective = 110000;
	ring = sample_build(record);
	/* 110 of 210, within three standard deviations */
	count = count_slots(ring, "", "h0000");
	assert_in_range(count, 549254 - 1535, 549254 + 1535);
	ring_free(&ring);
	ring_record_free(&record);
}

static void build__effective_is_the_default__is_as_without(void **state)
{
	static const uint32_t weights[] = {100, 70};
	struct ring_record *record = sample_hosts(weights, 2);
	struct ring *with, *without = sample_build(record);

	(void)state;
	record->hosts[0].effective = 100 * RING_EFFECTIVE_UNIT;
	with = sample_build(record);
	assert_true(digests_equal(with, without));
	ring_free(&with);
	ring_free(&without);
	ring_record_free(&record);
}

static void build__down_and_up_again__gives_the_same_table(void **state)
{
	static const uint32_t weights[] = {100, 100, 200};
	static const enum ring_host_state away[] = {
		RING_HOST_DOWN, RING_HOST_DRAIN
	};
	struct ring_record *record = sample_hosts(weights, 3);
	struct ring *before = sample_build(record), *ring;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		sample_find(record, "h0001")->state = away[i];
		ring = sample_build(record);
		assert_false(digests_equal(before, ring));
		assert_int_equal(count_slots(ring, "", "h0001"), 0);
		ring_free(&ring);
		sample_find(record, "h0001")->state = RING_HOST_UP;
		ring = sample_build(record);
		assert_true(digests_equal(before, ring));
		ring_free(&ring);
	}
	ring_free(&before);
	ring_record_free(&record);
}

static void build__weight_zero__owns_nothing_like_down(void **state)
{
	static const uint32_t weights[] = {100, 0, 100};
	struct ring_record *record = sample_hosts(weights, 3);
	struct ring *zero = sample_build(record), *down;

	(void)state;
	assert_int_equal(count_slots(zero, "", "h0001"), 0);
	sample_find(record, "h0001")->weight = 100;
	sample_find(record, "h0001")->state = RING_HOST_DOWN;
	down = sample_build(record);
	assert_true(digests_equal(zero, down));
	ring_free(&zero);
	ring_free(&down);
	ring_record_free(&record);
}

static void build__tags__are_rings_of_their_own(void **state)
{
	struct ring_record *record = sample_record();
	struct ring *before, *after;

	(void)state;
	sample_host(record, "b1", "10.0.0.1", 100, "");
	sample_host(record, "b2", "10.0.0.2", 100, "");
	before = sample_build(record);
	sample_host(record, "x1", "10.0.0.3", 100, "x");
	sample_host(record, "a1", "10.0.0.4", 100, "x");
	sample_host(record, "y1", "10.0.0.5", 100, "y");
	sample_find(record, "y1")->state = RING_HOST_DOWN;
	after = sample_build(record);

	assert_true(owners_equal(before, after));
	assert_int_equal(count_slots(after, "x", "x1") +
			 count_slots(after, "x", "a1"), RING_SLOTS);
	assert_true(count_slots(after, "x", "a1") > RING_SLOTS / 3);
	assert_null(ring_lookup(after, 0, "y"));
	assert_null(ring_lookup(after, 0, "z"));
	ring_free(&before);
	ring_free(&after);
	ring_record_free(&record);
}

static void build__no_hosts__looks_up_nobody(void **state)
{
	struct ring_record *record = sample_record();
	struct ring *ring = sample_build(record);

	(void)state;
	assert_null(ring_lookup(ring, 0, ""));
	assert_null(ring_lookup(ring, UINT64_MAX, "x"));
	assert_null(ring_host(ring, "b1"));
	assert_null(ring_host_by_address(ring, "10.0.0.1"));
	ring_free(&ring);
	assert_null(ring);
	ring_record_free(&record);
}

/* Hosts of weight 0, so that no time is spent on their tables. */
static struct ring_record *tagged_record(unsigned int tags)
{
	struct ring_record *record = sample_record();
	unsigned int i;

	sample_host(record, "b", "10.0.0.1", 0, "");
	for (i = 0; i < tags; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%u", i);
		sample_host(record, name, "10.0.0.1", 0, name);
	}
	return record;
}

static void build__too_many_tags__is_refused(void **state)
{
	struct ring_record *record = tagged_record(RING_TAGS_MAX);
	struct ring *ring = sample_build(record);
	struct ring_error error;

	(void)state;
	ring_free(&ring);
	ring_record_free(&record);
	record = tagged_record(RING_TAGS_MAX + 1);
	assert_int_equal(ring_build(record, &ring, &error), -1);
	assert_null(ring);
	assert_non_null(strstr(error.text, "at most 32 different tags"));
	ring_record_free(&record);
}

static void digest__other_name_with_same_table__differs(void **state)
{
	struct ring_record *record = sample_record();
	struct ring *b1, *b2;

	(void)state;
	sample_host(record, "b1", "10.0.0.1", 100, "");
	b1 = sample_build(record);
	strcpy(record->hosts[0].name, "b2");
	b2 = sample_build(record);
	assert_false(digests_equal(b1, b2));
	ring_free(&b1);
	ring_free(&b2);
	ring_record_free(&record);
}

static void digest__what_the_table_ignores__does_not_matter(void **state)
{
	static const uint32_t weights[] = {100, 100};
	struct ring_record *record = sample_hosts(weights, 2);
	struct ring *before = sample_build(record), *after;

	(void)state;
	record->epoch = 99;
	strcpy(record->hosts[0].address, "::1");
	record->hosts[1].ports[RING_PROTOCOL_IMAP] = 1143;
	sample_node(record, "d1", "10.1.1.1", RING_ROLE_DIRECTOR);
	after = sample_build(record);
	assert_true(digests_equal(before, after));
	ring_free(&before);
	ring_free(&after);
	ring_record_free(&record);
}

static void check_table__publishers_digest__must_be_ours(void **state)
{
	static const uint32_t weights[] = {100, 100};
	struct ring_record *record = sample_hosts(weights, 2);
	struct ring *ring = sample_build(record);
	struct ring_error error;

	(void)state;
	assert_int_equal(ring_check_table(ring, &error), -1);
	assert_non_null(strstr(error.text, "this node computes table"));
	ring_table_digest(ring, record->table_digest);
	ring_free(&ring);
	ring = sample_build(record);
	assert_int_equal(ring_check_table(ring, &error), 0);
	ring_free(&ring);
	ring_record_free(&record);
}

static void hash__key_and_seed__both_matter(void **state)
{
	struct ring_record *record = sample_record();
	struct ring *ring = sample_build(record), *other;

	(void)state;
	record->seed[15] ^= 1;
	other = sample_build(record);
	assert_true(ring_hash(ring, "someone", 7) ==
		    ring_hash(ring, "someone", 7));
	assert_true(ring_hash(ring, "someone", 7) !=
		    ring_hash(ring, "someone2", 8));
	assert_true(ring_hash(ring, "a\0b", 3) != ring_hash(ring, "a\0c", 3));
	assert_true(ring_hash(ring, "someone", 7) !=
		    ring_hash(other, "someone", 7));
	assert_int_equal(ring_shard(0x12345678abcdef9aULL), 0x9a);
	ring_free(&ring);
	ring_free(&other);
	ring_record_free(&record);
}

static void host__by_name_or_address__is_found(void **state)
{
	struct ring_record *record = sample_record();
	struct ring *ring;

	(void)state;
	sample_host(record, "b3", "10.0.0.1", 1, "");
	sample_host(record, "b1", "10.0.0.3", 1, "");
	sample_host(record, "b2", "2001:db8::5", 0, "");
	sample_host(record, "b4", "10.0.0.1", 1, "");
	ring = sample_build(record);
	assert_string_equal(ring_host(ring, "b2")->address, "2001:db8::5");
	assert_null(ring_host(ring, "b5"));
	/* two at one address: the lower name */
	assert_string_equal(ring_host_by_address(ring, "10.0.0.1")->name,
			    "b3");
	assert_string_equal(ring_host_by_address(ring, "10.0.0.3")->name,
			    "b1");
	assert_string_equal(ring_host_by_address(ring, "2001:DB8:0::5")->name,
			    "b2");
	assert_null(ring_host_by_address(ring, "10.0.0.2"));
	assert_null(ring_host_by_address(ring, "9.0.0.2"));
	assert_null(ring_host_by_address(ring, "b1"));
	ring_free(&ring);
	ring_record_free(&record);
}

static void ring__record_changed_behind_it__has_its_own(void **state)
{
	static const uint32_t weights[] = {100};
	struct ring_record *record = sample_hosts(weights, 1);
	struct ring *ring = sample_build(record);

	(void)state;
	strcpy(record->hosts[0].name, "other");
	ring_record_free(&record);
	assert_string_equal(ring_lookup(ring, 0, "")->name, "h0000");
	assert_string_equal(ring_record(ring)->cluster, "mail");
	ring_free(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build__members_in_any_order__gives_one_ring),
		cmocka_unit_test(shares__weights_far_apart__follow_them),
		cmocka_unit_test(shares__fifty_and_two_hundred__follow_them),
		cmocka_unit_test(shares__effective_weight__is_what_counts),
		cmocka_unit_test(
		build__effective_is_the_default__is_as_without),
		cmocka_unit_test(
		build__down_and_up_again__gives_the_same_table),
		cmocka_unit_test(build__weight_zero__owns_nothing_like_down),
		cmocka_unit_test(build__tags__are_rings_of_their_own),
		cmocka_unit_test(build__no_hosts__looks_up_nobody),
		cmocka_unit_test(build__too_many_tags__is_refused),
		cmocka_unit_test(digest__other_name_with_same_table__differs),
		cmocka_unit_test(
		digest__what_the_table_ignores__does_not_matter),
		cmocka_unit_test(check_table__publishers_digest__must_be_ours),
		cmocka_unit_test(hash__key_and_seed__both_matter),
		cmocka_unit_test(host__by_name_or_address__is_found),
		cmocka_unit_test(ring__record_changed_behind_it__has_its_own),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
