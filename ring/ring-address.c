/* Numeric addresses without the resolver's headers: this room knows no
   sockets, and a record needs one spelling of each address. RFC 4291 section
   2.2 says what may be written, RFC 5952 what the one spelling is. */

#include <stdio.h>
#include <string.h>

#include "ring-record.h"

#define WORDS 8

/* Dotted quad, no leading zeros, to the end of the text. */
static bool parse_ipv4(const char *text, uint8_t bytes[static 4])
{
	unsigned int part, value, digits;

	for (part = 0; part < 4; part++) {
		value = 0;
		for (digits = 0; *text >= '0' && *text <= '9'; digits++) {
			if (digits == 3 || (digits == 1 && value == 0))
				return false;
			value = value * 10 + (unsigned int)(*text++ - '0');
		}
		if (digits == 0 || value > 255)
			return false;
		bytes[part] = (uint8_t)value;
		if (part < 3 && *text++ != '.')
			return false;
	}
	return *text == '\0';
}

/* Up to four hex digits; returns how many. */
static unsigned int parse_word(const char *text, uint16_t *word_r)
{
	unsigned int digits, digit, value = 0;

	for (digits = 0; digits < 4; digits++) {
		char c = text[digits];

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned int)(c - 'A') + 10;
		else
			break;
		value = value << 4 | digit;
	}
	*word_r = (uint16_t)value;
	return digits;
}

/* Words separated by colons, maybe an IPv4 address at the end. Stops in front
   of "::" or at the end of the text, which *text then points at. */
static bool parse_words(const char **text, uint16_t words[static WORDS],
			unsigned int *count)
{
	for (;;) {
		unsigned int digits;
		uint8_t quad[4];

		if (*count + 2 <= WORDS && parse_ipv4(*text, quad)) {
			words[(*count)++] = (uint16_t)(quad[0] << 8 | quad[1]);
			words[(*count)++] = (uint16_t)(quad[2] << 8 | quad[3]);
			*text += strlen(*text);
			return true;
		}
		if (*count == WORDS)
			return false;
		digits = parse_word(*text, &words[*count]);
		if (digits == 0)
			return false;
		(*count)++;
		*text += digits;
		if (**text == '\0' || strncmp(*text, "::", 2) == 0)
			return true;
		if (*(*text)++ != ':')
			return false;
	}
}

static bool parse_ipv6(const char *text, uint16_t words[static WORDS])
{
	uint16_t tail[WORDS];
	unsigned int head_count = 0, tail_count = 0;

	memset(words, 0, WORDS * sizeof(words[0]));
	if (strncmp(text, "::", 2) != 0 &&
	    !parse_words(&text, words, &head_count))
		return false;
	if (*text == '\0')
		return head_count == WORDS;
	text += 2;
	if (*text != '\0' && (!parse_words(&text, tail, &tail_count) ||
			      *text != '\0'))
		return false;
	/* "::" stands for one word at least */
	if (head_count + tail_count >= WORDS)
		return false;
	memcpy(words + WORDS - tail_count, tail,
	       tail_count * sizeof(tail[0]));
	return true;
}

/* The longest run of two zero words or more, the first of equals. */
static unsigned int longest_zeros(const uint16_t words[static WORDS],
				  unsigned int *length_r)
{
	unsigned int i, start, best = 0;

	*length_r = 0;
	for (i = 0; i < WORDS; i++) {
		for (start = i; i < WORDS && words[i] == 0;)
			i++;
		if (i - start >= 2 && i - start > *length_r) {
			best = start;
			*length_r = i - start;
		}
	}
	return best;
}

static void print_ipv6(const uint16_t words[static WORDS], char *text)
{
	unsigned int i, length, zeros = longest_zeros(words, &length);
	char *p = text;

	for (i = 0; i < WORDS; i++) {
		if (length > 0 && i == zeros) {
			p += sprintf(p, "::");
			i += length - 1;
			continue;
		}
		if (i > 0 && !(length > 0 && i == zeros + length))
			*p++ = ':';
		p += sprintf(p, "%x", (unsigned int)words[i]);
	}
}

bool ring_address_canonical(const char *address, char *canonical)
{
	static const uint16_t mapped[6] = {0, 0, 0, 0, 0, 0xffff};
	uint16_t words[WORDS];
	uint8_t quad[4];

	if (parse_ipv4(address, quad)) {
		strcpy(canonical, address);
		return true;
	}
	if (!parse_ipv6(address, words))
		return false;
	if (memcmp(words, mapped, sizeof(mapped)) == 0) {
		/* the same machine as the IPv4 address inside */
		sprintf(canonical, "%u.%u.%u.%u", words[6] >> 8,
			words[6] & 0xffU, words[7] >> 8, words[7] & 0xffU);
		return true;
	}
	print_ipv6(words, canonical);
	return true;
}
