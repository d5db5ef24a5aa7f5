#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "secret-file.h"
#include "tool-store.h"
#include "tool.h"

#define OPTIONS_MAX 32	/* given in one call */

/* In the order of the help. */
static const struct tool_command *const command_tables[] = {
	tool_cmd_init,
	tool_cmd_node_key,
	tool_cmd_node,
	tool_cmd_host_add,
	tool_cmd_host,
	tool_cmd_status,
	tool_cmd_user_show,
	tool_cmd_ring,
};
#define TABLES_COUNT (sizeof(command_tables) / sizeof(command_tables[0]))

static const struct tool_option global_options[] = {
	{"config", "FILE", false, false},
	{"format", "table|json", false, false},
	{"help", NULL, false, false},
	{"version", NULL, false, false},
	{NULL, NULL, false, false},
};

/* Calls back for each command until it says stop. */
static const struct tool_command *
command_each(bool (*visit)(const struct tool_command *, const char *),
	     const char *context)
{
	const struct tool_command *command;
	size_t i;

	for (i = 0; i < TABLES_COUNT; i++) {
		for (command = command_tables[i]; command->name != NULL;
		     command++) {
			if (visit(command, context))
				return command;
		}
	}
	return NULL;
}

static void print_usage(FILE *file, const struct tool_command *command)
{
	const struct tool_option *option = command->options;

	fprintf(file, "dovering %s", command->name);
	if (command->words[0] != '\0')
		fprintf(file, " %s", command->words);
	for (; option != NULL && option->name != NULL; option++) {
		fprintf(file, " %s--%s%s%s%s%s", option->required ? "" : "[",
			option->name, option->value == NULL ? "" : " ",
			option->value == NULL ? "" : option->value,
			option->required ? "" : "]",
			option->repeats ? "..." : "");
	}
	fputc('\n', file);
}

static bool print_help_line(const struct tool_command *command,
			    const char *area)
{
	size_t length = area == NULL ? 0 : strlen(area);

	if (length == 0 || (strncmp(command->name, area, length) == 0 &&
			    command->name[length] == ' ')) {
		fputs("  ", stdout);
		print_usage(stdout, command);
		printf("\t%s\n", command->help);
	}
	return false;
}

static void print_global_options(FILE *file)
{
	const struct tool_option *option;

	fputs("dovering", file);
	for (option = global_options; option->name != NULL; option++) {
		fprintf(file, " [--%s%s%s]", option->name,
			option->value == NULL ? "" : " ",
			option->value == NULL ? "" : option->value);
	}
	fputs(" COMMAND ...\n", file);
}

static void print_help(void)
{
	fputs("usage: ", stdout);
	print_global_options(stdout);
	fputs("\n", stdout);
	(void)command_each(print_help_line, NULL);
	fputs("\nSettings are read from --config, else from "
	      "$DOVERING_CONFIG, else from\n" NODE_SETTINGS_DEFAULT_FILE
	      ". Exit status: 0 done, 1 no, 64 usage, 69 store\nunreachable, "
	      "75 try again, 78 bad configuration. See dovering(8).\n",
	      stdout);
}

__attribute__((format(printf, 1, 0)))
static void say(const char *format, va_list args)
{
	struct ring_error line;
	char text[2 * RING_ERROR_MAX_BYTES];

	(void)vsnprintf(text, sizeof(text), format, args);
	ring_error_set(&line, 0, "%s", text);
	fprintf(stderr, "dovering: %s\n", line.text);
}

void tool_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

enum tool_status tool_fail(enum tool_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return status;
}

enum tool_status tool_usage(const struct tool_args *args, const char *format,
			    ...)
{
	va_list list;

	va_start(list, format);
	say(format, list);
	va_end(list);
	fputs("usage: ", stderr);
	print_usage(stderr, args->command);
	return TOOL_USAGE;
}

static const char *option_find(const struct tool_option_given *options,
			       unsigned int count, const char *name)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (strcmp(options[i].name, name) == 0)
			return options[i].value;
	}
	return NULL;
}

const char *tool_option(const struct tool_args *args, const char *name)
{
	return option_find(args->options, args->option_count, name);
}

/* Options of one call: those before and those behind the command's name. */
struct given {
	struct tool_option_given options[OPTIONS_MAX];
	unsigned int count;
};

static void add_long_options(struct option *list, unsigned int *count,
			     const struct tool_option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		list[*count] = (struct option){
			.name = options->name,
			.has_arg = options->value == NULL ? no_argument :
							    required_argument,
			.val = options->repeats ? 'r' : 'o',
		};
		(*count)++;
	}
}

static enum tool_status add_given(struct given *given, const char *name,
				  const char *value, bool repeats)
{
	if (!repeats && option_find(given->options, given->count, name) != NULL)
		return tool_fail(TOOL_USAGE, "--%s is given twice", name);
	if (given->count == OPTIONS_MAX) {
		return tool_fail(TOOL_USAGE, "more than %d options",
				 OPTIONS_MAX);
	}
	given->options[given->count].name = name;
	given->options[given->count++].value = value == NULL ? "" : value;
	return TOOL_DONE;
}

/* Reads options with getopt_long(); afterwards optind is at the first word. */
static enum tool_status read_options(int argc, char **argv, const char *flags,
				     const struct tool_option *options,
				     struct given *given)
{
	struct option list[OPTIONS_MAX] = {{0}};
	enum tool_status status = TOOL_DONE;
	unsigned int count = 0;
	int ret, which = 0, at;

	add_long_options(list, &count, global_options);
	add_long_options(list, &count, options);
	opterr = 0;
	while (status == TOOL_DONE) {
		at = optind == 0 ? 1 : optind;
		ret = getopt_long(argc, argv, flags, list, &which);
		if (ret == -1)
			break;
		if (ret == ':') {
			status = tool_fail(TOOL_USAGE, "%s needs a value",
					   argv[optind - 1]);
		} else if (ret == '?') {
			/* optind has moved on, but for a letter in a group */
			if (optind > at)
				at = optind - 1;
			status = tool_fail(TOOL_USAGE, "%s is no option here",
					   argv[at]);
		} else {
			status = add_given(given, list[which].name, optarg,
					   ret == 'r');
		}
	}
	return status;
}

static bool is_named(const struct tool_command *command, const char *name)
{
	return strcmp(command->name, name) == 0;
}

/* Whether the name's first word is this. */
static bool is_area(const struct tool_command *command, const char *area)
{
	size_t length = strlen(area);

	return strncmp(command->name, area, length) == 0 &&
		command->name[length] == ' ';
}

static enum tool_status no_command(char **words, int count)
{
	bool area = count > 0 && command_each(is_area, words[0]) != NULL;

	if (count == 0)
		tool_say("which command? See dovering --help");
	else if (area && count == 1)
		tool_say("%s what? See dovering %s --help", words[0], words[0]);
	else
		tool_say("there is no command \"%s%s%s\"; see dovering --help",
			 words[0], area ? " " : "", area ? words[1] : "");
	fputs("usage: ", stderr);
	print_global_options(stderr);
	return TOOL_USAGE;
}

static const struct tool_command *find_command(char **words, int count)
{
	const struct tool_command *command = NULL;
	char name[64];
	int ret;

	if (count >= 2) {
		ret = snprintf(name, sizeof(name), "%s %s", words[0], words[1]);
		if (ret > 0 && (size_t)ret < sizeof(name))
			command = command_each(is_named, name);
	}
	if (command == NULL && count >= 1 && strchr(words[0], ' ') == NULL)
		command = command_each(is_named, words[0]);
	return command;
}

static enum tool_status set_globals(struct tool *tool,
				    const struct tool_args *args)
{
	const char *format = tool_option(args, "format");
	const char *config = tool_option(args, "config");

	tool->json = format != NULL && strcmp(format, "json") == 0;
	if (format != NULL && !tool->json && strcmp(format, "table") != 0)
		return tool_usage(args, "--format \"%s\": expected table or "
				  "json", format);
	if (config != NULL && config[0] == '\0')
		return tool_usage(args, "--config is empty: expected a file");
	if (config != NULL)
		tool->config = config;
	return TOOL_DONE;
}

enum tool_status tool_settings_read(struct tool *tool)
{
	struct ring_error error;

	if (tool->settings == NULL &&
	    node_settings_read(tool->config, &tool->settings, &error) < 0)
		return tool_fail(TOOL_CONFIG, "%s", error.text);
	return TOOL_DONE;
}

enum tool_status tool_ready(struct tool *tool)
{
	enum tool_status status = tool_settings_read(tool);
	struct ring_error error;

	if (status != TOOL_DONE || tool->has_ring_public_key)
		return status;
	if (node_public_read_key("ring_public_key_file",
				 tool->settings->ring_public_key_file,
				 tool->ring_public_key, &error) < 0)
		return tool_fail(TOOL_CONFIG, "%s", error.text);
	tool->has_ring_public_key = true;
	return TOOL_DONE;
}

static enum tool_status need_options(const struct tool_args *args)
{
	const struct tool_option *option = args->command->options;

	for (; option != NULL && option->name != NULL; option++) {
		if (option->required && tool_option(args, option->name) == NULL)
			return tool_usage(args, "%s: --%s is missing",
					  args->command->name, option->name);
	}
	return TOOL_DONE;
}

static enum tool_status run_command(struct tool *tool,
				    const struct tool_args *args)
{
	enum tool_status status;

	if (args->count < args->command->words_min)
		return tool_usage(args, "%s: too few arguments",
				  args->command->name);
	if (args->count > args->command->words_max)
		return tool_usage(args, "%s: \"%s\" is one argument too many",
				  args->command->name,
				  args->words[args->command->words_max]);
	status = need_options(args);
	if (status != TOOL_DONE)
		return status;
	status = args->command->run(tool, args);
	tool_store_close(tool);
	node_settings_free(&tool->settings);
	return status;
}

static enum tool_status run_words(struct tool *tool, int argc, char **argv,
				  struct given *given)
{
	struct tool_args args = {.options = given->options};
	int words = 0;
	enum tool_status status;

	args.command = find_command(argv, argc);
	if (args.command == NULL) {
		if (argc == 2 && strcmp(argv[1], "--help") == 0 &&
		    command_each(is_area, argv[0]) != NULL) {
			(void)command_each(print_help_line, argv[0]);
			return TOOL_DONE;
		}
		return no_command(argv, argc);
	}
	words = strchr(args.command->name, ' ') == NULL ? 1 : 2;
	/* getopt takes what is before its first word for the program's name */
	argv += words - 1;
	argc -= words - 1;
	optind = 0;
	status = read_options(argc, argv, ":", args.command->options, given);
	if (status != TOOL_DONE) {
		fputs("usage: ", stderr);
		print_usage(stderr, args.command);
		return status;
	}
	args.option_count = given->count;
	args.words = argv + optind;
	args.count = argc - optind;
	if (tool_option(&args, "help") != NULL) {
		(void)print_help_line(args.command, NULL);
		return TOOL_DONE;
	}
	status = set_globals(tool, &args);
	return status == TOOL_DONE ? run_command(tool, &args) : status;
}

static enum tool_status run(int argc, char **argv)
{
	struct tool tool = {.config = getenv("DOVERING_CONFIG")};
	struct given given = {.count = 0};
	enum tool_status status;

	if (tool.config == NULL || tool.config[0] == '\0')
		tool.config = NODE_SETTINGS_DEFAULT_FILE;
	status = read_options(argc, argv, "+:", NULL, &given);
	if (status != TOOL_DONE) {
		fputs("usage: ", stderr);
		print_global_options(stderr);
		return status;
	}
	if (option_find(given.options, given.count, "help") != NULL) {
		print_help();
		return TOOL_DONE;
	}
	if (option_find(given.options, given.count, "version") != NULL) {
		puts(PACKAGE_STRING);
		return TOOL_DONE;
	}
	return run_words(&tool, argc - optind, argv + optind, &given);
}

int main(int argc, char **argv)
{
	enum tool_status status;

	/* A store that goes away is an error to report, not the end. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return tool_fail(TOOL_NO, "libsodium does not start");
	status = run(argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = tool_fail(TOOL_NO, "can't write the output: %s",
				   strerror(errno));
	return status;
}
