/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of the BPFd text protocol: lines in, answers out (docs/text-protocol.md). It is a worker (worker.h) of another tongue: what it makes are the
 * same handles, by the same operations, and go the same way. The number that a client sees of a handle is two more, since descriptors of the
 * original began at 3. One thread.
 *
 *	text_line.c says what a line means; text.c reads lines, finds the command and frames its answer; text_*.c do the work, a family each.
 */
#ifndef BW_DAEMON_TEXT_H
#define BW_DAEMON_TEXT_H

#include "daemon/text_line.h"
#include "daemon/worker.h"
#include "protocol/msg.h"

#define BW_TEXT_GREETING	"STARTED_BPFD"
#define BW_TEXT_FIRST_FD	3
#define BW_TEXT_POLL_MAX	4096	/* perf buffers in one PERF_READER_POLL */

struct bw_text;
struct bw_ksyms;
struct bw_usyms;
struct bw_text_probe;
struct bw_text_ring;

/* Where lines come from and answers go. */
struct bw_text_io {
	struct bw_channel *ch;		/* of the session, once it runs */
	int fd;				/* to poll for input */
	int stop_fd;			/* when this is readable, the session is over; -1: none */
	/* > 0, 0 at the end, -EAGAIN: nothing now, or the error that ends the session. Does not block. */
	ssize_t (*read)(struct bw_text_io *io, void *buf, size_t size);
	bool (*queued)(struct bw_text_io *io);			/* NULL, or: read has something that fd does not tell of */
	int (*write)(struct bw_text_io *io, const void *p, size_t len);	/* all of it, blocking; 0 or the error that ends the session */
	/* NULL, or: a command was answered, ret as its answer has it (-EPROTO: as none). Not 0: the error that ends the session. */
	int (*answered)(struct bw_text_io *io, struct bw_text *t, const struct bw_text_line *l, int64_t ret);
	/* NULL, or: the input has come to its end, and nothing is undone yet. */
	void (*ended)(struct bw_text_io *io, struct bw_text *t);
};

struct bw_text {
	struct bw_worker w;
	struct bw_text_io *io;
	struct {
		char *buf;
		size_t start, len, cap;	/* from start up to len: not yet taken */
		size_t seen;		/* up to here it is known that there is no newline */
		bool skipping;		/* in a line that was too long */
		unsigned long line;	/* its number, from 1 */
		bool end;
	} in;
	struct bw_buf out;
	int64_t ret;			/* of the answer in hand */
	int error;			/* sticky: the session is over */
	bool exit;
	bool lost_lines;		/* SET_OPTION lost 1 */
	uint64_t lost;			/* of buffers that are closed */
	char *prog_log;
	struct bw_text_probe *probes;
	struct bw_text_ring *rings;
	struct bw_ksyms *ksyms;
	struct bw_usyms *usyms;
};

/*
 * Greets, serves to the end of input, to `exit` or to the first error of io; undoes everything. in and out are of the frames below, if there
 * are any, else -1. 0, or the error.
 */
int bw_text_run(struct bw_text_io *io, const struct bw_worker_options *o);

/* ---- for the commands ---- */

/* 0, or -EPROTO: answer that the command is none. */
typedef int bw_text_fn(struct bw_text *t, const struct bw_text_line *l);
bw_text_fn bw_text_kallsyms, bw_text_blacklist, bw_text_filter_funcs, bw_text_categories, bw_text_events, bw_text_comm;
bw_text_fn bw_text_create_map, bw_text_prog_load, bw_text_prog_log, bw_text_pin, bw_text_obj_get, bw_text_close;
bw_text_fn bw_text_update, bw_text_lookup, bw_text_first_key, bw_text_next_key, bw_text_delete, bw_text_clear;
bw_text_fn bw_text_attach_kprobe, bw_text_detach_kprobe, bw_text_attach_uprobe, bw_text_detach_uprobe;
bw_text_fn bw_text_attach_tracepoint, bw_text_detach_tracepoint, bw_text_attach_perf_event, bw_text_close_perf_event;
bw_text_fn bw_text_open_perf_buffer, bw_text_poll, bw_text_lost;
bw_text_fn bw_text_ksym_name, bw_text_ksym_addr, bw_text_ksym_names, bw_text_usym_name, bw_text_usym_addr, bw_text_usym_names;

/* Appends to the answer, which goes out as it grows. */
void bw_text_put(struct bw_text *t, const void *p, size_t len);
void bw_text_printf(struct bw_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void bw_text_put_base64(struct bw_text *t, const void *p, size_t len);		/* and a newline */
/* The line "NAME: ret=N". Always 0, so that it may be a command's last word. */
int bw_text_ret(struct bw_text *t, const char *name, int64_t ret);

/* The handle that a client's number means, BW_HANDLE_CLOSED if it means none; and the other way round. */
uint32_t bw_text_handle(const struct bw_text *t, uint64_t num);
int bw_text_number(uint32_t handle);
/* Closes what the handle is, with its ring and what is known of its probe. 0 or -errno. */
int bw_text_close_handle(struct bw_text *t, uint32_t handle);

/*
 * Sleep until input, one of the n descriptors, or the time is over (-1: never). fds has room for two more. True: there is input, or the
 * session is over.
 */
struct pollfd;
bool bw_text_wait(struct bw_text *t, struct pollfd *fds, unsigned int n, int timeout_ms);

/* bpf(2) by the operation of the binary protocol. reply points into t->w.reply, valid until the next call. 0 or -errno. */
int bw_text_bpf(struct bw_text *t, uint32_t cmd, const void *attr, uint32_t attr_size, const struct bw_bpf_buf *bufs, uint32_t nbufs,
		struct bw_bpf_reply *reply);
/* What came back for the pointer at that offset of the attr; NULL if nothing did. */
const struct bw_bpf_buf *bw_text_out(const struct bw_bpf_reply *reply, uint16_t where);

/* Parts of the session's end, in this order; the handles are closed between the two. */
void bw_text_rings_fini(struct bw_text *t);
void bw_text_ring_drop(struct bw_text *t, uint32_t handle);	/* if it has one */
void bw_text_probe_drop(struct bw_text *t, uint32_t handle);	/* after its handle was closed */
void bw_text_probes_fini(struct bw_text *t);
/* Pins the attachment of a program. 0 or -errno; -EINVAL: none that could be. */
int bw_text_probe_pin(struct bw_text *t, uint32_t handle, const char *path);
uint32_t bw_text_probe_unpinned(const struct bw_text *t);	/* one that goes with the session; BW_HANDLE_CLOSED: none */
void bw_text_symbols_fini(struct bw_text *t);

#endif
