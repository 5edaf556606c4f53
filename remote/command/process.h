/* SPDX-License-Identifier: Apache-2.0 */
/* A process of the board as /proc/PID/stat and cmdline tell it (proc(5)). */
#ifndef BW_COMMAND_PROCESS_H
#define BW_COMMAND_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct bw_process {
	uint32_t pid, ppid, uid;
	char state;
	uint64_t ticks;			/* user and system time; USER_HZ is 100 on each architecture that boards have */
	int64_t rss;			/* pages */
	char comm[65];			/* the kernel's are 15 long, but those of its own threads up to 63 */
	const char *cmdline;		/* arguments, each ended by a NUL; not ended itself */
	size_t cmdline_len;		/* 0: a kernel thread or a zombie */
};

/* Fills in all but uid and cmdline. 0 or -EPROTO. */
int bw_process_parse(struct bw_process *p, const char *stat, size_t len);
void bw_process_print_head(FILE *out);
/* One line, escaped. */
void bw_process_print(FILE *out, const struct bw_process *p, uint32_t page_size);

#endif
