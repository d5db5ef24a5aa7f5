#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checked-file.h"
#include "memory.h"
#include "ring-record.h"
#include "settings.h"

#define FILE_MAX_BYTES (1U << 20)

enum kind {
	KIND_TEXT,	/* char *: any text, or what `check` allows */
	KIND_NAME,	/* char *: a name of the ring */
	KIND_PATH,	/* char *: an absolute path */
	KIND_MSECS,	/* unsigned int */
	KIND_SECS,	/* unsigned int */
	KIND_COUNT,	/* unsigned int, a "%" behind it allowed */
	KIND_NUMBER,	/* uint64_t */
	KIND_CHOICE	/* an enum: its number of `choices` */
};

struct setting {
	const char *name;
	enum kind kind;
	size_t offset;
	/* The default. "": may be empty. */
	const char *value;
	const char *expected;
	uint64_t min, max;
	const char *const *choices;
	bool (*check)(const char *value);
};

/* In the order of their enums. */
static const char *const store_failures[] = {"route", "refuse", "failsafe",
					     NULL};
static const char *const user_keys[] = {"%Lu", "%Ln", "%Ld", NULL};

static bool begins_with(const char *value, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++) {
		size_t length = strlen(*prefixes);

		if (strncmp(value, *prefixes, length) == 0 &&
		    value[length] != '\0')
			return true;
	}
	return false;
}

/* What stands behind the scheme is the store's to check, when it connects. */
static bool is_store_url(const char *value)
{
	static const char *const schemes[] = {
		"redis://", "rediss://", "redis+unix:///",
		"redis+sentinel://", "rediss+sentinel://", NULL};

	return begins_with(value, schemes);
}

static bool is_director_url(const char *value)
{
	static const char *const schemes[] = {"imap://", "imaps://",
					      "imap+starttls://", NULL};

	return begins_with(value, schemes);
}

/* ADDRESS:PORT or [ADDRESS]:PORT */
static bool is_address_port(const char *value)
{
	char address[RING_ADDRESS_MAX + 1], canonical[RING_ADDRESS_MAX + 1];
	const char *colon = strrchr(value, ':'), *p;
	bool brackets = value[0] == '[';
	unsigned int port = 0;
	size_t size;

	if (colon == NULL || colon == value)
		return false;
	for (p = colon + 1; *p >= '0' && *p <= '9' && port <= UINT16_MAX; p++)
		port = port * 10 + (unsigned int)(*p - '0');
	if (*p != '\0' || port == 0 || port > UINT16_MAX)
		return false;
	size = (size_t)(colon - value);
	if (brackets) {
		if (size < 2 || value[size - 1] != ']')
			return false;
		value++;
		size -= 2;
	}
	if (size >= sizeof(address))
		return false;
	memcpy(address, value, size);
	address[size] = '\0';
	return (strchr(address, ':') != NULL) == brackets &&
		ring_address_canonical(address, canonical);
}

#define AT(member) offsetof(struct node_settings, member)
#define DAY_MSECS (24ULL * 3600 * 1000)
#define NAME_EXPECTED \
	"1 to 63 letters, digits, \"-\", \"_\" or \".\""
#define PATH_EXPECTED "an absolute path"

static const struct setting settings_table[] = {
	{"cluster", KIND_NAME, AT(cluster), "mail",
	 NAME_EXPECTED, 0, 0, NULL, NULL},
	{"node", KIND_NAME, AT(node), "",
	 NAME_EXPECTED, 0, 0, NULL, NULL},
	{"host", KIND_NAME, AT(host), "",
	 NAME_EXPECTED, 0, 0, NULL, NULL},
	{"store", KIND_TEXT, AT(store), "redis://127.0.0.1:6379/0",
	 "redis://HOST:PORT/DB, rediss://, redis+unix:///PATH?db=N, "
	 "redis+sentinel://HOST:PORT,.../MASTER or rediss+sentinel://",
	 0, 0, NULL, is_store_url},
	{"store_user", KIND_TEXT, AT(store_user), "",
	 NULL, 0, 0, NULL, NULL},
	{"store_password_file", KIND_PATH, AT(store_password_file), "",
	 PATH_EXPECTED, 0, 0, NULL, NULL},
	{"store_ca_file", KIND_PATH, AT(store_ca_file), "",
	 PATH_EXPECTED, 0, 0, NULL, NULL},
	{"store_cert_file", KIND_PATH, AT(store_cert_file), "",
	 PATH_EXPECTED, 0, 0, NULL, NULL},
	{"store_key_file", KIND_PATH, AT(store_key_file), "",
	 PATH_EXPECTED, 0, 0, NULL, NULL},
	{"ring_public_key_file", KIND_PATH, AT(ring_public_key_file),
	 "/etc/dovering/ring.pub", PATH_EXPECTED, 0, 0, NULL, NULL},
	{"ring_secret_key_file", KIND_PATH, AT(ring_secret_key_file),
	 "/etc/dovering/ring.key", PATH_EXPECTED, 0, 0, NULL, NULL},
	{"node_secret_key_file", KIND_PATH, AT(node_secret_key_file),
	 "/etc/dovering/node.key", PATH_EXPECTED, 0, 0, NULL, NULL},
	{"state_dir", KIND_PATH, AT(state_dir),
	 "/var/lib/dovering", PATH_EXPECTED, 0, 0, NULL, NULL},
	{"user_expire", KIND_SECS, AT(user_expire_secs), "15 mins",
	 "whole seconds from 1 sec to 7 days, such as 15 mins",
	 1000, 7 * DAY_MSECS, NULL, NULL},
	{"kick_delay", KIND_MSECS, AT(kick_delay_msecs), "2 secs",
	 "a time from 0 secs to 10 mins, such as 2 secs",
	 0, 600000, NULL, NULL},
	{"hold_timeout", KIND_MSECS, AT(hold_timeout_msecs), "30 secs",
	 "a time from 1 sec to 1 hour, such as 30 secs",
	 1000, 3600000, NULL, NULL},
	{"on_store_failure", KIND_CHOICE, AT(on_store_failure), "route",
	 "route, refuse or failsafe", 0, 0, store_failures, NULL},
	{"user_key", KIND_CHOICE, AT(user_key), "%Lu",
	 "%Lu (user@domain), %Ln (without the domain) or %Ld (a domain "
	 "together)", 0, 0, user_keys, NULL},
	{"health_interval", KIND_MSECS, AT(health_interval_msecs), "2 secs",
	 "a time from 100 msecs to 1 hour, such as 2 secs",
	 100, 3600000, NULL, NULL},
	{"health_fail_count", KIND_COUNT, AT(health_fail_count), "3",
	 "a number from 1 to 1000", 1, 1000, NULL, NULL},
	{"health_pass_count", KIND_COUNT, AT(health_pass_count), "2",
	 "a number from 1 to 1000", 1, 1000, NULL, NULL},
	{"health_max_down", KIND_COUNT, AT(health_max_down_percent), "33%",
	 "a percentage from 0% to 100%", 0, 100, NULL, NULL},
	{"health_user", KIND_TEXT, AT(health_user), "",
	 NULL, 0, 0, NULL, NULL},
	{"health_password_file", KIND_PATH, AT(health_password_file), "",
	 PATH_EXPECTED, 0, 0, NULL, NULL},
	{"director", KIND_TEXT, AT(director), "",
	 "imap://HOST:PORT, imaps:// or imap+starttls://",
	 0, 0, NULL, is_director_url},
	{"ticket_lifetime", KIND_SECS, AT(ticket_lifetime_secs), "5 mins",
	 "whole seconds from 10 secs to 1 day, such as 5 mins",
	 10000, DAY_MSECS, NULL, NULL},
	{"agent_listen", KIND_TEXT, AT(agent_listen), "",
	 "ADDRESS:PORT, such as 10.0.0.1:7420 or [2001:db8::1]:7420",
	 0, 0, NULL, is_address_port},
	{"ring_min_epoch", KIND_NUMBER, AT(ring_min_epoch), "0",
	 "an epoch: 0, or the least that this node may accept",
	 0, RING_EPOCH_MAX, NULL, NULL},
	{"flush_command", KIND_TEXT, AT(flush_command), "",
	 NULL, 0, 0, NULL, NULL},
	{"ticket_networks", KIND_TEXT, AT(ticket_networks), "",
	 NULL, 0, 0, NULL, NULL},
};
#define SETTINGS_COUNT (sizeof(settings_table) / sizeof(settings_table[0]))

static const struct {
	const char *name;
	uint64_t msecs;
} units[] = {
	{"ms", 1}, {"msec", 1}, {"msecs", 1},
	{"s", 1000}, {"sec", 1000}, {"secs", 1000},
	{"second", 1000}, {"seconds", 1000},
	{"m", 60000}, {"min", 60000}, {"mins", 60000},
	{"minute", 60000}, {"minutes", 60000},
	{"h", 3600000}, {"hour", 3600000}, {"hours", 3600000},
	{"d", DAY_MSECS}, {"day", DAY_MSECS}, {"days", DAY_MSECS},
};

/* Decimal digits only; *end_r is behind them. */
static bool parse_number(const char *value, uint64_t *number_r,
			 const char **end_r)
{
	uint64_t number = 0;
	const char *p;

	for (p = value; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*number_r = number;
	*end_r = p;
	return p != value;
}

static bool parse_msecs(const char *value, uint64_t *msecs_r)
{
	uint64_t number;
	size_t i;

	if (!parse_number(value, &number, &value))
		return false;
	value += strspn(value, " \t");
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(value, units[i].name) == 0 &&
		    number <= UINT64_MAX / units[i].msecs) {
			*msecs_r = number * units[i].msecs;
			return true;
		}
	}
	/* nothing is the same in every unit */
	*msecs_r = 0;
	return number == 0 && *value == '\0';
}

static bool in_range(const struct setting *setting, uint64_t number)
{
	return number >= setting->min && number <= setting->max;
}

static bool set_unsigned(void *member, uint64_t number)
{
	unsigned int value = (unsigned int)number;

	memcpy(member, &value, sizeof(value));
	return true;
}

static bool set_time(const struct setting *setting, void *member,
		     const char *value)
{
	uint64_t msecs;

	if (!parse_msecs(value, &msecs) || !in_range(setting, msecs))
		return false;
	if (setting->kind == KIND_MSECS)
		return set_unsigned(member, msecs);
	return msecs % 1000 == 0 && set_unsigned(member, msecs / 1000);
}

static bool set_count(const struct setting *setting, void *member,
		      const char *value)
{
	uint64_t number;

	if (!parse_number(value, &number, &value) || !in_range(setting, number))
		return false;
	if (setting->kind == KIND_NUMBER) {
		memcpy(member, &number, sizeof(number));
		return *value == '\0';
	}
	value += strspn(value, " \t");
	if (strcmp(value, "%") == 0 && setting->max == 100)
		value++;
	return *value == '\0' && set_unsigned(member, number);
}

static bool set_choice(const struct setting *setting, void *member,
		       const char *value)
{
	unsigned int i;

	_Static_assert(sizeof(enum node_store_failure) == sizeof(i) &&
		       sizeof(enum node_user_key) == sizeof(i),
		       "choices are set as unsigned int");
	for (i = 0; setting->choices[i] != NULL; i++) {
		if (strcmp(value, setting->choices[i]) == 0)
			return set_unsigned(member, i);
	}
	return false;
}

static bool text_is_valid(const struct setting *setting, const char *value)
{
	if (*value == '\0')
		return setting->value[0] == '\0';
	switch (setting->kind) {
	case KIND_NAME:
		return ring_name_is_valid(value);
	case KIND_PATH:
		return value[0] == '/';
	default:
		return setting->check == NULL || setting->check(value);
	}
}

static bool set_value(const struct setting *setting,
		      struct node_settings *settings, const char *value)
{
	void *member = (char *)settings + setting->offset;
	char *copy;

	switch (setting->kind) {
	case KIND_MSECS:
	case KIND_SECS:
		return set_time(setting, member, value);
	case KIND_COUNT:
	case KIND_NUMBER:
		return set_count(setting, member, value);
	case KIND_CHOICE:
		return set_choice(setting, member, value);
	default:
		if (!text_is_valid(setting, value))
			return false;
		copy = mem_dup(value, strlen(value));
		memcpy(member, &copy, sizeof(copy));
		return true;
	}
}

struct parser {
	const char *path;
	struct node_settings *settings;
	unsigned int line;
	/* Where each setting was given; 0 = not yet. */
	unsigned int lines[SETTINGS_COUNT];
	struct ring_error *error;
};

__attribute__((format(printf, 3, 4)))
static int fail(struct parser *parser, unsigned int line, const char *format,
		...)
{
	char text[RING_ERROR_MAX_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ring_error_set(parser->error, line, "%s:%u: %s", parser->path, line,
		       text);
	return -1;
}

static size_t setting_find(const char *name)
{
	size_t i;

	for (i = 0; i < SETTINGS_COUNT; i++) {
		if (strcmp(settings_table[i].name, name) == 0)
			break;
	}
	return i;
}

static int parse_setting(struct parser *parser, const char *name,
			 const char *value)
{
	size_t i = setting_find(name);
	const struct setting *setting;

	if (i == SETTINGS_COUNT) {
		return fail(parser, parser->line, "%s: there is no such "
			    "setting", name);
	}
	setting = &settings_table[i];
	if (parser->lines[i] != 0) {
		return fail(parser, parser->line, "%s: given twice, first on "
			    "line %u", name, parser->lines[i]);
	}
	if (!set_value(setting, parser->settings, value)) {
		return fail(parser, parser->line, "%s: expected %s, not "
			    "\"%s\"", name, setting->expected, value);
	}
	parser->lines[i] = parser->line;
	return 0;
}

static bool is_blank(char c)
{
	/* CR: files that were written on Windows */
	return c == ' ' || c == '\t' || c == '\r';
}

/* The text without blanks at both ends; the caller frees. */
static char *trim(const char *text, size_t size)
{
	while (size > 0 && is_blank(text[0])) {
		text++;
		size--;
	}
	while (size > 0 && is_blank(text[size - 1]))
		size--;
	return mem_dup(text, size);
}

/* Cut a comment off: "#" at the beginning or behind a blank. */
static size_t without_comment(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (text[i] == '#' && (i == 0 || is_blank(text[i - 1])))
			return i;
	}
	return size;
}

static int parse_line(struct parser *parser, const char *text, size_t size)
{
	const char *equals;
	char *name, *value;
	size_t i;
	int ret;

	for (i = 0; i < size; i++) {
		if (((unsigned char)text[i] < 0x20 && !is_blank(text[i])) ||
		    text[i] == 0x7f) {
			return fail(parser, parser->line, "byte \\x%02x in "
				    "column %zu: expected text",
				    (unsigned char)text[i], i + 1);
		}
	}
	size = without_comment(text, size);
	while (size > 0 && is_blank(text[size - 1]))
		size--;
	if (size == 0)
		return 0;
	equals = memchr(text, '=', size);
	if (equals == NULL || equals == text + strspn(text, " \t\r")) {
		name = trim(text, size);
		ret = fail(parser, parser->line,
			   "expected name = value, not \"%s\"", name);
		free(name);
		return ret;
	}
	name = trim(text, (size_t)(equals - text));
	value = trim(equals + 1, size - (size_t)(equals + 1 - text));
	ret = parse_setting(parser, name, value);
	free(name);
	free(value);
	return ret;
}

static void set_defaults(struct parser *parser)
{
	size_t i;

	for (i = 0; i < SETTINGS_COUNT; i++) {
		const struct setting *setting = &settings_table[i];

		if (parser->lines[i] != 0)
			continue;
		if (!set_value(setting, parser->settings, setting->value))
			abort();
	}
}

/* The line of a setting that was given. */
static unsigned int line_of(const struct parser *parser, const char *name)
{
	return parser->lines[setting_find(name)];
}

static int check_together(struct parser *parser)
{
	static const char *const tls_files[] = {
		"store_ca_file", "store_cert_file", "store_key_file"};
	const struct node_settings *set = parser->settings;
	bool tls = strncmp(set->store, "rediss", 6) == 0;
	size_t i;

	if (set->store_user[0] != '\0' && set->store_password_file[0] == '\0') {
		return fail(parser, line_of(parser, "store_user"),
			    "store_user: needs store_password_file too");
	}
	if (set->store_cert_file[0] != '\0' && set->store_key_file[0] == '\0') {
		return fail(parser, line_of(parser, "store_cert_file"),
			    "store_cert_file: needs store_key_file too");
	}
	if (set->store_key_file[0] != '\0' && set->store_cert_file[0] == '\0') {
		return fail(parser, line_of(parser, "store_key_file"),
			    "store_key_file: needs store_cert_file too");
	}
	/* An admin who names a CA believes that the line is encrypted. */
	for (i = 0; i < sizeof(tls_files) / sizeof(tls_files[0]) && !tls; i++) {
		size_t n = setting_find(tls_files[i]);
		const char *value;

		memcpy(&value, (const char *)set + settings_table[n].offset,
		       sizeof(value));
		if (value[0] != '\0') {
			return fail(parser, parser->lines[n], "%s: expected a "
				    "store by TLS, rediss:// or "
				    "rediss+sentinel://", tls_files[i]);
		}
	}
	return 0;
}

static int parse_text(struct parser *parser, const char *text, size_t size)
{
	const char *end = text + size, *lf;

	while (text != end) {
		lf = memchr(text, '\n', (size_t)(end - text));
		if (lf == NULL)
			lf = end;
		parser->line++;
		if (parse_line(parser, text, (size_t)(lf - text)) < 0)
			return -1;
		text = lf == end ? end : lf + 1;
	}
	set_defaults(parser);
	return check_together(parser);
}

int node_settings_parse(const char *path, const char *text, size_t size,
			struct node_settings **settings_r,
			struct ring_error *error)
{
	struct parser parser = {.path = path, .error = error};

	parser.settings = mem_calloc(1, sizeof(*parser.settings));
	if (parse_text(&parser, text, size) < 0) {
		node_settings_free(&parser.settings);
		return -1;
	}
	*settings_r = parser.settings;
	return 0;
}

static int read_text(int fd, const char *path, char **text_r, size_t *size_r,
		     struct ring_error *error)
{
	char *text = mem_resize(NULL, FILE_MAX_BYTES + 1, 1);
	size_t size = 0;
	ssize_t ret = 1;

	while (ret != 0 && size <= FILE_MAX_BYTES) {
		ret = read(fd, text + size, FILE_MAX_BYTES + 1 - size);
		if (ret < 0 && errno != EINTR) {
			ring_error_set(error, 0, "can't read %s: %s", path,
				       strerror(errno));
			free(text);
			return -1;
		}
		size += ret > 0 ? (size_t)ret : 0;
	}
	if (size > FILE_MAX_BYTES) {
		ring_error_set(error, 0, "%s is larger than %u bytes: it is no "
			       "settings file", path, FILE_MAX_BYTES);
		free(text);
		return -1;
	}
	*text_r = text;
	*size_r = size;
	return 0;
}

int node_settings_read(const char *path, struct node_settings **settings_r,
		       struct ring_error *error)
{
	char *text;
	size_t size;
	int fd, ret;

	if (node_checked_open(NODE_FILE_PUBLIC, NULL, path, &fd, error) < 0)
		return -1;
	ret = read_text(fd, path, &text, &size, error);
	(void)close(fd);
	if (ret < 0)
		return -1;
	ret = node_settings_parse(path, text, size, settings_r, error);
	free(text);
	return ret;
}

void node_settings_free(struct node_settings **_settings)
{
	struct node_settings *settings = *_settings;
	size_t i;

	*_settings = NULL;
	if (settings == NULL)
		return;
	for (i = 0; i < SETTINGS_COUNT; i++) {
		char *text;

		if (settings_table[i].kind > KIND_PATH)
			continue;
		memcpy(&text, (char *)settings + settings_table[i].offset,
		       sizeof(text));
		free(text);
	}
	free(settings);
}

static void lower(const char *from, size_t size, char *to)
{
	size_t i;

	for (i = 0; i < size; i++) {
		bool upper = from[i] >= 'A' && from[i] <= 'Z';

		to[i] = upper ? (char)(from[i] - 'A' + 'a') : from[i];
	}
	to[size] = '\0';
}

size_t node_user_key(enum node_user_key kind, const char *user, size_t size,
		     char *buf)
{
	/* The first "@", as Dovecot's %n and %d have it */
	const char *at = size == 0 ? NULL : memchr(user, '@', size);
	size_t before = at == NULL ? size : (size_t)(at - user);
	size_t behind = at == NULL ? 0 : size - before - 1;

	/* An empty key would throw many users together: a name that lacks the
	   part asked for is its own key. */
	if (kind == NODE_USER_KEY_NAME && before > 0) {
		size = before;
	} else if (kind == NODE_USER_KEY_DOMAIN && behind > 0) {
		user = at + 1;
		size = behind;
	}
	lower(user, size, buf);
	return size;
}
