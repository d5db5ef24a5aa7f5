#ifndef LOOP_POLL_H
#define LOOP_POLL_H

/* The event loop on poll(2). */

#include "loop.h"

struct loop *loop_poll_init(void);
/* Everything that was added must have been removed. */
void loop_poll_deinit(struct loop **loop);

/* Wait for the next events and call what is due. Returns at once with false
   if nothing is registered. */
bool loop_poll_once(struct loop *loop);
/* Run until *done is true. Returns false if nothing was left to wait for. */
bool loop_poll_until(struct loop *loop, const bool *done);

#endif
