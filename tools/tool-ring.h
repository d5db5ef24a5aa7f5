#ifndef TOOL_RING_H
#define TOOL_RING_H

/* The ring in the store: read it, check it, publish another one. */

#include "tool-store.h"

/* A record's bytes, and what they are worth. */
struct tool_record {
	struct tool_bytes text;
	/* NULL if there is none, or if it is not in order: `fault` says why
	   then, else it is empty. */
	struct ring_record *record;
	char fault[RING_ERROR_MAX_BYTES];
	/* What the bytes say of themselves; epoch 0 = nothing. */
	struct store_epoch id;
};

/* What the store holds. */
struct tool_state {
	struct tool_record active, prepared;
	struct tool_nodes nodes;
	/* Why the active record, in order by itself, is not the newest: a node
	   holds another. Empty if it is. */
	char outdated[RING_ERROR_MAX_BYTES];
};

/* Judge a text: it must parse, be of this cluster, not be older than
   ring_min_epoch and be signed by ring.key. Fills the rest of *record. */
void tool_record_check(const struct tool *tool, struct tool_record *record);
void tool_record_free(struct tool_record *record);
/* Read one from a file, "-" is stdin. TOOL_NO after saying why. */
enum tool_status tool_record_read(const char *path, struct tool_bytes *text_r);

/* Read records and heartbeats. With a status other than TOOL_DONE it has said
   why, and the state is empty. */
enum tool_status tool_state_load(struct tool *tool,
				 struct tool_state *state_r);
void tool_state_free(struct tool_state *state);
/* Load it, and fail unless it has an active ring that is in order. */
enum tool_status tool_state_need(struct tool *tool,
				 struct tool_state *state_r);

/* The key to publish with, which must be the other half of ring.pub. The
   caller frees it with sodium_free(). */
enum tool_status tool_ring_key_read(const struct tool *tool,
				    uint8_t **secret_r);

/* Change the copy that is to be published. TOOL_DONE: publish it; whatever
   else ends the command. */
typedef enum tool_status tool_change_t(struct tool *tool,
				       struct ring_record *record,
				       void *context);
#define TOOL_NOTHING_TO_DO ((enum tool_status)-1)	/* ends it as done */

/* Load, change, sign, prepare, wait until every live node has it, activate,
   and print the epoch. What somebody else has prepared is brought to its end
   first. A record that a live node does not take in time is taken back, so
   that nothing is half done. */
enum tool_status tool_publish(struct tool *tool, tool_change_t *change,
			      void *context);
/* The same from the signing on. The record gets the newest epoch plus one; it
   replaces what `state` has as active, good or not. `known`: a record that may
   be the active one though its text was altered; NULL = none. */
enum tool_status tool_publish_record(struct tool *tool,
				     const struct tool_state *state,
				     const struct store_epoch *known,
				     struct ring_record *record,
				     const uint8_t *secret);
/* What somebody else has prepared becomes active or is taken back. The state
   is loaded anew if it changed. */
enum tool_status tool_finish_prepared(struct tool *tool,
				      struct tool_state *state);

#endif
