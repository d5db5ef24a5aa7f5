#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "ring-sample.h"

static struct ring_record *parse(const char *text, size_t size)
{
	struct ring_record *record;
	struct ring_error error;

	if (ring_record_parse(text, size, &record, &error) < 0)
		fail_msg("line %u: %s", error.line, error.text);
	return record;
}

/* One of everything. */
static struct ring_record *full_record(void)
{
	struct ring_record *record = sample_record();
	struct ring_error error;
	struct ring_host host;
	struct ring_node node;

	record->epoch = 7;
	record->published_secs = 1763781234;
	strcpy(record->publisher, "root@admin1");
	sample_bytes(record->previous, sizeof(record->previous), 0x40);
	sample_bytes(record->table_digest, sizeof(record->table_digest), 0x80);
	sample_node(record, "d1", "::1", RING_ROLE_DIRECTOR);
	node = *ring_record_node(record, "d1");
	node.key_count = 2;
	sample_bytes(node.keys[1], sizeof(node.keys[1]), 0xe0);
	assert_int_equal(ring_record_set_node(record, &node, &error), 0);

	sample_host(record, "b2", "10.0.0.2", 200, "big");
	sample_host(record, "b1", "2001:db8::1", 100, "");
	host = *ring_record_host(record, "b2");
	host.state = RING_HOST_DRAIN;
	host.effective = 200500;
	host.ports[RING_PROTOCOL_IMAP] = 1143;
	host.ports[RING_PROTOCOL_DOVEADM] = 1;
	/* the standard port, which no record holds */
	host.ports[RING_PROTOCOL_POP3] = 110;
	assert_int_equal(ring_record_set_host(record, &host, &error), 0);
	return record;
}

static void make_keys(uint8_t secret[static RING_SECRET_KEY_BYTES],
		      uint8_t public[static RING_PUBLIC_KEY_BYTES])
{
	uint8_t seed[crypto_sign_SEEDBYTES];

	sample_bytes(seed, sizeof(seed), 1);
	crypto_sign_seed_keypair(public, secret, seed);
}

static void print__full_record__gives_each_field_in_its_place(void **state)
{
	static const char expected[] =
		"dovering-ring 1\n"
		"cluster mail\n"
		"epoch 7\n"
		"previous 404142434445464748494a4b4c4d4e4f"
		"505152535455565758595a5b5c5d5e5f\n"
		"seed 000102030405060708090a0b0c0d0e0f\n"
		"published 1763781234 root@admin1\n"
		"node d1 [::1]:7420 director "
		"MTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1A= "
		"4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8=\n"
		"node n1 127.0.0.1:7420 backend "
		"MTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1A=\n"
		"host b1 2001:db8::1 up weight=100 node=n1\n"
		"host b2 10.0.0.2 drain weight=200 node=n1 effective=200500 "
		"tag=big imap=1143 doveadm=1\n"
		"table 808182838485868788898a8b8c8d8e8f"
		"909192939495969798999a9b9c9d9e9f\n";
	struct ring_record *record = full_record();
	size_t size;
	char *text = ring_record_print(record, &size);

	(void)state;
	assert_string_equal(text, expected);
	assert_int_equal(size, strlen(expected));
	free(text);
	ring_record_free(&record);
	assert_null(record);
}

static void parse__printed_record__gives_the_same_text(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	struct ring_record *record = full_record(), *again;
	size_t size, size_again;
	char *text, *text_again;

	(void)state;
	make_keys(secret, public);
	ring_record_sign(record, secret);
	text = ring_record_print(record, &size);
	again = parse(text, size);
	text_again = ring_record_print(again, &size_again);
	assert_string_equal(text, text_again);
	assert_int_equal(size, size_again);
	assert_true(again->is_signed);
	assert_int_equal(again->epoch, 7);
	assert_int_equal(ring_record_host(again, "b2")->effective, 200500);
	assert_int_equal(ring_record_host(again, "b2")->state,
			 RING_HOST_DRAIN);
	assert_int_equal(ring_record_node(again, "d1")->key_count, 2);
	free(text);
	free(text_again);
	ring_record_free(&record);
	ring_record_free(&again);
}

static void parse__empty_ring__is_a_record(void **state)
{
	uint8_t seed[RING_SEED_BYTES] = {0};
	struct ring_record *record = ring_record_new("mail", seed), *again;
	size_t size;
	char *text = ring_record_print(record, &size);

	(void)state;
	again = parse(text, size);
	assert_int_equal(again->host_count, 0);
	assert_int_equal(again->node_count, 0);
	assert_false(again->is_signed);
	free(text);
	ring_record_free(&record);
	ring_record_free(&again);
}

static void print__odd_publisher__still_parses(void **state)
{
	static const char *const odd[] = {
		"", "a b@c", "J\xc3\xb6rg@x", "line\nfeed@x", "\x7f@x"
	};
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct ring_record *record = sample_record(), *again;
		char *text;

		strcpy(record->publisher, odd[i]);
		text = ring_record_print(record, &size);
		again = parse(text, size);
		free(text);
		ring_record_free(&record);
		ring_record_free(&again);
	}
}

static void digest__signature_added__stays_and_else_changes(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	uint8_t before[RING_DIGEST_BYTES], after[RING_DIGEST_BYTES];
	struct ring_record *record = full_record();

	(void)state;
	make_keys(secret, public);
	ring_record_digest(record, before);
	ring_record_sign(record, secret);
	ring_record_digest(record, after);
	assert_memory_equal(before, after, sizeof(before));
	record->epoch++;
	ring_record_digest(record, after);
	assert_memory_not_equal(before, after, sizeof(before));
	ring_record_free(&record);
}

static void verify__right_key__is_good(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	struct ring_record *record = full_record();
	struct ring_error error;

	(void)state;
	make_keys(secret, public);
	ring_record_sign(record, secret);
	assert_int_equal(ring_record_verify(record, public, &error), 0);
	ring_record_free(&record);
}

static void verify__other_key_or_none__is_refused(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	struct ring_record *record = full_record();
	struct ring_error error;

	(void)state;
	make_keys(secret, public);
	assert_int_equal(ring_record_verify(record, public, &error), -1);
	assert_non_null(strstr(error.text, "not signed"));
	ring_record_sign(record, secret);
	public[3] ^= 1;
	assert_int_equal(ring_record_verify(record, public, &error), -1);
	assert_non_null(strstr(error.text, "ring_public_key_file"));
	ring_record_free(&record);
}

/* I6: whatever bit is turned, the text is refused by parser or signature. */
static void verify__any_bit_turned__is_refused(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	struct ring_record *record = full_record(), *altered;
	struct ring_error error;
	size_t size, bit;
	char *text;

	(void)state;
	make_keys(secret, public);
	ring_record_sign(record, secret);
	text = ring_record_print(record, &size);
	for (bit = 0; bit < 8 * size; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		if (ring_record_parse(text, size, &altered, &error) == 0) {
			if (ring_record_verify(altered, public, &error) == 0)
				fail_msg("bit %zu turned: still good", bit);
			ring_record_free(&altered);
		}
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
	free(text);
	ring_record_free(&record);
}

static void parse__cut_anywhere__is_refused_or_unsigned(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	struct ring_record *record = full_record(), *cut;
	struct ring_error error;
	size_t size, length;
	char *text;

	(void)state;
	make_keys(secret, public);
	ring_record_sign(record, secret);
	text = ring_record_print(record, &size);
	for (length = 0; length < size; length++) {
		/* memory of its own, so that a reader past its end is seen */
		char *copy = malloc(length + 1);

		assert_non_null(copy);
		memcpy(copy, text, length);
		copy[length] = 'x';
		if (ring_record_parse(copy, length, &cut, &error) == 0) {
			assert_false(cut->is_signed);
			ring_record_free(&cut);
		} else {
			assert_true(error.line > 0);
		}
		free(copy);
	}
	free(text);
	ring_record_free(&record);
}

static void dup__changed__leaves_the_first_alone(void **state)
{
	struct ring_record *record = full_record();
	struct ring_record *copy = ring_record_dup(record);

	(void)state;
	sample_host(copy, "b1", "10.0.0.9", 1, "");
	sample_host(copy, "b0", "10.0.0.8", 1, "");
	assert_int_equal(record->host_count, 2);
	assert_int_equal(copy->host_count, 3);
	assert_string_equal(ring_record_host(record, "b1")->address,
			    "2001:db8::1");
	ring_record_free(&record);
	ring_record_free(&copy);
}

static void set_host__any_order__keeps_them_sorted(void **state)
{
	struct ring_record *record = sample_record();
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		char name[8];

		snprintf(name, sizeof(name), "b%u", i * 37 % 100);
		sample_host(record, name, "10.0.0.1", i, "");
	}
	assert_int_equal(record->host_count, 100);
	for (i = 1; i < 100; i++)
		assert_true(strcmp(record->hosts[i - 1].name,
				   record->hosts[i].name) < 0);
	ring_record_free(&record);
}

static void set_host__default_given__is_stored_as_none(void **state)
{
	struct ring_record *record = full_record();
	struct ring_host host = *ring_record_host(record, "b1");
	struct ring_error error;

	(void)state;
	host.effective = 100 * RING_EFFECTIVE_UNIT;
	host.ports[RING_PROTOCOL_SIEVE] = 4190;
	assert_int_equal(ring_record_set_host(record, &host, &error), 0);
	assert_int_equal(ring_record_host(record, "b1")->effective, 0);
	assert_int_equal(ring_record_host(record, "b1")->ports
			 [RING_PROTOCOL_SIEVE], 0);
	ring_record_free(&record);
}

static void change_address(struct ring_host *host)
{
	strcpy(host->address, "mail.example.com");
}

static void change_spelling(struct ring_host *host)
{
	strcpy(host->address, "::0001");
}

static void change_name(struct ring_host *host)
{
	strcpy(host->name, "b 1");
}

static void change_weight(struct ring_host *host)
{
	host->weight = RING_WEIGHT_MAX + 1;
}

static void change_effective(struct ring_host *host)
{
	host->effective = UINT32_MAX;
}

static void change_effective_without_weight(struct ring_host *host)
{
	host->weight = 0;
	host->effective = 5;
}

static void change_tag(struct ring_host *host)
{
	strcpy(host->tag, "a=b");
}

static void change_node(struct ring_host *host)
{
	strcpy(host->node, "n/2");
}

static void change_node_to_director(struct ring_host *host)
{
	strcpy(host->node, "d1");
}

static void set_host__bad_value__is_named(void **state)
{
	static const struct {
		void (*change)(struct ring_host *host);
		const char *text;
	} cases[] = {
		{change_address, "address is 'mail.example.com'"},
		{change_spelling, "usual form '::1'"},
		{change_name, "host name is 'b 1'"},
		{change_weight, "weight is 10001"},
		{change_effective, "effective is 4294967295"},
		{change_effective_without_weight, "effective is 5"},
		{change_tag, "tag is 'a=b'"},
		{change_node, "node is 'n/2'"},
		{change_node_to_director, "node d1 is a director"},
	};
	struct ring_record *record = full_record();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ring_host host = *ring_record_host(record, "b1");
		struct ring_error error;

		cases[i].change(&host);
		assert_int_equal(ring_record_set_host(record, &host, &error),
				 -1);
		if (strstr(error.text, cases[i].text) == NULL)
			fail_msg("'%s' is not in: %s", cases[i].text,
				 error.text);
	}
	assert_int_equal(record->host_count, 2);
	ring_record_free(&record);
}

static void set_node__bad_value__is_named(void **state)
{
	struct ring_record *record = full_record();
	const struct ring_node good = *ring_record_node(record, "n1");
	struct ring_node node = good;
	struct ring_error error;

	(void)state;
	node.role = RING_ROLE_DIRECTOR;
	assert_int_equal(ring_record_set_node(record, &node, &error), -1);
	assert_non_null(strstr(error.text, "as long as host b1 names it"));
	node = good;
	node.port = 0;
	assert_int_equal(ring_record_set_node(record, &node, &error), -1);
	assert_non_null(strstr(error.text, "port is 0"));
	node = good;
	node.key_count = 0;
	assert_int_equal(ring_record_set_node(record, &node, &error), -1);
	assert_non_null(strstr(error.text, "has 0 keys"));
	node = good;
	node.key_count = 2;
	memcpy(node.keys[1], node.keys[0], sizeof(node.keys[0]));
	assert_int_equal(ring_record_set_node(record, &node, &error), -1);
	assert_non_null(strstr(error.text, "second key"));
	ring_record_free(&record);
}

static void change__signed_record__is_refused(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	struct ring_record *record = full_record();
	struct ring_host host = *ring_record_host(record, "b1");
	struct ring_node node = *ring_record_node(record, "n1");
	struct ring_error error;

	(void)state;
	make_keys(secret, public);
	ring_record_sign(record, secret);
	assert_int_equal(ring_record_set_host(record, &host, &error), -1);
	assert_int_equal(ring_record_set_node(record, &node, &error), -1);
	assert_int_equal(ring_record_remove_host(record, "b1", &error), -1);
	assert_int_equal(ring_record_remove_node(record, "d1", &error), -1);
	assert_non_null(strstr(error.text, "is signed"));
	ring_record_free(&record);
}

static void remove__host_and_node__needs_them_there_and_free(void **state)
{
	struct ring_record *record = full_record();
	struct ring_error error;

	(void)state;
	assert_int_equal(ring_record_remove_node(record, "n1", &error), -1);
	assert_non_null(strstr(error.text, "host b1"));
	assert_int_equal(ring_record_remove_host(record, "b1", &error), 0);
	assert_int_equal(ring_record_remove_host(record, "b1", &error), -1);
	assert_int_equal(ring_record_remove_host(record, "b2", &error), 0);
	assert_int_equal(ring_record_remove_node(record, "n1", &error), 0);
	assert_int_equal(ring_record_remove_node(record, "n1", &error), -1);
	assert_null(ring_record_node(record, "n1"));
	assert_non_null(ring_record_node(record, "d1"));
	ring_record_free(&record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		print__full_record__gives_each_field_in_its_place),
		cmocka_unit_test(parse__printed_record__gives_the_same_text),
		cmocka_unit_test(parse__empty_ring__is_a_record),
		cmocka_unit_test(print__odd_publisher__still_parses),
		cmocka_unit_test(
		digest__signature_added__stays_and_else_changes),
		cmocka_unit_test(verify__right_key__is_good),
		cmocka_unit_test(verify__other_key_or_none__is_refused),
		cmocka_unit_test(verify__any_bit_turned__is_refused),
		cmocka_unit_test(parse__cut_anywhere__is_refused_or_unsigned),
		cmocka_unit_test(dup__changed__leaves_the_first_alone),
		cmocka_unit_test(set_host__any_order__keeps_them_sorted),
		cmocka_unit_test(set_host__default_given__is_stored_as_none),
		cmocka_unit_test(set_host__bad_value__is_named),
		cmocka_unit_test(set_node__bad_value__is_named),
		cmocka_unit_test(change__signed_record__is_refused),
		cmocka_unit_test(
		remove__host_and_node__needs_them_there_and_free),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
