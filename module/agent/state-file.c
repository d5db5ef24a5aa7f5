#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "state-file.h"

static int failed(const char *dir, const char *name, const char *what,
		  struct ring_error *error)
{
	ring_error_set(error, 0, "state_dir: can't %s %s/%s: %s", what, dir,
		       name, strerror(errno));
	return -1;
}

static int write_all(int fd, const char *data, size_t size)
{
	ssize_t ret;

	while (size > 0) {
		ret = write(fd, data, size);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret <= 0)
			return -1;
		data += ret;
		size -= (size_t)ret;
	}
	return 0;
}

/* The seed of the record is nobody else's business: 0600. */
static int write_temp(int dir_fd, const char *temp, const void *data,
		      size_t size)
{
	int fd, ret, saved_errno;

	if (unlinkat(dir_fd, temp, 0) < 0 && errno != ENOENT)
		return -1;
	fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	ret = write_all(fd, data, size);
	if (ret == 0)
		ret = fsync(fd);
	saved_errno = errno;
	if (close(fd) < 0 && ret == 0) {
		ret = -1;
		saved_errno = errno;
	}
	errno = saved_errno;
	return ret;
}

static int open_dir(const char *dir, struct ring_error *error)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		ring_error_set(error, 0, "state_dir: can't open the folder %s:"
			       " %s", dir, strerror(errno));
	}
	return fd;
}

int state_file_write(const char *dir, const char *name, const void *data,
		     size_t size, struct ring_error *error)
{
	char temp[64];
	int dir_fd, ret = 0;

	(void)snprintf(temp, sizeof(temp), "%s.tmp", name);
	dir_fd = open_dir(dir, error);
	if (dir_fd < 0)
		return -1;
	if (write_temp(dir_fd, temp, data, size) < 0)
		ret = failed(dir, temp, "write", error);
	else if (renameat(dir_fd, temp, dir_fd, name) < 0)
		ret = failed(dir, name, "replace", error);
	else if (fsync(dir_fd) < 0)
		ret = failed(dir, name, "sync the folder of", error);
	(void)close(dir_fd);
	return ret;
}

/* Returns the size, or -1 with errno; reads one byte more than it may have. */
static ssize_t read_all(int fd, char *data, size_t room)
{
	size_t size = 0;
	ssize_t ret;

	while (size < room) {
		ret = read(fd, data + size, room - size);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -1;
		if (ret == 0)
			break;
		size += (size_t)ret;
	}
	return (ssize_t)size;
}

static int open_file(const char *dir, const char *name)
{
	int dir_fd, fd, saved_errno;

	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -1;
	/* O_NONBLOCK: a fifo put there must not stop the agent */
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		    O_CLOEXEC);
	saved_errno = errno;
	(void)close(dir_fd);
	errno = saved_errno;
	return fd;
}

int state_file_read(const char *dir, const char *name, size_t max_bytes,
		    char **data_r, size_t *size_r, struct ring_error *error)
{
	struct stat st;
	ssize_t size;
	int fd, ret = 0;

	*data_r = NULL;
	*size_r = 0;
	fd = open_file(dir, name);
	if (fd < 0)
		return errno == ENOENT ? 0 : failed(dir, name, "open", error);
	if (fstat(fd, &st) < 0) {
		ret = failed(dir, name, "read", error);
	} else if (!S_ISREG(st.st_mode) || st.st_size < 0 ||
		   (size_t)st.st_size > max_bytes) {
		ring_error_set(error, 0, "state_dir: %s/%s is no file of at "
			       "most %zu bytes", dir, name, max_bytes);
		ret = -1;
	} else {
		*data_r = mem_calloc(1, (size_t)st.st_size + 1);
		size = read_all(fd, *data_r, (size_t)st.st_size);
		if (size < 0) {
			ret = failed(dir, name, "read", error);
			free(*data_r);
			*data_r = NULL;
		} else {
			*size_r = (size_t)size;
		}
	}
	(void)close(fd);
	return ret;
}

int state_file_remove(const char *dir, const char *name,
		      struct ring_error *error)
{
	int dir_fd, ret = 0;

	dir_fd = open_dir(dir, error);
	if (dir_fd < 0)
		return -1;
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		ret = failed(dir, name, "remove", error);
	else if (fsync(dir_fd) < 0)
		ret = failed(dir, name, "sync the folder of", error);
	(void)close(dir_fd);
	return ret;
}
