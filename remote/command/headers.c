// SPDX-License-Identifier: Apache-2.0
#include "remote/command/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/choose.h"
#include "remote/command/command.h"
#include "remote/command/place.h"

bool bw_headers_usable(const char *dir)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/include/linux/kconfig.h", dir);
	return !access(path, R_OK);
}

static int run_helper(const char *helper, const char *how, const struct bw_board *b, int out)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		unsetenv("LD_PRELOAD");		/* of a `bpfwire run` around this one */
		if (dup2(out, 1) >= 0)
			execl(helper, "headers", how, b->release, bw_arch_name(b->arch), (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return -ENOENT;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

int bw_headers_find(const struct bw_board *b, enum bw_headers_how how, char out[PATH_MAX])
{
	static const char *const hows[] = { "--here", "--fetch", "--none" };
	char libexec[PATH_MAX], helper[PATH_MAX + 16];
	bw_cleanup_fd int r = -1, w = -1;
	int pipefd[2], err;
	ssize_t n;

	err = bw_place_find(BW_PART_LIBEXEC, libexec);
	if (err)
		return err;
	snprintf(helper, sizeof(helper), "%s/headers", libexec);
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return -errno;
	r = pipefd[0];
	w = pipefd[1];
	err = run_helper(helper, hows[how], b, w);
	if (err)
		return err;
	n = read(r, out, PATH_MAX - 1);		/* one line, shorter than a pipe: read after the helper's end */
	if (n < 2 || out[n - 1] != '\n' || out[0] != '/')
		return -EIO;
	out[n - 1] = 0;
	return 0;
}

/* bpfwire headers */
int bw_cmd_headers(int argc, char **argv)
{
	static const struct option options[] = { { "serial", required_argument, NULL, 's' }, { 0 } };
	const char *serial = NULL;
	struct bw_board b;
	char dir[PATH_MAX];
	int opt, err;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:s:", options, NULL)) != -1) {
		if (opt != 's')
			return bw_option_error(opt, argv);
		serial = optarg;
	}
	if (optind < argc)
		return bw_usage_error("headers takes no argument '%s'", argv[optind]);
	if (bw_board_choose(serial, &b))
		return BW_EXIT_USAGE;
	err = bw_headers_find(&b, BW_HEADERS_FETCH, dir);
	if (err) {
		if (err != -ENOENT)
			bw_log(BW_LOG_ERROR, "the headers of %s: the helper failed: %s", b.release, strerror(-err));
		return BW_EXIT_FAILED;
	}
	puts(dir);
	return BW_EXIT_OK;
}
