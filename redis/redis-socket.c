#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "redis-socket.h"

static int socket_begin(int family, const struct sockaddr *address,
			socklen_t size)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, saved;

	if (fd < 0)
		return -1;
	if (family != AF_UNIX) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
				 sizeof(on));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on,
				 sizeof(on));
	}
	if (connect(fd, address, size) < 0 && errno != EINPROGRESS) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int redis_socket_connect(const struct addrinfo *address)
{
	return socket_begin(address->ai_family, address->ai_addr,
			    address->ai_addrlen);
}

int redis_socket_connect_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	return socket_begin(AF_UNIX, (const struct sockaddr *)&un, sizeof(un));
}

int redis_socket_connected(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return errno;
	return error;
}

static ssize_t socket_moved(ssize_t ret)
{
	if (ret >= 0)
		return ret;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ?
		0 : -1;
}

ssize_t redis_socket_read(int fd, char *bytes, size_t size)
{
	ssize_t ret = recv(fd, bytes, size, 0);

	if (ret == 0) {
		errno = 0;
		return -1;
	}
	return socket_moved(ret);
}

ssize_t redis_socket_write(int fd, const char *bytes, size_t size)
{
	return socket_moved(send(fd, bytes, size, MSG_NOSIGNAL));
}
