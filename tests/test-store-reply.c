/* Replies that no Redis of ours gives: each has an answer, none is trusted. */

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "redis-hiredis.h"
#include "store-reply.h"

/* -- Replies by hand -- */

#define PARTS_MAX 8
static struct redisReply parts[PARTS_MAX];
static struct redisReply *elements[PARTS_MAX];

static struct redisReply string_reply(int type, const char *text)
{
	struct redisReply reply;

	memset(&reply, 0, sizeof(reply));
	reply.type = type;
	reply.str = (char *)(uintptr_t)text;
	reply.len = strlen(text);
	return reply;
}

/* Texts up to a NULL, as a script would answer them. */
static struct redisReply array_reply(const char *const *texts)
{
	struct redisReply reply;
	size_t n;

	memset(&reply, 0, sizeof(reply));
	reply.type = REDIS_REPLY_ARRAY;
	for (n = 0; texts[n] != NULL; n++) {
		parts[n] = string_reply(REDIS_REPLY_STRING, texts[n]);
		elements[n] = &parts[n];
	}
	reply.elements = n;
	reply.element = elements;
	return reply;
}

#define ARRAY(...) array_reply((const char *const []){ __VA_ARGS__, NULL })

/* -- Tests -- */

static void script__status_words__statuses(void **state)
{
	static const struct {
		const char *word;
		enum store_status status;
	} table[] = {
		{ "OK", STORE_OK }, { "NOTFOUND", STORE_NOTFOUND },
		{ "OLDER", STORE_OLDER }, { "CONFLICT", STORE_CONFLICT },
		{ "SPLIT", STORE_SPLIT }, { "BROKEN", STORE_BROKEN },
		{ "ok", STORE_BROKEN }, { "", STORE_BROKEN },
		{ "OK ", STORE_BROKEN },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct redisReply reply = ARRAY(table[i].word, "7");
		struct store_answer answer;

		store_answer_script(&answer, &reply);
		assert_int_equal(answer.status, table[i].status);
		assert_true((answer.error.text[0] == '\0') ==
			    (answer.status == STORE_OK));
	}
}

static void script__wrong_shape__broken(void **state)
{
	struct redisReply integer, empty, nested, text, nil;
	const struct redisReply *table[5];
	struct store_answer answer;
	unsigned int i;

	(void)state;
	integer = string_reply(REDIS_REPLY_INTEGER, "");
	text = string_reply(REDIS_REPLY_STRING, "OK");
	nil = string_reply(REDIS_REPLY_NIL, "");
	empty = array_reply((const char *const []){ NULL });
	table[0] = &integer;
	table[1] = &text;
	table[2] = &nil;
	table[3] = &empty;
	table[4] = NULL;
	for (i = 0; i < 5; i++) {
		store_answer_script(&answer, table[i]);
		assert_int_equal(answer.status, STORE_BROKEN);
		assert_string_not_equal(answer.error.text, "");
		assert_int_equal(answer.count, 0);
	}
	nested = ARRAY("OK");
	parts[0].type = REDIS_REPLY_INTEGER;
	store_answer_script(&answer, &nested);
	assert_int_equal(answer.status, STORE_BROKEN);
}

static void error__by_code__statuses(void **state)
{
	static const struct {
		const char *text;
		enum store_status status;
	} table[] = {
		{ "OOM command not allowed when used memory > 'maxmemory'.",
		  STORE_REFUSED },
		{ "ERR Error running script (call to f_1): @user_script:5: "
		  "-OOM command not allowed", STORE_REFUSED },
		{ "NOPERM this user has no permissions", STORE_REFUSED },
		{ "ERR The user executing the script can't run this command",
		  STORE_REFUSED },
		{ "ERR The user executing the script can't access at least "
		  "one of the keys", STORE_REFUSED },
		{ "READONLY You can't write against a read only replica.",
		  STORE_REFUSED },
		{ "NOREPLICAS Not enough good replicas", STORE_REFUSED },
		{ "MISCONF Redis is configured to save RDB", STORE_REFUSED },
		{ "LOADING Redis is loading the dataset", STORE_UNAVAILABLE },
		{ "BUSY Redis is busy running a script", STORE_UNAVAILABLE },
		{ "CLUSTERDOWN The cluster is down", STORE_UNAVAILABLE },
		{ "ERR unknown command", STORE_BROKEN },
		{ "ZOOM is no code", STORE_BROKEN },
		{ "", STORE_BROKEN },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct redisReply reply = string_reply(REDIS_REPLY_ERROR,
						       table[i].text);
		struct store_answer answer;

		store_answer_script(&answer, &reply);
		assert_int_equal(answer.status, table[i].status);
		assert_string_not_equal(answer.error.text, "");
	}
}

static void noscript__only_an_error__is_one(void **state)
{
	struct redisReply error = string_reply(REDIS_REPLY_ERROR,
					       "NOSCRIPT No matching script.");
	struct redisReply text = string_reply(REDIS_REPLY_STRING, "NOSCRIPT");

	(void)state;
	assert_true(store_reply_is_noscript(&error));
	assert_false(store_reply_is_noscript(&text));
	assert_false(store_reply_is_noscript(NULL));
}

static void none__lost_reply__uncertain_unless_a_read(void **state)
{
	struct store_answer answer;

	(void)state;
	store_answer_none(&answer, REDIS_UNCERTAIN, "", false);
	assert_int_equal(answer.status, STORE_UNCERTAIN);
	store_answer_none(&answer, REDIS_UNCERTAIN, "", true);
	assert_int_equal(answer.status, STORE_UNAVAILABLE);
	store_answer_none(&answer, REDIS_UNAVAILABLE, "no route\n", false);
	assert_int_equal(answer.status, STORE_UNAVAILABLE);
	assert_non_null(strstr(answer.error.text, "no route"));
	assert_null(strchr(answer.error.text, '\n'));
}

static void field_number__table__value_or_no(void **state)
{
	static const struct {
		const char *text;
		bool is_number;
		uint64_t value;
	} table[] = {
		{ "0", true, 0 }, { "7", true, 7 }, { "007", true, 7 },
		{ "9223372036854775808", true, 9223372036854775808ULL },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "", false, 0 }, { "-1", false, 0 }, { "+1", false, 0 },
		{ " 1", false, 0 }, { "1 ", false, 0 }, { "0x1", false, 0 },
		{ "1e3", false, 0 }, { "1.0", false, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct redisReply reply = ARRAY("OK", table[i].text);
		struct store_answer answer;
		uint64_t value = 0;

		store_answer_script(&answer, &reply);
		assert_true(store_field_number(&answer, 0, &value) ==
			    table[i].is_number);
		if (table[i].is_number)
			assert_true(value == table[i].value);
		assert_false(store_field_number(&answer, 1, &value));
	}
}

static void field__of_another_type__no(void **state)
{
	struct redisReply reply = ARRAY("OK", "7", "b1");
	struct store_answer answer;
	const char *text;
	uint64_t number;

	(void)state;
	parts[1].type = REDIS_REPLY_INTEGER;
	parts[2].len = 1;
	store_answer_script(&answer, &reply);
	assert_false(store_field_number(&answer, 0, &number));
	assert_false(store_field_text(&answer, 0, &text));
	/* a NUL before its end */
	parts[2].str = (char *)(uintptr_t)"b\0001";
	parts[2].len = 3;
	assert_false(store_field_text(&answer, 1, &text));
	assert_false(store_field_text(&answer, 2, &text));
}

static void field_epoch__table__value_or_no(void **state)
{
	char good[65], bad[65], shorter[64];
	struct store_epoch epoch;
	struct store_answer answer;
	struct redisReply reply;

	(void)state;
	memset(good, 'a', 64);
	good[64] = '\0';
	memcpy(bad, good, 65);
	bad[63] = 'g';
	memcpy(shorter, good, 63);
	shorter[63] = '\0';
	reply = ARRAY("OK", "7", good);
	store_answer_script(&answer, &reply);
	assert_true(store_field_epoch(&answer, 0, &epoch));
	assert_int_equal(epoch.epoch, 7);
	assert_int_equal(epoch.digest[31], 0xaa);
	reply = ARRAY("OK", "7", bad);
	store_answer_script(&answer, &reply);
	assert_false(store_field_epoch(&answer, 0, &epoch));
	reply = ARRAY("OK", "7", shorter);
	store_answer_script(&answer, &reply);
	assert_false(store_field_epoch(&answer, 0, &epoch));
	reply = ARRAY("OK", "7");
	store_answer_script(&answer, &reply);
	assert_false(store_field_epoch(&answer, 0, &epoch));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(script__status_words__statuses),
		cmocka_unit_test(script__wrong_shape__broken),
		cmocka_unit_test(error__by_code__statuses),
		cmocka_unit_test(noscript__only_an_error__is_one),
		cmocka_unit_test(none__lost_reply__uncertain_unless_a_read),
		cmocka_unit_test(field_number__table__value_or_no),
		cmocka_unit_test(field__of_another_type__no),
		cmocka_unit_test(field_epoch__table__value_or_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
