#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixture-certs.h"
#include "fixture-client.h"
#include "fixture-redis.h"
#include "loop-poll.h"

static struct fixture_certs certs;

static const struct fixture_cert all_certs[] = {
	{ "ca", NULL, NULL, 30 },
	{ "other-ca", NULL, NULL, 30 },
	{ "server", "ca", "IP:127.0.0.1,DNS:localhost", 30 },
	{ "elsewhere", "ca", "IP:127.0.0.2,DNS:redis.example.com", 30 },
	/* its CN is the name that is asked for, and counts for nothing */
	{ "localhost", "ca", NULL, 30 },
	{ "expired", "ca", "IP:127.0.0.1", -1 },
	{ "client", "ca", NULL, 30 }
};

static int certs_setup(void **state)
{
	size_t i;

	(void)state;
	fixture_certs_init(&certs);
	for (i = 0; i < sizeof(all_certs) / sizeof(all_certs[0]); i++)
		fixture_certs_make(&certs, &all_certs[i]);
	return 0;
}

static int certs_teardown(void **state)
{
	(void)state;
	fixture_certs_deinit(&certs);
	fixture_threads_end();
	return 0;
}

/* A server with this certificate; the settings name it and its authority. */
static struct fixture_redis *
start(struct fixture_client *f, const char *cert, const char *auth_clients,
      const char *protocols)
{
	char port[16], crt[32], key[32];
	const char *options[] = {
		"--tls-port", port, "--tls-cert-file", NULL,
		"--tls-key-file", NULL, "--tls-ca-cert-file", NULL,
		"--tls-auth-clients", auth_clients, "--tls-protocols",
		protocols, NULL
	};
	unsigned int tls_port = fixture_free_port();

	(void)snprintf(port, sizeof(port), "%u", tls_port);
	(void)snprintf(crt, sizeof(crt), "%s.crt", cert);
	(void)snprintf(key, sizeof(key), "%s.key", cert);
	options[3] = fixture_certs_path(&certs, crt);
	options[5] = fixture_certs_path(&certs, key);
	options[7] = fixture_certs_path(&certs, "ca.crt");
	(void)snprintf(f->url, sizeof(f->url), "rediss://127.0.0.1:%u/0",
		       tls_port);
	f->settings.url = f->url;
	f->settings.ca_file = options[7];
	f->settings.connect_timeout_msecs = 10000;
	return fixture_redis_start(NULL, options);
}

static void use_localhost(struct fixture_client *f)
{
	unsigned int port = (unsigned int)strtoul(strrchr(f->url, ':') + 1,
						  NULL, 10);

	(void)snprintf(f->url, sizeof(f->url), "rediss://localhost:%u", port);
}

static void expect_refused(struct fixture_client *f, const char *words)
{
	fixture_client_begin(f);
	fixture_loop_until(f->loop, &f->connect_failed, words);
	if (strstr(f->texts, words) == NULL)
		fail_msg("expected '%s', got '%s'", words, f->texts);
	assert_int_equal(f->events[REDIS_CONNECTED], 0);
}

static void tls__right_address__connects(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_call call;

	(void)start(f, "server", "no", "TLSv1.2 TLSv1.3");
	fixture_client_connect(f);
	fixture_call(f, &call, 5000, "ECHO", "hello", NULL);
	fixture_call_wait(f, &call);
	assert_string_equal(call.text, "hello");
}

static void tls__right_name__connects(void **state)
{
	struct fixture_client *f = *state;

	(void)start(f, "server", "no", "TLSv1.2 TLSv1.3");
	use_localhost(f);
	fixture_client_connect(f);
}

static void tls__version_1_2__connects(void **state)
{
	struct fixture_client *f = *state;

	(void)start(f, "server", "no", "TLSv1.2");
	fixture_client_connect(f);
}

static void tls__large_values__go_both_ways(void **state)
{
	struct fixture_client *f = *state;
	size_t size = 4 * 1024 * 1024;
	char *value = calloc(1, size + 1);
	struct fixture_call set, length, get, last;

	assert_non_null(value);
	memset(value, 'x', size);
	(void)start(f, "server", "no", "TLSv1.2 TLSv1.3");
	fixture_client_connect(f);
	fixture_call(f, &set, 15000, "SET", "key", value, NULL);
	fixture_call(f, &length, 15000, "STRLEN", "key", NULL);
	fixture_call(f, &get, 15000, "GET", "key", NULL);
	fixture_call(f, &last, 15000, "ECHO", "last", NULL);
	free(value);
	fixture_call_wait(f, &last);
	assert_string_equal(last.text, "last");
	assert_int_equal(set.status, REDIS_OK);
	assert_int_equal(length.integer, size);
	assert_int_equal(get.status, REDIS_OK);
	assert_int_equal(f->events[REDIS_DISCONNECTED], 0);
}

static void tls__wrong_address__is_refused(void **state)
{
	(void)start(*state, "elsewhere", "no", "TLSv1.2 TLSv1.3");
	expect_refused(*state, "certificate is refused: IP address mismatch");
}

static void tls__wrong_name__is_refused(void **state)
{
	(void)start(*state, "elsewhere", "no", "TLSv1.2 TLSv1.3");
	use_localhost(*state);
	expect_refused(*state, "certificate is refused: hostname mismatch");
}

static void tls__name_only_as_common_name__is_refused(void **state)
{
	(void)start(*state, "localhost", "no", "TLSv1.2 TLSv1.3");
	use_localhost(*state);
	expect_refused(*state, "certificate is refused: hostname mismatch");
}

static void tls__unknown_authority__is_refused(void **state)
{
	struct fixture_client *f = *state;

	(void)start(f, "server", "no", "TLSv1.2 TLSv1.3");
	f->settings.ca_file = fixture_certs_path(&certs, "other-ca.crt");
	expect_refused(f, "certificate is refused: self-signed");
}

static void tls__authorities_of_the_system__do_not_know_it(void **state)
{
	struct fixture_client *f = *state;

	(void)start(f, "server", "no", "TLSv1.2 TLSv1.3");
	f->settings.ca_file = NULL;
	expect_refused(f, "certificate is refused: self-signed");
}

static void tls__expired__is_refused(void **state)
{
	(void)start(*state, "expired", "no", "TLSv1.2 TLSv1.3");
	expect_refused(*state, "certificate is refused: certificate has "
		       "expired");
}

static void tls__client_certificate_wanted_and_given__connects(void **state)
{
	struct fixture_client *f = *state;

	(void)start(f, "server", "yes", "TLSv1.2 TLSv1.3");
	f->settings.cert_file = fixture_certs_path(&certs, "client.crt");
	f->settings.key_file = fixture_certs_path(&certs, "client.key");
	fixture_client_connect(f);
}

static void tls__client_certificate_missing__is_refused(void **state)
{
	(void)start(*state, "server", "yes", "TLSv1.2 TLSv1.3");
	expect_refused(*state, "certificate required");
}

static void tls__server_without_tls__is_refused(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis = fixture_redis_start(NULL, NULL);

	(void)snprintf(f->url, sizeof(f->url), "rediss://127.0.0.1:%u",
		       redis->port);
	f->settings.url = f->url;
	f->settings.connect_timeout_msecs = 300;
	expect_refused(f, ": TLS: ");
}

static void tls__plain_client_at_tls_port__is_refused(void **state)
{
	struct fixture_client *f = *state;

	(void)start(f, "server", "no", "TLSv1.2 TLSv1.3");
	memmove(f->url + 5, f->url + 6, strlen(f->url + 6) + 1);
	f->settings.ca_file = NULL;
	expect_refused(f, "127.0.0.1:");
}

static void tls__silent_server__fails_in_time(void **state)
{
	const struct fixture_fake_settings silent = { .first = "" };
	struct fixture_client *f = *state;

	fixture_client_fake(f, &silent);
	(void)snprintf(f->url, sizeof(f->url), "rediss://127.0.0.1:%u",
		       fixture_fake_port(f->fake));
	f->settings.connect_timeout_msecs = 100;
	expect_refused(f, "TLS: the handshake did not end in time");
}

static void tls__server_killed__comes_back(void **state)
{
	struct fixture_client *f = *state;
	struct fixture_redis *redis;
	struct fixture_call call;

	redis = start(f, "server", "no", "TLSv1.2 TLSv1.3");
	fixture_client_connect(f);
	fixture_redis_kill(redis);
	fixture_loop_until(f->loop, &f->disconnected, "the end");
	fixture_redis_restart(redis);
	fixture_call(f, &call, 15000, "ECHO", "again", NULL);
	fixture_call_wait(f, &call);
	assert_string_equal(call.text, "again");
}

static void tls__sentinel_and_master__connects(void **state)
{
	struct fixture_client *f = *state;
	char lines[512];
	unsigned int port, master_port;

	(void)start(f, "server", "no", "TLSv1.2 TLSv1.3");
	master_port = (unsigned int)strtoul(strrchr(f->url, ':') + 1, NULL,
					    10);
	port = fixture_free_port();
	(void)snprintf(lines, sizeof(lines), "tls-port %u\n"
		       "tls-cert-file %s\ntls-key-file %s\n"
		       "tls-ca-cert-file %s\ntls-auth-clients no\n"
		       "tls-replication yes\n", port,
		       fixture_certs_path(&certs, "server.crt"),
		       fixture_certs_path(&certs, "server.key"),
		       fixture_certs_path(&certs, "ca.crt"));
	(void)fixture_sentinel_start_with(master_port, "mail", 1, 5000, NULL,
					  lines);
	(void)snprintf(f->url, sizeof(f->url),
		       "rediss+sentinel://localhost:%u/mail", port);
	fixture_client_connect(f);
}

static void expect_bad(struct fixture_client *f, const char *words)
{
	struct ring_error error;

	assert_int_equal(redis_client_init(f->loop, &f->settings, NULL,
					   &f->client, &error), -1);
	if (strstr(error.text, words) == NULL)
		fail_msg("expected '%s', got '%s'", words, error.text);
}

static void tls__bad_files__are_named_at_once(void **state)
{
	struct fixture_client *f = *state;

	f->settings.url = "rediss://127.0.0.1";
	f->settings.ca_file = fixture_certs_path(&certs, "ca.key");
	expect_bad(f, "store_ca_file: ");
	f->settings.ca_file = fixture_certs_path(&certs, "ca.crt");
	f->settings.cert_file = fixture_certs_path(&certs, "client.key");
	f->settings.key_file = fixture_certs_path(&certs, "client.key");
	expect_bad(f, "store_cert_file: ");
	f->settings.cert_file = fixture_certs_path(&certs, "client.crt");
	f->settings.key_file = fixture_certs_path(&certs, "server.key");
	expect_bad(f, "store_key_file: ");
	f->settings.key_file = fixture_certs_path(&certs, "none.key");
	expect_bad(f, "No such file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown( \
		name, fixture_client_setup, fixture_client_teardown)
		T(tls__right_address__connects),
		T(tls__right_name__connects),
		T(tls__version_1_2__connects),
		T(tls__large_values__go_both_ways),
		T(tls__wrong_address__is_refused),
		T(tls__wrong_name__is_refused),
		T(tls__name_only_as_common_name__is_refused),
		T(tls__unknown_authority__is_refused),
		T(tls__authorities_of_the_system__do_not_know_it),
		T(tls__expired__is_refused),
		T(tls__client_certificate_wanted_and_given__connects),
		T(tls__client_certificate_missing__is_refused),
		T(tls__server_without_tls__is_refused),
		T(tls__plain_client_at_tls_port__is_refused),
		T(tls__silent_server__fails_in_time),
		T(tls__server_killed__comes_back),
		T(tls__sentinel_and_master__connects),
		T(tls__bad_files__are_named_at_once),
#undef T
	};

	return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
