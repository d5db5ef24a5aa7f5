#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "redis-address.h"

uint16_t redis_address_parse_port(const char *text, size_t size)
{
	unsigned int port = 0;
	size_t i;

	if (size == 0 || size > 5)
		return 0;
	for (i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	return port > 65535 ? 0 : (uint16_t)port;
}

/* Letters, digits, and what else names and IPs have; in brackets, an IPv6
   address, perhaps with its zone. */
static bool host_is_valid(const char *host, size_t size, bool bracketed)
{
	size_t i;

	if (size == 0 || size >= REDIS_HOST_MAX_BYTES)
		return false;
	if (bracketed && memchr(host, ':', size) == NULL)
		return false;
	for (i = 0; i < size; i++) {
		char c = host[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_')
			continue;
		if (bracketed && (c == ':' || c == '%'))
			continue;
		return false;
	}
	return true;
}

bool redis_address_parse(const char *text, size_t size, uint16_t default_port,
			 struct redis_address *address_r)
{
	const char *end = text + size, *host = text, *host_end, *rest;
	bool bracketed = size > 0 && text[0] == '[';

	memset(address_r, 0, sizeof(*address_r));
	if (bracketed) {
		host++;
		host_end = memchr(text, ']', size);
		if (host_end == NULL)
			return false;
		rest = host_end + 1;
	} else {
		host_end = memchr(text, ':', size);
		if (host_end == NULL)
			host_end = end;
		rest = host_end;
	}
	if (!host_is_valid(host, (size_t)(host_end - host), bracketed))
		return false;
	memcpy(address_r->host, host, (size_t)(host_end - host));
	address_r->port = default_port;
	if (rest == end)
		return true;
	if (*rest != ':')
		return false;
	rest++;
	address_r->port = redis_address_parse_port(rest, (size_t)(end - rest));
	return address_r->port != 0;
}

void redis_address_print(const struct redis_address *address,
			 char text_r[REDIS_ADDRESS_TEXT_MAX_BYTES])
{
	const char *open = "", *close = "";

	if (address->port == 0) {
		(void)snprintf(text_r, REDIS_ADDRESS_TEXT_MAX_BYTES, "%s",
			       address->host);
		return;
	}
	if (strchr(address->host, ':') != NULL) {
		open = "[";
		close = "]";
	}
	(void)snprintf(text_r, REDIS_ADDRESS_TEXT_MAX_BYTES, "%s%s%s:%u", open,
		       address->host, close, (unsigned int)address->port);
}

bool redis_address_equals(const struct redis_address *a,
			  const struct redis_address *b)
{
	return a->port == b->port &&
		(a->port == 0 ? strcmp(a->host, b->host) :
		 strcasecmp(a->host, b->host)) == 0;
}
