// SPDX-License-Identifier: Apache-2.0
#include "gadget/module.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/io.h"
#include "protocol/log.h"

#define LIMIT_MS 10000

static const char *find_modprobe(void)
{
	static const char *const places[] = { "/sbin/modprobe", "/usr/sbin/modprobe", "/bin/modprobe", "/usr/bin/modprobe" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!access(places[i], X_OK))
			return places[i];
	return NULL;
}

__attribute__((noreturn)) static void run(const char *modprobe, const char *name)
{
	int null = open("/dev/null", O_RDWR);

	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
	}
	execl(modprobe, modprobe, "-q", name, (char *)NULL);
	_exit(127);
}

int bw_module_load(const char *name)
{
	const char *modprobe = find_modprobe();
	int64_t end = bw_now_ms() + LIMIT_MS;
	int status;
	pid_t pid, got;

	if (!modprobe)
		return -ENOENT;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		run(modprobe, name);
	while (!(got = waitpid(pid, &status, WNOHANG)) && bw_now_ms() < end)
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	if (!got) {
		/* It may hang inside the kernel, where SIGKILL does not reach it: not waited for. */
		kill(pid, SIGKILL);
		return -ETIMEDOUT;
	}
	bw_log(BW_LOG_DEBUG, "modprobe %s: status %d", name, got == pid ? status : -1);
	return got == pid && WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOENT;
}
