#ifndef NODE_SECRET_FILE_H
#define NODE_SECRET_FILE_H

/* Files that hold keys and passwords. One that others than its owner could
   read or change is refused, with the chmod that mends it; so is one that
   belongs neither to root nor to the caller. Contents live in sodium_malloc()
   memory only. */

#include <stddef.h>

#include "ring-record.h"

/* Each returns 0, or -1 with the error, which names `setting` and the path.
   Buffers come from sodium_malloc(); free them with sodium_free(). */

/* One line without its newline, NUL behind it. */
int node_secret_read_password(const char *setting, const char *path,
			      char **password_r, struct ring_error *error)
	__attribute__((warn_unused_result));
int node_secret_read_key(const char *setting, const char *path,
			 uint8_t **secret_r, struct ring_error *error)
	__attribute__((warn_unused_result));
/* A public key: anybody may read it, only root or the caller may own it, and
   nobody else write it. */
int node_public_read_key(const char *setting, const char *path,
			 uint8_t public[static RING_PUBLIC_KEY_BYTES],
			 struct ring_error *error)
	__attribute__((warn_unused_result));
/* Never replaces a file. Mode 0600 for a secret, 0644 for a public key; the
   folder must exist. */
int node_secret_write_key(const char *setting, const char *path,
			  const uint8_t secret[static RING_SECRET_KEY_BYTES],
			  struct ring_error *error)
	__attribute__((warn_unused_result));
int node_public_write_key(const char *setting, const char *path,
			  const uint8_t public[static RING_PUBLIC_KEY_BYTES],
			  struct ring_error *error)
	__attribute__((warn_unused_result));

#endif
