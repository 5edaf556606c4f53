/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge as the command sees it: does one run, and starting one for this user. */
#ifndef BW_COMMAND_BRIDGE_H
#define BW_COMMAND_BRIDGE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* A bridge that nobody uses ends after this many seconds, if we started it. */
#define BW_BRIDGE_IDLE	"60"

struct bw_bridge {
	pid_t pid;			/* of the bridge that was started */
	char log[PATH_MAX];		/* what it writes to stderr */
	off_t log_start;		/* where its part of the log begins */
};

/* True if a bridge holds DIR/bridge.lock (also if that lock is not ours to read). */
bool bw_bridge_runs(const char *dir);
/* Starts one for dir, detached from this terminal, and does not wait for it. 0, or a negative errno after saying why. */
int bw_bridge_start(const char *dir, struct bw_bridge *out);
/* False once the started bridge has ended (also when it found another one at work). */
bool bw_bridge_alive(const struct bw_bridge *b);
/* The last line that the started bridge wrote, without its name and "\n"; "" if it wrote none. */
void bw_bridge_last_words(const struct bw_bridge *b, char *out, size_t size);

#endif
