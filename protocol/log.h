/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for people, one line each, on stderr: "PROGRAM: TEXT\n". A message names the thing, what was done to it, the cause,
 * and what to do next where there is something to do. Threads: one write(2) a line.
 */
#ifndef BW_PROTOCOL_LOG_H
#define BW_PROTOCOL_LOG_H

enum bw_log_level {
	BW_LOG_ERROR	= 0,	/* what was asked for cannot be done, or was lost */
	BW_LOG_WARN	= 1,	/* it goes on, but something is not as it should be */
	BW_LOG_INFO	= 2,	/* what an operator wants in a journal: boards, sessions, links coming and going; the default */
	BW_LOG_DEBUG	= 3,	/* each request */
};

void bw_log_init(const char *program, enum bw_log_level max);	/* the string is kept */
enum bw_log_level bw_log_level(void);
void bw_log(enum bw_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
