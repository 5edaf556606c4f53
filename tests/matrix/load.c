// SPDX-License-Identifier: Apache-2.0
// What a traced process of the board does for tests/matrix: load WORD leak | deadlock | mysql; WORD becomes its name.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
void *kept[1 << 16];

__attribute__((noinline)) void *leak_here(void)
{
	return malloc(4321);
}

static void leak(void)
{
	for (unsigned n = 0; ; n++) {
		kept[n % (1 << 16)] = leak_here();
		usleep(20000);
	}
}

static void *lock_two(void *reverse)
{
	pthread_mutex_t *first = reverse ? &b : &a, *second = reverse ? &a : &b;

	pthread_mutex_lock(first);
	pthread_mutex_lock(second);
	pthread_mutex_unlock(second);
	pthread_mutex_unlock(first);
	return NULL;
}

// Never at the same time, so that it does not deadlock: the order alone is wrong.
static void deadlock(void)
{
	for (int n = 0; ; n++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, lock_two, n % 2 ? &a : NULL) == 0)
			pthread_join(thread, NULL);
		usleep(100000);
	}
}

// The name that MySQL's function has, which dbslower looks for: (command, thread, packet, length).
__attribute__((noinline)) int _Z16dispatch_command19enum_server_commandP3THDPcj(int command, void *thread, char *packet, unsigned int length)
{
	usleep(20000);
	return command + (thread != NULL) + (int)strlen(packet) + (int)length;
}

static void mysql(const char *word)
{
	char query[64] = "select ";

	strncat(query, word, sizeof query - 8);
	for (;;) {
		_Z16dispatch_command19enum_server_commandP3THDPcj(3, NULL, query, (unsigned int)strlen(query));
		usleep(200000);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	prctl(PR_SET_NAME, argv[1]);
	if (!strcmp(argv[2], "leak"))
		leak();
	else if (!strcmp(argv[2], "deadlock"))
		deadlock();
	else if (!strcmp(argv[2], "mysql"))
		mysql(argv[1]);
	return 2;
}
