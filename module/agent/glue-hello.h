#ifndef GLUE_HELLO_H
#define GLUE_HELLO_H

/* Dovecot's auth drops a passdb with skip = unauthenticated that comes first,
   without a word; then nobody is routed and all seems well. So the passdb says
   HELLO to the agent, and the agent warns once when none has come. */

void glue_hello_init(const char *base_dir);
void glue_hello_deinit(void);

#endif
