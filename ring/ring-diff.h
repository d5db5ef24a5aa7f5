#ifndef RING_DIFF_H
#define RING_DIFF_H

/* What a change of the ring means before it happens. */

#include "ring.h"

struct ring_diff_host {
	char name[RING_NAME_MAX + 1];
	uint32_t slots_before, slots_after;	/* of RING_SLOTS */
	uint32_t slots_gained, slots_lost;
};

struct ring_diff {
	/* Of the two rings' hosts, each once, sorted by name. */
	struct ring_diff_host *hosts;
	unsigned int host_count;
	/* Slots that had an owner and have another or none now, over all
	   tags' tables: users of a first ring move nowhere. */
	uint32_t slots_moved;
	/* The least that any method would have to move to get from the hosts'
	   counts of before to those of after. */
	uint32_t slots_moved_min;
};

/* Compare two rings of one seed; before may be NULL (everything is new). The
   caller frees. */
struct ring_diff *ring_diff(const struct ring *before,
			    const struct ring *after);
void ring_diff_free(struct ring_diff **diff);

#endif
