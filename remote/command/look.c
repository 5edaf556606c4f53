// SPDX-License-Identifier: Apache-2.0
#include "remote/command/look.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "remote/command/choose.h"
#include "remote/command/command.h"
#include "remote/command/escape.h"

int bw_look_open(struct bw_look *l, const char *what, const char *serial)
{
	int err;

	bw_escape_init();
	if (bw_board_choose(serial, &l->board))
		return BW_EXIT_USAGE;
	err = bw_session_open(&l->session, &l->board);
	return err ? bw_session_complain(&l->board, what, err) : BW_EXIT_OK;
}

void bw_look_close(struct bw_look *l)
{
	bw_session_close(&l->session);
}

int bw_look_flush(const char *what, int status)
{
	struct pollfd p = { .fd = STDOUT_FILENO };
	int err = fflush(stdout) ? errno : 0;

	if (!err && !ferror(stdout))
		return status;
	/* The reader of a pipe that has left needs no line; stdio has forgotten why an earlier write failed. */
	if (err != EPIPE && !(poll(&p, 1, 0) > 0 && p.revents & POLLERR))
		fprintf(stderr, "%s: write error%s%s\n", what, err ? ": " : "", err ? strerror(err) : "");
	return status ? status : BW_EXIT_FAILED;
}
