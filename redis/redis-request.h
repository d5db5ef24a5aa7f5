#ifndef REDIS_REQUEST_H
#define REDIS_REQUEST_H

/* Commands on their way, and queues of them with a clock: the queue says when
   the deadline of one has come. */

#include "redis-client.h"

struct redis_request {
	struct redis_request *next;
	/* As Redis reads it; gone when it is in a connection's buffer. */
	char *bytes;
	size_t size;
	/* Of its connection's streams: where it begins in the one out, and
	   what had come in before it. */
	uint64_t out_bytes, in_bytes;
	uint64_t given_msecs, deadline_msecs;
	redis_callback_t *callback;	/* NULL: nobody waits any more */
	void *context;
};

/* The words are copied into the request, and wiped there in the end. */
struct redis_request *
redis_request_init(struct loop *loop, const struct redis_command *command,
		   unsigned int timeout_msecs, redis_callback_t *callback,
		   void *context);
/* Of words that end in NUL; NULL ends them. */
struct redis_request *
redis_request_init_words(struct loop *loop, const char *const *words,
			 unsigned int timeout_msecs,
			 redis_callback_t *callback, void *context);
void redis_request_wipe(struct redis_request *request);
/* Calls back, if anybody waits, and frees. */
void redis_request_finish(struct redis_request **request,
			  enum redis_status status,
			  const struct redisReply *reply);

struct redis_queue {
	struct loop *loop;
	struct redis_request *head, **tail;
	struct redis_request *late;	/* out of the queue, to be finished */
	struct loop_timeout *timeout;
	uint64_t timeout_at_msecs;
	/* Some deadlines have come: call redis_queue_expire(). */
	loop_callback_t *expired;
	void *context;
};

void redis_queue_init(struct redis_queue *queue, struct loop *loop,
		      loop_callback_t *expired, void *context);
void redis_queue_deinit(struct redis_queue *queue);
void redis_queue_append(struct redis_queue *queue,
			struct redis_request *request);
/* Returns the first one, NULL if there is none. */
struct redis_request *redis_queue_pop(struct redis_queue *queue);
/* Take out those whose deadline has come, for redis_queue_pop_late(), and start
   the clock for the others. Those left behind stay in the queue too, with
   nobody who waits for them: the reply that may still come is theirs. */
void redis_queue_expire(struct redis_queue *queue, bool leave_behind);
struct redis_request *redis_queue_pop_late(struct redis_queue *queue);

#endif
