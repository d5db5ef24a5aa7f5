/* sources: ring/ring-address.c ring/ring-error.c ring/memory.c ring/ring-name.c ring/ring-record-parse.c ring/ring-record-print.c ring/ring-record.c */
/* libs: -lsodium */
/* Any bytes: a record is refused with its line, or comes back the same when
   it is printed. fuzz-record.corpus/ has some to begin with. */
#include <stdlib.h>
#include <string.h>

#include "ring-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct ring_error *error)
{
	size_t length = strnlen(error->text, sizeof(error->text));

	if (error->line == 0 || length == 0 || length == sizeof(error->text))
		abort();
}

/* Put everything into the copy again: nothing that was parsed is refused. */
static void check_setters(const struct ring_record *record)
{
	struct ring_record *copy = ring_record_dup(record);
	struct ring_error error;
	unsigned int i;

	copy->is_signed = false;
	for (i = 0; i < record->node_count; i++) {
		if (ring_record_set_node(copy, &record->nodes[i], &error) < 0)
			abort();
	}
	for (i = 0; i < record->host_count; i++) {
		if (ring_record_set_host(copy, &record->hosts[i], &error) < 0)
			abort();
	}
	ring_record_free(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[RING_PUBLIC_KEY_BYTES] = {1};
	struct ring_record *record;
	struct ring_error error;
	size_t printed_size;
	char *printed;

	if (ring_record_parse(data, size, &record, &error) < 0) {
		if (record != NULL)
			abort();
		check_error(&error);
		return 0;
	}
	printed = ring_record_print(record, &printed_size);
	if (printed_size != size || memcmp(printed, data, size) != 0)
		abort();
	if (ring_record_verify(record, key, &error) == 0)
		abort();
	check_setters(record);
	free(printed);
	ring_record_free(&record);
	return 0;
}
