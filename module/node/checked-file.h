#ifndef NODE_CHECKED_FILE_H
#define NODE_CHECKED_FILE_H

/* Open a file that we act by: it must be a regular file of root or the caller
   that others can't change (and, for secrets, can't read). Checked on the open
   file, so that nobody can swap it in between. */

#include "ring-error.h"

enum node_file_kind {
	NODE_FILE_PUBLIC,	/* anybody may read it */
	NODE_FILE_SECRET	/* only its owner may */
};

/* Returns 0 and a descriptor that the caller closes, or -1 with the error,
   which names the path, after "setting: " unless setting is NULL. */
int node_checked_open(enum node_file_kind kind, const char *setting,
		      const char *path, int *fd_r, struct ring_error *error)
	__attribute__((warn_unused_result));

#endif
