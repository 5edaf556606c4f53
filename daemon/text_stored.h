/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stored file of commands of the text protocol, done with nobody at the other end: bpfwired load. It is a session as any, whose answers go to standard
 * output; but the first command that fails ends it, and then nothing that it pinned stays. A path of BPF_OBJ_PIN that does not begin with a slash lies in the
 * directory that the options name, as what a compiled object pins does.
 */
#ifndef BW_DAEMON_TEXT_STORED_H
#define BW_DAEMON_TEXT_STORED_H

struct bw_load_options;

/* The exit status of the program. */
int bw_text_stored(const struct bw_load_options *o);

#endif
