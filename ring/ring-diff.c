#include <stdlib.h>
#include <string.h>

#include "ring-diff.h"
#include "memory.h"
#include "ring-private.h"

/* Not a host's index: nobody. */
#define NOBODY UINT32_MAX

/* One of the two rings. */
struct side {
	const struct ring *ring;	/* NULL = nothing was before */
	uint32_t *numbers;		/* of its hosts, in the diff */
};

static unsigned int host_count(const struct ring *ring)
{
	return ring == NULL ? 0 : ring->record->host_count;
}

static const char *host_name(const struct ring *ring, unsigned int i)
{
	return ring->record->hosts[i].name;
}

/* Merge the names of both, which are sorted. */
static void merge_hosts(struct ring_diff *diff, struct side *before,
			struct side *after)
{
	unsigned int b = 0, b_count = host_count(before->ring);
	unsigned int a = 0, a_count = host_count(after->ring);

	while (b < b_count || a < a_count) {
		int order = b == b_count ? 1 : a == a_count ? -1 :
			strcmp(host_name(before->ring, b),
			       host_name(after->ring, a));

		strcpy(diff->hosts[diff->host_count].name, order <= 0 ?
		       host_name(before->ring, b) :
		       host_name(after->ring, a));
		if (order <= 0)
			before->numbers[b++] = diff->host_count;
		if (order >= 0)
			after->numbers[a++] = diff->host_count;
		diff->host_count++;
	}
}

static uint32_t owner(const struct side *side, const struct ring_table *table,
		      unsigned int slot)
{
	return table == NULL ? NOBODY : side->numbers[table->slots[slot]];
}

/* Whoever has fewer slots than before must lose these at least. The counts of
   this table are in `change`, which is left cleared. */
static void count_minimum(struct ring_diff *diff, int32_t *change)
{
	unsigned int i;

	for (i = 0; i < diff->host_count; i++) {
		if (change[i] < 0)
			diff->slots_moved_min += (uint32_t)-change[i];
		change[i] = 0;
	}
}

static void compare_tables(struct ring_diff *diff, const struct side *before,
			   const struct side *after, const char *tag,
			   int32_t *change)
{
	const struct ring_table *old = before->ring == NULL ? NULL :
		ring_table(before->ring, tag);
	const struct ring_table *new = ring_table(after->ring, tag);
	unsigned int slot;

	for (slot = 0; slot < RING_SLOTS; slot++) {
		uint32_t from = owner(before, old, slot);
		uint32_t to = owner(after, new, slot);

		if (from != NOBODY)
			diff->hosts[from].slots_before++;
		if (to != NOBODY)
			diff->hosts[to].slots_after++;
		if (from == to)
			continue;
		if (from != NOBODY) {
			diff->slots_moved++;
			diff->hosts[from].slots_lost++;
			change[from]--;
		}
		if (to != NOBODY) {
			diff->hosts[to].slots_gained++;
			change[to]++;
		}
	}
	count_minimum(diff, change);
}

/* Each tag of either ring once. */
static void compare_all(struct ring_diff *diff, const struct side *before,
			const struct side *after)
{
	int32_t *change = mem_calloc(diff->host_count, sizeof(*change));
	const struct ring *ring = before->ring;
	unsigned int i;

	for (i = 0; ring != NULL && i < ring->table_count; i++) {
		if (ring->tables[i].slots != NULL)
			compare_tables(diff, before, after,
				       ring->tables[i].tag, change);
	}
	for (i = 0; i < after->ring->table_count; i++) {
		const struct ring_table *table = &after->ring->tables[i];

		if (table->slots != NULL &&
		    (ring == NULL || ring_table(ring, table->tag) == NULL))
			compare_tables(diff, before, after, table->tag,
				       change);
	}
	free(change);
}

struct ring_diff *ring_diff(const struct ring *before,
			    const struct ring *after)
{
	struct ring_diff *diff = mem_calloc(1, sizeof(*diff));
	struct side old = {before, NULL}, new = {after, NULL};

	old.numbers = mem_calloc(host_count(before),
				      sizeof(*old.numbers));
	new.numbers = mem_calloc(host_count(after), sizeof(*new.numbers));
	diff->hosts = mem_calloc(host_count(before) + host_count(after),
				      sizeof(*diff->hosts));
	merge_hosts(diff, &old, &new);
	compare_all(diff, &old, &new);
	free(old.numbers);
	free(new.numbers);
	return diff;
}

void ring_diff_free(struct ring_diff **diff)
{
	if (*diff == NULL)
		return;
	free((*diff)->hosts);
	free(*diff);
	*diff = NULL;
}
