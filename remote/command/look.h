/* SPDX-License-Identifier: Apache-2.0 */
/* Looking around on a board: what ls, cat, ps and dmesg share. Everything is asked by the session's own operations: the board needs no program for it. */
#ifndef BW_COMMAND_LOOK_H
#define BW_COMMAND_LOOK_H

#include "protocol/buf.h"
#include "protocol/msg.h"
#include "remote/command/session.h"

struct bw_look {
	struct bw_board board;
	struct bw_session session;
};

/* The board that is meant, and a session with it. BW_EXIT_OK, or the exit status after one line. */
int bw_look_open(struct bw_look *l, const char *what, const char *serial);
void bw_look_close(struct bw_look *l);
/* Flushes stdout. status, or BW_EXIT_FAILED after a line that says why not all could be written (none where the reader left). */
int bw_look_flush(const char *what, int status);

/* ---- questions.c ---- */
/* The absolute path of what a user names: what does not begin with a slash is in the root. out is not ended; its length, or -ENAMETOOLONG. */
int bw_look_path(const char *given, char out[BW_PATH_MAX]);

/* One question about a file of the board: FILE_STAT, FILE_GET, FILE_LIST, FILE_READLINK, FILE_OPEN. */
struct bw_question {
	uint16_t type;
	uint32_t flags;
	const char *path;		/* as bw_look_path takes it; the caller's */
	size_t max;			/* of the answer, in bytes; 0: BW_PAYLOAD_MAX */
	int status;			/* what the board said: 0 or a negative errno; -EMSGSIZE: the answer was longer, and is cut */
	struct bw_buf reply;		/* freed by bw_questions_free */
};

/* Asks them all, many at a time. 0, or a negative errno of the link; in any case q is to be freed. */
int bw_questions_ask(struct bw_session *s, struct bw_question *q, size_t n);
void bw_questions_free(struct bw_question *q, size_t n);

/* ---- reads.c ---- */
/* A file of the board that is read from its start to its end, by read(2) after read(2) of which several are under way. */
struct bw_reads {
	struct bw_session *session;
	const char *path;
	uint32_t chunk;			/* bytes of a read */
	bool whole;			/* one that ends is fetched by one question: take's `whole` means nothing then */
	bool follow;			/* where there is nothing yet, wait for more: until the board is gone or nobody reads our stdout */
	bool records;			/* each read is a record, and one that was overwritten (EPIPE) is passed over: /dev/kmsg */
	/* The bytes that came: 0, or a negative errno that ends it and is returned. whole: a read ends here. */
	int (*take)(void *arg, const uint8_t *data, size_t len, bool whole);
	void *arg;
	int status;			/* what the board said: 0 or a negative errno */
};

/* 0, with r->status; a negative errno of the link or of take; -EPIPE: nobody reads our stdout. */
int bw_reads_run(struct bw_reads *r);

#endif
