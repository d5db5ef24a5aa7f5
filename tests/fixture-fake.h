#ifndef FIXTURE_FAKE_H
#define FIXTURE_FAKE_H

/* What no real Redis would say: a server in the test's own loop that answers
   each connection, once something has come from it, with the same bytes. */

#include <stddef.h>

#include "loop.h"

struct fixture_fake;

struct fixture_fake_settings {
	/* First, then the other again and again; NULL: nothing more. */
	const char *first, *again;
	bool unasked;	/* do not wait until something has come */
	bool close;	/* when `first` has been said */
};

struct fixture_fake *
fixture_fake_init(struct loop *loop,
		  const struct fixture_fake_settings *settings);
void fixture_fake_deinit(struct fixture_fake **fake);
unsigned int fixture_fake_port(const struct fixture_fake *fake);
unsigned int fixture_fake_accepted(const struct fixture_fake *fake);

#endif
