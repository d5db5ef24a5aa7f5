#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ring-error.h"

static void set__plain_text__is_kept_with_its_line(void **state)
{
	struct ring_error error;

	(void)state;
	ring_error_set(&error, 3, "setting %s is %d", "x", 7);
	assert_int_equal(error.line, 3);
	assert_string_equal(error.text, "setting x is 7");
}

static void set__odd_bytes__are_escaped(void **state)
{
	static const struct {
		const char *raw, *shown;
	} cases[] = {
		{"a\nb", "a\\x0ab"},
		{"a\tb\x1b[2J", "a\\x09b\\x1b[2J"},
		{"\x7f", "\\x7f"},
		{"J\xc3\xb6rg", "J\xc3\xb6rg"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
		{"\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7"},
		{"\xc3", "\\xc3"},
		{"\xc3(", "\\xc3("},
		{"\xe2\x82", "\\xe2\\x82"},
		{"\xff\xfe", "\\xff\\xfe"},
		/* a C1 control, which a terminal obeys */
		{"\xc2\x9b", "\\xc2\\x9b"},
		{"\xc0\xaf", "\\xc0\\xaf"},
	};
	struct ring_error error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ring_error_set(&error, 0, "%s", cases[i].raw);
		assert_string_equal(error.text, cases[i].shown);
	}
}

static void set__too_long__is_cut_between_characters(void **state)
{
	char raw[4 * RING_ERROR_MAX_BYTES];
	struct ring_error error;
	size_t i, length;

	(void)state;
	memset(raw, '\n', sizeof(raw) - 1);
	raw[sizeof(raw) - 1] = '\0';
	ring_error_set(&error, 0, "%s", raw);
	length = strlen(error.text);
	assert_true(length < sizeof(error.text));
	assert_int_equal(length % 4, 0);

	for (i = 0; i + 2 < sizeof(raw); i += 2)
		memcpy(raw + i, "\xc3\xb6", 2);
	raw[i] = '\0';
	ring_error_set(&error, 0, "x%s", raw);
	length = strlen(error.text);
	assert_true(length < sizeof(error.text));
	assert_int_equal(length % 2, 1);
	assert_int_equal((unsigned char)error.text[length - 1], 0xb6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set__plain_text__is_kept_with_its_line),
		cmocka_unit_test(set__odd_bytes__are_escaped),
		cmocka_unit_test(set__too_long__is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
