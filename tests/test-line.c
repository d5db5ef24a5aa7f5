#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct ring_error error;

/* Parse a copy that is as large as the header asks for, and no larger. */
static int parse(const char *text, size_t size, struct node_line *line,
		 char **buf_r)
{
	*buf_r = malloc(size + 1);
	assert_non_null(*buf_r);
	memcpy(*buf_r, text, size);
	(*buf_r)[size] = 'x';
	return node_line_parse(*buf_r, size, line, &error);
}

static void parse__fields__split_and_unescaped(void **state)
{
	static const char text[] = "ROUTE\t7\t"
		"user=a\001tb\0010c\0011\001r\001n\t";
	struct node_line line;
	size_t size;
	char *buf;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1, &line, &buf), 0);
	assert_int_equal(line.count, 4);
	assert_string_equal(line.fields[0].value, "ROUTE");
	assert_string_equal(line.fields[1].value, "7");
	assert_int_equal(line.fields[3].size, 0);
	assert_string_equal(line.fields[3].value, "");
	assert_memory_equal(node_line_get(&line, 2, "user", &size),
			    "a\tb\0c\001\r\n", 9);
	assert_int_equal(size, 8);
	free(buf);
}

static void parse__empty__is_one_empty_field(void **state)
{
	struct node_line line;
	char *buf;

	(void)state;
	assert_int_equal(parse("", 0, &line, &buf), 0);
	assert_int_equal(line.count, 1);
	assert_string_equal(line.fields[0].value, "");
	free(buf);
}

static void parse__broken__names_the_field(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *field;
	} tests[] = {
		{"A\tb\001", 4, "field 2"},
		{"A\001x", 3, "field 1"},
		{"A\0012", 3, "field 1"},
		{"A\001\tb", 4, "field 1"},
		{"A\tb\t\0", 5, "field 3"},
		{"A\rb", 3, "field 1"},
		{"A\nb", 3, "field 1"},
	};
	struct node_line line;
	size_t i;
	char *buf;

	(void)state;
	for (i = 0; i < COUNT(tests); i++) {
		assert_int_equal(parse(tests[i].text, tests[i].size, &line,
				       &buf), -1);
		assert_ptr_equal(strstr(error.text, tests[i].field),
				 error.text);
		free(buf);
	}
}

static void parse__too_many_fields__refused(void **state)
{
	char text[NODE_LINE_FIELDS_MAX + 1];
	struct node_line line;
	char *buf;

	(void)state;
	memset(text, '\t', sizeof(text));
	assert_int_equal(parse(text, NODE_LINE_FIELDS_MAX - 1, &line, &buf), 0);
	assert_int_equal(line.count, NODE_LINE_FIELDS_MAX);
	free(buf);
	assert_int_equal(parse(text, NODE_LINE_FIELDS_MAX, &line, &buf), -1);
	assert_non_null(strstr(error.text, "fields"));
	free(buf);
}

static void get__names__are_whole_and_begin_at_first(void **state)
{
	static const char text[] = "tag=verb\tuser=x\tuser2=y\ttag=\tpeek";
	struct node_line line;
	size_t size = 99;
	char *buf;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1, &line, &buf), 0);
	assert_string_equal(node_line_get(&line, 1, "tag", &size), "");
	assert_int_equal(size, 0);
	assert_string_equal(node_line_get(&line, 1, "user2", NULL), "y");
	assert_null(node_line_get(&line, 1, "use", NULL));
	assert_null(node_line_get(&line, 1, "peek", NULL));
	assert_null(node_line_get(&line, 9, "user", NULL));
	free(buf);
}

static void writer__any_bytes__come_back(void **state)
{
	struct node_line_writer writer;
	struct node_line line;
	char bytes[256];
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	node_line_begin(&writer, "ROUTE");
	node_line_add_str(&writer, "12");
	node_line_add_pair(&writer, "user", bytes, sizeof(bytes));
	node_line_add(&writer, "", 0);
	assert_true(node_line_end(&writer));
	assert_ptr_equal(memchr(writer.buf, '\n', writer.size),
			 writer.buf + writer.size - 1);
	assert_int_equal(node_line_parse(writer.buf, writer.size - 1, &line,
					 &error), 0);
	assert_int_equal(line.count, 4);
	assert_memory_equal(node_line_get(&line, 0, "user", &size), bytes,
			    sizeof(bytes));
	assert_int_equal(size, sizeof(bytes));
}

static void writer__too_long__end_says_so(void **state)
{
	struct node_line_writer writer;
	char text[NODE_LINE_MAX_BYTES];

	(void)state;
	memset(text, 'a', sizeof(text));
	node_line_begin(&writer, "A");
	node_line_add(&writer, text, sizeof(text) - 3);
	assert_true(node_line_end(&writer));
	assert_int_equal(writer.size, NODE_LINE_MAX_BYTES);

	node_line_begin(&writer, "A");
	node_line_add(&writer, text, sizeof(text) - 2);
	assert_false(node_line_end(&writer));
	/* what comes behind an overflow must not look like the whole */
	node_line_add(&writer, "b", 1);
	assert_false(node_line_end(&writer));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__fields__split_and_unescaped),
		cmocka_unit_test(parse__empty__is_one_empty_field),
		cmocka_unit_test(parse__broken__names_the_field),
		cmocka_unit_test(parse__too_many_fields__refused),
		cmocka_unit_test(get__names__are_whole_and_begin_at_first),
		cmocka_unit_test(writer__any_bytes__come_back),
		cmocka_unit_test(writer__too_long__end_says_so),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
