#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "redis-hiredis.h"
#include "redis-reader.h"

struct redis_reader {
	redisReader *hiredis;
	redisReplyObjectFunctions functions;
	void *(*create_array)(const redisReadTask *task, int elements);
	/* Of the reply that is being read: */
	size_t values_count;
	size_t bytes_count;	/* and of those behind it */
	const char *limit;	/* what was too much */
};

/* hiredis 0.14 allocates the whole array when it has read its length. */
static void *reader_create_array(const redisReadTask *task, int elements)
{
	struct redis_reader *reader = task->privdata;

	if (task->parent == NULL)
		reader->values_count = 0;
	if (elements > REDIS_READER_MAX_VALUES ||
	    reader->values_count + (size_t)elements >
	    REDIS_READER_MAX_VALUES) {
		reader->limit = "a reply with more than a million values";
		return NULL;
	}
	reader->values_count += (size_t)elements;
	return reader->create_array(task, elements);
}

struct redis_reader *redis_reader_init(void)
{
	struct redis_reader *reader = mem_calloc(1, sizeof(*reader));

	/* the functions that build a redisReply have no other way out */
	reader->hiredis = redisReaderCreate();
	if (reader->hiredis == NULL)
		abort();
	reader->functions = *reader->hiredis->fn;
	reader->create_array = reader->functions.createArray;
	reader->functions.createArray = reader_create_array;
	reader->hiredis->fn = &reader->functions;
	reader->hiredis->privdata = reader;
	return reader;
}

void redis_reader_deinit(struct redis_reader **reader)
{
	if (*reader == NULL)
		return;
	redisReaderFree((*reader)->hiredis);
	free(*reader);
	*reader = NULL;
}

int redis_reader_feed(struct redis_reader *reader, const char *bytes,
		      size_t size, const char **error_r)
{
	/* what hiredis still holds says nothing: it drops from its buffer what
	   it has put into an unfinished array */
	reader->bytes_count += size;
	if (reader->bytes_count > REDIS_READER_MAX_BYTES) {
		*error_r = "a reply of more than 64 MiB";
		return -1;
	}
	if (redisReaderFeed(reader->hiredis, bytes, size) != 0)
		abort();
	return 0;
}

/* What waits for more begins with a line: a length, or all there is. Without
   this each new block would be searched from the start of the line again. */
static bool reader_line_is_too_long(const redisReader *hiredis)
{
	return hiredis->len - hiredis->pos > REDIS_READER_MAX_LINE_BYTES &&
		memmem(hiredis->buf + hiredis->pos,
		       REDIS_READER_MAX_LINE_BYTES, "\r\n", 2) == NULL;
}

int redis_reader_next(struct redis_reader *reader,
		      struct redisReply **reply_r, const char **error_r)
{
	redisReader *hiredis = reader->hiredis;
	void *reply = NULL;

	*reply_r = NULL;
	if (redisReaderGetReply(hiredis, &reply) != 0) {
		*error_r = reader->limit != NULL ? reader->limit :
			hiredis->errstr;
		return -1;
	}
	if (reply != NULL) {
		reader->bytes_count = hiredis->len - hiredis->pos;
		*reply_r = reply;
		return 1;
	}
	if (reader_line_is_too_long(hiredis)) {
		*error_r = "a line of more than 64 KiB";
		return -1;
	}
	return 0;
}

void redis_reply_free(struct redisReply **reply)
{
	freeReplyObject(*reply);
	*reply = NULL;
}
