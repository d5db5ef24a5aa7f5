#include <string.h>

#include "redis-hiredis.h"
#include "store-reply.h"

static const struct {
	const char *word;
	enum store_status status;
} store_words[] = {
	{ "OK", STORE_OK },
	{ "NOTFOUND", STORE_NOTFOUND },
	{ "OLDER", STORE_OLDER },
	{ "CONFLICT", STORE_CONFLICT },
	{ "SPLIT", STORE_SPLIT },
	{ "BROKEN", STORE_BROKEN }
};

/* Redis' error codes, or parts of errors that have none. What is not here
   makes no sense to us. Redis 6 puts the code of an error within a script
   behind words of its own, so codes count anywhere in the text. */
static const struct {
	const char *code;
	enum store_status status;
} store_errors[] = {
	/* No, and again no if asked again. */
	{ "OOM ", STORE_REFUSED },
	{ "NOPERM ", STORE_REFUSED },
	{ "NOAUTH ", STORE_REFUSED },
	{ "WRONGPASS ", STORE_REFUSED },
	{ "READONLY ", STORE_REFUSED },
	{ "NOREPLICAS ", STORE_REFUSED },
	{ "MISCONF ", STORE_REFUSED },
	{ "DENIED ", STORE_REFUSED },
	{ "MOVED ", STORE_REFUSED },
	{ "ASK ", STORE_REFUSED },
	{ "CROSSSLOT ", STORE_REFUSED },
	{ "user executing the script can't ", STORE_REFUSED },
	/* Not now. */
	{ "LOADING ", STORE_UNAVAILABLE },
	{ "BUSY ", STORE_UNAVAILABLE },
	{ "MASTERDOWN ", STORE_UNAVAILABLE },
	{ "CLUSTERDOWN ", STORE_UNAVAILABLE },
	{ "TRYAGAIN ", STORE_UNAVAILABLE },
	{ "UNBLOCKED ", STORE_UNAVAILABLE }
};

static void store_answer_clear(struct store_answer *answer,
			       enum store_status status)
{
	memset(answer, 0, sizeof(*answer));
	answer->status = status;
}

void store_answer_none(struct store_answer *answer, enum redis_status status,
		       const char *last_error, bool is_read)
{
	bool is_uncertain = status == REDIS_UNCERTAIN;

	store_answer_clear(answer, is_uncertain && !is_read ?
			   STORE_UNCERTAIN : STORE_UNAVAILABLE);
	if (is_uncertain) {
		ring_error_set(&answer->error, 0, "Redis did not answer in "
			       "time, or the connection was lost");
	} else {
		ring_error_set(&answer->error, 0, "Redis can't be reached%s%s",
			       *last_error != '\0' ? ": " : "", last_error);
	}
}

void store_answer_broken(struct store_answer *answer, const char *what)
{
	store_answer_clear(answer, STORE_BROKEN);
	ring_error_set(&answer->error, 0,
		       "Redis' answer makes no sense: %s", what);
}

static bool is_code_at(const char *text, const char *found)
{
	return found == text || found[-1] == '-' || found[-1] == ' ';
}

static void store_answer_error(struct store_answer *answer, const char *text)
{
	enum store_status status = STORE_BROKEN;
	unsigned int i;

	for (i = 0; i < sizeof(store_errors) / sizeof(store_errors[0]); i++) {
		const char *found = strstr(text, store_errors[i].code);

		if (found != NULL && is_code_at(text, found)) {
			status = store_errors[i].status;
			break;
		}
	}
	store_answer_clear(answer, status);
	ring_error_set(&answer->error, 0, "Redis answers: %s", text);
}

bool store_reply_is_noscript(const struct redisReply *reply)
{
	return reply != NULL && reply->type == REDIS_REPLY_ERROR &&
		strncmp(reply->str, "NOSCRIPT", 8) == 0;
}

void store_answer_raw(struct store_answer *answer,
		      const struct redisReply *reply)
{
	if (reply == NULL) {
		store_answer_broken(answer, "nothing");
	} else if (reply->type == REDIS_REPLY_ERROR) {
		store_answer_error(answer, reply->str);
	} else {
		store_answer_clear(answer, STORE_OK);
		answer->reply = reply;
	}
}

/* The last text of an answer that refuses says why, if it says so. */
static const char *store_answer_why(const struct store_answer *answer)
{
	const char *why;

	if (answer->count > 0 &&
	    store_field_text(answer, answer->count - 1, &why))
		return why;
	return "";
}

static void store_answer_explain(struct store_answer *answer)
{
	switch (answer->status) {
	case STORE_OK:
		break;
	case STORE_NOTFOUND:
		ring_error_set(&answer->error, 0, "the store has none");
		break;
	case STORE_OLDER:
		ring_error_set(&answer->error, 0, "the store has seen a newer "
			       "ring: epoch %s", store_answer_why(answer));
		break;
	case STORE_SPLIT:
		ring_error_set(&answer->error, 0, "the store has seen another "
			       "ring of the same epoch");
		break;
	case STORE_BROKEN:
		ring_error_set(&answer->error, 0, "what Redis holds makes no "
			       "sense: %s", store_answer_why(answer));
		break;
	default:
		ring_error_set(&answer->error, 0, "it has changed meanwhile");
		break;
	}
}

void store_answer_script(struct store_answer *answer,
			 const struct redisReply *reply)
{
	unsigned int i;

	store_answer_raw(answer, reply);
	if (answer->status != STORE_OK)
		return;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
	    reply->element[0]->type != REDIS_REPLY_STRING) {
		store_answer_broken(answer, "not a script's answer");
		return;
	}
	for (i = 0; i < sizeof(store_words) / sizeof(store_words[0]); i++) {
		if (strcmp(reply->element[0]->str, store_words[i].word) == 0)
			break;
	}
	if (i == sizeof(store_words) / sizeof(store_words[0])) {
		store_answer_broken(answer, "no such status");
		return;
	}
	answer->status = store_words[i].status;
	answer->fields = reply->element + 1;
	answer->count = (unsigned int)(reply->elements - 1);
	store_answer_explain(answer);
}

bool store_field_bytes(const struct store_answer *answer, unsigned int i,
		       const char **bytes_r, size_t *size_r)
{
	if (i >= answer->count ||
	    answer->fields[i]->type != REDIS_REPLY_STRING)
		return false;
	*bytes_r = answer->fields[i]->str;
	*size_r = (size_t)answer->fields[i]->len;
	return true;
}

bool store_field_text(const struct store_answer *answer, unsigned int i,
		      const char **text_r)
{
	size_t size;

	return store_field_bytes(answer, i, text_r, &size) &&
		strlen(*text_r) == size;
}

bool store_field_number(const struct store_answer *answer, unsigned int i,
			uint64_t *number_r)
{
	const char *text;
	uint64_t number = 0;

	if (!store_field_text(answer, i, &text) || *text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		unsigned int digit = (unsigned int)(*text - '0');

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*number_r = number;
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool store_field_epoch(const struct store_answer *answer, unsigned int i,
		       struct store_epoch *epoch_r)
{
	const char *hex;
	size_t size, n;

	if (!store_field_number(answer, i, &epoch_r->epoch) ||
	    !store_field_bytes(answer, i + 1, &hex, &size) ||
	    size != 2 * RING_DIGEST_BYTES)
		return false;
	for (n = 0; n < RING_DIGEST_BYTES; n++) {
		int high = hex_value(hex[2 * n]);
		int low = hex_value(hex[2 * n + 1]);

		if (high < 0 || low < 0)
			return false;
		epoch_r->digest[n] = (uint8_t)(high << 4 | low);
	}
	return true;
}
