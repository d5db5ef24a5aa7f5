/* sources: module/node/settings.c module/node/checked-file.c ring/ring-name.c ring/ring-address.c ring/ring-error.c ring/memory.c */
/* libs: -lsodium */
/* Any bytes: settings that are complete, or an error that names file and
   line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_settings *settings;
	struct ring_error error;
	/* exactly as large as said: no NUL behind it */
	char *text = malloc(size == 0 ? 1 : size);

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	if (node_settings_parse("f", text, size, &settings, &error) < 0) {
		if (error.line == 0 || strncmp(error.text, "f:", 2) != 0)
			abort();
	} else {
		if (settings->node[0] == '\0' || settings->store[0] == '\0' ||
		    settings->ticket_networks == NULL ||
		    settings->hold_timeout_msecs < 1000)
			abort();
		node_settings_free(&settings);
	}
	free(text);
	return 0;
}
