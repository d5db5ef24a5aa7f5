#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "ring-private.h"
#include "ring-table.h"

static_assert(crypto_generichash_KEYBYTES_MIN <= RING_SEED_BYTES,
	      "a seed can key the hash");
static_assert(RING_HOSTS_MAX <= UINT16_MAX, "a slot holds a host's index");

/* Separate keys for separate uses, so that what is learned of one says
   nothing about the other. */
static void derive_key(const struct ring_record *record, const char *purpose,
		       uint8_t key[static crypto_shorthash_KEYBYTES])
{
	crypto_generichash(key, crypto_shorthash_KEYBYTES,
			   (const unsigned char *)purpose, strlen(purpose),
			   record->seed, sizeof(record->seed));
}

/* Little-endian on every machine. */
static uint64_t siphash(const void *data, size_t size,
			const uint8_t key[static crypto_shorthash_KEYBYTES])
{
	uint8_t bytes[crypto_shorthash_BYTES];
	uint64_t hash = 0;
	unsigned int i;

	crypto_shorthash(bytes, data, size, key);
	for (i = 0; i < 8; i++)
		hash |= (uint64_t)bytes[i] << (8 * i);
	return hash;
}

static bool host_races(const struct ring_host *host, const char *tag)
{
	return host->state == RING_HOST_UP && host->weight > 0 &&
		strcmp(host->tag, tag) == 0;
}

static unsigned int
find_racers(const struct ring_record *record, const char *tag,
	    struct ring_racer *racers)
{
	uint8_t key[crypto_shorthash_KEYBYTES];
	unsigned int i, count = 0;

	derive_key(record, "dovering ring 1: hosts", key);
	for (i = 0; i < record->host_count; i++) {
		const struct ring_host *host = &record->hosts[i];
		struct ring_racer *racer = &racers[count];

		if (!host_races(host, tag))
			continue;
		racer->seed = siphash(host->name, strlen(host->name), key);
		racer->effective = host->effective != 0 ? host->effective :
			host->weight * RING_EFFECTIVE_UNIT;
		racer->host = (uint16_t)i;
		count++;
	}
	return count;
}

static void build_table(const struct ring_record *record,
			struct ring_table *table)
{
	struct ring_racer *racers =
		mem_calloc(record->host_count, sizeof(*racers));
	unsigned int count = find_racers(record, table->tag, racers);

	if (count > 0) {
		table->slots = mem_resize(NULL, RING_SLOTS,
						  sizeof(*table->slots));
		ring_table_race(racers, count, table->slots);
	}
	free(racers);
}

static int compare_tags(const void *a, const void *b)
{
	const struct ring_table *table_a = a, *table_b = b;

	return strcmp(table_a->tag, table_b->tag);
}

/* Each tag of the record's hosts once, in order; "" is one of them. */
static int find_tags(struct ring *ring, struct ring_error *error)
{
	const struct ring_record *record = ring->record;
	unsigned int i, j, count = 0;

	ring->tables = mem_calloc(RING_TAGS_MAX + 2,
				       sizeof(*ring->tables));
	ring->tables[count++].tag = "";
	for (i = 0; i < record->host_count; i++) {
		for (j = 0; j < count; j++) {
			if (strcmp(ring->tables[j].tag,
				   record->hosts[i].tag) == 0)
				break;
		}
		if (j < count)
			continue;
		ring->tables[count++].tag = record->hosts[i].tag;
		if (count > RING_TAGS_MAX + 1) {
			ring_error_set(error, 0, "host %s: tag %s is one too "
				       "many, expected at most %d different "
				       "tags", record->hosts[i].name,
				       record->hosts[i].tag, RING_TAGS_MAX);
			return -1;
		}
	}
	qsort(ring->tables, count, sizeof(*ring->tables), compare_tags);
	ring->table_count = count;
	return 0;
}

/* -- digest */

/* A line for each table and each host that runs in it, then the table: each
   slot's host by its number in these lines, two bytes, low byte first. Names
   are in it, so that equal tables of other hosts differ. */
static void digest_table(crypto_generichash_state *state,
			 const struct ring_record *record,
			 const struct ring_table *table)
{
	uint16_t numbers[RING_HOSTS_MAX];
	unsigned int i, count = 0, used = 0;
	uint8_t bytes[4096];

#define UPDATE(text) crypto_generichash_update(state, \
		(const unsigned char *)(text), strlen(text))
	UPDATE("table ");
	UPDATE(table->tag);
	UPDATE("\n");
	for (i = 0; i < record->host_count; i++) {
		if (!host_races(&record->hosts[i], table->tag))
			continue;
		numbers[i] = (uint16_t)count++;
		UPDATE("host ");
		UPDATE(record->hosts[i].name);
		UPDATE("\n");
	}
#undef UPDATE
	for (i = 0; i < RING_SLOTS; i++) {
		uint16_t number = numbers[table->slots[i]];

		bytes[used++] = (uint8_t)(number & 0xff);
		bytes[used++] = (uint8_t)(number >> 8);
		if (used == sizeof(bytes)) {
			crypto_generichash_update(state, bytes, used);
			used = 0;
		}
	}
}

static void digest_tables(struct ring *ring)
{
	static const char title[] = "dovering-table 1\n";
	crypto_generichash_state state;
	unsigned int i;

	crypto_generichash_init(&state, NULL, 0, RING_DIGEST_BYTES);
	crypto_generichash_update(&state, (const unsigned char *)title,
				  strlen(title));
	for (i = 0; i < ring->table_count; i++) {
		if (ring->tables[i].slots != NULL)
			digest_table(&state, ring->record, &ring->tables[i]);
	}
	crypto_generichash_final(&state, ring->table_digest,
				 RING_DIGEST_BYTES);
}

/* -- hosts by address */

/* How many hosts come before this address, in the order of addresses. */
static unsigned int find_address(const struct ring *ring, unsigned int count,
				 const char *address)
{
	unsigned int low = 0, high = count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;
		const struct ring_host *host =
			&ring->record->hosts[ring->by_address[middle]];

		if (strcmp(host->address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Last name first, each in front of its equals: so the lowest name of an
   address stands in front. qsort() would need a pointer to the hosts. */
static void index_addresses(struct ring *ring)
{
	unsigned int host, count = ring->record->host_count, i;

	ring->by_address = mem_calloc(count, sizeof(*ring->by_address));
	for (host = count; host-- > 0;) {
		unsigned int done = count - 1 - host;

		i = find_address(ring, done,
				 ring->record->hosts[host].address);
		memmove(&ring->by_address[i + 1], &ring->by_address[i],
			(done - i) * sizeof(*ring->by_address));
		ring->by_address[i] = (uint16_t)host;
	}
}

/* -- the ring */

int ring_build(const struct ring_record *record, struct ring **ring_r,
	       struct ring_error *error)
{
	struct ring *ring = mem_calloc(1, sizeof(*ring));
	unsigned int i;

	ring->record = ring_record_dup(record);
	derive_key(record, "dovering ring 1: users", ring->user_key);
	*ring_r = NULL;
	if (find_tags(ring, error) < 0) {
		ring_free(&ring);
		return -1;
	}
	for (i = 0; i < ring->table_count; i++)
		build_table(ring->record, &ring->tables[i]);
	digest_tables(ring);
	index_addresses(ring);
	*ring_r = ring;
	return 0;
}

void ring_free(struct ring **ring)
{
	unsigned int i;

	if (*ring == NULL)
		return;
	for (i = 0; i < (*ring)->table_count; i++)
		free((*ring)->tables[i].slots);
	free((*ring)->tables);
	free((*ring)->by_address);
	ring_record_free(&(*ring)->record);
	sodium_memzero((*ring)->user_key, sizeof((*ring)->user_key));
	free(*ring);
	*ring = NULL;
}

const struct ring_record *ring_record(const struct ring *ring)
{
	return ring->record;
}

void ring_table_digest(const struct ring *ring,
		       uint8_t digest[static RING_DIGEST_BYTES])
{
	memcpy(digest, ring->table_digest, RING_DIGEST_BYTES);
}

int ring_check_table(const struct ring *ring, struct ring_error *error)
{
	const struct ring_record *record = ring->record;
	char here[2 * RING_DIGEST_BYTES + 1], there[sizeof(here)];

	if (memcmp(ring->table_digest, record->table_digest,
		   RING_DIGEST_BYTES) == 0)
		return 0;
	sodium_bin2hex(here, sizeof(here), ring->table_digest,
		       RING_DIGEST_BYTES);
	sodium_bin2hex(there, sizeof(there), record->table_digest,
		       RING_DIGEST_BYTES);
	ring_error_set(error, 0, "ring record %"PRIu64": this node computes "
		       "table %s, expected the publisher's %s; install one "
		       "version of dovering everywhere", record->epoch, here,
		       there);
	return -1;
}

uint64_t ring_hash(const struct ring *ring, const void *key, size_t size)
{
	return siphash(key, size, ring->user_key);
}

unsigned int ring_shard(uint64_t hash)
{
	return (unsigned int)(hash % RING_SHARDS);
}

const struct ring_table *ring_table(const struct ring *ring, const char *tag)
{
	unsigned int i;

	for (i = 0; i < ring->table_count; i++) {
		if (strcmp(ring->tables[i].tag, tag) == 0)
			return ring->tables[i].slots == NULL ? NULL :
				&ring->tables[i];
	}
	return NULL;
}

const struct ring_host *
ring_lookup(const struct ring *ring, uint64_t hash, const char *tag)
{
	const struct ring_table *table = ring_table(ring, tag);

	if (table == NULL)
		return NULL;
	return &ring->record->hosts[table->slots[hash >>
						 (64 - RING_SLOT_BITS)]];
}

const struct ring_host *ring_host(const struct ring *ring, const char *name)
{
	return ring_record_host(ring->record, name);
}

const struct ring_host *
ring_host_by_address(const struct ring *ring, const char *address)
{
	const struct ring_record *record = ring->record;
	char canonical[RING_ADDRESS_MAX + 1];
	const struct ring_host *host;
	unsigned int i;

	if (!ring_address_canonical(address, canonical))
		return NULL;
	i = find_address(ring, record->host_count, canonical);
	if (i == record->host_count)
		return NULL;
	host = &record->hosts[ring->by_address[i]];
	return strcmp(host->address, canonical) == 0 ? host : NULL;
}
