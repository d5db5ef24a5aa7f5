#ifndef DOVECOT_COMPAT_H
#define DOVECOT_COMPAT_H

/* What differs between Dovecot's versions, as far as auth's modules see it.
   The only file here that may ask for a version. */

#include "config.h"	/* Dovecot's, see Makefile.am: DOVECOT_ABI_VERSION */
#include "auth-common.h"
#include "auth-request.h"
#include "auth-settings.h"

#if !DOVECOT_PREREQ(2, 3, 19) || DOVECOT_PREREQ(2, 4, 0)
#  error "the auth module knows Dovecot 2.3.19 to 2.3.x only"
#endif

/* module-dir.c compares <module>_version with its own: without it a module
   made for another Dovecot would be loaded, and would write over memory. */
#define DOVECOT_MODULE_VERSION(symbol) const char *symbol = DOVECOT_ABI_VERSION

/* "imap", "lmtp", ...; NULL if the lookup named none. */
static inline const char *
dovecot_request_protocol(const struct auth_request *request)
{
	return request->fields.service;
}

#endif
