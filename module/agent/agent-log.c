#include <stdarg.h>
#include <stdio.h>

#include "agent-log.h"

void agent_log(const struct agent_log *log, enum agent_log_level level,
	       const char *format, ...)
{
	char raw[2 * RING_ERROR_MAX_BYTES];
	struct ring_error line;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	ring_error_set(&line, 0, "%s", raw);	/* escapes */
	log->write(level, line.text, log->context);
}
