#ifndef STORE_REPLY_H
#define STORE_REPLY_H

/* Redis' replies, read with care: whatever the other end says, it has the
   expected shape or it is STORE_BROKEN. */

#include "redis-client.h"
#include "store.h"

struct store_answer {
	enum store_status status;
	/* What follows the status word in a script's answer; for raw commands
	   the reply itself. NULL unless Redis answered as it should. */
	struct redisReply *const *fields;
	unsigned int count;
	const struct redisReply *reply;
	struct ring_error error;	/* text "" with STORE_OK */
};

/* Why an operation has no answer: last_error is the client's. is_read: a lost
   reply does no harm, so it is UNAVAILABLE. */
void store_answer_none(struct store_answer *answer, enum redis_status status,
		       const char *last_error, bool is_read);
/* A reply of the kind that our scripts give. */
void store_answer_script(struct store_answer *answer,
			 const struct redisReply *reply);
/* A reply of any other command: an error, or not. */
void store_answer_raw(struct store_answer *answer,
		      const struct redisReply *reply);
/* The answer makes no sense; what: which part of it. */
void store_answer_broken(struct store_answer *answer, const char *what);

bool store_reply_is_noscript(const struct redisReply *reply);

/* Fields of an answer. Each returns false if the field is not there or not of
   this kind; outputs are undefined then. Texts end with a NUL, have none
   within, and belong to the reply. */
bool store_field_text(const struct store_answer *answer, unsigned int i,
		      const char **text_r);
bool store_field_bytes(const struct store_answer *answer, unsigned int i,
		       const char **bytes_r, size_t *size_r);
/* Decimal, up to 2^64 - 1. */
bool store_field_number(const struct store_answer *answer, unsigned int i,
			uint64_t *number_r);
/* Fields i and i + 1: epoch and digest. */
bool store_field_epoch(const struct store_answer *answer, unsigned int i,
		       struct store_epoch *epoch_r);

#endif
