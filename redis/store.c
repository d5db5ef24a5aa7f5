#include "store.h"

static const char *const store_status_names[] = {
	[STORE_OK] = "ok",
	[STORE_NOTFOUND] = "not found",
	[STORE_OLDER] = "older",
	[STORE_CONFLICT] = "conflict",
	[STORE_SPLIT] = "split",
	[STORE_REFUSED] = "refused",
	[STORE_UNAVAILABLE] = "unavailable",
	[STORE_UNCERTAIN] = "uncertain",
	[STORE_BROKEN] = "broken"
};

const char *store_status_name(enum store_status status)
{
	if ((unsigned int)status >=
	    sizeof(store_status_names) / sizeof(store_status_names[0]))
		return "unknown";
	return store_status_names[status];
}
