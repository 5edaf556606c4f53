/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boards as the bridge presents them: Unix sockets in its directory, each greeting whoever connects with the board's HELLO
 * (protocol/wire.h). Everything a board says about itself is printable here: other bytes have become '?'.
 */
#ifndef BW_COMMAND_BOARD_H
#define BW_COMMAND_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

enum bw_board_state {
	BW_BOARD_READY		= 0,
	BW_BOARD_OPENING	= 1,	/* the bridge is still setting the link up */
	BW_BOARD_OFFLINE	= 2,	/* there, but it or the bridge does not answer */
	BW_BOARD_INCOMPATIBLE	= 3,	/* another major version of the protocol */
	BW_BOARD_FORBIDDEN	= 4,	/* this user may not use the socket, or the bridge not the device */
	BW_BOARD_GONE		= 5,	/* a socket without a bridge behind it: not a board at all */
};

struct bw_board {
	enum bw_board_state state;
	char serial[65];		/* the socket's name */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];	/* of the socket */
	char reason[256];		/* why it is not ready; "" if it is */
	/* READY only */
	uint16_t major, minor;
	uint8_t arch;			/* enum bw_arch */
	uint8_t lockdown;		/* enum bw_lockdown */
	uint32_t page_size;
	uint32_t window;		/* of its sessions: bytes that may be under way to the board */
	char machine[65], release[65], daemon[65], cpus_online[65];
	char build_id[65];		/* of the kernel; "" unknown */
};

struct bw_boards {
	struct bw_board *v;		/* in the order of their serial numbers */
	size_t n;
	const char *unreadable;		/* one of the directories given, that is there and cannot be read; NULL: none */
};

/* As long as a bridge that lives may take to greet. */
#define BW_GREETING_MS	3000	/* a board process that waits for udev to set the permissions (a second) answers after that */

/*
 * Connects to b->path and reads the greeting, at most timeout_ms long; fills in all of b but serial and path. Returns the connected, blocking
 * descriptor when the board is ready, which is then the caller's; else a negative errno with b->state and b->reason.
 */
int bw_board_greet(struct bw_board *b, int timeout_ms);

/*
 * All boards of the directories, each greeted; a serial number that is in two is the first directory's. Directories that are not there
 * hold none. 0, or -ENOMEM, or the errno of a directory that is there and cannot be read (the boards of the others are in *out all the same).
 */
int bw_boards_find(const char *const *dirs, size_t ndirs, struct bw_boards *out);
void bw_boards_free(struct bw_boards *b);

bool bw_serial_is_valid(const char *name);			/* the name of a board's socket */
const char *bw_board_state_name(enum bw_board_state state);	/* "device", as adb says it, "offline", ... */
const char *bw_arch_name(uint8_t arch);				/* "arm64", "x86_64", ...; "other" */

#endif
