#ifndef FIXTURE_CERTS_H
#define FIXTURE_CERTS_H

/* Certificates for one test: made anew, in a folder below /tmp. */

struct fixture_certs {
	char dir[64];
};

struct fixture_cert {
	const char *name;	/* of the files NAME.crt and NAME.key */
	const char *issuer;	/* NULL: an authority, signed by itself */
	const char *names;	/* "IP:127.0.0.1,DNS:localhost"; NULL: none */
	int days;		/* that it is valid; below 0: it was */
};

void fixture_certs_init(struct fixture_certs *certs);
void fixture_certs_deinit(struct fixture_certs *certs);
void fixture_certs_make(const struct fixture_certs *certs,
			const struct fixture_cert *cert);
/* Of "ca.crt" and the like; valid until the eighth call after this one. */
const char *fixture_certs_path(const struct fixture_certs *certs,
			       const char *file);

#endif
