#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

char *tool_printf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}

bool tool_parse_number(const char *text, uint64_t min, uint64_t max,
		       uint64_t *number_r)
{
	uint64_t number = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*number_r = number;
	return p != text && *p == '\0' && number >= min && number <= max;
}

static bool parse_port(const char *text, uint16_t *port_r)
{
	uint64_t number;

	if (!tool_parse_number(text, 1, UINT16_MAX, &number))
		return false;
	*port_r = (uint16_t)number;
	return true;
}

bool tool_parse_address(const char *text, char *address, uint16_t *port_r)
{
	char host[RING_ADDRESS_MAX + 1];
	const char *colon = strchr(text, ':'), *end;
	size_t size;

	*port_r = 0;
	if (text[0] == '[') {
		end = strchr(++text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':') ||
		    memchr(text, ':', (size_t)(end - text)) == NULL)
			return false;
		colon = end[1] == ':' ? end + 1 : NULL;
	} else {
		/* two colons: IPv6 without brackets, so without a port */
		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			colon = NULL;
		end = colon != NULL ? colon : text + strlen(text);
	}
	size = (size_t)(end - text);
	if (size >= sizeof(host))
		return false;
	memcpy(host, text, size);
	host[size] = '\0';
	if (colon != NULL && !parse_port(colon + 1, port_r))
		return false;
	return ring_address_canonical(host, address);
}
