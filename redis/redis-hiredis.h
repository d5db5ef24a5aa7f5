#ifndef REDIS_HIREDIS_H
#define REDIS_HIREDIS_H

/* hiredis, without those of its macros that have our names: include this, and
   never <hiredis/hiredis.h> itself. */

#include <hiredis/hiredis.h>

#undef REDIS_OK
#undef REDIS_CONNECTED

#endif
