#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ring-record-private.h"
#include "ring-table.h"

#define BLOCK_SLOTS 16384U
#define NOBODY UINT16_MAX

static uint16_t slots[RING_SLOTS], expected[RING_SLOTS];

/* The race as it is told, one event after another in the order of time: slow,
   and with nothing in common with ring-table.c but the numbers. */
struct told {
	uint64_t x, time, period;
};

static uint64_t told_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void tell_block(const struct ring_racer *racers, unsigned int count,
		       unsigned int block, uint16_t *owners)
{
	struct told told[8];
	unsigned int i, left = BLOCK_SLOTS;

	for (i = 0; i < count; i++) {
		uint64_t seed = racers[i].seed;

		told[i].x = told_mix(seed + (block + 1) *
				     0xd1b54a32d192ed03ULL);
		told[i].period = (1ULL << 43) / racers[i].effective;
		told[i].time = (told_mix(~told[i].x) >> 44) * told[i].period >>
			20;
	}
	for (i = 0; i < BLOCK_SLOTS; i++)
		owners[i] = NOBODY;
	while (left > 0) {
		unsigned int first = 0, slot;

		for (i = 1; i < count; i++) {
			if (told[i].time < told[first].time)
				first = i;
		}
		slot = (unsigned int)(told_mix(told[first].x) >> 50);
		if (owners[slot] == NOBODY) {
			owners[slot] = racers[first].host;
			left--;
		}
		told[first].x += 0x9e3779b97f4a7c15ULL;
		told[first].time += told[first].period;
	}
}

static void check_as_told(const struct ring_racer *racers, unsigned int count)
{
	unsigned int block;

	ring_table_race(racers, count, slots);
	for (block = 0; block < RING_SLOTS / BLOCK_SLOTS; block++)
		tell_block(racers, count, block, expected + block *
			   BLOCK_SLOTS);
	assert_memory_equal(slots, expected, sizeof(slots));
}

static void race__few_hosts__is_as_told(void **state)
{
	static const struct ring_racer racers[] = {
		{0x0123456789abcdefULL, 100000, 4},
		{0xfedcba9876543210ULL, 100500, 7},
		{0, 1000, 8},
		{UINT64_MAX, 10000000, 9},
		{42, 333333, 1},
	};

	(void)state;
	check_as_told(racers, 1);
	check_as_told(racers, 2);
	check_as_told(racers, 5);
}

static void race__smallest_and_largest_weights__is_as_told(void **state)
{
	static const struct ring_racer smallest[] = {{1, 1, 0}, {2, 1, 1}};
	static const struct ring_racer largest[] = {
		{1, RING_EFFECTIVE_MAX, 0}, {2, RING_EFFECTIVE_MAX, 1}
	};
	static const struct ring_racer both[] = {
		{1, 1, 0}, {2, RING_EFFECTIVE_MAX, 1}
	};

	(void)state;
	check_as_told(smallest, 1);
	check_as_told(smallest, 2);
	check_as_told(largest, 2);
	check_as_told(both, 2);
}

/* All their events come at one time in one slot. */
static void race__all_ties__go_to_the_first(void **state)
{
	static const struct ring_racer racers[] = {
		{5, 1000, 3}, {5, 1000, 1}, {5, 1000, 2}
	};
	unsigned int i;

	(void)state;
	ring_table_race(racers, 3, slots);
	for (i = 0; i < RING_SLOTS; i++)
		assert_int_equal(slots[i], 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(race__few_hosts__is_as_told),
		cmocka_unit_test(
		race__smallest_and_largest_weights__is_as_told),
		cmocka_unit_test(race__all_ties__go_to_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
