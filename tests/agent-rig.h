#ifndef AGENT_RIG_H
#define AGENT_RIG_H

/* What the tests of module/agent share: signed rings, a folder for state_dir,
   a log that can be read, an agent on a fake loop and a fake store. Include
   after the cmocka headers. */

#include "agent.h"
#include "fake-loop.h"
#include "fake-store.h"
#include "ring.h"

/* -- Rings: nodes d1, d2 (directors), b1, b2, b3 (backends) and a host on
   each backend, 127.0.0.21 to .33. Signed by the rig's key. -- */

enum rig_ring_kind {
	RIG_RING_PLAIN,
	RIG_RING_B4,		/* host b4 as well, on node b3 */
	RIG_RING_B2_DOWN,
	RIG_RING_ALL_DOWN,
	RIG_RING_STRANGER,	/* signed by another key */
	RIG_RING_OTHER_CLUSTER,
	RIG_RING_WRONG_TABLE
};

struct rig_ring {
	char *text;
	size_t size;
	struct store_epoch id;
};

/* The record of this epoch; its `previous` is the plain one of the epoch
   before. Belongs to the rig until rig_rings_free(). */
const struct rig_ring *rig_ring(enum rig_ring_kind kind, uint64_t epoch);
void rig_rings_free(void);
const uint8_t *rig_public_key(void);
/* The host that this kind of ring gives this user. */
const char *rig_ring_host(enum rig_ring_kind kind, const char *user);
/* A user who has this host by the plain ring, and that one by the other. */
const char *rig_user_of(const char *host, enum rig_ring_kind kind,
			const char *other);
struct store_key rig_key(const char *key);

/* -- A log -- */

struct rig_log {
	char *text;		/* a line each: "LEVEL text" */
	size_t size;
};
void rig_log_write(enum agent_log_level level, const char *text,
		   void *context);
/* How many lines hold this. */
unsigned int rig_log_count(const struct rig_log *log, const char *part);
void rig_log_clear(struct rig_log *log);

/* -- A folder -- */

char *rig_dir_new(void);
/* With all that is in it. */
void rig_dir_free(char **dir);
bool rig_file_exists(const char *dir, const char *name);
void rig_file_write(const char *dir, const char *name, const void *data,
		    size_t size);
/* Change one byte. */
void rig_file_alter(const char *dir, const char *name, long offset);

/* -- An agent -- */

struct rig {
	struct loop *loop;
	struct store *store;		/* of the agent */
	struct store *hand;		/* the test's own way to the data */
	struct node_settings settings;
	struct rig_log log;
	char *dir;
	struct agent *agent;
	struct rig *other;		/* a second node */
};

/* Loop, store and settings of director d1; no agent, no ring. */
void rig_init(struct rig *rig);
/* A second node on the first one's loop and data, which ends with it. */
struct rig *rig_other(struct rig *first, const char *node, const char *host);
void rig_deinit(struct rig *rig);
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);
/* The ring is in the store and the agent follows it. */
void rig_start_with_ring(struct rig *rig, const struct rig_ring *ring);
void rig_put_active(struct rig *rig, const struct rig_ring *ring);

struct rig_answer {
	unsigned int count;		/* of calls */
	enum agent_answer_kind kind;
	char host[64], address[64], key[1100], reason[600];
	size_t key_size;
	uint16_t port;
	uint64_t generation;
};
/* An imap login of this user that has proved its password. */
struct agent_route rig_login(const char *user);
void rig_route(struct rig *rig, const struct agent_route *route,
	       struct rig_answer *answer);
/* Route, and let the store answer. */
void rig_ask(struct rig *rig, const struct agent_route *route,
	     struct rig_answer *answer);

#endif
