// SPDX-License-Identifier: Apache-2.0
/* bpfwire check */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "protocol/check.h"
#include "protocol/log.h"
#include "remote/command/choose.h"
#include "remote/command/command.h"
#include "remote/command/session.h"

/* Of the answer: fifty items would be 20 KiB. */
#define REPLY_MAX (1u << 20)

static int say_why(const struct bw_board *b, int err)
{
	if (err != -EOPNOTSUPP && err != -ENOSYS)
		return bw_session_complain(b, "check", err);
	bw_log(BW_LOG_ERROR, "board %s: %s is too old to check itself: update it, or run bpfwired --check there", b->serial, b->daemon);
	return BW_EXIT_USAGE;
}

static int print(const struct bw_board *b, const struct bw_buf *reply)
{
	struct bw_check_sum sum = { 0 };
	struct bw_check c;
	struct bw_reader r;

	bw_reader_init(&r, reply->data, reply->len);
	while (r.left) {
		if (bw_get_check(&r, &c))
			return say_why(b, -EPROTO);
		bw_check_print(stdout, &c, &sum);
	}
	return bw_check_print_sum(stdout, b->serial, &sum) ? BW_EXIT_FAILED : BW_EXIT_OK;
}

static int check(struct bw_board *b)
{
	struct bw_buf reply = { 0 };
	struct bw_session s;
	int err = bw_session_open(&s, b);

	if (err)
		return say_why(b, err);
	err = bw_session_ask(&s, BW_MSG_CHECK, NULL, 0, REPLY_MAX, &reply);
	err = err ? say_why(b, err) : print(b, &reply);
	bw_buf_free(&reply);
	bw_session_close(&s);
	return err;
}

int bw_cmd_check(int argc, char **argv)
{
	struct bw_board b;
	int status = bw_board_from_args("check", argc, argv, &b);

	return status ? status : check(&b);
}
