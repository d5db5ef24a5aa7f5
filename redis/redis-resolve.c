#include "config.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "memory.h"
#include "redis-address.h"
#include "redis-resolve.h"

#define RESOLVE_POLL_MAX_MSECS 50

/* What the resolver's threads may still be writing to. */
struct resolve_query {
	struct gaicb gaicb;
	struct addrinfo hints;
	char host[REDIS_HOST_MAX_BYTES];
	char service[8];
	struct resolve_query *next;
};

struct redis_resolve {
	struct loop *loop;
	struct loop_timeout *timeout;
	unsigned int pause_msecs;
	struct resolve_query *query;
	/* Answered at once: */
	struct addrinfo *addresses;
	int error;
	redis_resolve_callback_t *callback;
	void *context;
};

/* Queries that nobody waits for any more, but that could not be cancelled:
   their memory is freed when their thread is done with it. */
static struct resolve_query *resolve_abandoned;

static void query_free(struct resolve_query *query)
{
	if (query->gaicb.ar_result != NULL)
		freeaddrinfo(query->gaicb.ar_result);
	free(query);
}

static void resolve_reap(void)
{
	struct resolve_query **p = &resolve_abandoned, *query;

	while ((query = *p) != NULL) {
		if (gai_error(&query->gaicb) == EAI_INPROGRESS) {
			p = &query->next;
			continue;
		}
		*p = query->next;
		query_free(query);
	}
}

static void query_abandon(struct resolve_query *query)
{
	(void)gai_cancel(&query->gaicb);
	query->next = resolve_abandoned;
	resolve_abandoned = query;
	resolve_reap();
}

static void resolve_done(struct redis_resolve *resolve,
			 struct addrinfo *addresses, int error)
{
	redis_resolve_callback_t *callback = resolve->callback;
	void *context = resolve->context;

	redis_resolve_deinit(&resolve);
	callback(addresses, error == 0 ? NULL : gai_strerror(error), context);
}

static void resolve_answer(void *context)
{
	struct redis_resolve *resolve = context;
	struct addrinfo *addresses = resolve->addresses;

	resolve->timeout = NULL;
	resolve->addresses = NULL;
	resolve_done(resolve, addresses, resolve->error);
}

static void resolve_poll(void *context)
{
	struct redis_resolve *resolve = context;
	struct addrinfo *addresses;
	int ret = gai_error(&resolve->query->gaicb);

	resolve->timeout = NULL;
	if (ret == EAI_INPROGRESS) {
		resolve->pause_msecs *= 2;
		if (resolve->pause_msecs > RESOLVE_POLL_MAX_MSECS)
			resolve->pause_msecs = RESOLVE_POLL_MAX_MSECS;
		resolve->timeout = loop_timeout_add(resolve->loop,
						    resolve->pause_msecs,
						    resolve_poll, resolve);
		return;
	}
	addresses = resolve->query->gaicb.ar_result;
	resolve->query->gaicb.ar_result = NULL;
	resolve_done(resolve, addresses, ret);
}

static void resolve_ask(struct redis_resolve *resolve, const char *host,
			const char *service, const struct addrinfo *hints)
{
	struct resolve_query *query = mem_calloc(1, sizeof(*query));
	struct gaicb *list[1];

	(void)snprintf(query->host, sizeof(query->host), "%s", host);
	(void)snprintf(query->service, sizeof(query->service), "%s", service);
	query->hints = *hints;
	query->hints.ai_flags = AI_NUMERICSERV;
	query->gaicb.ar_name = query->host;
	query->gaicb.ar_service = query->service;
	query->gaicb.ar_request = &query->hints;
	list[0] = &query->gaicb;
	resolve->error = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	if (resolve->error != 0) {
		free(query);
		resolve->timeout = loop_timeout_add(resolve->loop, 0,
						    resolve_answer, resolve);
		return;
	}
	resolve->query = query;
	resolve->pause_msecs = 1;
	resolve->timeout = loop_timeout_add(resolve->loop, 1, resolve_poll,
					    resolve);
}

struct redis_resolve *
redis_resolve_init(struct loop *loop, const char *host, uint16_t port,
		   redis_resolve_callback_t *callback, void *context)
{
	struct redis_resolve *resolve = mem_calloc(1, sizeof(*resolve));
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
	};
	char service[8];

	resolve_reap();
	resolve->loop = loop;
	resolve->callback = callback;
	resolve->context = context;
	(void)snprintf(service, sizeof(service), "%u", (unsigned int)port);
	resolve->error = getaddrinfo(host, service, &hints,
				     &resolve->addresses);
	if (resolve->error == EAI_NONAME)
		resolve_ask(resolve, host, service, &hints);
	else
		resolve->timeout = loop_timeout_add(loop, 0, resolve_answer,
						    resolve);
	return resolve;
}

void redis_resolve_deinit(struct redis_resolve **_resolve)
{
	struct redis_resolve *resolve = *_resolve;

	if (resolve == NULL)
		return;
	*_resolve = NULL;
	loop_timeout_remove(resolve->loop, &resolve->timeout);
	if (resolve->query != NULL)
		query_abandon(resolve->query);
	if (resolve->addresses != NULL)
		freeaddrinfo(resolve->addresses);
	free(resolve);
}
