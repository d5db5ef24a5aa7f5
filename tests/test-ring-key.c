#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "ring-key.h"

#define PUBLIC_TEXT \
	"ed25519-public AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

static void secret__printed__parses_back(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	uint8_t again[RING_SECRET_KEY_BYTES];
	char text[RING_KEY_TEXT_BYTES];
	struct ring_error error;

	(void)state;
	ring_key_generate(secret, public);
	ring_key_print_secret(secret, text);
	assert_memory_equal(text, "ed25519-secret ", 15);
	assert_int_equal(strlen(text), 15 + 88 + 1);
	assert_int_equal(ring_key_parse_secret(text, strlen(text), again,
					       &error), 0);
	assert_memory_equal(secret, again, sizeof(secret));
	/* without its newline */
	assert_int_equal(ring_key_parse_secret(text, strlen(text) - 1, again,
					       &error), 0);
	ring_key_public(again, again);
	assert_memory_equal(public, again, sizeof(public));
}

static void public__printed__parses_back(void **state)
{
	uint8_t public[RING_PUBLIC_KEY_BYTES];
	char text[RING_KEY_TEXT_BYTES];
	struct ring_error error;

	(void)state;
	assert_int_equal(ring_key_parse_public(PUBLIC_TEXT,
					       strlen(PUBLIC_TEXT), public,
					       &error), 0);
	assert_int_equal(public[0], 1);
	assert_int_equal(public[31], 32);
	ring_key_print_public(public, text);
	assert_string_equal(text, PUBLIC_TEXT "\n");
}

static void generate__twice__gives_two_keys(void **state)
{
	uint8_t secret[2][RING_SECRET_KEY_BYTES];
	uint8_t public[2][RING_PUBLIC_KEY_BYTES];

	(void)state;
	ring_key_generate(secret[0], public[0]);
	ring_key_generate(secret[1], public[1]);
	assert_memory_not_equal(secret[0], secret[1], sizeof(secret[0]));
	assert_memory_not_equal(public[0], public[1], sizeof(public[0]));
}

static void public__malformed__is_refused_and_wiped(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", "line is empty, expected one line 'ed25519-public"},
		{"\n", "expected one line 'ed25519-public BASE64'"},
		{"ed25519-public", "line begins with something else"},
		{"ed25519-public ", "expected base64 of 32 bytes"},
		{"ed25519-public AAAA", "expected base64 of 32 bytes"},
		{"ed25519-publicx AAAA", "line begins with something else"},
		{" " PUBLIC_TEXT, "line begins with something else"},
		{PUBLIC_TEXT " ", "expected base64"},
		{PUBLIC_TEXT "\n\n", "expected base64"},
		{PUBLIC_TEXT "\r\n", "expected base64"},
		{PUBLIC_TEXT "\n" PUBLIC_TEXT, "expected base64"},
		{"ed25519-secret AAAA", "line begins with ed25519-secret"},
	};
	static const uint8_t zeros[RING_PUBLIC_KEY_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t public[RING_PUBLIC_KEY_BYTES] = {1};
		struct ring_error error;

		assert_int_equal(ring_key_parse_public(cases[i].text,
						       strlen(cases[i].text),
						       public, &error), -1);
		if (strstr(error.text, cases[i].expected) == NULL)
			fail_msg("%s: %s", cases[i].text, error.text);
		assert_memory_equal(public, zeros, sizeof(zeros));
	}
}

static void secret__altered__is_refused_and_not_shown(void **state)
{
	static const uint8_t zeros[RING_SECRET_KEY_BYTES];
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	char text[RING_KEY_TEXT_BYTES];
	struct ring_error error;

	(void)state;
	ring_key_generate(secret, public);
	/* the public half is not that of the secret any more */
	secret[40] ^= 1;
	ring_key_print_secret(secret, text);
	assert_int_equal(ring_key_parse_secret(text, strlen(text), secret,
					       &error), -1);
	assert_non_null(strstr(error.text, "damaged"));
	assert_memory_equal(secret, zeros, sizeof(zeros));

	text[60] = '*';
	assert_int_equal(ring_key_parse_secret(text, strlen(text), secret,
					       &error), -1);
	assert_null(strstr(error.text, "*"));
	assert_int_equal(ring_key_parse_public(text, strlen(text), public,
					       &error), -1);
	assert_null(strstr(error.text, "*"));
	assert_non_null(strstr(error.text, "begins with ed25519-secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret__printed__parses_back),
		cmocka_unit_test(public__printed__parses_back),
		cmocka_unit_test(generate__twice__gives_two_keys),
		cmocka_unit_test(public__malformed__is_refused_and_wiped),
		cmocka_unit_test(secret__altered__is_refused_and_not_shown),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
