/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of the BPFd text protocol (docs/text-protocol.md) and what it says. Pure: nothing here touches the kernel. A command is one row of the
 * table in text_line.c, which says what its arguments look like.
 */
#ifndef BW_DAEMON_TEXT_LINE_H
#define BW_DAEMON_TEXT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buf.h"

/* Without its newline. A program of a million instructions is 11 MB of base64. */
#define BW_TEXT_LINE_MAX	(16u << 20)
#define BW_TEXT_VALUES_MAX	8
#define BW_TEXT_REFUSED		"Command not recognized"

enum bw_text_verb {
	BW_TEXT_NONE,
	BW_TEXT_EXIT,
	BW_TEXT_KALLSYMS, BW_TEXT_BLACKLIST, BW_TEXT_FILTER_FUNCS, BW_TEXT_CATEGORIES, BW_TEXT_EVENTS, BW_TEXT_COMM,
	BW_TEXT_CREATE_MAP, BW_TEXT_PROG_LOAD,
	BW_TEXT_ATTACH_KPROBE, BW_TEXT_DETACH_KPROBE, BW_TEXT_ATTACH_UPROBE, BW_TEXT_DETACH_UPROBE,
	BW_TEXT_ATTACH_TRACEPOINT, BW_TEXT_DETACH_TRACEPOINT, BW_TEXT_ATTACH_PERF_EVENT, BW_TEXT_CLOSE_PERF_EVENT,
	BW_TEXT_OPEN_PERF_BUFFER, BW_TEXT_POLL,
	BW_TEXT_UPDATE, BW_TEXT_LOOKUP, BW_TEXT_FIRST_KEY, BW_TEXT_NEXT_KEY, BW_TEXT_DELETE, BW_TEXT_CLEAR,
	BW_TEXT_KSYM_NAME, BW_TEXT_KSYM_ADDR, BW_TEXT_USYM_NAME, BW_TEXT_USYM_ADDR,
	/* What the original does not have. */
	BW_TEXT_SET_OPTION, BW_TEXT_PROG_LOG, BW_TEXT_LOST, BW_TEXT_PIN, BW_TEXT_OBJ_GET, BW_TEXT_CLOSE,
	BW_TEXT_KSYM_NAMES, BW_TEXT_USYM_NAMES,
	BW_TEXT_VERBS,
};

struct bw_text_value {
	uint64_t num;			/* a number; negative ones as two's complement. Of base64: how many bytes it stands for */
	struct bw_str text;		/* a word, base64 as it came, or the rest of the line; points into the line */
};

struct bw_text_line {
	enum bw_text_verb verb;
	bool named;			/* CREATE_MAP, PROG_LOAD: v[1] is the name, which the 2017 form does not have */
	struct bw_text_value v[BW_TEXT_VALUES_MAX];
};

/*
 * line has no newline; a CR and blanks at its end do not count. 0: *out says what to do; BW_TEXT_NONE for a line of blanks and a
 * comment. -ENOENT: no such command; -EINVAL: its arguments are none.
 */
int bw_text_parse(const char *line, size_t len, struct bw_text_line *out);
/* The next number of a list (a value that is the rest of a line), which is shortened by it. 0, -ENODATA at its end, -EINVAL. */
int bw_text_next(struct bw_str *list, uint64_t *num);

#endif
