#ifndef FAKE_LOOP_H
#define FAKE_LOOP_H

/* An event loop whose clock stands still until it is told to move.

   Timeouts run in the order in which they are due, those due at the same
   moment in the order in which they were added, and the clock shows each its
   own moment. Nothing runs but within fake_loop_advance(). */

#include "loop.h"

/* The clock starts at start_msecs; random numbers are the same in each run. */
struct loop *fake_loop_init(uint64_t start_msecs);
/* Everything that was added must have been removed: stops the test if not. */
void fake_loop_deinit(struct loop **loop);

/* Move the clock and run what comes due on the way, what that adds included.
   0 runs what is due now. */
void fake_loop_advance(struct loop *loop, uint64_t msecs);
/* The process or the machine was asleep: the clock moves, nothing runs. What
   came due runs late, in the next fake_loop_advance(). */
void fake_loop_sleep(struct loop *loop, uint64_t msecs);

unsigned int fake_loop_timeout_count(struct loop *loop);
unsigned int fake_loop_io_count(struct loop *loop);
/* Call what waits for any of the events on fd. False if nothing does. */
bool fake_loop_fire(struct loop *loop, int fd, unsigned int events);

#endif
