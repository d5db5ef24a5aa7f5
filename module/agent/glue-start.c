#include "lib.h"
#include "restrict-access.h"

#include "glue-start.h"
#include "secret-file.h"

#include <grp.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- Arguments, settings, keys */

const char *glue_start_config_path(int *argc, char *argv[])
{
	const char *path = NODE_SETTINGS_DEFAULT_FILE;
	int in, out = 1;

	for (in = 1; in < *argc; in++) {
		if (strncmp(argv[in], "--config=", 9) == 0)
			path = argv[in] + 9;
		else if (strcmp(argv[in], "--config") != 0)
			argv[out++] = argv[in];
		else if (in + 1 < *argc)
			path = argv[++in];
		else {
			fprintf(stderr, "dovering-agent: --config needs "
				"a file behind it\n");
			exit(FATAL_DEFAULT);
		}
	}
	argv[out] = NULL;
	*argc = out;
	return path;
}

struct node_settings *glue_start_settings(const char *path)
{
	struct node_settings *settings;
	struct ring_error error;

	if (node_settings_read(path, &settings, &error) < 0)
		i_fatal("%s", error.text);
	if (settings->node[0] == '\0') {
		i_fatal("%s: node: missing; expected this node's name, as in "
			"dovering node add", path);
	}
	return settings;
}

/* Nothing signs or verifies with it yet; but a node without its key should say
   so when it starts, not in the middle of the night. */
static void check_node_key(const struct node_settings *settings)
{
	struct ring_error error;
	uint8_t *secret;

	if (node_secret_read_key("node_secret_key_file",
				 settings->node_secret_key_file,
				 &secret, &error) < 0)
		i_fatal("%s", error.text);
	sodium_free(secret);
}

void glue_start_keys(const struct node_settings *settings,
		     struct glue_keys *keys_r)
{
	struct ring_error error;

	i_zero(keys_r);
	if (node_public_read_key("ring_public_key_file",
				 settings->ring_public_key_file,
				 keys_r->ring_public, &error) < 0)
		i_fatal("%s", error.text);
	check_node_key(settings);
	if (settings->store_password_file[0] != '\0' &&
	    node_secret_read_password("store_password_file",
				      settings->store_password_file,
				      &keys_r->store_password, &error) < 0)
		i_fatal("%s", error.text);
}

void glue_keys_free(struct glue_keys *keys)
{
	sodium_free(keys->store_password);
	keys->store_password = NULL;
}

/* -- Root no more */

static void forbid_looking_in(void)
{
	const struct rlimit no_core = { 0, 0 };

	/* neither a core file nor a debugger of the same user: this process
	   has the store's password in its memory */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		i_fatal("prctl(PR_SET_DUMPABLE) failed: %m");
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		i_fatal("setrlimit(RLIMIT_CORE) failed: %m");
}

static void lookup_agent_user(uid_t *uid_r, gid_t *gid_r)
{
	const struct passwd *pw = getpwnam(AGENT_USER);

	if (pw == NULL) {
		i_fatal("no user %s on this machine: create it, or set user "
			"in the block of service dovering-agent", AGENT_USER);
	}
	*uid_r = pw->pw_uid;
	*gid_r = pw->pw_gid;
}

/* Whom Dovecot would make of us: false if it leaves us root. */
static bool lookup_service_user(uid_t *uid_r, gid_t *gid_r)
{
	struct restrict_access_settings set;
	const struct passwd *pw;

	restrict_access_get_env(&set);
	if (set.uid == (uid_t)-1 || set.uid == 0)
		return FALSE;
	*uid_r = set.uid;
	*gid_r = set.gid;
	if (set.gid == (gid_t)-1) {
		pw = getpwuid(set.uid);
		*gid_r = pw == NULL ? 0 : pw->pw_gid;
	}
	return TRUE;
}

/* One that is there must be his, and nobody else's to write. */
static void check_state_dir(const char *path, const struct stat *st, uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);
	const char *user = pw == NULL ? dec2str(uid) : pw->pw_name;

	if (!S_ISDIR(st->st_mode))
		i_fatal("state_dir: %s is no folder", path);
	if (st->st_uid != uid) {
		/* no command to copy: it may be /var/lib that was named */
		i_fatal("state_dir: %s does not belong to %s, who runs "
			"dovering-agent: name a folder that is its alone, or "
			"that does not exist yet", path, user);
	}
	if ((st->st_mode & 022) != 0) {
		i_fatal("state_dir: others than %s may write to %s; "
			"chmod 0700 %s", user, path, path);
	}
}

static void prepare_state_dir(const char *path, uid_t uid, gid_t gid)
{
	struct stat st;

	if (stat(path, &st) == 0) {
		check_state_dir(path, &st, uid);
		return;
	}
	if (errno != ENOENT)
		i_fatal("state_dir: stat(%s) failed: %m", path);
	/* 0700 whatever the umask; nobody gets in before it is his */
	if (mkdir(path, 0700) < 0)
		i_fatal("state_dir: mkdir(%s) failed: %m", path);
	if (chown(path, uid, gid) < 0)
		i_fatal("state_dir: chown(%s) failed: %m", path);
}

static void become_agent_user(uid_t uid, gid_t gid)
{
	struct restrict_access_settings set;

	restrict_access_init(&set);
	set.uid = uid;
	set.gid = gid;
	set.uid_source = set.gid_source = "dovering's --with-agent-user";
	set.system_groups_user = AGENT_USER;
	restrict_access(&set, 0, NULL);
}

void glue_start_drop_privileges(const struct node_settings *settings)
{
	bool by_service;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	forbid_looking_in();
	by_service = lookup_service_user(&uid, &gid);
	if (!by_service && geteuid() == 0)
		lookup_agent_user(&uid, &gid);
	prepare_state_dir(settings->state_dir, uid, gid);

	restrict_access_by_env(RESTRICT_ACCESS_FLAG_ALLOW_ROOT, NULL);
	if (geteuid() == 0)
		become_agent_user(uid, gid);
	/* a change of user sets it anew */
	forbid_looking_in();
}
