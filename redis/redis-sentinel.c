#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "redis-hiredis.h"
#include "redis-sentinel.h"
#include "redis-url.h"

enum peer_state {
	PEER_IDLE,	/* was not asked in this round, or has been heard */
	PEER_ASKED,
	PEER_NAMES_MASTER,
	PEER_FAILED	/* see its error */
};

struct sentinel_peer {
	struct redis_sentinel *sentinel;
	struct redis_address address;
	struct redis_conn *conn;
	bool needs_auth;
	enum peer_state state;
	struct redis_address master;
	unsigned long long config_epoch;
	unsigned int replicas;
	struct ring_error error;
};

struct redis_sentinel {
	struct loop *loop;
	struct redis_sentinel_settings settings;
	bool ended;
	bool asking;	/* a round is under way */
	struct loop_timeout *next_round;
	/* Peers report from within callbacks of their connections; the answer
	   is given from here, where nothing hangs on what the owner does. */
	struct loop_timeout *count;
	unsigned int replicas;
	unsigned int peers_count;
	struct sentinel_peer peers[REDIS_URL_SENTINELS_MAX];
};

static const char *reply_field(const struct redisReply *reply,
			       const char *name)
{
	size_t i;

	for (i = 0; i + 1 < reply->elements; i += 2) {
		const struct redisReply *key = reply->element[i];
		const struct redisReply *value = reply->element[i + 1];

		if (key->type == REDIS_REPLY_STRING &&
		    value->type == REDIS_REPLY_STRING &&
		    strcmp(key->str, name) == 0)
			return value->str;
	}
	return NULL;
}

static bool reply_address(const struct redisReply *reply,
			  struct redis_address *address_r)
{
	const char *ip = reply_field(reply, "ip");
	const char *port = reply_field(reply, "port");

	memset(address_r, 0, sizeof(*address_r));
	if (ip == NULL || port == NULL || *ip == '\0' || *ip == '/' ||
	    strlen(ip) >= sizeof(address_r->host))
		return false;
	memcpy(address_r->host, ip, strlen(ip) + 1);
	address_r->port = redis_address_parse_port(port, strlen(port));
	return address_r->port != 0;
}

static void sentinel_count(void *context);

static void peer_finish(struct sentinel_peer *peer, enum peer_state state)
{
	struct redis_sentinel *sentinel = peer->sentinel;

	peer->state = state;
	if (sentinel->asking && !sentinel->ended && sentinel->count == NULL)
		sentinel->count = loop_timeout_add(sentinel->loop, 0,
						   sentinel_count, sentinel);
}

static void peer_fail(struct sentinel_peer *peer, const char *error)
{
	char where[REDIS_ADDRESS_TEXT_MAX_BYTES];

	redis_address_print(&peer->address, where);
	if (peer->error.text[0] == '\0')
		ring_error_set(&peer->error, 0, "sentinel %s: %s", where,
			       error);
	peer_finish(peer, PEER_FAILED);
}

static void peer_answered(struct sentinel_peer *peer,
			  const struct redisReply *reply)
{
	const char *field;

	if (reply->type == REDIS_REPLY_ERROR) {
		peer_fail(peer, reply->str);
		return;
	}
	if (reply->type != REDIS_REPLY_ARRAY ||
	    !reply_address(reply, &peer->master)) {
		peer_fail(peer, "its answer to SENTINEL MASTER has no address");
		return;
	}
	field = reply_field(reply, "config-epoch");
	peer->config_epoch = field == NULL ? 0 : strtoull(field, NULL, 10);
	field = reply_field(reply, "num-slaves");
	peer->replicas = field == NULL ? 0 :
		(unsigned int)strtoul(field, NULL, 10);
	peer_finish(peer, PEER_NAMES_MASTER);
}

static void peer_reply(enum redis_status status,
		       const struct redisReply *reply, void *context)
{
	struct sentinel_peer *peer = context;

	(void)status;
	if (peer->state != PEER_ASKED)
		return;
	if (reply == NULL)
		peer_fail(peer, "no answer in time");
	else
		peer_answered(peer, reply);
}

static void peer_auth_reply(enum redis_status status,
			    const struct redisReply *reply, void *context)
{
	struct sentinel_peer *peer = context;

	if (status == REDIS_ERROR && peer->state == PEER_ASKED)
		peer_fail(peer, strncmp(reply->str, "WRONGPASS", 9) == 0 ?
			  reply->str : "it refuses AUTH");
}

static void peer_ask(struct sentinel_peer *peer);

static void peer_closed(const char *reason, void *context)
{
	struct sentinel_peer *peer = context;
	struct redis_conn *conn = peer->conn;
	bool asked = peer->state == PEER_ASKED, again;

	again = asked && redis_conn_wants_auth(conn) && !peer->needs_auth &&
		peer->sentinel->settings.login->password != NULL;
	if (again) {
		peer->needs_auth = true;
		peer->state = PEER_IDLE;
	} else if (asked) {
		/* the reason has the address */
		ring_error_set(&peer->error, 0, "sentinel %s", reason);
		peer_finish(peer, PEER_FAILED);
	}
	peer->conn = NULL;
	redis_conn_deinit(&conn);
	if (again)
		peer_ask(peer);
}

static void peer_ask(struct sentinel_peer *peer)
{
	struct redis_sentinel *sentinel = peer->sentinel;
	const struct redis_login *login = sentinel->settings.login;
	const char *words[] = {
		"SENTINEL", "MASTER", sentinel->settings.master_name, NULL
	};
	struct redis_conn_callbacks callbacks = {
		.closed = peer_closed,
		.context = peer
	};

	peer->state = PEER_ASKED;
	peer->error.text[0] = '\0';
	if (peer->conn == NULL) {
		peer->conn = redis_conn_init(sentinel->loop, &peer->address,
					     sentinel->settings.tls,
					     &callbacks);
		if (peer->needs_auth)
			redis_login_send_auth(login, peer->conn,
					      peer_auth_reply, peer);
	}
	redis_conn_send(peer->conn,
			redis_request_init_words(sentinel->loop, words,
						 login->timeout_msecs,
						 peer_reply, peer));
}

static unsigned int
sentinel_votes(const struct redis_sentinel *sentinel,
	       const struct redis_address *master)
{
	unsigned int i, votes = 0;

	for (i = 0; i < sentinel->peers_count; i++) {
		if (sentinel->peers[i].state == PEER_NAMES_MASTER &&
		    redis_address_equals(&sentinel->peers[i].master, master))
			votes++;
	}
	return votes;
}

/* Of those that answered: one that a majority agrees with, else the one with
   the newest configuration. */
static struct sentinel_peer *
sentinel_best(struct redis_sentinel *sentinel, bool *majority_r)
{
	struct sentinel_peer *best = NULL, *peer;
	unsigned int i;

	*majority_r = false;
	for (i = 0; i < sentinel->peers_count; i++) {
		peer = &sentinel->peers[i];
		if (peer->state != PEER_NAMES_MASTER)
			continue;
		if (sentinel_votes(sentinel, &peer->master) >
		    sentinel->peers_count / 2) {
			*majority_r = true;
			return peer;
		}
		if (best == NULL || peer->config_epoch > best->config_epoch)
			best = peer;
	}
	return best;
}

static bool sentinel_is_waiting(const struct redis_sentinel *sentinel)
{
	unsigned int i;

	for (i = 0; i < sentinel->peers_count; i++) {
		if (sentinel->peers[i].state == PEER_ASKED)
			return true;
	}
	return false;
}

static void sentinel_round(void *context)
{
	struct redis_sentinel *sentinel = context;

	sentinel->next_round = NULL;
	redis_sentinel_ask(sentinel);
}

/* Every error, on one line, as far as it goes. */
static void sentinel_errors(const struct redis_sentinel *sentinel,
			    struct ring_error *error_r)
{
	struct ring_error sum = { .text = "" };
	unsigned int i;

	error_r->text[0] = '\0';
	for (i = 0; i < sentinel->peers_count; i++) {
		if (sentinel->peers[i].state != PEER_FAILED)
			continue;
		sum = *error_r;
		ring_error_set(error_r, 0, "%s%s%s", sum.text,
			       sum.text[0] == '\0' ? "" : "; ",
			       sentinel->peers[i].error.text);
	}
}

static void sentinel_count(void *context)
{
	struct redis_sentinel *sentinel = context;
	const struct redis_sentinel_settings *settings = &sentinel->settings;
	struct sentinel_peer *best;
	struct ring_error error;
	bool majority;

	sentinel->count = NULL;
	best = sentinel_best(sentinel, &majority);
	if (!sentinel->asking || (!majority && sentinel_is_waiting(sentinel)))
		return;
	sentinel->asking = false;
	sentinel->next_round = loop_timeout_add(sentinel->loop,
						REDIS_SENTINEL_POLL_MSECS,
						sentinel_round, sentinel);
	if (best == NULL) {
		sentinel_errors(sentinel, &error);
		settings->located(NULL, false, error.text, settings->context);
		return;
	}
	sentinel->replicas = best->replicas;
	settings->located(&best->master, majority, NULL, settings->context);
}

struct redis_sentinel *
redis_sentinel_init(struct loop *loop,
		    const struct redis_sentinel_settings *settings)
{
	struct redis_sentinel *sentinel = mem_calloc(1, sizeof(*sentinel));
	unsigned int i;

	sentinel->loop = loop;
	sentinel->settings = *settings;
	sentinel->peers_count = settings->addresses_count;
	for (i = 0; i < sentinel->peers_count; i++) {
		sentinel->peers[i].sentinel = sentinel;
		sentinel->peers[i].address = settings->addresses[i];
	}
	return sentinel;
}

void redis_sentinel_deinit(struct redis_sentinel **_sentinel)
{
	struct redis_sentinel *sentinel = *_sentinel;
	unsigned int i;

	if (sentinel == NULL)
		return;
	*_sentinel = NULL;
	sentinel->ended = true;
	loop_timeout_remove(sentinel->loop, &sentinel->next_round);
	loop_timeout_remove(sentinel->loop, &sentinel->count);
	for (i = 0; i < sentinel->peers_count; i++)
		redis_conn_deinit(&sentinel->peers[i].conn);
	free(sentinel);
}

void redis_sentinel_ask(struct redis_sentinel *sentinel)
{
	unsigned int i;

	if (sentinel->asking)
		return;
	loop_timeout_remove(sentinel->loop, &sentinel->next_round);
	sentinel->asking = true;
	/* One that still owes an answer to the last round gives it to this. */
	for (i = 0; i < sentinel->peers_count; i++) {
		if (sentinel->peers[i].state != PEER_ASKED)
			peer_ask(&sentinel->peers[i]);
	}
}

unsigned int redis_sentinel_replicas(const struct redis_sentinel *sentinel)
{
	return sentinel->replicas;
}
