#ifndef REDIS_ADDRESS_H
#define REDIS_ADDRESS_H

/* Where one server listens: HOST:PORT, [IPV6]:PORT, or a unix socket. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_HOST_MAX_BYTES 256
#define REDIS_ADDRESS_TEXT_MAX_BYTES (REDIS_HOST_MAX_BYTES + 16)

struct redis_address {
	/* A name, an IP without brackets, or the path of a unix socket. */
	char host[REDIS_HOST_MAX_BYTES];
	uint16_t port;	/* 0: host is a path */
};

/* Read HOST, HOST:PORT or [IPV6]:PORT. Returns false if it is none. */
bool redis_address_parse(const char *text, size_t size, uint16_t default_port,
			 struct redis_address *address_r);
/* From 1 to 65535, digits only. Returns 0 if it is not. */
uint16_t redis_address_parse_port(const char *text, size_t size);
/* For people. */
void redis_address_print(const struct redis_address *address,
			 char text_r[REDIS_ADDRESS_TEXT_MAX_BYTES]);
bool redis_address_equals(const struct redis_address *a,
			  const struct redis_address *b);

#endif
