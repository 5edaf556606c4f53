// SPDX-License-Identifier: Apache-2.0
/* On the host: one command there. */
#include "agent.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void exec_send_stdin(int sock)
{
	char *buf = buffer();
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((n = read_some(0, buf, BUF_SIZE)) > 0) {
		if (!frame_send(sock, 'i', buf, n))
			_exit(1);
	}
	frame_send(sock, 'i', NULL, 0);
	_exit(0);
}

static int exec_lost(const char *why)
{
	warnx("%s", why);
	return STATUS_LOST;
}

static int exec_receive(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char *buf = buffer(), tag;
	uint32_t len;

	if (poll(&p, 1, START_LIMIT_MS) == 0)
		return exec_lost("the board does not answer");
	while (frame_recv(sock, &tag, buf, &len)) {
		if (tag == 'x' && len == sizeof(uint32_t))
			return buf[0] & 0xff;
		if ((tag == 'o' || tag == 'e') && bw_write_full(tag == 'o' ? 1 : 2, buf, len))
			return 128 + SIGPIPE;
	}
	return exec_lost("the board went away before the command ended");
}

int cmd_exec(char **arg)
{
	bool with_stdin = !strcmp(arg[0], "-i");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;
	pid_t pump = 0;

	arg += with_stdin;
	strncpy(addr.sun_path, arg[0], sizeof(addr.sun_path) - 1);
	if (strlen(arg[1]) > BUF_SIZE)
		return exec_lost("the command is too long");
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) || !frame_send(sock, 'c', arg[1], strlen(arg[1])))
		return exec_lost("the board cannot be reached");
	if (with_stdin)
		pump = fork();
	else
		frame_send(sock, 'i', NULL, 0);
	if (with_stdin && !pump)
		exec_send_stdin(sock);
	ret = exec_receive(sock);
	if (pump > 0)
		kill(pump, SIGKILL);
	return ret;
}
