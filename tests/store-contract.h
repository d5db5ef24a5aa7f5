#ifndef STORE_CONTRACT_H
#define STORE_CONTRACT_H

/* What redis/store.h promises, as tests that run against any store: the one
   in Redis and the fake one, so that the fake one stays honest.

   Also: operations as plain functions that wait for the reply. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store.h"

#define RIG_NODES_MAX 8
#define RIG_TEXT_MAX 4096

struct store_rig {
	struct store *store;
	/* Let the loop do some work: replies come in here. */
	void (*turn)(struct store_rig *rig);
	/* Forget everything that the store holds. */
	void (*clear)(struct store_rig *rig);
	void *context;
};

/* A reply that has come, copied. */
struct rig_lease {
	enum store_status status;
	char host[RING_NAME_MAX + 1], error[RIG_TEXT_MAX];
	uint64_t generation, epoch, expires_msecs, store_epoch;
	bool is_new;
	unsigned int calls;
};
struct rig_publish {
	enum store_status status;
	uint64_t active_epoch, prepared_epoch;
	char missing[RIG_TEXT_MAX], error[RIG_TEXT_MAX];
	unsigned int calls;
};
struct rig_rings {
	enum store_status status;
	char active[RIG_TEXT_MAX], prepared[RIG_TEXT_MAX];
	size_t active_size, prepared_size;
	unsigned int calls;
};
struct rig_beat {
	enum store_status status;
	bool is_confirmed, was_another;
	unsigned int replicas, acked, calls;
	char replication_id[64], error[RIG_TEXT_MAX];
	struct store_epoch active, prepared;
};
struct rig_nodes {
	enum store_status status;
	unsigned int count, calls;
	struct {
		char name[64], boot_id[64], complaint[RIG_TEXT_MAX];
		struct store_epoch active, prepared;
		int64_t age_msecs;
		bool is_alive;
	} nodes[RIG_NODES_MAX];
};
struct rig_scan {
	enum store_status status;
	unsigned int count, batches, ends;
	/* XOR of a hash of each key seen, and the last lease */
	uint64_t keys;
	char host[64];
	struct store_key last;
	char last_key[256];
};

/* epoch N with a digest whose bytes are all `fill` */
struct store_epoch rig_epoch(uint64_t epoch, int fill);
struct store_key rig_key(const char *text);

struct rig_lease rig_claim(struct store_rig *rig, const struct store_key *key,
			   struct store_epoch epoch, const char *host);
struct rig_lease rig_peek(struct store_rig *rig, const struct store_key *key);
struct rig_lease rig_replace(struct store_rig *rig, const struct store_key *key,
			     struct store_epoch epoch, const char *host,
			     uint64_t generation, const char *new_host);
struct rig_lease rig_release(struct store_rig *rig, const struct store_key *key,
			     const char *host, uint64_t generation);
enum store_status
rig_renew(struct store_rig *rig, const struct store_key *key,
	  struct store_epoch epoch, const char *host, uint64_t generation);
struct rig_publish rig_prepare(struct store_rig *rig,
			       struct store_epoch expected,
			       struct store_epoch epoch, const char *text);
struct rig_publish rig_activate(struct store_rig *rig,
				struct store_epoch epoch);
struct rig_publish rig_withdraw(struct store_rig *rig,
				struct store_epoch epoch);
struct rig_publish rig_leave(struct store_rig *rig, const char *node,
			     const char *boot_id);
struct rig_rings rig_load(struct store_rig *rig);
struct rig_beat rig_beat(struct store_rig *rig, const char *node,
			 struct store_epoch active, struct store_epoch prepared,
			 unsigned int lease_msecs);
struct rig_nodes rig_nodes(struct store_rig *rig);
struct rig_scan rig_scan(struct store_rig *rig);

/* Callbacks that fill the structs above, for tests that do not wait. */
void rig_got_lease(const struct store_lease_reply *reply, void *context);
void rig_got_publish(const struct store_publish_reply *reply, void *context);
void rig_got_beat(const struct store_heartbeat_reply *reply, void *context);
void rig_got_status(unsigned int index, enum store_status status,
		    void *context);

/* cmocka tests; *state must be a struct store_rig *, which is cleared by the
   setup of each test. */
extern const struct CMUnitTest store_contract_tests[];
extern const size_t store_contract_test_count;

#endif
