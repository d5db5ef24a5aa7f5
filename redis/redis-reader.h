#ifndef REDIS_READER_H
#define REDIS_READER_H

/* hiredis's decoder, kept within bounds: a server that is broken or hostile
   costs a connection, never the process's memory.

   One reply may have 64 MiB, a million values, and lines of 64 KiB. */

#include <stddef.h>

#define REDIS_READER_MAX_BYTES (64 * 1024 * 1024)
#define REDIS_READER_MAX_VALUES (1024 * 1024)
#define REDIS_READER_MAX_LINE_BYTES (64 * 1024)

struct redis_reader;
struct redisReply;

struct redis_reader *redis_reader_init(void);
void redis_reader_deinit(struct redis_reader **reader);

/* Returns 0, or -1 with a text if this is too much. */
int redis_reader_feed(struct redis_reader *reader, const char *bytes,
		      size_t size, const char **error_r);
/* Returns 1 and the next reply, for redis_reply_free(); 0 if more bytes are
   needed; -1 with a text, valid as long as the reader, if it is no Redis. */
int redis_reader_next(struct redis_reader *reader,
		      struct redisReply **reply_r, const char **error_r);
void redis_reply_free(struct redisReply **reply);

#endif
