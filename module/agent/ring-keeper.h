#ifndef RING_KEEPER_H
#define RING_KEEPER_H

/* The rings that this node acts by: verified, in memory and on disk.

   state_dir holds ring.active and ring.prepared (records as they were signed)
   and ring.newest (the newest epochs and digests ever accepted). All three are
   written whole or not at all; what is found altered at a start is left aside
   with a log line, and the store is asked.

   Promise (I6): a record gets in only if it parses, is of this cluster, is
   signed by ring.pub, is not older than ring_min_epoch and the newest of its
   kind, is the same as what was seen before at its epoch, and gives the table
   here that it gave its publisher. Otherwise it is refused: one log line for
   each distinct record, a complaint for the heartbeats, and the ring that is
   there stays. If it is signed and newer, and refused because of the table, or
   because this node once held another of its epoch, the others may act by that
   record, and the ring here is not to be used any more: is_left_behind.

   No clock, no loop, no store: the caller brings the bytes. */

#include "agent-log.h"
#include "ring.h"
#include "store.h"

struct ring_keeper;

struct ring_keeper_params {
	const char *state_dir, *cluster;	/* copied */
	uint8_t public_key[RING_PUBLIC_KEY_BYTES];
	uint64_t min_epoch;			/* ring_min_epoch */
	struct agent_log log;
};

/* Returns 0 and a keeper with what state_dir has, which may be no ring at all,
   or -1 with the error: state_dir can't be written. */
int ring_keeper_init(const struct ring_keeper_params *params,
		     struct ring_keeper **keeper_r, struct ring_error *error)
	__attribute__((warn_unused_result));
void ring_keeper_deinit(struct ring_keeper **keeper);

/* Judge what the store holds: the active record first, then the prepared one.
   A prepared record is kept only once it is on disk, and leaves only for an
   active one as new as itself: a store that forgets it does not make us
   forget that others may act by it. Returns true if the active or the prepared
   ring is another one now; rings got earlier are gone then. */
bool ring_keeper_offer(struct ring_keeper *keeper,
		       const struct store_rings *offer);

/* NULL if there is none. Good until the next offer. */
const struct ring *ring_keeper_active(const struct ring_keeper *keeper);
const struct ring *ring_keeper_prepared(const struct ring_keeper *keeper);
/* The active record as it was signed; NULL if there is none. */
const char *
ring_keeper_active_text(const struct ring_keeper *keeper, size_t *size_r);
/* Epoch 0 = none. */
const struct store_epoch *
ring_keeper_active_epoch(const struct ring_keeper *keeper);
const struct store_epoch *
ring_keeper_prepared_epoch(const struct ring_keeper *keeper);
/* Why what the store offered last is refused; "" if it is not. */
const char *ring_keeper_complaint(const struct ring_keeper *keeper);
/* The store has shown an active record that is genuine and newer than the ring
   here, and this machine can't use it. Until an active ring gets in. */
bool ring_keeper_is_left_behind(const struct ring_keeper *keeper);

/* True if both are the same ring. */
bool store_epoch_equals(const struct store_epoch *a,
			const struct store_epoch *b);

#endif
