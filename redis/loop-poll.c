#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <sodium.h>

#include "loop-poll.h"
#include "memory.h"

struct loop_poll;

struct loop_io {
	struct loop_poll *poll;
	int fd;
	unsigned int events;
	bool removed;
	loop_callback_t *callback;
	void *context;
	struct loop_io *next;
};

struct loop_timeout {
	struct loop_poll *poll;
	uint64_t due_msecs;
	/* Of its adding: those added by a callback wait for the next round, so
	   that a timeout of 0 that adds itself again starves nobody. */
	uint64_t serial;
	loop_callback_t *callback;
	void *context;
	struct loop_timeout *next;
};

struct loop_poll {
	struct loop loop;
	struct loop_io *ios;
	struct loop_timeout *timeouts;	/* the one due first comes first */
	uint64_t serial;
	struct pollfd *fds;
	struct loop_io **fd_ios;	/* whom each of fds belongs to */
	size_t fds_alloc;
	unsigned int depth;	/* callbacks under way */
};

static uint64_t poll_now_msecs(struct loop *loop)
{
	struct timespec ts;

	(void)loop;
	if (clock_gettime(CLOCK_BOOTTIME, &ts) < 0)
		abort();
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint32_t poll_random(struct loop *loop)
{
	(void)loop;
	return randombytes_random();
}

static struct loop_io *
poll_io_add(struct loop *loop, int fd, unsigned int events,
	    loop_callback_t *callback, void *context)
{
	struct loop_poll *poll = (struct loop_poll *)loop;
	struct loop_io *io = mem_calloc(1, sizeof(*io));

	io->poll = poll;
	io->fd = fd;
	io->events = events;
	io->callback = callback;
	io->context = context;
	io->next = poll->ios;
	poll->ios = io;
	return io;
}

static void poll_io_set(struct loop_io *io, unsigned int events)
{
	io->events = events;
}

/* Free those that were removed, when nobody holds a pointer to them. */
static void poll_sweep(struct loop_poll *poll)
{
	struct loop_io **p = &poll->ios, *io;

	while ((io = *p) != NULL) {
		if (io->removed) {
			*p = io->next;
			free(io);
		} else {
			p = &io->next;
		}
	}
}

static void poll_io_remove(struct loop_io *io)
{
	struct loop_poll *poll = io->poll;

	io->removed = true;
	if (poll->depth == 0)
		poll_sweep(poll);
}

static struct loop_timeout *
poll_timeout_add(struct loop *loop, unsigned int msecs,
		 loop_callback_t *callback, void *context)
{
	struct loop_poll *poll = (struct loop_poll *)loop;
	struct loop_timeout *timeout = mem_calloc(1, sizeof(*timeout));
	struct loop_timeout **p = &poll->timeouts;

	timeout->poll = poll;
	/* the clock is cut to milliseconds: "at least" needs one more */
	timeout->due_msecs = poll_now_msecs(loop) + msecs + (msecs > 0);
	timeout->serial = ++poll->serial;
	timeout->callback = callback;
	timeout->context = context;
	while (*p != NULL && (*p)->due_msecs <= timeout->due_msecs)
		p = &(*p)->next;
	timeout->next = *p;
	*p = timeout;
	return timeout;
}

static void poll_timeout_remove(struct loop_timeout *timeout)
{
	struct loop_timeout **p = &timeout->poll->timeouts;

	while (*p != timeout) {
		/* not there: it has fired, and its pointer was kept */
		if (*p == NULL)
			abort();
		p = &(*p)->next;
	}
	*p = timeout->next;
	free(timeout);
}

static const struct loop_vfuncs loop_poll_vfuncs = {
	.io_add = poll_io_add,
	.io_set = poll_io_set,
	.io_remove = poll_io_remove,
	.timeout_add = poll_timeout_add,
	.timeout_remove = poll_timeout_remove,
	.now_msecs = poll_now_msecs,
	.random = poll_random
};

struct loop *loop_poll_init(void)
{
	struct loop_poll *poll = mem_calloc(1, sizeof(*poll));

	poll->loop.v = &loop_poll_vfuncs;
	return &poll->loop;
}

void loop_poll_deinit(struct loop **loop)
{
	struct loop_poll *poll = (struct loop_poll *)*loop;

	if (poll == NULL)
		return;
	*loop = NULL;
	if (poll->ios != NULL || poll->timeouts != NULL)
		abort();
	free(poll->fds);
	free(poll->fd_ios);
	free(poll);
}

static short poll_events(unsigned int events)
{
	return (short)(((events & LOOP_READ) != 0 ? POLLIN : 0) |
		       ((events & LOOP_WRITE) != 0 ? POLLOUT : 0));
}

static void poll_grow(struct loop_poll *poll)
{
	size_t alloc = poll->fds_alloc * 2 + 8;

	poll->fds = mem_resize(poll->fds, alloc, sizeof(*poll->fds));
	poll->fd_ios = mem_resize(poll->fd_ios, alloc, sizeof(*poll->fd_ios));
	poll->fds_alloc = alloc;
}

/* poll(2) reports a hang-up even if nothing is asked for: such registrations
   are left out, or the loop would spin. */
static size_t poll_collect(struct loop_poll *poll)
{
	struct loop_io *io;
	size_t count = 0;

	for (io = poll->ios; io != NULL; io = io->next) {
		if (io->removed || io->events == 0)
			continue;
		if (count == poll->fds_alloc)
			poll_grow(poll);
		poll->fds[count].fd = io->fd;
		poll->fds[count].events = poll_events(io->events);
		poll->fds[count].revents = 0;
		poll->fd_ios[count++] = io;
	}
	return count;
}

static int poll_wait_msecs(struct loop_poll *poll)
{
	uint64_t now;

	if (poll->timeouts == NULL)
		return -1;
	now = poll_now_msecs(&poll->loop);
	if (poll->timeouts->due_msecs <= now)
		return 0;
	if (poll->timeouts->due_msecs - now > 60000)
		return 60000;
	return (int)(poll->timeouts->due_msecs - now);
}

static void poll_call_ios(struct loop_poll *poll, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct loop_io *io = poll->fd_ios[i];

		if (poll->fds[i].revents != 0 && !io->removed &&
		    io->events != 0)
			io->callback(io->context);
	}
}

static void poll_call_timeouts(struct loop_poll *poll)
{
	uint64_t now = poll_now_msecs(&poll->loop), last = poll->serial;
	struct loop_timeout **p = &poll->timeouts, *timeout;

	while ((timeout = *p) != NULL && timeout->due_msecs <= now) {
		loop_callback_t *callback = timeout->callback;
		void *context = timeout->context;

		if (timeout->serial > last) {
			p = &timeout->next;
			continue;
		}
		*p = timeout->next;
		free(timeout);
		callback(context);
		/* it may have added and removed others: begin again */
		p = &poll->timeouts;
	}
}

/* Descriptors come before timeouts: after a pause of the process, what has
   arrived in time is seen before its deadline is. */
bool loop_poll_once(struct loop *loop)
{
	struct loop_poll *ctx = (struct loop_poll *)loop;
	size_t count;
	int ret;

	if (ctx->ios == NULL && ctx->timeouts == NULL)
		return false;
	count = poll_collect(ctx);
	if (count == 0 && ctx->timeouts == NULL)
		return false;
	ret = poll(ctx->fds, count, poll_wait_msecs(ctx));
	if (ret < 0 && errno != EINTR)
		abort();
	ctx->depth++;
	if (ret > 0)
		poll_call_ios(ctx, count);
	poll_call_timeouts(ctx);
	if (--ctx->depth == 0)
		poll_sweep(ctx);
	return true;
}

bool loop_poll_until(struct loop *loop, const bool *done)
{
	while (!*done) {
		if (!loop_poll_once(loop))
			return *done;
	}
	return true;
}
