#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "loop-poll.h"

struct events {
	struct loop *loop;
	int fds[2];	/* a pipe: read, write */
	struct loop_io *io;
	struct loop_timeout *timeout, *other;
	char order[16];
	unsigned int calls;
	bool done;
};

static int setup(void **state)
{
	static struct events events;

	memset(&events, 0, sizeof(events));
	events.loop = loop_poll_init();
	assert_int_equal(pipe(events.fds), 0);
	*state = &events;
	return 0;
}

static int teardown(void **state)
{
	struct events *e = *state;

	loop_io_remove(e->loop, &e->io);
	loop_timeout_remove(e->loop, &e->timeout);
	loop_timeout_remove(e->loop, &e->other);
	loop_poll_deinit(&e->loop);
	if (e->fds[0] >= 0)
		(void)close(e->fds[0]);
	if (e->fds[1] >= 0)
		(void)close(e->fds[1]);
	return 0;
}

static void note_done(void *context)
{
	struct events *e = context;

	e->timeout = NULL;
	e->calls++;
	e->done = true;
}

static void note_a(void *context)
{
	struct events *e = context;

	(void)strcat(e->order, "a");
}

static void note_b(void *context)
{
	struct events *e = context;

	(void)strcat(e->order, "b");
	e->done = true;
}

static void note_read(void *context)
{
	struct events *e = context;
	char byte;

	(void)strcat(e->order, "r");
	e->calls++;
	if (read(e->fds[0], &byte, 1) == 0)
		e->done = true;
}

static void loop__empty__returns_at_once(void **state)
{
	struct events *e = *state;

	assert_false(loop_poll_once(e->loop));
	assert_false(loop_poll_until(e->loop, &e->done));
	e->io = loop_io_add(e->loop, e->fds[0], 0, note_read, e);
	assert_false(loop_poll_once(e->loop));
}

static void loop__timeouts__come_in_order_and_not_early(void **state)
{
	struct events *e = *state;
	uint64_t begin = loop_now_msecs(e->loop);

	(void)loop_timeout_add(e->loop, 30, note_b, e);
	(void)loop_timeout_add(e->loop, 10, note_a, e);
	(void)loop_timeout_add(e->loop, 10, note_a, e);
	assert_string_equal(e->order, "");
	assert_true(loop_poll_until(e->loop, &e->done));
	assert_string_equal(e->order, "aab");
	assert_true(loop_now_msecs(e->loop) - begin >= 30);
}

static void remove_other(void *context)
{
	struct events *e = context;

	e->timeout = NULL;
	loop_timeout_remove(e->loop, &e->other);
	e->done = true;
}

static void loop__timeout_removed_by_another__is_not_called(void **state)
{
	struct events *e = *state;

	e->timeout = loop_timeout_add(e->loop, 0, remove_other, e);
	e->other = loop_timeout_add(e->loop, 0, note_a, e);
	assert_true(loop_poll_until(e->loop, &e->done));
	assert_false(loop_poll_once(e->loop));
	assert_string_equal(e->order, "");
}

static void add_again(void *context)
{
	struct events *e = context;

	e->calls++;
	e->timeout = loop_timeout_add(e->loop, 0, add_again, e);
}

static void loop__timeout_that_adds_itself__starves_nobody(void **state)
{
	struct events *e = *state;

	e->timeout = loop_timeout_add(e->loop, 0, add_again, e);
	e->io = loop_io_add(e->loop, e->fds[0], LOOP_READ, note_read, e);
	assert_int_equal(write(e->fds[1], "x", 1), 1);
	assert_true(loop_poll_once(e->loop));
	assert_string_equal(e->order, "r");
	assert_int_equal(e->calls, 2);
}

static void loop__readable__is_called_as_long_as_it_is(void **state)
{
	struct events *e = *state;

	e->io = loop_io_add(e->loop, e->fds[0], LOOP_READ, note_read, e);
	assert_int_equal(write(e->fds[1], "xy", 2), 2);
	assert_true(loop_poll_once(e->loop));
	assert_true(loop_poll_once(e->loop));
	assert_int_equal(e->calls, 2);
	/* the end wakes it too */
	(void)close(e->fds[1]);
	e->fds[1] = -1;
	assert_true(loop_poll_until(e->loop, &e->done));
}

static void loop__hang_up_with_nothing_asked__does_not_spin(void **state)
{
	struct events *e = *state;

	e->io = loop_io_add(e->loop, e->fds[0], LOOP_READ, note_read, e);
	loop_io_set(e->loop, e->io, 0);
	(void)close(e->fds[1]);
	e->fds[1] = -1;
	e->timeout = loop_timeout_add(e->loop, 20, note_done, e);
	assert_true(loop_poll_once(e->loop));
	assert_int_equal(e->calls, 1);
	assert_true(e->done);
}

static void read_before_timeout(void *context)
{
	note_b(context);
	((struct events *)context)->timeout = NULL;
}

static void loop__both_due__descriptors_come_first(void **state)
{
	struct events *e = *state;

	e->timeout = loop_timeout_add(e->loop, 0, read_before_timeout, e);
	e->io = loop_io_add(e->loop, e->fds[0], LOOP_READ, note_read, e);
	assert_int_equal(write(e->fds[1], "x", 1), 1);
	assert_true(loop_poll_until(e->loop, &e->done));
	assert_string_equal(e->order, "rb");
}

static void remove_self(void *context)
{
	struct events *e = context;

	e->calls++;
	loop_io_remove(e->loop, &e->io);
	/* the same fd may come back at once */
	e->io = loop_io_add(e->loop, e->fds[0], LOOP_READ, note_read, e);
}

static void loop__io_replaced_in_its_callback__new_one_is_called(void **state)
{
	struct events *e = *state;

	e->io = loop_io_add(e->loop, e->fds[0], LOOP_READ, remove_self, e);
	assert_int_equal(write(e->fds[1], "x", 1), 1);
	assert_true(loop_poll_once(e->loop));
	assert_string_equal(e->order, "");
	assert_true(loop_poll_once(e->loop));
	assert_string_equal(e->order, "r");
}

static void loop__random__differs(void **state)
{
	struct events *e = *state;
	uint32_t a = loop_random(e->loop), b = loop_random(e->loop);

	assert_true(a != b || a != loop_random(e->loop));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(loop__empty__returns_at_once),
		T(loop__timeouts__come_in_order_and_not_early),
		T(loop__timeout_removed_by_another__is_not_called),
		T(loop__timeout_that_adds_itself__starves_nobody),
		T(loop__readable__is_called_as_long_as_it_is),
		T(loop__hang_up_with_nothing_asked__does_not_spin),
		T(loop__both_due__descriptors_come_first),
		T(loop__io_replaced_in_its_callback__new_one_is_called),
		T(loop__random__differs),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
