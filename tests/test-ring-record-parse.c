#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ring-sample.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define KEY_A "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define KEY_B "AgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICE="
#define SIGNATURE "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMk" \
	"JSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QA=="
#define NAME_63 "a23456789b123456789c123456789d12" \
	"3456789e123456789f123456789g123"

/* Lines of a good record, from 1. */
static const char *const good[] = {
	"dovering-ring 1",					/* 1 */
	"cluster mail",						/* 2 */
	"epoch 7",						/* 3 */
	"previous " ZEROS,					/* 4 */
	"seed 000102030405060708090a0b0c0d0e0f",		/* 5 */
	"published 1763781234 root@admin1",			/* 6 */
	"node b1 127.0.0.31:7420 backend " KEY_A,		/* 7 */
	"node d1 [::1]:7420 director " KEY_A " " KEY_B,		/* 8 */
	"host b1 127.0.0.31 up weight=100 node=b1",		/* 9 */
	"host b2 127.0.0.32 down weight=50 node=b1 effective=50500 "
	"tag=x imap=1143 pop3=1110 lmtp=25 sieve=1 submission=2 doveadm=3",
	"table " ZEROS,						/* 11 */
	"signature " SIGNATURE,					/* 12 */
};

#define GOOD_COUNT (sizeof(good) / sizeof(good[0]))

/* The good text with one line replaced; "" leaves it out. May hold more lines
   than one. 0 replaces none. */
static char *make_text(unsigned int line, const char *instead)
{
	char *text = calloc(1, 16384);
	size_t i;

	assert_non_null(text);
	for (i = 0; i < GOOD_COUNT; i++) {
		const char *source = i + 1 == line ? instead : good[i];

		strcat(text, source);
		if (*source != '\0')
			strcat(text, "\n");
	}
	return text;
}

struct fault {
	unsigned int line;
	const char *instead;
	/* 0 = the line replaced */
	unsigned int expected_line;
	const char *expected;
};

static const struct fault faults[] = {
	{1, "", 0, "'cluster', expected dovering-ring"},
	{1, "Dovering-ring 1", 0, "'Dovering-ring', expected dovering-ring"},
	{1, "dovering-ring 2", 0, "version is '2', expected 1"},
	{1, "dovering-ring 01", 0, "version is '01', expected 1"},
	{1, "dovering-ring", 0, "version is missing, expected 1"},
	{1, "dovering-ring 1 1", 0, "'1' is unknown"},
	{1, " dovering-ring 1", 0, "field 1 is empty"},
	{1, "dovering-ring  1", 0, "field 2 is empty"},
	{1, "dovering-ring 1 ", 0, "field 3 is empty"},
	{1, "dovering-ring\t1", 0, "byte 0x09 in column 14"},
	{1, "\xef\xbb\xbf" "dovering-ring 1", 0, "byte 0xef in column 1"},
	{1, "dovering-ring 1\r", 0, "byte 0x0d in column 16"},
	{1, "\ndovering-ring 1", 0, "field 1 is empty"},

	{2, "", 0, "'epoch', expected cluster"},
	{2, "cluster mail\ncluster mail", 3, "'cluster', expected epoch"},
	{2, "cluster", 0, "cluster: name is missing"},
	{2, "cluster a/b", 0, "name is 'a/b', expected 1 to 63 letters"},
	{2, "cluster " NAME_63 "4", 0, "name is 'a23456789b"},
	{2, "cluster m\xc3\xa4il", 0, "byte 0xc3 in column 10"},

	{3, "epoch 0", 0, "number is '0', expected 1 to 9007199254740991"},
	{3, "epoch -1", 0, "number is '-1', expected 1"},
	{3, "epoch +1", 0, "number is '+1', expected 1"},
	{3, "epoch 07", 0, "number is '07', expected 1"},
	{3, "epoch 7x", 0, "number is '7x', expected 1"},
	{3, "epoch 0x7", 0, "number is '0x7', expected 1"},
	{3, "epoch 9007199254740992", 0, "number is '9007199254740992'"},
	{3, "epoch 18446744073709551617", 0, "'18446744073709551617'"},

	{4, "previous 00", 0, "digest is '00', expected 64 hex digits"},
	{4, "previous A" ZEROS, 0, "expected 64 hex digits"},
	{5, "seed 000102030405060708090A0B0C0D0E0F", 0, "in lower case"},
	{5, "seed 000102030405060708090a0b0c0d0e0", 0, "expected 32 hex"},
	{5, "seed 000102030405060708090a0b0c0d0e0g", 0, "expected 32 hex"},
	{6, "published root@admin1", 0, "time is 'root@admin1', expected sec"},
	{6, "published 1763781234", 0, "publisher is missing, expected user@"},
	{6, "published 1 a b", 0, "'b' is unknown"},
	{6, "published 1 " ZEROS ZEROS, 0, "publisher is '000"},
	{6, "published 99999999999999999 a@b", 0, "time is '99999999999999999"},

	{7, "node", 0, "node: name is missing"},
	{7, "node b1", 0, "node: address is missing"},
	{7, "node b1 127.0.0.31:7420", 0, "node: role is missing"},
	{7, "node b1 127.0.0.31:7420 backend", 0, "node: key is missing"},
	{7, "node b! 127.0.0.31:7420 backend " KEY_A, 0, "name is 'b!'"},
	{7, "node b1 127.0.0.31 backend " KEY_A, 0, "expected IPV4:PORT"},
	{7, "node b1 127.0.0.31:0 backend " KEY_A, 0, "expected IPV4:PORT"},
	{7, "node b1 127.0.0.31:65536 backend " KEY_A, 0, "IPV4:PORT"},
	{7, "node b1 127.0.0.031:7420 backend " KEY_A, 0, "IPV4:PORT"},
	{7, "node b1 [127.0.0.31]:7420 backend " KEY_A, 0, "IPV4:PORT"},
	{7, "node b1 ::1:7420 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 [::01]:7420 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 [::A]:7420 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 [::1:7420 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 []:7420 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 [:7420 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 :7420 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 " ZEROS ":1 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 localhost:7420 backend " KEY_A, 0, "[IPV6]:PORT"},
	{7, "node b1 127.0.0.31:7420 proxy " KEY_A, 0, "director or backend"},
	{7, "node b1 127.0.0.31:7420 backend AAAA", 0, "key is 'AAAA', expec"},
	/* without padding; with bits set that decode to nothing */
	{7, "node b1 127.0.0.31:7420 backend AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYG"
	 "RobHB0eHyA", 0, "expected base64 of 32 bytes"},
	{7, "node b1 127.0.0.31:7420 backend AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYG"
	 "RobHB0eHyB=", 0, "expected base64 of 32 bytes"},
	{8, "node d1 [::1]:7420 director " KEY_A " " KEY_A, 0, "d1: second "
	 "key is the first one again"},
	{8, "node d1 [::1]:7420 director " KEY_A " x", 0, "second key is 'x'"},
	{8, "node d1 [::1]:7420 director " KEY_A " " KEY_B " x", 0,
	 "'x' is unknown"},
	{8, "node b1 [::1]:7420 director " KEY_A, 0, "node b1 is there twice"},
	{8, "node a1 [::1]:7420 director " KEY_A, 0, "node a1 comes after b1"},

	{9, "host", 0, "host: name is missing"},
	{9, "host b1", 0, "host: address is missing"},
	{9, "host b1 127.0.0.31", 0, "host: state is missing"},
	{9, "host b1 127.0.0.31 up", 0, "host: weight= is missing"},
	{9, "host b1 127.0.0.31 up weight=100", 0, "host: node= is missing"},
	{9, "host b/1 127.0.0.31 up weight=100 node=b1", 0, "name is 'b/1'"},
	{9, "host b1 b1.example.com up weight=100 node=b1", 0,
	 "address is 'b1.example.com', expected a numeric"},
	{9, "host b1 fe80::1%eth0 up weight=100 node=b1", 0, "'fe80::1%eth0'"},
	{9, "host b1 2001:DB8::1 up weight=1 node=b1", 0, "in its usual form"},
	{9, "host b1 ::ffff:1.2.3.4 up weight=1 node=b1", 0, "usual form"},
	{9, "host b1 127.0.0.31 UP weight=100 node=b1", 0, "state is 'UP'"},
	{9, "host b1 127.0.0.31 up weight= node=b1", 0, "weight is ''"},
	{9, "host b1 127.0.0.31 up weight=10001 node=b1", 0,
	 "weight is '10001', expected 0 to 10000"},
	{9, "host b1 127.0.0.31 up weight=1.5 node=b1", 0, "weight is '1.5'"},
	{9, "host b1 127.0.0.31 up weight=0100 node=b1", 0, "weight is '0100'"},
	{9, "host b1 127.0.0.31 up node=b1 weight=100", 0, "weight= is miss"},
	{9, "host b1 127.0.0.31 up weight=100 weight=100", 0, "node= is missi"},
	{9, "host b1 127.0.0.31 up weight=100 node=b/9", 0,
	 "node is 'b/9', expected 1 to 63 letters"},
	{9, "host b1 127.0.0.31 up weight=100 node=d1", 0,
	 "node d1 is a director, expected a backend"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 effective=100000", 0,
	 "effective is '100000', expected 1 to 20000000, and not 1000 times"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 effective=0", 0,
	 "effective is '0'"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 effective=20000001", 0,
	 "effective is '20000001'"},
	{9, "host b1 127.0.0.31 up weight=0 node=b1 effective=5", 0,
	 "effective is 5, expected none beside weight 0"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 tag=", 0, "tag is ''"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 tag=a=b", 0, "'a=b'"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 imap=143", 0,
	 "imap is '143', expected 1 to 65535, and not the standard port"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 imap=0", 0, "is '0'"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 lmtp=65536", 0,
	 "lmtp is '65536'"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 imap=1 imap=2", 0,
	 "'imap=2' is unknown, there twice or out of order"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 pop3=1 imap=2", 0,
	 "'imap=2' is unknown, there twice or out of order"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1 smtp=2", 0,
	 "'smtp=2' is unknown"},
	{9, "host b1 127.0.0.31 up weight=1 node=b1 1 2 3 4 5 6 7 8 9 0", 0,
	 "too many fields"},
	{9, "host b2 127.0.0.31 up weight=100 node=b1", 10, "b2 is there twi"},
	{9, "host c1 127.0.0.31 up weight=100 node=b1", 10, "b2 comes after"},
	{9, "host b1 127.0.0.31 up weight=100 node=b1\n"
	 "node e1 127.0.0.1:1 backend " KEY_A, 10,
	 "'node', expected host or table"},
	{9, "server b1", 0, "'server', expected node, host or table"},

	{11, "", 0, "'signature', expected host or table"},
	{11, "table", 0, "table: digest is missing"},
	{11, "table " ZEROS "0", 0, "expected 64 hex digits"},
	{11, "table " ZEROS "\ntable " ZEROS, 12, "'table', expected sig"},
	{12, "signature", 0, "signature: value is missing"},
	{12, "signature " KEY_A, 0, "expected base64 of 64 bytes"},
	{12, "signature " SIGNATURE "\nsignature " SIGNATURE, 13,
	 "'signature', expected nothing behind the signature"},
	{12, "signature " SIGNATURE "\nhost", 13, "'host', expected nothing"},
	{12, "signature " SIGNATURE "\n\n", 13, "field 1 is empty"},
	{12, "bye", 0, "'bye', expected signature or the end"},
};

static void check_fault(const struct fault *fault)
{
	char *text = make_text(fault->line, fault->instead);
	unsigned int line = fault->expected_line != 0 ? fault->expected_line :
		fault->line;
	struct ring_record *record;
	struct ring_error error;

	if (ring_record_parse(text, strlen(text), &record, &error) == 0)
		fail_msg("taken: %s", fault->instead);
	assert_null(record);
	if (strstr(error.text, fault->expected) == NULL)
		fail_msg("%s: line %u: %s; expected: %s", fault->instead,
			 error.line, error.text, fault->expected);
	if (error.line != line)
		fail_msg("%s: line %u, expected %u", fault->instead,
			 error.line, line);
	free(text);
}

static void parse__good_text__is_taken(void **state)
{
	char *text = make_text(0, "");
	struct ring_record *record;
	struct ring_error error;

	(void)state;
	if (ring_record_parse(text, strlen(text), &record, &error) < 0)
		fail_msg("line %u: %s", error.line, error.text);
	assert_int_equal(record->host_count, 2);
	assert_int_equal(ring_host_port(&record->hosts[1],
					RING_PROTOCOL_DOVEADM), 3);
	assert_int_equal(ring_host_port(&record->hosts[0],
					RING_PROTOCOL_DOVEADM), 24245);
	assert_string_equal(record->nodes[1].address, "::1");
	ring_record_free(&record);
	free(text);
}

static void parse__malformed_text__names_line_and_field(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		check_fault(&faults[i]);
}

static void parse__limits__are_taken(void **state)
{
	static const struct fault limits[] = {
		{2, "cluster " NAME_63, 0, ""},
		{3, "epoch 9007199254740991", 0, ""},
		{3, "epoch 1", 0, ""},
		{6, "published 0 x", 0, ""},
		{9, "host b1 127.0.0.31 up weight=0 node=b1", 0, ""},
		{9, "host b1 ::1 up weight=10000 node=b1 effective=20000000",
		 0, ""},
		{9, "host b1 127.0.0.31 up weight=1 node=b1 imap=65535", 0, ""},
		{10, "", 0, ""},
		{12, "", 0, ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		char *text = make_text(limits[i].line, limits[i].instead);
		struct ring_record *record;
		struct ring_error error;

		if (ring_record_parse(text, strlen(text), &record, &error) < 0)
			fail_msg("%s: %s", limits[i].instead, error.text);
		ring_record_free(&record);
		free(text);
	}
}

static void parse__nothing__says_what_it_misses(void **state)
{
	struct ring_record *record;
	struct ring_error error;

	(void)state;
	assert_int_equal(ring_record_parse(NULL, 0, &record, &error), -1);
	assert_int_equal(error.line, 1);
	assert_non_null(strstr(error.text, "ends here, expected dovering-r"));
}

static void parse__nul_byte__is_refused(void **state)
{
	static const char text[] = "dovering-ring 1\ncluster ma\0il\n";
	struct ring_record *record;
	struct ring_error error;

	(void)state;
	assert_int_equal(ring_record_parse(text, sizeof(text) - 1, &record,
					   &error), -1);
	assert_int_equal(error.line, 2);
	assert_non_null(strstr(error.text, "byte 0x00 in column 11"));
}

static void parse__no_newline_at_the_end__is_refused(void **state)
{
	char *text = make_text(0, "");
	struct ring_record *record;
	struct ring_error error;

	(void)state;
	assert_int_equal(ring_record_parse(text, strlen(text) - 1, &record,
					   &error), -1);
	assert_int_equal(error.line, 12);
	assert_non_null(strstr(error.text, "expected a newline"));
	free(text);
}

static void parse__too_many_bytes__is_refused_unread(void **state)
{
	struct ring_record *record;
	struct ring_error error;

	(void)state;
	/* the text is not looked at: it is not there */
	assert_int_equal(ring_record_parse("", RING_RECORD_MAX_BYTES + 1U,
					   &record, &error), -1);
	assert_non_null(strstr(error.text, "at most 4194304"));
}

/* A text with so many nodes, or so many hosts. */
static char *make_long_text(unsigned int nodes, unsigned int hosts)
{
	char *text = malloc(RING_RECORD_MAX_BYTES), *p = text;
	unsigned int i;

	assert_non_null(text);
	for (i = 0; i < 6; i++)
		p += sprintf(p, "%s\n", good[i]);
	for (i = 0; i < nodes; i++)
		p += sprintf(p, "node n%05u 10.0.0.1:1 backend %s\n", i, KEY_A);
	for (i = 0; i < hosts; i++)
		p += sprintf(p, "host h%05u 10.0.0.1 up weight=1 node=n00000\n",
			     i);
	sprintf(p, "%s\n", good[10]);
	return text;
}

static void parse__as_many_as_may_be__is_taken_and_one_more_refused(
	void **state)
{
	char *text = make_long_text(RING_NODES_MAX, RING_HOSTS_MAX);
	struct ring_record *record;
	struct ring_error error;

	(void)state;
	if (ring_record_parse(text, strlen(text), &record, &error) < 0)
		fail_msg("line %u: %s", error.line, error.text);
	ring_record_free(&record);
	free(text);

	text = make_long_text(RING_NODES_MAX + 1, 0);
	assert_int_equal(ring_record_parse(text, strlen(text), &record,
					   &error), -1);
	assert_int_equal(error.line, 6 + RING_NODES_MAX + 1);
	assert_non_null(strstr(error.text, "one node too many"));
	free(text);

	text = make_long_text(1, RING_HOSTS_MAX + 1);
	assert_int_equal(ring_record_parse(text, strlen(text), &record,
					   &error), -1);
	assert_int_equal(error.line, 7 + RING_HOSTS_MAX + 1);
	assert_non_null(strstr(error.text, "one host too many"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__good_text__is_taken),
		cmocka_unit_test(parse__malformed_text__names_line_and_field),
		cmocka_unit_test(parse__limits__are_taken),
		cmocka_unit_test(parse__nothing__says_what_it_misses),
		cmocka_unit_test(parse__nul_byte__is_refused),
		cmocka_unit_test(parse__no_newline_at_the_end__is_refused),
		cmocka_unit_test(parse__too_many_bytes__is_refused_unread),
		cmocka_unit_test(
		parse__as_many_as_may_be__is_taken_and_one_more_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
