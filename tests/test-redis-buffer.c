#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "loop-poll.h"
#include "redis-backoff.h"
#include "redis-buffer.h"

static bool is_wiped(const struct redis_buffer *buffer, size_t begin,
		     size_t end)
{
	size_t i;

	for (i = begin; i < end; i++) {
		if (buffer->bytes[i] != '\0')
			return false;
	}
	return true;
}

static void buffer__consumed__is_wiped(void **state)
{
	struct redis_buffer buffer = { 0 };

	(void)state;
	redis_buffer_append(&buffer, "password", 8);
	redis_buffer_append(&buffer, "rest", 4);
	assert_int_equal(redis_buffer_size(&buffer), 12);
	redis_buffer_consume(&buffer, 8);
	assert_true(is_wiped(&buffer, 0, 8));
	assert_memory_equal(redis_buffer_bytes(&buffer), "rest", 4);
	redis_buffer_consume(&buffer, 4);
	assert_true(is_wiped(&buffer, 0, buffer.alloc));
	assert_int_equal(redis_buffer_size(&buffer), 0);
	redis_buffer_free(&buffer);
	assert_null(buffer.bytes);
}

static void buffer__grown__keeps_what_is_left(void **state)
{
	struct redis_buffer buffer = { 0 };
	char block[1000];
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++) {
		memset(block, (int)('a' + i % 26), sizeof(block));
		redis_buffer_append(&buffer, block, sizeof(block));
		if (i % 2 == 1)
			redis_buffer_consume(&buffer, sizeof(block));
	}
	assert_int_equal(redis_buffer_size(&buffer), 50 * sizeof(block));
	for (i = 50; i < 100; i++) {
		memset(block, (int)('a' + i % 26), sizeof(block));
		assert_memory_equal(redis_buffer_bytes(&buffer), block,
				    sizeof(block));
		redis_buffer_consume(&buffer, sizeof(block));
	}
	assert_int_equal(redis_buffer_size(&buffer), 0);
	redis_buffer_free(&buffer);
}

static void buffer__nothing__is_freed(void **state)
{
	struct redis_buffer buffer = { 0 };

	(void)state;
	redis_buffer_free(&buffer);
	assert_int_equal(redis_buffer_size(&buffer), 0);
}

static void backoff__grows_to_its_limit_with_jitter(void **state)
{
	static const unsigned int longest[] = {
		50, 100, 200, 400, 800, 1600, 2000, 2000
	};
	struct loop *loop = loop_poll_init();
	unsigned int i, j, msecs;

	(void)state;
	for (i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
		for (j = 0; j < 50; j++) {
			msecs = redis_backoff_msecs(loop, i, 2000);
			assert_in_range(msecs, longest[i] / 2, longest[i]);
		}
	}
	assert_in_range(redis_backoff_msecs(loop, 1000000, 2000), 1000, 2000);
	assert_in_range(redis_backoff_msecs(loop, 3, 1), 1, 1);
	loop_poll_deinit(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer__consumed__is_wiped),
		cmocka_unit_test(buffer__grown__keeps_what_is_left),
		cmocka_unit_test(buffer__nothing__is_freed),
		cmocka_unit_test(backoff__grows_to_its_limit_with_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
