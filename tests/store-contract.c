#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store-contract.h"

static const struct store_epoch none;

struct store_epoch rig_epoch(uint64_t epoch, int fill)
{
	struct store_epoch result;

	result.epoch = epoch;
	memset(result.digest, fill, sizeof(result.digest));
	return result;
}

struct store_key rig_key(const char *text)
{
	struct store_key key;

	key.key = text;
	key.size = strlen(text);
	key.shard = 0x3f;
	return key;
}

static void copy(char *to, size_t size, const char *from)
{
	assert_non_null(from);
	snprintf(to, size, "%s", from);
}

/* -- Callbacks -- */

void rig_got_lease(const struct store_lease_reply *reply, void *context)
{
	struct rig_lease *got = context;

	got->status = reply->status;
	copy(got->host, sizeof(got->host), reply->lease.host);
	copy(got->error, sizeof(got->error), reply->error);
	got->generation = reply->lease.generation;
	got->epoch = reply->lease.epoch;
	got->expires_msecs = reply->lease.expires_msecs;
	got->store_epoch = reply->store_epoch;
	got->is_new = reply->is_new;
	got->calls++;
}

void rig_got_publish(const struct store_publish_reply *reply, void *context)
{
	struct rig_publish *got = context;

	got->status = reply->status;
	got->active_epoch = reply->active_epoch;
	got->prepared_epoch = reply->prepared_epoch;
	copy(got->missing, sizeof(got->missing), reply->missing);
	copy(got->error, sizeof(got->error), reply->error);
	got->calls++;
}

void rig_got_beat(const struct store_heartbeat_reply *reply, void *context)
{
	struct rig_beat *got = context;

	got->status = reply->status;
	got->is_confirmed = reply->is_confirmed;
	got->replicas = reply->replicas;
	got->acked = reply->replicas_acked;
	copy(got->replication_id, sizeof(got->replication_id),
	     reply->replication_id);
	copy(got->error, sizeof(got->error), reply->error);
	got->active = reply->active;
	got->prepared = reply->prepared;
	got->was_another = reply->was_another;
	got->calls++;
}

struct rig_statuses {
	enum store_status last;
	unsigned int calls;
};

void rig_got_status(unsigned int index, enum store_status status,
		    void *context)
{
	struct rig_statuses *got = context;

	assert_int_equal(index, got->calls);
	got->last = status;
	got->calls++;
}

static void got_rings(const struct store_rings *reply, void *context)
{
	struct rig_rings *got = context;

	got->status = reply->status;
	assert_true(reply->active_size < sizeof(got->active));
	assert_true(reply->prepared_size < sizeof(got->prepared));
	memcpy(got->active, reply->active, reply->active_size);
	memcpy(got->prepared, reply->prepared, reply->prepared_size);
	got->active_size = reply->active_size;
	got->prepared_size = reply->prepared_size;
	got->calls++;
}

static void got_nodes(const struct store_nodes *reply, void *context)
{
	struct rig_nodes *got = context;
	unsigned int i;

	got->status = reply->status;
	got->count = reply->count;
	assert_true(reply->count <= RIG_NODES_MAX);
	for (i = 0; i < reply->count; i++) {
		const struct store_node *node = &reply->nodes[i];

		copy(got->nodes[i].name, sizeof(got->nodes[i].name),
		     node->name);
		copy(got->nodes[i].boot_id, sizeof(got->nodes[i].boot_id),
		     node->boot_id);
		copy(got->nodes[i].complaint, sizeof(got->nodes[i].complaint),
		     node->complaint);
		got->nodes[i].active = node->active;
		got->nodes[i].prepared = node->prepared;
		got->nodes[i].age_msecs = node->age_msecs;
		got->nodes[i].is_alive = node->is_alive;
	}
	got->calls++;
}

static uint64_t hash_key(const struct store_key *key)
{
	const unsigned char *bytes = key->key;
	uint64_t hash = 1469598103934665603ULL ^ key->shard;
	size_t i;

	for (i = 0; i < key->size; i++)
		hash = (hash ^ bytes[i]) * 1099511628211ULL;
	return hash;
}

static void got_scan(const struct store_scan_batch *batch, void *context)
{
	struct rig_scan *got = context;
	unsigned int i;

	got->status = batch->status;
	got->batches++;
	if (batch->is_end)
		got->ends++;
	for (i = 0; i < batch->count; i++) {
		const struct store_key *key = &batch->keys[i];

		got->keys ^= hash_key(key);
		got->last = *key;
		assert_true(key->size < sizeof(got->last_key));
		memcpy(got->last_key, key->key, key->size);
		got->last.key = NULL;
		copy(got->host, sizeof(got->host), batch->leases[i].host);
		got->count++;
	}
}

/* -- Operations that wait -- */

/* Nothing here waits for ever: a store that does not answer is a failure. */
static void wait_for(struct store_rig *rig, const unsigned int *calls,
		     unsigned int count)
{
	unsigned int turns;

	assert_int_equal(*calls, 0);
	for (turns = 0; *calls < count; turns++) {
		if (turns == 20000)
			fail_msg("the store does not answer");
		rig->turn(rig);
	}
	rig->turn(rig);
	assert_int_equal(*calls, count);
}

struct rig_lease rig_claim(struct store_rig *rig, const struct store_key *key,
			   struct store_epoch epoch, const char *host)
{
	struct rig_lease got = { .calls = 0 };

	rig->store->v->claim(rig->store, key, &epoch, host, rig_got_lease,
			     &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_lease rig_peek(struct store_rig *rig, const struct store_key *key)
{
	struct rig_lease got = { .calls = 0 };

	rig->store->v->peek(rig->store, key, rig_got_lease, &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_lease rig_replace(struct store_rig *rig, const struct store_key *key,
			     struct store_epoch epoch, const char *host,
			     uint64_t generation, const char *new_host)
{
	struct rig_lease got = { .calls = 0 };

	rig->store->v->replace(rig->store, key, &epoch, host, generation,
			       new_host, rig_got_lease, &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_lease rig_release(struct store_rig *rig, const struct store_key *key,
			     const char *host, uint64_t generation)
{
	struct rig_lease got = { .calls = 0 };

	rig->store->v->release(rig->store, key, host, generation,
			       rig_got_lease, &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

enum store_status
rig_renew(struct store_rig *rig, const struct store_key *key,
	  struct store_epoch epoch, const char *host, uint64_t generation)
{
	struct rig_statuses got = { .calls = 0 };
	struct store_renewal renewal = { *key, host, generation };

	rig->store->v->renew(rig->store, &epoch, &renewal, 1, rig_got_status,
			     &got);
	wait_for(rig, &got.calls, 1);
	return got.last;
}

struct rig_publish rig_prepare(struct store_rig *rig,
			       struct store_epoch expected,
			       struct store_epoch epoch, const char *text)
{
	struct rig_publish got = { .calls = 0 };

	rig->store->v->ring_prepare(rig->store, &expected, &epoch, text,
				    strlen(text), rig_got_publish, &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_publish rig_activate(struct store_rig *rig,
				struct store_epoch epoch)
{
	struct rig_publish got = { .calls = 0 };

	rig->store->v->ring_activate(rig->store, &epoch, rig_got_publish,
				     &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_publish rig_withdraw(struct store_rig *rig,
				struct store_epoch epoch)
{
	struct rig_publish got = { .calls = 0 };

	rig->store->v->ring_withdraw(rig->store, &epoch, rig_got_publish,
				     &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_publish rig_leave(struct store_rig *rig, const char *node,
			     const char *boot_id)
{
	struct rig_publish got = { .calls = 0 };

	rig->store->v->node_leave(rig->store, node, boot_id, rig_got_publish,
				  &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_rings rig_load(struct store_rig *rig)
{
	struct rig_rings got = { .calls = 0 };

	rig->store->v->ring_load(rig->store, got_rings, &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_beat rig_beat(struct store_rig *rig, const char *node,
			 struct store_epoch active, struct store_epoch prepared,
			 unsigned int lease_msecs)
{
	struct rig_beat got = { .calls = 0 };
	struct store_heartbeat beat = {
		.node = node,
		.boot_id = "boot1",
		.active = active,
		.prepared = prepared,
		.complaint = "",
		.lease_msecs = lease_msecs
	};

	rig->store->v->heartbeat(rig->store, &beat, rig_got_beat, &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_nodes rig_nodes(struct store_rig *rig)
{
	struct rig_nodes got = { .calls = 0 };

	rig->store->v->nodes(rig->store, got_nodes, &got);
	wait_for(rig, &got.calls, 1);
	return got;
}

struct rig_scan rig_scan(struct store_rig *rig)
{
	struct rig_scan got = { .ends = 0 };

	rig->store->v->scan(rig->store, got_scan, &got);
	wait_for(rig, &got.ends, 1);
	return got;
}

/* -- Leases -- */

static void claim__nobody_has_it__new_lease(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease got = rig_claim(*state, &key, rig_epoch(7, 1), "b1");

	assert_int_equal(got.status, STORE_OK);
	assert_string_equal(got.host, "b1");
	assert_string_equal(got.error, "");
	assert_true(got.is_new);
	assert_true(got.generation > 0);
	assert_int_equal(got.epoch, 7);
	assert_true(got.expires_msecs > 0);
}

static void claim__another_host_has_it__that_one(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first, second;

	first = rig_claim(*state, &key, rig_epoch(7, 1), "b1");
	second = rig_claim(*state, &key, rig_epoch(8, 2), "b2");
	assert_int_equal(second.status, STORE_OK);
	assert_string_equal(second.host, "b1");
	assert_false(second.is_new);
	assert_int_equal(second.generation, first.generation);
	assert_int_equal(second.epoch, 7);
}

static void claim__older_ring__older(void **state)
{
	struct store_key key = rig_key("alice"), other = rig_key("bob");
	struct rig_lease got;

	rig_claim(*state, &key, rig_epoch(8, 2), "b1");
	got = rig_claim(*state, &other, rig_epoch(7, 1), "b2");
	assert_int_equal(got.status, STORE_OLDER);
	assert_int_equal(got.store_epoch, 8);
	assert_int_equal(rig_peek(*state, &other).status, STORE_NOTFOUND);
}

static void claim__same_epoch_other_digest__split(void **state)
{
	struct store_key key = rig_key("alice"), other = rig_key("bob");
	struct rig_lease got;

	rig_claim(*state, &key, rig_epoch(7, 1), "b1");
	got = rig_claim(*state, &other, rig_epoch(7, 2), "b2");
	assert_int_equal(got.status, STORE_SPLIT);
	assert_int_equal(got.store_epoch, 7);
	assert_int_equal(rig_peek(*state, &other).status, STORE_NOTFOUND);
}

static void claim__another_shard_is_newer__goes_on(void **state)
{
	struct store_key key = rig_key("alice"), other = rig_key("bob");

	other.shard = 0x40;
	rig_claim(*state, &key, rig_epoch(8, 2), "b1");
	assert_int_equal(rig_claim(*state, &other, rig_epoch(7, 1),
				   "b2").status, STORE_OK);
}

static void peek__nothing_there__notfound(void **state)
{
	struct store_key key = rig_key("alice");

	assert_int_equal(rig_peek(*state, &key).status, STORE_NOTFOUND);
	/* and none was made */
	assert_int_equal(rig_peek(*state, &key).status, STORE_NOTFOUND);
}

static void peek__claimed__the_lease(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease claimed, got;

	claimed = rig_claim(*state, &key, rig_epoch(7, 1), "b1");
	got = rig_peek(*state, &key);
	assert_int_equal(got.status, STORE_OK);
	assert_string_equal(got.host, "b1");
	assert_int_equal(got.generation, claimed.generation);
	assert_true(got.expires_msecs > 0);
}

static void replace__held__new_host_and_generation(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first, got;

	first = rig_claim(*state, &key, rig_epoch(7, 1), "b1");
	got = rig_replace(*state, &key, rig_epoch(8, 2), "b1",
			  first.generation, "b2");
	assert_int_equal(got.status, STORE_OK);
	assert_string_equal(got.host, "b2");
	assert_true(got.generation > first.generation);
	assert_int_equal(got.epoch, 8);
	assert_string_equal(rig_peek(*state, &key).host, "b2");
}

static void replace__other_generation__conflict(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first, got;

	first = rig_claim(*state, &key, rig_epoch(7, 1), "b1");
	got = rig_replace(*state, &key, rig_epoch(7, 1), "b1",
			  first.generation - 1, "b2");
	assert_int_equal(got.status, STORE_CONFLICT);
	assert_string_equal(got.host, "b1");
	assert_int_equal(got.generation, first.generation);
	got = rig_replace(*state, &key, rig_epoch(7, 1), "b3",
			  first.generation, "b2");
	assert_int_equal(got.status, STORE_CONFLICT);
	assert_string_equal(rig_peek(*state, &key).host, "b1");
}

static void replace__nothing_there__notfound(void **state)
{
	struct store_key key = rig_key("alice");

	assert_int_equal(rig_replace(*state, &key, rig_epoch(7, 1), "b1", 5,
				     "b2").status, STORE_NOTFOUND);
	assert_int_equal(rig_peek(*state, &key).status, STORE_NOTFOUND);
}

static void replace__older_ring__older(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first = rig_claim(*state, &key, rig_epoch(8, 2), "b1");

	assert_int_equal(rig_replace(*state, &key, rig_epoch(7, 1), "b1",
				     first.generation, "b2").status,
			 STORE_OLDER);
	assert_string_equal(rig_peek(*state, &key).host, "b1");
}

static void renew__held__ok(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first = rig_claim(*state, &key, rig_epoch(7, 1), "b1");

	assert_int_equal(rig_renew(*state, &key, rig_epoch(7, 1), "b1",
				   first.generation), STORE_OK);
}

static void renew__another_holds_it__conflict(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first = rig_claim(*state, &key, rig_epoch(7, 1), "b1");

	rig_replace(*state, &key, rig_epoch(7, 1), "b1", first.generation,
		    "b2");
	assert_int_equal(rig_renew(*state, &key, rig_epoch(7, 1), "b1",
				   first.generation), STORE_CONFLICT);
	assert_string_equal(rig_peek(*state, &key).host, "b2");
}

static void renew__lease_lost__made_again_as_it_was(void **state)
{
	struct store_key key = rig_key("alice"), other = rig_key("bob");
	struct store_rig *rig = *state;
	struct rig_lease first, got;
	/* ahead of any clock, so that only the counter can be behind it */
	uint64_t generation = 9000000000000ULL;

	first = rig_claim(rig, &key, rig_epoch(7, 1), "b1");
	assert_true(first.generation < generation);
	rig->clear(rig);
	assert_int_equal(rig_renew(rig, &key, rig_epoch(7, 1), "b1",
				   generation), STORE_OK);
	got = rig_peek(rig, &key);
	assert_string_equal(got.host, "b1");
	assert_int_equal(got.generation, generation);
	/* and the shard's counter is beyond it */
	assert_true(rig_claim(rig, &other, rig_epoch(7, 1), "b1").generation >
		    generation);
}

static void renew__older_ring__older(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first = rig_claim(*state, &key, rig_epoch(8, 2), "b1");

	assert_int_equal(rig_renew(*state, &key, rig_epoch(7, 1), "b1",
				   first.generation), STORE_OLDER);
}

static void renew__many__answers_in_order(void **state)
{
	struct store_rig *rig = *state;
	struct rig_statuses got = { .calls = 0 };
	struct store_epoch epoch = rig_epoch(7, 1);
	struct store_renewal renewals[1000];
	char names[1000][16];
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof(names[i]), "user%u", i);
		renewals[i].key = rig_key(names[i]);
		renewals[i].key.shard = i % 256;
		renewals[i].host = "b1";
		renewals[i].generation = 10 + i;
	}
	rig->store->v->renew(rig->store, &epoch, renewals, 1000,
			     rig_got_status, &got);
	wait_for(rig, &got.calls, 1000);
	assert_int_equal(got.last, STORE_OK);
	assert_int_equal(rig_peek(rig, &renewals[999].key).generation, 1009);
	assert_int_equal(rig_scan(rig).count, 1000);
}

static void renew__none__no_callback(void **state)
{
	struct store_rig *rig = *state;
	struct rig_statuses got = { .calls = 0 };
	struct store_epoch epoch = rig_epoch(7, 1);

	rig->store->v->renew(rig->store, &epoch, NULL, 0, rig_got_status,
			     &got);
	rig->turn(rig);
	assert_int_equal(got.calls, 0);
}

static void release__held__gone(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first, again;

	first = rig_claim(*state, &key, rig_epoch(7, 1), "b1");
	assert_int_equal(rig_release(*state, &key, "b1",
				     first.generation).status, STORE_OK);
	assert_int_equal(rig_peek(*state, &key).status, STORE_NOTFOUND);
	assert_int_equal(rig_release(*state, &key, "b1",
				     first.generation).status, STORE_NOTFOUND);
	again = rig_claim(*state, &key, rig_epoch(7, 1), "b2");
	assert_true(again.is_new);
	assert_true(again.generation > first.generation);
}

static void release__another_holds_it__conflict(void **state)
{
	struct store_key key = rig_key("alice");
	struct rig_lease first, got;

	first = rig_claim(*state, &key, rig_epoch(7, 1), "b1");
	got = rig_release(*state, &key, "b2", first.generation);
	assert_int_equal(got.status, STORE_CONFLICT);
	assert_string_equal(got.host, "b1");
	assert_int_equal(rig_peek(*state, &key).status, STORE_OK);
}

static void generation__all_lost__never_falls(void **state)
{
	struct store_key key = rig_key("alice");
	struct store_rig *rig = *state;
	struct rig_lease last, again;
	unsigned int i;

	last = rig_claim(rig, &key, rig_epoch(7, 1), "b1");
	for (i = 0; i < 5; i++) {
		last = rig_replace(rig, &key, rig_epoch(7, 1), "b1",
				   last.generation, "b1");
		assert_int_equal(last.status, STORE_OK);
	}
	rig->clear(rig);
	again = rig_claim(rig, &key, rig_epoch(7, 1), "b2");
	assert_true(again.is_new);
	assert_true(again.generation >= last.generation);
}

static void claim__two_at_once__one_host(void **state)
{
	struct store_rig *rig = *state;
	struct rig_lease one = { .calls = 0 }, two = { .calls = 0 };
	struct store_key key = rig_key("alice");
	struct store_epoch epoch = rig_epoch(7, 1);

	rig->store->v->claim(rig->store, &key, &epoch, "b1", rig_got_lease,
			     &one);
	rig->store->v->claim(rig->store, &key, &epoch, "b2", rig_got_lease,
			     &two);
	assert_int_equal(one.calls + two.calls, 0);
	wait_for(rig, &two.calls, 1);
	assert_int_equal(one.calls, 1);
	assert_string_equal(one.host, "b1");
	assert_string_equal(two.host, "b1");
	assert_true(one.is_new != two.is_new);
}

/* 255 bytes, and everything that has a meaning for somebody on the way */
static void keys__any_bytes__kept_apart(void **state)
{
	static const struct { const char *key; size_t size; } odd[] = {
		{ "a\0b", 3 }, { "a\0c", 3 }, { "a", 1 }, { "a\n", 2 },
		{ "\r\n", 2 }, { " ", 1 }, { "{x}", 3 }, { "}{", 2 },
		{ "*", 1 }, { "?[a-z]\\", 7 }, { "\xc3\xa4", 2 },
		{ "\xff\xfe", 2 }, { "a%b", 3 }, { ":lease:", 7 },
	};
	char longest[255];
	struct store_key key;
	unsigned int i, count = sizeof(odd) / sizeof(odd[0]);
	char host[8];

	for (i = 0; i <= count; i++) {
		memset(longest, 'x', sizeof(longest));
		key.key = i < count ? odd[i].key : longest;
		key.size = i < count ? odd[i].size : sizeof(longest);
		key.shard = 9;
		snprintf(host, sizeof(host), "b%u", i);
		assert_true(rig_claim(*state, &key, rig_epoch(7, 1),
				      host).is_new);
		assert_string_equal(rig_peek(*state, &key).host, host);
	}
	assert_int_equal(rig_scan(*state).count, count + 1);
}

static void scan__empty__only_the_end(void **state)
{
	struct rig_scan got = rig_scan(*state);

	assert_int_equal(got.status, STORE_OK);
	assert_int_equal(got.count, 0);
	assert_int_equal(got.ends, 1);
}

static void scan__one__its_key_and_lease(void **state)
{
	struct store_key key = { "a\0b", 3, 0xfe };
	struct rig_scan got;

	rig_claim(*state, &key, rig_epoch(7, 1), "b1");
	got = rig_scan(*state);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.last.size, 3);
	assert_int_equal(got.last.shard, 0xfe);
	assert_memory_equal(got.last_key, "a\0b", 3);
	assert_string_equal(got.host, "b1");
}

/* -- The ring -- */

static void load__empty_store__nothing(void **state)
{
	struct rig_rings got = rig_load(*state);

	assert_int_equal(got.status, STORE_OK);
	assert_int_equal(got.active_size, 0);
	assert_int_equal(got.prepared_size, 0);
}

static void prepare__first__loads_as_prepared(void **state)
{
	struct rig_publish got = rig_prepare(*state, none, rig_epoch(1, 1),
					     "one");
	struct rig_rings rings;

	assert_int_equal(got.status, STORE_OK);
	assert_int_equal(got.active_epoch, 0);
	assert_int_equal(got.prepared_epoch, 1);
	rings = rig_load(*state);
	assert_int_equal(rings.active_size, 0);
	assert_int_equal(rings.prepared_size, 3);
	assert_memory_equal(rings.prepared, "one", 3);
}

static void prepare__again__ok(void **state)
{
	rig_prepare(*state, none, rig_epoch(1, 1), "one");
	assert_int_equal(rig_prepare(*state, none, rig_epoch(1, 1),
				     "one").status, STORE_OK);
	rig_activate(*state, rig_epoch(1, 1));
	/* the reply was lost, and somebody has activated it since */
	assert_int_equal(rig_prepare(*state, none, rig_epoch(1, 1),
				     "one").status, STORE_OK);
	assert_int_equal(rig_load(*state).prepared_size, 0);
}

static void prepare__two_publishers__one_wins(void **state)
{
	struct rig_publish got;

	rig_prepare(*state, none, rig_epoch(1, 1), "one");
	got = rig_prepare(*state, none, rig_epoch(1, 2), "other");
	assert_int_equal(got.status, STORE_CONFLICT);
	assert_int_equal(got.prepared_epoch, 1);
	assert_string_not_equal(got.error, "");
	got = rig_prepare(*state, none, rig_epoch(2, 2), "other");
	assert_int_equal(got.status, STORE_CONFLICT);
	assert_memory_equal(rig_load(*state).prepared, "one", 3);
}

static void prepare__active_has_changed__conflict(void **state)
{
	struct rig_publish got;

	rig_prepare(*state, none, rig_epoch(1, 1), "one");
	rig_activate(*state, rig_epoch(1, 1));
	got = rig_prepare(*state, none, rig_epoch(2, 2), "two");
	assert_int_equal(got.status, STORE_CONFLICT);
	assert_int_equal(got.active_epoch, 1);
	got = rig_prepare(*state, rig_epoch(1, 9), rig_epoch(2, 2), "two");
	assert_int_equal(got.status, STORE_CONFLICT);
	got = rig_prepare(*state, rig_epoch(1, 1), rig_epoch(2, 2), "two");
	assert_int_equal(got.status, STORE_OK);
}

static void activate__no_nodes__active(void **state)
{
	struct rig_publish got;
	struct rig_rings rings;

	rig_prepare(*state, none, rig_epoch(1, 1), "one");
	got = rig_activate(*state, rig_epoch(1, 1));
	assert_int_equal(got.status, STORE_OK);
	assert_string_equal(got.missing, "");
	assert_int_equal(got.active_epoch, 1);
	assert_int_equal(got.prepared_epoch, 0);
	rings = rig_load(*state);
	assert_int_equal(rings.active_size, 3);
	assert_memory_equal(rings.active, "one", 3);
	assert_int_equal(rings.prepared_size, 0);
	/* again */
	got = rig_activate(*state, rig_epoch(1, 1));
	assert_int_equal(got.status, STORE_OK);
	assert_string_equal(got.missing, "");
}

static void activate__live_node_without_it__missing(void **state)
{
	struct store_epoch one = rig_epoch(1, 1);
	struct rig_publish got;

	rig_beat(*state, "d1", none, none, 60000);
	rig_beat(*state, "d2", none, none, 60000);
	rig_prepare(*state, none, one, "one");
	got = rig_activate(*state, one);
	assert_int_equal(got.status, STORE_OK);
	assert_string_equal(got.missing, "d1 d2");
	assert_int_equal(got.prepared_epoch, 1);
	assert_int_equal(got.active_epoch, 0);
	rig_beat(*state, "d1", none, one, 60000);
	/* another record of this epoch is no acknowledgement */
	rig_beat(*state, "d2", none, rig_epoch(1, 2), 60000);
	assert_string_equal(rig_activate(*state, one).missing, "d2");
	rig_beat(*state, "d2", one, none, 60000);
	assert_string_equal(rig_activate(*state, one).missing, "");
	assert_int_equal(rig_load(*state).active_size, 3);
}

static void activate__node_has_left__goes_on(void **state)
{
	struct store_epoch one = rig_epoch(1, 1);

	rig_beat(*state, "d1", none, none, 60000);
	rig_prepare(*state, none, one, "one");
	assert_int_equal(rig_leave(*state, "d1", "boot0").status,
			 STORE_CONFLICT);
	assert_int_equal(rig_leave(*state, "d9", "boot0").status,
			 STORE_NOTFOUND);
	assert_string_equal(rig_activate(*state, one).missing, "d1");
	assert_int_equal(rig_leave(*state, "d1", "boot1").status, STORE_OK);
	assert_string_equal(rig_activate(*state, one).missing, "");
}

static void activate__not_the_prepared_one__says_why(void **state)
{
	assert_int_equal(rig_activate(*state, rig_epoch(1, 1)).status,
			 STORE_NOTFOUND);
	rig_prepare(*state, none, rig_epoch(1, 1), "one");
	assert_int_equal(rig_activate(*state, rig_epoch(1, 2)).status,
			 STORE_SPLIT);
	assert_int_equal(rig_activate(*state, rig_epoch(2, 2)).status,
			 STORE_CONFLICT);
	rig_activate(*state, rig_epoch(1, 1));
	assert_int_equal(rig_activate(*state, rig_epoch(1, 2)).status,
			 STORE_SPLIT);
	rig_prepare(*state, rig_epoch(1, 1), rig_epoch(2, 2), "two");
	rig_activate(*state, rig_epoch(2, 2));
	assert_int_equal(rig_activate(*state, rig_epoch(1, 1)).status,
			 STORE_OLDER);
}

static void withdraw__prepared__another_can_follow(void **state)
{
	rig_prepare(*state, none, rig_epoch(1, 1), "one");
	assert_int_equal(rig_withdraw(*state, rig_epoch(2, 2)).status,
			 STORE_CONFLICT);
	assert_int_equal(rig_withdraw(*state, rig_epoch(1, 1)).status,
			 STORE_OK);
	assert_int_equal(rig_withdraw(*state, rig_epoch(1, 1)).status,
			 STORE_OK);
	assert_int_equal(rig_load(*state).prepared_size, 0);
	assert_int_equal(rig_prepare(*state, none, rig_epoch(2, 2),
				     "two").status, STORE_OK);
	rig_activate(*state, rig_epoch(2, 2));
	assert_int_equal(rig_withdraw(*state, rig_epoch(2, 2)).status,
			 STORE_CONFLICT);
}

/* -- Nodes -- */

static void heartbeat__rings_there__tells_their_epochs(void **state)
{
	struct store_epoch one = rig_epoch(1, 1), two = rig_epoch(2, 2);
	struct rig_beat got = rig_beat(*state, "d1", none, none, 6000);

	assert_int_equal(got.status, STORE_OK);
	assert_memory_equal(&got.active, &none, sizeof(none));
	assert_memory_equal(&got.prepared, &none, sizeof(none));
	assert_string_not_equal(got.replication_id, "");
	assert_true(got.is_confirmed);
	assert_string_equal(got.error, "");
	rig_prepare(*state, none, one, "one");
	rig_beat(*state, "d1", none, one, 6000);
	rig_activate(*state, one);
	rig_prepare(*state, one, two, "two");
	got = rig_beat(*state, "d1", one, none, 6000);
	assert_memory_equal(&got.active, &one, sizeof(one));
	assert_memory_equal(&got.prepared, &two, sizeof(two));
}

static void nodes__beaten__sorted_and_alive(void **state)
{
	struct store_epoch one = rig_epoch(1, 1), two = rig_epoch(2, 2);
	struct rig_nodes got;

	assert_int_equal(rig_nodes(*state).count, 0);
	rig_beat(*state, "d2", one, two, 60000);
	rig_beat(*state, "b1", one, none, 60000);
	rig_beat(*state, "d1", none, none, 60000);
	rig_leave(*state, "d1", "boot1");
	got = rig_nodes(*state);
	assert_int_equal(got.status, STORE_OK);
	assert_int_equal(got.count, 3);
	assert_string_equal(got.nodes[0].name, "b1");
	assert_string_equal(got.nodes[1].name, "d1");
	assert_string_equal(got.nodes[2].name, "d2");
	assert_true(got.nodes[0].is_alive);
	assert_false(got.nodes[1].is_alive);
	assert_true(got.nodes[2].is_alive);
	assert_string_equal(got.nodes[2].boot_id, "boot1");
	assert_memory_equal(&got.nodes[2].active, &one, sizeof(one));
	assert_memory_equal(&got.nodes[2].prepared, &two, sizeof(two));
	assert_memory_equal(&got.nodes[0].prepared, &none, sizeof(none));
	assert_true(got.nodes[0].age_msecs >= 0);
	assert_true(got.nodes[0].age_msecs < 30000);
}

static void nodes__complaint__kept_as_it_was(void **state)
{
	struct store_rig *rig = *state;
	struct rig_beat got = { .calls = 0 };
	struct store_heartbeat beat = {
		.node = "d1",
		.boot_id = "boot2",
		.complaint = "ring 7: bad  signature, \xc3\xa4 ",
		.lease_msecs = 6000
	};

	rig->store->v->heartbeat(rig->store, &beat, rig_got_beat, &got);
	wait_for(rig, &got.calls, 1);
	assert_string_equal(rig_nodes(rig).nodes[0].complaint, beat.complaint);
	assert_string_equal(rig_nodes(rig).nodes[0].boot_id, "boot2");
}

static void heartbeat__two_of_one_name__both_are_told(void **state)
{
	struct store_rig *rig = *state;
	struct rig_beat got = { .calls = 0 };
	struct store_heartbeat beat = {
		.node = "d1",
		.boot_id = "boot2",
		.complaint = "",
		.lease_msecs = 6000
	};

	assert_false(rig_beat(rig, "d1", none, none, 6000).was_another);
	assert_false(rig_beat(rig, "d1", none, none, 6000).was_another);
	rig->store->v->heartbeat(rig->store, &beat, rig_got_beat, &got);
	wait_for(rig, &got.calls, 1);
	assert_true(got.was_another);
	assert_true(rig_beat(rig, "d1", none, none, 6000).was_another);
	assert_false(rig_beat(rig, "d2", none, none, 6000).was_another);
}

static int start_empty(void **state)
{
	struct store_rig *rig = *state;

	rig->clear(rig);
	return 0;
}

#define CONTRACT(test) cmocka_unit_test_setup(test, start_empty)

const struct CMUnitTest store_contract_tests[] = {
	CONTRACT(claim__nobody_has_it__new_lease),
	CONTRACT(claim__another_host_has_it__that_one),
	CONTRACT(claim__older_ring__older),
	CONTRACT(claim__same_epoch_other_digest__split),
	CONTRACT(claim__another_shard_is_newer__goes_on),
	CONTRACT(claim__two_at_once__one_host),
	CONTRACT(peek__nothing_there__notfound),
	CONTRACT(peek__claimed__the_lease),
	CONTRACT(replace__held__new_host_and_generation),
	CONTRACT(replace__other_generation__conflict),
	CONTRACT(replace__nothing_there__notfound),
	CONTRACT(replace__older_ring__older),
	CONTRACT(renew__held__ok),
	CONTRACT(renew__another_holds_it__conflict),
	CONTRACT(renew__lease_lost__made_again_as_it_was),
	CONTRACT(renew__older_ring__older),
	CONTRACT(renew__many__answers_in_order),
	CONTRACT(renew__none__no_callback),
	CONTRACT(release__held__gone),
	CONTRACT(release__another_holds_it__conflict),
	CONTRACT(generation__all_lost__never_falls),
	CONTRACT(keys__any_bytes__kept_apart),
	CONTRACT(scan__empty__only_the_end),
	CONTRACT(scan__one__its_key_and_lease),
	CONTRACT(load__empty_store__nothing),
	CONTRACT(prepare__first__loads_as_prepared),
	CONTRACT(prepare__again__ok),
	CONTRACT(prepare__two_publishers__one_wins),
	CONTRACT(prepare__active_has_changed__conflict),
	CONTRACT(activate__no_nodes__active),
	CONTRACT(activate__live_node_without_it__missing),
	CONTRACT(activate__node_has_left__goes_on),
	CONTRACT(activate__not_the_prepared_one__says_why),
	CONTRACT(withdraw__prepared__another_can_follow),
	CONTRACT(heartbeat__rings_there__tells_their_epochs),
	CONTRACT(nodes__beaten__sorted_and_alive),
	CONTRACT(nodes__complaint__kept_as_it_was),
	CONTRACT(heartbeat__two_of_one_name__both_are_told),
};
const size_t store_contract_test_count =
	sizeof(store_contract_tests) / sizeof(store_contract_tests[0]);
