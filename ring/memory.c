#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static void *checked(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void *mem_calloc(size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	return checked(calloc(count, size));
}

void *mem_resize(void *memory, size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	if (count > SIZE_MAX / size)
		abort();
	return checked(realloc(memory, count * size));
}

char *mem_dup(const void *data, size_t size)
{
	char *copy = mem_resize(NULL, size + 1, 1);

	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

char *mem_strdup(const char *text)
{
	return text == NULL ? mem_dup("", 0) : mem_dup(text, strlen(text));
}
