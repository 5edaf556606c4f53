/* SPDX-License-Identifier: Apache-2.0 */
/* A line of kprobe_events, uprobe_events or dynamic_events: Documentation/trace/kprobetrace.rst, uprobetracer.rst. */
#ifndef BW_DAEMON_PROBE_LINE_H
#define BW_DAEMON_PROBE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define BW_PROBE_NAME_MAX	192	/* "GROUP/EVENT": each at most MAX_EVENT_NAME_LEN, 64 */

enum bw_probe_kind {
	BW_PROBE_NONE,		/* empty, a comment, or nothing we know how to undo: the kernel's to judge */
	BW_PROBE_NEW,
	BW_PROBE_REMOVE,
};

struct bw_probe_line {
	char name[BW_PROBE_NAME_MAX];	/* "GROUP/EVENT", the kernel's own choice where the line names none */
};

/* line need not end in a newline or NUL; path is the file that it goes to, which decides the default group. */
enum bw_probe_kind bw_probe_parse(const char *line, size_t len, const char *path, struct bw_probe_line *p);
/* Is there an event of this name in the tracefs that path is in? */
bool bw_probe_exists(const char *path, const char *name);

#endif
