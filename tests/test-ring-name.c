#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ring-sample.h"

static void name__letters_digits_and_marks__are_valid(void **state)
{
	char name[RING_NAME_MAX + 2];

	(void)state;
	assert_true(ring_name_is_valid("b1"));
	assert_true(ring_name_is_valid("B-1_x.example.COM"));
	memset(name, 'a', sizeof(name));
	name[RING_NAME_MAX] = '\0';
	assert_true(ring_name_is_valid(name));
	name[RING_NAME_MAX] = 'a';
	name[RING_NAME_MAX + 1] = '\0';
	assert_false(ring_name_is_valid(name));
}

static void name__any_other_byte__is_not(void **state)
{
	char name[] = "a?b";
	unsigned int byte;

	(void)state;
	assert_false(ring_name_is_valid(""));
	for (byte = 1; byte < 256; byte++) {
		const char *good = "abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

		name[1] = (char)byte;
		assert_int_equal(ring_name_is_valid(name),
				 strchr(good, (char)byte) != NULL);
	}
}

static void names__printed__parse_back(void **state)
{
	enum ring_host_state host_state;
	enum ring_protocol protocol;
	enum ring_role role;
	unsigned int i;

	(void)state;
	for (i = 0; i < RING_PROTOCOL_COUNT; i++) {
		assert_true(ring_protocol_parse(ring_protocol_name(i),
						&protocol));
		assert_int_equal(protocol, i);
	}
	for (i = RING_HOST_UP; i <= RING_HOST_DOWN; i++) {
		assert_true(ring_host_state_parse(ring_host_state_name(i),
						  &host_state));
		assert_int_equal(host_state, i);
	}
	for (i = RING_ROLE_DIRECTOR; i <= RING_ROLE_BACKEND; i++) {
		assert_true(ring_role_parse(ring_role_name(i), &role));
		assert_int_equal(role, i);
	}
}

static void names__unknown__leave_the_output_alone(void **state)
{
	enum ring_host_state host_state = RING_HOST_DRAIN;
	enum ring_protocol protocol = RING_PROTOCOL_LMTP;
	enum ring_role role = RING_ROLE_BACKEND;

	(void)state;
	assert_false(ring_protocol_parse("IMAP", &protocol));
	assert_false(ring_protocol_parse("", &protocol));
	assert_false(ring_host_state_parse("upp", &host_state));
	assert_false(ring_role_parse("direct", &role));
	assert_int_equal(protocol, RING_PROTOCOL_LMTP);
	assert_int_equal(host_state, RING_HOST_DRAIN);
	assert_int_equal(role, RING_ROLE_BACKEND);
}

static void port__own_or_none__is_own_or_the_standard(void **state)
{
	static const uint16_t standard[] = {143, 110, 24, 4190, 587, 24245};
	struct ring_host host;
	unsigned int i;

	(void)state;
	memset(&host, 0, sizeof(host));
	for (i = 0; i < RING_PROTOCOL_COUNT; i++) {
		assert_int_equal(ring_host_port(&host, i), standard[i]);
		host.ports[i] = 7;
		assert_int_equal(ring_host_port(&host, i), 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name__letters_digits_and_marks__are_valid),
		cmocka_unit_test(name__any_other_byte__is_not),
		cmocka_unit_test(names__printed__parse_back),
		cmocka_unit_test(names__unknown__leave_the_output_alone),
		cmocka_unit_test(port__own_or_none__is_own_or_the_standard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
