#ifndef FIXTURE_REDIS_H
#define FIXTURE_REDIS_H

/* Real redis-servers and sentinels for tests: on 127.0.0.1, on free ports,
   each in a folder of its own below /tmp. They die with the test's process,
   whatever ends it; fixture_redis_stop_all() is meant for teardown functions,
   which cmocka calls after a failed test too.

   What goes wrong in here fails the test, with words that say what. */

#include <stdbool.h>
#include <sys/types.h>

#include "loop.h"

struct redisReply;

struct fixture_redis {
	char dir[64];
	char socket[96];	/* a unix socket, beside the port */
	unsigned int port;
	char url[64];		/* redis://127.0.0.1:PORT/0 */
	char password[64];	/* of the default user; "" if there is none */
	pid_t pid;		/* 0: not running now */
	char **argv;
	struct fixture_redis *next;
};

unsigned int fixture_free_port(void);
/* With all that is in it. */
void fixture_remove_folder(const char *path);
/* The C library looks up names in threads, which end a second after the last
   one: wait for that, or a check for leaks finds what is theirs. */
void fixture_threads_end(void);
/* Milliseconds since some time. */
unsigned long long fixture_now_msecs(void);

/* Start one and wait until it answers. password: NULL for none. options: more
   words of redis-server's command line, NULL at their end; or NULL. */
struct fixture_redis *fixture_redis_start(const char *password,
					  const char *const *options);
/* A sentinel that watches the master, and calls it `name`. */
struct fixture_redis *
fixture_sentinel_start(const struct fixture_redis *master, const char *name,
		       unsigned int quorum, unsigned int down_after_msecs,
		       const char *password);
/* The same with the address given by its port, and more lines for its file. */
struct fixture_redis *
fixture_sentinel_start_with(unsigned int master_port, const char *name,
			    unsigned int quorum, unsigned int down_after_msecs,
			    const char *password, const char *lines);
/* SIGKILL, and wait for its end; the folder and the port stay its own. */
void fixture_redis_kill(struct fixture_redis *redis);
void fixture_redis_restart(struct fixture_redis *redis);
/* SIGSTOP, SIGCONT, ... */
void fixture_redis_signal(const struct fixture_redis *redis,
			  int signal_number);
void fixture_redis_stop(struct fixture_redis **redis);
void fixture_redis_stop_all(void);

/* One command, by a connection of its own; the caller frees the reply with
   freeReplyObject(). */
struct redisReply *
fixture_redis_command(const struct fixture_redis *redis, const char *format,
		      ...);
/* Ask again and again until the answer has this text in it. */
void fixture_redis_wait_for(const struct fixture_redis *redis,
			    const char *command, const char *text);

/* Run the loop until *done, or fail after 20 seconds, naming what was waited
   for. */
void fixture_loop_until(struct loop *loop, const bool *done, const char *what);

#endif
