#include "config.h"

#include <string.h>
#include <sys/un.h>

#include "redis-url.h"

#define REDIS_PORT 6379
#define REDIS_SENTINEL_PORT 26379
#define REDIS_DB_MAX 65535

static const struct {
	const char *prefix;
	enum redis_url_type type;
	bool tls;
} redis_url_schemes[] = {
	{ "redis://", REDIS_URL_TCP, false },
	{ "rediss://", REDIS_URL_TCP, true },
	{ "redis+unix://", REDIS_URL_UNIX, false },
	{ "redis+sentinel://", REDIS_URL_SENTINEL, false },
	{ "rediss+sentinel://", REDIS_URL_SENTINEL, true }
};

static const char *url_scheme(const char *text, struct redis_url *url)
{
	size_t i, size;

	for (i = 0; i < sizeof(redis_url_schemes) /
			sizeof(redis_url_schemes[0]); i++) {
		size = strlen(redis_url_schemes[i].prefix);
		if (strncmp(text, redis_url_schemes[i].prefix, size) == 0) {
			url->type = redis_url_schemes[i].type;
			url->tls = redis_url_schemes[i].tls;
			return text + size;
		}
	}
	return NULL;
}

static bool url_db(const char *text, size_t size, unsigned int *db_r)
{
	unsigned int db = 0;
	size_t i;

	if (size == 0 || size > 5)
		return false;
	for (i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		db = db * 10 + (unsigned int)(text[i] - '0');
	}
	*db_r = db;
	return db <= REDIS_DB_MAX;
}

/* Cut "?db=N" off the end. Returns the new end, or NULL with the error. */
static const char *
url_query(const char *text, struct redis_url *url, struct ring_error *error)
{
	const char *query = strchr(text, '?');

	if (query == NULL)
		return text + strlen(text);
	if (strncmp(query, "?db=", 4) != 0 ||
	    !url_db(query + 4, strlen(query + 4), &url->db)) {
		ring_error_set(error, 0, "store: '%s' is not ?db=N, N a "
			       "database's number", query);
		return NULL;
	}
	return query;
}

static int url_add(const char *text, size_t size, uint16_t default_port,
		   struct redis_url *url, struct ring_error *error)
{
	if (url->addresses_count == REDIS_URL_SENTINELS_MAX) {
		ring_error_set(error, 0, "store: more than %u sentinels",
			       REDIS_URL_SENTINELS_MAX);
		return -1;
	}
	if (!redis_address_parse(text, size, default_port,
				 &url->addresses[url->addresses_count])) {
		ring_error_set(error, 0, "store: '%.*s' is not HOST:PORT "
			       "(an IPv6 address goes in brackets)",
			       (int)size, text);
		return -1;
	}
	url->addresses_count++;
	return 0;
}

static int url_parse_tcp(const char *text, struct redis_url *url,
			 struct ring_error *error)
{
	const char *end = url_query(text, url, error);
	const char *slash;

	if (end == NULL)
		return -1;
	slash = memchr(text, '/', (size_t)(end - text));
	if (slash != NULL) {
		const char *db = slash + 1;

		if (db != end && (*end == '?' ||
				  !url_db(db, (size_t)(end - db), &url->db))) {
			ring_error_set(error, 0, "store: '%s' is not /DB, a "
				       "database's number", slash);
			return -1;
		}
		end = slash;
	}
	return url_add(text, (size_t)(end - text), REDIS_PORT, url, error);
}

static int url_parse_unix(const char *text, struct redis_url *url,
			  struct ring_error *error)
{
	const struct sockaddr_un *un = NULL;
	const char *end = url_query(text, url, error);
	size_t size;

	if (end == NULL)
		return -1;
	size = (size_t)(end - text);
	if (text[0] != '/' || size < 2) {
		ring_error_set(error, 0, "store: redis+unix:// needs an "
			       "absolute path: redis+unix:///run/redis.sock");
		return -1;
	}
	if (size >= sizeof(un->sun_path)) {
		ring_error_set(error, 0, "store: the path of the socket has "
			       "%zu bytes; %zu is the most", size,
			       sizeof(un->sun_path) - 1);
		return -1;
	}
	memcpy(url->addresses[0].host, text, size);
	url->addresses_count = 1;
	return 0;
}

static int url_parse_sentinel(const char *text, struct redis_url *url,
			      struct ring_error *error)
{
	const char *end = url_query(text, url, error);
	const char *slash, *comma;

	if (end == NULL)
		return -1;
	slash = memchr(text, '/', (size_t)(end - text));
	if (slash == NULL || slash + 1 == end ||
	    memchr(slash + 1, '/', (size_t)(end - slash - 1)) != NULL ||
	    (size_t)(end - slash) > sizeof(url->master_name)) {
		ring_error_set(error, 0, "store: redis+sentinel:// needs the "
			       "master's name at its end: HOST:PORT,.../NAME");
		return -1;
	}
	memcpy(url->master_name, slash + 1, (size_t)(end - slash - 1));
	for (;;) {
		comma = memchr(text, ',', (size_t)(slash - text));
		if (comma == NULL)
			break;
		if (url_add(text, (size_t)(comma - text), REDIS_SENTINEL_PORT,
			    url, error) < 0)
			return -1;
		text = comma + 1;
	}
	return url_add(text, (size_t)(slash - text), REDIS_SENTINEL_PORT, url,
		       error);
}

int redis_url_parse(const char *text, struct redis_url *url_r,
		    struct ring_error *error)
{
	const char *rest;

	memset(url_r, 0, sizeof(*url_r));
	rest = url_scheme(text, url_r);
	if (rest == NULL) {
		/* not printed: it might hold a password */
		ring_error_set(error, 0, "store: expected redis://HOST:PORT/DB,"
			       " rediss://, redis+unix:///PATH or "
			       "redis+sentinel://HOST:PORT,.../NAME");
		return -1;
	}
	if (url_r->type != REDIS_URL_UNIX && strchr(rest, '@') != NULL) {
		ring_error_set(error, 0, "store: a user or password does not "
			       "belong in the URL: use store_user and "
			       "store_password_file");
		return -1;
	}
	switch (url_r->type) {
	case REDIS_URL_TCP:
		return url_parse_tcp(rest, url_r, error);
	case REDIS_URL_UNIX:
		return url_parse_unix(rest, url_r, error);
	case REDIS_URL_SENTINEL:
		return url_parse_sentinel(rest, url_r, error);
	}
	return -1;
}
