#ifndef REDIS_BACKOFF_H
#define REDIS_BACKOFF_H

/* How long to wait before the next try: each failure doubles it, up to a
   limit, and chance takes up to half of it away, so that many clients do not
   come back at one instant. */

#include "loop.h"

#define REDIS_BACKOFF_MIN_MSECS 50

static inline unsigned int
redis_backoff_msecs(struct loop *loop, unsigned int failures,
		    unsigned int max_msecs)
{
	unsigned int msecs = REDIS_BACKOFF_MIN_MSECS;

	while (failures-- > 0 && msecs < max_msecs)
		msecs *= 2;
	if (msecs > max_msecs)
		msecs = max_msecs;
	return msecs - loop_random(loop) % (msecs / 2 + 1);
}

#endif
