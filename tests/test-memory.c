#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory.h"

static void calloc__any_size__zeroed(void **state)
{
	unsigned char *bytes = mem_calloc(3, 5);
	unsigned int i;

	(void)state;
	for (i = 0; i < 15; i++)
		assert_int_equal(bytes[i], 0);
	free(bytes);
}

static void calloc__nothing__can_be_freed(void **state)
{
	void *none = mem_calloc(0, 8), *empty = mem_calloc(8, 0);

	(void)state;
	assert_non_null(none);
	assert_non_null(empty);
	free(none);
	free(empty);
}

static void resize__larger__keeps_what_was_there(void **state)
{
	char *text = mem_dup("abc", 3);

	(void)state;
	text = mem_resize(text, 100, 10);
	assert_string_equal(text, "abc");
	free(text);
}

static void dup__any_bytes__with_a_nul_behind(void **state)
{
	char *copy = mem_dup("a\0b", 3), *empty = mem_dup(NULL, 0);

	(void)state;
	assert_memory_equal(copy, "a\0b", 4);
	assert_string_equal(empty, "");
	free(copy);
	free(empty);
}

static void strdup__null__is_empty(void **state)
{
	char *text = mem_strdup(NULL);

	(void)state;
	assert_string_equal(text, "");
	free(text);
}

/* count * size would wrap around to something small. */
static void resize__more_than_there_can_be__ends_the_process(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		free(mem_resize(NULL, SIZE_MAX / 4 + 2, 4));
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calloc__any_size__zeroed),
		cmocka_unit_test(calloc__nothing__can_be_freed),
		cmocka_unit_test(resize__larger__keeps_what_was_there),
		cmocka_unit_test(dup__any_bytes__with_a_nul_behind),
		cmocka_unit_test(strdup__null__is_empty),
		cmocka_unit_test(
			resize__more_than_there_can_be__ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
