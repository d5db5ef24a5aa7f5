#include <stdint.h>
#include <stdlib.h>

#include "ring-memory.h"

void *ring_memory_resize(void *memory, size_t count, size_t size)
{
	if (count == 0)
		count = 1;
	if (count > SIZE_MAX / size)
		abort();
	memory = realloc(memory, count * size);
	if (memory == NULL)
		abort();
	return memory;
}

void *ring_memory_new(size_t count, size_t size)
{
	void *memory = calloc(count == 0 ? 1 : count, size);

	if (memory == NULL)
		abort();
	return memory;
}
