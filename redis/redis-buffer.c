#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "memory.h"
#include "redis-buffer.h"

/* Not realloc: it would leave the old bytes behind. */
static void buffer_grow(struct redis_buffer *buffer, size_t more)
{
	size_t size = redis_buffer_size(buffer);
	size_t alloc = buffer->alloc < 1024 ? 1024 : buffer->alloc;
	char *bytes;

	while (alloc - size < more) {
		if (alloc > (size_t)-1 / 4)
			abort();
		alloc *= 2;
	}
	bytes = mem_calloc(1, alloc);
	if (size > 0)
		memcpy(bytes, redis_buffer_bytes(buffer), size);
	redis_buffer_free(buffer);
	buffer->bytes = bytes;
	buffer->end = size;
	buffer->alloc = alloc;
}

void redis_buffer_append(struct redis_buffer *buffer, const char *bytes,
			 size_t size)
{
	if (buffer->alloc - buffer->end < size)
		buffer_grow(buffer, size);
	memcpy(buffer->bytes + buffer->end, bytes, size);
	buffer->end += size;
}

void redis_buffer_consume(struct redis_buffer *buffer, size_t size)
{
	assert(size <= redis_buffer_size(buffer));
	sodium_memzero(buffer->bytes + buffer->begin, size);
	buffer->begin += size;
	if (buffer->begin == buffer->end)
		buffer->begin = buffer->end = 0;
}

void redis_buffer_free(struct redis_buffer *buffer)
{
	if (buffer->bytes != NULL)
		sodium_memzero(buffer->bytes, buffer->alloc);
	free(buffer->bytes);
	memset(buffer, 0, sizeof(*buffer));
}
