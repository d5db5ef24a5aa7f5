#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "ring-keeper.h"
#include "state-file.h"

/* Distinct refused records that are remembered, so that each is logged once
   even if a store shows several of them in turn. */
#define REFUSED_MAX 32
#define NEWEST_FILE "ring.newest"
#define NEWEST_MAX_BYTES 512
#define HEX_BYTES (2 * RING_DIGEST_BYTES + 1)

enum slot {
	ACTIVE,
	PREPARED,
	SLOT_COUNT
};

static const struct {
	const char *name, *file;
} slots[SLOT_COUNT] = {
	[ACTIVE] = { "active", "ring.active" },
	[PREPARED] = { "prepared", "ring.prepared" },
};

struct held {
	struct ring *ring;
	char *text;
	size_t size;
	struct store_epoch id;
};

struct refused {
	uint8_t digest[RING_DIGEST_BYTES];	/* of slot and bytes */
	char *reason;
};

struct ring_keeper {
	char *state_dir, *cluster;
	uint8_t public_key[RING_PUBLIC_KEY_BYTES];
	uint64_t min_epoch;
	struct agent_log log;

	struct held held[SLOT_COUNT];
	/* The newest accepted of each kind, also when its file is lost */
	struct store_epoch newest[SLOT_COUNT];
	char *complaints[SLOT_COUNT];
	bool is_left_behind;

	struct refused refused[REFUSED_MAX];
	unsigned int refused_next;
};

bool store_epoch_equals(const struct store_epoch *a,
			const struct store_epoch *b)
{
	return a->epoch == b->epoch &&
		(a->epoch == 0 ||
		 memcmp(a->digest, b->digest, sizeof(a->digest)) == 0);
}

static void held_free(struct held *held)
{
	if (held->ring != NULL)
		ring_free(&held->ring);
	free(held->text);
	memset(held, 0, sizeof(*held));
}

/* -- ring.newest: "active EPOCH DIGEST" LF "prepared EPOCH DIGEST" LF -- */

static int newest_write(struct ring_keeper *keeper, struct ring_error *error)
{
	char hex[SLOT_COUNT][HEX_BYTES], text[NEWEST_MAX_BYTES];
	unsigned int i;
	int size;

	for (i = 0; i < SLOT_COUNT; i++) {
		(void)sodium_bin2hex(hex[i], HEX_BYTES,
				     keeper->newest[i].digest,
				     RING_DIGEST_BYTES);
	}
	size = snprintf(text, sizeof(text),
			"active %"PRIu64" %s\nprepared %"PRIu64" %s\n",
			keeper->newest[ACTIVE].epoch, hex[ACTIVE],
			keeper->newest[PREPARED].epoch, hex[PREPARED]);
	return state_file_write(keeper->state_dir, NEWEST_FILE, text,
				(size_t)size, error);
}

static bool newest_parse(const char *text, size_t size,
			 struct store_epoch newest[static SLOT_COUNT])
{
	char hex[SLOT_COUNT][HEX_BYTES];
	uint64_t epochs[SLOT_COUNT];
	unsigned int i;
	int end = -1;

	if (strlen(text) != size ||
	    sscanf(text, "active %"SCNu64" %64[0-9a-f]\n"
		   "prepared %"SCNu64" %64[0-9a-f]\n%n", &epochs[ACTIVE],
		   hex[ACTIVE], &epochs[PREPARED], hex[PREPARED], &end) != 4 ||
	    end < 0 || (size_t)end != size)
		return false;
	for (i = 0; i < SLOT_COUNT; i++) {
		if (epochs[i] > RING_EPOCH_MAX ||
		    strlen(hex[i]) != HEX_BYTES - 1 ||
		    sodium_hex2bin(newest[i].digest, RING_DIGEST_BYTES, hex[i],
				   HEX_BYTES - 1, NULL, NULL, NULL) != 0)
			return false;
		newest[i].epoch = epochs[i];
	}
	return true;
}

static void newest_load(struct ring_keeper *keeper)
{
	struct store_epoch newest[SLOT_COUNT];
	struct ring_error error;
	char *text;
	size_t size;

	if (state_file_read(keeper->state_dir, NEWEST_FILE, NEWEST_MAX_BYTES,
			    &text, &size, &error) < 0) {
		agent_log(&keeper->log, AGENT_LOG_ERROR, "%s", error.text);
		return;
	}
	if (text == NULL)
		return;
	memset(newest, 0, sizeof(newest));
	if (newest_parse(text, size, newest)) {
		memcpy(keeper->newest, newest, sizeof(newest));
	} else {
		agent_log(&keeper->log, AGENT_LOG_ERROR,
			  "state_dir: %s/%s is damaged: the newest epoch seen "
			  "is not known any more; only ring_min_epoch and the "
			  "records that are here keep older rings out",
			  keeper->state_dir, NEWEST_FILE);
	}
	free(text);
}

static void newest_raise(struct ring_keeper *keeper, enum slot slot,
			 const struct store_epoch *id)
{
	struct ring_error error;

	if (store_epoch_equals(&keeper->newest[slot], id))
		return;
	keeper->newest[slot] = *id;
	if (newest_write(keeper, &error) < 0)
		agent_log(&keeper->log, AGENT_LOG_ERROR, "%s", error.text);
}

/* -- Judging a record -- */

static int check_epoch(const struct ring_keeper *keeper, enum slot slot,
		       const struct store_epoch *id, struct ring_error *error)
{
	const struct store_epoch *newest = keeper->newest;
	uint64_t floor = newest[ACTIVE].epoch;
	unsigned int i;

	/* A prepared ring that is older than one prepared before is a replay;
	   an active one may be: what was prepared may never have been heard
	   of by those who published it. */
	if (slot == PREPARED && newest[PREPARED].epoch > floor)
		floor = newest[PREPARED].epoch;
	if (id->epoch < keeper->min_epoch) {
		ring_error_set(error, 0, "its epoch is %"PRIu64", and "
			       "ring_min_epoch is %"PRIu64, id->epoch,
			       keeper->min_epoch);
		return -1;
	}
	if (id->epoch < floor) {
		ring_error_set(error, 0, "its epoch is %"PRIu64", and epoch "
			       "%"PRIu64" has been seen here", id->epoch,
			       floor);
		return -1;
	}
	for (i = 0; i < SLOT_COUNT; i++) {
		if (newest[i].epoch != id->epoch ||
		    store_epoch_equals(&newest[i], id))
			continue;
		ring_error_set(error, 0, "another record of the same epoch "
			       "%"PRIu64" has been seen here: two were "
			       "published; publish a newer one", id->epoch);
		return -1;
	}
	return 0;
}

/* Did somebody publish it for us? Cheapest to forge first. */
static int check_origin(const struct ring_keeper *keeper,
			const struct ring_record *record,
			struct ring_error *error)
{
	if (strcmp(record->cluster, keeper->cluster) != 0) {
		ring_error_set(error, 0, "it is of cluster %s, and setting "
			       "cluster is %s", record->cluster,
			       keeper->cluster);
		return -1;
	}
	return ring_record_verify(record, keeper->public_key, error);
}

/* Does it go on from what was here before? */
static int check_order(const struct ring_keeper *keeper, enum slot slot,
		       const struct ring_record *record,
		       const struct store_epoch *id, struct ring_error *error)
{
	const struct ring *active = keeper->held[ACTIVE].ring;

	if (check_epoch(keeper, slot, id, error) < 0)
		return -1;
	/* Users' shards in the store hang on the seed */
	if (active != NULL && memcmp(ring_record(active)->seed, record->seed,
				     RING_SEED_BYTES) != 0) {
		ring_error_set(error, 0, "its seed is not the one of the ring "
			       "here; a seed never changes in a cluster");
		return -1;
	}
	return 0;
}

/* *genuine_r says after a failure whether others may act by it all the same:
   it is signed and newer, and what is at fault (the table, or another record
   of its epoch) is this node's own matter. */
static int held_build(const struct ring_keeper *keeper, enum slot slot,
		      const char *text, size_t size, struct held *held_r,
		      bool *genuine_r, struct ring_error *error)
{
	struct ring_record *record;
	struct store_epoch id;
	struct ring *ring = NULL;
	int ret;

	*genuine_r = false;
	memset(held_r, 0, sizeof(*held_r));
	if (ring_record_parse(text, size, &record, error) < 0)
		return -1;
	id.epoch = record->epoch;
	ring_record_digest(record, id.digest);
	ret = check_origin(keeper, record, error);
	*genuine_r = ret == 0 && id.epoch > keeper->held[ACTIVE].id.epoch;
	if (ret == 0)
		ret = check_order(keeper, slot, record, &id, error);
	if (ret == 0)
		ret = ring_build(record, &ring, error);
	ring_record_free(&record);
	if (ret == 0)
		ret = ring_check_table(ring, error);
	if (ret < 0) {
		if (ring != NULL)
			ring_free(&ring);
		return -1;
	}
	held_r->ring = ring;
	held_r->text = mem_dup(text, size);
	held_r->size = size;
	held_r->id = id;
	return 0;
}

/* -- Refusals -- */

static void refused_digest(enum slot slot, const char *text, size_t size,
			   uint8_t digest[static RING_DIGEST_BYTES])
{
	crypto_generichash_state state;
	const uint8_t byte = (uint8_t)slot;

	(void)crypto_generichash_init(&state, NULL, 0, RING_DIGEST_BYTES);
	(void)crypto_generichash_update(&state, &byte, 1);
	(void)crypto_generichash_update(&state, (const uint8_t *)text, size);
	(void)crypto_generichash_final(&state, digest, RING_DIGEST_BYTES);
}

static struct refused *
refused_find(struct ring_keeper *keeper,
	     const uint8_t digest[static RING_DIGEST_BYTES])
{
	unsigned int i;

	for (i = 0; i < REFUSED_MAX; i++) {
		if (keeper->refused[i].reason != NULL &&
		    memcmp(keeper->refused[i].digest, digest,
			   RING_DIGEST_BYTES) == 0)
			return &keeper->refused[i];
	}
	return NULL;
}

static void complain(struct ring_keeper *keeper, enum slot slot,
		     const char *reason)
{
	free(keeper->complaints[slot]);
	keeper->complaints[slot] = mem_strdup(reason);
}

static void refuse(struct ring_keeper *keeper, enum slot slot,
		   const char *text, size_t size,
		   const struct ring_error *error)
{
	uint8_t digest[RING_DIGEST_BYTES];
	struct refused *refused;
	struct ring_error reason;

	if (error->line > 0) {
		ring_error_set(&reason, 0, "the store's %s ring is refused: "
			       "line %u: %s", slots[slot].name, error->line,
			       error->text);
	} else {
		ring_error_set(&reason, 0, "the store's %s ring is refused: "
			       "%s", slots[slot].name, error->text);
	}
	complain(keeper, slot, reason.text);

	refused_digest(slot, text, size, digest);
	refused = refused_find(keeper, digest);
	if (refused != NULL && strcmp(refused->reason, reason.text) == 0)
		return;
	if (refused == NULL) {
		refused = &keeper->refused[keeper->refused_next];
		keeper->refused_next = (keeper->refused_next + 1) % REFUSED_MAX;
		memcpy(refused->digest, digest, sizeof(digest));
	}
	free(refused->reason);
	refused->reason = mem_strdup(reason.text);
	if (keeper->held[ACTIVE].ring != NULL) {
		agent_log(&keeper->log, AGENT_LOG_ERROR,
			  "%s; the ring of epoch %"PRIu64" stays%s",
			  reason.text, keeper->held[ACTIVE].id.epoch,
			  slot == ACTIVE && keeper->is_left_behind ?
			  ", but is not used, since others may act by the "
			  "newer one" : "");
	} else {
		agent_log(&keeper->log, AGENT_LOG_ERROR, "%s", reason.text);
	}
}

/* -- Accepting -- */

static void warn_of_gap(const struct ring_keeper *keeper, enum slot slot,
			const struct held *new)
{
	const struct held *active = &keeper->held[ACTIVE];

	if (active->ring == NULL || new->id.epoch != active->id.epoch + 1 ||
	    memcmp(ring_record(new->ring)->previous, active->id.digest,
		   RING_DIGEST_BYTES) == 0)
		return;
	agent_log(&keeper->log, AGENT_LOG_WARNING,
		  "the %s ring of epoch %"PRIu64" does not name the ring of "
		  "epoch %"PRIu64" here as the one before it: its publisher "
		  "began from another", slots[slot].name, new->id.epoch,
		  active->id.epoch);
}

static void prepared_drop(struct ring_keeper *keeper)
{
	struct ring_error error;

	held_free(&keeper->held[PREPARED]);
	if (state_file_remove(keeper->state_dir, slots[PREPARED].file,
			      &error) < 0)
		agent_log(&keeper->log, AGENT_LOG_ERROR, "%s", error.text);
}

/* A disk that can't be written must not keep this node on an older ring than
   everybody else: an active ring is taken in memory then. After a restart the
   store is asked before anything is answered. */
static void accept_active(struct ring_keeper *keeper, struct held *new)
{
	struct ring_error error;

	warn_of_gap(keeper, ACTIVE, new);
	if (state_file_write(keeper->state_dir, slots[ACTIVE].file, new->text,
			     new->size, &error) < 0)
		agent_log(&keeper->log, AGENT_LOG_ERROR, "%s", error.text);
	/* After the record: a crash in between must not leave a floor that is
	   above all that is here. */
	newest_raise(keeper, ACTIVE, &new->id);
	agent_log(&keeper->log, AGENT_LOG_INFO,
		  "ring: epoch %"PRIu64" is active here, published by %s",
		  new->id.epoch, ring_record(new->ring)->publisher);
	held_free(&keeper->held[ACTIVE]);
	keeper->held[ACTIVE] = *new;
	keeper->is_left_behind = false;
	if (keeper->held[PREPARED].id.epoch <= new->id.epoch)
		prepared_drop(keeper);
}

/* Not on disk = not prepared: the others rely on it. */
static int accept_prepared(struct ring_keeper *keeper, struct held *new,
			   struct ring_error *error)
{
	if (state_file_write(keeper->state_dir, slots[PREPARED].file,
			     new->text, new->size, error) < 0)
		return -1;
	warn_of_gap(keeper, PREPARED, new);
	newest_raise(keeper, PREPARED, &new->id);
	agent_log(&keeper->log, AGENT_LOG_INFO,
		  "ring: epoch %"PRIu64" is prepared here, published by %s",
		  new->id.epoch, ring_record(new->ring)->publisher);
	held_free(&keeper->held[PREPARED]);
	keeper->held[PREPARED] = *new;
	return 0;
}

static bool is_held(const struct held *held, const char *text, size_t size)
{
	return held->ring != NULL && held->size == size &&
		memcmp(held->text, text, size) == 0;
}

static bool offer_slot(struct ring_keeper *keeper, enum slot slot,
		       const char *text, size_t size)
{
	struct ring_error error;
	struct held new;
	bool genuine = false;

	if (size == 0 || is_held(&keeper->held[slot], text, size) ||
	    /* prepared, and active already: what is left of its activation */
	    is_held(&keeper->held[ACTIVE], text, size)) {
		complain(keeper, slot, "");
		return false;
	}
	if (slot == ACTIVE && is_held(&keeper->held[PREPARED], text, size)) {
		/* Judged and built when it was prepared */
		new = keeper->held[PREPARED];
		memset(&keeper->held[PREPARED], 0,
		       sizeof(keeper->held[PREPARED]));
	} else if (held_build(keeper, slot, text, size, &new, &genuine,
			      &error) < 0) {
		if (slot == ACTIVE && genuine)
			keeper->is_left_behind = true;
		refuse(keeper, slot, text, size, &error);
		return false;
	}
	if (slot == ACTIVE) {
		accept_active(keeper, &new);
	} else if (accept_prepared(keeper, &new, &error) < 0) {
		held_free(&new);
		refuse(keeper, slot, text, size, &error);
		return false;
	}
	complain(keeper, slot, "");
	return true;
}

bool ring_keeper_offer(struct ring_keeper *keeper,
		       const struct store_rings *offer)
{
	bool changed;

	changed = offer_slot(keeper, ACTIVE, offer->active,
			     offer->active_size);
	if (offer_slot(keeper, PREPARED, offer->prepared,
		       offer->prepared_size))
		changed = true;
	return changed;
}

/* -- Start and end -- */

static void load_slot(struct ring_keeper *keeper, enum slot slot)
{
	struct ring_error error;
	bool genuine;
	char *text;
	size_t size;
	int ret;

	ret = state_file_read(keeper->state_dir, slots[slot].file,
			      RING_RECORD_MAX_BYTES, &text, &size, &error);
	if (ret == 0 && text == NULL)
		return;
	if (ret == 0)
		ret = held_build(keeper, slot, text, size,
				 &keeper->held[slot], &genuine, &error);
	free(text);
	if (ret < 0) {
		agent_log(&keeper->log, AGENT_LOG_ERROR,
			  "state_dir: %s/%s is not used: %s; the store will "
			  "be asked", keeper->state_dir, slots[slot].file,
			  error.text);
	}
}

/* A crash can lie between the files: what they say together. */
static void reconcile(struct ring_keeper *keeper)
{
	unsigned int i;

	for (i = 0; i < SLOT_COUNT; i++) {
		if (keeper->held[i].id.epoch > keeper->newest[i].epoch)
			keeper->newest[i] = keeper->held[i].id;
	}
	if (keeper->held[PREPARED].ring != NULL &&
	    keeper->held[PREPARED].id.epoch <= keeper->held[ACTIVE].id.epoch)
		prepared_drop(keeper);
}

static void log_start(const struct ring_keeper *keeper)
{
	const struct held *held = keeper->held;

	if (held[ACTIVE].ring == NULL) {
		agent_log(&keeper->log, AGENT_LOG_INFO,
			  "ring: none in %s", keeper->state_dir);
	} else {
		agent_log(&keeper->log, AGENT_LOG_INFO,
			  "ring: epoch %"PRIu64" loaded from %s%s",
			  held[ACTIVE].id.epoch, keeper->state_dir,
			  held[PREPARED].ring == NULL ? "" :
			  ", and a prepared one");
	}
}

int ring_keeper_init(const struct ring_keeper_params *params,
		     struct ring_keeper **keeper_r, struct ring_error *error)
{
	struct ring_keeper *keeper = mem_calloc(1, sizeof(*keeper));

	keeper->state_dir = mem_strdup(params->state_dir);
	keeper->cluster = mem_strdup(params->cluster);
	memcpy(keeper->public_key, params->public_key,
	       sizeof(keeper->public_key));
	keeper->min_epoch = params->min_epoch;
	keeper->log = params->log;
	complain(keeper, ACTIVE, "");
	complain(keeper, PREPARED, "");

	newest_load(keeper);
	load_slot(keeper, ACTIVE);
	load_slot(keeper, PREPARED);
	reconcile(keeper);
	/* Also finds out at once whether the folder can be written */
	if (newest_write(keeper, error) < 0) {
		ring_keeper_deinit(&keeper);
		return -1;
	}
	log_start(keeper);
	*keeper_r = keeper;
	return 0;
}

void ring_keeper_deinit(struct ring_keeper **_keeper)
{
	struct ring_keeper *keeper = *_keeper;
	unsigned int i;

	if (keeper == NULL)
		return;
	*_keeper = NULL;
	for (i = 0; i < SLOT_COUNT; i++) {
		held_free(&keeper->held[i]);
		free(keeper->complaints[i]);
	}
	for (i = 0; i < REFUSED_MAX; i++)
		free(keeper->refused[i].reason);
	free(keeper->state_dir);
	free(keeper->cluster);
	free(keeper);
}

const struct ring *ring_keeper_active(const struct ring_keeper *keeper)
{
	return keeper->held[ACTIVE].ring;
}

const struct ring *ring_keeper_prepared(const struct ring_keeper *keeper)
{
	return keeper->held[PREPARED].ring;
}

const char *
ring_keeper_active_text(const struct ring_keeper *keeper, size_t *size_r)
{
	*size_r = keeper->held[ACTIVE].size;
	return keeper->held[ACTIVE].text;
}

const struct store_epoch *
ring_keeper_active_epoch(const struct ring_keeper *keeper)
{
	return &keeper->held[ACTIVE].id;
}

const struct store_epoch *
ring_keeper_prepared_epoch(const struct ring_keeper *keeper)
{
	return &keeper->held[PREPARED].id;
}

const char *ring_keeper_complaint(const struct ring_keeper *keeper)
{
	return keeper->complaints[ACTIVE][0] != '\0' ?
		keeper->complaints[ACTIVE] : keeper->complaints[PREPARED];
}

bool ring_keeper_is_left_behind(const struct ring_keeper *keeper)
{
	return keeper->is_left_behind;
}
