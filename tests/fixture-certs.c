#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fixture-certs.h"
#include "fixture-redis.h"

#define DAY_SECS (24L * 60 * 60)

void fixture_certs_init(struct fixture_certs *certs)
{
	(void)strcpy(certs->dir, "/tmp/dovering-certs.XXXXXX");
	assert_non_null(mkdtemp(certs->dir));
}

void fixture_certs_deinit(struct fixture_certs *certs)
{
	fixture_remove_folder(certs->dir);
}

const char *fixture_certs_path(const struct fixture_certs *certs,
			       const char *file)
{
	static char paths[8][128];
	static unsigned int next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", certs->dir, file);
	return path;
}

static FILE *cert_file(const struct fixture_certs *certs, const char *name,
		       const char *suffix, const char *mode)
{
	char file[64];
	FILE *f;

	(void)snprintf(file, sizeof(file), "%s.%s", name, suffix);
	f = fopen(fixture_certs_path(certs, file), mode);
	assert_non_null(f);
	return f;
}

static void cert_extend(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension;

	extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void cert_issuer(const struct fixture_certs *certs, const char *name,
			X509 **x509_r, EVP_PKEY **key_r)
{
	FILE *f = cert_file(certs, name, "crt", "r");

	*x509_r = PEM_read_X509(f, NULL, NULL, NULL);
	(void)fclose(f);
	f = cert_file(certs, name, "key", "r");
	*key_r = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	(void)fclose(f);
	assert_true(*x509_r != NULL && *key_r != NULL);
}

static void cert_sign(const struct fixture_certs *certs,
		      const struct fixture_cert *cert, X509 *x509,
		      EVP_PKEY *key)
{
	X509 *issuer;
	EVP_PKEY *issuer_key;

	if (cert->issuer == NULL) {
		cert_extend(x509, NID_basic_constraints, "critical,CA:TRUE");
		(void)X509_set_issuer_name(x509, X509_get_subject_name(x509));
		assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
		return;
	}
	cert_issuer(certs, cert->issuer, &issuer, &issuer_key);
	(void)X509_set_issuer_name(x509, X509_get_subject_name(issuer));
	assert_true(X509_sign(x509, issuer_key, EVP_sha256()) > 0);
	X509_free(issuer);
	EVP_PKEY_free(issuer_key);
}

void fixture_certs_make(const struct fixture_certs *certs,
			const struct fixture_cert *cert)
{
	static long serial;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	FILE *f;

	assert_true(key != NULL && x509 != NULL);
	(void)X509_set_version(x509, X509_VERSION_3);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
	(void)X509_gmtime_adj(X509_getm_notBefore(x509), -30 * DAY_SECS);
	(void)X509_gmtime_adj(X509_getm_notAfter(x509),
			      cert->days * DAY_SECS);
	(void)X509_set_pubkey(x509, key);
	(void)X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN",
					 MBSTRING_ASC,
					 (const unsigned char *)cert->name,
					 -1, -1, 0);
	if (cert->names != NULL)
		cert_extend(x509, NID_subject_alt_name, cert->names);
	cert_sign(certs, cert, x509, key);
	f = cert_file(certs, cert->name, "crt", "w");
	assert_int_equal(PEM_write_X509(f, x509), 1);
	assert_int_equal(fclose(f), 0);
	f = cert_file(certs, cert->name, "key", "w");
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL,
					      NULL), 1);
	assert_int_equal(fclose(f), 0);
	X509_free(x509);
	EVP_PKEY_free(key);
}
