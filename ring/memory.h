#ifndef MEMORY_H
#define MEMORY_H

/* Memory that is there, or the process is not. Half a ring, half a lease or
   half a client would break promises, and Dovecot starts its services again.
   Everything here ends with free(). Secrets live elsewhere: sodium_malloc(). */

#include <stddef.h>

/* Zeroed; count and size may be 0. */
void *mem_calloc(size_t count, size_t size)
	__attribute__((malloc, warn_unused_result));
/* count items of size bytes; what is new is not cleared. */
void *mem_resize(void *memory, size_t count, size_t size)
	__attribute__((warn_unused_result));
/* A copy with a NUL behind it; data may be NULL if size is 0. */
char *mem_dup(const void *data, size_t size)
	__attribute__((warn_unused_result));
/* NULL counts as "". */
char *mem_strdup(const char *text) __attribute__((warn_unused_result));

#endif
