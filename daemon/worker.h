/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process behind one session. It reads requests from its channel, does them one after the other and answers; between them it pushes
 * what its rings hold. It trusts nothing that it reads: a message that is malformed ends this session, and only this one.
 * One thread. Everything it opens in the kernel goes when it exits; the rest is in its journal.
 */
#ifndef BW_DAEMON_WORKER_H
#define BW_DAEMON_WORKER_H

#include "daemon/channel.h"
#include "daemon/handle.h"
#include "daemon/journal.h"
#include "daemon/ring.h"

struct bw_worker_options {
	int in, out;
	uint32_t session;
	uint32_t send_window, receive_window;
	uint32_t msg_max;		/* longest message that the client takes */
	const char *journal;		/* path of the journal file to be, see journal.h */
};

struct bw_worker {
	struct bw_channel ch;
	struct bw_joiner joiner;
	struct bw_handles handles;
	struct bw_rings rings;
	struct bw_journal journal;
	struct bw_buf reply;		/* of the request in hand */
	uint32_t msg_max;
	uint32_t cpus;			/* possible ones */
	uint32_t page_size;
	uint32_t kernel;		/* KERNEL_VERSION of the board */
};

/* What an operation returns besides 0 and -errno, which go into the reply with the bytes in w->reply. */
enum bw_op_result {
	BW_OP_REPLIED	= 1,	/* it has sent its reply, or will */
	BW_OP_MALFORMED	= 2,	/* the message is none: the session ends */
};

struct bw_request {
	uint16_t type;
	uint32_t id;
	const uint8_t *payload;
	size_t len;
	struct bw_reader r;	/* at the start of the payload */
};

/* Exit statuses of a worker, for the main process, which tells the client. */
enum bw_worker_exit {
	BW_EXIT_OK	= 0,
	BW_EXIT_FAILED	= 1,	/* could not start */
	BW_EXIT_PROTO	= 2,	/* the client broke the protocol */
	BW_EXIT_MEMORY	= 3,
};

int bw_worker_init(struct bw_worker *w, const struct bw_worker_options *o);
void bw_worker_fini(struct bw_worker *w);
/* One frame from the client. 0, or the reason to end the session. (Apart from bw_worker_run for tests and fuzzing.) */
int bw_worker_frame(struct bw_worker *w, const struct bw_frame *f);
/* Init, serve to the end, fini. Returns enum bw_worker_exit. */
int bw_worker_run(const struct bw_worker_options *o);

#endif
