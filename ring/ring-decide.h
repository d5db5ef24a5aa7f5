#ifndef RING_DECIDE_H
#define RING_DECIDE_H

/* What to do with one login: a pure function of what is known about it.

   The caller has asked the store (or knows that it is away) and brings the
   answer; time is in it already, as "live". */

#include "ring.h"

/* What the store, or an agent's memory, says of a user. */
struct ring_lease {
	const char *host;	/* name; may be unknown to the ring */
	uint64_t generation;
};

enum ring_store_state {
	RING_STORE_ANSWERED,	/* lease is what the store holds now */
	RING_STORE_AWAY		/* lease is what this agent remembers */
};

/* Setting on_store_failure. */
enum ring_store_failure {
	RING_STORE_FAILURE_ROUTE,
	RING_STORE_FAILURE_REFUSE
};

struct ring_question {
	const struct ring *active;		/* never NULL */
	const struct ring *prepared;		/* NULL = none */
	enum ring_store_state store;
	enum ring_store_failure on_store_failure;
	uint64_t hash;				/* of the user's key */
	const char *tag;			/* "" = none */
	/* A host of the ring that an earlier passdb asked for; NULL = none. */
	const char *wanted;
	/* NULL = none known. With RING_STORE_ANSWERED and no lease the caller
	   only looked (peek). */
	const struct ring_lease *lease;
};

enum ring_verdict {
	RING_GO,	/* log in at host */
	RING_HOLD,	/* wait and ask again: host can't take him yet */
	RING_REFUSE	/* answer with a temporary failure now */
};

enum ring_reason {
	RING_BY_LEASE,		/* a live lease says so */
	RING_BY_RING,		/* no lease: the ring's own answer */
	RING_BY_WISH,		/* no lease: an earlier passdb's host */
	RING_HOST_IS_DOWN,	/* lease on a host that is down */
	RING_HOST_IS_GONE,	/* lease on a host that the ring has no more */
	RING_NOBODY,		/* no host takes users of this tag */
	RING_STORE_IS_AWAY,	/* refused: on_store_failure = refuse */
	RING_RINGS_DISAGREE	/* store away, prepared ring says otherwise */
};

struct ring_decision {
	enum ring_verdict verdict;
	enum ring_reason reason;
	const struct ring_host *host;	/* of the active ring; NULL unless GO */
};

/* Whom the user should be claimed for, when he has no lease: `wanted` if it is
   up (a draining or downed host gets nobody new), else the ring's answer. NULL
   if nobody takes him. */
const struct ring_host *
ring_candidate(const struct ring *active, uint64_t hash, const char *tag,
	       const char *wanted);

struct ring_decision ring_decide(const struct ring_question *question);

/* A sentence for people, without the user: "host b1 is down". */
const char *ring_reason_text(enum ring_reason reason);

#endif
