#include "lib.h"
#include "ioloop.h"

#include "glue-ioloop.h"

struct glue_loop {
	struct loop loop;
	struct ioloop *ioloop;
};

/* Dovecot wants one io for each direction. */
struct loop_io {
	struct ioloop *ioloop;
	int fd;
	struct io *io_read, *io_write;
	loop_callback_t *callback;
	void *context;
};

struct loop_timeout {
	struct timeout *to;
	loop_callback_t *callback;
	void *context;
};

static void glue_io_ready(struct loop_io *io)
{
	/* may remove io */
	io->callback(io->context);
}

static void glue_io_set(struct loop_io *io, unsigned int events)
{
	if ((events & LOOP_READ) == 0)
		io_remove(&io->io_read);
	else if (io->io_read == NULL)
		io->io_read = io_add_to(io->ioloop, io->fd, IO_READ,
					glue_io_ready, io);
	if ((events & LOOP_WRITE) == 0)
		io_remove(&io->io_write);
	else if (io->io_write == NULL)
		io->io_write = io_add_to(io->ioloop, io->fd, IO_WRITE,
					 glue_io_ready, io);
}

static struct loop_io *
glue_io_add(struct loop *loop, int fd, unsigned int events,
	    loop_callback_t *callback, void *context)
{
	struct glue_loop *glue = container_of(loop, struct glue_loop, loop);
	struct loop_io *io;

	io = i_new(struct loop_io, 1);
	io->ioloop = glue->ioloop;
	io->fd = fd;
	io->callback = callback;
	io->context = context;
	glue_io_set(io, events);
	return io;
}

static void glue_io_remove(struct loop_io *io)
{
	glue_io_set(io, 0);
	i_free(io);
}

static void glue_timeout_run(struct loop_timeout *timeout)
{
	loop_callback_t *callback = timeout->callback;
	void *context = timeout->context;

	/* Dovecot's would come again and again */
	timeout_remove(&timeout->to);
	i_free(timeout);
	callback(context);
}

static struct loop_timeout *
glue_timeout_add(struct loop *loop, unsigned int msecs,
		 loop_callback_t *callback, void *context)
{
	struct glue_loop *glue = container_of(loop, struct glue_loop, loop);
	struct loop_timeout *timeout;

	timeout = i_new(struct loop_timeout, 1);
	timeout->callback = callback;
	timeout->context = context;
	timeout->to = timeout_add_to(glue->ioloop, msecs, glue_timeout_run,
				     timeout);
	return timeout;
}

static void glue_timeout_remove(struct loop_timeout *timeout)
{
	timeout_remove(&timeout->to);
	i_free(timeout);
}

static uint64_t glue_now_msecs(struct loop *loop ATTR_UNUSED)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		i_fatal("clock_gettime(CLOCK_BOOTTIME) failed: %m");
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t glue_random(struct loop *loop ATTR_UNUSED)
{
	return i_rand();
}

static const struct loop_vfuncs glue_loop_vfuncs = {
	.io_add = glue_io_add,
	.io_set = glue_io_set,
	.io_remove = glue_io_remove,
	.timeout_add = glue_timeout_add,
	.timeout_remove = glue_timeout_remove,
	.now_msecs = glue_now_msecs,
	.random = glue_random,
};

struct loop *glue_ioloop_init(void)
{
	struct glue_loop *glue = i_new(struct glue_loop, 1);

	glue->loop.v = &glue_loop_vfuncs;
	glue->ioloop = current_ioloop;
	return &glue->loop;
}

void glue_ioloop_deinit(struct loop **loop)
{
	struct glue_loop *glue = container_of(*loop, struct glue_loop, loop);

	*loop = NULL;
	i_free(glue);
}
