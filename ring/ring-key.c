#include <string.h>
#include <sodium.h>

#include "ring-key.h"

#define SECRET_WORD "ed25519-secret"
#define PUBLIC_WORD "ed25519-public"

void ring_key_generate(uint8_t secret[static RING_SECRET_KEY_BYTES],
		       uint8_t public[static RING_PUBLIC_KEY_BYTES])
{
	crypto_sign_keypair(public, secret);
}

void ring_key_public(const uint8_t secret[static RING_SECRET_KEY_BYTES],
		     uint8_t public[static RING_PUBLIC_KEY_BYTES])
{
	crypto_sign_ed25519_sk_to_pk(public, secret);
}

/* Straight into the caller's memory, so that no copy has to be wiped. */
static void print_key(const char *word, const uint8_t *key, size_t size,
		      char *text)
{
	size_t used = strlen(word);

	memcpy(text, word, used);
	text[used++] = ' ';
	sodium_bin2base64(text + used, RING_KEY_TEXT_BYTES - used, key, size,
			  sodium_base64_VARIANT_ORIGINAL);
	strcat(text, "\n");
}

void ring_key_print_secret(const uint8_t secret[static RING_SECRET_KEY_BYTES],
			   char text[static RING_KEY_TEXT_BYTES])
{
	print_key(SECRET_WORD, secret, RING_SECRET_KEY_BYTES, text);
}

void ring_key_print_public(const uint8_t public[static RING_PUBLIC_KEY_BYTES],
			   char text[static RING_KEY_TEXT_BYTES])
{
	print_key(PUBLIC_WORD, public, RING_PUBLIC_KEY_BYTES, text);
}

static bool begins_with(const char *text, size_t size, const char *word)
{
	size_t length = strlen(word);

	return size > length && memcmp(text, word, length) == 0 &&
		text[length] == ' ';
}

/* Errors quote nothing of the text: a secret key may be anywhere in it. */
static int parse_key(const char *text, size_t size, const char *word,
		     const char *other, uint8_t *key, size_t key_size,
		     struct ring_error *error)
{
	size_t skip = strlen(word) + 1, got;

	if (size > 0 && text[size - 1] == '\n')
		size--;
	if (size == 0) {
		ring_error_set(error, 1, "line is empty, expected one line "
			       "'%s BASE64'", word);
		return -1;
	}
	if (!begins_with(text, size, word)) {
		ring_error_set(error, 1, "line begins with %s, expected one "
			       "line '%s BASE64'",
			       begins_with(text, size, other) ? other :
			       "something else", word);
		return -1;
	}
	if (sodium_base642bin(key, key_size, text + skip, size - skip, NULL,
			      &got, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    got != key_size) {
		ring_error_set(error, 1, "key behind '%s' is malformed, "
			       "expected base64 of %zu bytes and the end of "
			       "the line", word, key_size);
		return -1;
	}
	return 0;
}

/* A secret key holds its public half; a wrong one would make signatures that
   give the secret away. */
static bool halves_match(const uint8_t secret[static RING_SECRET_KEY_BYTES])
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	uint8_t again[RING_SECRET_KEY_BYTES], public[RING_PUBLIC_KEY_BYTES];
	bool match;

	crypto_sign_ed25519_sk_to_seed(seed, secret);
	crypto_sign_seed_keypair(public, again, seed);
	match = sodium_memcmp(again, secret, sizeof(again)) == 0;
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(again, sizeof(again));
	return match;
}

int ring_key_parse_secret(const char *text, size_t size,
			  uint8_t secret[static RING_SECRET_KEY_BYTES],
			  struct ring_error *error)
{
	int ret = parse_key(text, size, SECRET_WORD, PUBLIC_WORD, secret,
			    RING_SECRET_KEY_BYTES, error);

	if (ret == 0 && !halves_match(secret)) {
		ring_error_set(error, 1, "secret key is damaged: its halves "
			       "do not belong together");
		ret = -1;
	}
	if (ret < 0)
		sodium_memzero(secret, RING_SECRET_KEY_BYTES);
	return ret;
}

int ring_key_parse_public(const char *text, size_t size,
			  uint8_t public[static RING_PUBLIC_KEY_BYTES],
			  struct ring_error *error)
{
	int ret = parse_key(text, size, PUBLIC_WORD, SECRET_WORD, public,
			    RING_PUBLIC_KEY_BYTES, error);

	if (ret < 0)
		sodium_memzero(public, RING_PUBLIC_KEY_BYTES);
	return ret;
}
