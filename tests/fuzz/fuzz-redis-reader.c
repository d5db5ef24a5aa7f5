/* sources: redis/redis-reader.c ring/memory.c */
/* libs: -lhiredis */
/* What a server may send, in pieces: values within bounds, or an end. The
   first byte says how long the pieces are. */
#include <stdint.h>
#include <stdlib.h>

#include "redis-hiredis.h"
#include "redis-reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_values(const struct redisReply *reply)
{
	size_t i, count = 1;

	if (reply->type != REDIS_REPLY_ARRAY)
		return count;
	for (i = 0; i < reply->elements; i++)
		count += count_values(reply->element[i]);
	return count;
}

static int read_all(struct redis_reader *reader)
{
	struct redisReply *reply;
	const char *error;
	int ret;

	while ((ret = redis_reader_next(reader, &reply, &error)) > 0) {
		if (count_values(reply) > REDIS_READER_MAX_VALUES + 1)
			abort();
		redis_reply_free(&reply);
	}
	if (ret < 0 && *error == '\0')
		abort();
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct redis_reader *reader;
	const char *bytes, *error;
	size_t piece;

	if (size == 0)
		return 0;
	reader = redis_reader_init();
	piece = (size_t)data[0] + 1;
	bytes = (const char *)data + 1;
	size--;
	while (size > 0) {
		if (piece > size)
			piece = size;
		if (redis_reader_feed(reader, bytes, piece, &error) < 0 ||
		    read_all(reader) < 0)
			break;
		bytes += piece;
		size -= piece;
	}
	redis_reader_deinit(&reader);
	return 0;
}
