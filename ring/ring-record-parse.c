/* The record's text, read as strictly as it is written: what each line and
   field may hold stands in the tables below. At the end the record is printed
   and compared, so what a table forgot can't give a second spelling. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "memory.h"
#include "ring-record-private.h"

/* The line with the most is a host's: itself, 5 fields, effective, tag, a port
   for each protocol. One more tells that there are too many. */
#define WORDS_MAX (8 + RING_PROTOCOL_COUNT + 1)
/* How much of the text an error quotes. */
#define QUOTE "%.80s"

#define EXPECT_NAME "1 to 63 letters, digits, '-', '_', '.'"
#define EXPECT_DIGEST "64 hex digits in lower case"
#define EXPECT_KEY "base64 of 32 bytes"
#define EXPECT_PORT "1 to 65535, and not the standard port"

struct parser {
	struct ring_record *record;
	struct ring_error *error;

	char *text, *end;	/* our copy, cut into words as we go */
	char *next;		/* where the next line begins */
	unsigned int line;
	char *words[WORDS_MAX];
	unsigned int word_count;	/* 0 = no more lines */

	struct ring_node node;
	struct ring_host host;
};

struct field {
	const char *name;
	const char *expected;
	/* false = not what is expected */
	bool (*parse)(struct parser *parser, unsigned int arg,
		      const char *value);
	unsigned int arg;
	enum { FIELD_PLAIN, FIELD_PLAIN_MAY_MISS, FIELD_OPTION,
	       FIELD_OPTION_MAY_MISS } kind;
};

struct line {
	const char *word;
	enum { LINE_ONCE, LINE_MANY, LINE_MAY_MISS } kind;
	const struct field *fields;
	unsigned int field_count;
	/* What only the whole line shows; -1 with the error. */
	int (*finish)(struct parser *parser);
};

/* -- values */

static bool parse_number(const char *text, uint64_t min, uint64_t max,
			 uint64_t *number_r)
{
	uint64_t number = 0;
	const char *p;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (p = text; *p != '\0'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (*p < '0' || *p > '9' || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*number_r = number;
	return number >= min;
}

static bool parse_hex(const char *text, uint8_t *bytes, size_t size)
{
	if (strlen(text) != 2 * size ||
	    strspn(text, "0123456789abcdef") != 2 * size)
		return false;
	return sodium_hex2bin(bytes, size, text, 2 * size, NULL, NULL,
			      NULL) == 0;
}

static bool parse_base64(const char *text, uint8_t *bytes, size_t size)
{
	size_t got;

	return sodium_base642bin(bytes, size, text, strlen(text), NULL, &got,
				 NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
		got == size;
}

static bool parse_name(const char *text, char name[RING_NAME_MAX + 1])
{
	if (!ring_name_is_valid(text))
		return false;
	strcpy(name, text);
	return true;
}

static bool parse_address(const char *text, char address[RING_ADDRESS_MAX + 1])
{
	return ring_address_canonical(text, address) &&
		strcmp(text, address) == 0;
}

/* -- fields */

static bool field_version(struct parser *parser, unsigned int arg,
			  const char *value)
{
	(void)parser;
	(void)arg;
	return strcmp(value, "1") == 0;
}

static bool field_cluster(struct parser *parser, unsigned int arg,
			  const char *value)
{
	(void)arg;
	return parse_name(value, parser->record->cluster);
}

static bool field_epoch(struct parser *parser, unsigned int arg,
			const char *value)
{
	(void)arg;
	return parse_number(value, 1, RING_EPOCH_MAX, &parser->record->epoch);
}

static bool field_previous(struct parser *parser, unsigned int arg,
			   const char *value)
{
	(void)arg;
	return parse_hex(value, parser->record->previous, RING_DIGEST_BYTES);
}

static bool field_seed(struct parser *parser, unsigned int arg,
		       const char *value)
{
	(void)arg;
	return parse_hex(value, parser->record->seed, RING_SEED_BYTES);
}

static bool field_published(struct parser *parser, unsigned int arg,
			    const char *value)
{
	(void)arg;
	return parse_number(value, 0, RING_EPOCH_MAX,
			    &parser->record->published_secs);
}

static bool field_publisher(struct parser *parser, unsigned int arg,
			    const char *value)
{
	(void)arg;
	if (strlen(value) >= sizeof(parser->record->publisher))
		return false;
	strcpy(parser->record->publisher, value);
	return true;
}

static bool field_table(struct parser *parser, unsigned int arg,
			const char *value)
{
	(void)arg;
	return parse_hex(value, parser->record->table_digest,
			 RING_DIGEST_BYTES);
}

static bool field_signature(struct parser *parser, unsigned int arg,
			    const char *value)
{
	(void)arg;
	parser->record->is_signed = true;
	return parse_base64(value, parser->record->signature,
			    RING_SIGNATURE_BYTES);
}

static bool field_node_name(struct parser *parser, unsigned int arg,
			    const char *value)
{
	(void)arg;
	return parse_name(value, parser->node.name);
}

/* ADDRESS:PORT or [ADDRESS]:PORT; brackets are for IPv6 and only for it. */
static bool field_node_address(struct parser *parser, unsigned int arg,
			       const char *value)
{
	const char *colon = strrchr(value, ':');
	char address[RING_ADDRESS_MAX + 3];
	bool has_brackets = value[0] == '[';
	uint64_t port;
	size_t size;

	(void)arg;
	if (colon == NULL || (size_t)(colon - value) >= sizeof(address) ||
	    !parse_number(colon + 1, 1, UINT16_MAX, &port))
		return false;
	size = (size_t)(colon - value);
	memcpy(address, value, size);
	address[size] = '\0';
	if (has_brackets) {
		if (address[size - 1] != ']')
			return false;
		address[size - 1] = '\0';
	}
	parser->node.port = (uint16_t)port;
	return parse_address(address + has_brackets, parser->node.address) &&
		has_brackets == (strchr(parser->node.address, ':') != NULL);
}

static bool field_node_role(struct parser *parser, unsigned int arg,
			    const char *value)
{
	(void)arg;
	return ring_role_parse(value, &parser->node.role);
}

static bool field_node_key(struct parser *parser, unsigned int arg,
			   const char *value)
{
	parser->node.key_count = arg + 1;
	return parse_base64(value, parser->node.keys[arg],
			    RING_PUBLIC_KEY_BYTES);
}

static bool field_host_name(struct parser *parser, unsigned int arg,
			    const char *value)
{
	(void)arg;
	return parse_name(value, parser->host.name);
}

static bool field_host_address(struct parser *parser, unsigned int arg,
			       const char *value)
{
	(void)arg;
	return parse_address(value, parser->host.address);
}

static bool field_host_state(struct parser *parser, unsigned int arg,
			     const char *value)
{
	(void)arg;
	return ring_host_state_parse(value, &parser->host.state);
}

static bool field_host_weight(struct parser *parser, unsigned int arg,
			      const char *value)
{
	uint64_t weight;

	(void)arg;
	if (!parse_number(value, 0, RING_WEIGHT_MAX, &weight))
		return false;
	parser->host.weight = (uint32_t)weight;
	return true;
}

static bool field_host_node(struct parser *parser, unsigned int arg,
			    const char *value)
{
	(void)arg;
	return parse_name(value, parser->host.node);
}

static bool field_host_effective(struct parser *parser, unsigned int arg,
				 const char *value)
{
	uint64_t effective;

	(void)arg;
	if (!parse_number(value, 1, RING_EFFECTIVE_MAX, &effective) ||
	    effective == parser->host.weight * RING_EFFECTIVE_UNIT)
		return false;
	parser->host.effective = (uint32_t)effective;
	return true;
}

static bool field_host_tag(struct parser *parser, unsigned int arg,
			   const char *value)
{
	(void)arg;
	return parse_name(value, parser->host.tag);
}

static bool field_host_port(struct parser *parser, unsigned int arg,
			    const char *value)
{
	uint64_t port;

	if (!parse_number(value, 1, UINT16_MAX, &port) ||
	    port == ring_protocol_port(arg))
		return false;
	parser->host.ports[arg] = (uint16_t)port;
	return true;
}

/* -- lines */

static int fail_line(struct parser *parser)
{
	parser->error->line = parser->line;
	return -1;
}

/* Is this list in order, its newest name behind the last one? */
static int check_order(struct parser *parser, const char *kind,
		       const char *last, const char *name)
{
	int order = strcmp(last, name);

	if (order < 0)
		return 0;
	if (order == 0)
		ring_error_set(parser->error, parser->line, "%s %s is there "
			       "twice, expected each name once", kind, name);
	else
		ring_error_set(parser->error, parser->line, "%s %s comes "
			       "after %s, expected them sorted by name", kind,
			       name, last);
	return -1;
}

static int check_limit(struct parser *parser, const char *kind,
		       unsigned int count, unsigned int max)
{
	if (count < max)
		return 0;
	ring_error_set(parser->error, parser->line, "one %s too many, "
		       "expected at most %u", kind, max);
	return -1;
}

static int finish_node(struct parser *parser)
{
	struct ring_record *record = parser->record;
	unsigned int count = record->node_count;

	if (check_limit(parser, "node", count, RING_NODES_MAX) < 0)
		return -1;
	if (count > 0 && check_order(parser, "node",
				     record->nodes[count - 1].name,
				     parser->node.name) < 0)
		return -1;
	if (ring_record_check_node(&parser->node, parser->error) < 0)
		return fail_line(parser);
	ring_record_push_node(record, &parser->node);
	memset(&parser->node, 0, sizeof(parser->node));
	return 0;
}

static int finish_host(struct parser *parser)
{
	struct ring_record *record = parser->record;
	unsigned int count = record->host_count;

	if (check_limit(parser, "host", count, RING_HOSTS_MAX) < 0)
		return -1;
	if (count > 0 && check_order(parser, "host",
				     record->hosts[count - 1].name,
				     parser->host.name) < 0)
		return -1;
	if (ring_record_check_host(record, &parser->host, parser->error) < 0)
		return fail_line(parser);
	ring_record_push_host(record, &parser->host);
	memset(&parser->host, 0, sizeof(parser->host));
	return 0;
}

static const struct field version_fields[] = {
	{"version", "1; a newer one needs a newer dovering", field_version,
	 0, FIELD_PLAIN},
};
static const struct field cluster_fields[] = {
	{"name", EXPECT_NAME, field_cluster, 0, FIELD_PLAIN},
};
static const struct field epoch_fields[] = {
	{"number", "1 to 9007199254740991", field_epoch, 0, FIELD_PLAIN},
};
static const struct field previous_fields[] = {
	{"digest", EXPECT_DIGEST, field_previous, 0, FIELD_PLAIN},
};
static const struct field seed_fields[] = {
	{"value", "32 hex digits in lower case", field_seed, 0, FIELD_PLAIN},
};
static const struct field published_fields[] = {
	{"time", "seconds since 1970", field_published, 0, FIELD_PLAIN},
	{"publisher", "user@machine, at most 127 bytes", field_publisher,
	 0, FIELD_PLAIN},
};
static const struct field node_fields[] = {
	{"name", EXPECT_NAME, field_node_name, 0, FIELD_PLAIN},
	{"address", "IPV4:PORT or [IPV6]:PORT in the usual form",
	 field_node_address, 0, FIELD_PLAIN},
	{"role", "director or backend", field_node_role, 0, FIELD_PLAIN},
	{"key", EXPECT_KEY, field_node_key, 0, FIELD_PLAIN},
	{"second key", EXPECT_KEY, field_node_key, 1, FIELD_PLAIN_MAY_MISS},
};
static const struct field host_fields[] = {
	{"name", EXPECT_NAME, field_host_name, 0, FIELD_PLAIN},
	{"address", "a numeric address in its usual form",
	 field_host_address, 0, FIELD_PLAIN},
	{"state", "up, drain or down", field_host_state, 0, FIELD_PLAIN},
	{"weight", "0 to 10000", field_host_weight, 0, FIELD_OPTION},
	{"node", EXPECT_NAME, field_host_node, 0, FIELD_OPTION},
	{"effective", "1 to 20000000, and not 1000 times the weight",
	 field_host_effective, 0, FIELD_OPTION_MAY_MISS},
	{"tag", EXPECT_NAME, field_host_tag, 0, FIELD_OPTION_MAY_MISS},
	{"imap", EXPECT_PORT, field_host_port, RING_PROTOCOL_IMAP,
	 FIELD_OPTION_MAY_MISS},
	{"pop3", EXPECT_PORT, field_host_port, RING_PROTOCOL_POP3,
	 FIELD_OPTION_MAY_MISS},
	{"lmtp", EXPECT_PORT, field_host_port, RING_PROTOCOL_LMTP,
	 FIELD_OPTION_MAY_MISS},
	{"sieve", EXPECT_PORT, field_host_port, RING_PROTOCOL_SIEVE,
	 FIELD_OPTION_MAY_MISS},
	{"submission", EXPECT_PORT, field_host_port, RING_PROTOCOL_SUBMISSION,
	 FIELD_OPTION_MAY_MISS},
	{"doveadm", EXPECT_PORT, field_host_port, RING_PROTOCOL_DOVEADM,
	 FIELD_OPTION_MAY_MISS},
};
static const struct field table_fields[] = {
	{"digest", EXPECT_DIGEST, field_table, 0, FIELD_PLAIN},
};
static const struct field signature_fields[] = {
	{"value", "base64 of 64 bytes", field_signature, 0, FIELD_PLAIN},
};

#define FIELDS(fields) fields, sizeof(fields) / sizeof(fields[0])

static const struct line lines[] = {
	{"dovering-ring", LINE_ONCE, FIELDS(version_fields), NULL},
	{"cluster", LINE_ONCE, FIELDS(cluster_fields), NULL},
	{"epoch", LINE_ONCE, FIELDS(epoch_fields), NULL},
	{"previous", LINE_ONCE, FIELDS(previous_fields), NULL},
	{"seed", LINE_ONCE, FIELDS(seed_fields), NULL},
	{"published", LINE_ONCE, FIELDS(published_fields), NULL},
	{"node", LINE_MANY, FIELDS(node_fields), finish_node},
	{"host", LINE_MANY, FIELDS(host_fields), finish_host},
	{"table", LINE_ONCE, FIELDS(table_fields), NULL},
	{"signature", LINE_MAY_MISS, FIELDS(signature_fields), NULL},
};

#define LINE_COUNT (sizeof(lines) / sizeof(lines[0]))

/* -- the machine */

static int check_bytes(struct parser *parser, const char *end)
{
	const char *p;

	for (p = parser->next; p < end; p++) {
		if (*p >= ' ' && *p < 0x7f)
			continue;
		ring_error_set(parser->error, parser->line, "byte 0x%02x in "
			       "column %u, expected printable ASCII",
			       (unsigned int)(unsigned char)*p,
			       (unsigned int)(p - parser->next) + 1);
		return -1;
	}
	return 0;
}

/* Cut the line at its spaces. Empty words are what two spaces, or one at an
   end, leave behind. */
static int split_line(struct parser *parser)
{
	char *p = parser->next, *space;

	for (;;) {
		if (parser->word_count == WORDS_MAX) {
			ring_error_set(parser->error, parser->line, "too many "
				       "fields, expected at most %d",
				       WORDS_MAX - 1);
			return -1;
		}
		parser->words[parser->word_count++] = p;
		space = strchr(p, ' ');
		if (space != NULL)
			*space = '\0';
		if (*p == '\0') {
			ring_error_set(parser->error, parser->line, "field %u "
				       "is empty, expected one space between "
				       "fields and no other",
				       parser->word_count);
			return -1;
		}
		if (space == NULL)
			return 0;
		p = space + 1;
	}
}

/* Go to the next line; at the end of the text there are no words. */
static int next_line(struct parser *parser)
{
	char *end;

	parser->word_count = 0;
	parser->line++;
	if (parser->next == parser->end)
		return 0;
	end = memchr(parser->next, '\n',
		     (size_t)(parser->end - parser->next));
	if (check_bytes(parser, end != NULL ? end : parser->end) < 0)
		return -1;
	if (end == NULL) {
		ring_error_set(parser->error, parser->line, "the line is cut "
			       "off, expected a newline at its end");
		return -1;
	}
	*end = '\0';
	if (split_line(parser) < 0)
		return -1;
	parser->next = end + 1;
	return 0;
}

/* The value that is for this field. Returns 1, or 0 if the field is not here
   but may miss, or -1 with the error. */
static int find_value(struct parser *parser, const struct line *line,
		      const struct field *field, unsigned int word,
		      const char **value_r)
{
	const char *text = word < parser->word_count ? parser->words[word] :
		NULL;
	size_t size = strlen(field->name);

	*value_r = text;
	if (field->kind == FIELD_PLAIN || field->kind == FIELD_PLAIN_MAY_MISS) {
		if (text != NULL)
			return 1;
	} else if (text != NULL && strncmp(text, field->name, size) == 0 &&
		   text[size] == '=') {
		*value_r = text + size + 1;
		return 1;
	}
	if (field->kind == FIELD_PLAIN_MAY_MISS ||
	    field->kind == FIELD_OPTION_MAY_MISS)
		return 0;
	ring_error_set(parser->error, parser->line, "%s: %s%s is missing, "
		       "expected %s", line->word, field->name,
		       field->kind == FIELD_OPTION ? "=" : "",
		       field->expected);
	return -1;
}

static int parse_fields(struct parser *parser, const struct line *line)
{
	const struct field *field;
	unsigned int i, word = 1;
	const char *value;

	for (i = 0; i < line->field_count; i++) {
		int ret;

		field = &line->fields[i];
		ret = find_value(parser, line, field, word, &value);
		if (ret < 0)
			return -1;
		if (ret == 0)
			continue;
		if (!field->parse(parser, field->arg, value)) {
			ring_error_set(parser->error, parser->line, "%s: %s "
				       "is '"QUOTE"', expected %s",
				       line->word, field->name, value,
				       field->expected);
			return -1;
		}
		word++;
	}
	if (word < parser->word_count) {
		ring_error_set(parser->error, parser->line, "%s: '"QUOTE"' "
			       "is unknown, there twice or out of order, "
			       "expected the end of the line", line->word,
			       parser->words[word]);
		return -1;
	}
	return line->finish == NULL ? 0 : line->finish(parser);
}

static int fail_unexpected(struct parser *parser, const char *expected)
{
	if (parser->word_count == 0)
		ring_error_set(parser->error, parser->line, "the record ends "
			       "here, expected %s", expected);
	else
		ring_error_set(parser->error, parser->line, "line begins with "
			       "'"QUOTE"', expected %s", parser->words[0],
			       expected);
	return -1;
}

/* Name all kinds of line that may stand here, from `first` to `last`. */
static int fail_missing(struct parser *parser, unsigned int first,
			unsigned int last)
{
	char expected[64];

	expected[0] = '\0';
	for (; first <= last; first++) {
		strcat(expected, lines[first].word);
		if (first < last)
			strcat(expected, first + 1 < last ? ", " : " or ");
	}
	return fail_unexpected(parser, expected);
}

static int parse_lines(struct parser *parser)
{
	unsigned int i, first = 0;	/* kind that may come next */

	if (next_line(parser) < 0)
		return -1;
	for (i = 0; i < LINE_COUNT; i++) {
		const struct line *line = &lines[i];
		unsigned int count = 0;

		while (parser->word_count > 0 &&
		       strcmp(parser->words[0], line->word) == 0 &&
		       (count == 0 || line->kind == LINE_MANY)) {
			if (parse_fields(parser, line) < 0 ||
			    next_line(parser) < 0)
				return -1;
			count++;
		}
		if (count == 0 && line->kind == LINE_ONCE)
			return fail_missing(parser, first, i);
		if (count > 0)
			first = line->kind == LINE_MANY ? i : i + 1;
	}
	if (parser->word_count > 0)
		return fail_unexpected(parser, parser->record->is_signed ?
				       "nothing behind the signature" :
				       "signature or the end");
	return 0;
}

/* The promise that a record has one text, kept whatever the tables say. */
static int check_canonical(struct parser *parser, const char *text,
			   size_t size)
{
	size_t i, printed_size;
	char *printed = ring_record_print(parser->record, &printed_size);
	int ret = 0;

	if (printed_size != size || memcmp(printed, text, size) != 0) {
		unsigned int line = 1;

		for (i = 0; i < size && text[i] == printed[i]; i++) {
			if (text[i] == '\n')
				line++;
		}
		ring_error_set(parser->error, line, "the line is not in its "
			       "one canonical form");
		ret = -1;
	}
	free(printed);
	return ret;
}

static void parser_init(struct parser *parser, const void *text, size_t size,
			struct ring_error *error)
{
	memset(parser, 0, sizeof(*parser));
	parser->record = mem_calloc(1, sizeof(*parser->record));
	parser->error = error;
	parser->text = mem_resize(NULL, size + 1, 1);
	if (size > 0)
		memcpy(parser->text, text, size);
	parser->text[size] = '\0';
	parser->end = parser->text + size;
	parser->next = parser->text;
}

int ring_record_parse(const void *text, size_t size,
		      struct ring_record **record_r, struct ring_error *error)
{
	struct parser parser;
	int ret;

	*record_r = NULL;
	if (size > RING_RECORD_MAX_BYTES) {
		ring_error_set(error, 0, "the record has %zu bytes, expected "
			       "at most %u", size, RING_RECORD_MAX_BYTES);
		return -1;
	}
	parser_init(&parser, text, size, error);
	ret = parse_lines(&parser);
	if (ret == 0)
		ret = check_canonical(&parser, text, size);
	free(parser.text);
	if (ret < 0)
		ring_record_free(&parser.record);
	*record_r = parser.record;
	return ret;
}
