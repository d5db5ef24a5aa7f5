#include <string.h>

#include "ring-record.h"

/* Not isalnum(): a locale must not change what a record may hold. */
static bool byte_is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool ring_name_is_valid(const char *name)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++) {
		if (i == RING_NAME_MAX || !byte_is_name(name[i]))
			return false;
	}
	return i > 0;
}

static const struct {
	const char *name;
	uint16_t port;
} protocols[RING_PROTOCOL_COUNT] = {
	[RING_PROTOCOL_IMAP] = {"imap", 143},
	[RING_PROTOCOL_POP3] = {"pop3", 110},
	[RING_PROTOCOL_LMTP] = {"lmtp", 24},
	[RING_PROTOCOL_SIEVE] = {"sieve", 4190},
	[RING_PROTOCOL_SUBMISSION] = {"submission", 587},
	[RING_PROTOCOL_DOVEADM] = {"doveadm", 24245},
};

static const char *const host_states[] = {
	[RING_HOST_UP] = "up",
	[RING_HOST_DRAIN] = "drain",
	[RING_HOST_DOWN] = "down",
};

static const char *const roles[] = {
	[RING_ROLE_DIRECTOR] = "director",
	[RING_ROLE_BACKEND] = "backend",
};

static int find_name(const char *const *names, unsigned int count,
		     const char *name)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

const char *ring_protocol_name(enum ring_protocol protocol)
{
	return protocols[protocol].name;
}

bool ring_protocol_parse(const char *name, enum ring_protocol *protocol_r)
{
	unsigned int i;

	for (i = 0; i < RING_PROTOCOL_COUNT; i++) {
		if (strcmp(protocols[i].name, name) == 0) {
			*protocol_r = (enum ring_protocol)i;
			return true;
		}
	}
	return false;
}

uint16_t ring_protocol_port(enum ring_protocol protocol)
{
	return protocols[protocol].port;
}

const char *ring_host_state_name(enum ring_host_state state)
{
	return host_states[state];
}

bool ring_host_state_parse(const char *name, enum ring_host_state *state_r)
{
	int i = find_name(host_states, 3, name);

	if (i >= 0)
		*state_r = (enum ring_host_state)i;
	return i >= 0;
}

const char *ring_role_name(enum ring_role role)
{
	return roles[role];
}

bool ring_role_parse(const char *name, enum ring_role *role_r)
{
	int i = find_name(roles, 2, name);

	if (i >= 0)
		*role_r = (enum ring_role)i;
	return i >= 0;
}

uint16_t ring_host_port(const struct ring_host *host,
			enum ring_protocol protocol)
{
	return host->ports[protocol] != 0 ? host->ports[protocol] :
		ring_protocol_port(protocol);
}
