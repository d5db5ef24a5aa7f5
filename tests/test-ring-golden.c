/* What must never change: a node of any later version reads these records, and
   comes to the same tables and owners. If a test here fails, the change is
   wrong, not the vector. The signing key's seed is the bytes 1 to 32. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <sodium.h>

#include "ring-sample.h"

/* GOLDEN_DIR is the folder of the files. */
#define RECORD GOLDEN_DIR "/record-1.txt"
#define OWNERS GOLDEN_DIR "/owners-1.txt"

static char text[8192];
static size_t text_size;
static struct ring_record *record;
static struct ring *ring;

static int setup(void **state)
{
	struct ring_error error;
	FILE *file = fopen(RECORD, "rb");

	(void)state;
	if (file == NULL) {
		print_error("can't open %s\n", RECORD);
		return -1;
	}
	text_size = fread(text, 1, sizeof(text), file);
	fclose(file);
	if (ring_record_parse(text, text_size, &record, &error) < 0 ||
	    ring_build(record, &ring, &error) < 0) {
		print_error("%s:%u: %s\n", RECORD, error.line, error.text);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ring_free(&ring);
	ring_record_free(&record);
	return 0;
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *expected)
{
	char hex[2 * RING_SIGNATURE_BYTES + 1];

	sodium_bin2hex(hex, sizeof(hex), bytes, size);
	assert_string_equal(hex, expected);
}

static void record__printed__is_the_file(void **state)
{
	size_t size;
	char *printed = ring_record_print(record, &size);

	(void)state;
	assert_int_equal(size, text_size);
	assert_memory_equal(printed, text, size);
	free(printed);
}

static void record__read__has_these_values(void **state)
{
	const struct ring_host *host = ring_host(ring, "b3");
	const struct ring_node *node = ring_record_node(record, "b2");

	(void)state;
	assert_string_equal(record->cluster, "mail.example.com");
	assert_true(record->epoch == RING_EPOCH_MAX);
	assert_true(record->published_secs == 1763781234);
	assert_string_equal(record->publisher, "root@admin1.example.com");
	assert_int_equal(record->seed[0], 0xa0);
	assert_int_equal(record->previous[31], 0x5f);
	assert_int_equal(record->node_count, 4);
	assert_int_equal(record->host_count, 8);
	assert_int_equal(node->key_count, 2);
	assert_int_equal(node->keys[1][0], 0x30);
	assert_int_equal(ring_host_port(host, RING_PROTOCOL_IMAP), 2001);
	assert_int_equal(ring_host_port(host, RING_PROTOCOL_DOVEADM), 2006);
	assert_int_equal(ring_host(ring, "b2")->effective, 200500);
	assert_int_equal(ring_host(ring, "b4")->state, RING_HOST_DOWN);
}

static void record__digest__is_this(void **state)
{
	uint8_t digest[RING_DIGEST_BYTES];

	(void)state;
	ring_record_digest(record, digest);
	assert_hex(digest, sizeof(digest), "0ae0d62297e640adc1aa0b9cc00962d84"
		   "82f8bec8e7822a86cb4d5fc9f1ea343");
}

static void record__signature__is_by_this_key_and_made_again(void **state)
{
	uint8_t secret[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	struct ring_record *copy = ring_record_dup(record);
	uint8_t seed[crypto_sign_SEEDBYTES];
	struct ring_error error;

	(void)state;
	sample_bytes(seed, sizeof(seed), 1);
	crypto_sign_seed_keypair(public, secret, seed);
	assert_hex(public, sizeof(public), "79b5562e8fe654f94078b112e8a98ba79"
		   "01f853ae695bed7e0e3910bad049664");
	assert_int_equal(ring_record_verify(record, public, &error), 0);
	memset(copy->signature, 0, sizeof(copy->signature));
	ring_record_sign(copy, secret);
	assert_memory_equal(copy->signature, record->signature,
			    sizeof(copy->signature));
	ring_record_free(&copy);
}

static void table__digest__is_this(void **state)
{
	uint8_t digest[RING_DIGEST_BYTES];
	struct ring_error error;

	(void)state;
	ring_table_digest(ring, digest);
	assert_hex(digest, sizeof(digest), "80e46972b39b545c45e4ad835c5d166aa"
		   "75ec33874aec0e153c0b9727fdfef6a");
	assert_int_equal(ring_check_table(ring, &error), 0);
}

static void check_owner(const char *hex, const char *hash_text,
			const char *owner, const char *gold_owner)
{
	uint64_t hash, expected = strtoull(hash_text, NULL, 16);
	uint8_t key[256];
	size_t size = 0;

	if (strcmp(hex, "-") != 0)
		assert_int_equal(sodium_hex2bin(key, sizeof(key), hex,
						strlen(hex), NULL, &size,
						NULL), 0);
	hash = ring_hash(ring, key, size);
	if (hash != expected)
		fail_msg("key %s: hash %016"PRIx64", expected %s", hex, hash,
			 hash_text);
	assert_string_equal(ring_lookup(ring, hash, "")->name, owner);
	assert_string_equal(ring_lookup(ring, hash, "gold")->name,
			    gold_owner);
}

static void owners__each_key__are_these(void **state)
{
	char line[1024], hex[600], hash[20], owner[64], gold_owner[64];
	FILE *file = fopen(OWNERS, "r");
	unsigned int count = 0;

	(void)state;
	if (file == NULL)
		fail_msg("can't open %s", OWNERS);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%599s %19s %63s %63s", hex,
					hash, owner, gold_owner), 4);
		check_owner(hex, hash, owner, gold_owner);
		count++;
	}
	fclose(file);
	assert_int_equal(count, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record__printed__is_the_file),
		cmocka_unit_test(record__read__has_these_values),
		cmocka_unit_test(record__digest__is_this),
		cmocka_unit_test(
		record__signature__is_by_this_key_and_made_again),
		cmocka_unit_test(table__digest__is_this),
		cmocka_unit_test(owners__each_key__are_these),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
