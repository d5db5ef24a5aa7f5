#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-mem.h"

static void *checked(void *memory, size_t size)
{
	if (memory == NULL) {
		fprintf(stderr, "dovering-agent: out of memory "
			"(%zu bytes)\n", size);
		abort();
	}
	return memory;
}

void *mem_calloc(size_t count, size_t size)
{
	return checked(calloc(count == 0 ? 1 : count, size), size);
}

void *mem_realloc(void *old, size_t size)
{
	return checked(realloc(old, size), size);
}

char *mem_dup(const void *data, size_t size)
{
	char *copy = checked(malloc(size + 1), size + 1);

	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

char *mem_strdup(const char *text)
{
	return text == NULL ? mem_dup("", 0) : mem_dup(text, strlen(text));
}
