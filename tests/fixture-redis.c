#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <cmocka.h>
#include <sodium.h>

#include "fixture-redis.h"
#include "loop-poll.h"
#include "memory.h"
#include "redis-hiredis.h"

#define FIXTURE_LIMIT_MSECS 20000
#define FIXTURE_WORDS_MAX 64

static struct fixture_redis *fixture_all;

unsigned long long fixture_now_msecs(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (unsigned long long)ts.tv_sec * 1000 +
		(unsigned long long)ts.tv_nsec / 1000000;
}

static void fixture_pause(void)
{
	(void)poll(NULL, 0, 10);
}

static bool port_is_free(unsigned int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_free;

	assert_true(fd >= 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons((uint16_t)port);
	is_free = bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0;
	(void)close(fd);
	return is_free;
}

/* Not one that the kernel chooses: those are for outgoing connections too. A
   client that tries a server which is down would get its port one day, and be
   connected with itself. */
unsigned int fixture_free_port(void)
{
	unsigned int port;

	do {
		port = 18000 + randombytes_uniform(14000);
	} while (!port_is_free(port));
	return port;
}

static redisContext *fixture_connect(const struct fixture_redis *redis)
{
	struct timeval limit = { .tv_sec = 5 };
	redisContext *c = redisConnectWithTimeout("127.0.0.1",
						  (int)redis->port, limit);
	redisReply *reply;

	if (c == NULL || c->err != 0) {
		redisFree(c);
		return NULL;
	}
	(void)redisSetTimeout(c, limit);
	if (redis->password[0] != '\0') {
		reply = redisCommand(c, "AUTH %s", redis->password);
		if (reply != NULL)
			freeReplyObject(reply);
	}
	return c;
}

static bool fixture_answers(const struct fixture_redis *redis)
{
	redisContext *c = fixture_connect(redis);
	redisReply *reply = c == NULL ? NULL : redisCommand(c, "PING");
	bool answers = reply != NULL && reply->type == REDIS_REPLY_STATUS;

	if (reply != NULL)
		freeReplyObject(reply);
	redisFree(c);
	return answers;
}

static void fixture_show_log(const struct fixture_redis *redis)
{
	char path[96], line[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/log", redis->dir);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		print_error("%s", line);
	if (file != NULL)
		(void)fclose(file);
}

static void fixture_exec(struct fixture_redis *redis, pid_t parent)
{
	char path[96];
	int fd;

	/* what happens if the test is killed: the kernel sees to it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	(void)snprintf(path, sizeof(path), "%s/log", redis->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(1);
	(void)execvp(redis->argv[0], redis->argv);
	dprintf(2, "%s: %s\n", redis->argv[0], strerror(errno));
	_exit(127);
}

void fixture_redis_restart(struct fixture_redis *redis)
{
	unsigned long long end = fixture_now_msecs() + FIXTURE_LIMIT_MSECS;
	pid_t parent = getpid();

	assert_int_equal(redis->pid, 0);
	redis->pid = fork();
	assert_true(redis->pid >= 0);
	if (redis->pid == 0)
		fixture_exec(redis, parent);
	while (!fixture_answers(redis)) {
		if (waitpid(redis->pid, NULL, WNOHANG) == redis->pid) {
			redis->pid = 0;
			fixture_show_log(redis);
			fail_msg("%s ended at once", redis->argv[0]);
		}
		if (fixture_now_msecs() > end) {
			fixture_show_log(redis);
			fail_msg("%s does not answer", redis->argv[0]);
		}
		fixture_pause();
	}
}

static struct fixture_redis *fixture_alloc(const char *password)
{
	static bool at_exit;
	struct fixture_redis *redis = mem_calloc(1, sizeof(*redis));

	if (!at_exit)
		assert_int_equal(atexit(fixture_redis_stop_all), 0);
	at_exit = true;
	(void)strcpy(redis->dir, "/tmp/dovering-test.XXXXXX");
	assert_non_null(mkdtemp(redis->dir));
	redis->next = fixture_all;
	fixture_all = redis;
	redis->port = fixture_free_port();
	(void)snprintf(redis->socket, sizeof(redis->socket), "%s/redis.sock",
		       redis->dir);
	(void)snprintf(redis->url, sizeof(redis->url),
		       "redis://127.0.0.1:%u/0", redis->port);
	if (password != NULL)
		(void)snprintf(redis->password, sizeof(redis->password), "%s",
			       password);
	redis->argv = mem_calloc(1, (FIXTURE_WORDS_MAX + 1) * sizeof(char *));
	return redis;
}

static void fixture_words(struct fixture_redis *redis,
			  const char *const *words)
{
	size_t i, count = 0;

	while (redis->argv[count] != NULL)
		count++;
	for (i = 0; words[i] != NULL; i++) {
		assert_true(count < FIXTURE_WORDS_MAX);
		redis->argv[count++] = strdup(words[i]);
	}
}

struct fixture_redis *fixture_redis_start(const char *password,
					  const char *const *options)
{
	struct fixture_redis *redis = fixture_alloc(password);
	char port[16];
	const char *words[] = {
		"redis-server", "--port", port, "--bind", "127.0.0.1",
		"--dir", redis->dir, "--unixsocket", redis->socket,
		"--save", "", "--appendonly", "no", "--daemonize", "no",
		"--repl-diskless-sync-delay", "0", NULL
	};
	/* nobody but the test's user may see the folder */
	const char *secret[] = { "--requirepass", redis->password,
				 "--masterauth", redis->password, NULL };

	(void)snprintf(port, sizeof(port), "%u", redis->port);
	fixture_words(redis, words);
	if (password != NULL)
		fixture_words(redis, secret);
	if (options != NULL)
		fixture_words(redis, options);
	fixture_redis_restart(redis);
	return redis;
}

struct fixture_redis *
fixture_sentinel_start_with(unsigned int master_port, const char *name,
			    unsigned int quorum, unsigned int down_after_msecs,
			    const char *password, const char *lines)
{
	struct fixture_redis *redis = fixture_alloc(password);
	char path[96];
	const char *words[] = { "redis-server", path, "--sentinel", NULL };
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/sentinel.conf", redis->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fprintf(file, "port %u\nbind 127.0.0.1\ndir %s\ndaemonize no\n"
		      "sentinel monitor %s 127.0.0.1 %u %u\n"
		      "sentinel down-after-milliseconds %s %u\n"
		      "sentinel failover-timeout %s 5000\n"
		      "sentinel parallel-syncs %s 2\n",
		      redis->port, redis->dir, name, master_port, quorum,
		      name, down_after_msecs, name, name);
	if (password != NULL)
		(void)fprintf(file, "requirepass %s\nsentinel sentinel-pass "
			      "%s\n", password, password);
	(void)fputs(lines, file);
	assert_int_equal(fclose(file), 0);
	fixture_words(redis, words);
	fixture_redis_restart(redis);
	return redis;
}

struct fixture_redis *
fixture_sentinel_start(const struct fixture_redis *master, const char *name,
		       unsigned int quorum, unsigned int down_after_msecs,
		       const char *password)
{
	char lines[256] = "";

	if (master->password[0] != '\0')
		(void)snprintf(lines, sizeof(lines),
			       "sentinel auth-pass %s %s\n", name,
			       master->password);
	return fixture_sentinel_start_with(master->port, name, quorum,
					   down_after_msecs, password, lines);
}

void fixture_redis_signal(const struct fixture_redis *redis, int signal_number)
{
	assert_true(redis->pid > 0);
	assert_int_equal(kill(redis->pid, signal_number), 0);
}

void fixture_redis_kill(struct fixture_redis *redis)
{
	if (redis->pid <= 0)
		return;
	(void)kill(redis->pid, SIGKILL);
	while (waitpid(redis->pid, NULL, 0) < 0 && errno == EINTR)
		;
	redis->pid = 0;
}

static int fixture_remove(const char *path, const struct stat *st, int type,
			  struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fixture_remove_folder(const char *path)
{
	(void)nftw(path, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static unsigned int fixture_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	(void)closedir(dir);
	return count;
}

void fixture_threads_end(void)
{
	unsigned long long end = fixture_now_msecs() + FIXTURE_LIMIT_MSECS;

	while (fixture_threads() > 1 && fixture_now_msecs() < end)
		fixture_pause();
}

void fixture_redis_stop(struct fixture_redis **_redis)
{
	struct fixture_redis *redis = *_redis, **p = &fixture_all;
	size_t i;

	if (redis == NULL)
		return;
	*_redis = NULL;
	fixture_redis_kill(redis);
	fixture_remove_folder(redis->dir);
	while (*p != redis)
		p = &(*p)->next;
	*p = redis->next;
	for (i = 0; redis->argv[i] != NULL; i++)
		free(redis->argv[i]);
	free(redis->argv);
	free(redis);
}

void fixture_redis_stop_all(void)
{
	struct fixture_redis *redis;

	while ((redis = fixture_all) != NULL)
		fixture_redis_stop(&redis);
}

struct redisReply *
fixture_redis_command(const struct fixture_redis *redis, const char *format,
		      ...)
{
	redisContext *c = fixture_connect(redis);
	redisReply *reply;
	va_list args;

	assert_non_null(c);
	va_start(args, format);
	reply = redisvCommand(c, format, args);
	va_end(args);
	redisFree(c);
	assert_non_null(reply);
	return reply;
}

static bool reply_has(const redisReply *reply, const char *text)
{
	size_t i;

	if (reply->str != NULL && strstr(reply->str, text) != NULL)
		return true;
	for (i = 0; i < reply->elements; i++) {
		if (reply_has(reply->element[i], text))
			return true;
	}
	return false;
}

void fixture_redis_wait_for(const struct fixture_redis *redis,
			    const char *command, const char *text)
{
	unsigned long long end = fixture_now_msecs() + FIXTURE_LIMIT_MSECS;
	redisReply *reply;
	bool has;

	for (;;) {
		reply = fixture_redis_command(redis, command);
		has = reply_has(reply, text);
		freeReplyObject(reply);
		if (has)
			return;
		if (fixture_now_msecs() > end)
			fail_msg("%s at port %u never said %s", command,
				 redis->port, text);
		fixture_pause();
	}
}

static void fixture_too_late(void *context)
{
	*(bool *)context = true;
}

void fixture_loop_until(struct loop *loop, const bool *done, const char *what)
{
	bool late = false;
	struct loop_timeout *limit;

	limit = loop_timeout_add(loop, FIXTURE_LIMIT_MSECS, fixture_too_late,
				 &late);
	while (!*done && !late)
		(void)loop_poll_once(loop);
	if (late)
		fail_msg("waited in vain: %s", what);
	loop_timeout_remove(loop, &limit);
}
