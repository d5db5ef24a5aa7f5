#ifndef STATE_FILE_H
#define STATE_FILE_H

/* Small files in state_dir that are whole or not there.

   A write goes to NAME.tmp, is synced, renamed over NAME, and the folder is
   synced: after a crash at any point NAME is the old file or the new one. What
   a crash leaves in NAME.tmp is overwritten by the next write. */

#include <stddef.h>

#include "ring-error.h"

/* Each returns 0, or -1 with the error, which names state_dir and the file. */
int state_file_write(const char *dir, const char *name, const void *data,
		     size_t size, struct ring_error *error)
	__attribute__((warn_unused_result));
/* *data_r has a NUL behind it and is the caller's to free(); NULL, with 0
   returned, if there is no such file. More than max_bytes is an error. */
int state_file_read(const char *dir, const char *name, size_t max_bytes,
		    char **data_r, size_t *size_r, struct ring_error *error)
	__attribute__((warn_unused_result));
/* A file that is not there counts as removed. */
int state_file_remove(const char *dir, const char *name,
		      struct ring_error *error)
	__attribute__((warn_unused_result));

#endif
