/* SPDX-License-Identifier: Apache-2.0 */
/* `bpfwire run --stats`: what a tool asked of the board, told when it has ended. */
#ifndef BW_COMMAND_STATS_H
#define BW_COMMAND_STATS_H

#include "remote/stats.h"

/*
 * Forks. In the child it returns 0, BPFWIRE_STATS in its environment: it goes on to become the tool. The parent passes signals on, waits for it,
 * prints to standard error, and ends as the child did, by the same status or signal: there it does not return. A negative errno before the fork.
 */
int bw_stats_follow(void);
/* The table, longest waits first. */
void bw_stats_print(FILE *to, const struct bw_stats *s);

#endif
