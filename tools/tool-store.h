#ifndef TOOL_STORE_H
#define TOOL_STORE_H

/* Store operations, one at a time, each run to its end. */

#include "tool.h"

/* Connect, in the background. Returns TOOL_DONE, or a status after saying why
   (settings that make no sense, files that can't be read). */
enum tool_status tool_store_open(struct tool *tool);
/* Ends whatever tool_store_open() began; nothing happens before it. */
void tool_store_close(struct tool *tool);

/* What the store answered; `error` is empty with STORE_OK. */
struct tool_reply {
	enum store_status status;
	char error[RING_ERROR_MAX_BYTES];
};
/* Say that `what` failed, and why; returns the exit status for it. */
enum tool_status tool_store_fail(struct tool *tool, const char *what,
				 const struct tool_reply *reply);
/* Run the loop for so long. */
void tool_store_sleep(struct tool *tool, unsigned int msecs);

struct tool_bytes {
	char *data;		/* NULL = there is none; NUL behind it */
	size_t size;
};
struct tool_reply
tool_store_rings(struct tool *tool, struct tool_bytes *active_r,
		 struct tool_bytes *prepared_r);

/* A heartbeat. */
struct tool_node {
	char name[RING_NAME_MAX + 1];
	char *complaint;
	struct store_epoch active, prepared;
	int64_t age_msecs;
	bool is_alive;
};
struct tool_nodes {
	struct tool_node *nodes;
	unsigned int count;
};
struct tool_reply tool_store_nodes(struct tool *tool,
				   struct tool_nodes *nodes_r);
void tool_nodes_free(struct tool_nodes *nodes);
const struct tool_node *tool_nodes_find(const struct tool_nodes *nodes,
					const char *name);

struct tool_reply
tool_store_prepare(struct tool *tool, const struct store_epoch *expected,
		   const struct store_epoch *epoch,
		   const struct tool_bytes *text);
/* Names of the nodes that are missing go into missing, "" if it is active;
   the caller frees. */
struct tool_reply
tool_store_activate(struct tool *tool, const struct store_epoch *epoch,
		    char **missing_r);

/* Take back what is prepared. */
struct tool_reply tool_store_withdraw(struct tool *tool,
				      const struct store_epoch *epoch);

struct tool_lease {
	char host[RING_NAME_MAX + 1];
	uint64_t generation, epoch, expires_msecs;
};
struct tool_reply tool_store_peek(struct tool *tool,
				  const struct store_key *key,
				  struct tool_lease *lease_r);

/* How many leases each host of the record holds, in the record's order;
   *strangers_r: those on hosts that it does not have. The caller frees. */
struct tool_reply
tool_store_count(struct tool *tool, const struct ring_record *record,
		 uint64_t **counts_r, uint64_t *strangers_r);

#endif
