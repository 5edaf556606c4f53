/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way into the virtual board that is not bpfwire: one program for both ends of a virtio-serial port.
 *
 *   in the VM     agent serve PORT DIR                  PORT is /dev/vport...; DIR holds the bridge's sockets
 *   on the host   agent carry QEMUSOCKET CONTROL DIR    mirrors the VM's sockets into DIR until the VM goes away, and
 *                                                       listens on CONTROL for:
 *                 agent exec [-i] CONTROL CMD           runs CMD there (-i: with our stdin), exits with its status
 *
 * Not over TCP: QEMU's user network loses connections and bytes under load, and what runs on the board would see it.
 *
 * The port carries messages. A stream is one connection to a socket of DIR, or one command. Either direction of a stream
 * may have WINDOW bytes in flight that the other side has not passed on, so that none can hold up another.
 *
 * The stream of a command carries frames: 'c' the command, then 'i' stdin (empty: its end) to the VM; 'h' the command has
 * started, 'o' stdout, 'e' stderr, 'x' exit status from it. Closing the connection kills the command. What it left in the
 * background lives on.
 */
#ifndef BW_TESTS_BOARD_AGENT_H
#define BW_TESTS_BOARD_AGENT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "protocol/io.h"

#define BUF_SIZE	(256 * 1024)
#define WINDOW		(256 * 1024)
#define CHUNK		(32 * 1024)
#define QUEUE_MAX	(512 * 1024)		/* waiting for the port: then nothing more is read */
#define PORT_READS	16			/* before streams are looked at again */
#define STREAMS_MAX	128
#define LIST_SIZE	8192
#define NAMES_MAX	64
#define NAME_SIZE	64
#define START_LIMIT_MS	15000			/* from the command to 'h' */
#define GONE_LIMIT_MS	5000			/* from an end's death to that of its stream, if its data does not move */
#define STATUS_LOST	255

struct frame {
	uint8_t tag;
	uint8_t zero[3];
	uint32_t len;				/* little-endian, at most BUF_SIZE */
};

enum message_type {
	MSG_OPEN = 1,				/* host to VM: the name of a socket, or nothing for a command */
	MSG_DATA,
	MSG_EOF,				/* no more data from the sender of this */
	MSG_GONE,				/* nor is any wanted; the stream's number is free of meaning from now on */
	MSG_CREDIT,				/* 4 bytes: so many have been passed on */
	MSG_LIST,				/* VM to host: the names of all sockets, one a line; first of all, and on change */
};

struct message {
	uint32_t type, id, len;			/* little-endian; then len bytes, at most CHUNK */
};

/* ---- wire.c: bytes and sockets ---- */

ssize_t read_some(int fd, void *buf, size_t len);
bool frame_send(int fd, char tag, const void *data, uint32_t len);
/* buf holds BUF_SIZE bytes. */
bool frame_recv(int fd, char *tag, void *buf, uint32_t *len);
/* BUF_SIZE bytes; the program ends if there are none. */
void *buffer(void);
/* Names come from the other side: nothing but a plain file name may ever reach a path. */
bool name_ok(const char *name);
/* False: the path is too long. */
bool unix_addr(struct sockaddr_un *addr, const char *dir, const char *name);
/* Both: a descriptor, or -1. */
int unix_connect(const char *dir, const char *name);
int unix_listen(const char *dir, const char *name);

/* ---- mux.c: streams over the port ---- */

struct stream {
	uint32_t id;				/* never used again */
	int fd;
	char *buf;				/* from the other side, not yet written to fd */
	size_t off, len;
	uint32_t credit;			/* what we may still send */
	uint32_t owed;				/* what we have passed on and not said so */
	bool sent_eof, got_eof;
	bool told;				/* fd knows of got_eof */
	bool hup;				/* fd's other end is gone */
	bool peer_gone;				/* the other side's is */
	bool dead;				/* to be freed */
	int64_t deadline;			/* ms, 0 for none */
};

struct mux {
	int port;
	struct stream *streams[STREAMS_MAX];
	int count;
	char in[sizeof(struct message) + CHUNK];
	size_t in_len;
	char *out;
	size_t out_off, out_len, out_size;
	void (*receive)(struct mux *m, const struct message *msg, const char *data);
};

void mux_send(struct mux *m, enum message_type type, uint32_t id, const void *data, uint32_t len);
/* fd is the stream's from now on. */
struct stream *stream_new(struct mux *m, uint32_t id, int fd);
/* Frees the streams that are dead. */
void mux_sweep(struct mux *m);
/* One round: waits for anything, serves port and streams; the caller's own descriptors are in extra. False: no port. */
bool mux_step(struct mux *m, struct pollfd *extra, int extras, const sigset_t *mask);

/* ---- what main() runs; each returns an exit status ---- */

int cmd_serve(char **arg);
int cmd_exec(char **arg);
int cmd_carry(char **arg);

#endif
