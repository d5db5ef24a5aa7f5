#ifndef LOOP_H
#define LOOP_H

/* The event loop that redis/ and the agent's logic run in: a few hooks.

   Adapters: loop-poll.c (poll(2), for the admin tool and tests), the agent's
   Dovecot ioloop, and a fake one in tests whose clock stands still until it is
   told to move. Everything runs in one thread; callbacks are never called from
   within the function that registers them. */

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_io;
struct loop_timeout;

enum loop_events {
	LOOP_READ = 1,
	LOOP_WRITE = 2
};

typedef void loop_callback_t(void *context);

struct loop_vfuncs {
	/* Level-triggered. One registration per fd; errors and hang-ups wake
	   whatever is waited for. events may be 0. */
	struct loop_io *(*io_add)(struct loop *loop, int fd,
				  unsigned int events,
				  loop_callback_t *callback, void *context);
	void (*io_set)(struct loop_io *io, unsigned int events);
	void (*io_remove)(struct loop_io *io);

	/* Once, after at least so many milliseconds. The timeout is gone when
	   its callback is called; the callback must not remove it. */
	struct loop_timeout *(*timeout_add)(struct loop *loop,
					    unsigned int msecs,
					    loop_callback_t *callback,
					    void *context);
	void (*timeout_remove)(struct loop_timeout *timeout);

	/* Milliseconds of CLOCK_BOOTTIME, read anew at each call: time that
	   goes on while the process or the machine sleeps. */
	uint64_t (*now_msecs)(struct loop *loop);
	/* For jitter, not for secrets; a simulation makes it repeatable. */
	uint32_t (*random)(struct loop *loop);
};

struct loop {
	const struct loop_vfuncs *v;
};

static inline struct loop_io *
loop_io_add(struct loop *loop, int fd, unsigned int events,
	    loop_callback_t *callback, void *context)
{
	/* in parentheses: Dovecot has a macro of this name */
	return (loop->v->io_add)(loop, fd, events, callback, context);
}

static inline void
loop_io_set(struct loop *loop, struct loop_io *io, unsigned int events)
{
	loop->v->io_set(io, events);
}

/* Sets *io to NULL; nothing happens if it is NULL already. */
static inline void loop_io_remove(struct loop *loop, struct loop_io **io)
{
	if (*io != 0)
		loop->v->io_remove(*io);
	*io = 0;
}

static inline struct loop_timeout *
loop_timeout_add(struct loop *loop, unsigned int msecs,
		 loop_callback_t *callback, void *context)
{
	return (loop->v->timeout_add)(loop, msecs, callback, context);
}

/* Sets *timeout to NULL; nothing happens if it is NULL already. */
static inline void
loop_timeout_remove(struct loop *loop, struct loop_timeout **timeout)
{
	if (*timeout != 0)
		loop->v->timeout_remove(*timeout);
	*timeout = 0;
}

static inline uint64_t loop_now_msecs(struct loop *loop)
{
	return loop->v->now_msecs(loop);
}

static inline uint32_t loop_random(struct loop *loop)
{
	return loop->v->random(loop);
}

#endif
