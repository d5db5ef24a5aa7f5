#ifndef RING_TABLE_H
#define RING_TABLE_H

/* The slot race: who owns which slot. For this room only. */

#include "ring.h"

struct ring_racer {
	uint64_t seed;		/* pseudo-random, from the host's name */
	uint32_t effective;	/* 1..RING_EFFECTIVE_MAX */
	uint16_t host;		/* what the table says for this racer */
};

/* Fill all slots. At least one racer; they are in the order of their names,
   and the result depends on nothing else than the arguments. */
void ring_table_race(const struct ring_racer *racers, unsigned int count,
		     uint16_t slots[static RING_SLOTS]);

#endif
