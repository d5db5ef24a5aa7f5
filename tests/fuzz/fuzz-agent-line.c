/* sources: module/agent/agent-session.c module/node/line.c ring/ring-error.c ring/memory.c */
/* libs: -lsodium */
/* Any bytes from a peer, in any pieces: the session says whole lines that its
   own parser reads, each route is answered once, and a broken session is
   silent. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent-session.h"
#include "line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PENDING_MAX 8
static struct {
	agent_answer_callback_t *callback;
	void *context;
	char user[NODE_LINE_MAX_BYTES];
	size_t size;
} pending[PENDING_MAX];
static unsigned int pending_count;

static void answer(unsigned int index)
{
	const struct agent_answer answer = {
		.kind = (enum agent_answer_kind)(pending[index].size % 4),
		.host = "b1", .address = "10.0.0.1",
		.port = (uint16_t)pending[index].size,
		.key = pending[index].user, .key_size = pending[index].size,
		.generation = UINT64_MAX, .reason = pending[index].user,
	};

	pending[index].callback(&answer, pending[index].context);
}

static void answer_all(void)
{
	while (pending_count > 0)
		answer(--pending_count);
}

void agent_route(struct agent *agent, const struct agent_route *route,
		 agent_answer_callback_t *callback, void *context)
{
	(void)agent;
	if (pending_count == PENDING_MAX)
		answer_all();
	pending[pending_count].callback = callback;
	pending[pending_count].context = context;
	if (strlen(route->user) != route->user_size)
		abort();
	memcpy(pending[pending_count].user, route->user, route->user_size + 1);
	pending[pending_count].size = route->user_size;
	pending_count++;
	/* odd ones at once, from within the call */
	if (route->user_size % 2 == 1)
		answer(--pending_count);
}

static void output(const void *data, size_t size, void *context)
{
	static char buf[NODE_LINE_MAX_BYTES + 1];
	struct node_line line;
	struct ring_error error;
	bool *broken = context;

	if (*broken || size < 2 || size > NODE_LINE_MAX_BYTES)
		abort();
	memcpy(buf, data, size);
	if (memchr(buf, '\n', size) != buf + size - 1 ||
	    node_line_parse(buf, size - 1, &line, &error) < 0)
		abort();
	if (strcmp(line.fields[0].value, "ERROR") == 0)
		*broken = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_settings settings = {
		.node = (char *)"d1", .user_expire_secs = 900
	};
	bool broken = false;
	struct agent_session_params params = {
		.settings = &settings, .output = output, .context = &broken
	};
	struct agent_session *session;
	struct ring_error error;
	size_t piece, take;
	int ret = 0;

	if (size == 0)
		return 0;
	params.socket = data[0] % 2 == 0 ? AGENT_SOCKET_AUTH :
		AGENT_SOCKET_MAIL;
	piece = 1 + data[0] / 2;
	session = agent_session_init(&params);
	for (data++, size--; size > 0 && ret == 0; data += take, size -= take) {
		take = size < piece ? size : piece;
		ret = agent_session_input(session, data, take, &error);
		if ((ret != 0) != broken)
			abort();
	}
	agent_session_deinit(&session);
	answer_all();
	return 0;
}
