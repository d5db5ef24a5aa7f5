#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>

#include "ring-diff.h"
#include "ring-sample.h"

/* I3: a change moves only what changed owner, and no method could move less.
   `changed` is the only host that may gain or lose against its will: what it
   gains all others lose, and the other way round. */
static void check_minimal(const struct ring_record *before_record,
			  const struct ring_record *after_record,
			  const char *changed)
{
	struct ring *before = sample_build(before_record);
	struct ring *after = sample_build(after_record);
	struct ring_diff *diff = ring_diff(before, after);
	uint32_t total_before = 0, total_after = 0;
	unsigned int i;

	assert_true(diff->slots_moved > 0);
	assert_int_equal(diff->slots_moved, diff->slots_moved_min);
	for (i = 0; i < diff->host_count; i++) {
		const struct ring_diff_host *host = &diff->hosts[i];

		assert_int_equal(host->slots_before + host->slots_gained,
				 host->slots_after + host->slots_lost);
		/* nobody gains and loses at once */
		assert_true(host->slots_gained == 0 || host->slots_lost == 0);
		if (strcmp(host->name, changed) == 0)
			assert_int_equal(host->slots_gained + host->slots_lost,
					 diff->slots_moved);
		total_before += host->slots_before;
		total_after += host->slots_after;
	}
	assert_int_equal(total_before, RING_SLOTS);
	assert_int_equal(total_after, RING_SLOTS);
	ring_diff_free(&diff);
	assert_null(diff);
	ring_free(&before);
	ring_free(&after);
}

static void check_both_ways(const struct ring_record *a,
			    const struct ring_record *b, const char *changed)
{
	check_minimal(a, b, changed);
	check_minimal(b, a, changed);
}

static struct ring_record *make_record(void)
{
	static const uint32_t weights[] = {50, 200, 100, 1, 100, 50};

	return sample_hosts(weights, 6);
}

static void diff__host_added_or_removed__moves_the_least(void **state)
{
	struct ring_record *before = make_record();
	struct ring_record *after = ring_record_dup(before);

	(void)state;
	/* in the middle, so that the others' indexes change */
	sample_host(after, "h0002a", "10.1.1.1", 120, "");
	check_both_ways(before, after, "h0002a");
	ring_record_free(&before);
	ring_record_free(&after);
}

static void diff__weight_changed__moves_the_least(void **state)
{
	static const uint32_t weights[] = {1, 199, 201, 240, 10000};
	struct ring_record *before = make_record();
	struct ring_record *after = ring_record_dup(before);
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		sample_find(after, "h0001")->weight = weights[i];
		check_both_ways(before, after, "h0001");
	}
	ring_record_free(&before);
	ring_record_free(&after);
}

static void diff__effective_changed__moves_the_least(void **state)
{
	struct ring_record *before = make_record();
	struct ring_record *after = ring_record_dup(before);

	(void)state;
	sample_find(after, "h0002")->effective = 100500;
	check_both_ways(before, after, "h0002");
	ring_record_free(&before);
	ring_record_free(&after);
}

static void diff__host_down_or_draining__moves_the_least(void **state)
{
	struct ring_record *before = make_record();
	struct ring_record *after = ring_record_dup(before);

	(void)state;
	sample_find(after, "h0000")->state = RING_HOST_DOWN;
	check_both_ways(before, after, "h0000");
	sample_find(after, "h0000")->state = RING_HOST_DRAIN;
	check_both_ways(before, after, "h0000");
	ring_record_free(&before);
	ring_record_free(&after);
}

static void diff__nothing_changed__moves_nobody(void **state)
{
	struct ring_record *record = make_record();
	struct ring *before = sample_build(record), *after;
	struct ring_diff *diff;
	unsigned int i;

	(void)state;
	record->epoch++;
	strcpy(record->hosts[0].address, "::1");
	after = sample_build(record);
	diff = ring_diff(before, after);
	assert_int_equal(diff->slots_moved, 0);
	assert_int_equal(diff->slots_moved_min, 0);
	assert_int_equal(diff->host_count, 6);
	for (i = 0; i < 6; i++) {
		assert_int_equal(diff->hosts[i].slots_before,
				 diff->hosts[i].slots_after);
		assert_int_equal(diff->hosts[i].slots_gained, 0);
	}
	ring_diff_free(&diff);
	ring_free(&before);
	ring_free(&after);
	ring_record_free(&record);
}

static void diff__first_ring__gains_and_moves_nobody(void **state)
{
	static const uint32_t weights[] = {1, 1};
	struct ring_record *record = sample_hosts(weights, 2);
	struct ring *ring = sample_build(record);
	struct ring_diff *diff = ring_diff(NULL, ring);

	(void)state;
	assert_int_equal(diff->host_count, 2);
	assert_string_equal(diff->hosts[0].name, "h0000");
	assert_int_equal(diff->hosts[0].slots_before, 0);
	assert_int_equal(diff->hosts[0].slots_gained,
			 diff->hosts[0].slots_after);
	assert_int_equal(diff->hosts[0].slots_after +
			 diff->hosts[1].slots_after, RING_SLOTS);
	assert_int_equal(diff->slots_moved, 0);
	assert_int_equal(diff->slots_moved_min, 0);
	ring_diff_free(&diff);
	ring_free(&ring);
	ring_record_free(&record);
}

static void diff__last_host_of_a_tag_leaves__all_its_slots_move(void **state)
{
	struct ring_record *before = sample_record(), *after;
	struct ring *ring_before, *ring_after;
	struct ring_diff *diff;

	(void)state;
	sample_host(before, "b1", "10.0.0.1", 1, "");
	sample_host(before, "b2", "10.0.0.1", 1, "x");
	after = ring_record_dup(before);
	sample_host(after, "b2", "10.0.0.1", 1, "y");
	ring_before = sample_build(before);
	ring_after = sample_build(after);
	diff = ring_diff(ring_before, ring_after);
	assert_int_equal(diff->slots_moved, RING_SLOTS);
	assert_int_equal(diff->slots_moved_min, RING_SLOTS);
	assert_string_equal(diff->hosts[1].name, "b2");
	assert_int_equal(diff->hosts[1].slots_lost, RING_SLOTS);
	assert_int_equal(diff->hosts[1].slots_gained, RING_SLOTS);
	assert_int_equal(diff->hosts[0].slots_lost, 0);
	ring_diff_free(&diff);
	ring_free(&ring_before);
	ring_free(&ring_after);
	ring_record_free(&before);
	ring_record_free(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diff__host_added_or_removed__moves_the_least),
		cmocka_unit_test(diff__weight_changed__moves_the_least),
		cmocka_unit_test(diff__effective_changed__moves_the_least),
		cmocka_unit_test(diff__host_down_or_draining__moves_the_least),
		cmocka_unit_test(diff__nothing_changed__moves_nobody),
		cmocka_unit_test(diff__first_ring__gains_and_moves_nobody),
		cmocka_unit_test(
		diff__last_host_of_a_tag_leaves__all_its_slots_move),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
