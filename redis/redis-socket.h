#ifndef REDIS_SOCKET_H
#define REDIS_SOCKET_H

/* Nonblocking stream sockets. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct addrinfo;

/* Begin to connect. Returns the socket, or -1 with errno. It is writable when
   redis_socket_connected() can tell. */
int redis_socket_connect(const struct addrinfo *address);
int redis_socket_connect_unix(const char *path);
/* Returns 0, or the errno of what went wrong. */
int redis_socket_connected(int fd);

/* Return the bytes moved; 0 if there is nothing to do now; -1 with errno,
   which is 0 if the other side has ended the stream. */
ssize_t redis_socket_read(int fd, char *bytes, size_t size);
ssize_t redis_socket_write(int fd, const char *bytes, size_t size);

#endif
