/* Many IMAP logins at once, and who served each.

	login-storm [-b SOURCE-IP] [-c CONCURRENCY] [-s SEED] [-t SECS]
		    [-m MASTER] [-p PASSWORD] [-P MASTER-PASSWORD]
		    NAME=IP:PORT... <LIST

   Each line of the list is USER TAB KIND. Kinds: own (LOGIN with the user's
   password), authzid (SASL PLAIN, user as authzid), separator (LOGIN as
   user*master). Each login goes to a director by chance. A line is printed
   for each when it is done:

	USER TAB KIND TAB DIRECTOR TAB BACKEND TAB MSECS TAB RESULT

   BACKEND is the name in the server's answer to ID after the login, "-" if
   there was none; RESULT is the tagged reply without its tag. Bytes of a user
   that would break a line must not be in the list. Exit status: 0 if each
   login was OK, 1 if not. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define REPLY_MAX_BYTES 8192

enum step {
	STEP_GREETING,
	STEP_LOGIN,
	STEP_ID,
	STEP_LOGOUT
};

struct director {
	const char *name;
	struct sockaddr_in address;
};

struct login {
	char user[LINE_MAX_BYTES];
	char kind[16];
	const struct director *director;
	int fd;
	enum step step;
	int64_t begin_msecs, done_msecs;
	char in[REPLY_MAX_BYTES];
	size_t in_size;
	char backend[64];
	char result[512];
	struct login *next, *prev;
};

static struct director *directors;
static unsigned int director_count;
static const char *master = "someone1";
static const char *password = "user-secret";
static const char *master_password = "master-secret";
static unsigned int concurrency = 50, timeout_secs = 60;
/* Bound before connecting, NULL = none. */
static const char *source;
static int epoll_fd;
static unsigned int running, failed;
static struct login *active;

static int64_t now_msecs(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "login-storm: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void base64(const unsigned char *in, size_t size, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	size_t i;

	for (i = 0; i < size; i += 3) {
		unsigned int rest = size - i;
		uint32_t bits = (uint32_t)in[i] << 16 |
			(rest > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
			(rest > 2 ? in[i + 2] : 0);

		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = rest > 1 ? digits[bits >> 6 & 63] : '=';
		*out++ = rest > 2 ? digits[bits & 63] : '=';
	}
	*out = '\0';
}

static void login_send(struct login *login, const char *text, size_t size)
{
	/* Commands are small; a socket that is new takes them whole. */
	if (send(login->fd, text, size, MSG_NOSIGNAL) != (ssize_t)size)
		shutdown(login->fd, SHUT_RDWR);
}

static void login_send_str(struct login *login, const char *text)
{
	login_send(login, text, strlen(text));
}

static void login_send_plain(struct login *login)
{
	unsigned char plain[3 * LINE_MAX_BYTES];
	char command[5 * LINE_MAX_BYTES];
	size_t user_size = strlen(login->user), size = 0;

	memcpy(plain, login->user, user_size);
	size = user_size;
	plain[size++] = '\0';
	memcpy(plain + size, master, strlen(master));
	size += strlen(master);
	plain[size++] = '\0';
	memcpy(plain + size, master_password, strlen(master_password));
	size += strlen(master_password);
	strcpy(command, "a AUTHENTICATE PLAIN ");
	base64(plain, size, command + strlen(command));
	strcat(command, "\r\n");
	login_send_str(login, command);
}

static void login_send_auth(struct login *login)
{
	char name[2 * LINE_MAX_BYTES], command[3 * LINE_MAX_BYTES];
	bool separator = strcmp(login->kind, "separator") == 0;
	const char *secret = separator ? master_password : password;

	if (strcmp(login->kind, "authzid") == 0) {
		login_send_plain(login);
		return;
	}
	snprintf(name, sizeof(name), "%s%s%s", login->user,
		 separator ? "*" : "", separator ? master : "");
	snprintf(command, sizeof(command),
		 "a LOGIN {%zu+}\r\n%s {%zu+}\r\n%s\r\n",
		 strlen(name), name, strlen(secret), secret);
	login_send_str(login, command);
}

static void login_print(struct login *login)
{
	if (strncmp(login->result, "OK", 2) != 0)
		failed++;
	if (login->done_msecs == 0)
		login->done_msecs = now_msecs();
	printf("%s\t%s\t%s\t%s\t%lld\t%s\n", login->user, login->kind,
	       login->director->name,
	       login->backend[0] == '\0' ? "-" : login->backend,
	       (long long)(login->done_msecs - login->begin_msecs),
	       login->result);
}

static void login_end(struct login *login)
{
	login_print(login);
	if (login->prev != NULL)
		login->prev->next = login->next;
	else
		active = login->next;
	if (login->next != NULL)
		login->next->prev = login->prev;
	close(login->fd);
	free(login);
	running--;
}

static void login_fail(struct login *login, const char *why)
{
	snprintf(login->result, sizeof(login->result), "%.500s", why);
	login_end(login);
}

static void bind_source(int fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	if (source == NULL)
		return;
	if (inet_pton(AF_INET, source, &address.sin_addr) != 1 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		die(source);
}

static void login_begin(const char *user, const char *kind)
{
	struct login *login = calloc(1, sizeof(*login));
	struct epoll_event event;

	if (login == NULL)
		die("memory");
	snprintf(login->user, sizeof(login->user), "%s", user);
	snprintf(login->kind, sizeof(login->kind), "%s", kind);
	login->director = &directors[rand() % director_count];
	login->begin_msecs = now_msecs();
	snprintf(login->result, sizeof(login->result), "none");
	login->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (login->fd < 0)
		die("socket");
	bind_source(login->fd);
	login->next = active;
	if (active != NULL)
		active->prev = login;
	active = login;
	running++;
	/* Loopback: connects at once, or not at all. */
	if (connect(login->fd,
		    (const struct sockaddr *)&login->director->address,
		    sizeof(login->director->address)) < 0) {
		login_fail(login, strerror(errno));
		return;
	}
	fcntl(login->fd, F_SETFL, O_NONBLOCK);
	event = (struct epoll_event){ .events = EPOLLIN, .data.ptr = login };
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, login->fd, &event) < 0)
		die("epoll_ctl");
}

static void login_id_line(struct login *login, const char *line)
{
	const char *name = strstr(line, "\"name\" \"");
	size_t size;

	if (name == NULL)
		return;
	name += strlen("\"name\" \"");
	size = strcspn(name, "\"");
	if (size < sizeof(login->backend)) {
		memcpy(login->backend, name, size);
		login->backend[size] = '\0';
	}
}

/* Returns false if the login is done and gone. */
static bool login_line(struct login *login, const char *line)
{
	switch (login->step) {
	case STEP_GREETING:
		if (strncmp(line, "* OK", 4) != 0) {
			login_fail(login, line);
			return false;
		}
		login->step = STEP_LOGIN;
		login_send_auth(login);
		return true;
	case STEP_LOGIN:
		if (strncmp(line, "a ", 2) != 0)
			return true;
		snprintf(login->result, sizeof(login->result), "%.500s",
			 line + 2);
		login->done_msecs = now_msecs();
		if (strncmp(line, "a OK", 4) != 0) {
			login_end(login);
			return false;
		}
		login->step = STEP_ID;
		login_send_str(login, "b ID NIL\r\n");
		return true;
	case STEP_ID:
		if (strncmp(line, "* ID", 4) == 0)
			login_id_line(login, line);
		if (strncmp(line, "b ", 2) != 0)
			return true;
		login->step = STEP_LOGOUT;
		login_send_str(login, "c LOGOUT\r\n");
		return true;
	case STEP_LOGOUT:
		return true;
	}
	return true;
}

/* Returns false if the login is done and gone. */
static bool login_lines(struct login *login)
{
	char *line = login->in, *end;

	login->in[login->in_size] = '\0';
	while ((end = strstr(line, "\r\n")) != NULL) {
		*end = '\0';
		if (!login_line(login, line))
			return false;
		line = end + 2;
	}
	login->in_size -= line - login->in;
	memmove(login->in, line, login->in_size);
	return true;
}

static void login_read(struct login *login)
{
	ssize_t size = recv(login->fd, login->in + login->in_size,
			    sizeof(login->in) - 1 - login->in_size, 0);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size > 0) {
		login->in_size += size;
		(void)login_lines(login);
		return;
	}
	if (login->step == STEP_LOGOUT)
		login_end(login);
	else
		login_fail(login, "closed before the answer");
}

static void time_out(void)
{
	struct login *login, *next;
	int64_t limit = now_msecs() - timeout_secs * 1000LL;

	for (login = active; login != NULL; login = next) {
		next = login->next;
		if (login->begin_msecs < limit)
			login_fail(login, "no answer in time");
	}
}

static void run_until(unsigned int most)
{
	struct epoll_event events[64];
	int i, count;

	while (running > most) {
		count = epoll_wait(epoll_fd, events, 64, 1000);
		if (count < 0 && errno != EINTR)
			die("epoll_wait");
		for (i = 0; i < count; i++)
			login_read(events[i].data.ptr);
		time_out();
	}
}

static void add_director(const char *text)
{
	char *name = strdup(text), *ip = strchr(name, '='), *port;
	struct director *director;

	directors = realloc(directors, ++director_count * sizeof(*directors));
	if (ip == NULL || directors == NULL ||
	    (port = strchr(ip, ':')) == NULL) {
		fprintf(stderr, "login-storm: %s is not NAME=IP:PORT\n", text);
		exit(64);
	}
	*ip++ = '\0';
	*port++ = '\0';
	director = &directors[director_count - 1];
	director->name = name;
	director->address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	if (inet_pton(AF_INET, ip, &director->address.sin_addr) != 1) {
		fprintf(stderr, "login-storm: %s is no address\n", ip);
		exit(64);
	}
}

static void parse_args(int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "b:c:s:t:m:p:P:")) != -1) {
		switch (c) {
		case 'b': source = optarg; break;
		case 'c': concurrency = atoi(optarg); break;
		case 's': srand(atoi(optarg)); break;
		case 't': timeout_secs = atoi(optarg); break;
		case 'm': master = optarg; break;
		case 'p': password = optarg; break;
		case 'P': master_password = optarg; break;
		default: exit(64);
		}
	}
	for (; optind < argc; optind++)
		add_director(argv[optind]);
	if (director_count == 0) {
		fprintf(stderr, "login-storm: to whom? NAME=IP:PORT\n");
		exit(64);
	}
}

int main(int argc, char *argv[])
{
	char line[LINE_MAX_BYTES], *kind;
	struct rlimit files;

	parse_args(argc, argv);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, NULL, _IOLBF, 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		die("epoll_create1");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		kind = strrchr(line, '\t');
		if (kind == NULL)
			continue;
		*kind++ = '\0';
		run_until(concurrency - 1);
		login_begin(line, kind);
	}
	run_until(0);
	return failed == 0 ? 0 : 1;
}
