#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "ring-key.h"
#include "secret-file.h"
#include "tool-ring.h"

static enum tool_status need_no_file(const char *setting, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return tool_fail(TOOL_NO, "%s: %s exists already: if this "
				 "cluster has a ring, use it with the other "
				 "commands; if not, move the file away and run "
				 "dovering init again", setting, path);
	if (errno == ENOENT)
		return TOOL_DONE;
	return tool_fail(TOOL_CONFIG, "%s: can't look at %s: %s", setting,
			 path, strerror(errno));
}

static enum tool_status need_no_ring(struct tool *tool)
{
	struct tool_state state;
	enum tool_status status = tool_state_load(tool, &state);

	if (status != TOOL_DONE)
		return status;
	if (state.active.text.data != NULL ||
	    state.prepared.text.data != NULL) {
		status = tool_fail(TOOL_NO, "store %s has a ring of cluster %s "
				   "already: copy its ring.pub (and ring.key, "
				   "to publish) to this machine instead, or "
				   "choose another cluster name",
				   tool->settings->store,
				   tool->settings->cluster);
	} else if (state.outdated[0] != '\0') {
		status = tool_fail(TOOL_NO, "the store has no ring, but %s: "
				   "restore that one with dovering ring import "
				   "FILE", state.outdated);
	}
	tool_state_free(&state);
	return status;
}

/* Both or none. */
static enum tool_status write_keys(const struct node_settings *set,
				   const uint8_t *secret,
				   const uint8_t *public)
{
	struct ring_error error;

	if (node_secret_write_key("ring_secret_key_file",
				  set->ring_secret_key_file, secret,
				  &error) < 0)
		return tool_fail(TOOL_CONFIG, "%s", error.text);
	if (node_public_write_key("ring_public_key_file",
				  set->ring_public_key_file, public,
				  &error) < 0) {
		(void)unlink(set->ring_secret_key_file);
		return tool_fail(TOOL_CONFIG, "%s", error.text);
	}
	return TOOL_DONE;
}

/* After a failure: keys that no ring needs go, so that init can be run again.
   If a ring may be there, they are all that can ever change it. */
static void drop_keys(struct tool *tool)
{
	const struct node_settings *set = tool->settings;
	struct tool_state state;
	enum tool_status status = tool_state_load(tool, &state);

	/* what somebody else has published meanwhile is not in order by them */
	if (status == TOOL_DONE && state.active.record == NULL &&
	    state.prepared.record == NULL) {
		(void)unlink(set->ring_secret_key_file);
		(void)unlink(set->ring_public_key_file);
	} else {
		tool_say("the keys are kept, as the store may have the ring: "
			 "see dovering status; if it has none, remove %s and "
			 "%s and run dovering init again",
			 set->ring_secret_key_file,
			 set->ring_public_key_file);
	}
	tool_state_free(&state);
}

static enum tool_status publish_first(struct tool *tool,
				      const uint8_t *secret)
{
	const struct tool_state empty = {.outdated = ""};
	uint8_t seed[RING_SEED_BYTES];
	struct ring_record *record;
	enum tool_status status;

	randombytes_buf(seed, sizeof(seed));
	record = ring_record_new(tool->settings->cluster, seed);
	status = tool_publish_record(tool, &empty, NULL, record, secret);
	ring_record_free(&record);
	return status;
}

static enum tool_status make_ring(struct tool *tool, uint8_t *secret)
{
	enum tool_status status;

	ring_key_generate(secret, tool->ring_public_key);
	status = write_keys(tool->settings, secret, tool->ring_public_key);
	if (status != TOOL_DONE)
		return status;
	status = publish_first(tool, secret);
	if (status != TOOL_DONE) {
		drop_keys(tool);
		return status;
	}
	tool_say("%s goes to every node; %s only to machines that publish: "
		 "keep a copy of it in a safe place",
		 tool->settings->ring_public_key_file,
		 tool->settings->ring_secret_key_file);
	return TOOL_DONE;
}

static enum tool_status run(struct tool *tool, const struct tool_args *args)
{
	const struct node_settings *set;
	enum tool_status status;
	uint8_t *secret;

	(void)args;
	status = tool_settings_read(tool);
	if (status != TOOL_DONE)
		return status;
	set = tool->settings;
	/* not there yet: whatever the store has can't be verified */
	tool->has_ring_public_key = true;
	status = need_no_file("ring_secret_key_file",
			      set->ring_secret_key_file);
	if (status == TOOL_DONE)
		status = need_no_file("ring_public_key_file",
				      set->ring_public_key_file);
	if (status == TOOL_DONE)
		status = need_no_ring(tool);
	if (status != TOOL_DONE)
		return status;
	secret = sodium_malloc(RING_SECRET_KEY_BYTES);
	if (secret == NULL)
		return tool_fail(TOOL_NO, "no memory for a key");
	status = make_ring(tool, secret);
	sodium_free(secret);
	return status;
}

const struct tool_command tool_cmd_init[] = {
	{"init", "", 0, 0, NULL,
	 "make the ring's keys, and publish the first, empty ring", run},
	{.name = NULL},
};
