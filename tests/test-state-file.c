#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "state-file.h"

static char dir[] = "/tmp/dovering-test.XXXXXX";
static struct ring_error error;

static const char *in_dir(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	assert_int_equal(state_file_write(dir, name, text, strlen(text),
					  &error), 0);
}

static void assert_holds(const char *name, const char *text)
{
	char *data;
	size_t size;

	assert_int_equal(state_file_read(dir, name, 100, &data, &size, &error),
			 0);
	assert_non_null(data);
	assert_int_equal(size, strlen(text));
	assert_string_equal(data, text);
	free(data);
}

static void write__twice__the_last_stands(void **state)
{
	(void)state;
	put("a", "one");
	put("a", "two");
	assert_holds("a", "two");
	assert_int_equal(access(in_dir("a.tmp"), F_OK), -1);
}

static void write__readable_by_nobody_else(void **state)
{
	struct stat st;

	(void)state;
	put("a", "one");
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
}

/* What a crash between write and rename leaves behind. */
static void write__temp_file_of_a_crash__in_nobodys_way(void **state)
{
	FILE *file = fopen(in_dir("a.tmp"), "w");

	(void)state;
	assert_non_null(file);
	fputs("half of a file that was longer than the next one", file);
	fclose(file);
	put("a", "whole");
	assert_holds("a", "whole");
}

/* The old file stays: a folder is in the new one's way. */
static void write__fails__the_old_one_stands(void **state)
{
	(void)state;
	put("a", "old");
	assert_int_equal(mkdir(in_dir("a.tmp"), 0700), 0);
	assert_int_equal(state_file_write(dir, "a", "new", 3, &error), -1);
	assert_non_null(strstr(error.text, "state_dir"));
	assert_non_null(strstr(error.text, "/a"));
	assert_int_equal(rmdir(in_dir("a.tmp")), 0);
	assert_holds("a", "old");
}

static void read__not_there__null(void **state)
{
	char *data = dir;
	size_t size;

	(void)state;
	assert_int_equal(state_file_read(dir, "none", 100, &data, &size,
					 &error), 0);
	assert_null(data);
}

static void read__too_large__is_said(void **state)
{
	char *data;
	size_t size;

	(void)state;
	put("a", "12345");
	assert_int_equal(state_file_read(dir, "a", 5, &data, &size, &error), 0);
	free(data);
	assert_int_equal(state_file_read(dir, "a", 4, &data, &size, &error),
			 -1);
	assert_non_null(strstr(error.text, "/a"));
}

static void remove__twice__is_fine(void **state)
{
	(void)state;
	put("a", "one");
	assert_int_equal(state_file_remove(dir, "a", &error), 0);
	assert_int_equal(access(in_dir("a"), F_OK), -1);
	assert_int_equal(state_file_remove(dir, "a", &error), 0);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(in_dir("a"));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write__twice__the_last_stands),
		cmocka_unit_test(write__readable_by_nobody_else),
		cmocka_unit_test(write__temp_file_of_a_crash__in_nobodys_way),
		cmocka_unit_test(write__fails__the_old_one_stands),
		cmocka_unit_test(read__not_there__null),
		cmocka_unit_test(read__too_large__is_said),
		cmocka_unit_test(remove__twice__is_fine),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
