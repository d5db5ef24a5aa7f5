#ifndef RING_RECORD_H
#define RING_RECORD_H

/* The ring record: who is in the cluster, as text that is signed.

   A record is a value; ring_record_free() ends it. The text form is canonical:
   a record has exactly one, and what does not print back to the same bytes is
   no record. So its digest names it.

   No function here reads a clock, a file or a socket. Programs call
   sodium_init() before any of this room. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring-error.h"

#define RING_NAME_MAX 63	/* bytes of a name: cluster, node, host, tag */
#define RING_ADDRESS_MAX 45	/* bytes of a numeric IPv4 or IPv6 address */
#define RING_HOSTS_MAX 4096
#define RING_NODES_MAX 8192
#define RING_WEIGHT_MAX 10000
/* Effective weights are in thousandths of the admin's weight. */
#define RING_EFFECTIVE_UNIT 1000
/* The largest integer that Redis' Lua keeps exact: 2^53 - 1. */
#define RING_EPOCH_MAX 9007199254740991ULL
#define RING_RECORD_MAX_BYTES (4U << 20)

#define RING_SEED_BYTES 16
#define RING_DIGEST_BYTES 32
#define RING_PUBLIC_KEY_BYTES 32
#define RING_SECRET_KEY_BYTES 64
#define RING_SIGNATURE_BYTES 64
#define RING_NODE_KEYS_MAX 2

enum ring_protocol {
	RING_PROTOCOL_IMAP,
	RING_PROTOCOL_POP3,
	RING_PROTOCOL_LMTP,
	RING_PROTOCOL_SIEVE,
	RING_PROTOCOL_SUBMISSION,
	RING_PROTOCOL_DOVEADM,
	RING_PROTOCOL_COUNT
};

enum ring_host_state {
	RING_HOST_UP,		/* keeps whom it has, gets new users */
	RING_HOST_DRAIN,	/* keeps whom it has, gets nobody new */
	RING_HOST_DOWN		/* owns nobody */
};

enum ring_role {
	RING_ROLE_DIRECTOR,
	RING_ROLE_BACKEND
};

struct ring_node {
	char name[RING_NAME_MAX + 1];
	char address[RING_ADDRESS_MAX + 1];
	uint16_t port;				/* the agent's own port */
	enum ring_role role;
	uint8_t keys[RING_NODE_KEYS_MAX][RING_PUBLIC_KEY_BYTES];
	unsigned int key_count;			/* 1 or 2 */
};

struct ring_host {
	char name[RING_NAME_MAX + 1];
	char address[RING_ADDRESS_MAX + 1];
	/* 0 = the protocol's standard port */
	uint16_t ports[RING_PROTOCOL_COUNT];
	enum ring_host_state state;
	uint32_t weight;			/* 0..RING_WEIGHT_MAX */
	/* calibrated, in thousandths; 0 = weight * RING_EFFECTIVE_UNIT. Who
	   changes the weight sets it to 0, or the old one goes on counting. */
	uint32_t effective;
	char tag[RING_NAME_MAX + 1];		/* "" = no tag */
	char node[RING_NAME_MAX + 1];		/* whose agent admits here */
};

struct ring_record {
	char cluster[RING_NAME_MAX + 1];
	uint64_t epoch;				/* 1..RING_EPOCH_MAX */
	uint8_t previous[RING_DIGEST_BYTES];	/* digest of the one before */
	uint8_t seed[RING_SEED_BYTES];		/* never changes in a cluster */
	uint64_t published_secs;		/* since 1970, UTC */
	char publisher[2 * RING_NAME_MAX + 2];	/* "user@machine" */
	uint8_t table_digest[RING_DIGEST_BYTES];
	uint8_t signature[RING_SIGNATURE_BYTES];
	bool is_signed;

	struct ring_node *nodes;		/* sorted by name */
	unsigned int node_count;
	struct ring_host *hosts;		/* sorted by name */
	unsigned int host_count;
};

/* "imap" ... ; the service names that Dovecot uses. */
const char *ring_protocol_name(enum ring_protocol protocol);
/* Returns false and leaves *protocol_r alone if there is no such name. */
bool ring_protocol_parse(const char *name, enum ring_protocol *protocol_r);
uint16_t ring_protocol_port(enum ring_protocol protocol);
const char *ring_host_state_name(enum ring_host_state state);
bool ring_host_state_parse(const char *name, enum ring_host_state *state_r);
const char *ring_role_name(enum ring_role role);
bool ring_role_parse(const char *name, enum ring_role *role_r);

/* The port of a host for a protocol: its own, else the standard one. */
uint16_t ring_host_port(const struct ring_host *host,
			enum ring_protocol protocol);

/* Names: letters, digits, '-', '_', '.', not empty, at most RING_NAME_MAX. */
bool ring_name_is_valid(const char *name);
/* Numeric IPv4 or IPv6. *canonical (RING_ADDRESS_MAX + 1 bytes) gets the one
   spelling that a record may hold; contents undefined after false. */
bool ring_address_canonical(const char *address, char *canonical);

/* An empty, unsigned record of epoch 1; the name must be valid. Never fails:
   memory that runs out ends the process, as everywhere here. */
struct ring_record *ring_record_new(const char *cluster,
				    const uint8_t seed[static RING_SEED_BYTES]);
struct ring_record *ring_record_dup(const struct ring_record *record);
void ring_record_free(struct ring_record **record);

const struct ring_host *
ring_record_host(const struct ring_record *record, const char *name);
const struct ring_node *
ring_record_node(const struct ring_record *record, const char *name);

/* Add, or replace the one of this name; keeps the order by name. The record
   must not be signed: clear is_signed of the copy that is to be changed.
   Returns 0, or -1 with the error: a bad name, address or weight, a host whose
   node is a director of the record, too many. A host may come before its node:
   users are sent there, but no agent speaks for it yet. */
int ring_record_set_host(struct ring_record *record,
			 const struct ring_host *host, struct ring_error *error)
	__attribute__((warn_unused_result));
int ring_record_set_node(struct ring_record *record,
			 const struct ring_node *node, struct ring_error *error)
	__attribute__((warn_unused_result));
/* Returns 0, or -1 with the error: no such name, or a node that hosts need. */
int ring_record_remove_host(struct ring_record *record, const char *name,
			    struct ring_error *error)
	__attribute__((warn_unused_result));
int ring_record_remove_node(struct ring_record *record, const char *name,
			    struct ring_error *error)
	__attribute__((warn_unused_result));

/* The canonical text, with a NUL behind it, in memory of malloc(); *size_r
   does not count the NUL. A signed record has its signature line. */
char *ring_record_print(const struct ring_record *record, size_t *size_r);

/* Parse a text of any bytes. Returns 0 and a record that the caller frees,
   or -1 with the error, whose line is that of the first fault. A signature is
   read here and checked by ring_record_verify(). */
int ring_record_parse(const void *text, size_t size,
		      struct ring_record **record_r, struct ring_error *error)
	__attribute__((warn_unused_result));

/* Digest of the canonical text up to the signature line (BLAKE2b-256). */
void ring_record_digest(const struct ring_record *record,
			uint8_t digest[static RING_DIGEST_BYTES]);

/* Ed25519 over the canonical text up to the signature line. */
void ring_record_sign(struct ring_record *record,
		      const uint8_t key[static RING_SECRET_KEY_BYTES]);
/* Returns 0, or -1 with the error: not signed, or not by this key. */
int ring_record_verify(const struct ring_record *record,
		       const uint8_t key[static RING_PUBLIC_KEY_BYTES],
		       struct ring_error *error)
	__attribute__((warn_unused_result));

#endif
