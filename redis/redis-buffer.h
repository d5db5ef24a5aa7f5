#ifndef REDIS_BUFFER_H
#define REDIS_BUFFER_H

/* Bytes on their way out. They may hold a password: each byte is wiped when
   it is consumed, and all of them when the buffer grows or goes. */

#include <stddef.h>

struct redis_buffer {
	char *bytes;
	size_t begin, end, alloc;
};

static inline size_t redis_buffer_size(const struct redis_buffer *buffer)
{
	return buffer->end - buffer->begin;
}

static inline const char *redis_buffer_bytes(const struct redis_buffer *buffer)
{
	return buffer->bytes + buffer->begin;
}

void redis_buffer_append(struct redis_buffer *buffer, const char *bytes,
			 size_t size);
void redis_buffer_consume(struct redis_buffer *buffer, size_t size);
/* An empty one is left, as zeroed memory is. */
void redis_buffer_free(struct redis_buffer *buffer);

#endif
