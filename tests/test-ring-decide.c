#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>

#include "ring-decide.h"
#include "ring-sample.h"

/* Hosts: b1 and b2 up, b3 drains, b4 down, b5 up with weight 0, x1 up in tag
   x. The prepared rings differ from the active one as their names say. */
static struct ring *active, *same, *without_b1, *b1_drains, *b1_moved;
/* A user of b1 and one of b2 in the active ring, and in `same`; u1 is not on
   b1 in the others, u2 is on b2 in all. */
static uint64_t u1, u2;

static struct ring_record *make_record(void)
{
	struct ring_record *record = sample_record();

	sample_host(record, "b1", "10.0.0.1", 100, "");
	sample_host(record, "b2", "10.0.0.2", 100, "");
	sample_host(record, "b3", "10.0.0.3", 100, "");
	sample_host(record, "b4", "10.0.0.4", 100, "");
	sample_host(record, "b5", "10.0.0.5", 0, "");
	sample_host(record, "x1", "10.0.0.6", 100, "x");
	sample_find(record, "b3")->state = RING_HOST_DRAIN;
	sample_find(record, "b4")->state = RING_HOST_DOWN;
	return record;
}

static int setup(void **state)
{
	struct ring_record *record = make_record();
	struct ring_error error;

	(void)state;
	active = sample_build(record);
	record->epoch++;
	same = sample_build(record);
	sample_find(record, "b1")->state = RING_HOST_DRAIN;
	b1_drains = sample_build(record);
	sample_host(record, "b1", "10.0.0.9", 100, "");
	b1_moved = sample_build(record);
	if (ring_record_remove_host(record, "b1", &error) < 0)
		return -1;
	without_b1 = sample_build(record);
	ring_record_free(&record);

	for (u1 = 0; strcmp(ring_lookup(active, u1, "")->name, "b1") != 0;)
		u1 += 1ULL << 44;
	for (u2 = 0; strcmp(ring_lookup(active, u2, "")->name, "b2") != 0;)
		u2 += 1ULL << 44;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ring_free(&active);
	ring_free(&same);
	ring_free(&without_b1);
	ring_free(&b1_drains);
	ring_free(&b1_moved);
	return 0;
}

#define ANSWERED RING_STORE_ANSWERED
#define AWAY RING_STORE_AWAY
#define ROUTE RING_STORE_FAILURE_ROUTE
#define REFUSE RING_STORE_FAILURE_REFUSE
#define NONE NULL

static const struct {
	enum ring_store_state store;
	enum ring_store_failure on_store_failure;
	struct ring **prepared;
	uint64_t *user;
	const char *tag, *wanted, *lease;
	enum ring_verdict verdict;
	enum ring_reason reason;
	const char *host;
} table[] = {
	/* a lease wins over tag and wish, whatever the rings say */
	{ANSWERED, ROUTE, NONE, &u1, "", NONE, "b1",
	 RING_GO, RING_BY_LEASE, "b1"},
	{ANSWERED, ROUTE, NONE, &u1, "", NONE, "b2",
	 RING_GO, RING_BY_LEASE, "b2"},
	{ANSWERED, REFUSE, NONE, &u1, "x", "b1", "b2",
	 RING_GO, RING_BY_LEASE, "b2"},
	{ANSWERED, ROUTE, &without_b1, &u1, "", NONE, "b1",
	 RING_GO, RING_BY_LEASE, "b1"},
	{ANSWERED, ROUTE, NONE, &u1, "no-such-tag", NONE, "x1",
	 RING_GO, RING_BY_LEASE, "x1"},
	{ANSWERED, ROUTE, NONE, &u1, "", NONE, "b5",
	 RING_GO, RING_BY_LEASE, "b5"},
	/* a host that drains keeps whom it has */
	{ANSWERED, ROUTE, NONE, &u1, "", NONE, "b3",
	 RING_GO, RING_BY_LEASE, "b3"},
	/* leaving a host needs its word */
	{ANSWERED, ROUTE, NONE, &u1, "", NONE, "b4",
	 RING_HOLD, RING_HOST_IS_DOWN, NONE},
	{ANSWERED, ROUTE, NONE, &u1, "", "b1", "b4",
	 RING_HOLD, RING_HOST_IS_DOWN, NONE},
	{ANSWERED, ROUTE, NONE, &u1, "", NONE, "b9",
	 RING_HOLD, RING_HOST_IS_GONE, NONE},
	{ANSWERED, ROUTE, NONE, &u1, "", "b1", "",
	 RING_HOLD, RING_HOST_IS_GONE, NONE},

	/* no lease: a wish that is up, else the ring */
	{ANSWERED, ROUTE, NONE, &u1, "", NONE, NONE,
	 RING_GO, RING_BY_RING, "b1"},
	{ANSWERED, ROUTE, NONE, &u2, "", NONE, NONE,
	 RING_GO, RING_BY_RING, "b2"},
	{ANSWERED, ROUTE, NONE, &u1, "x", NONE, NONE,
	 RING_GO, RING_BY_RING, "x1"},
	{ANSWERED, ROUTE, NONE, &u1, "", "b2", NONE,
	 RING_GO, RING_BY_WISH, "b2"},
	{ANSWERED, ROUTE, NONE, &u1, "", "b1", NONE,
	 RING_GO, RING_BY_WISH, "b1"},
	{ANSWERED, ROUTE, NONE, &u1, "", "b5", NONE,
	 RING_GO, RING_BY_WISH, "b5"},
	{ANSWERED, ROUTE, NONE, &u1, "y", "x1", NONE,
	 RING_GO, RING_BY_WISH, "x1"},
	{ANSWERED, ROUTE, NONE, &u1, "", "b3", NONE,
	 RING_GO, RING_BY_RING, "b1"},
	{ANSWERED, ROUTE, NONE, &u1, "", "b4", NONE,
	 RING_GO, RING_BY_RING, "b1"},
	{ANSWERED, ROUTE, NONE, &u1, "", "b9", NONE,
	 RING_GO, RING_BY_RING, "b1"},
	{ANSWERED, ROUTE, NONE, &u1, "y", NONE, NONE,
	 RING_REFUSE, RING_NOBODY, NONE},
	{ANSWERED, ROUTE, NONE, &u1, "y", "b4", NONE,
	 RING_REFUSE, RING_NOBODY, NONE},
	/* the store has answered: it knows of no other ring's claim */
	{ANSWERED, ROUTE, &without_b1, &u1, "", NONE, NONE,
	 RING_GO, RING_BY_RING, "b1"},

	/* refuse means all */
	{AWAY, REFUSE, NONE, &u1, "", NONE, NONE,
	 RING_REFUSE, RING_STORE_IS_AWAY, NONE},
	{AWAY, REFUSE, NONE, &u1, "", NONE, "b1",
	 RING_REFUSE, RING_STORE_IS_AWAY, NONE},
	{AWAY, REFUSE, &same, &u1, "y", "b1", NONE,
	 RING_REFUSE, RING_STORE_IS_AWAY, NONE},

	/* route: known leases go on */
	{AWAY, ROUTE, NONE, &u1, "", NONE, "b2",
	 RING_GO, RING_BY_LEASE, "b2"},
	{AWAY, ROUTE, &without_b1, &u1, "", NONE, "b1",
	 RING_GO, RING_BY_LEASE, "b1"},
	{AWAY, ROUTE, NONE, &u1, "", NONE, "b4",
	 RING_HOLD, RING_HOST_IS_DOWN, NONE},
	{AWAY, ROUTE, NONE, &u1, "", NONE, "b9",
	 RING_HOLD, RING_HOST_IS_GONE, NONE},
	/* others where all rings at hand agree */
	{AWAY, ROUTE, NONE, &u1, "", NONE, NONE,
	 RING_GO, RING_BY_RING, "b1"},
	{AWAY, ROUTE, NONE, &u1, "y", NONE, NONE,
	 RING_REFUSE, RING_NOBODY, NONE},
	{AWAY, ROUTE, NONE, &u1, "", "b2", NONE,
	 RING_GO, RING_BY_WISH, "b2"},
	{AWAY, ROUTE, &same, &u1, "", NONE, NONE,
	 RING_GO, RING_BY_RING, "b1"},
	{AWAY, ROUTE, &without_b1, &u2, "", NONE, NONE,
	 RING_GO, RING_BY_RING, "b2"},
	{AWAY, ROUTE, &without_b1, &u1, "", NONE, NONE,
	 RING_HOLD, RING_RINGS_DISAGREE, NONE},
	{AWAY, ROUTE, &b1_drains, &u1, "", NONE, NONE,
	 RING_HOLD, RING_RINGS_DISAGREE, NONE},
	{AWAY, ROUTE, &b1_moved, &u1, "", NONE, NONE,
	 RING_HOLD, RING_RINGS_DISAGREE, NONE},
	{AWAY, ROUTE, &b1_moved, &u2, "", NONE, NONE,
	 RING_GO, RING_BY_RING, "b2"},
	{AWAY, ROUTE, &without_b1, &u1, "", "b2", NONE,
	 RING_GO, RING_BY_WISH, "b2"},
	{AWAY, ROUTE, &without_b1, &u2, "", "b1", NONE,
	 RING_HOLD, RING_RINGS_DISAGREE, NONE},
	{AWAY, ROUTE, &b1_drains, &u2, "", "b1", NONE,
	 RING_HOLD, RING_RINGS_DISAGREE, NONE},
	{AWAY, ROUTE, &b1_moved, &u1, "", "b1", NONE,
	 RING_HOLD, RING_RINGS_DISAGREE, NONE},
	{AWAY, ROUTE, &same, &u2, "", "b1", NONE,
	 RING_GO, RING_BY_WISH, "b1"},
};

static void check_row(size_t i)
{
	struct ring_lease lease = {table[i].lease, 1};
	struct ring_question question = {
		.active = active,
		.prepared = table[i].prepared == NULL ? NULL :
			*table[i].prepared,
		.store = table[i].store,
		.on_store_failure = table[i].on_store_failure,
		.hash = *table[i].user,
		.tag = table[i].tag,
		.wanted = table[i].wanted,
		.lease = table[i].lease == NULL ? NULL : &lease,
	};
	struct ring_decision decision = ring_decide(&question);

	if (decision.verdict != table[i].verdict ||
	    decision.reason != table[i].reason)
		fail_msg("row %zu: verdict %d, reason '%s'; expected %d, '%s'",
			 i, decision.verdict,
			 ring_reason_text(decision.reason), table[i].verdict,
			 ring_reason_text(table[i].reason));
	if (table[i].host == NULL)
		assert_null(decision.host);
	else
		assert_ptr_equal(decision.host,
				 ring_host(active, table[i].host));
}

static void decide__each_row__is_as_in_the_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_row(i);
}

static void candidate__wish_that_is_up__comes_before_the_ring(void **state)
{
	static const struct {
		const char *tag, *wanted, *host;
	} cases[] = {
		{"", NULL, "b1"}, {"", "b2", "b2"}, {"", "b3", "b1"},
		{"", "b4", "b1"}, {"", "b5", "b5"}, {"", "b9", "b1"},
		{"x", NULL, "x1"}, {"x", "b2", "b2"}, {"y", NULL, NULL},
		{"y", "b4", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ring_host *host =
			ring_candidate(active, u1, cases[i].tag,
				       cases[i].wanted);

		if (cases[i].host == NULL)
			assert_null(host);
		else
			assert_string_equal(host->name, cases[i].host);
	}
}

static void reason_text__each_reason__has_its_own(void **state)
{
	unsigned int i, j;

	(void)state;
	for (i = RING_BY_LEASE; i <= RING_RINGS_DISAGREE; i++) {
		assert_true(strlen(ring_reason_text(i)) > 10);
		for (j = RING_BY_LEASE; j < i; j++)
			assert_string_not_equal(ring_reason_text(i),
						ring_reason_text(j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decide__each_row__is_as_in_the_table),
		cmocka_unit_test(
		candidate__wish_that_is_up__comes_before_the_ring),
		cmocka_unit_test(reason_text__each_reason__has_its_own),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
