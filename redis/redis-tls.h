#ifndef REDIS_TLS_H
#define REDIS_TLS_H

/* TLS to a server whose certificate is checked, chain and name, or to none:
   there is no way to switch that off. TLS 1.2 is the oldest.

   The name is the host as it was given, or as Sentinel gave it: a DNS name or
   an IP address among the certificate's subject alternative names. */

#include <stddef.h>
#include <sys/types.h>

#include "ring-error.h"

struct redis_tls;
struct redis_tls_session;

/* The files are read now; NULL for the system's authorities, and for no
   client certificate. Returns 0, or -1 with the error, which names the
   setting. */
int redis_tls_init(const char *ca_file, const char *cert_file,
		   const char *key_file, struct redis_tls **tls_r,
		   struct ring_error *error)
	__attribute__((warn_unused_result));
void redis_tls_deinit(struct redis_tls **tls);

/* fd stays the caller's, and open until the session's end. */
struct redis_tls_session *
redis_tls_session_init(struct redis_tls *tls, int fd, const char *host);
void redis_tls_session_deinit(struct redis_tls_session **session);

enum redis_tls_result {
	REDIS_TLS_DONE,
	REDIS_TLS_WANT_READ,
	REDIS_TLS_WANT_WRITE,
	REDIS_TLS_ERROR	/* see redis_tls_session_error() */
};

enum redis_tls_result redis_tls_handshake(struct redis_tls_session *session);
/* Return the bytes moved; 0 if there is nothing to do now; -1 if it is over:
   see redis_tls_session_error(). Reading must go on until 0 comes. */
ssize_t redis_tls_read(struct redis_tls_session *session, char *bytes,
		       size_t size);
ssize_t redis_tls_write(struct redis_tls_session *session, const char *bytes,
			size_t size);
/* In words; valid until the next call with the session. */
const char *redis_tls_session_error(const struct redis_tls_session *session);

#endif
