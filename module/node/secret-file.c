#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "checked-file.h"
#include "memory.h"
#include "ring-key.h"
#include "secret-file.h"

/* A key takes one line of about 100 bytes; a password rarely that. */
#define FILE_MAX_BYTES 1024

static void *checked_sodium_malloc(size_t size)
{
	void *mem = NULL;

	if (sodium_init() >= 0)
		mem = sodium_malloc(size);
	if (mem == NULL)
		abort();
	return mem;
}

/* Up to FILE_MAX_BYTES; the caller's buffer has room for one more. */
static int read_all(int fd, char *buf, size_t *size_r)
{
	size_t size = 0;
	ssize_t ret;

	while (size <= FILE_MAX_BYTES) {
		ret = read(fd, buf + size, FILE_MAX_BYTES + 1 - size);
		if (ret == 0) {
			*size_r = size;
			return 0;
		}
		if (ret < 0 && errno != EINTR)
			return -1;
		if (ret > 0)
			size += (size_t)ret;
	}
	errno = EFBIG;
	return -1;
}

/* The file's bytes, NUL behind them, in memory of sodium_malloc(). */
static int read_file(enum node_file_kind kind, const char *setting,
		     const char *path, char **text_r, size_t *size_r,
		     struct ring_error *error)
{
	char *text;
	int fd;

	if (node_checked_open(kind, setting, path, &fd, error) < 0)
		return -1;
	text = checked_sodium_malloc(FILE_MAX_BYTES + 2);
	if (read_all(fd, text, size_r) < 0) {
		ring_error_set(error, 0, "%s: can't read %s: %s", setting,
			       path, strerror(errno));
		sodium_free(text);
		(void)close(fd);
		return -1;
	}
	(void)close(fd);
	text[*size_r] = '\0';
	*text_r = text;
	return 0;
}

int node_secret_read_password(const char *setting, const char *path,
			      char **password_r, struct ring_error *error)
{
	char *text;
	size_t size;

	if (read_file(NODE_FILE_SECRET, setting, path, &text, &size, error) < 0)
		return -1;
	if (size > 0 && text[size - 1] == '\n')
		text[--size] = '\0';
	if (size == 0 || strcspn(text, "\r\n") != size) {
		ring_error_set(error, 0, "%s: %s must hold a password in one "
			       "line and nothing else", setting, path);
		sodium_free(text);
		return -1;
	}
	*password_r = text;
	return 0;
}

int node_secret_read_key(const char *setting, const char *path,
			 uint8_t **secret_r, struct ring_error *error)
{
	struct ring_error why;
	uint8_t *secret;
	char *text;
	size_t size;
	int ret;

	if (read_file(NODE_FILE_SECRET, setting, path, &text, &size, error) < 0)
		return -1;
	secret = checked_sodium_malloc(RING_SECRET_KEY_BYTES);
	ret = ring_key_parse_secret(text, size, secret, &why);
	sodium_free(text);
	if (ret < 0) {
		ring_error_set(error, 0, "%s: %s: %s", setting, path, why.text);
		sodium_free(secret);
		return -1;
	}
	*secret_r = secret;
	return 0;
}

int node_public_read_key(const char *setting, const char *path,
			 uint8_t public[static RING_PUBLIC_KEY_BYTES],
			 struct ring_error *error)
{
	struct ring_error why;
	char *text;
	size_t size;
	int ret;

	if (read_file(NODE_FILE_PUBLIC, setting, path, &text, &size, error) < 0)
		return -1;
	ret = ring_key_parse_public(text, size, public, &why);
	sodium_free(text);
	if (ret < 0) {
		ring_error_set(error, 0, "%s: %s: %s", setting, path, why.text);
		return -1;
	}
	return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
	ssize_t ret;

	while (size > 0) {
		ret = write(fd, text, size);
		if (ret < 0 && errno != EINTR)
			return -1;
		if (ret > 0) {
			text += ret;
			size -= (size_t)ret;
		}
	}
	return 0;
}

/* The name must outlive a crash as well as the bytes do. */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? mem_strdup(".") :
		mem_dup(path, slash == path ? 1 : (size_t)(slash - path));
	int fd, ret;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd == -1)
		return -1;
	ret = fsync(fd);
	(void)close(fd);
	return ret;
}

static int write_new(const char *setting, const char *path, mode_t mode,
		     const char *text, struct ring_error *error)
{
	bool failed;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 && errno == EEXIST) {
		ring_error_set(error, 0, "%s: %s exists already: move it away "
			       "if a new key is what you want", setting, path);
		return -1;
	}
	if (fd == -1) {
		ring_error_set(error, 0, "%s: can't create %s: %s", setting,
			       path, strerror(errno));
		return -1;
	}
	failed = write_all(fd, text, strlen(text)) < 0 ||
		fchmod(fd, mode) < 0 || fsync(fd) < 0;
	if (close(fd) < 0 || failed || sync_folder(path) < 0) {
		ring_error_set(error, 0, "%s: can't write %s: %s", setting,
			       path, strerror(errno));
		(void)unlink(path);
		return -1;
	}
	return 0;
}

int node_secret_write_key(const char *setting, const char *path,
			  const uint8_t secret[static RING_SECRET_KEY_BYTES],
			  struct ring_error *error)
{
	char *text = checked_sodium_malloc(RING_KEY_TEXT_BYTES);
	int ret;

	ring_key_print_secret(secret, text);
	ret = write_new(setting, path, 0600, text, error);
	sodium_free(text);
	return ret;
}

int node_public_write_key(const char *setting, const char *path,
			  const uint8_t public[static RING_PUBLIC_KEY_BYTES],
			  struct ring_error *error)
{
	char text[RING_KEY_TEXT_BYTES];

	ring_key_print_public(public, text);
	return write_new(setting, path, 0644, text, error);
}
