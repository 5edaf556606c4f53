/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no descriptor owns. A line written to kprobe_events (uprobe_events, dynamic_events) makes an event that outlives its maker. So before such a
 * line is written, how to undo it is appended to the session's journal file; after the worker has ended, in whatever way, the main
 * process undoes what is in there, and a daemon that starts undoes what it finds of one that was killed. A file whose
 * session still lives is locked (flock) and left alone, so several daemons can share the directory.
 *
 * The file is lines: '+' or '-', path, TAB, text. '+' : writing text to path undoes something; '-' : that one is done with. A last line without
 * its newline was never acted upon. Undone in reverse order. Only the lines a session made are in its file.
 */
#ifndef BW_DAEMON_JOURNAL_H
#define BW_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define BW_RUN_DIR	"/run/bpfwired"

struct bw_undo {
	char *path, *text;
};

struct bw_journal {
	char *file;		/* its path; made at the first entry */
	int fd;			/* -1: not made yet */
	struct bw_undo *undo;
	size_t count, cap;
};

int bw_journal_init(struct bw_journal *j, const char *file);
void bw_journal_fini(struct bw_journal *j);		/* the file stays, for the main process */

/* True if what is written to a file of this path is to be journalled. */
bool bw_journal_watches(const char *path);
/*
 * write(2) of such a file: line by line, each one journalled before. Returns len, or the errno of the first line that failed, as the
 * kernel does; lines before it have been done. -EROFS and the like, with a log line, if the journal cannot be kept: nothing is written then.
 */
ssize_t bw_journal_write(struct bw_journal *j, int fd, const char *path, const char *data, size_t len);

/* Path of the journal of a worker: DIR/PID-SESSION; false if it does not fit. */
bool bw_journal_name(char *out, size_t size, const char *dir, pid_t pid, unsigned int session);
/* Undo what is in the file and remove it. Waits up to about a second for what is still busy. Nothing to do if there is no file. */
void bw_journal_undo(const char *file);
/* Make the directory; undo files in it that nobody holds. The errno of mkdir. */
int bw_journal_recover(const char *dir);

#endif
