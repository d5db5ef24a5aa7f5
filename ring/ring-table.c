/* The slot race.

   In each block of slots each host fires events k = 0, 1, 2, ... at the times
   (k + phase) / effective, and event k hits a pseudo-random slot. A slot
   belongs to the earliest event that hits it, ties to the lower name. So a
   score depends on slot, host and weight alone: a change moves only what it
   must, whatever came before.

   Blocks are independent, so that what one needs fits a core's cache. Time is
   cut into rounds, and a block is done when a round leaves no slot free: all
   later events come too late. Where rounds end is of no effect on the result.

   Time is counted in units of 2^-43 of the period of a weight of 1. A period
   is at least 2^43 / RING_EFFECTIVE_MAX, about 2^18 units, so that rounding
   it shifts no share by more than 2^-18. A host that is alone with an
   effective weight of 1 gets 2^20 events in before the clock ends at 2^63; one
   of its 2^20 slots is then still free with a probability of 2^-72, and
   belongs to the first racer. */

#include <assert.h>
#include <stdlib.h>

#include "memory.h"
#include "ring-table.h"
#include "ring-record-private.h"

#define BLOCK_BITS 14
#define BLOCK_SLOTS (1U << BLOCK_BITS)
#define BLOCK_COUNT (RING_SLOTS / BLOCK_SLOTS)

#define TIME_BITS 43
#define TIME_END ((uint64_t)1 << 63)
#define TIME_NEVER UINT64_MAX
#define PHASE_BITS 20

/* Odd, so that k * odd takes all values before one comes back: 2^64 divided
   by the golden ratio, and two of the finaliser's own. */
#define STEP_EVENT 0x9e3779b97f4a7c15ULL
#define STEP_BLOCK 0xd1b54a32d192ed03ULL
#define MIX_1 0xbf58476d1ce4e5b9ULL
#define MIX_2 0x94d049bb133111ebULL

static_assert((((uint64_t)1 << TIME_BITS) / RING_EFFECTIVE_MAX) >> 18 > 0,
	      "a period is long enough to round");

/* A racer's state in one block. */
struct runner {
	uint64_t position;	/* seed + k * odd */
	uint64_t time, period;	/* of the next event */
	uint16_t host;
};

struct block {
	uint64_t times[BLOCK_SLOTS];
	uint16_t *owners;
	unsigned int free_count;
};

/* The finaliser of SplitMix64: a bijection that no input bit escapes. */
static inline uint64_t mix64(uint64_t x)
{
	x = (x ^ x >> 30) * MIX_1;
	x = (x ^ x >> 27) * MIX_2;
	return x ^ x >> 31;
}

static void runner_init(struct runner *runner, const struct ring_racer *racer,
			unsigned int block)
{
	uint64_t phase;

	runner->position = mix64(racer->seed + (block + 1) * STEP_BLOCK);
	phase = mix64(~runner->position) >> (64 - PHASE_BITS);
	runner->period = ((uint64_t)1 << TIME_BITS) / racer->effective;
	runner->time = runner->period * phase >> PHASE_BITS;
	runner->host = racer->host;
}

/* Fire all events of one host before `until`. */
static void run(struct runner *runner, struct block *block, uint64_t until)
{
	const uint64_t period = runner->period;
	const uint16_t host = runner->host;
	uint64_t position = runner->position, time = runner->time;
	unsigned int free_count = block->free_count;

	for (; time < until; time += period) {
		unsigned int slot = (unsigned int)(mix64(position) >>
						   (64 - BLOCK_BITS));

		position += STEP_EVENT;
		/* not <=: of two at one time the first, of lower name, won */
		if (time < block->times[slot]) {
			free_count -= block->times[slot] == TIME_NEVER;
			block->times[slot] = time;
			block->owners[slot] = host;
		}
	}
	runner->position = position;
	runner->time = time;
	block->free_count = free_count;
}

static void race_block(struct runner *runners, unsigned int count,
		       struct block *block, uint64_t round)
{
	uint64_t until = 0;
	unsigned int i;

	block->free_count = BLOCK_SLOTS;
	for (i = 0; i < BLOCK_SLOTS; i++) {
		block->times[i] = TIME_NEVER;
		block->owners[i] = runners[0].host;
	}
	while (block->free_count > 0 && until < TIME_END) {
		until = TIME_END - until > round ? until + round : TIME_END;
		for (i = 0; i < count; i++)
			run(&runners[i], block, until);
	}
}

void ring_table_race(const struct ring_racer *racers, unsigned int count,
		     uint16_t slots[static RING_SLOTS])
{
	struct runner *runners = mem_calloc(count, sizeof(*runners));
	struct block *block = mem_calloc(1, sizeof(*block));
	uint64_t effective = 0, round;
	unsigned int i, number;

	for (i = 0; i < count; i++)
		effective += racers[i].effective;
	/* about as many events a round as there are slots */
	round = (((uint64_t)1 << TIME_BITS) / effective + 1) * BLOCK_SLOTS;
	for (number = 0; number < BLOCK_COUNT; number++) {
		for (i = 0; i < count; i++)
			runner_init(&runners[i], &racers[i], number);
		block->owners = slots + number * BLOCK_SLOTS;
		race_block(runners, count, block, round);
	}
	free(block);
	free(runners);
}
