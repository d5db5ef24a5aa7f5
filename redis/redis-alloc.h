#ifndef REDIS_ALLOC_H
#define REDIS_ALLOC_H

/* Memory that is there or the process is not: nothing here can do its job
   without it, and half a client would break promises. */

#include <stdlib.h>
#include <string.h>

/* Zeroed. */
static inline void *redis_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		abort();
	return p;
}

/* NULL stays NULL, and "" becomes NULL: a setting that is not set. */
static inline char *redis_strdup_setting(const char *s)
{
	char *copy;

	if (s == NULL || *s == '\0')
		return NULL;
	if ((copy = strdup(s)) == NULL)
		abort();
	return copy;
}

#endif
