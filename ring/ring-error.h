#ifndef RING_ERROR_H
#define RING_ERROR_H

/* What went wrong, in words for an operator. Owned by the caller, who passes
   a pointer and reads it only after a function has said that it failed.

   The text names the argument, setting, field or file at fault, says what was
   expected, and has no newline and no control bytes: what comes from outside
   is escaped before it gets in. */

#define RING_ERROR_MAX_BYTES 512

struct ring_error {
	/* Line of the text that was parsed, from 1; 0 where there is none. */
	unsigned int line;
	char text[RING_ERROR_MAX_BYTES];
};

/* Fill the error; bytes below 0x20, 0x7f and above are written as \xNN
   unless they are part of valid UTF-8. A text that is too long is cut. */
void ring_error_set(struct ring_error *error, unsigned int line,
		    const char *format, ...)
	__attribute__((format(printf, 3, 4), nonnull(1, 3)));

#endif
