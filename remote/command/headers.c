// SPDX-License-Identifier: Apache-2.0
#include "remote/command/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "protocol/io.h"
#include "protocol/log.h"
#include "remote/command/choose.h"
#include "remote/command/command.h"
#include "remote/command/place.h"

#define ARGS_MAX 8

bool bw_headers_usable(const char *dir)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/include/linux/kconfig.h", dir);
	return !access(path, R_OK);
}

void bw_headers_release(const char *dir, char *out, size_t size)
{
	static const char define[] = "#define UTS_RELEASE \"";
	bw_cleanup_free char *text = NULL;
	char path[PATH_MAX + 48], *at;
	size_t len;

	*out = 0;
	snprintf(path, sizeof(path), "%s/include/generated/utsrelease.h", dir);
	if (bw_read_file(path, 65536, &text, &len) || !(at = strstr(text, define)))
		return;
	at += sizeof(define) - 1;
	snprintf(out, size, "%.*s", (int)strcspn(at, "\"\n"), at);
}

/* ---- the helper ---- */

static int run_helper(const char *helper, const char *const *args, int out)
{
	const char *argv[ARGS_MAX + 2] = { "headers" };
	pid_t pid = fork();
	int status, n;

	if (!pid) {
		unsetenv("LD_PRELOAD");		/* of a `bpfwire run` around this one */
		for (n = 0; args[n] && n < ARGS_MAX; n++)
			argv[n + 1] = args[n];
		if (out < 0 || dup2(out, 1) >= 0)
			execv(helper, (char *const *)(uintptr_t)argv);
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

int bw_headers_helper(const char *const *args, char out[PATH_MAX])
{
	char libexec[PATH_MAX], helper[PATH_MAX + 16];
	bw_cleanup_fd int r = -1, w = -1;
	int pipefd[2], err;
	ssize_t n;

	err = bw_place_find(BW_PART_LIBEXEC, libexec);
	if (err)
		return err;
	snprintf(helper, sizeof(helper), "%s/headers", libexec);
	if (!out)
		return run_helper(helper, args, -1);
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return -errno;
	r = pipefd[0];
	w = pipefd[1];
	err = run_helper(helper, args, w);
	if (err)
		return err;
	n = read(r, out, PATH_MAX - 1);		/* one line, shorter than a pipe: read after the helper's end */
	if (n < 2 || out[n - 1] != '\n' || out[0] != '/')
		return -EIO;
	out[n - 1] = 0;
	return 0;
}

static int ask_helper(const struct bw_board *b, const char *how, char out[PATH_MAX])
{
	return bw_headers_helper((const char *[]) { how, b->release, bw_arch_name(b->arch), NULL }, out);
}

int bw_headers_find(struct bw_board *b, enum bw_headers_how how, char out[PATH_MAX])
{
	char newer[PATH_MAX];
	int err;

	if (how == BW_HEADERS_NONE)
		return ask_helper(b, "--none", out);
	err = ask_helper(b, "--here", out);
	if (!err && how != BW_HEADERS_HERE && bw_kheaders_outdated(b, out) && !bw_kheaders_fetch(b, newer))
		memcpy(out, newer, PATH_MAX);
	if (err != -ENOENT || how == BW_HEADERS_HERE)
		return err;
	err = bw_kheaders_fetch(b, out);
	if (err != -ENOENT)
		return err;
	return ask_helper(b, how == BW_HEADERS_AGAIN ? "--again" : "--fetch", out);
}

/* ---- bpfwire headers ---- */

static int print_headers(int argc, char **argv)
{
	struct bw_board b;
	char dir[PATH_MAX];
	int err = bw_board_from_args("headers", argc, argv, &b);

	if (err)
		return err;
	err = bw_headers_find(&b, BW_HEADERS_AGAIN, dir);
	if (err) {
		if (err != -ENOENT)
			bw_log(BW_LOG_ERROR, "the headers of %s: the helper failed: %s", b.release, strerror(-err));
		return BW_EXIT_FAILED;
	}
	puts(dir);
	return BW_EXIT_OK;
}

int bw_cmd_headers(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "add"))
		return bw_headers_add(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "list"))
		return bw_headers_list(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "remove"))
		return bw_headers_remove(argc - 1, argv + 1);
	return print_headers(argc, argv);
}
