#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent-rig.h"

/* -- Rings -- */

#define RINGS_MAX 64

static struct {
	enum rig_ring_kind kind;
	uint64_t epoch;
	struct rig_ring ring;
} rings[RINGS_MAX];
static unsigned int ring_count;
static uint8_t secret_key[RING_SECRET_KEY_BYTES];
static uint8_t public_key[RING_PUBLIC_KEY_BYTES];

static void make_keys(void)
{
	static const uint8_t seed[crypto_sign_SEEDBYTES] = "agent-rig";

	if (sodium_init() < 0)
		fail_msg("libsodium does not start");
	(void)crypto_sign_seed_keypair(public_key, secret_key, seed);
}

const uint8_t *rig_public_key(void)
{
	make_keys();
	return public_key;
}

static void add_node(struct ring_record *record, const char *name,
		     const char *address, enum ring_role role)
{
	struct ring_node node;
	struct ring_error error;

	memset(&node, 0, sizeof(node));
	(void)snprintf(node.name, sizeof(node.name), "%s", name);
	(void)snprintf(node.address, sizeof(node.address), "%s", address);
	node.port = 7420;
	node.role = role;
	node.key_count = 1;
	(void)memset(node.keys[0], name[1], sizeof(node.keys[0]));
	if (ring_record_set_node(record, &node, &error) < 0)
		fail_msg("%s", error.text);
}

static void add_host(struct ring_record *record, const char *name,
		     const char *address, const char *node,
		     enum ring_host_state state)
{
	struct ring_host host;
	struct ring_error error;

	memset(&host, 0, sizeof(host));
	(void)snprintf(host.name, sizeof(host.name), "%s", name);
	(void)snprintf(host.address, sizeof(host.address), "%s", address);
	(void)snprintf(host.node, sizeof(host.node), "%s", node);
	host.ports[RING_PROTOCOL_IMAP] = 1143;
	host.weight = 100;
	host.state = state;
	if (ring_record_set_host(record, &host, &error) < 0)
		fail_msg("%s", error.text);
}

static void add_members(struct ring_record *record, enum rig_ring_kind kind)
{
	enum ring_host_state others = kind == RIG_RING_ALL_DOWN ?
		RING_HOST_DOWN : RING_HOST_UP;

	add_node(record, "d1", "127.0.0.21", RING_ROLE_DIRECTOR);
	add_node(record, "d2", "127.0.0.22", RING_ROLE_DIRECTOR);
	add_node(record, "b1", "127.0.0.31", RING_ROLE_BACKEND);
	add_node(record, "b2", "127.0.0.32", RING_ROLE_BACKEND);
	add_node(record, "b3", "127.0.0.33", RING_ROLE_BACKEND);
	add_host(record, "b1", "127.0.0.31", "b1", others);
	add_host(record, "b2", "127.0.0.32", "b2",
		 kind == RIG_RING_B2_DOWN ? RING_HOST_DOWN : others);
	add_host(record, "b3", "127.0.0.33", "b3", others);
	if (kind == RIG_RING_B4)
		add_host(record, "b4", "127.0.0.34", "b3", others);
}

static void sign(struct ring_record *record, enum rig_ring_kind kind)
{
	static const uint8_t seed[crypto_sign_SEEDBYTES] = "a stranger";
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	struct ring_error error;
	struct ring *ring;

	if (ring_build(record, &ring, &error) < 0)
		fail_msg("%s", error.text);
	ring_table_digest(ring, record->table_digest);
	ring_free(&ring);
	if (kind == RIG_RING_WRONG_TABLE)
		record->table_digest[0] ^= 1;
	(void)crypto_sign_seed_keypair(public, secret, seed);
	ring_record_sign(record, kind == RIG_RING_STRANGER ? secret :
			 secret_key);
}

static void make_ring(enum rig_ring_kind kind, uint64_t epoch,
		      struct rig_ring *ring_r)
{
	static const uint8_t seed[RING_SEED_BYTES] = "seed";
	struct ring_record *record;

	record = ring_record_new(kind == RIG_RING_OTHER_CLUSTER ?
				 "elsewhere" : "mail", seed);
	record->epoch = epoch;
	record->published_secs = 1763781234;
	(void)snprintf(record->publisher, sizeof(record->publisher),
		       "root@admin1");
	if (epoch > 7) {
		memcpy(record->previous, rig_ring(RIG_RING_PLAIN,
						  epoch - 1)->id.digest,
		       RING_DIGEST_BYTES);
	}
	add_members(record, kind);
	sign(record, kind);
	ring_r->text = ring_record_print(record, &ring_r->size);
	ring_r->id.epoch = epoch;
	ring_record_digest(record, ring_r->id.digest);
	ring_record_free(&record);
}

const struct rig_ring *rig_ring(enum rig_ring_kind kind, uint64_t epoch)
{
	struct rig_ring ring;
	unsigned int i;

	for (i = 0; i < ring_count; i++) {
		if (rings[i].kind == kind && rings[i].epoch == epoch)
			return &rings[i].ring;
	}
	make_keys();
	make_ring(kind, epoch, &ring);
	assert_true(ring_count < RINGS_MAX);
	rings[ring_count].kind = kind;
	rings[ring_count].epoch = epoch;
	rings[ring_count].ring = ring;
	return &rings[ring_count++].ring;
}

void rig_rings_free(void)
{
	while (ring_count > 0)
		free(rings[--ring_count].ring.text);
}

static struct ring *build(enum rig_ring_kind kind)
{
	const struct rig_ring *from = rig_ring(kind, 7);
	struct ring_record *record;
	struct ring_error error;
	struct ring *ring = NULL;

	if (ring_record_parse(from->text, from->size, &record, &error) < 0 ||
	    ring_build(record, &ring, &error) < 0)
		fail_msg("%s", error.text);
	ring_record_free(&record);
	return ring;
}

const char *rig_ring_host(enum rig_ring_kind kind, const char *user)
{
	static char name[RING_NAME_MAX + 1];
	struct ring *ring = build(kind);
	const struct ring_host *host;

	host = ring_lookup(ring, ring_hash(ring, user, strlen(user)), "");
	(void)snprintf(name, sizeof(name), "%s",
		       host == NULL ? "(nobody)" : host->name);
	ring_free(&ring);
	return name;
}

static bool has_host(const struct ring *ring, const char *user,
		     const char *host)
{
	const struct ring_host *found;

	found = ring_lookup(ring, ring_hash(ring, user, strlen(user)), "");
	return found != NULL && strcmp(found->name, host) == 0;
}

const char *rig_user_of(const char *host, enum rig_ring_kind kind,
			const char *other)
{
	static char user[32];
	struct ring *plain = build(RIG_RING_PLAIN), *ring = build(kind);
	unsigned int i = 0;

	do {
		assert_true(i < 100000);
		(void)snprintf(user, sizeof(user), "user%u", i++);
	} while (!has_host(plain, user, host) || !has_host(ring, user, other));
	ring_free(&plain);
	ring_free(&ring);
	return user;
}

struct store_key rig_key(const char *key)
{
	struct ring *ring = build(RIG_RING_PLAIN);
	struct store_key result = { .key = key, .size = strlen(key) };

	result.shard = ring_shard(ring_hash(ring, key, strlen(key)));
	ring_free(&ring);
	return result;
}

/* -- A log -- */

void rig_log_write(enum agent_log_level level, const char *text,
		   void *context)
{
	static const char names[] = "DIWE";
	struct rig_log *log = context;
	size_t size = strlen(text);

	log->text = realloc(log->text, log->size + size + 4);
	assert_non_null(log->text);
	log->size += (size_t)sprintf(log->text + log->size, "%c %s\n",
				     names[level], text);
	if (getenv("AGENT_RIG_LOG") != NULL)
		fprintf(stderr, "%c %s\n", names[level], text);
}

unsigned int rig_log_count(const struct rig_log *log, const char *part)
{
	const char *line = log->text, *p;
	unsigned int count = 0;

	while (line != NULL && (p = strstr(line, part)) != NULL) {
		count++;
		line = strchr(p, '\n');
	}
	return count;
}

void rig_log_clear(struct rig_log *log)
{
	free(log->text);
	log->text = NULL;
	log->size = 0;
}

/* -- A folder -- */

char *rig_dir_new(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[4096];
	char *dir;

	(void)snprintf(path, sizeof(path), "%s/agent-rig.XXXXXX",
		       tmp == NULL ? "/tmp" : tmp);
	dir = mkdtemp(path);
	assert_non_null(dir);
	dir = strdup(path);
	assert_non_null(dir);
	return dir;
}

void rig_dir_free(char **dir)
{
	struct dirent *entry;
	DIR *stream = opendir(*dir);

	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL)
		(void)unlinkat(dirfd(stream), entry->d_name, 0);
	(void)closedir(stream);
	assert_int_equal(rmdir(*dir), 0);
	free(*dir);
	*dir = NULL;
}

static void file_path(char path[static 4096], const char *dir,
		      const char *name)
{
	(void)snprintf(path, 4096, "%s/%s", dir, name);
}

bool rig_file_exists(const char *dir, const char *name)
{
	char path[4096];

	file_path(path, dir, name);
	return access(path, F_OK) == 0;
}

void rig_file_write(const char *dir, const char *name, const void *data,
		    size_t size)
{
	char path[4096];
	FILE *file;

	file_path(path, dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

void rig_file_alter(const char *dir, const char *name, long offset)
{
	char path[4096];
	FILE *file;
	int c;

	file_path(path, dir, name);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	c = fgetc(file);
	assert_true(c != EOF);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	(void)fputc(c ^ 1, file);
	assert_int_equal(fclose(file), 0);
}

/* -- An agent -- */

static void set_defaults(struct rig *rig, const char *node, const char *host)
{
	rig->dir = rig_dir_new();
	rig->settings.cluster = (char *)"mail";
	rig->settings.node = (char *)node;
	rig->settings.host = (char *)host;
	rig->settings.state_dir = rig->dir;
	rig->settings.user_expire_secs = 900;
	rig->settings.hold_timeout_msecs = 30000;
	rig->settings.on_store_failure = NODE_STORE_FAILURE_ROUTE;
	rig->settings.user_key = NODE_USER_KEY_USER;
}

void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->loop = fake_loop_init(1000000);
	rig->store = fake_store_init(rig->loop, 900);
	rig->hand = fake_store_init_other(rig->store);
	set_defaults(rig, "d1", "");
}

struct rig *rig_other(struct rig *first, const char *node, const char *host)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->loop = first->loop;
	rig->store = fake_store_init_other(first->store);
	set_defaults(rig, node, host);
	first->other = rig;
	return rig;
}

static void deinit_parts(struct rig *rig)
{
	rig_stop(rig);
	store_free(&rig->store);
	rig_log_clear(&rig->log);
	rig_dir_free(&rig->dir);
}

void rig_deinit(struct rig *rig)
{
	if (rig->other != NULL)
		deinit_parts(rig->other);
	free(rig->other);
	deinit_parts(rig);
	store_free(&rig->hand);
	fake_loop_deinit(&rig->loop);
}

void rig_start(struct rig *rig)
{
	struct agent_params params;
	struct ring_error error;

	memset(&params, 0, sizeof(params));
	params.loop = rig->loop;
	params.store = rig->store;
	params.settings = &rig->settings;
	memcpy(params.ring_public_key, rig_public_key(),
	       sizeof(params.ring_public_key));
	params.log = rig_log_write;
	params.log_context = &rig->log;
	if (agent_init(&params, &rig->agent, &error) < 0)
		fail_msg("%s", error.text);
}

void rig_stop(struct rig *rig)
{
	agent_deinit(&rig->agent);
}

void rig_put_active(struct rig *rig, const struct rig_ring *ring)
{
	fake_store_put_active(rig->hand, &ring->id, ring->text, ring->size);
}

void rig_start_with_ring(struct rig *rig, const struct rig_ring *ring)
{
	rig_put_active(rig, ring);
	rig_start(rig);
	fake_loop_advance(rig->loop, 100);
}

static void answered(const struct agent_answer *from, void *context)
{
	struct rig_answer *to = context;

	to->count++;
	to->kind = from->kind;
	(void)snprintf(to->host, sizeof(to->host), "%s",
		       from->host == NULL ? "" : from->host);
	(void)snprintf(to->address, sizeof(to->address), "%s",
		       from->address == NULL ? "" : from->address);
	(void)snprintf(to->reason, sizeof(to->reason), "%s",
		       from->reason == NULL ? "" : from->reason);
	to->port = from->port;
	to->generation = from->generation;
	to->key_size = from->key_size;
	if (from->key != NULL)
		memcpy(to->key, from->key, from->key_size);
}

struct agent_route rig_login(const char *user)
{
	struct agent_route route = {
		.user = user,
		.user_size = strlen(user),
		.service = "imap",
		.tag = "",
		.host = "",
		.peer = "",
		.hop = "",
	};

	return route;
}

void rig_route(struct rig *rig, const struct agent_route *route,
	       struct rig_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	agent_route(rig->agent, route, answered, answer);
}

void rig_ask(struct rig *rig, const struct agent_route *route,
	     struct rig_answer *answer)
{
	rig_route(rig, route, answer);
	fake_loop_advance(rig->loop, 0);
}
