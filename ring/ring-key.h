#ifndef RING_KEY_H
#define RING_KEY_H

/* Keys as text: one line, as they stand in key files.

	ed25519-secret BASE64
	ed25519-public BASE64

   Secret buffers belong to the caller, who takes them from sodium_malloc()
   and frees them with sodium_free(). */

#include "ring-record.h"

/* Room for either form with its newline and NUL. */
#define RING_KEY_TEXT_BYTES 128

void ring_key_generate(uint8_t secret[static RING_SECRET_KEY_BYTES],
		       uint8_t public[static RING_PUBLIC_KEY_BYTES]);
void ring_key_public(const uint8_t secret[static RING_SECRET_KEY_BYTES],
		     uint8_t public[static RING_PUBLIC_KEY_BYTES]);

void ring_key_print_secret(const uint8_t secret[static RING_SECRET_KEY_BYTES],
			   char text[static RING_KEY_TEXT_BYTES]);
void ring_key_print_public(const uint8_t public[static RING_PUBLIC_KEY_BYTES],
			   char text[static RING_KEY_TEXT_BYTES]);
/* A newline at the end may be missing. Return 0, or -1 with the error, which
   never holds any part of a key; the buffer is wiped then. */
int ring_key_parse_secret(const char *text, size_t size,
			  uint8_t secret[static RING_SECRET_KEY_BYTES],
			  struct ring_error *error)
	__attribute__((warn_unused_result));
int ring_key_parse_public(const char *text, size_t size,
			  uint8_t public[static RING_PUBLIC_KEY_BYTES],
			  struct ring_error *error)
	__attribute__((warn_unused_result));

#endif
