#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ring-error.h"

/* Length of the UTF-8 sequence at p, 0 if there is none. Overlong forms and
   surrogates are let through: this is for a terminal, not for comparing. */
static size_t utf8_length(const unsigned char *p, size_t size)
{
	size_t need, i;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		need = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		need = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		need = 4;
	else
		return 0;
	if (need > size)
		return 0;
	for (i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* C1 controls (U+0080 to U+009F) can move a terminal's cursor */
	if (p[0] == 0xc2 && p[1] < 0xa0)
		return 0;
	return need;
}

void ring_error_set(struct ring_error *error, unsigned int line,
		    const char *format, ...)
{
	char raw[2 * RING_ERROR_MAX_BYTES];
	size_t in = 0, out = 0, size;
	va_list args;
	int ret;

	error->line = line;
	va_start(args, format);
	ret = vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	size = ret < 0 ? 0 : (size_t)ret;
	if (size >= sizeof(raw))
		size = sizeof(raw) - 1;

	while (in < size && out + 5 < sizeof(error->text)) {
		const unsigned char *p = (const unsigned char *)raw + in;
		size_t length = 1;

		if (*p >= 0x20 && *p < 0x7f) {
			error->text[out++] = (char)*p;
		} else if ((length = utf8_length(p, size - in)) > 0) {
			memcpy(error->text + out, p, length);
			out += length;
		} else {
			length = 1;
			out += (size_t)snprintf(error->text + out, 5,
						"\\x%02x", *p);
		}
		in += length;
	}
	error->text[out] = '\0';
}
