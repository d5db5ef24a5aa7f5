#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "memory.h"
#include "redis-socket.h"
#include "redis-tls.h"

struct redis_tls {
	SSL_CTX *ctx;
	BIO_METHOD *method;
};

struct redis_tls_session {
	SSL *ssl;
	int fd;
	struct ring_error error;
};

/* OpenSSL's own socket BIO would raise SIGPIPE, and a library must not tell
   its process how to take signals. */
static int bio_write(BIO *bio, const char *bytes, int size)
{
	struct redis_tls_session *session = BIO_get_data(bio);
	ssize_t ret = redis_socket_write(session->fd, bytes, (size_t)size);

	BIO_clear_retry_flags(bio);
	if (ret == 0) {
		BIO_set_retry_write(bio);
		return -1;
	}
	return (int)ret;
}

static int bio_read(BIO *bio, char *bytes, int size)
{
	struct redis_tls_session *session = BIO_get_data(bio);
	ssize_t ret = redis_socket_read(session->fd, bytes, (size_t)size);

	BIO_clear_retry_flags(bio);
	if (ret == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	return ret < 0 && errno == 0 ? 0 : (int)ret;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static void tls_error(struct ring_error *error, const char *setting,
		      const char *file)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = NULL;

	if (code != 0)
		reason = ERR_SYSTEM_ERROR(code) ?
			strerror(ERR_GET_REASON(code)) :
			ERR_reason_error_string(code);
	/* the file's absence hides behind "system lib" and the like */
	if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SYS)
		reason = strerror(ERR_GET_REASON(ERR_peek_error()));
	ring_error_set(error, 0, "%s: %s: %s", setting, file,
		       reason == NULL ? "not PEM, or not readable" : reason);
	ERR_clear_error();
}

static bool is_set(const char *setting)
{
	return setting != NULL && *setting != '\0';
}

static int tls_load_ca(struct redis_tls *tls, const char *ca_file,
		       struct ring_error *error)
{
	if (!is_set(ca_file)) {
		if (SSL_CTX_set_default_verify_paths(tls->ctx) == 1)
			return 0;
		tls_error(error, "store_ca_file", "the system's authorities");
		return -1;
	}
	if (SSL_CTX_load_verify_locations(tls->ctx, ca_file, NULL) == 1)
		return 0;
	tls_error(error, "store_ca_file", ca_file);
	return -1;
}

static int tls_load_cert(struct redis_tls *tls, const char *cert_file,
			 const char *key_file, struct ring_error *error)
{
	if (is_set(cert_file) != is_set(key_file)) {
		ring_error_set(error, 0, "%s is set, but %s is not: a client "
			       "certificate needs both",
			       is_set(cert_file) ? "store_cert_file" :
			       "store_key_file",
			       is_set(cert_file) ? "store_key_file" :
			       "store_cert_file");
		return -1;
	}
	if (!is_set(cert_file))
		return 0;
	if (SSL_CTX_use_certificate_chain_file(tls->ctx, cert_file) != 1) {
		tls_error(error, "store_cert_file", cert_file);
		return -1;
	}
	if (SSL_CTX_use_PrivateKey_file(tls->ctx, key_file,
					SSL_FILETYPE_PEM) != 1) {
		tls_error(error, "store_key_file", key_file);
		return -1;
	}
	return 0;
}

/* A key with a passphrase must not make a daemon ask its terminal. */
static int tls_no_passphrase(char *buf, int size, int writing, void *context)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)context;
	return 0;
}

static struct redis_tls *tls_alloc(void)
{
	struct redis_tls *tls = mem_calloc(1, sizeof(*tls));

	tls->ctx = SSL_CTX_new(TLS_client_method());
	tls->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
				   "redis socket");
	if (tls->ctx == NULL || tls->method == NULL ||
	    BIO_meth_set_write(tls->method, bio_write) != 1 ||
	    BIO_meth_set_read(tls->method, bio_read) != 1 ||
	    BIO_meth_set_ctrl(tls->method, bio_ctrl) != 1 ||
	    SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) != 1)
		abort();
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(tls->ctx, tls_no_passphrase);
	SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION |
			    SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
			 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
	return tls;
}

int redis_tls_init(const char *ca_file, const char *cert_file,
		   const char *key_file, struct redis_tls **tls_r,
		   struct ring_error *error)
{
	struct redis_tls *tls = tls_alloc();

	ERR_clear_error();
	if (tls_load_ca(tls, ca_file, error) < 0 ||
	    tls_load_cert(tls, cert_file, key_file, error) < 0) {
		redis_tls_deinit(&tls);
		*tls_r = NULL;
		return -1;
	}
	*tls_r = tls;
	return 0;
}

void redis_tls_deinit(struct redis_tls **tls)
{
	if (*tls == NULL)
		return;
	SSL_CTX_free((*tls)->ctx);
	BIO_meth_free((*tls)->method);
	free(*tls);
	*tls = NULL;
}

/* Aborts rather than goes on with a name that is not checked. */
static void session_expect_name(SSL *ssl, const char *host)
{
	unsigned char ip[16];

	if (inet_pton(AF_INET, host, ip) == 1 ||
	    inet_pton(AF_INET6, host, ip) == 1) {
		if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
						  host) != 1)
			abort();
		return;
	}
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
			  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (SSL_set1_host(ssl, host) != 1 ||
	    SSL_set_tlsext_host_name(ssl, host) != 1)
		abort();
}

struct redis_tls_session *
redis_tls_session_init(struct redis_tls *tls, int fd, const char *host)
{
	struct redis_tls_session *session = mem_calloc(1, sizeof(*session));
	BIO *bio = BIO_new(tls->method);

	session->fd = fd;
	session->ssl = SSL_new(tls->ctx);
	if (session->ssl == NULL || bio == NULL)
		abort();
	BIO_set_data(bio, session);
	BIO_set_init(bio, 1);
	SSL_set_bio(session->ssl, bio, bio);
	session_expect_name(session->ssl, host);
	SSL_set_connect_state(session->ssl);
	return session;
}

void redis_tls_session_deinit(struct redis_tls_session **session)
{
	if (*session == NULL)
		return;
	SSL_free((*session)->ssl);
	free(*session);
	*session = NULL;
}

/* Why an operation failed, by what OpenSSL, the check of the certificate and
   the socket say, in this order of what they are worth. */
static void session_fail(struct redis_tls_session *session, int ssl_error,
			 int saved_errno)
{
	long verify = SSL_get_verify_result(session->ssl);
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	if (verify != X509_V_OK)
		ring_error_set(&session->error, 0, "the server's certificate "
			       "is refused: %s",
			       X509_verify_cert_error_string(verify));
	else if (ssl_error == SSL_ERROR_ZERO_RETURN ||
		 (code == 0 && saved_errno == 0))
		ring_error_set(&session->error, 0,
			       "the server closed the connection");
	else if (reason != NULL)
		ring_error_set(&session->error, 0, "%s", reason);
	else
		ring_error_set(&session->error, 0, "%s", saved_errno != 0 ?
			       strerror(saved_errno) : "it failed");
	ERR_clear_error();
}

enum redis_tls_result redis_tls_handshake(struct redis_tls_session *session)
{
	int ret, error, saved;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(session->ssl);
	saved = errno;
	if (ret == 1)
		return REDIS_TLS_DONE;
	error = SSL_get_error(session->ssl, ret);
	if (error == SSL_ERROR_WANT_READ)
		return REDIS_TLS_WANT_READ;
	if (error == SSL_ERROR_WANT_WRITE)
		return REDIS_TLS_WANT_WRITE;
	session_fail(session, error, saved);
	return REDIS_TLS_ERROR;
}

static ssize_t session_moved(struct redis_tls_session *session, int ret,
			     int saved)
{
	int error;

	if (ret > 0)
		return ret;
	error = SSL_get_error(session->ssl, ret);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return 0;
	session_fail(session, error, saved);
	return -1;
}

ssize_t redis_tls_read(struct redis_tls_session *session, char *bytes,
		       size_t size)
{
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_read(session->ssl, bytes, (int)(size > INT_MAX ?
						  INT_MAX : size));
	return session_moved(session, ret, errno);
}

ssize_t redis_tls_write(struct redis_tls_session *session, const char *bytes,
			size_t size)
{
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_write(session->ssl, bytes, (int)(size > INT_MAX ?
						   INT_MAX : size));
	return session_moved(session, ret, errno);
}

const char *redis_tls_session_error(const struct redis_tls_session *session)
{
	return session->error.text;
}
