#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "memory.h"
#include "ring-record-private.h"

/* Nodes and hosts are kept and found by the same code: both begin with their
   name. */
static_assert(offsetof(struct ring_node, name) == 0, "name comes first");
static_assert(offsetof(struct ring_host, name) == 0, "name comes first");

/* Where the name is, or where it would have to go; *found_r says which. */
static unsigned int find(const void *items, unsigned int count, size_t size,
			 const char *name, bool *found_r)
{
	unsigned int low = 0, high = count;

	*found_r = false;
	while (low < high) {
		unsigned int middle = low + (high - low) / 2;
		int order = strcmp((const char *)items + middle * size, name);

		if (order == 0) {
			*found_r = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Make room for one item at the index. Memory grows when the count is a power
   of two, so no capacity has to be kept. */
static void *open_gap(void *items, unsigned int count, size_t size,
		      unsigned int index)
{
	char *p;

	if ((count & (count - 1)) == 0)
		items = mem_resize(items, count == 0 ? 1 : 2 * count,
					   size);
	p = (char *)items + index * size;
	memmove(p + size, p, (count - index) * size);
	return items;
}

/* As much memory as open_gap() would have taken for so many. */
static void *dup_items(const void *items, unsigned int count, size_t size)
{
	unsigned int room = 1;
	void *copy;

	if (count == 0)
		return NULL;
	while (room < count)
		room *= 2;
	copy = mem_resize(NULL, room, size);
	return memcpy(copy, items, count * size);
}

struct ring_record *ring_record_new(const char *cluster,
				    const uint8_t seed[static RING_SEED_BYTES])
{
	struct ring_record *record = mem_calloc(1, sizeof(*record));

	assert(ring_name_is_valid(cluster));
	strcpy(record->cluster, cluster);
	memcpy(record->seed, seed, RING_SEED_BYTES);
	record->epoch = 1;
	strcpy(record->publisher, "-");
	return record;
}

struct ring_record *ring_record_dup(const struct ring_record *record)
{
	struct ring_record *copy = mem_calloc(1, sizeof(*copy));

	*copy = *record;
	copy->nodes = dup_items(record->nodes, record->node_count,
				sizeof(*record->nodes));
	copy->hosts = dup_items(record->hosts, record->host_count,
				sizeof(*record->hosts));
	return copy;
}

void ring_record_free(struct ring_record **record)
{
	if (*record == NULL)
		return;
	free((*record)->nodes);
	free((*record)->hosts);
	free(*record);
	*record = NULL;
}

const struct ring_host *
ring_record_host(const struct ring_record *record, const char *name)
{
	bool found;
	unsigned int i = find(record->hosts, record->host_count,
			      sizeof(*record->hosts), name, &found);

	return found ? &record->hosts[i] : NULL;
}

const struct ring_node *
ring_record_node(const struct ring_record *record, const char *name)
{
	bool found;
	unsigned int i = find(record->nodes, record->node_count,
			      sizeof(*record->nodes), name, &found);

	return found ? &record->nodes[i] : NULL;
}

/* A first host of this node, NULL if none needs it. */
static const struct ring_host *
host_of_node(const struct ring_record *record, const char *node)
{
	unsigned int i;

	for (i = 0; i < record->host_count; i++) {
		if (strcmp(record->hosts[i].node, node) == 0)
			return &record->hosts[i];
	}
	return NULL;
}

static int check_unsigned(const struct ring_record *record,
			  struct ring_error *error)
{
	if (!record->is_signed)
		return 0;
	ring_error_set(error, 0, "ring record %"PRIu64" is signed and can't "
		       "be changed: change an unsigned copy", record->epoch);
	return -1;
}

static int check_name(const char *kind, const char *name,
		      struct ring_error *error)
{
	if (ring_name_is_valid(name))
		return 0;
	ring_error_set(error, 0, "%s name is '%.80s', expected 1 to %d "
		       "letters, digits, '-', '_', '.'", kind, name,
		       RING_NAME_MAX);
	return -1;
}

static int check_address(const char *kind, const char *name,
			 const char *address, struct ring_error *error)
{
	char canonical[RING_ADDRESS_MAX + 1];

	if (!ring_address_canonical(address, canonical)) {
		ring_error_set(error, 0, "%s %s: address is '%.80s', expected "
			       "a numeric IPv4 or IPv6 address", kind, name,
			       address);
		return -1;
	}
	if (strcmp(address, canonical) != 0) {
		ring_error_set(error, 0, "%s %s: address is '%s', expected "
			       "its usual form '%s'", kind, name, address,
			       canonical);
		return -1;
	}
	return 0;
}

int ring_record_check_node(const struct ring_node *node,
			   struct ring_error *error)
{
	if (check_name("node", node->name, error) < 0 ||
	    check_address("node", node->name, node->address, error) < 0)
		return -1;
	if (node->port == 0) {
		ring_error_set(error, 0, "node %s: port is 0, expected the "
			       "agent's port, 1 to 65535", node->name);
		return -1;
	}
	if (node->key_count < 1 || node->key_count > RING_NODE_KEYS_MAX) {
		ring_error_set(error, 0, "node %s: has %u keys, expected 1 "
			       "to %d", node->name, node->key_count,
			       RING_NODE_KEYS_MAX);
		return -1;
	}
	if (node->key_count == 2 && memcmp(node->keys[0], node->keys[1],
					   sizeof(node->keys[0])) == 0) {
		ring_error_set(error, 0, "node %s: second key is the first "
			       "one again, expected another one or none",
			       node->name);
		return -1;
	}
	return 0;
}

static int check_weights(const struct ring_host *host,
			 struct ring_error *error)
{
	if (host->weight > RING_WEIGHT_MAX) {
		ring_error_set(error, 0, "host %s: weight is %"PRIu32", "
			       "expected 0 to %d", host->name, host->weight,
			       RING_WEIGHT_MAX);
		return -1;
	}
	if (host->weight == 0 && host->effective != 0) {
		ring_error_set(error, 0, "host %s: effective is %"PRIu32", "
			       "expected none beside weight 0", host->name,
			       host->effective);
		return -1;
	}
	if (host->effective > RING_EFFECTIVE_MAX) {
		ring_error_set(error, 0, "host %s: effective is %"PRIu32", "
			       "expected 1 to %d", host->name,
			       host->effective, RING_EFFECTIVE_MAX);
		return -1;
	}
	return 0;
}

int ring_record_check_host(const struct ring_record *record,
			   const struct ring_host *host,
			   struct ring_error *error)
{
	const struct ring_node *node;

	if (check_name("host", host->name, error) < 0 ||
	    check_address("host", host->name, host->address, error) < 0 ||
	    check_weights(host, error) < 0)
		return -1;
	if (host->tag[0] != '\0' && !ring_name_is_valid(host->tag)) {
		ring_error_set(error, 0, "host %s: tag is '%.80s', expected 1 "
			       "to %d letters, digits, '-', '_', '.'",
			       host->name, host->tag, RING_NAME_MAX);
		return -1;
	}
	if (!ring_name_is_valid(host->node)) {
		ring_error_set(error, 0, "host %s: node is '%.80s', expected 1 "
			       "to %d letters, digits, '-', '_', '.'",
			       host->name, host->node, RING_NAME_MAX);
		return -1;
	}
	/* It may join later: nobody can speak for the host until then. */
	node = ring_record_node(record, host->node);
	if (node != NULL && node->role != RING_ROLE_BACKEND) {
		ring_error_set(error, 0, "host %s: node %s is a director, "
			       "expected a backend", host->name, host->node);
		return -1;
	}
	return 0;
}

void ring_record_push_node(struct ring_record *record,
			   const struct ring_node *node)
{
	record->nodes = open_gap(record->nodes, record->node_count,
				 sizeof(*node), record->node_count);
	record->nodes[record->node_count++] = *node;
}

void ring_record_push_host(struct ring_record *record,
			   const struct ring_host *host)
{
	record->hosts = open_gap(record->hosts, record->host_count,
				 sizeof(*host), record->host_count);
	record->hosts[record->host_count++] = *host;
}

/* What has a default is stored as 0, so that equal records are equal. */
static void drop_defaults(struct ring_host *host)
{
	unsigned int i;

	if (host->effective == host->weight * RING_EFFECTIVE_UNIT)
		host->effective = 0;
	for (i = 0; i < RING_PROTOCOL_COUNT; i++) {
		if (host->ports[i] == ring_protocol_port(i))
			host->ports[i] = 0;
	}
}

static int check_count(const char *kind, unsigned int count, unsigned int max,
		       struct ring_error *error)
{
	if (count < max)
		return 0;
	ring_error_set(error, 0, "the ring has %u %ss already, expected at "
		       "most %u", count, kind, max);
	return -1;
}

int ring_record_set_host(struct ring_record *record,
			 const struct ring_host *host, struct ring_error *error)
{
	unsigned int i;
	bool found;

	if (check_unsigned(record, error) < 0 ||
	    ring_record_check_host(record, host, error) < 0)
		return -1;
	i = find(record->hosts, record->host_count, sizeof(*host), host->name,
		 &found);
	if (!found) {
		if (check_count("host", record->host_count, RING_HOSTS_MAX,
				error) < 0)
			return -1;
		record->hosts = open_gap(record->hosts, record->host_count,
					 sizeof(*host), i);
		record->host_count++;
	}
	record->hosts[i] = *host;
	drop_defaults(&record->hosts[i]);
	return 0;
}

int ring_record_set_node(struct ring_record *record,
			 const struct ring_node *node, struct ring_error *error)
{
	const struct ring_host *host;
	unsigned int i;
	bool found;

	if (check_unsigned(record, error) < 0 ||
	    ring_record_check_node(node, error) < 0)
		return -1;
	host = host_of_node(record, node->name);
	if (host != NULL && node->role != RING_ROLE_BACKEND) {
		ring_error_set(error, 0, "node %s: role is %s, expected "
			       "backend as long as host %s names it",
			       node->name, ring_role_name(node->role),
			       host->name);
		return -1;
	}
	i = find(record->nodes, record->node_count, sizeof(*node), node->name,
		 &found);
	if (!found) {
		if (check_count("node", record->node_count, RING_NODES_MAX,
				error) < 0)
			return -1;
		record->nodes = open_gap(record->nodes, record->node_count,
					 sizeof(*node), i);
		record->node_count++;
	}
	record->nodes[i] = *node;
	return 0;
}

/* Take the item out. The memory stays, which is never less than open_gap()
   counts on: the next power of two. */
static void close_gap(void *items, unsigned int count, size_t size,
		      unsigned int index)
{
	char *p = (char *)items + index * size;

	memmove(p, p + size, (count - index - 1) * size);
}

int ring_record_remove_host(struct ring_record *record, const char *name,
			    struct ring_error *error)
{
	unsigned int i;
	bool found;

	if (check_unsigned(record, error) < 0)
		return -1;
	i = find(record->hosts, record->host_count, sizeof(*record->hosts),
		 name, &found);
	if (!found) {
		ring_error_set(error, 0, "host '%.80s' is not in the ring",
			       name);
		return -1;
	}
	close_gap(record->hosts, record->host_count, sizeof(*record->hosts),
		  i);
	record->host_count--;
	return 0;
}

int ring_record_remove_node(struct ring_record *record, const char *name,
			    struct ring_error *error)
{
	const struct ring_host *host = host_of_node(record, name);
	unsigned int i;
	bool found;

	if (check_unsigned(record, error) < 0)
		return -1;
	i = find(record->nodes, record->node_count, sizeof(*record->nodes),
		 name, &found);
	if (!found) {
		ring_error_set(error, 0, "node '%.80s' is not in the ring",
			       name);
		return -1;
	}
	if (host != NULL) {
		ring_error_set(error, 0, "node %s is needed by host %s: "
			       "remove that host first", name, host->name);
		return -1;
	}
	close_gap(record->nodes, record->node_count, sizeof(*record->nodes),
		  i);
	record->node_count--;
	return 0;
}

void ring_record_digest(const struct ring_record *record,
			uint8_t digest[static RING_DIGEST_BYTES])
{
	size_t size;
	char *text = ring_record_print_body(record, &size);

	crypto_generichash(digest, RING_DIGEST_BYTES,
			   (const unsigned char *)text, size, NULL, 0);
	free(text);
}

void ring_record_sign(struct ring_record *record,
		      const uint8_t key[static RING_SECRET_KEY_BYTES])
{
	size_t size;
	char *text = ring_record_print_body(record, &size);

	crypto_sign_detached(record->signature, NULL,
			     (const unsigned char *)text, size, key);
	record->is_signed = true;
	free(text);
}

int ring_record_verify(const struct ring_record *record,
		       const uint8_t key[static RING_PUBLIC_KEY_BYTES],
		       struct ring_error *error)
{
	size_t size;
	char *text;
	int ret;

	if (!record->is_signed) {
		ring_error_set(error, 0, "ring record %"PRIu64" of cluster %s "
			       "is not signed", record->epoch,
			       record->cluster);
		return -1;
	}
	text = ring_record_print_body(record, &size);
	ret = crypto_sign_verify_detached(record->signature,
					  (const unsigned char *)text, size,
					  key);
	free(text);
	if (ret != 0) {
		ring_error_set(error, 0, "ring record %"PRIu64" of cluster "
			       "%s: the signature is not by the key in "
			       "ring_public_key_file, or the record was "
			       "altered", record->epoch, record->cluster);
		return -1;
	}
	return 0;
}
