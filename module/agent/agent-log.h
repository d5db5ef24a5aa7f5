#ifndef AGENT_LOG_H
#define AGENT_LOG_H

/* One line to whoever reads the log. What comes from outside may be put into
   it as it is: control bytes are escaped here. */

#include "agent.h"

struct agent_log {
	void (*write)(enum agent_log_level level, const char *text,
		      void *context);
	void *context;
};

void agent_log(const struct agent_log *log, enum agent_log_level level,
	       const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
