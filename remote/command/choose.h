/* SPDX-License-Identifier: Apache-2.0 */
/* Which board is meant, and a bridge for it. */
#ifndef BW_COMMAND_CHOOSE_H
#define BW_COMMAND_CHOOSE_H

#include "remote/command/board.h"

/* How long a bridge that was just started may look for boards, and a board may be "opening". */
#define BW_BOARDS_WAIT_MS	3000

/*
 * All boards there are, after starting a bridge where none runs and waiting (bounded) for those that are being opened; when serial is not
 * NULL, no longer than until that one is ready. 0; a list with n = 0 comes with `why`, the end of a sentence: what to look at. Negative errno
 * after saying why: there is no bridge and none can be started.
 */
int bw_boards_await(const char *serial, struct bw_boards *out, char *why, size_t size);

/*
 * The board that is meant: serial, else $BPFWIRE_SERIAL, else the only one. 0, and it greets as ready; or a negative errno
 * after one line that says what there is.
 */
int bw_board_choose(const char *serial, struct bw_board *out);

/*
 * The same for a command whose only option is -s SERIAL and that takes no argument; argv[0] does not count. BW_EXIT_OK, or the exit status
 * after one line.
 */
int bw_board_from_args(const char *command, int argc, char **argv, struct bw_board *out);

#endif
