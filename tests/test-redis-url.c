#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "redis-url.h"

static const struct {
	const char *text;
	enum redis_url_type type;
	bool tls;
	unsigned int db;
	const char *addresses;	/* as printed, with spaces between */
	const char *name;
} good[] = {
	{ "redis://127.0.0.1:6380/2", REDIS_URL_TCP, false, 2,
	  "127.0.0.1:6380", "" },
	{ "redis://localhost", REDIS_URL_TCP, false, 0, "localhost:6379", "" },
	{ "redis://r1.example.com/", REDIS_URL_TCP, false, 0,
	  "r1.example.com:6379", "" },
	{ "redis://h/?db=7", REDIS_URL_TCP, false, 7, "h:6379", "" },
	{ "rediss://[::1]:6390/0", REDIS_URL_TCP, true, 0, "[::1]:6390", "" },
	{ "redis://[fe80::1%eth0]", REDIS_URL_TCP, false, 0,
	  "[fe80::1%eth0]:6379", "" },
	{ "redis+unix:///run/redis.sock", REDIS_URL_UNIX, false, 0,
	  "/run/redis.sock", "" },
	{ "redis+unix:///run/a@b.sock?db=4", REDIS_URL_UNIX, false, 4,
	  "/run/a@b.sock", "" },
	{ "redis+sentinel://s1,s2:1,[::2]:65535/mymaster",
	  REDIS_URL_SENTINEL, false, 0, "s1:26379 s2:1 [::2]:65535",
	  "mymaster" },
	{ "rediss+sentinel://s1:26380/m?db=5", REDIS_URL_SENTINEL, true, 5,
	  "s1:26380", "m" }
};

static void url__good__is_read(void **state)
{
	char text[REDIS_ADDRESS_TEXT_MAX_BYTES], all[1024];
	struct redis_url url;
	struct ring_error error;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (redis_url_parse(good[i].text, &url, &error) < 0)
			fail_msg("%s: %s", good[i].text, error.text);
		assert_int_equal(url.type, good[i].type);
		assert_int_equal(url.tls, good[i].tls);
		assert_int_equal(url.db, good[i].db);
		assert_string_equal(url.master_name, good[i].name);
		all[0] = '\0';
		for (j = 0; j < url.addresses_count; j++) {
			redis_address_print(&url.addresses[j], text);
			(void)strcat(all, j == 0 ? "" : " ");
			(void)strcat(all, text);
		}
		assert_string_equal(all, good[i].addresses);
	}
}

static const char *const bad[][2] = {
	/* the URL, and a part of what is said */
	{ "", "expected redis://" },
	{ "127.0.0.1:6379", "expected redis://" },
	{ "http://127.0.0.1", "expected redis://" },
	{ "redis:/127.0.0.1", "expected redis://" },
	{ "REDIS://127.0.0.1", "expected redis://" },
	{ "redis://", "'' is not HOST:PORT" },
	{ "redis://:6379", "':6379' is not HOST:PORT" },
	{ "redis://h:", "'h:' is not" },
	{ "redis://h:0", "'h:0' is not" },
	{ "redis://h:65536", "'h:65536' is not" },
	{ "redis://h:123456", "is not HOST:PORT" },
	{ "redis://h:6379x", "is not HOST:PORT" },
	{ "redis://::1:6379", "in brackets" },
	{ "redis://[%%]", "in brackets" },
	{ "redis://[localhost]", "in brackets" },
	{ "redis://[::1", "in brackets" },
	{ "redis://[::1]6379", "in brackets" },
	{ "redis://a b", "is not HOST:PORT" },
	{ "redis://h/x", "'/x' is not /DB" },
	{ "redis://h/-1", "is not /DB" },
	{ "redis://h/1/2", "is not /DB" },
	{ "redis://h/999999", "is not /DB" },
	{ "redis://h/65536", "is not /DB" },
	{ "redis://h/1?db=2", "is not /DB" },
	{ "redis://h?x=1", "is not ?db=N" },
	{ "redis://h?db=", "is not ?db=N" },
	{ "redis+unix://run/redis.sock", "absolute path" },
	{ "redis+unix:///", "absolute path" },
	{ "redis+unix:///a?mode=1", "is not ?db=N" },
	{ "redis+sentinel://s1", "master's name" },
	{ "redis+sentinel://s1/", "master's name" },
	{ "redis+sentinel://s1/a/b", "master's name" },
	{ "redis+sentinel:///mymaster", "'' is not HOST:PORT" },
	{ "redis+sentinel://s1,,s2/m", "'' is not HOST:PORT" },
	{ "redis+sentinel://s1,/m", "'' is not HOST:PORT" },
	{ "redis+sentinel://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a/m",
	  "more than 16" }
};

static void url__bad__says_what(void **state)
{
	struct redis_url url;
	struct ring_error error;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (redis_url_parse(bad[i][0], &url, &error) == 0)
			fail_msg("%s was taken", bad[i][0]);
		if (strncmp(error.text, "store: ", 7) != 0 ||
		    strstr(error.text, bad[i][1]) == NULL)
			fail_msg("%s: %s", bad[i][0], error.text);
	}
}

static void url__password__is_refused_and_not_shown(void **state)
{
	static const char *const urls[] = {
		"redis://:s3cret@127.0.0.1:6379/0",
		"rediss://user:s3cret@h",
		"redis+sentinel://user:s3cret@h/m",
		"user:s3cret@h"
	};
	struct redis_url url;
	struct ring_error error;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_int_equal(redis_url_parse(urls[i], &url, &error), -1);
		assert_null(strstr(error.text, "s3cret"));
	}
}

static void url__socket_path_too_long__is_refused(void **state)
{
	char text[300] = "redis+unix:///";
	struct redis_url url;
	struct ring_error error;

	(void)state;
	memset(text + 14, 'a', 106);
	assert_int_equal(redis_url_parse(text, &url, &error), 0);
	text[120] = 'a';
	assert_int_equal(redis_url_parse(text, &url, &error), -1);
	assert_non_null(strstr(error.text, "107 is the most"));
}

static void url__host_too_long__is_refused(void **state)
{
	char text[400] = "redis://";
	struct redis_url url;
	struct ring_error error;

	(void)state;
	memset(text + 8, 'a', REDIS_HOST_MAX_BYTES - 1);
	assert_int_equal(redis_url_parse(text, &url, &error), 0);
	text[8 + REDIS_HOST_MAX_BYTES - 1] = 'a';
	assert_int_equal(redis_url_parse(text, &url, &error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(url__good__is_read),
		cmocka_unit_test(url__bad__says_what),
		cmocka_unit_test(url__password__is_refused_and_not_shown),
		cmocka_unit_test(url__socket_path_too_long__is_refused),
		cmocka_unit_test(url__host_too_long__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
