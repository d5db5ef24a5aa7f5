#ifndef RING_MEMORY_H
#define RING_MEMORY_H

/* Memory of the values in this room. Memory that runs out ends the process:
   half a ring is worse than none, and Dovecot starts its services again. */

#include <stddef.h>

/* realloc() of count items of size bytes; what is new is not cleared. */
void *ring_memory_resize(void *memory, size_t count, size_t size)
	__attribute__((warn_unused_result));
/* Like calloc(). */
void *ring_memory_new(size_t count, size_t size)
	__attribute__((warn_unused_result, malloc));

#endif
