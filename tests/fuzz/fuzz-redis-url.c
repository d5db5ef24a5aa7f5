/* sources: redis/redis-url.c redis/redis-address.c ring/ring-error.c */
/* Any text: a URL is refused with words, or its parts are within bounds and
   each address that is printed reads back as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "redis-url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const struct redis_address *address)
{
	char text[REDIS_ADDRESS_TEXT_MAX_BYTES];
	struct redis_address again;

	redis_address_print(address, text);
	if (!redis_address_parse(text, strlen(text), 1, &again) ||
	    !redis_address_equals(address, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ring_error error;
	struct redis_url url;
	unsigned int i;
	char *text = calloc(1, size + 1);

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	error.text[0] = '\0';
	if (redis_url_parse(text, &url, &error) < 0) {
		if (strncmp(error.text, "store: ", 7) != 0)
			abort();
	} else {
		if (url.addresses_count == 0 ||
		    url.addresses_count > REDIS_URL_SENTINELS_MAX)
			abort();
		for (i = 0; i < url.addresses_count &&
			    url.type != REDIS_URL_UNIX; i++)
			check_address(&url.addresses[i]);
	}
	free(text);
	return 0;
}
