#ifndef AGENT_MEM_H
#define AGENT_MEM_H

/* Memory that is there, or the process ends with a line on stderr: an agent
   that has none left can not say so to anybody else. */

#include <stddef.h>

/* Zeroed; free() ends it. */
void *mem_calloc(size_t count, size_t size)
	__attribute__((malloc, warn_unused_result));
void *mem_realloc(void *old, size_t size) __attribute__((warn_unused_result));
/* A copy with a NUL behind it; data may be NULL if size is 0. */
char *mem_dup(const void *data, size_t size)
	__attribute__((warn_unused_result));
/* NULL counts as "". */
char *mem_strdup(const char *text) __attribute__((warn_unused_result));

#endif
