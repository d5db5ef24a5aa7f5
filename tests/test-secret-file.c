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
#include <sodium.h>

#include "ring-key.h"
#include "secret-file.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct ring_error error;
static char dir[] = "/tmp/dovering-test-XXXXXX";
static char path[sizeof(dir) + 16];

static int setup(void **state)
{
	(void)state;
	if (sodium_init() < 0 || mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static int forget_file(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

static void write_file(const char *bytes, size_t size, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void assert_error(const char *part)
{
	if (strstr(error.text, part) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", part, error.text);
}

static void password__with_or_without_newline__read(void **state)
{
	char *password;

	(void)state;
	write_file("s3 cret\n", 8, 0600);
	assert_int_equal(node_secret_read_password("store_password_file", path,
						   &password, &error), 0);
	assert_string_equal(password, "s3 cret");
	sodium_free(password);
	write_file("x", 1, 0400);
	assert_int_equal(node_secret_read_password("store_password_file", path,
						   &password, &error), 0);
	assert_string_equal(password, "x");
	sodium_free(password);
}

static void password__not_one_line__refused_without_its_text(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} tests[] = {{"", 0}, {"\n", 1}, {"hush\nhush\n", 10}, {"hush\0\n", 6},
		     {"hush\r\n", 6}};
	char *password;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(tests); i++) {
		write_file(tests[i].bytes, tests[i].size, 0600);
		assert_int_equal(node_secret_read_password(
			"store_password_file", path, &password, &error), -1);
		assert_error("store_password_file: /tmp/");
		assert_null(strstr(error.text, "hush"));
		assert_int_equal(unlink(path), 0);
	}
}

static void password__too_large__refused(void **state)
{
	char bytes[2000], *password;

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	write_file(bytes, sizeof(bytes), 0600);
	assert_int_equal(node_secret_read_password("health_password_file", path,
						   &password, &error), -1);
	assert_error("too large");
}

static void secret__open_to_others__refused_with_the_chmod(void **state)
{
	static const mode_t modes[] = {0640, 0620, 0604, 0644, 0610};
	char *password;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(modes); i++) {
		write_file("x\n", 2, modes[i]);
		assert_int_equal(node_secret_read_password(
			"store_password_file", path, &password, &error), -1);
		assert_error("chmod go= /tmp/");
	}
}

static void secret__of_somebody_else__refused(void **state)
{
	char *password;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can give files away\n");
		return;
	}
	write_file("x\n", 2, 0600);
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_int_equal(node_secret_read_password("store_password_file", path,
						   &password, &error), -1);
	assert_error("belongs to user id 12345");
}

static void secret__fifo_or_nothing__refused_at_once(void **state)
{
	char *password;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(node_secret_read_password("store_password_file", path,
						   &password, &error), -1);
	assert_error("not a regular file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(node_secret_read_password("store_password_file", path,
						   &password, &error), -1);
	assert_error("No such file");
}

static mode_t mode_of_file(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void keys__written__read_back_with_their_modes(void **state)
{
	uint8_t public[RING_PUBLIC_KEY_BYTES], copy[RING_PUBLIC_KEY_BYTES];
	uint8_t secret[RING_SECRET_KEY_BYTES], *back;
	mode_t mask = umask(077);

	(void)state;
	ring_key_generate(secret, public);
	assert_int_equal(node_secret_write_key("ring_secret_key_file", path,
					       secret, &error), 0);
	assert_int_equal(mode_of_file(), 0600);
	assert_int_equal(node_secret_read_key("ring_secret_key_file", path,
					      &back, &error), 0);
	assert_memory_equal(back, secret, sizeof(secret));
	sodium_free(back);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(node_public_write_key("ring_public_key_file", path,
					       public, &error), 0);
	assert_int_equal(mode_of_file(), 0644);
	assert_int_equal(node_public_read_key("ring_public_key_file", path,
					      copy, &error), 0);
	assert_memory_equal(copy, public, sizeof(public));
	(void)umask(mask);
}

static void keys__wrong_file__error_names_setting_and_path(void **state)
{
	uint8_t public[RING_PUBLIC_KEY_BYTES], *secret;

	(void)state;
	write_file("ed25519-secret hush\n", 20, 0600);
	assert_int_equal(node_secret_read_key("node_secret_key_file", path,
					      &secret, &error), -1);
	assert_error("node_secret_key_file: /tmp/");
	assert_null(strstr(error.text, "hush"));
	assert_int_equal(node_public_read_key("ring_public_key_file", path,
					      public, &error), -1);
	assert_error("ring_public_key_file: /tmp/");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(node_public_read_key("ring_public_key_file", path,
					      public, &error), -1);
	assert_error("chmod go-w");
}

static void write__file_exists__is_left_alone(void **state)
{
	uint8_t public[RING_PUBLIC_KEY_BYTES], secret[RING_SECRET_KEY_BYTES];
	char *password;

	(void)state;
	ring_key_generate(secret, public);
	write_file("precious\n", 9, 0600);
	assert_int_equal(node_secret_write_key("ring_secret_key_file", path,
					       secret, &error), -1);
	assert_error("exists already");
	assert_int_equal(node_secret_read_password("store_password_file", path,
						   &password, &error), 0);
	assert_string_equal(password, "precious");
	sodium_free(password);
}

static void write__no_folder__says_so(void **state)
{
	uint8_t public[RING_PUBLIC_KEY_BYTES], secret[RING_SECRET_KEY_BYTES];

	(void)state;
	ring_key_generate(secret, public);
	assert_int_equal(node_secret_write_key("ring_secret_key_file",
					       "/nonexistent/ring.key", secret,
					       &error), -1);
	assert_error("ring_secret_key_file: can't create "
		     "/nonexistent/ring.key");
}

#define TEST(name) cmocka_unit_test_teardown(name, forget_file)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(password__with_or_without_newline__read),
		TEST(password__not_one_line__refused_without_its_text),
		TEST(password__too_large__refused),
		TEST(secret__open_to_others__refused_with_the_chmod),
		TEST(secret__of_somebody_else__refused),
		TEST(secret__fifo_or_nothing__refused_at_once),
		TEST(keys__written__read_back_with_their_modes),
		TEST(keys__wrong_file__error_names_setting_and_path),
		TEST(write__file_exists__is_left_alone),
		TEST(write__no_folder__says_so),
	};

	return cmocka_run_group_tests_name("secret-file", tests, setup,
					   teardown);
}
