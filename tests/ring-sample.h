#ifndef RING_SAMPLE_H
#define RING_SAMPLE_H

/* Records for the tests of ring/. Include after the cmocka headers. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

/* Seed, keys and digests here are counted bytes: what is fixed forever must
   be easy to make again. */
static inline void sample_bytes(uint8_t *bytes, size_t size, uint8_t first)
{
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (uint8_t)(first + i);
}

static inline void sample_node(struct ring_record *record, const char *name,
			       const char *address, enum ring_role role)
{
	struct ring_node node;
	struct ring_error error;

	memset(&node, 0, sizeof(node));
	snprintf(node.name, sizeof(node.name), "%s", name);
	snprintf(node.address, sizeof(node.address), "%s", address);
	node.port = 7420;
	node.role = role;
	node.key_count = 1;
	sample_bytes(node.keys[0], sizeof(node.keys[0]), (uint8_t)name[1]);
	if (ring_record_set_node(record, &node, &error) < 0)
		fail_msg("%s", error.text);
}

static inline void sample_host(struct ring_record *record, const char *name,
			       const char *address, uint32_t weight,
			       const char *tag)
{
	struct ring_host host;
	struct ring_error error;

	memset(&host, 0, sizeof(host));
	snprintf(host.name, sizeof(host.name), "%s", name);
	snprintf(host.address, sizeof(host.address), "%s", address);
	snprintf(host.tag, sizeof(host.tag), "%s", tag);
	strcpy(host.node, "n1");
	host.weight = weight;
	if (ring_record_set_host(record, &host, &error) < 0)
		fail_msg("%s", error.text);
}

/* A record with the backend n1 and no host. */
static inline struct ring_record *sample_record(void)
{
	uint8_t seed[RING_SEED_BYTES];
	struct ring_record *record;

	sample_bytes(seed, sizeof(seed), 0);
	record = ring_record_new("mail", seed);
	sample_node(record, "n1", "127.0.0.1", RING_ROLE_BACKEND);
	return record;
}

/* Hosts h0000, h0001, ... of the weights given, one after another. */
static inline struct ring_record *
sample_hosts(const uint32_t *weights, unsigned int count)
{
	struct ring_record *record = sample_record();
	unsigned int i;

	for (i = 0; i < count; i++) {
		char name[16], address[20];

		snprintf(name, sizeof(name), "h%04u", i);
		snprintf(address, sizeof(address), "10.0.%u.%u", i / 250,
			 i % 250 + 1);
		sample_host(record, name, address, weights[i], "");
	}
	return record;
}

static inline struct ring_host *
sample_find(struct ring_record *record, const char *name)
{
	const struct ring_host *host = ring_record_host(record, name);

	if (host == NULL)
		fail_msg("no host %s", name);
	return &record->hosts[host - record->hosts];
}

static inline struct ring *sample_build(const struct ring_record *record)
{
	struct ring_error error;
	struct ring *ring;

	if (ring_build(record, &ring, &error) < 0)
		fail_msg("%s", error.text);
	return ring;
}

#endif
