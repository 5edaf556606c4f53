/* SPDX-License-Identifier: Apache-2.0 */
/* What a CHECK found, as lines for people and scripts: the same from `bpfwired --check` on the board and from `bpfwire check` over the cable. */
#ifndef BW_PROTOCOL_CHECK_H
#define BW_PROTOCOL_CHECK_H

#include <stdio.h>

#include "protocol/msg.h"

struct bw_check_sum {
	unsigned int count[BW_CHECK_FAIL + 1];	/* by enum bw_verdict */
};

/*
 * Writes "VERDICT ITEM: TEXT", VERDICT being "ok  ", "warn" or "FAIL", and where lines of a kernel configuration would help "; build the kernel with
 * LINES (Kconfig-snippets/FILE)"; counts it in *sum. Bytes that are not printable ASCII become '?': some come from the board.
 */
void bw_check_print(FILE *out, const struct bw_check *c, struct bw_check_sum *sum);
/* The last line: "WHO: N ok, N warnings, N failed: ...". Returns 1 if the main job cannot run, else 0: the exit status. */
int bw_check_print_sum(FILE *out, const char *who, const struct bw_check_sum *sum);

#endif
