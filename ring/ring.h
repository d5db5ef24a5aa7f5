#ifndef RING_H
#define RING_H

/* The ring: a record made ready for lookups.

   An immutable value: built from a record, which it copies, then only read.
   The same members in any order give the same ring on every machine and with
   every compiler: integers only, ties broken by name.

   The table is a slot race over 2^20 slots (docs/design.md says how and why):
   a slot belongs to the host whose earliest event hits it first. Hosts that
   are `up` and have a weight above 0 take part; each tag has a table of its
   own, and hosts without a tag one more. */

#include "ring-record.h"

#define RING_SLOT_BITS 20
#define RING_SLOTS (1U << RING_SLOT_BITS)
#define RING_SHARDS 256U

struct ring;

/* Build the table, about 40 ms. Does not compare the record's table digest:
   see ring_check_table(). Returns 0 and a ring that the caller frees, or -1
   with the error: more than RING_TAGS_MAX tags. */
#define RING_TAGS_MAX 32
int ring_build(const struct ring_record *record, struct ring **ring_r,
	       struct ring_error *error)
	__attribute__((warn_unused_result));
void ring_free(struct ring **ring);

/* The ring's own copy of the record. */
const struct ring_record *ring_record(const struct ring *ring);
/* Digest of the tables (BLAKE2b-256), which a publisher writes into the
   record. */
void ring_table_digest(const struct ring *ring,
		       uint8_t digest[static RING_DIGEST_BYTES]);
/* Returns 0 if this machine computes the table that the publisher computed,
   else -1 with the error: a node that does not agree must not serve. */
int ring_check_table(const struct ring *ring, struct ring_error *error)
	__attribute__((warn_unused_result));

/* SipHash-2-4 of a user's key under the record's seed. The top RING_SLOT_BITS
   are the slot. */
uint64_t ring_hash(const struct ring *ring, const void *key, size_t size);
/* The shard of the store that holds this user's keys: the low 8 bits. */
unsigned int ring_shard(uint64_t hash);

/* Who should own the user: a host of the ring's record. NULL if the tag has no
   host that takes users. tag "" = hosts without a tag. */
const struct ring_host *
ring_lookup(const struct ring *ring, uint64_t hash, const char *tag);

/* A host by name or by address, NULL if the ring has none. Any spelling of the
   address will do; of two hosts at one address the lower name is found. */
const struct ring_host *ring_host(const struct ring *ring, const char *name);
const struct ring_host *
ring_host_by_address(const struct ring *ring, const char *address);

#endif
