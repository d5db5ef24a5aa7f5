#include <string.h>

#include "ring-decide.h"

const struct ring_host *
ring_candidate(const struct ring *active, uint64_t hash, const char *tag,
	       const char *wanted)
{
	const struct ring_host *host = NULL;

	if (wanted != NULL)
		host = ring_host(active, wanted);
	if (host != NULL && host->state == RING_HOST_UP)
		return host;
	return ring_lookup(active, hash, tag);
}

static struct ring_decision
decision(enum ring_verdict verdict, enum ring_reason reason,
	 const struct ring_host *host)
{
	struct ring_decision decision = {verdict, reason, host};

	return decision;
}

/* A lease wins over tag and wish. Where its host is down or gone the user
   may still be open there: one owner at a time comes before an answer, and
   leaving a host takes its agent's word. */
static struct ring_decision
decide_leased(const struct ring *active, const struct ring_lease *lease)
{
	const struct ring_host *host = ring_host(active, lease->host);

	if (host == NULL)
		return decision(RING_HOLD, RING_HOST_IS_GONE, NULL);
	if (host->state == RING_HOST_DOWN)
		return decision(RING_HOLD, RING_HOST_IS_DOWN, NULL);
	return decision(RING_GO, RING_BY_LEASE, host);
}

/* Others may act on the prepared ring already, and nobody can be asked. A
   host with another address is another host. */
static bool rings_agree(const struct ring_question *question,
			const struct ring_host *host)
{
	const struct ring_host *other;

	if (question->prepared == NULL)
		return true;
	other = ring_candidate(question->prepared, question->hash,
			       question->tag, question->wanted);
	return other != NULL && strcmp(other->name, host->name) == 0 &&
		strcmp(other->address, host->address) == 0;
}

struct ring_decision ring_decide(const struct ring_question *question)
{
	const struct ring_host *host;
	bool is_away = question->store == RING_STORE_AWAY;

	if (is_away && question->on_store_failure ==
	    RING_STORE_FAILURE_REFUSE)
		return decision(RING_REFUSE, RING_STORE_IS_AWAY, NULL);
	if (question->lease != NULL)
		return decide_leased(question->active, question->lease);

	host = ring_candidate(question->active, question->hash,
			      question->tag, question->wanted);
	if (host == NULL)
		return decision(RING_REFUSE, RING_NOBODY, NULL);
	if (is_away && !rings_agree(question, host))
		return decision(RING_HOLD, RING_RINGS_DISAGREE, NULL);
	if (question->wanted != NULL &&
	    strcmp(question->wanted, host->name) == 0)
		return decision(RING_GO, RING_BY_WISH, host);
	return decision(RING_GO, RING_BY_RING, host);
}

const char *ring_reason_text(enum ring_reason reason)
{
	static const char *const texts[] = {
		[RING_BY_LEASE] = "a live lease says so",
		[RING_BY_RING] = "the ring says so",
		[RING_BY_WISH] = "an earlier passdb asked for this host",
		[RING_HOST_IS_DOWN] = "the host of the user's lease is down",
		[RING_HOST_IS_GONE] =
			"the host of the user's lease is not in the ring",
		[RING_NOBODY] = "no host of this tag takes users",
		[RING_STORE_IS_AWAY] =
			"the store is away, and on_store_failure = refuse",
		[RING_RINGS_DISAGREE] =
			"the store is away, and the next ring says otherwise",
	};

	return texts[reason];
}
