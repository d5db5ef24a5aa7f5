#ifndef RING_PRIVATE_H
#define RING_PRIVATE_H

/* What is in a ring. For this room only. */

#include <sodium.h>

#include "ring.h"

struct ring_table {
	const char *tag;	/* of the ring's record */
	/* An index into the record's hosts each; NULL if no host of this tag
	   takes users. */
	uint16_t *slots;
};

struct ring {
	struct ring_record *record;
	uint8_t user_key[crypto_shorthash_KEYBYTES];
	uint8_t table_digest[RING_DIGEST_BYTES];

	struct ring_table *tables;	/* sorted by tag */
	unsigned int table_count;
	/* Indexes of the record's hosts, sorted by address, then name. */
	uint16_t *by_address;
};

/* The table of a tag, NULL if there is none or nobody takes users in it. */
const struct ring_table *ring_table(const struct ring *ring, const char *tag);

#endif
