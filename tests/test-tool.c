/* The real admin tool, as an admin runs it, against a real Redis. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "fixture-client.h"
#include "fixture-redis.h"
#include "redis-hiredis.h"
#include "ring.h"
#include "settings.h"
#include "store-redis.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 24

static struct fixture_redis *redis;
static char dir[64];
static char config[128];

/* What the last run said. */
static int status;
static char out[1 << 16], err[1 << 14];

/* --- files --- */

static char *in_dir(const char *name)
{
	static char paths[4][160];
	static unsigned int next;
	char *path = paths[next++ % COUNT(paths)];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(in_dir(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void read_text(const char *name, char *text, size_t size)
{
	FILE *file = fopen(in_dir(name), "r");
	size_t count;

	assert_non_null(file);
	count = fread(text, 1, size - 1, file);
	assert_int_equal(fclose(file), 0);
	text[count] = '\0';
}

static bool exists(const char *name)
{
	return access(in_dir(name), F_OK) == 0;
}

static void write_config(const char *name, const char *store,
			 const char *more)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "node = d1\nstore = %s\n"
		       "ring_public_key_file = %s/ring.pub\n"
		       "ring_secret_key_file = %s/ring.key\n"
		       "node_secret_key_file = %s/node.key\n"
		       "state_dir = %s\n%s", store, dir, dir, dir, dir, more);
	write_text(name, text);
}

/* --- runs --- */

static pid_t tool_start(char *const *words)
{
	char *argv[WORDS_MAX + 1] = {(char *)"dovering"};
	unsigned int i;
	pid_t pid;
	int fd;

	for (i = 0; words[i] != NULL; i++) {
		assert_true(i + 2 < COUNT(argv));
		argv[i + 1] = words[i];
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(in_dir("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	(void)dup2(fd, STDOUT_FILENO);
	fd = open(in_dir("err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	(void)dup2(fd, STDERR_FILENO);
	fd = open("/dev/null", O_RDONLY);
	(void)dup2(fd, STDIN_FILENO);
	(void)setenv("DOVERING_CONFIG", config, 1);
	(void)execv(TOOL_PATH, argv);
	_exit(126);
}

static bool tool_is_over(pid_t pid, int options)
{
	int how;
	pid_t ret = waitpid(pid, &how, options);

	if (ret == 0)
		return false;
	assert_int_equal(ret, pid);
	if (!WIFEXITED(how))
		fail_msg("dovering died of signal %d", WTERMSIG(how));
	status = WEXITSTATUS(how);
	read_text("out", out, sizeof(out));
	read_text("err", err, sizeof(err));
	return true;
}

/* Words by spaces; the run's outcome is in status, out and err. */
__attribute__((format(printf, 1, 2)))
static void tool(const char *format, ...)
{
	char line[1024], *words[WORDS_MAX + 1], *word, *rest = line;
	unsigned int count = 0;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	while ((word = strsep(&rest, " ")) != NULL && count < WORDS_MAX)
		words[count++] = word;
	words[count] = NULL;
	assert_true(tool_is_over(tool_start(words), 0));
}

static void assert_status(int expected)
{
	if (status != expected)
		fail_msg("exit status %d, expected %d; stderr: %s", status,
			 expected, err);
}

static void assert_said(const char *part)
{
	if (strstr(err, part) == NULL)
		fail_msg("expected \"%s\" in: %s", part, err);
}

#define must(...) do { tool(__VA_ARGS__); assert_status(0); } while (0)

static unsigned int err_lines(void)
{
	unsigned int count = 0;
	const char *p;

	for (p = err; (p = strchr(p, '\n')) != NULL; p++)
		count++;
	return count;
}

/* The output as JSON; the caller frees. */
static json_t *out_json(void)
{
	json_error_t error;
	json_t *json = json_loads(out, 0, &error);

	if (json == NULL)
		fail_msg("no JSON: %s: %s", error.text, out);
	assert_int_equal(out[strlen(out) - 1], '\n');
	return json;
}

static json_t *at(json_t *array, size_t i)
{
	json_t *item = json_array_get(array, i);

	assert_non_null(item);
	return item;
}

static void assert_text(json_t *json, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(json, name));

	assert_non_null(value);
	assert_string_equal(value, text);
}

static void assert_number(json_t *json, const char *name, json_int_t number)
{
	json_t *value = json_object_get(json, name);

	assert_true(json_is_integer(value));
	assert_int_equal(json_integer_value(value), number);
}

/* --- the others in the cluster --- */

struct peer {
	struct fixture_client *client;
	struct store *store;
	bool done;
	enum store_status status;
	struct store_epoch prepared, active;
};

static struct peer *peer_begin(void)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	assert_non_null(peer);
	peer->client = fixture_client_init();
	peer->client->settings.url = redis->url;
	fixture_client_connect(peer->client);
	peer->store = store_redis_init(peer->client->loop,
				       peer->client->client, "mail", 900,
				       5000);
	return peer;
}

static void peer_end(struct peer **peer)
{
	store_free(&(*peer)->store);
	fixture_client_deinit(&(*peer)->client);
	free(*peer);
	*peer = NULL;
}

static void peer_wait(struct peer *peer, const char *what)
{
	fixture_loop_until(peer->client->loop, &peer->done, what);
	peer->done = false;
	assert_int_equal(peer->status, STORE_OK);
}

static void beat_done(const struct store_heartbeat_reply *reply, void *context)
{
	struct peer *peer = context;

	peer->status = reply->status;
	peer->active = reply->active;
	peer->prepared = reply->prepared;
	peer->done = true;
}

/* A heartbeat as node d1, that acknowledges what the store has, or does not. */
static void peer_beat(struct peer *peer, bool acknowledges,
		      const char *complaint, unsigned int lease_msecs)
{
	struct store_heartbeat beat = {
		.node = "d1",
		.boot_id = "boot-1",
		.complaint = complaint,
		.lease_msecs = lease_msecs,
	};

	if (acknowledges) {
		beat.active = peer->active;
		beat.prepared = peer->prepared;
	}
	peer->store->v->heartbeat(peer->store, &beat, beat_done, peer);
	peer_wait(peer, "a heartbeat");
}

/* Run the tool while the node beats. */
static void tool_with_beats(struct peer *peer, bool acknowledges,
			    const char *complaint, char *const *words)
{
	pid_t pid = tool_start(words);

	while (!tool_is_over(pid, WNOHANG)) {
		peer_beat(peer, acknowledges, complaint, 6000);
		(void)poll(NULL, 0, 20);
	}
}

static void claim_done(const struct store_lease_reply *reply, void *context)
{
	struct peer *peer = context;

	peer->status = reply->status;
	peer->done = true;
}

/* The ring that the store has. */
static struct ring *exported_ring(void)
{
	struct ring_record *record;
	struct ring_error error;
	struct ring *ring;

	must("ring export");
	assert_int_equal(ring_record_parse(out, strlen(out), &record, &error),
			 0);
	assert_int_equal(ring_build(record, &ring, &error), 0);
	ring_record_free(&record);
	return ring;
}

static void peer_claim(struct peer *peer, const char *key, const char *host)
{
	struct ring *ring = exported_ring();
	struct store_epoch epoch = {.epoch = ring_record(ring)->epoch};
	struct store_key store_key = {
		.key = key,
		.size = strlen(key),
		.shard = ring_shard(ring_hash(ring, key, strlen(key))),
	};

	ring_record_digest(ring_record(ring), epoch.digest);
	peer->store->v->claim(peer->store, &store_key, &epoch, host,
			      claim_done, peer);
	peer_wait(peer, "a claim");
	ring_free(&ring);
}

/* --- set up --- */

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/dovering-tool-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	redis = fixture_redis_start(NULL, NULL);
	(void)snprintf(config, sizeof(config), "%s/d.conf", dir);
	write_config("d.conf", redis->url, "");
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	fixture_redis_stop_all();
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void keep_out(const char *name)
{
	write_text(name, out);
}

/* A ring with nodes b1 and d1, and host b1. */
static void make_cluster(void)
{
	must("init");
	must("node key");
	keep_out("node.pub");
	must("node add b1 10.0.0.31:7420 --role backend --key %s",
	     in_dir("node.pub"));
	must("node add d1 [::1]:7420 --role director --key %s",
	     in_dir("node.pub"));
	must("host add b1 10.0.0.31:1143 --weight 50 --port pop3=1110");
}

static char *store_get(const char *key)
{
	struct redisReply *reply = fixture_redis_command(redis, "GET %s", key);
	char *text;

	assert_non_null(reply);
	text = strdup(reply->str == NULL ? "" : reply->str);
	assert_non_null(text);
	freeReplyObject(reply);
	return text;
}

static void store_set(const char *key, const char *text)
{
	struct redisReply *reply =
		fixture_redis_command(redis, "SET %s %s", key, text);

	assert_non_null(reply);
	assert_int_equal(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
}

/* The text with the first `what` replaced; the caller frees. */
static char *replaced(const char *text, const char *what, const char *with)
{
	const char *p = strstr(text, what);
	char *result = malloc(strlen(text) + strlen(with) + 1);

	assert_non_null(p);
	assert_non_null(result);
	(void)sprintf(result, "%.*s%s%s", (int)(p - text), text, with,
		      p + strlen(what));
	return result;
}

static void store_flush(void)
{
	freeReplyObject(fixture_redis_command(redis, "FLUSHALL"));
}

/* --- init and keys --- */

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_dir(name), &st), 0);
	return st.st_mode & 07777;
}

static void init__empty_store__keys_and_first_ring(void **state)
{
	json_t *json;

	(void)state;
	must("init --format json");
	json = out_json();
	assert_number(json, "epoch", 1);
	json_decref(json);
	assert_int_equal(mode_of("ring.key"), 0600);
	assert_int_equal(mode_of("ring.pub"), 0644);
	must("ring export");
	assert_ptr_equal(strstr(out, "dovering-ring 1\ncluster mail\n"
				"epoch 1\n"), out);
}

static void init__twice__refused_and_nothing_changed(void **state)
{
	char before[512], after[512];

	(void)state;
	must("init");
	read_text("ring.key", before, sizeof(before));
	tool("init");
	assert_status(1);
	assert_said("ring.key exists already");
	read_text("ring.key", after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(unlink(in_dir("ring.key")), 0);
	tool("init");
	assert_status(1);
	assert_said("ring.pub exists already");
	assert_false(exists("ring.key"));
	assert_int_equal(unlink(in_dir("ring.pub")), 0);
	tool("init");
	assert_status(1);
	assert_said("has a ring of cluster mail already");
	assert_false(exists("ring.key"));
	assert_false(exists("ring.pub"));
}

static void init__store_away__no_key_left(void **state)
{
	(void)state;
	fixture_redis_kill(redis);
	tool("init");
	assert_status(69);
	assert_int_equal(err_lines(), 1);
	assert_false(exists("ring.key"));
	assert_false(exists("ring.pub"));
}

static void init__no_folder_for_keys__no_ring_left(void **state)
{
	char text[512];

	(void)state;
	(void)snprintf(text, sizeof(text), "node = d1\nstore = %s\n"
		       "ring_secret_key_file = %s/ring.key\n"
		       "ring_public_key_file = /nonexistent/x.pub\n",
		       redis->url, dir);
	write_text("bad.conf", text);
	tool("--config %s init", in_dir("bad.conf"));
	assert_status(78);
	assert_said("/nonexistent/x.pub");
	assert_false(exists("ring.key"));
	must("init");
}

/* From two machines, so each with keys of its own. */
static void init__two_at_once__one_wins_and_the_other_leaves_nothing(
	void **state)
{
	char *words[] = {(char *)"init", NULL};
	char *others[] = {(char *)"--config", NULL, (char *)"init", NULL};
	char text[512];
	int first;
	pid_t pid, other;

	(void)state;
	(void)snprintf(text, sizeof(text), "node = d2\nstore = %s\n"
		       "ring_secret_key_file = %s/other.key\n"
		       "ring_public_key_file = %s/other.pub\n",
		       redis->url, dir, dir);
	write_text("other.conf", text);
	others[1] = in_dir("other.conf");
	pid = tool_start(words);
	other = tool_start(others);
	assert_true(tool_is_over(pid, 0));
	first = status;
	assert_true(tool_is_over(other, 0));
	assert_true((first == 0) != (status == 0));
	assert_true(first == 0 || first == 1 || first == 75);
	assert_true(status == 0 || status == 1 || status == 75);
	assert_int_equal(exists("ring.key"), first == 0);
	assert_int_equal(exists("ring.pub"), first == 0);
	assert_int_equal(exists("other.key"), status == 0);
	assert_int_equal(exists("other.pub"), status == 0);
}

static void node_key__made_once__shown_again(void **state)
{
	char text[256];

	(void)state;
	must("node key");
	keep_out("node.pub");
	assert_ptr_equal(strstr(out, "ed25519-public "), out);
	assert_int_equal(mode_of("node.key"), 0600);
	tool("node key");
	assert_status(1);
	assert_said("exists already: dovering node key --show");
	assert_string_equal(out, "");
	write_text("nowhere.conf",
		   "node = d1\nnode_secret_key_file = /nonexistent/key\n");
	tool("--config %s node key", in_dir("nowhere.conf"));
	assert_status(78);
	assert_said("can't create /nonexistent/key: No such file");
	assert_null(strstr(err, "--show"));
	must("node key --show");
	read_text("node.pub", text, sizeof(text));
	assert_string_equal(out, text);
}

/* --- the ring --- */

static void status__cluster__is_the_contract(void **state)
{
	json_t *json, *host, *agent;

	(void)state;
	make_cluster();
	must("host add b2 [2001:db8::2]:143 --tag gold --node b1");
	must("--format json status");
	json = out_json();
	assert_number(json, "epoch", 5);
	host = at(json_object_get(json, "hosts"), 0);
	assert_text(host, "name", "b1");
	assert_text(host, "address", "10.0.0.31");
	assert_text(host, "state", "up");
	assert_number(host, "weight", 50);
	assert_text(host, "tag", "");
	assert_number(host, "users", 0);
	assert_number(json_object_get(host, "ports"), "imap", 1143);
	assert_number(json_object_get(host, "ports"), "pop3", 1110);
	host = at(json_object_get(json, "hosts"), 1);
	assert_text(host, "address", "2001:db8::2");
	assert_text(host, "tag", "gold");
	assert_number(host, "weight", 100);
	agent = at(json_object_get(json, "agents"), 1);
	assert_text(agent, "node", "d1");
	assert_true(json_is_false(json_object_get(agent, "alive")));
	json_decref(json);
}

static void status__live_node__alive_with_its_complaint(void **state)
{
	struct peer *peer;
	json_t *json, *agent;

	(void)state;
	make_cluster();
	peer = peer_begin();
	peer_beat(peer, false, "refused: epoch 3 is older", 6000);
	must("--format json status");
	json = out_json();
	agent = at(json_object_get(json, "agents"), 1);
	assert_text(agent, "node", "d1");
	assert_true(json_is_true(json_object_get(agent, "alive")));
	assert_text(agent, "complaint", "refused: epoch 3 is older");
	json_decref(json);
	must("status");
	assert_ptr_equal(strstr(out, "WARNING: "), out);
	assert_non_null(strstr(out, "node d1: refused: epoch 3 is older"));
	assert_non_null(strstr(out, "node b1 is not alive"));
	peer_end(&peer);
}

static void host__changes__each_is_a_new_epoch(void **state)
{
	json_t *json, *host;

	(void)state;
	make_cluster();
	must("host weight b1 70");
	assert_string_equal(out, "epoch 5 is active\n");
	must("host drain b1");
	assert_said("no host is left that takes new users");
	must("host drain b1");
	assert_string_equal(out, "");
	assert_said("so already");
	must("--format json host list");
	json = out_json();
	assert_number(json, "epoch", 6);
	host = at(json_object_get(json, "hosts"), 0);
	assert_number(host, "weight", 70);
	assert_text(host, "state", "drain");
	json_decref(json);
	must("host down b1");
	must("host up b1");
	must("host remove b1");
	must("node remove b1");
	must("node list");
	assert_null(strstr(out, "b1"));
	assert_non_null(strstr(out, "[::1]:7420"));
}

static void host_add__before_its_node__is_told(void **state)
{
	(void)state;
	make_cluster();
	must("host add b9 10.0.0.39");
	assert_non_null(strstr(err, "dovering node add b9"));
	must("status");
	assert_non_null(strstr(out, "host b9: no agent speaks for it"));
	must("host remove b9");
}

static void refused__would_break__one_line_and_exit_1(void **state)
{
	static const struct {
		const char *line, *said;
	} tests[] = {
		{"host add b1 10.0.0.32", "in the ring already"},
		{"host add b9 10.0.0.32 --node d1", "node d1 is a director"},
		{"host up b9", "host b9 is not in the ring"},
		{"host remove b9", "host b9 is not in the ring"},
		{"node remove b1", "is needed by host b1"},
		{"node remove b9", "is not in the ring"},
		{"node add b9 10.0.0.1:1 --role backend --key /nonexistent",
		 "can't open /nonexistent"},
		{"ring import /nonexistent", "can't open /nonexistent"},
		{"node add b9 10.0.0.1:1 --role backend --key /",
		 "--key: can't read /: Is a directory"},
		{"ring import /dev/null", "expected a ring record"},
		{"ring import /", "can't read /: Is a directory"},
		{"user show x --tag nowhere", "no host of tag nowhere takes"},
	};
	size_t i;

	(void)state;
	make_cluster();
	for (i = 0; i < COUNT(tests); i++) {
		tool("%s", tests[i].line);
		assert_status(1);
		assert_said(tests[i].said);
		assert_int_equal(err_lines(), 1);
		assert_string_equal(out, "");
	}
	tool("node add b9 10.0.0.1:1 --role backend --key %s",
	     in_dir("ring.key"));
	assert_status(1);
	assert_said("ed25519-public");
	must("host list --format json");
	assert_non_null(strstr(out, "\"epoch\":4,"));
	/* nothing to do, and still an answer for a program */
	must("host up b1 --format json");
	assert_string_equal(out, "{\"epoch\":4}\n");
}

static void arguments__wrong__one_line_usage_and_exit_64(void **state)
{
	static const struct {
		const char *line, *said;
	} tests[] = {
		{"", "there is no command \"\""},
		{"frobnicate", "no command \"frobnicate\""},
		{"host", "host what?"},
		{"host frobnicate", "no command \"host frobnicate\""},
		{"--frobnicate status", "--frobnicate is no option"},
		{"status --frobnicate", "--frobnicate is no option"},
		{"status -z", "-z is no option"},
		{"status extra", "\"extra\" is one argument too many"},
		{"status --config", "--config needs a value"},
		{"status --config=", "--config is empty"},
		{"status --format xml", "--format \"xml\""},
		{"--format json --format json status", "given twice"},
		{"host add b2", "too few arguments"},
		{"host add b/2 10.0.0.1", "NAME \"b/2\""},
		{"host add b2 host.example.com", "numeric address"},
		{"host add b2 10.0.0.1:0", "numeric address"},
		{"host add b2 10.0.0.1:65536", "numeric address"},
		{"host add b2 10.0.0.1:1x", "numeric address"},
		{"host add b2 [::1", "numeric address"},
		{"host add b2 [10.0.0.1]:1", "numeric address"},
		{"host add b2 10.0.0.1 --weight 10001", "0 to 10000"},
		{"host add b2 10.0.0.1 --weight 1.5", "0 to 10000"},
		{"host add b2 10.0.0.1 --port ftp=21", "--port \"ftp=21\""},
		{"host add b2 10.0.0.1 --port imap=0", "--port \"imap=0\""},
		{"host add b2 10.0.0.1:1 --port imap=2", "has a port already"},
		{"host add b2 10.0.0.1 --tag a,b", "--tag \"a,b\""},
		{"host weight b1 99999999999999999999", "0 to 10000"},
		{"host weight b1 -1", "-1 is no option"},
		{"node add n 10.0.0.1 --role backend --key x", "and a port"},
		{"node add n 10.0.0.1:1 --key x", "--role is missing"},
		{"node add n 10.0.0.1:1 --role backend", "--key is missing"},
		{"node add n 10.0.0.1:1 --role x --key x", "--role \"x\""},
		{"user show ", "USER is empty"},
		{"user show x --tag a,b", "--tag \"a,b\""},
		{"--config /nonexistent user", "user what?"},
	};
	size_t i;

	(void)state;
	/* arguments are checked before the store is asked */
	write_config("d.conf", "redis://127.0.0.1:1/0", "");
	write_text("ring.pub", "");
	for (i = 0; i < COUNT(tests); i++) {
		tool("%s", tests[i].line);
		if (status == 78 && strstr(err, "ring.pub") != NULL)
			fail_msg("not checked early: %s", tests[i].line);
		if (status != 64 || strstr(err, tests[i].said) == NULL ||
		    strstr(err, "usage: dovering") == NULL ||
		    err_lines() != 2)
			fail_msg("%s: status %d, stderr %s", tests[i].line,
				 status, err);
		assert_string_equal(out, "");
	}
}

static void help__asked_for__on_stdout(void **state)
{
	(void)state;
	tool("--help");
	assert_status(0);
	assert_non_null(strstr(out, "dovering host add NAME ADDRESS[:PORT]"));
	assert_string_equal(err, "");
	must("host --help");
	assert_non_null(strstr(out, "host weight"));
	must("host add --help");
	assert_non_null(strstr(out, "--weight N"));
	must("--version");
	assert_non_null(strstr(out, PACKAGE_VERSION));
}

static void config__bad__one_line_and_exit_78(void **state)
{
	(void)state;
	make_cluster();
	tool("--config %s status", in_dir("none.conf"));
	assert_status(78);
	assert_said("none.conf");
	write_config("bad.conf", redis->url, "clutser = mail\n");
	tool("--config %s status", in_dir("bad.conf"));
	assert_status(78);
	assert_said("bad.conf:7: clutser: there is no such setting");
	assert_int_equal(err_lines(), 1);
	assert_int_equal(chmod(in_dir("d.conf"), 0666), 0);
	tool("status");
	assert_status(78);
	assert_said("chmod go-w");
	assert_int_equal(chmod(in_dir("d.conf"), 0644), 0);
	write_config("bad.conf", "redis://", "");
	tool("--config %s status", in_dir("bad.conf"));
	assert_status(78);
	write_config("bad.conf", redis->url,
		     "store_password_file = /nonexistent\n");
	tool("--config %s status", in_dir("bad.conf"));
	assert_status(78);
	assert_said("store_password_file: can't open /nonexistent");
}

static void keys__bad__exit_78_and_no_new_epoch(void **state)
{
	(void)state;
	make_cluster();
	assert_int_equal(chmod(in_dir("ring.key"), 0644), 0);
	tool("host weight b1 1");
	assert_status(78);
	assert_said("chmod go=");
	assert_int_equal(chmod(in_dir("ring.key"), 0600), 0);
	assert_int_equal(rename(in_dir("ring.key"), in_dir("kept.key")), 0);
	tool("host weight b1 1");
	assert_status(78);
	assert_said("ring_secret_key_file: can't open");
	/* who only looks needs no secret key */
	must("status");
	assert_int_equal(rename(in_dir("node.key"), in_dir("ring.key")), 0);
	tool("host weight b1 1");
	assert_status(78);
	assert_said("not of one pair");
	assert_int_equal(unlink(in_dir("ring.pub")), 0);
	tool("status");
	assert_status(78);
	assert_said("ring_public_key_file: can't open");
}

/* --- users --- */

static void user_show__no_lease__the_rings_answer(void **state)
{
	json_t *json;

	(void)state;
	make_cluster();
	must("--format json user show Someone@Example.COM");
	json = out_json();
	assert_text(json, "user", "Someone@Example.COM");
	assert_text(json, "key", "someone@example.com");
	assert_text(json, "host", "b1");
	assert_text(json, "address", "10.0.0.31");
	assert_text(json, "source", "ring");
	assert_number(json, "epoch", 4);
	assert_true(json_is_null(json_object_get(json, "expires_secs")));
	json_decref(json);
}

static void user_show__lease__is_counted_and_keeps_its_host(void **state)
{
	struct peer *peer;
	json_t *json;

	(void)state;
	make_cluster();
	must("host add b2 10.0.0.32 --node b1");
	must("host drain b1");
	peer = peer_begin();
	peer_claim(peer, "someone", "b1");
	must("--format json user show SomeOne");
	json = out_json();
	assert_text(json, "host", "b1");
	assert_text(json, "source", "lease");
	assert_true(json_integer_value(json_object_get(json, "expires_secs")) >
		    800);
	json_decref(json);
	must("user show someone");
	assert_non_null(strstr(out, "lease"));
	must("--format json status");
	json = out_json();
	assert_number(at(json_object_get(json, "hosts"), 0), "users", 1);
	assert_number(at(json_object_get(json, "hosts"), 1), "users", 0);
	json_decref(json);
	tool("host remove b1");
	assert_status(1);
	assert_said("host b1 has 1 user:");
	peer_end(&peer);
}

static void user_show__any_bytes__escaped(void **state)
{
	char *words[] = {(char *)"user", (char *)"show",
			 (char *)"a\033[2J\xff\t\xc3\xb6\"%{u}",
			 (char *)"--format", (char *)"json", NULL};
	json_t *json;

	(void)state;
	make_cluster();
	assert_true(tool_is_over(tool_start(words), 0));
	assert_status(0);
	json = out_json();
	assert_text(json, "host", "b1");
	json_decref(json);
	words[3] = NULL;
	assert_true(tool_is_over(tool_start(words), 0));
	assert_status(0);
	assert_non_null(strstr(out, "a\\x1b[2J\\xff\\x09\xc3\xb6\"%{u}"));
	assert_null(strchr(out, '\033'));
}

/* --- publishing among others --- */

static void publish__live_node__waits_until_it_has_it(void **state)
{
	char *words[] = {(char *)"host", (char *)"weight", (char *)"b1",
			 (char *)"9", NULL};
	struct peer *peer;

	(void)state;
	make_cluster();
	peer = peer_begin();
	peer_beat(peer, false, "", 6000);
	peer_beat(peer, true, "", 6000);
	tool_with_beats(peer, true, "", words);
	assert_status(0);
	assert_string_equal(out, "epoch 5 is active\n");
	assert_said("prepared epoch 5; waiting for d1");
	peer_end(&peer);
}

static void publish__node_refuses__named_and_taken_back(void **state)
{
	char *words[] = {(char *)"host", (char *)"weight", (char *)"b1",
			 (char *)"9", NULL};
	struct peer *peer;
	json_t *json;

	(void)state;
	make_cluster();
	peer = peer_begin();
	peer_beat(peer, false, "no", 6000);
	tool_with_beats(peer, false, "no", words);
	assert_status(75);
	assert_said("not acknowledged within 30 seconds by d1");
	must("--format json status");
	json = out_json();
	assert_number(json, "epoch", 4);
	assert_true(json_is_null(json_object_get(json, "prepared_epoch")));
	json_decref(json);
	/* it dies, and the next change goes through */
	peer_beat(peer, false, "", 1);
	must("host weight b1 10");
	peer_end(&peer);
}

static void publish__prepared_by_a_dead_publisher__finished_first(void **state)
{
	char *words[] = {(char *)"host", (char *)"weight", (char *)"b1",
			 (char *)"9", NULL};
	struct peer *peer;
	pid_t pid;

	(void)state;
	make_cluster();
	peer = peer_begin();
	peer_beat(peer, false, "", 2000);
	pid = tool_start(words);
	do {
		peer_beat(peer, false, "", 2000);
	} while (peer->prepared.epoch != 5);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	must("--format json status");
	assert_non_null(strstr(out, "\"prepared_epoch\":5"));
	must("host drain b1");
	assert_said("epoch 5, prepared by");
	assert_string_equal(out, "epoch 6 is active\n");
	must("host list");
	assert_non_null(strstr(out, "drain  9 "));
	peer_end(&peer);
}

static void publish__nodes_hold_a_newer_ring__refused(void **state)
{
	struct peer *peer;
	char *old;

	(void)state;
	make_cluster();
	old = store_get("{mail:ring}:active");
	must("host weight b1 9");
	peer = peer_begin();
	peer_beat(peer, false, "", 60000);
	peer_beat(peer, true, "", 60000);
	store_set("{mail:ring}:active", old);
	tool("host weight b1 10");
	assert_status(1);
	assert_said("node d1 holds epoch 5");
	tool("status");
	assert_status(1);
	assert_non_null(strstr(out, "WARNING: THE STORE HAS LOST"));
	free(old);
	peer_end(&peer);
}

/* --- forged, lost, restored --- */

static void ring__altered_in_the_store__loud_and_import_mends(void **state)
{
	char *text, *p;
	json_t *json;

	(void)state;
	make_cluster();
	must("ring export");
	keep_out("good");
	text = store_get("{mail:ring}:active");
	assert_string_equal(text, out);
	p = strstr(text, "10.0.0.31");
	assert_non_null(p);
	memcpy(p, "10.0.0.66", 9);
	p = strstr(p, "host b1 10.0.0.31");
	assert_non_null(p);
	memcpy(p, "host b1 10.0.0.66", 17);
	store_set("{mail:ring}:active", text);
	free(text);

	tool("--format json status");
	assert_status(1);
	json = out_json();
	assert_true(json_is_null(json_object_get(json, "epoch")));
	assert_true(json_array_size(json_object_get(json, "warnings")) > 0);
	json_decref(json);
	tool("status");
	assert_status(1);
	assert_ptr_equal(strstr(out, "WARNING: THE RING IN THE STORE IS NOT "
				"IN ORDER: "), out);
	tool("host weight b1 1");
	assert_status(1);
	assert_said("not in order");
	tool("user show x");
	assert_status(1);

	must("ring import %s", in_dir("good"));
	must("--format json status");
	json = out_json();
	assert_number(json, "epoch", 5);
	assert_text(at(json_object_get(json, "hosts"), 0), "address",
		    "10.0.0.31");
	json_decref(json);
}

static void ring__lost_with_the_store__import_restores(void **state)
{
	(void)state;
	make_cluster();
	must("ring export");
	keep_out("good");
	store_flush();
	tool("host list");
	assert_status(1);
	assert_said("dovering ring import");
	must("ring import %s", in_dir("good"));
	assert_said("host b1 is added");
	assert_string_equal(out, "epoch 5 is active\n");
	must("ring import %s", in_dir("good"));
	assert_said("the same hosts and nodes as before");
	assert_string_equal(out, "epoch 6 is active\n");
}

static void import__signed_by_another_key__refused(void **state)
{
	(void)state;
	make_cluster();
	must("ring export");
	keep_out("good");
	store_flush();
	assert_int_equal(unlink(in_dir("ring.key")), 0);
	assert_int_equal(unlink(in_dir("ring.pub")), 0);
	must("init");
	tool("ring import %s", in_dir("good"));
	assert_status(1);
	assert_said("good: ");
	write_config("d.conf", redis->url, "ring_min_epoch = 77\n");
	tool("host list");
	assert_status(1);
	assert_said("ring_min_epoch");
}

static void prepared__junk_put_there__does_not_stop_changes(void **state)
{
	char *text;

	(void)state;
	make_cluster();
	must("ring export");
	store_set("{mail:ring}:prepared", "junk");
	tool("status");
	assert_status(1);
	assert_non_null(strstr(out, "PREPARED IN THE STORE IS NOT IN ORDER"));
	must("host weight b1 8");
	assert_said("is taken away");
	/* signed once, but prepared no more */
	text = store_get("{mail:ring}:active");
	store_set("{mail:ring}:prepared", text);
	free(text);
	must("host weight b1 7");
	must("status");
}

/* Epochs end at 2^53 - 1: what anybody may write into the store must not make
   an admin sign his way there. */
static void publish__store_claims_a_huge_epoch__not_signed(void **state)
{
	char zeros[65], value[300];
	char *text, *forged;

	(void)state;
	make_cluster();
	memset(zeros, '0', 64);
	zeros[64] = '\0';
	(void)snprintf(value, sizeof(value),
		       "boot 1000 6000 0 %s 9007199254740988 %s ", zeros,
		       zeros);
	freeReplyObject(fixture_redis_command(
		redis, "HSET {mail:ring}:nodes evil %s", value));
	must("host weight b1 8");
	assert_string_equal(out, "epoch 5 is active\n");
	assert_said("epoch 9007199254740988");

	must("ring export");
	keep_out("good");
	text = store_get("{mail:ring}:active");
	forged = replaced(text, "epoch 5\n", "epoch 9007199254740988\n");
	store_set("{mail:ring}:active", forged);
	free(text);
	free(forged);
	must("ring import %s", in_dir("good"));
	assert_string_equal(out, "epoch 6 is active\n");
}

static void publish__stores_notes_altered__says_how_to_mend_it(void **state)
{
	(void)state;
	make_cluster();
	must("ring export");
	keep_out("good");
	freeReplyObject(fixture_redis_command(
		redis, "HSET {mail:ring}:state active_epoch x"));
	tool("host weight b1 8");
	assert_status(69);
	assert_said("remove the key {mail:ring}:state");
	freeReplyObject(fixture_redis_command(redis,
					      "DEL {mail:ring}:state"));
	must("ring import %s", in_dir("good"));
	must("host weight b1 8");
}

static void store__away__status_shows_what_it_can(void **state)
{
	(void)state;
	make_cluster();
	must("ring export");
	freeReplyObject(fixture_redis_command(redis,
					      "ACL SETUSER default -evalsha"));
	tool("status");
	assert_status(69);
	assert_non_null(strstr(out, "known: refused: Redis answers: NOPERM"));
	fixture_redis_kill(redis);
	tool("host list");
	assert_status(69);
	assert_int_equal(err_lines(), 1);
	tool("status");
	assert_status(69);
	assert_non_null(strstr(out, "WARNING: THE STORE IS AWAY"));
	tool("user show x");
	assert_status(69);
}

static void store__away__status_shows_this_nodes_ring(void **state)
{
	json_t *json;

	(void)state;
	make_cluster();
	must("ring export");
	keep_out("ring.active");
	fixture_redis_kill(redis);
	tool("--format json status");
	assert_status(69);
	json = out_json();
	assert_number(json, "epoch", 4);
	assert_text(at(json_object_get(json, "hosts"), 0), "name", "b1");
	assert_true(json_is_null(json_object_get(
		at(json_object_get(json, "hosts"), 0), "users")));
	assert_text(json_object_get(json, "store"), "state", "away");
	json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(init__empty_store__keys_and_first_ring),
		TEST(init__twice__refused_and_nothing_changed),
		TEST(init__store_away__no_key_left),
		TEST(init__no_folder_for_keys__no_ring_left),
		TEST(init__two_at_once__one_wins_and_the_other_leaves_nothing),
		TEST(node_key__made_once__shown_again),
		TEST(status__cluster__is_the_contract),
		TEST(status__live_node__alive_with_its_complaint),
		TEST(host__changes__each_is_a_new_epoch),
		TEST(host_add__before_its_node__is_told),
		TEST(refused__would_break__one_line_and_exit_1),
		TEST(arguments__wrong__one_line_usage_and_exit_64),
		TEST(help__asked_for__on_stdout),
		TEST(config__bad__one_line_and_exit_78),
		TEST(keys__bad__exit_78_and_no_new_epoch),
		TEST(user_show__no_lease__the_rings_answer),
		TEST(user_show__lease__is_counted_and_keeps_its_host),
		TEST(user_show__any_bytes__escaped),
		TEST(publish__live_node__waits_until_it_has_it),
		TEST(publish__node_refuses__named_and_taken_back),
		TEST(publish__prepared_by_a_dead_publisher__finished_first),
		TEST(publish__nodes_hold_a_newer_ring__refused),
		TEST(ring__altered_in_the_store__loud_and_import_mends),
		TEST(ring__lost_with_the_store__import_restores),
		TEST(import__signed_by_another_key__refused),
		TEST(prepared__junk_put_there__does_not_stop_changes),
		TEST(publish__store_claims_a_huge_epoch__not_signed),
		TEST(publish__stores_notes_altered__says_how_to_mend_it),
		TEST(store__away__status_shows_what_it_can),
		TEST(store__away__status_shows_this_nodes_ring),
	};

	return cmocka_run_group_tests_name("tool", tests, NULL, NULL);
}
