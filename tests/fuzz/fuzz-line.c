/* sources: module/node/line.c ring/ring-error.c */
/* libs: -lsodium */
/* Any bytes: a line is refused, or comes back the same when written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct node_line_writer writer;
	struct ring_error error;
	struct node_line line;
	unsigned int i;
	char *buf;

	if (size >= NODE_LINE_MAX_BYTES)
		return 0;
	buf = malloc(size + 1);
	if (buf == NULL)
		abort();
	memcpy(buf, data, size);
	if (node_line_parse(buf, size, &line, &error) < 0) {
		free(buf);
		return 0;
	}
	(void)node_line_get(&line, 1, "user", NULL);
	node_line_begin(&writer, "");
	for (i = 0; i < line.count; i++) {
		if (line.fields[i].value[line.fields[i].size] != '\0')
			abort();
		node_line_add(&writer, line.fields[i].value,
			      line.fields[i].size);
	}
	/* One TAB more than was read, before the first field */
	if (!node_line_end(&writer)) {
		if (size + 2 <= NODE_LINE_MAX_BYTES)
			abort();
	} else if (writer.size != size + 2 ||
		   memcmp(writer.buf + 1, data, size) != 0) {
		abort();
	}
	free(buf);
	return 0;
}
