#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "fixture-fake.h"
#include "memory.h"

struct fixture_fake {
	struct loop *loop;
	struct fixture_fake_settings settings;
	int listen_fd, fd;
	struct loop_io *listen_io, *io;
	unsigned int port, accepted;
	const char *bytes;	/* what is being said */
	bool asked;
};

static void fake_hang_up(struct fixture_fake *fake)
{
	loop_io_remove(fake->loop, &fake->io);
	if (fake->fd >= 0)
		(void)close(fake->fd);
	fake->fd = -1;
}

static void fake_said_all(struct fixture_fake *fake)
{
	if (fake->settings.close)
		fake_hang_up(fake);
	else if (fake->settings.again != NULL)
		fake->bytes = fake->settings.again;
	else
		loop_io_set(fake->loop, fake->io, LOOP_READ);
}

static void fake_write(struct fixture_fake *fake)
{
	ssize_t ret;

	while (fake->fd >= 0 && *fake->bytes != '\0') {
		ret = send(fake->fd, fake->bytes, strlen(fake->bytes),
			   MSG_NOSIGNAL | MSG_DONTWAIT);
		if (ret <= 0)
			return;
		fake->bytes += ret;
		if (*fake->bytes == '\0')
			fake_said_all(fake);
	}
}

static void fake_io(void *context)
{
	struct fixture_fake *fake = context;
	char block[4096];
	ssize_t ret;

	ret = recv(fake->fd, block, sizeof(block), MSG_DONTWAIT);
	if (ret == 0) {
		fake_hang_up(fake);
		return;
	}
	if (ret > 0 && !fake->asked) {
		fake->asked = true;
		loop_io_set(fake->loop, fake->io, LOOP_READ | LOOP_WRITE);
	}
	if (fake->asked)
		fake_write(fake);
}

static void fake_accept(void *context)
{
	struct fixture_fake *fake = context;

	fake_hang_up(fake);
	fake->fd = accept(fake->listen_fd, NULL, NULL);
	assert_true(fake->fd >= 0);
	fake->accepted++;
	fake->bytes = fake->settings.first;
	fake->asked = fake->settings.unasked;
	fake->io = loop_io_add(fake->loop, fake->fd, LOOP_READ |
			       (fake->asked ? LOOP_WRITE : 0), fake_io, fake);
}

struct fixture_fake *
fixture_fake_init(struct loop *loop,
		  const struct fixture_fake_settings *settings)
{
	struct fixture_fake *fake = mem_calloc(1, sizeof(*fake));
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof(in);

	fake->loop = loop;
	fake->settings = *settings;
	fake->fd = -1;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fake->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fake->listen_fd >= 0);
	assert_int_equal(bind(fake->listen_fd, (struct sockaddr *)&in,
			      sizeof(in)), 0);
	assert_int_equal(listen(fake->listen_fd, 8), 0);
	assert_int_equal(getsockname(fake->listen_fd, (struct sockaddr *)&in,
				     &size), 0);
	fake->port = ntohs(in.sin_port);
	fake->listen_io = loop_io_add(loop, fake->listen_fd, LOOP_READ,
				      fake_accept, fake);
	return fake;
}

void fixture_fake_deinit(struct fixture_fake **_fake)
{
	struct fixture_fake *fake = *_fake;

	if (fake == NULL)
		return;
	*_fake = NULL;
	fake_hang_up(fake);
	loop_io_remove(fake->loop, &fake->listen_io);
	(void)close(fake->listen_fd);
	free(fake);
}

unsigned int fixture_fake_port(const struct fixture_fake *fake)
{
	return fake->port;
}

unsigned int fixture_fake_accepted(const struct fixture_fake *fake)
{
	return fake->accepted;
}
