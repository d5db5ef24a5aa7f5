#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent-session.h"
#include "line.h"

/* -- An agent that is told what to answer, and when */

#define PENDING_MAX (AGENT_SESSION_ROUTES_MAX + 1)
static struct {
	agent_answer_callback_t *callback;
	void *context;
} pending[PENDING_MAX];
static unsigned int pending_count;
static const struct agent_answer *answer_at_once;
static char asked[2 * NODE_LINE_MAX_BYTES];

void agent_route(struct agent *agent, const struct agent_route *route,
		 agent_answer_callback_t *callback, void *context)
{
	(void)agent;
	snprintf(asked, sizeof(asked), "%.*s|%s|%s|%s|%s|%s|%s",
		 (int)route->user_size, route->user, route->service, route->tag,
		 route->host, route->peer, route->hop,
		 route->peek ? "peek" : "");
	if (answer_at_once != NULL) {
		callback(answer_at_once, context);
		return;
	}
	assert_true(pending_count < PENDING_MAX);
	pending[pending_count].callback = callback;
	pending[pending_count++].context = context;
}

static void answer(unsigned int index, const struct agent_answer *what)
{
	pending[index].callback(what, pending[index].context);
	pending[index].callback = NULL;
}

/* -- A peer */

static char said[64 * 1024];
static size_t said_size;
static unsigned int hellos;
static struct node_settings settings = {
	.node = (char *)"d1",
	.hold_timeout_msecs = 30000,
	.user_expire_secs = 900,
};

static void peer_output(const void *data, size_t size, void *context)
{
	assert_ptr_equal(context, said);
	assert_true(said_size + size < sizeof(said));
	memcpy(said + said_size, data, size);
	said_size += size;
	said[said_size] = '\0';
}

static void peer_passdb_seen(void *context)
{
	assert_ptr_equal(context, said);
	hellos++;
}

static void clear_said(void)
{
	said_size = 0;
	said[0] = '\0';
}

static struct agent_session *begin(enum agent_socket socket)
{
	const struct agent_session_params params = {
		.settings = &settings,
		.socket = socket,
		.output = peer_output,
		.passdb_seen = peer_passdb_seen,
		.context = said,
	};

	clear_said();
	pending_count = 0;
	answer_at_once = NULL;
	hellos = 0;
	return agent_session_init(&params);
}

static int say(struct agent_session *session, const char *text)
{
	struct ring_error error;

	return agent_session_input(session, text, strlen(text), &error);
}

#define VERSION "VERSION\tdovering-agent\t1\t0\n"
static struct agent_session *begin_ready(void)
{
	struct agent_session *session = begin(AGENT_SOCKET_AUTH);

	assert_int_equal(say(session, VERSION "HELLO\tpassdb\t123\n"), 0);
	clear_said();
	return session;
}

static const struct agent_answer proxy_b1 = {
	.kind = AGENT_PROXY, .host = "b1", .address = "10.0.0.1", .port = 143,
	.key = "bob", .key_size = 3, .generation = 17,
};
static const struct agent_answer pass = { .kind = AGENT_PASS };

/* -- Handshake */

static void version__at_start__is_sent(void **state)
{
	struct agent_session *session = begin(AGENT_SOCKET_MAIL);

	(void)state;
	assert_string_equal(said, VERSION);
	agent_session_deinit(&session);
	assert_null(session);
}

static void hello__of_a_passdb__is_answered_and_told(void **state)
{
	struct agent_session *session = begin(AGENT_SOCKET_AUTH);

	(void)state;
	clear_said();
	assert_int_equal(say(session, VERSION "HELLO\tpassdb\t123\n"), 0);
	assert_string_equal(said, "HELLO\td1\thold_timeout_msecs=30000\t"
			    "proxy_refresh_secs=60\n");
	assert_int_equal(hellos, 1);
	agent_session_deinit(&session);
}

static void hello__short_user_expire__refreshes_within_a_third(void **state)
{
	struct agent_session *session = begin(AGENT_SOCKET_AUTH);

	(void)state;
	settings.user_expire_secs = 30;
	assert_int_equal(say(session, VERSION "HELLO\tpassdb\t123\n"), 0);
	settings.user_expire_secs = 900;
	assert_non_null(strstr(said, "\tproxy_refresh_secs=10\n"));
	agent_session_deinit(&session);
}

/* What a peer may not say: the last line of it breaks the session. */
static const struct {
	enum agent_socket socket;
	const char *input, *fault;
} broken[] = {
	{ AGENT_SOCKET_AUTH, "HELLO\tpassdb\t1\n", "first line" },
	{ AGENT_SOCKET_AUTH, "\n", "first line" },
	{ AGENT_SOCKET_AUTH, "VERSION\tdovering-agent\t1\n", "first line" },
	{ AGENT_SOCKET_AUTH, "VERSION\tanvil\t1\t0\n", "first line" },
	{ AGENT_SOCKET_AUTH, "VERSION\tdovering-agent\t2\t0\n",
	  "protocol version 2 instead of 1" },
	{ AGENT_SOCKET_AUTH, "VERSION\tdovering-agent\t-1\t0\n", "first line" },
	{ AGENT_SOCKET_AUTH, VERSION "ROUTE\t1\tuser=bob\n",
	  "ROUTE before HELLO" },
	{ AGENT_SOCKET_AUTH, VERSION "HELLO\timap\t1\n", "no passdb" },
	{ AGENT_SOCKET_AUTH, VERSION "HELLO\tpassdb\n", "no passdb" },
	{ AGENT_SOCKET_AUTH,
	  VERSION "HELLO\tpassdb\t1\nHELLO\tpassdb\t1\n", "second time" },
	{ AGENT_SOCKET_AUTH, VERSION "HELLO\tpassdb\t1\nROUTE\n",
	  "ROUTE without a decimal id" },
	{ AGENT_SOCKET_AUTH, VERSION "HELLO\tpassdb\t1\nROUTE\t1x\tuser=bob\n",
	  "ROUTE without a decimal id" },
	{ AGENT_SOCKET_AUTH,
	  VERSION "HELLO\tpassdb\t1\nROUTE\t18446744073709551616\tuser=b\n",
	  "ROUTE without a decimal id" },
	{ AGENT_SOCKET_AUTH, VERSION "HELLO\tpassdb\t1\nROUTE\t1\n",
	  "ROUTE without user=" },
	{ AGENT_SOCKET_AUTH, VERSION "HELLO\tpassdb\t1\nROUTE\t1\tuser=\n",
	  "ROUTE without user=" },
	{ AGENT_SOCKET_AUTH,
	  VERSION "HELLO\tpassdb\t1\nROUTE\t1\tuser=a\0010b\n",
	  "field 3 has a NUL" },
	{ AGENT_SOCKET_AUTH, VERSION "HELLO\tpassdb\t1\nROUTE\t1\tuser=\001\n",
	  "field 3 has" },
	{ AGENT_SOCKET_AUTH, VERSION "EAT\t1\n", "unknown verb EAT" },
	{ AGENT_SOCKET_AUTH, VERSION "\n", "unknown verb" },
	{ AGENT_SOCKET_MAIL, VERSION "HELLO\tpassdb\t1\n",
	  "HELLO belongs to the socket dovering-auth" },
	{ AGENT_SOCKET_MAIL, VERSION "ADMIT\tbob\n",
	  "ADMIT without a decimal id" },
};

static void input__that_breaks_the_protocol__is_named_and_ends(void **state)
{
	struct ring_error error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct agent_session *session = begin(broken[i].socket);

		assert_int_equal(agent_session_input(session, broken[i].input,
			strlen(broken[i].input), &error), -1);
		assert_non_null(strstr(error.text, broken[i].fault));
		assert_non_null(strstr(said, "\nERROR\t"));
		assert_non_null(strstr(said, error.text));
		assert_int_equal(said[said_size - 1], '\n');
		/* and it stays so */
		clear_said();
		assert_int_equal(say(session, VERSION), -1);
		assert_string_equal(said, "");
		agent_session_deinit(&session);
	}
}

static void input__line_too_long__is_named_and_ends(void **state)
{
	struct agent_session *session = begin_ready();
	char chunk[1000];
	unsigned int i;

	(void)state;
	memset(chunk, 'x', sizeof(chunk) - 1);
	chunk[sizeof(chunk) - 1] = '\0';
	for (i = 0; i < 8; i++)
		assert_int_equal(say(session, chunk), 0);
	assert_int_equal(say(session, chunk), -1);
	assert_string_equal(said, "ERROR\ta line of more than 8192 bytes\n");
	agent_session_deinit(&session);
}

/* -- ROUTE */

static void route__answered_at_once__is_sent(void **state)
{
	struct agent_session *session = begin_ready();

	(void)state;
	answer_at_once = &proxy_b1;
	assert_int_equal(say(session, "ROUTE\t7\tuser=Bob\tservice=imap\ttag=t"
			     "\thost=b3\tpeer=192.0.2.1\thop=d2\tpeek\n"), 0);
	assert_string_equal(asked, "Bob|imap|t|b3|192.0.2.1|d2|peek");
	assert_string_equal(said, "PROXY\t7\thost=b1\taddress=10.0.0.1\t"
			    "port=143\tkey=bob\tgeneration=17\n");
	agent_session_deinit(&session);
}

static void route__with_less__asks_with_empty_fields(void **state)
{
	struct agent_session *session = begin_ready();

	(void)state;
	answer_at_once = &pass;
	assert_int_equal(say(session, "ROUTE\t0\tuser=a=b\tnew=thing\n"), 0);
	assert_string_equal(asked, "a=b||||||");
	assert_string_equal(said, "PASS\t0\n");
	agent_session_deinit(&session);
}

static void route__answered_in_other_order__ids_tell(void **state)
{
	struct agent_session *session = begin_ready();
	struct agent_answer local = proxy_b1, fail = { .kind = AGENT_FAIL };

	(void)state;
	local.kind = AGENT_LOCAL;
	fail.reason = "no host\ttakes users";
	assert_int_equal(say(session, "ROUTE\t1\tuser=a\nROUTE\t2\tuser=b\n"
			     "ROUTE\t18446744073709551615\tuser=c\n"), 0);
	assert_int_equal(pending_count, 3);
	answer(2, &fail);
	answer(0, &local);
	answer(1, &pass);
	assert_string_equal(said,
		"FAIL\t18446744073709551615\treason=no host\\x09takes users\n"
		"LOCAL\t1\tkey=bob\tgeneration=17\nPASS\t2\n");
	agent_session_deinit(&session);
}

static void route__port_unknown__is_left_out(void **state)
{
	struct agent_session *session = begin_ready();
	struct agent_answer proxy = proxy_b1;

	(void)state;
	proxy.port = 0;
	answer_at_once = &proxy;
	assert_int_equal(say(session, "ROUTE\t1\tuser=bob\n"), 0);
	assert_null(strstr(said, "port"));
	agent_session_deinit(&session);
}

static void route__user_of_odd_bytes__comes_and_goes_whole(void **state)
{
	static const char user[] = "a \"%{u}\"\t\n\r\001\xc3\xa9\xff=";
	struct agent_session *session = begin_ready();
	struct agent_answer proxy = proxy_b1;
	struct node_line_writer writer;
	struct node_line line;
	struct ring_error error;
	const char *key;
	size_t size;

	(void)state;
	proxy.key = user;
	proxy.key_size = strlen(user);
	answer_at_once = &proxy;
	node_line_begin(&writer, "ROUTE");
	node_line_add_str(&writer, "1");
	node_line_add_pair(&writer, "user", user, strlen(user));
	assert_true(node_line_end(&writer));
	assert_int_equal(agent_session_input(session, writer.buf, writer.size,
					     &error), 0);
	assert_memory_equal(asked, user, strlen(user));
	assert_int_equal(asked[strlen(user)], '|');
	assert_int_equal(node_line_parse(said, said_size - 1, &line, &error), 0);
	key = node_line_get(&line, 2, "key", &size);
	assert_int_equal(size, strlen(user));
	assert_memory_equal(key, user, size);
	agent_session_deinit(&session);
}

static void route__key_too_long_to_answer__fails(void **state)
{
	static char key[NODE_LINE_MAX_BYTES];
	struct agent_session *session = begin_ready();
	struct agent_answer proxy = proxy_b1;

	(void)state;
	proxy.key = key;
	proxy.key_size = sizeof(key);
	answer_at_once = &proxy;
	assert_int_equal(say(session, "ROUTE\t1\tuser=bob\n"), 0);
	assert_string_equal(said, "FAIL\t1\t"
			    "reason=the user's key is too long for a line\n");
	agent_session_deinit(&session);
}

static void route__too_many__each_is_refused_until_one_is_done(void **state)
{
	struct agent_session *session = begin_ready();
	unsigned int i;

	(void)state;
	for (i = 0; i < AGENT_SESSION_ROUTES_MAX; i++)
		assert_int_equal(say(session, "ROUTE\t1\tuser=bob\n"), 0);
	assert_string_equal(said, "");
	assert_int_equal(say(session, "ROUTE\t2\tuser=bob\n"), 0);
	assert_string_equal(said, "FAIL\t2\t"
			    "reason=too many requests under way\n");
	assert_int_equal(pending_count, AGENT_SESSION_ROUTES_MAX);
	answer(0, &pass);
	assert_int_equal(say(session, "ROUTE\t3\tuser=bob\n"), 0);
	assert_int_equal(pending_count, AGENT_SESSION_ROUTES_MAX + 1);
	agent_session_deinit(&session);
	for (i = 1; i < pending_count; i++)
		answer(i, &pass);
}

static void route__peer_gone__answer_goes_nowhere(void **state)
{
	struct agent_session *session = begin_ready();

	(void)state;
	assert_int_equal(say(session, "ROUTE\t1\tuser=a\nROUTE\t2\tuser=b\n"), 0);
	agent_session_deinit(&session);
	answer(1, &pass);
	answer(0, &proxy_b1);
	assert_string_equal(said, "");
}

static void route__session_broken_meanwhile__answer_goes_nowhere(void **state)
{
	struct agent_session *session = begin_ready();

	(void)state;
	assert_int_equal(say(session, "ROUTE\t1\tuser=a\n"), 0);
	assert_int_equal(say(session, "nonsense\n"), -1);
	clear_said();
	answer(0, &pass);
	assert_string_equal(said, "");
	agent_session_deinit(&session);
}

static void input__byte_by_byte__is_the_same(void **state)
{
	static const char input[] = VERSION "HELLO\tpassdb\t1\n"
		"ROUTE\t9\tuser=bob\tservice=pop3\n";
	struct agent_session *session = begin(AGENT_SOCKET_AUTH);
	struct ring_error error;
	size_t i;

	(void)state;
	answer_at_once = &pass;
	for (i = 0; i < sizeof(input) - 1; i++)
		assert_int_equal(agent_session_input(session, input + i, 1,
						     &error), 0);
	assert_string_equal(asked, "bob|pop3|||||");
	assert_non_null(strstr(said, "\nPASS\t9\n"));
	agent_session_deinit(&session);
}

/* -- Verbs by socket */

static void route__on_the_mail_socket__is_refused_by_name(void **state)
{
	struct agent_session *session = begin(AGENT_SOCKET_MAIL);

	(void)state;
	clear_said();
	assert_int_equal(say(session, VERSION "ROUTE\t4\tuser=bob\n"), 0);
	assert_string_equal(said, "FAIL\t4\treason=ROUTE belongs to the socket "
			    "dovering-auth, and this is dovering\n");
	assert_int_equal(pending_count, 0);
	agent_session_deinit(&session);
}

static void verbs__of_later_versions__are_refused_by_name(void **state)
{
	struct agent_session *session = begin(AGENT_SOCKET_MAIL);

	(void)state;
	clear_said();
	assert_int_equal(say(session, VERSION "ADMIT\t1\tuser=a\nMINT\t2\n"), 0);
	assert_string_equal(said,
		"FAIL\t1\treason=ADMIT is not supported by this version\n"
		"FAIL\t2\treason=MINT is not supported by this version\n");
	agent_session_deinit(&session);

	session = begin_ready();
	assert_int_equal(say(session, "VERIFY\t3\tticket=x\nADMIT\t4\n"), 0);
	assert_string_equal(said,
		"FAIL\t3\treason=VERIFY is not supported by this version\n"
		"FAIL\t4\treason=ADMIT belongs to the socket dovering, "
		"and this is dovering-auth\n");
	agent_session_deinit(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version__at_start__is_sent),
		cmocka_unit_test(hello__of_a_passdb__is_answered_and_told),
		cmocka_unit_test(hello__short_user_expire__refreshes_within_a_third),
		cmocka_unit_test(input__that_breaks_the_protocol__is_named_and_ends),
		cmocka_unit_test(input__line_too_long__is_named_and_ends),
		cmocka_unit_test(route__answered_at_once__is_sent),
		cmocka_unit_test(route__with_less__asks_with_empty_fields),
		cmocka_unit_test(route__answered_in_other_order__ids_tell),
		cmocka_unit_test(route__port_unknown__is_left_out),
		cmocka_unit_test(route__user_of_odd_bytes__comes_and_goes_whole),
		cmocka_unit_test(route__key_too_long_to_answer__fails),
		cmocka_unit_test(route__too_many__each_is_refused_until_one_is_done),
		cmocka_unit_test(route__peer_gone__answer_goes_nowhere),
		cmocka_unit_test(route__session_broken_meanwhile__answer_goes_nowhere),
		cmocka_unit_test(input__byte_by_byte__is_the_same),
		cmocka_unit_test(route__on_the_mail_socket__is_refused_by_name),
		cmocka_unit_test(verbs__of_later_versions__are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
