#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct ring_error error;

static int parse(const char *text, struct node_settings **set_r)
{
	return node_settings_parse("d.conf", text, strlen(text), set_r, &error);
}

static void parse__nothing__defaults(void **state)
{
	struct node_settings *set;

	(void)state;
	assert_int_equal(parse("", &set), 0);
	assert_string_equal(set->cluster, "mail");
	assert_string_equal(set->node, "");
	assert_string_equal(set->host, "");
	assert_string_equal(set->store, "redis://127.0.0.1:6379/0");
	assert_string_equal(set->ring_public_key_file,
			    "/etc/dovering/ring.pub");
	assert_string_equal(set->state_dir, "/var/lib/dovering");
	assert_int_equal(set->user_expire_secs, 900);
	assert_int_equal(set->kick_delay_msecs, 2000);
	assert_int_equal(set->hold_timeout_msecs, 30000);
	assert_int_equal(set->on_store_failure, NODE_STORE_FAILURE_ROUTE);
	assert_int_equal(set->user_key, NODE_USER_KEY_USER);
	assert_int_equal(set->health_max_down_percent, 33);
	assert_int_equal(set->ticket_lifetime_secs, 300);
	assert_int_equal(set->ring_min_epoch, 0);
	node_settings_free(&set);
	assert_null(set);
}

static void parse__every_setting__read(void **state)
{
	static const char text[] =
		"# a comment\n"
		"\n"
		"cluster=prod\n"
		"  node =\tb1\t# the node's name\n"
		"host = b1\r\n"
		"store = rediss+sentinel://10.0.0.1:26379,10.0.0.2:26379/m#1\n"
		"store_user = dovering\n"
		"store_password_file = /etc/dovering/password\n"
		"store_ca_file = /etc/dovering/my ca.pem\n"
		"store_cert_file = /c\n"
		"store_key_file = /k\n"
		"ring_public_key_file = /r.pub\n"
		"ring_secret_key_file = /r.key\n"
		"node_secret_key_file = /n.key\n"
		"state_dir = /s\n"
		"user_expire = 1 hour\n"
		"kick_delay = 500 msecs\n"
		"hold_timeout = 15secs\n"
		"on_store_failure = failsafe\n"
		"user_key = %Ld\n"
		"health_interval = 250ms\n"
		"health_fail_count = 5\n"
		"health_pass_count = 4\n"
		"health_max_down = 25 %\n"
		"health_user = probe\n"
		"health_password_file = /p\n"
		"director = imap+starttls://d.example.com:143\n"
		"ticket_lifetime = 90 secs\n"
		"agent_listen = [2001:db8::1]:7420\n"
		"ring_min_epoch = 9007199254740991\n"
		"flush_command = /bin/flush --all\n"
		"ticket_networks =";
	struct node_settings *set;

	(void)state;
	assert_int_equal(parse(text, &set), 0);
	assert_string_equal(set->cluster, "prod");
	assert_string_equal(set->node, "b1");
	assert_string_equal(set->host, "b1");
	assert_string_equal(set->store, "rediss+sentinel://10.0.0.1:26379,"
			    "10.0.0.2:26379/m#1");
	assert_string_equal(set->store_ca_file, "/etc/dovering/my ca.pem");
	assert_int_equal(set->user_expire_secs, 3600);
	assert_int_equal(set->kick_delay_msecs, 500);
	assert_int_equal(set->hold_timeout_msecs, 15000);
	assert_int_equal(set->on_store_failure, NODE_STORE_FAILURE_FAILSAFE);
	assert_int_equal(set->user_key, NODE_USER_KEY_DOMAIN);
	assert_int_equal(set->health_interval_msecs, 250);
	assert_int_equal(set->health_fail_count, 5);
	assert_int_equal(set->health_pass_count, 4);
	assert_int_equal(set->health_max_down_percent, 25);
	assert_int_equal(set->ticket_lifetime_secs, 90);
	assert_string_equal(set->agent_listen, "[2001:db8::1]:7420");
	assert_true(set->ring_min_epoch == 9007199254740991ULL);
	assert_string_equal(set->flush_command, "/bin/flush --all");
	assert_string_equal(set->ticket_networks, "");
	node_settings_free(&set);
}

static void parse__broken__names_file_line_and_setting(void **state)
{
	static const struct {
		const char *text, *begin;
	} tests[] = {
		{"node = a\nnod = b", "d.conf:2: nod: there is no such"},
		{"Node = a", "d.conf:1: Node: there is no such"},
		{"node = a\n# x\nnode = a", "d.conf:3: node: given twice, "
		 "first on line 1"},
		{"node", "d.conf:1: expected name = value, not \"node\""},
		{"= a", "d.conf:1: expected name = value, not \"= a\""},
		{"cluster =", "d.conf:1: cluster: expected"},
		{"node = a b", "d.conf:1: node: expected"},
		{"cluster =", "d.conf:1: cluster: expected"},
		{"host = a/b", "d.conf:1: host: expected"},
		{"store = http://x", "d.conf:1: store: expected redis://"},
		{"store = redis://", "d.conf:1: store: expected"},
		{"state_dir = var", "d.conf:1: state_dir: expected an abs"},
		{"state_dir =", "d.conf:1: state_dir: expected an absolute"},
		{"user_expire = 15", "d.conf:1: user_expire: expected"},
		{"user_expire = 0", "d.conf:1: user_expire: expected"},
		{"user_expire = 1500 msecs", "d.conf:1: user_expire: expected"},
		{"user_expire = -1 mins", "d.conf:1: user_expire: expected"},
		{"user_expire = 8 days", "d.conf:1: user_expire: expected"},
		{"hold_timeout = 999 ms", "d.conf:1: hold_timeout: expected"},
		{"hold_timeout = 3601 secs", "d.conf:1: hold_timeout: "},
		{"hold_timeout = 2 parsecs", "d.conf:1: hold_timeout: "},
		{"hold_timeout = 18446744073709551616 ms",
		 "d.conf:1: hold_timeout: expected"},
		{"hold_timeout = 18446744073709551 days",
		 "d.conf:1: hold_timeout: expected"},
		{"on_store_failure = no", "d.conf:1: on_store_failure: "
		 "expected route, refuse or failsafe, not \"no\""},
		{"user_key = %u", "d.conf:1: user_key: expected %Lu"},
		{"health_fail_count = 3x", "d.conf:1: health_fail_count: "},
		{"health_fail_count = 3%", "d.conf:1: health_fail_count: "},
		{"health_fail_count = 0", "d.conf:1: health_fail_count: "},
		{"health_max_down = 101%", "d.conf:1: health_max_down: "},
		{"ring_min_epoch = 9007199254740992",
		 "d.conf:1: ring_min_epoch: expected"},
		{"ring_min_epoch = 1%", "d.conf:1: ring_min_epoch: expected"},
		{"director = 10.0.0.1", "d.conf:1: director: expected imap://"},
		{"agent_listen = 7420", "d.conf:1: agent_listen: expected"},
		{"agent_listen = a:1", "d.conf:1: agent_listen: expected"},
		{"agent_listen = 10.0.0.1:0", "d.conf:1: agent_listen: "},
		{"agent_listen = 10.0.0.1:65536", "d.conf:1: agent_listen: "},
		{"agent_listen = ::1:80", "d.conf:1: agent_listen: expected"},
		{"agent_listen = [10.0.0.1]:80", "d.conf:1: agent_listen: "},
		{"agent_listen = []:80", "d.conf:1: agent_listen: expected"},
		{"node = a\n\001", "d.conf:2: byte \\x01 in column 1"},
		{"node = a\nstore_user = x\n", "d.conf:2: store_user: needs"},
		{"node = a\nstore_cert_file = /x\n",
		 "d.conf:2: store_cert_file: needs"},
		{"node = a\nstore_key_file = /x\n",
		 "d.conf:2: store_key_file: needs"},
		{"store_ca_file = /x\nnode = a\n",
		 "d.conf:1: store_ca_file: expected a store by TLS"},
	};
	struct node_settings *set;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(tests); i++) {
		assert_int_equal(parse(tests[i].text, &set), -1);
		if (strncmp(error.text, tests[i].begin,
			    strlen(tests[i].begin)) != 0)
			fail_msg("expected \"%s\", not \"%s\"", tests[i].begin,
				 error.text);
		assert_int_equal(error.line, strtoul(tests[i].begin + 7, NULL,
						     10));
	}
}

static void parse__nul_byte__refused(void **state)
{
	struct node_settings *set;

	(void)state;
	assert_int_equal(node_settings_parse("d.conf", "node = a\0b", 10, &set,
					     &error), -1);
	assert_string_equal(error.text, "d.conf:1: byte \\x00 in column 9: "
			    "expected text");
}

static char dir[] = "/tmp/dovering-test-XXXXXX";
static char path[sizeof(dir) + 16];

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/d.conf", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void write_file(const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void read__file__its_settings(void **state)
{
	struct node_settings *set;

	(void)state;
	write_file("node = d7\n", 0644);
	assert_int_equal(node_settings_read(path, &set, &error), 0);
	assert_string_equal(set->node, "d7");
	node_settings_free(&set);
}

static void read__writable_by_others__refused_with_the_chmod(void **state)
{
	struct node_settings *set;

	(void)state;
	write_file("node = d7\n", 0664);
	assert_int_equal(node_settings_read(path, &set, &error), -1);
	assert_non_null(strstr(error.text, "chmod go-w /tmp/dovering-test-"));
}

static void read__no_file__names_it(void **state)
{
	struct node_settings *set;

	(void)state;
	(void)unlink(path);
	assert_int_equal(node_settings_read(path, &set, &error), -1);
	assert_non_null(strstr(error.text, path));
	assert_non_null(strstr(error.text, "No such file"));
	assert_int_equal(node_settings_read(dir, &set, &error), -1);
	assert_non_null(strstr(error.text, "not a regular file"));
}

static void user_key__kinds__normalise(void **state)
{
	static const struct {
		enum node_user_key kind;
		const char *user, *key;
	} tests[] = {
		{NODE_USER_KEY_USER, "Bob@Example.COM", "bob@example.com"},
		{NODE_USER_KEY_USER, "", ""},
		{NODE_USER_KEY_NAME, "Bob@Example.COM", "bob"},
		{NODE_USER_KEY_NAME, "Bob", "bob"},
		{NODE_USER_KEY_NAME, "@X", "@x"},
		{NODE_USER_KEY_NAME, "A@b@C", "a"},
		{NODE_USER_KEY_DOMAIN, "Bob@Example.COM", "example.com"},
		{NODE_USER_KEY_DOMAIN, "Bob", "bob"},
		{NODE_USER_KEY_DOMAIN, "Bob@", "bob@"},
		{NODE_USER_KEY_DOMAIN, "A@b@C", "b@c"},
		{NODE_USER_KEY_USER, "J\303\226RG %{u} \"\t\n\377",
		 "j\303\226rg %{u} \"\t\n\377"},
	};
	char buf[64];
	size_t i, size;

	(void)state;
	for (i = 0; i < COUNT(tests); i++) {
		size = node_user_key(tests[i].kind, tests[i].user,
				     strlen(tests[i].user), buf);
		assert_string_equal(buf, tests[i].key);
		assert_int_equal(size, strlen(tests[i].key));
	}
}

static void user_key__nul_inside__kept(void **state)
{
	char buf[4];

	(void)state;
	assert_int_equal(node_user_key(NODE_USER_KEY_USER, "A\0B", 3, buf), 3);
	assert_memory_equal(buf, "a\0b", 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__nothing__defaults),
		cmocka_unit_test(parse__every_setting__read),
		cmocka_unit_test(parse__broken__names_file_line_and_setting),
		cmocka_unit_test(parse__nul_byte__refused),
		cmocka_unit_test(read__file__its_settings),
		cmocka_unit_test(
			read__writable_by_others__refused_with_the_chmod),
		cmocka_unit_test(read__no_file__names_it),
		cmocka_unit_test(user_key__kinds__normalise),
		cmocka_unit_test(user_key__nul_inside__kept),
	};

	return cmocka_run_group_tests_name("settings", tests, setup, teardown);
}
