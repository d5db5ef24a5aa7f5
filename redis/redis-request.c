#include "config.h"

#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "redis-hiredis.h"
#include "redis-request.h"

#define REQUEST_WORDS_MAX 8

struct redis_request *
redis_request_init(struct loop *loop, const struct redis_command *command,
		   unsigned int timeout_msecs, redis_callback_t *callback,
		   void *context)
{
	struct redis_request *request = mem_calloc(1, sizeof(*request));
	int size;

	if (command->argc > INT_MAX)
		abort();
	/* hiredis 0.14 forgot to say that it leaves the words as they are */
	size = redisFormatCommandArgv(&request->bytes, (int)command->argc,
				      (const char **)(uintptr_t)command->argv,
				      command->sizes);
	if (size < 0)
		abort();
	request->size = (size_t)size;
	request->given_msecs = loop_now_msecs(loop);
	request->deadline_msecs = request->given_msecs + timeout_msecs;
	request->callback = callback;
	request->context = context;
	return request;
}

struct redis_request *
redis_request_init_words(struct loop *loop, const char *const *words,
			 unsigned int timeout_msecs,
			 redis_callback_t *callback, void *context)
{
	size_t sizes[REQUEST_WORDS_MAX];
	struct redis_command command = { .argv = words, .sizes = sizes };

	while (words[command.argc] != NULL) {
		if (command.argc == REQUEST_WORDS_MAX)
			abort();
		sizes[command.argc] = strlen(words[command.argc]);
		command.argc++;
	}
	return redis_request_init(loop, &command, timeout_msecs, callback,
				  context);
}

void redis_request_wipe(struct redis_request *request)
{
	if (request->bytes != NULL)
		sodium_memzero(request->bytes, request->size);
	redisFreeCommand(request->bytes);
	request->bytes = NULL;
}

void redis_request_finish(struct redis_request **_request,
			  enum redis_status status,
			  const struct redisReply *reply)
{
	struct redis_request *request = *_request;
	redis_callback_t *callback = request->callback;
	void *context = request->context;

	*_request = NULL;
	redis_request_wipe(request);
	free(request);
	if (callback != NULL)
		callback(status, reply, context);
}

void redis_queue_init(struct redis_queue *queue, struct loop *loop,
		      loop_callback_t *expired, void *context)
{
	memset(queue, 0, sizeof(*queue));
	queue->loop = loop;
	queue->tail = &queue->head;
	queue->expired = expired;
	queue->context = context;
}

void redis_queue_deinit(struct redis_queue *queue)
{
	loop_timeout_remove(queue->loop, &queue->timeout);
}

static void queue_timeout(void *context)
{
	struct redis_queue *queue = context;

	queue->timeout = NULL;
	queue->expired(queue->context);
}

static void queue_arm(struct redis_queue *queue, uint64_t deadline_msecs)
{
	uint64_t now;
	unsigned int msecs = 0;

	if (queue->timeout != NULL &&
	    queue->timeout_at_msecs <= deadline_msecs)
		return;
	loop_timeout_remove(queue->loop, &queue->timeout);
	now = loop_now_msecs(queue->loop);
	if (deadline_msecs > now)
		msecs = (unsigned int)(deadline_msecs - now);
	queue->timeout_at_msecs = deadline_msecs;
	queue->timeout = loop_timeout_add(queue->loop, msecs, queue_timeout,
					  queue);
}

void redis_queue_append(struct redis_queue *queue,
			struct redis_request *request)
{
	request->next = NULL;
	*queue->tail = request;
	queue->tail = &request->next;
	queue_arm(queue, request->deadline_msecs);
}

struct redis_request *redis_queue_pop(struct redis_queue *queue)
{
	struct redis_request *request = queue->head;

	if (request == NULL)
		return NULL;
	queue->head = request->next;
	if (queue->head == NULL) {
		queue->tail = &queue->head;
		loop_timeout_remove(queue->loop, &queue->timeout);
	}
	request->next = NULL;
	return request;
}

/* A stand-in that can be finished while the place in the queue is kept. */
static struct redis_request *request_detach(struct redis_request *request)
{
	struct redis_request *late = mem_calloc(1, sizeof(*late));

	*late = *request;
	late->bytes = NULL;
	request->callback = NULL;
	return late;
}

void redis_queue_expire(struct redis_queue *queue, bool leave_behind)
{
	struct redis_request **p = &queue->head, *request, **late_tail;
	uint64_t now = loop_now_msecs(queue->loop);

	late_tail = &queue->late;
	while (*late_tail != NULL)
		late_tail = &(*late_tail)->next;
	while ((request = *p) != NULL) {
		bool is_late = request->callback != NULL &&
			request->deadline_msecs <= now;

		if (!is_late || leave_behind)
			p = &request->next;
		else
			*p = request->next;
		if (!is_late)
			continue;
		if (leave_behind)
			request = request_detach(request);
		request->next = NULL;
		*late_tail = request;
		late_tail = &request->next;
	}
	queue->tail = p;
	for (request = queue->head; request != NULL; request = request->next) {
		if (request->callback != NULL)
			queue_arm(queue, request->deadline_msecs);
	}
}

struct redis_request *redis_queue_pop_late(struct redis_queue *queue)
{
	struct redis_request *request = queue->late;

	if (request != NULL)
		queue->late = request->next;
	return request;
}
