#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checked-file.h"

static const struct {
	mode_t forbidden;
	const char *fault, *chmod;
} kinds[] = {
	[NODE_FILE_PUBLIC] = {022, "others than its owner may write to it",
			      "go-w"},
	[NODE_FILE_SECRET] = {077, "others than its owner may use it", "go="},
};

static int check_stat(enum node_file_kind kind, const char *prefix,
		      const char *colon, const char *path,
		      const struct stat *st, struct ring_error *error)
{
	if (!S_ISREG(st->st_mode)) {
		ring_error_set(error, 0, "%s%s%s is not a regular file",
			       prefix, colon, path);
		return -1;
	}
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		ring_error_set(error, 0, "%s%s%s belongs to user id %lu, and "
			       "must belong to root or to user id %lu, who "
			       "reads it", prefix, colon, path,
			       (unsigned long)st->st_uid,
			       (unsigned long)geteuid());
		return -1;
	}
	if ((st->st_mode & kinds[kind].forbidden) != 0) {
		ring_error_set(error, 0, "%s%s%s has mode %04o: %s; "
			       "chmod %s %s", prefix, colon, path,
			       (unsigned int)(st->st_mode & 07777),
			       kinds[kind].fault, kinds[kind].chmod, path);
		return -1;
	}
	return 0;
}

int node_checked_open(enum node_file_kind kind, const char *setting,
		      const char *path, int *fd_r, struct ring_error *error)
{
	const char *prefix = setting == NULL ? "" : setting;
	const char *colon = setting == NULL ? "" : ": ";
	struct stat st;
	int fd;

	/* O_NONBLOCK: a fifo in its place must not make us wait */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1) {
		ring_error_set(error, 0, "%s%scan't open %s: %s", prefix,
			       colon, path, strerror(errno));
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	if (check_stat(kind, prefix, colon, path, &st, error) < 0) {
		(void)close(fd);
		return -1;
	}
	*fd_r = fd;
	return 0;
}
