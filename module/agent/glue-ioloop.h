#ifndef GLUE_IOLOOP_H
#define GLUE_IOLOOP_H

/* struct loop on Dovecot's ioloop: the current one when it is initialised.
   Its clock is CLOCK_BOOTTIME, which Dovecot's own, the wall's, is not. */

#include "loop.h"

struct loop *glue_ioloop_init(void);
void glue_ioloop_deinit(struct loop **loop);

#endif
