#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sodium.h>

#include "memory.h"
#include "ring-record-private.h"

struct text {
	char *data;
	size_t used, size;
};

/* More than the longest line, a host's, can have. */
#define LINE_MAX_BYTES 1024
/* Longest things in hex and base64: a digest, a signature. */
#define ENCODED_MAX 96

static void append(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void append(struct text *text, const char *format, ...)
{
	va_list args;

	if (text->size - text->used < LINE_MAX_BYTES) {
		text->size = 2 * text->size + LINE_MAX_BYTES;
		text->data = mem_resize(text->data, text->size, 1);
	}
	va_start(args, format);
	text->used += (size_t)vsnprintf(text->data + text->used,
					LINE_MAX_BYTES, format, args);
	va_end(args);
}

static void append_hex(struct text *text, const char *word,
		       const uint8_t *bytes, size_t size)
{
	char hex[ENCODED_MAX];

	sodium_bin2hex(hex, sizeof(hex), bytes, size);
	append(text, "%s %s\n", word, hex);
}

static void append_base64(struct text *text, const uint8_t *bytes, size_t size)
{
	char base64[ENCODED_MAX];

	sodium_bin2base64(base64, sizeof(base64), bytes, size,
			  sodium_base64_VARIANT_ORIGINAL);
	append(text, " %s", base64);
}

/* Who published is free text of the caller, and not worth failing for: what
   the record can't hold is shown as '_'. */
static void append_published(struct text *text,
			     const struct ring_record *record)
{
	char who[sizeof(record->publisher)];
	size_t i;

	for (i = 0; i + 1 < sizeof(who) && record->publisher[i] != '\0'; i++) {
		char c = record->publisher[i];

		who[i] = c > ' ' && c < 0x7f ? c : '_';
	}
	who[i] = '\0';
	append(text, "published %"PRIu64" %s\n", record->published_secs,
	       i == 0 ? "-" : who);
}

static void append_node(struct text *text, const struct ring_node *node)
{
	bool is_ipv6 = strchr(node->address, ':') != NULL;
	unsigned int i;

	append(text, is_ipv6 ? "node %s [%s]:%u %s" : "node %s %s:%u %s",
	       node->name, node->address, (unsigned int)node->port,
	       ring_role_name(node->role));
	for (i = 0; i < node->key_count; i++)
		append_base64(text, node->keys[i], sizeof(node->keys[i]));
	append(text, "\n");
}

static void append_host(struct text *text, const struct ring_host *host)
{
	unsigned int i;

	append(text, "host %s %s %s weight=%"PRIu32" node=%s", host->name,
	       host->address, ring_host_state_name(host->state), host->weight,
	       host->node);
	if (host->effective != 0 &&
	    host->effective != host->weight * RING_EFFECTIVE_UNIT)
		append(text, " effective=%"PRIu32, host->effective);
	if (host->tag[0] != '\0')
		append(text, " tag=%s", host->tag);
	for (i = 0; i < RING_PROTOCOL_COUNT; i++) {
		if (ring_host_port(host, i) != ring_protocol_port(i))
			append(text, " %s=%u", ring_protocol_name(i),
			       (unsigned int)host->ports[i]);
	}
	append(text, "\n");
}

static void print_body(const struct ring_record *record, struct text *text)
{
	unsigned int i;

	append(text, "dovering-ring 1\n");
	append(text, "cluster %s\n", record->cluster);
	append(text, "epoch %"PRIu64"\n", record->epoch);
	append_hex(text, "previous", record->previous,
		   sizeof(record->previous));
	append_hex(text, "seed", record->seed, sizeof(record->seed));
	append_published(text, record);
	for (i = 0; i < record->node_count; i++)
		append_node(text, &record->nodes[i]);
	for (i = 0; i < record->host_count; i++)
		append_host(text, &record->hosts[i]);
	append_hex(text, "table", record->table_digest,
		   sizeof(record->table_digest));
}

char *ring_record_print_body(const struct ring_record *record, size_t *size_r)
{
	struct text text = {NULL, 0, 0};

	print_body(record, &text);
	*size_r = text.used;
	return text.data;
}

char *ring_record_print(const struct ring_record *record, size_t *size_r)
{
	struct text text = {NULL, 0, 0};

	print_body(record, &text);
	if (record->is_signed) {
		append(&text, "signature");
		append_base64(&text, record->signature,
			      sizeof(record->signature));
		append(&text, "\n");
	}
	*size_r = text.used;
	return text.data;
}
