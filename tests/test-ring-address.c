#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ring-sample.h"

static void canonical__each_spelling__gives_the_usual_one(void **state)
{
	static const struct {
		const char *address, *canonical;
	} cases[] = {
		{"127.0.0.1", "127.0.0.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"0000:0000:0000:0000:0000:0000:0000:0000", "::"},
		{"2001:DB8::A", "2001:db8::a"},
		{"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		/* one zero word is not cut out, the longest run is */
		{"1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"},
		{"1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"},
		{"1:0:0:4:0:0:0:8", "1:0:0:4::8"},
		{"1:0:0:4:5:0:0:8", "1::4:5:0:0:8"},
		{"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
		{"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
		{"1:2:3:4:5:6::", "1:2:3:4:5:6::"},
		{"::ffff:10.0.0.1", "10.0.0.1"},
		{"::ffff:a00:1", "10.0.0.1"},
		{"64:ff9b::10.0.0.1", "64:ff9b::a00:1"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	char canonical[RING_ADDRESS_MAX + 1], again[RING_ADDRESS_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(ring_address_canonical(cases[i].address,
						   canonical));
		assert_string_equal(canonical, cases[i].canonical);
		assert_true(ring_address_canonical(canonical, again));
		assert_string_equal(canonical, again);
	}
}

static void canonical__no_address__is_refused(void **state)
{
	static const char *const cases[] = {
		"", " ", "localhost", "1", "1.2.3", "1.2.3.4.", "1.2.3.4.5",
		".1.2.3", "1..2.3", "256.1.1.1", "1.2.3.256", "01.2.3.4",
		"1.2.3.00", "0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4",
		"1.2.3.4444", ":", ":::", "1:", ":1", "1:2", "1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
		"::1:2:3:4:5:6:7:8", "1::2::3", "1:::2", "12345::", "g::",
		"::1%lo", "[::1]", "::1 ", "1.2.3.4::", "::1.2.3",
		"1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "::256.1.1.1",
		"127.0.0.1:143", "fe80::1/64", "-1::",
	};
	char canonical[RING_ADDRESS_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (ring_address_canonical(cases[i], canonical))
			fail_msg("'%s' was taken as %s", cases[i], canonical);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical__each_spelling__gives_the_usual_one),
		cmocka_unit_test(canonical__no_address__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
