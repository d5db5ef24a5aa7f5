#include <stdio.h>
#include <stdlib.h>

#include "fake-loop.h"

/* More calls than this without time passing: something calls itself. */
#define FAKE_LOOP_CALLS_MAX 1000000U

struct loop_timeout {
	struct fake_loop *loop;
	struct loop_timeout *next;
	uint64_t due_msecs, order;
	loop_callback_t *callback;
	void *context;
};

struct loop_io {
	struct fake_loop *loop;
	struct loop_io *next;
	int fd;
	unsigned int events;
	loop_callback_t *callback;
	void *context;
};

struct fake_loop {
	struct loop loop;
	struct loop_timeout *timeouts;	/* by time, then by order */
	struct loop_io *ios;
	uint64_t now_msecs, order;
	uint32_t random;
};

static void fake_loop_fail(const char *text)
{
	fprintf(stderr, "fake-loop: %s\n", text);
	abort();
}

static void *fake_loop_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL)
		fake_loop_fail("out of memory");
	return memory;
}

static struct loop_io *
fake_io_add(struct loop *loop, int fd, unsigned int events,
	    loop_callback_t *callback, void *context)
{
	struct fake_loop *fake = (struct fake_loop *)loop;
	struct loop_io *io = fake_loop_alloc(sizeof(*io));

	io->loop = fake;
	io->fd = fd;
	io->events = events;
	io->callback = callback;
	io->context = context;
	io->next = fake->ios;
	fake->ios = io;
	return io;
}

static void fake_io_set(struct loop_io *io, unsigned int events)
{
	io->events = events;
}

static void fake_io_remove(struct loop_io *io)
{
	struct loop_io **p = &io->loop->ios;

	while (*p != NULL && *p != io)
		p = &(*p)->next;
	if (*p == NULL)
		fake_loop_fail("an io was removed that is not there");
	*p = io->next;
	free(io);
}

static struct loop_timeout *
fake_timeout_add(struct loop *loop, unsigned int msecs,
		 loop_callback_t *callback, void *context)
{
	struct fake_loop *fake = (struct fake_loop *)loop;
	struct loop_timeout *timeout = fake_loop_alloc(sizeof(*timeout));
	struct loop_timeout **p = &fake->timeouts;

	timeout->loop = fake;
	timeout->due_msecs = fake->now_msecs + msecs;
	timeout->order = fake->order++;
	timeout->callback = callback;
	timeout->context = context;
	while (*p != NULL && (*p)->due_msecs <= timeout->due_msecs)
		p = &(*p)->next;
	timeout->next = *p;
	*p = timeout;
	return timeout;
}

static void fake_timeout_remove(struct loop_timeout *timeout)
{
	struct loop_timeout **p = &timeout->loop->timeouts;

	while (*p != NULL && *p != timeout)
		p = &(*p)->next;
	if (*p == NULL)
		fake_loop_fail("a timeout was removed that is not there");
	*p = timeout->next;
	free(timeout);
}

static uint64_t fake_now_msecs(struct loop *loop)
{
	return ((struct fake_loop *)loop)->now_msecs;
}

static uint32_t fake_random(struct loop *loop)
{
	struct fake_loop *fake = (struct fake_loop *)loop;

	/* xorshift32 */
	fake->random ^= fake->random << 13;
	fake->random ^= fake->random >> 17;
	fake->random ^= fake->random << 5;
	return fake->random;
}

static const struct loop_vfuncs fake_loop_vfuncs = {
	fake_io_add,
	fake_io_set,
	fake_io_remove,
	fake_timeout_add,
	fake_timeout_remove,
	fake_now_msecs,
	fake_random
};

struct loop *fake_loop_init(uint64_t start_msecs)
{
	struct fake_loop *fake = fake_loop_alloc(sizeof(*fake));

	fake->loop.v = &fake_loop_vfuncs;
	fake->now_msecs = start_msecs;
	fake->random = 2463534242U;
	return &fake->loop;
}

void fake_loop_deinit(struct loop **loop)
{
	struct fake_loop *fake = (struct fake_loop *)*loop;

	if (fake->timeouts != NULL)
		fake_loop_fail("a timeout was left behind");
	if (fake->ios != NULL)
		fake_loop_fail("an io was left behind");
	free(fake);
	*loop = NULL;
}

static void fake_loop_run(struct fake_loop *fake, uint64_t until_msecs)
{
	struct loop_timeout *timeout;
	unsigned int calls = 0;

	while ((timeout = fake->timeouts) != NULL &&
	       timeout->due_msecs <= until_msecs) {
		loop_callback_t *callback = timeout->callback;
		void *context = timeout->context;

		/* after a sleep the clock is past what is due */
		if (timeout->due_msecs > fake->now_msecs) {
			fake->now_msecs = timeout->due_msecs;
			calls = 0;
		}
		fake->timeouts = timeout->next;
		free(timeout);
		if (++calls > FAKE_LOOP_CALLS_MAX)
			fake_loop_fail("time stands still: endless timeouts");
		callback(context);
	}
}

void fake_loop_advance(struct loop *loop, uint64_t msecs)
{
	struct fake_loop *fake = (struct fake_loop *)loop;
	uint64_t until_msecs = fake->now_msecs + msecs;

	fake_loop_run(fake, until_msecs);
	if (fake->now_msecs < until_msecs)
		fake->now_msecs = until_msecs;
}

void fake_loop_sleep(struct loop *loop, uint64_t msecs)
{
	((struct fake_loop *)loop)->now_msecs += msecs;
}

unsigned int fake_loop_timeout_count(struct loop *loop)
{
	const struct loop_timeout *timeout;
	unsigned int count = 0;

	for (timeout = ((struct fake_loop *)loop)->timeouts; timeout != NULL;
	     timeout = timeout->next)
		count++;
	return count;
}

unsigned int fake_loop_io_count(struct loop *loop)
{
	const struct loop_io *io;
	unsigned int count = 0;

	for (io = ((struct fake_loop *)loop)->ios; io != NULL; io = io->next)
		count++;
	return count;
}

bool fake_loop_fire(struct loop *loop, int fd, unsigned int events)
{
	const struct loop_io *io;

	for (io = ((struct fake_loop *)loop)->ios; io != NULL; io = io->next) {
		if (io->fd == fd && (io->events & events) != 0) {
			io->callback(io->context);
			return true;
		}
	}
	return false;
}
