#ifndef REDIS_URL_H
#define REDIS_URL_H

/* The setting `store` in parts:

	redis://HOST[:PORT][/DB]		rediss://... with TLS
	redis+unix:///PATH[?db=N]
	redis+sentinel://HOST[:PORT],.../NAME[?db=N]
	rediss+sentinel://...			TLS to sentinels and master

   Ports default to 6379, and 26379 for sentinels; an IPv6 address stands in
   brackets. Users and passwords do not belong here: settings get printed. */

#include "redis-address.h"
#include "ring-error.h"

#define REDIS_URL_SENTINELS_MAX 16
#define REDIS_URL_NAME_MAX_BYTES 128

enum redis_url_type {
	REDIS_URL_TCP,
	REDIS_URL_UNIX,
	REDIS_URL_SENTINEL
};

struct redis_url {
	enum redis_url_type type;
	bool tls;
	unsigned int db;
	/* The server or the socket: one; the sentinels: one or more. */
	struct redis_address addresses[REDIS_URL_SENTINELS_MAX];
	unsigned int addresses_count;
	char master_name[REDIS_URL_NAME_MAX_BYTES];	/* Sentinel's */
};

/* Returns 0, or -1 with the error, which names the setting `store`. */
int redis_url_parse(const char *text, struct redis_url *url_r,
		    struct ring_error *error)
	__attribute__((warn_unused_result));

#endif
