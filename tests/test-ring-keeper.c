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

#include "agent-rig.h"
#include "ring-keeper.h"

struct fixture {
	char *dir;
	struct rig_log log;
	uint64_t min_epoch;
	struct ring_keeper *keeper;
};

static void start(struct fixture *f)
{
	struct ring_keeper_params params;
	struct ring_error error;

	memset(&params, 0, sizeof(params));
	params.state_dir = f->dir;
	params.cluster = "mail";
	memcpy(params.public_key, rig_public_key(), sizeof(params.public_key));
	params.min_epoch = f->min_epoch;
	params.log.write = rig_log_write;
	params.log.context = &f->log;
	if (ring_keeper_init(&params, &f->keeper, &error) < 0)
		fail_msg("%s", error.text);
}

static void restart(struct fixture *f)
{
	ring_keeper_deinit(&f->keeper);
	rig_log_clear(&f->log);
	start(f);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = rig_dir_new();
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ring_keeper_deinit(&f->keeper);
	rig_log_clear(&f->log);
	rig_dir_free(&f->dir);
	free(f);
	return 0;
}

static int free_rings(void **state)
{
	(void)state;
	rig_rings_free();
	return 0;
}

static bool offer_text(struct fixture *f, const char *active,
		       size_t active_size, const struct rig_ring *prepared)
{
	struct store_rings rings = { .status = STORE_OK, .error = "" };

	rings.active = active;
	rings.active_size = active_size;
	if (prepared != NULL) {
		rings.prepared = prepared->text;
		rings.prepared_size = prepared->size;
	}
	return ring_keeper_offer(f->keeper, &rings);
}

static bool offer(struct fixture *f, const struct rig_ring *active,
		  const struct rig_ring *prepared)
{
	return offer_text(f, active == NULL ? NULL : active->text,
			  active == NULL ? 0 : active->size, prepared);
}

#define assert_active(f, epoch_) \
	assert_int_equal(ring_keeper_active_epoch((f)->keeper)->epoch, epoch_)
#define assert_prepared(f, epoch_) \
	assert_int_equal(ring_keeper_prepared_epoch((f)->keeper)->epoch, \
			 epoch_)
#define assert_complains(f, part) do { \
	if (strstr(ring_keeper_complaint((f)->keeper), part) == NULL) \
		fail_msg("complaint is \"%s\", not \"%s\"", \
			 ring_keeper_complaint((f)->keeper), part); \
} while (0)
#define PLAIN(epoch) rig_ring(RIG_RING_PLAIN, epoch)

/* -- Taking in -- */

static void offer__good_ring__active_and_on_disk(void **state)
{
	struct fixture *f = *state;

	assert_null(ring_keeper_active(f->keeper));
	assert_true(offer(f, PLAIN(7), NULL));
	assert_active(f, 7);
	assert_string_equal(ring_keeper_complaint(f->keeper), "");
	restart(f);
	assert_active(f, 7);
	assert_int_equal(rig_log_count(&f->log, "epoch 7 loaded"), 1);
}

static void offer__same_ring_again__nothing_changes(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), NULL);
	assert_false(offer(f, PLAIN(7), NULL));
	assert_int_equal(rig_log_count(&f->log, "active here"), 1);
}

static void offer__newer_ring__replaces(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), NULL);
	assert_true(offer(f, PLAIN(8), NULL));
	assert_active(f, 8);
	assert_int_equal(rig_log_count(&f->log, "W "), 0);
}

static void offer__chain_has_a_gap__accepted_with_warning(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, rig_ring(RIG_RING_B4, 7), NULL);
	assert_true(offer(f, PLAIN(8), NULL));
	assert_active(f, 8);
	assert_int_equal(rig_log_count(&f->log, "W the active ring"), 1);
}

static void offer__nothing__keeps(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), NULL);
	assert_false(offer(f, NULL, NULL));
	assert_active(f, 7);
}

/* -- Refusing (I6) -- */

static void refuse(struct fixture *f, const struct rig_ring *bad,
		   const char *reason)
{
	unsigned int i;

	(void)offer(f, PLAIN(7), NULL);
	for (i = 0; i < 3; i++)
		assert_false(offer(f, bad, NULL));
	assert_active(f, 7);
	assert_complains(f, reason);
	assert_int_equal(rig_log_count(&f->log, "refused"), 1);
	restart(f);
	assert_active(f, 7);
}

static void offer__signed_by_a_stranger__refused(void **state)
{
	refuse(*state, rig_ring(RIG_RING_STRANGER, 8), "signature");
}

static void offer__other_cluster__refused(void **state)
{
	refuse(*state, rig_ring(RIG_RING_OTHER_CLUSTER, 8), "cluster");
}

static void offer__same_epoch_other_digest__refused(void **state)
{
	refuse(*state, rig_ring(RIG_RING_B4, 7), "same epoch");
}

static void offer__other_table__refused_and_left_behind(void **state)
{
	struct fixture *f = *state;

	refuse(f, rig_ring(RIG_RING_WRONG_TABLE, 8), "table");
	assert_false(ring_keeper_is_left_behind(f->keeper));
	(void)offer(f, rig_ring(RIG_RING_WRONG_TABLE, 8), NULL);
	assert_true(ring_keeper_is_left_behind(f->keeper));
	(void)offer(f, PLAIN(7), NULL);
	assert_true(ring_keeper_is_left_behind(f->keeper));
	(void)offer(f, PLAIN(9), NULL);
	assert_false(ring_keeper_is_left_behind(f->keeper));
}

static void offer__older_epoch__refused(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(8), NULL);
	assert_false(offer(f, PLAIN(7), NULL));
	assert_active(f, 8);
	assert_complains(f, "epoch 8 has been seen");
}

/* Every byte of the text, one bit each: none gets in. */
static void offer__any_byte_altered__refused(void **state)
{
	struct fixture *f = *state;
	const struct rig_ring *good = PLAIN(8);
	char *text = malloc(good->size);
	size_t i;

	(void)offer(f, PLAIN(7), NULL);
	for (i = 0; i < good->size; i++) {
		memcpy(text, good->text, good->size);
		text[i] ^= 1;
		assert_false(offer_text(f, text, good->size, NULL));
		assert_active(f, 7);
		assert_true(*ring_keeper_complaint(f->keeper) != '\0');
	}
	assert_false(ring_keeper_is_left_behind(f->keeper));
	free(text);
}

static void offer__truncated__refused(void **state)
{
	struct fixture *f = *state;
	const struct rig_ring *good = PLAIN(7);
	size_t size;

	for (size = 1; size < good->size; size += 13)
		assert_false(offer_text(f, good->text, size, NULL));
	assert_null(ring_keeper_active(f->keeper));
}

static void offer__good_again_after_bad__complaint_ends(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), NULL);
	(void)offer(f, rig_ring(RIG_RING_STRANGER, 8), NULL);
	(void)offer(f, PLAIN(7), NULL);
	assert_string_equal(ring_keeper_complaint(f->keeper), "");
	/* and the same bad one is not told again */
	(void)offer(f, rig_ring(RIG_RING_STRANGER, 8), NULL);
	assert_int_equal(rig_log_count(&f->log, "refused"), 1);
}

static void offer__below_ring_min_epoch__refused(void **state)
{
	struct fixture *f = *state;

	f->min_epoch = 8;
	restart(f);
	assert_false(offer(f, PLAIN(7), NULL));
	assert_complains(f, "ring_min_epoch");
	assert_true(offer(f, PLAIN(8), NULL));
}

/* -- Prepared, then active -- */

static void prepared__good__on_disk_beside_the_active(void **state)
{
	struct fixture *f = *state;

	assert_true(offer(f, PLAIN(7), PLAIN(8)));
	assert_active(f, 7);
	assert_prepared(f, 8);
	restart(f);
	assert_active(f, 7);
	assert_prepared(f, 8);
}

static void prepared__becomes_active__dropped(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), PLAIN(8));
	assert_true(offer(f, PLAIN(8), NULL));
	assert_active(f, 8);
	assert_prepared(f, 0);
	assert_null(ring_keeper_prepared(f->keeper));
	assert_false(rig_file_exists(f->dir, "ring.prepared"));
	restart(f);
	assert_active(f, 8);
	assert_prepared(f, 0);
}

/* Others may have activated it before the store forgot. */
static void prepared__store_forgets_it__kept(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), PLAIN(8));
	assert_false(offer(f, PLAIN(7), NULL));
	assert_prepared(f, 8);
}

static void prepared__another_of_its_epoch_is_active__refused(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), PLAIN(8));
	assert_false(offer(f, rig_ring(RIG_RING_B4, 8), NULL));
	assert_active(f, 7);
	assert_prepared(f, 8);
}

static void prepared__forged__refused(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), rig_ring(RIG_RING_STRANGER, 8));
	assert_prepared(f, 0);
	assert_complains(f, "prepared ring is refused");
}

static void prepared__other_table__not_left_behind(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), rig_ring(RIG_RING_WRONG_TABLE, 8));
	assert_prepared(f, 0);
	assert_complains(f, "table");
	assert_false(ring_keeper_is_left_behind(f->keeper));
}

static void prepared__newer_one__replaces(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), PLAIN(8));
	assert_true(offer(f, PLAIN(7), PLAIN(9)));
	assert_prepared(f, 9);
	/* the one before is a replay now */
	assert_false(offer(f, PLAIN(7), PLAIN(8)));
	assert_prepared(f, 9);
	assert_complains(f, "epoch 9 has been seen");
}

static void prepared__disk_is_full__not_acknowledged(void **state)
{
	struct fixture *f = *state;
	char path[4096];

	(void)offer(f, PLAIN(7), NULL);
	/* a folder in the way of the temporary file, also for root */
	(void)snprintf(path, sizeof(path), "%s/ring.prepared.tmp", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(offer(f, PLAIN(7), PLAIN(8)));
	assert_prepared(f, 0);
	assert_complains(f, "ring.prepared.tmp");
	assert_int_equal(rmdir(path), 0);
	assert_true(offer(f, PLAIN(7), PLAIN(8)));
	assert_prepared(f, 8);
}

/* -- Crashes and damage -- */

static void start__temp_file_of_a_crash__ignored(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), NULL);
	rig_file_write(f->dir, "ring.active.tmp", PLAIN(8)->text, 100);
	restart(f);
	assert_active(f, 7);
	assert_true(offer(f, PLAIN(8), NULL));
	restart(f);
	assert_active(f, 8);
}

static void start__crash_before_prepared_is_removed__dropped(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(8), NULL);
	rig_file_write(f->dir, "ring.prepared", PLAIN(8)->text,
		       PLAIN(8)->size);
	restart(f);
	assert_active(f, 8);
	assert_prepared(f, 0);
	assert_false(rig_file_exists(f->dir, "ring.prepared"));
}

static void start__crash_before_newest_is_written__raised(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), NULL);
	rig_file_write(f->dir, "ring.active", PLAIN(8)->text, PLAIN(8)->size);
	restart(f);
	assert_active(f, 8);
	assert_false(offer(f, PLAIN(7), NULL));
	assert_active(f, 8);
}

static void start__active_altered__said_and_not_used(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), NULL);
	rig_file_alter(f->dir, "ring.active", 60);
	restart(f);
	assert_null(ring_keeper_active(f->keeper));
	assert_int_equal(rig_log_count(&f->log, "ring.active is not used"), 1);
	assert_true(offer(f, PLAIN(7), NULL));
	assert_active(f, 7);
}

static void start__active_truncated__said_and_not_used(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(7), NULL);
	rig_file_write(f->dir, "ring.active", PLAIN(7)->text, 200);
	restart(f);
	assert_null(ring_keeper_active(f->keeper));
	assert_int_equal(rig_log_count(&f->log, "ring.active is not used"), 1);
}

static void start__active_rolled_back_by_hand__not_used(void **state)
{
	struct fixture *f = *state;

	(void)offer(f, PLAIN(8), NULL);
	rig_file_write(f->dir, "ring.active", PLAIN(7)->text, PLAIN(7)->size);
	restart(f);
	assert_null(ring_keeper_active(f->keeper));
	assert_int_equal(rig_log_count(&f->log, "epoch 8 has been seen"), 1);
	/* nor from the store */
	assert_false(offer(f, PLAIN(7), NULL));
	assert_true(offer(f, PLAIN(8), NULL));
}

static void start__newest_damaged__said(void **state)
{
	static const char *const texts[] = {
		"", "active 8", "active x y\nprepared 0 0\n",
		"active 99999999999999999999 00\nprepared 0 00\n",
	};
	struct fixture *f = *state;
	unsigned int i;

	(void)offer(f, PLAIN(7), NULL);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		rig_file_write(f->dir, "ring.newest", texts[i],
			       strlen(texts[i]));
		restart(f);
		assert_int_equal(rig_log_count(&f->log, "is damaged"), 1);
		assert_active(f, 7);
		restart(f);	/* written anew */
		assert_int_equal(rig_log_count(&f->log, "is damaged"), 0);
	}
}

static void start__active_is_huge__not_used(void **state)
{
	struct fixture *f = *state;
	size_t size = RING_RECORD_MAX_BYTES + 1;
	char *text = calloc(1, size);

	rig_file_write(f->dir, "ring.active", text, size);
	free(text);
	restart(f);
	assert_null(ring_keeper_active(f->keeper));
	assert_int_equal(rig_log_count(&f->log, "ring.active"), 1);
}

static void start__no_folder__error_names_it(void **state)
{
	struct ring_keeper_params params;
	struct ring_keeper *keeper;
	struct ring_error error;
	struct fixture *f = *state;

	memset(&params, 0, sizeof(params));
	params.state_dir = "/nowhere/at/all";
	params.cluster = "mail";
	params.log.write = rig_log_write;
	params.log.context = &f->log;
	assert_int_equal(ring_keeper_init(&params, &keeper, &error), -1);
	assert_non_null(strstr(error.text, "state_dir"));
	assert_non_null(strstr(error.text, "/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(offer__good_ring__active_and_on_disk),
		T(offer__same_ring_again__nothing_changes),
		T(offer__newer_ring__replaces),
		T(offer__chain_has_a_gap__accepted_with_warning),
		T(offer__nothing__keeps),
		T(offer__signed_by_a_stranger__refused),
		T(offer__other_cluster__refused),
		T(offer__same_epoch_other_digest__refused),
		T(offer__other_table__refused_and_left_behind),
		T(offer__older_epoch__refused),
		T(offer__any_byte_altered__refused),
		T(offer__truncated__refused),
		T(offer__good_again_after_bad__complaint_ends),
		T(offer__below_ring_min_epoch__refused),
		T(prepared__good__on_disk_beside_the_active),
		T(prepared__becomes_active__dropped),
		T(prepared__store_forgets_it__kept),
		T(prepared__another_of_its_epoch_is_active__refused),
		T(prepared__forged__refused),
		T(prepared__other_table__not_left_behind),
		T(prepared__newer_one__replaces),
		T(prepared__disk_is_full__not_acknowledged),
		T(start__temp_file_of_a_crash__ignored),
		T(start__crash_before_prepared_is_removed__dropped),
		T(start__crash_before_newest_is_written__raised),
		T(start__active_altered__said_and_not_used),
		T(start__active_truncated__said_and_not_used),
		T(start__active_rolled_back_by_hand__not_used),
		T(start__newest_damaged__said),
		T(start__active_is_huge__not_used),
		T(start__no_folder__error_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, free_rings);
}
