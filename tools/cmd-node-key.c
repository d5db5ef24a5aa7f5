#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "ring-key.h"
#include "secret-file.h"
#include "tool-output.h"
#include "tool.h"

static void print_key(const struct tool *tool, const uint8_t *public)
{
	const struct node_settings *set = tool->settings;
	char text[RING_KEY_TEXT_BYTES];
	json_t *json;
	size_t size;

	ring_key_print_public(public, text);
	size = strcspn(text, "\n");
	if (!tool->json) {
		printf("%.*s\n", (int)size, text);
		return;
	}
	json = json_object();
	(void)json_object_set_new(json, "node", json_string(set->node));
	(void)json_object_set_new(json, "key", json_stringn(text, size));
	tool_json_end(&json);
}

static enum tool_status need_no_key(const struct node_settings *set)
{
	struct stat st;

	if (lstat(set->node_secret_key_file, &st) < 0)
		return TOOL_DONE;
	return tool_fail(TOOL_NO, "node_secret_key_file: %s exists already: "
			 "dovering node key --show prints its public half; "
			 "move it away if a new key is what you want",
			 set->node_secret_key_file);
}

static enum tool_status make_key(const struct node_settings *set,
				 uint8_t *public)
{
	enum tool_status status = need_no_key(set);
	struct ring_error error;
	uint8_t *secret;
	int ret;

	if (status != TOOL_DONE)
		return status;
	secret = sodium_malloc(RING_SECRET_KEY_BYTES);
	if (secret == NULL)
		return tool_fail(TOOL_NO, "no memory for a key");
	ring_key_generate(secret, public);
	ret = node_secret_write_key("node_secret_key_file",
				    set->node_secret_key_file, secret, &error);
	sodium_free(secret);
	return ret < 0 ? tool_fail(TOOL_CONFIG, "%s", error.text) : TOOL_DONE;
}

static enum tool_status read_key(const struct node_settings *set,
				 uint8_t *public)
{
	struct ring_error error;
	uint8_t *secret;

	if (node_secret_read_key("node_secret_key_file",
				 set->node_secret_key_file, &secret,
				 &error) < 0)
		return tool_fail(TOOL_CONFIG, "%s", error.text);
	ring_key_public(secret, public);
	sodium_free(secret);
	return TOOL_DONE;
}

static enum tool_status run(struct tool *tool, const struct tool_args *args)
{
	uint8_t public[RING_PUBLIC_KEY_BYTES];
	enum tool_status status;

	status = tool_settings_read(tool);
	if (status != TOOL_DONE)
		return status;
	status = tool_option(args, "show") != NULL ?
		read_key(tool->settings, public) :
		make_key(tool->settings, public);
	if (status == TOOL_DONE)
		print_key(tool, public);
	return status;
}

static const struct tool_option options[] = {
	{"show", NULL, false, false},
	{NULL, NULL, false, false},
};

const struct tool_command tool_cmd_node_key[] = {
	{"node key", "", 0, 0, options,
	 "make this node's key and print its public half, for node add", run},
	{.name = NULL},
};
