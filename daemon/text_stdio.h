/* SPDX-License-Identifier: Apache-2.0 */
/* bpfwired --text: one session of the text protocol on standard input and output. */
#ifndef BW_DAEMON_TEXT_STDIO_H
#define BW_DAEMON_TEXT_STDIO_H

/* Serves to the end of input, `exit`, or a signal; a terminal is raw meanwhile. The exit status of the program. */
int bw_text_stdio(const char *run_dir);

#endif
