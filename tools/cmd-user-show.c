#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring-decide.h"
#include "tool-output.h"
#include "tool-ring.h"

/* Where a user is, and why. */
struct placement {
	const char *user;
	char *key;			/* NUL behind it */
	size_t key_size;
	const struct ring *ring;
	bool has_lease;
	struct tool_lease lease;
	const struct ring_host *host;	/* NULL: nobody takes him */
	struct ring_decision decision;
};

static const char *source_name(const struct placement *place)
{
	return place->has_lease ? "lease" : "ring";
}

static uint64_t expires_secs(const struct placement *place)
{
	return (place->lease.expires_msecs + 999) / 1000;
}

static enum tool_status find_lease(struct tool *tool, struct placement *place,
				   uint64_t hash)
{
	const struct store_key key = {
		.key = place->key,
		.size = place->key_size,
		.shard = ring_shard(hash),
	};
	struct tool_reply reply = tool_store_peek(tool, &key, &place->lease);

	if (reply.status != STORE_OK && reply.status != STORE_NOTFOUND)
		return tool_store_fail(tool, "can't look for a lease", &reply);
	place->has_lease = reply.status == STORE_OK;
	return TOOL_DONE;
}

/* The host that he has, though it may be of no use, else the one that he
   would get. */
static void decide(struct placement *place, uint64_t hash, const char *tag)
{
	const struct ring_lease lease = {
		.host = place->lease.host,
		.generation = place->lease.generation,
	};
	const struct ring_question question = {
		.active = place->ring,
		.store = RING_STORE_ANSWERED,
		.hash = hash,
		.tag = tag,
		.lease = place->has_lease ? &lease : NULL,
	};

	place->decision = ring_decide(&question);
	place->host = place->has_lease ?
		ring_host(place->ring, place->lease.host) :
		ring_candidate(place->ring, hash, tag, NULL);
}

static void print_json(const struct placement *place)
{
	const char *host = place->host == NULL ? place->lease.host :
						 place->host->name;
	json_t *json = json_object();

#define SET(name, value) (void)json_object_set_new(json, name, value)
	SET("user", tool_json_text(place->user, strlen(place->user)));
	SET("host", json_string(host));
	SET("address", json_string(place->host == NULL ? "" :
						place->host->address));
	SET("source", json_string(source_name(place)));
	SET("epoch", tool_json_number(ring_record(place->ring)->epoch));
	SET("expires_secs", !place->has_lease ? json_null() :
		tool_json_number(expires_secs(place)));
	SET("key", tool_json_text(place->key, place->key_size));
	SET("reason", json_string(ring_reason_text(place->decision.reason)));
	if (place->has_lease) {
		SET("generation", tool_json_number(place->lease.generation));
		SET("lease_epoch", tool_json_number(place->lease.epoch));
	}
#undef SET
	tool_json_end(&json);
}

static void print_table(const struct placement *place)
{
	static const char *const headings[] = {
		"USER", "HOST", "ADDRESS", "SOURCE", "EPOCH", "EXPIRES", "WHY",
		NULL};
	struct tool_table *table = tool_table_new(headings);

	tool_table_add(table, "%s", place->user);
	tool_table_add(table, "%s", place->host == NULL ? place->lease.host :
							  place->host->name);
	tool_table_add(table, "%s", place->host == NULL ? "" :
							  place->host->address);
	tool_table_add(table, "%s", source_name(place));
	tool_table_add(table, "%"PRIu64, ring_record(place->ring)->epoch);
	if (place->has_lease)
		tool_table_add(table, "%"PRIu64" secs", expires_secs(place));
	else
		tool_table_add(table, "%s", "");
	tool_table_add(table, "%s", ring_reason_text(place->decision.reason));
	tool_table_end(&table);
}

static enum tool_status place_user(struct tool *tool, struct placement *place,
				   const char *tag)
{
	uint64_t hash = ring_hash(place->ring, place->key, place->key_size);
	enum tool_status status = find_lease(tool, place, hash);

	if (status != TOOL_DONE)
		return status;
	decide(place, hash, tag);
	if (place->host == NULL && !place->has_lease)
		return tool_fail(TOOL_NO, "user %s: no host %s%s takes users; "
				 "see dovering host list", place->user,
				 tag[0] == '\0' ? "without a tag" : "of tag ",
				 tag);
	if (tool->json)
		print_json(place);
	else
		print_table(place);
	if (place->host == NULL)
		return tool_fail(TOOL_NO, "user %s has a lease on host %s, "
				 "which is not in the ring", place->user,
				 place->lease.host);
	return TOOL_DONE;
}

static enum tool_status run(struct tool *tool, const struct tool_args *args)
{
	struct placement place = {.user = args->words[0]};
	const char *tag = tool_option(args, "tag");
	size_t size = strlen(place.user);
	struct tool_state state;
	struct ring_error error;
	struct ring *ring = NULL;
	enum tool_status status;

	if (size == 0)
		return tool_usage(args, "USER is empty: expected a user name");
	if (tag != NULL && !ring_name_is_valid(tag))
		return tool_usage(args, "--tag \"%s\": expected 1 to %d letters, "
				  "digits, \"-\", \"_\" or \".\"", tag,
				  RING_NAME_MAX);
	status = tool_state_need(tool, &state);
	if (status != TOOL_DONE)
		return status;
	place.key = mem_calloc(1, size + 1);
	place.key_size = node_user_key(tool->settings->user_key, place.user,
				       size, place.key);
	if (ring_build(state.active.record, &ring, &error) < 0 ||
	    ring_check_table(ring, &error) < 0) {
		status = tool_fail(TOOL_NO, "%s", error.text);
	} else {
		place.ring = ring;
		status = place_user(tool, &place, tag == NULL ? "" : tag);
	}
	if (ring != NULL)
		ring_free(&ring);
	free(place.key);
	tool_state_free(&state);
	return status;
}

static const struct tool_option options[] = {
	{"tag", "T", false, false},
	{NULL, NULL, false, false},
};

const struct tool_command tool_cmd_user_show[] = {
	{"user show", "USER", 1, 1, options,
	 "which host owns a user, and why; T: the director_tag of his passdb",
	 run},
	{.name = NULL},
};
