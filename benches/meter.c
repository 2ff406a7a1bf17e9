/* Measures commands in turn, so that what else the machine does falls on all of them.
 *
 *     meter ROUNDS SETTLE DAEMON FILE
 *
 * FILE has two lines for each command: a shell script that is run before, and is not measured
 * (or nothing), and the command's words, one space between them. In each of ROUNDS rounds each
 * command is run once, as is SETTLE ms of rest before it; and in each round in another order, or
 * what the daemon does from time to time would fall on the same command again and again. What the
 * daemon with the pid DAEMON does is measured from a command's start until SETTLE ms after its end:
 * it clears up when a client is gone. For each run a line is printed:
 *
 *     COMMAND STATUS CPU WALL PEAK DAEMON_CPU DAEMON_TIME REST_CPU REST_TIME
 *
 * COMMAND counts from 0; STATUS is the exit status, or -1 after a signal; CPU is the user's and
 * the system's time of the command and all children that it waited for; PEAK is the largest
 * resident set of any of them in KiB; all times are in microseconds. Those of the daemon are over
 * all of its threads.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 32

extern char **environ;

struct command {
	char *prepare;
	char **argv;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

static void rest(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* The CPU time of all threads of a process so far, in microseconds (proc_pid_schedstat). */
static int64_t cpu_of(const char *pid)
{
	char path[300];
	int64_t sum = 0;
	struct dirent *thread;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	DIR *threads = opendir(path);
	if (threads == NULL)
		fail(path);
	while ((thread = readdir(threads)) != NULL) {
		int64_t nanoseconds = 0;

		if (thread->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, thread->d_name);
		FILE *file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fscanf(file, "%" SCNd64, &nanoseconds) == 1)
			sum += nanoseconds;
		fclose(file);
	}
	closedir(threads);
	return sum / 1000;
}

static char *line_of(FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length = getline(&line, &size, file);

	if (length < 0)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static char **words_of(char *line)
{
	size_t count = 2;

	for (char *c = line; *c; c++)
		count += *c == ' ';
	char **words = calloc(count, sizeof(*words));
	if (words == NULL)
		fail("calloc");
	count = 0;
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	return words;
}

static int read_commands(const char *path, struct command *commands)
{
	int count = 0;
	FILE *file = fopen(path, "r");

	if (file == NULL)
		fail(path);
	while (count < COMMANDS) {
		char *prepare = line_of(file), *words = prepare ? line_of(file) : NULL;

		if (words == NULL)
			break;
		commands[count++] = (struct command){ prepare, words_of(words) };
	}
	fclose(file);
	return count;
}

static void measure(int which, const struct command *command, long settle, const char *daemon,
		    posix_spawn_file_actions_t *quiet)
{
	if (command->prepare[0] != '\0' && system(command->prepare) != 0) {
		fprintf(stderr, "meter: this failed: %s\n", command->prepare);
		exit(1);
	}

	int64_t rest_time = now(), rest_cpu = cpu_of(daemon);
	rest(settle);
	int64_t daemon_cpu = cpu_of(daemon), start = now();

	struct rusage usage;
	pid_t pid;
	int status;
	if (posix_spawnp(&pid, command->argv[0], quiet, NULL, command->argv, environ) != 0)
		fail(command->argv[0]);
	if (wait4(pid, &status, 0, &usage) < 0)
		fail("wait4");
	int64_t wall = now() - start;
	rest(settle);
	int64_t cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000)
		+ usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	int64_t after = cpu_of(daemon);

	printf("%d %d %" PRId64 " %" PRId64 " %ld %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
	       which, WIFEXITED(status) ? WEXITSTATUS(status) : -1, cpu, wall, usage.ru_maxrss,
	       after - daemon_cpu, now() - start, daemon_cpu - rest_cpu, start - rest_time);
}

int main(int argc, char **argv)
{
	struct command commands[COMMANDS];
	posix_spawn_file_actions_t quiet;

	if (argc != 5) {
		fprintf(stderr, "usage: meter ROUNDS SETTLE DAEMON FILE\n");
		return 2;
	}
	long rounds = atol(argv[1]), settle = atol(argv[2]);
	int count = read_commands(argv[4], commands);

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	int order[COMMANDS];

	for (int i = 0; i < count; i++)
		order[i] = i;
	srand(1);
	for (long round = 0; round < rounds; round++) {
		for (int i = count - 1; i > 0; i--) {
			int other = rand() % (i + 1), which = order[i];

			order[i] = order[other];
			order[other] = which;
		}
		for (int i = 0; i < count; i++)
			measure(order[i], &commands[order[i]], settle, argv[3], &quiet);
	}
	return 0;
}
