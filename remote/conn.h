/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection, as its own files see it (conn.c makes it, send.c and receive.c are its two directions), and what else only the descriptor
 * half of the library shares.
 *
 * Locks: message_lock is held for a whole message, write_lock inside it for a frame; the receiving thread only ever tries write_lock, so that a
 * sender who waits for credit, or for the bridge to read, never stops what would wake it.
 */
#ifndef BW_REMOTE_CONN_H
#define BW_REMOTE_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/frame.h"
#include "protocol/msg.h"

enum bw_conn_state {
	BW_CONN_NONE = 0,	/* not tried yet */
	BW_CONN_UP,
	BW_CONN_FAILED,		/* could not be made, said once */
	BW_CONN_LOST,		/* was there; disconnect.c has said so */
};

struct bw_conn {
	atomic_int state;
	atomic_int fd;			/* blocking */
	_Atomic pid_t pid;		/* whose it is; 0: nobody's */
	struct bw_stream stream;	/* the receiving thread's */
	struct bw_window in;		/* the receiving thread's */
};
extern struct bw_conn bw_conn;

/* After fork, in the child (conn.c). */
void bw_placeholders_after_fork(void);
void bw_rings_after_fork(void);
void bw_maps_after_fork(void);

/* send.c. All return 0, or -ENODEV when the connection is gone. */
void bw_send_init(uint32_t window);			/* before the first send; after fork too */
int bw_send(uint16_t type, uint32_t request, const void *payload, size_t len);	/* waits for credit; any thread but the receiving one */
int bw_send_try(uint16_t type, const void *payload, size_t len);	/* receiving thread: one frame, -EAGAIN if it would wait */
/* Receiving thread: give back, now or as soon as somebody sends. False if the socket is full: call again (with 0) after a while. */
bool bw_send_credit(uint32_t bytes);
void bw_send_credited(uint32_t bytes);			/* receiving thread: the board gave back */
void bw_send_stop(void);				/* connection gone: wake who waits for credit */
int bw_write_raw(int fd, const void *p, size_t len, int flags);

/* receive.c */
struct bw_waiter {
	struct bw_waiter *next;
	uint32_t id;
	unsigned int row;	/* stats.h */
	int status;
	struct bw_buf data;
	atomic_int done;
};
/* Sends a request and leaves w waiting for its reply; -ENODEV, and then it is not waiting. Several may be in flight. */
int bw_request(struct bw_waiter *w, uint16_t type, const void *payload, size_t len);
void bw_waiter_wait(struct bw_waiter *w);		/* then status and data are there; the caller frees data */
void bw_receive_init(void);				/* before bw_receive_start; after fork too */
int bw_receive_start(void);				/* the thread; bw_conn is up */
bool bw_in_receiver(void);
int bw_receive_frames(int *closed);			/* receiving thread: all that bw_conn.stream holds; the stream's error, or *closed why it ends, or both 0 */

/*
 * disconnect.c: called where a wait of the tool begins. After the connection was lost it may not return; true: the tool was interrupted
 * again and the wait is over before it began, -1 with EINTR.
 */
bool bw_disconnect_wait(void);

/* placeholder.c: descriptors that the tool shall not close; moved to a high number. Returns the number. */
int bw_fd_make_private(int fd);
bool bw_fd_is_private(int fd);
void bw_fd_close_private(int fd);
/* The tool wants this number by dup2: the connection's moves on (the number stays open, for dup2 to replace); -EBUSY for a ring's. */
int bw_fd_move_private(int fd);
void bw_placeholder_forget_range(unsigned int first, unsigned int last);
bool bw_programs_held(void);		/* programs among them */
bool bw_objects_held(void);		/* this process has kernel objects on the board */

/* ring.c, for the receiving thread: gives credit back that is due, returns in how many ms to be called again, -1: when there is data. */
int bw_rings_tick(void);
/* ring.c, for wait.c: as bw_ring_before_wait, for all rings that are in this epoll set. */
void bw_rings_before_epoll(int epfd);
/* ring.c, for fd.c: a mapping goes. map_mmap.c and ring.c share the table of mappings. */
void bw_ring_munmap(void *addr, size_t len);
void bw_map_munmap(void *addr, size_t len);
extern atomic_int bw_ring_count;

#endif
